//! Values from text, exactly: what `--where` literals and `--type` columns are read with. A text
//! that the type cannot hold without loss is refused, never rounded (floats: the nearest float).

use ncf::{DataType, Scalar};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The value of `text` as `data_type`, or why there is none. Binary is read as hexadecimal;
/// timestamps without a zone are UTC.
pub(crate) fn parse_value(text: &str, data_type: DataType) -> Result<Scalar, String> {
    let no = |reason: &str| format!("'{text}' is not a {data_type}: {reason}");
    let integer = || scaled(text, 0).ok_or_else(|| no("write a whole number"));
    let out_of_range = |_| no("it is out of range");
    // Rust reads numbers that are too large as infinite; "inf" and "Infinity" have no digit.
    let says_infinity = !text.bytes().any(|byte| byte.is_ascii_digit());
    Ok(match data_type {
        DataType::Boolean if text.eq_ignore_ascii_case("true") => Scalar::Boolean(true),
        DataType::Boolean if text.eq_ignore_ascii_case("false") => Scalar::Boolean(false),
        DataType::Boolean => return Err(no("write true or false")),
        DataType::Int8 => Scalar::Tinyint(integer()?.try_into().map_err(out_of_range)?),
        DataType::Int16 => Scalar::Smallint(integer()?.try_into().map_err(out_of_range)?),
        DataType::Int32 => Scalar::Int(integer()?.try_into().map_err(out_of_range)?),
        DataType::Int64 => Scalar::Bigint(integer()?.try_into().map_err(out_of_range)?),
        DataType::Float32 => {
            let value: f32 = text.parse().map_err(|_| no("write a number"))?;
            if value.is_infinite() && !says_infinity {
                return Err(no("it is out of range"));
            }
            Scalar::Float(value)
        }
        DataType::Float64 => {
            let value: f64 = text.parse().map_err(|_| no("write a number"))?;
            if value.is_infinite() && !says_infinity {
                return Err(no("it is out of range"));
            }
            Scalar::Double(value)
        }
        DataType::Decimal { precision, scale } => {
            let unscaled = scaled(text, scale).ok_or_else(|| {
                no(&format!("write a number with at most {scale} digits after the point"))
            })?;
            if unscaled.unsigned_abs() >= 10_u128.pow(u32::from(precision)) {
                return Err(no("it has too many digits"));
            }
            Scalar::Decimal { unscaled, precision, scale }
        }
        DataType::String => Scalar::String(text.to_string()),
        DataType::Binary => {
            Scalar::Binary(hex(text).ok_or_else(|| no("write pairs of hexadecimal digits"))?)
        }
        DataType::Date => Scalar::Date(date(text).ok_or_else(|| no("write yyyy-mm-dd"))?),
        DataType::Timestamp | DataType::TimestampNtz => {
            let (micros, has_zone) = timestamp(text)
                .ok_or_else(|| no("write yyyy-mm-dd hh:mm:ss with at most 6 digits of fraction"))?;
            match data_type {
                DataType::Timestamp => Scalar::Timestamp(micros),
                _ if has_zone => return Err(no("leave the time zone away")),
                _ => Scalar::TimestampNtz(micros),
            }
        }
    })
}

/// `text` × 10^`scale` when that is a whole number of at most 38 digits.
pub(crate) fn scaled(text: &str, scale: u8) -> Option<i128> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, exponent) = match body.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if number.trim_matches('.').is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let shift =
        exponent.checked_add(i32::from(scale))?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if value != 0 {
        let factor = 10_i128.checked_pow(shift.unsigned_abs())?;
        value = match shift {
            0.. => value.checked_mul(factor)?,
            _ if value % factor == 0 => value / factor,
            _ => return None,
        };
    }
    Some(if negative { -value } else { value })
}

/// Bytes of pairs of hexadecimal digits.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| {
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
    })
}

/// Days since 1970-01-01 of `[±]yyyy-mm-dd` in the proleptic Gregorian calendar.
pub(crate) fn date(text: &str) -> Option<i32> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = body.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(4..=7).contains(&year.len()) {
        return None;
    }
    let year = sign * i64::from(number(year, 7)?);
    let (month, day) = (i64::from(number(month, 2)?), i64::from(number(day, 2)?));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years start in March here, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let march_to_epoch = 719_468;
    i32::try_from(year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - march_to_epoch).ok()
}

/// Microseconds since the epoch of `date[ |T]hh:mm[:ss[.ffffff]][Z|±hh[:mm]]` or of a date alone,
/// and whether a zone was written.
fn timestamp(text: &str) -> Option<(i64, bool)> {
    let Some((day, time)) = text.split_once([' ', 'T']) else {
        return Some((
            i64::from(date(text)?).checked_mul(SECONDS_PER_DAY * MICROS_PER_SECOND)?,
            false,
        ));
    };
    let (clock, offset) = match time.find(['Z', '+', '-']) {
        Some(at) => {
            let (clock, zone) = time.split_at_checked(at)?;
            (clock, Some(zone_seconds(zone)?))
        }
        None => (time, None),
    };
    let (second, micros) = time_of_day(clock, 6)?;
    let seconds = i64::from(date(day)?) * SECONDS_PER_DAY + second - offset.unwrap_or(0);
    Some((seconds.checked_mul(MICROS_PER_SECOND)?.checked_add(micros)?, offset.is_some()))
}

