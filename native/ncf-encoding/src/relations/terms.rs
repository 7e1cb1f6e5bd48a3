//! Terms: what a linear relation adds up, each an integer that follows from one column's value alone.

use ncf_core::{Error, Result, Values};

use super::Divider;

/// A column's value, transformed, times a coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Term {
    /// The column's number.
    pub column: u32,
    /// What is done with its values first.
    pub transform: Transform,
    /// What the outcome is multiplied with.
    pub coefficient: i64,
}

/// An integer from a value. All arithmetic is of 64 bits and wraps; quotients are rounded down, and remainders are not
/// negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transform {
    /// The integer itself.
    Identity,
    /// `x ÷ divisor mod modulus`; a modulus of 0 leaves the quotient as it is. Hours of a day, minutes of `hhmm`.
    Part {
        /// At least 1.
        divisor: u64,
        /// 0 for none.
        modulus: u64,
    },
    /// `x ÷ 100 · 60 + x mod 100`: minutes of a time of day that is written as `hhmm`.
    ClockMinutes,
    /// The year of a date, which `x ÷ divisor` days after 1970-01-01 is.
    Year {
        /// Units of a day, at least 1.
        divisor: u64,
    },
    /// The month, 1 to 12.
    Month {
        /// Units of a day, at least 1.
        divisor: u64,
    },
    /// The day of its month, 1 to 31.
    Day {
        /// Units of a day, at least 1.
        divisor: u64,
    },
    /// A float times `10^digits`, rounded to the nearest integer (half away from 0), at the bounds of 64 bits cut off;
    /// 0 for what is no number.
    Scaled {
        /// 0 to 18.
        digits: u8,
    },
}

/// Powers of ten that floats hold exactly.
const POWERS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];

/// `10^digits`; of more than 18 digits, 1.
pub(crate) fn power_of_ten(digits: u8) -> f64 {
    POWERS.get(usize::from(digits)).copied().unwrap_or(1.0)
}

/// The integer nearest to `value · 10^digits`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "casts of floats saturate, which is what the format says"
)]
pub(crate) fn scaled(value: f64, digits: u8) -> i64 {
    (value * power_of_ten(digits)).round() as i64
}

impl Transform {
    /// The transformed values in `out`, which is emptied first; `Corrupt` for values that it does not take.
    pub(crate) fn apply(self, values: &Values, out: &mut Vec<i64>) -> Result<()> {
        out.clear();
        if let Self::Scaled { digits } = self {
            match values {
                Values::F64(values) => {
                    out.extend(values.iter().map(|value| scaled(*value, digits)))
                }
                Values::F32(values) => {
                    out.extend(values.iter().map(|value| scaled(f64::from(*value), digits)));
                }
                _ => return Err(unfit()),
            }
            return Ok(());
        }
        match values {
            Values::I8(values) => out.extend(values.iter().map(|value| i64::from(*value))),
            Values::I16(values) => out.extend(values.iter().map(|value| i64::from(*value))),
            Values::I32(values) => out.extend(values.iter().map(|value| i64::from(*value))),
            Values::I64(values) => out.extend_from_slice(values),
            _ => return Err(unfit()),
        }
        self.each(out)
    }

    /// Whether its parameters are such as the format allows.
    pub(crate) fn is_valid(self) -> bool {
        let is_long = |number: u64| i64::try_from(number).is_ok();
        match self {
            Self::Identity | Self::ClockMinutes => true,
            Self::Part { divisor, modulus } => divisor > 0 && is_long(divisor) && is_long(modulus),
            Self::Year { divisor } | Self::Month { divisor } | Self::Day { divisor } => {
                divisor > 0 && is_long(divisor)
            }
            Self::Scaled { digits } => digits <= super::MAX_SCALE,
        }
    }

    /// Its number, and its parameters, as stored.
    pub(crate) fn parts(self) -> (u8, [u64; 2]) {
        match self {
            Self::Identity => (0, [0, 0]),
            Self::Part { divisor, modulus } => (1, [divisor, modulus]),
            Self::ClockMinutes => (2, [0, 0]),
            Self::Year { divisor } => (3, [divisor, 0]),
            Self::Month { divisor } => (4, [divisor, 0]),
            Self::Day { divisor } => (5, [divisor, 0]),
            Self::Scaled { digits } => (6, [digits.into(), 0]),
        }
    }

    /// The transform of a number and parameters; `Corrupt` where there is none.
    pub(crate) fn from_parts(kind: u8, [first, second]: [u64; 2]) -> Result<Self> {
        let transform = match kind {
            0 => Self::Identity,
            1 => Self::Part { divisor: first, modulus: second },
            2 => Self::ClockMinutes,
            3 => Self::Year { divisor: first },
            4 => Self::Month { divisor: first },
            5 => Self::Day { divisor: first },
            6 => Self::Scaled { digits: u8::try_from(first).unwrap_or(u8::MAX) },
            _ => return Err(Error::corrupt(format!("a term with transform {kind}"))),
        };
        // One way to store each.
        let known = transform.parts() == (kind, [first, second]) && transform.is_valid();
        let wrong = || Error::corrupt(format!("transform {kind} of {first} and {second}"));
        known.then_some(transform).ok_or_else(wrong)
    }

