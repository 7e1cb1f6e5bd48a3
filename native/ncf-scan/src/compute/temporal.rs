//! Functions of dates and timestamps over dense values.

use ncf_core::computation::calendar;
use ncf_core::{Error, Function, Result, Values, Zone};

use super::numbers::Numbers;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// What a function makes of dates or timestamps; `None` when it is not one of theirs.
pub(super) fn apply(function: &Function, values: &Values) -> Option<Result<Values>> {
    let of_date: fn(i32) -> i32 = match function {
        Function::Year => |day| calendar::date(day).year,
        Function::Quarter => |day| (calendar::date(day).month - 1) / 3 + 1,
        Function::Month => |day| calendar::date(day).month,
        Function::Day => |day| calendar::date(day).day,
        Function::DayOfWeek => calendar::day_of_week,
        Function::DayOfYear => calendar::day_of_year,
        Function::Week => |day| calendar::week(day).1,
        Function::YearOfWeek => |day| calendar::week(day).0,
        Function::Date(zone) => return Some(of_timestamps(zone, values, |day, _| small(day))),
        Function::Hour(zone) => {
            return Some(of_timestamps(zone, values, |_, of_day| small(of_day / (3600 * SECOND))));
        }
        Function::Minute(zone) => {
            return Some(of_timestamps(zone, values, |_, of_day| {
                small(of_day / (60 * SECOND) % 60)
            }));
        }
        Function::Second(zone) => {
            return Some(of_timestamps(zone, values, |_, of_day| small(of_day / SECOND % 60)));
        }
        _ => return None,
    };
    Some(days(values).map(|days| Values::I32(days.iter().map(|day| of_date(*day)).collect())))
}

/// Days added to dates, or between dates: 32 bits that wrap around.
pub(super) fn combine(function: &Function, left: &Values, right: &Values) -> Result<Values> {
    let (left, right) = (days(left)?, days(right)?);
    let pairs = left.iter().zip(&right);
    Ok(Values::I32(match function {
        Function::DateAdd => pairs.map(|(day, more)| day.wrapping_add(*more)).collect(),
        _ => pairs.map(|(a, b)| a.wrapping_sub(*b)).collect(),
    }))
}

fn of_timestamps(zone: &Zone, values: &Values, part: impl Fn(i64, i64) -> i32) -> Result<Values> {
    let Values::I64(micros) = values else {
        return Err(Error::internal("a function of timestamps got other values"));
    };
    let part = |micros: &i64| {
        let (day, of_day) = zone.local(*micros);
        part(day, of_day)
    };
    Ok(Values::I32(micros.iter().map(part).collect()))
}

/// Dates, or numbers of days.
fn days(values: &Values) -> Result<Vec<i32>> {
    if let Values::I32(days) = values {
        return Ok(days.to_vec());
    }
    let numbers = Numbers::of_values(values)?;
    let day = |row| i32::try_from(numbers.get(row)).unwrap_or_default();
    Ok((0..values.len()).map(day).collect())
}

/// Parts of timestamps are small, and so are days in 64 bits of microseconds.
fn small(value: i64) -> i32 {
    i32::try_from(value).unwrap_or_default()
}