/// Nanoseconds after midnight of `hh:mm[:ss[.fffffffff]]`.
pub(crate) fn time_nanos(text: &str) -> Option<i64> {
    let (second, nanos) = time_of_day(text, 9)?;
    Some(second * 1_000_000_000 + nanos)
}

/// Seconds after midnight of `hh:mm[:ss[.f…]]`, and the fraction in units of 10^-`digits` seconds.
fn time_of_day(text: &str, digits: usize) -> Option<(i64, i64)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = fraction.trim_end_matches('0');
    let fraction = match fraction.len() {
        0 => 0,
        len if len <= digits => {
            i64::from(number(fraction, digits)?) * 10_i64.pow(u32::try_from(digits - len).ok()?)
        }
        _ => return None,
    };
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |part| number(part, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some((i64::from(hour * 3600 + minute * 60 + second), fraction))
}

fn zone_seconds(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours <= 18 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

fn number(digits: &str, at_most: usize) -> Option<u32> {
    let good = (1..=at_most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if good { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(scaled("12.50", 1), Some(125));
        assert_eq!(scaled("12.55", 1), None);
        assert_eq!(scaled("-1e3", 0), Some(-1000));
        assert_eq!(scaled("1.5e1", 0), Some(15));
        assert_eq!(scaled(".5", 1), Some(5));
        assert_eq!(scaled("5.", 0), Some(5));
        assert_eq!(scaled("0e999999", 0), Some(0));
        for bad in [
            "",
            ".",
            "-",
            "1e",
            "1e999999",
            "1x",
            "--1",
            "1.2.3",
            "170141183460469231731687303715884105728",
        ] {
            assert_eq!(scaled(bad, 2), None, "{bad}");
        }
        let decimal = DataType::Decimal { precision: 4, scale: 2 };
        assert!(parse_value("99.99", decimal).is_ok());
        assert!(parse_value("100", decimal).is_err());
        assert!(parse_value("128", DataType::Int8).is_err());
        assert_eq!(parse_value("-128", DataType::Int8).unwrap(), Scalar::Tinyint(-128));
    }

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2000-02-29"), Some(11_016));
        assert_eq!(date("1900-02-29"), None);
        assert_eq!(date("0001-01-01"), Some(-719_162));
        assert_eq!(date("9999-12-31"), Some(2_932_896));
        for bad in
            ["", "2000", "2000-13-01", "2000-00-01", "2000-01-32", "200-01-01", "2000-01-01-01"]
        {
            assert_eq!(date(bad), None, "{bad}");
        }
        let mut previous = date("1899-12-31").unwrap();
        for year in 1900..2101 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(now) = date(&format!("{year}-{month:02}-{day:02}")) {
                        assert_eq!(now, previous + 1);
                        previous = now;
                    }
                }
            }
        }
    }

    #[test]
    fn timestamps_have_zones_and_fractions() {
        assert_eq!(timestamp("1970-01-01 00:00:01.5"), Some((1_500_000, false)));
        assert_eq!(timestamp("1970-01-01T01:00:00+01:00"), Some((0, true)));
        assert_eq!(timestamp("1970-01-01T00:00:00.000001000Z"), Some((1, true)));
        assert_eq!(timestamp("1970-01-02"), Some((86_400_000_000, false)));
        assert_eq!(timestamp("1969-12-31 23:59"), Some((-60_000_000, false)));
        for bad in [
            "1970-01-01 24:00:00",
            "1970-01-01 00:00:00.0000001",
            "1970-01-01 x",
            "1970-01-01 00:00:00Zx",
        ] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
        assert!(parse_value("1970-01-01 00:00:00Z", DataType::TimestampNtz).is_err());
        assert_eq!(time_nanos("01:02:03.000000004"), Some(3_723_000_000_004));
        assert_eq!(time_nanos("23:59"), Some(86_340_000_000_000));
        for bad in ["", "12", "24:00", "1:2:3.0000000001", "-01:00", "12:00 "] {
            assert_eq!(time_nanos(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_infinity_is_infinite() {
        for data_type in [DataType::Float32, DataType::Float64] {
            for (text, good) in [("inf", true), ("-Infinity", true), ("1e999", false)] {
                assert_eq!(parse_value(text, data_type).is_ok(), good, "{text} {data_type}");
            }
        }
        assert!(parse_value("3.5e38", DataType::Float32).is_err());
        assert!(parse_value("3.5e38", DataType::Float64).is_ok());
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(hex("00fF"), Some(vec![0, 255]));
        assert_eq!(hex(""), Some(vec![]));
        assert_eq!(hex("0"), None);
        assert_eq!(hex("0g"), None);
    }
}
