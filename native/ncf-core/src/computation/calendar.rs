//! Dates of the proleptic Gregorian calendar by their day since 1970-01-01.

/// A date's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Year; 0 is the one before 1.
    pub year: i32,
    /// Month, from 1.
    pub month: i32,
    /// Day of the month, from 1.
    pub day: i32,
}

/// Days of 400 years, after which the calendar repeats.
const CYCLE: i64 = 146_097;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// The date of a day. Years begin in March here, so that the leap day is a year's last: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
#[inline]
pub fn date(day: i32) -> Date {
    let shifted = i64::from(day) + EPOCH;
    let (cycle, of_cycle) = (shifted.div_euclid(CYCLE), shifted.rem_euclid(CYCLE));
    let year = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Date { year: small(cycle * 400 + year + carry), month: small(month), day: small(day) }
}

/// The day of the year, from 1.
#[inline]
pub fn day_of_year(day: i32) -> i32 {
    let Date { year, .. } = date(day);
    small(i64::from(day) - first_of_january(year) + 1)
}

/// The day of the week, from Monday = 1.
#[inline]
pub fn day_of_week(day: i32) -> i32 {
    small((i64::from(day) + 3).rem_euclid(7) + 1)
}

/// The ISO 8601 year and week of a day: a week belongs to the year of its Thursday.
#[inline]
pub fn week(day: i32) -> (i32, i32) {
    let thursday = i64::from(day) + 4 - i64::from(day_of_week(day));
    let thursday = i32::try_from(thursday).unwrap_or(day);
    (date(thursday).year, (day_of_year(thursday) - 1) / 7 + 1)
}

fn first_of_january(year: i32) -> i64 {
    let before = i64::from(year) - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    // 0001-01-01 is day −719162.
    before * 365 + leap_days - 719_162
}

/// Parts of dates are small: a 32-bit day is less than six million years away.
fn small(part: i64) -> i32 {
    i32::try_from(part).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other() {
        let leap = |year: i32| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let mut want = Date { year: -401, month: 1, day: 1 };
        let mut day_of_this_year = 1;
        let first = i32::try_from(first_of_january(-401)).unwrap();
        for day in first..first + 3 * 146_097 {
            assert_eq!(date(day), want, "{day}");
            assert_eq!(day_of_year(day), day_of_this_year, "{want:?}");
            let lengths = [31, 28 + i32::from(leap(want.year)), 31, 30, 31, 30];
            let lengths = lengths.into_iter().chain([31, 31, 30, 31, 30, 31]);
            let length = lengths.collect::<Vec<_>>()[(want.month - 1) as usize];
            (want.day, day_of_this_year) = (want.day + 1, day_of_this_year + 1);
            if want.day > length {
                (want.day, want.month) = (1, want.month + 1);
            }
            if want.month > 12 {
                (want.month, want.year, day_of_this_year) = (1, want.year + 1, 1);
            }
        }
    }

    #[test]
    fn known_days() {
        assert_eq!(date(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(day_of_week(0), 4);
        assert_eq!(date(i32::MAX).year, 5_881_580);
        assert_eq!(date(i32::MIN).year, -5_877_641);
        // 2020-12-31, 2021-01-03, 2021-01-04, 2018-12-31.
        assert_eq!(
            [18_627, 18_630, 18_631, 17_896].map(week),
            [(2020, 53), (2020, 53), (2021, 1), (2019, 1)]
        );
    }
}