    fn each(self, values: &mut [i64]) -> Result<()> {
        let wrong = |divisor: u64| Error::corrupt(format!("a divisor of {divisor} in a relation"));
        let by = |divisor: u64| Divider::new(divisor).ok_or_else(|| wrong(divisor));
        match self {
            Self::Identity | Self::Scaled { .. } => {}
            Self::Part { divisor, modulus } => {
                let (quotient, one) = (by(divisor)?, divisor == 1);
                if !one {
                    values.iter_mut().for_each(|value| *value = quotient.floor(*value));
                }
                if modulus > 0 {
                    let (quotient, modulus) = (by(modulus)?, modulus.cast_signed());
                    values.iter_mut().for_each(|value| {
                        let whole = quotient.floor(*value).wrapping_mul(modulus);
                        *value = value.wrapping_sub(whole);
                    });
                }
            }
            Self::ClockMinutes => values.iter_mut().for_each(|value| {
                let hours = value.div_euclid(100).wrapping_mul(60);
                *value = hours.wrapping_add(value.rem_euclid(100));
            }),
            Self::Year { divisor } => of_dates(values, by(divisor)?, |(year, _, _)| year),
            Self::Month { divisor } => of_dates(values, by(divisor)?, |(_, month, _)| month),
            Self::Day { divisor } => of_dates(values, by(divisor)?, |(_, _, day)| day),
        }
        Ok(())
    }

    /// The transform of what is called `name`.
    pub(crate) fn text(self, name: &str) -> String {
        match self {
            Self::Identity => name.to_string(),
            Self::Part { divisor: 1, modulus } => format!("{name} mod {modulus}"),
            Self::Part { divisor, modulus: 0 } => format!("{name} div {divisor}"),
            Self::Part { divisor, modulus } => format!("{name} div {divisor} mod {modulus}"),
            Self::ClockMinutes => format!("minutes({name})"),
            Self::Year { .. } => format!("year({name})"),
            Self::Month { .. } => format!("month({name})"),
            Self::Day { .. } => format!("day({name})"),
            Self::Scaled { digits } => format!("scaled({name}, {digits})"),
        }
    }
}

fn of_dates(values: &mut [i64], divisor: Divider, part: impl Fn((i64, i64, i64)) -> i64) {
    // Dates repeat from row to row.
    let mut last = (0, part(civil(0)));
    for value in values {
        let days = divisor.floor(*value);
        if days != last.0 {
            last = (days, part(civil(days)));
        }
        *value = last.1;
    }
}

/// Year, month and day of the Gregorian calendar, of days after 1970-01-01 (H. Hinnant: chrono-compatible low-level
/// date algorithms, `civil_from_days`). Exact for every number that has a year of 64 bits; all arithmetic wraps.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.wrapping_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era.wrapping_mul(400) + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

fn unfit() -> Error {
    Error::corrupt("a relation refers to a column of a type that it cannot use")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(transform: Transform, values: Vec<i64>) -> Vec<i64> {
        let mut out = Vec::new();
        transform.apply(&Values::I64(values.into()), &mut out).unwrap();
        out
    }

    #[test]
    fn parts_of_times() {
        assert_eq!(
            applied(Transform::ClockMinutes, vec![0, 59, 100, 1259, 2400]),
            [0, 59, 60, 779, 1440]
        );
        let hours = Transform::Part { divisor: 3_600_000_000, modulus: 24 };
        assert_eq!(applied(hours, vec![-1, 0, 86_399_999_999]), [23, 0, 23]);
        assert_eq!(applied(Transform::Part { divisor: 100, modulus: 0 }, vec![1259, -1]), [12, -1]);
        assert_eq!(applied(Transform::Part { divisor: 1, modulus: 100 }, vec![1259, -1]), [59, 99]);
    }

    #[test]
    fn remainders_are_those_of_the_machine() {
        for modulus in [1u64, 7, 60, 1 << 40, u64::MAX >> 1] {
            let values = vec![i64::MIN, i64::MIN + 1, -61, -1, 0, 1, 61, i64::MAX];
            let signed = modulus.cast_signed();
            let expected: Vec<i64> = values.iter().map(|value| value.rem_euclid(signed)).collect();
            assert_eq!(applied(Transform::Part { divisor: 1, modulus }, values), expected);
        }
    }

    #[test]
    fn dates_have_their_parts() {
        let days = vec![-1, 0, 58, 59, 11_016, 19_782, 19_783];
        let part = |transform| applied(transform, days.clone());
        assert_eq!(
            part(Transform::Year { divisor: 1 }),
            [1969, 1970, 1970, 1970, 2000, 2024, 2024]
        );
        assert_eq!(part(Transform::Month { divisor: 1 }), [12, 1, 2, 3, 2, 2, 3]);
        assert_eq!(part(Transform::Day { divisor: 1 }), [31, 1, 28, 1, 29, 29, 1]);
        for extreme in [i64::MIN, i64::MAX] {
            civil(extreme);
        }
    }

    #[test]
    fn floats_become_integers() {
        let mut out = Vec::new();
        let floats = Values::F64(vec![1.005, -2.5, f64::NAN, f64::INFINITY, 12.34].into());
        Transform::Scaled { digits: 2 }.apply(&floats, &mut out).unwrap();
        assert_eq!(out, [100, -250, 0, i64::MAX, 1234]);
        assert!(Transform::Identity.apply(&floats, &mut out).is_err());
        assert!(
            Transform::Part { divisor: 0, modulus: 0 }
                .apply(&Values::I64(vec![1].into()), &mut out)
                .is_err()
        );
    }
}
