//! Partition values: from text in directory names and logs to typed scalars.
//!
//! Text forms: integers, decimals and floats in plain notation; `true`/`false`; dates
//! `[±]yyyy-MM-dd`; timestamps `[±]yyyy-MM-dd HH:mm:ss[.ffffff]` in UTC, with 4 to 7 digits for the
//! year; strings as they are. Binary columns cannot partition.

use std::collections::BTreeMap;

use ncf_core::{DataType, Error, Result, ResultExt, Scalar, Schema};

/// Directory text of a null partition value (Hive's).
const NULL_DIRECTORY: &str = "__HIVE_DEFAULT_PARTITION__";
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A partition value from its text.
pub fn parse_partition_value(text: &str, data_type: DataType) -> Result<Scalar> {
    let parsed = match data_type {
        DataType::Boolean => text.parse().ok().map(Scalar::Boolean),
        DataType::Int8 => text.parse().ok().map(Scalar::Tinyint),
        DataType::Int16 => text.parse().ok().map(Scalar::Smallint),
        DataType::Int32 => text.parse().ok().map(Scalar::Int),
        DataType::Int64 => text.parse().ok().map(Scalar::Bigint),
        DataType::Float32 => text.parse().ok().map(Scalar::Float),
        DataType::Float64 => text.parse().ok().map(Scalar::Double),
        DataType::Decimal { precision, scale } => parse_decimal(text, precision, scale),
        DataType::String => Some(Scalar::String(text.to_string())),
        DataType::Date => parse_date(text).map(Scalar::Date),
        DataType::Timestamp => parse_timestamp(text).map(Scalar::Timestamp),
        DataType::TimestampNtz => parse_timestamp(text).map(Scalar::TimestampNtz),
        DataType::Binary => None,
    };
    parsed.ok_or_else(|| {
        Error::invalid_argument(format!("the partition value '{text}' is not a {data_type}"))
    })
}

/// Values of the partition columns of a file, by name; `None` = null.
type Values = BTreeMap<String, Option<String>>;

/// Checks that every value can be read back as the type of its column in `schema`.
pub(super) fn check_values<'a>(
    schema: &Schema,
    files: impl Iterator<Item = (&'a str, &'a Values)>,
) -> Result<()> {
    for (file, values) in files {
        for (name, text) in values {
            let field = schema.field(name).at("file", || file)?;
            let data_type = field.data_type()?;
            let value = text.as_deref().map(|text| parse_partition_value(text, data_type));
            value.transpose().at("column", || name).at("file", || file)?;
        }
    }
    Ok(())
}

/// `Unsupported` unless the columns called `names` can partition: each value must have a text.
pub(super) fn check_columns(schema: &Schema, names: &[String]) -> Result<()> {
    for name in names {
        if schema.field(name)?.data_type()? == DataType::Binary {
            return Err(Error::unsupported(
                "a binary column cannot partition a table; partition by another, or store it as a string",
            )
            .with("column", name));
        }
    }
    Ok(())
}

/// Checks values that name a partition: each is compared as text with those of files, so equal values
/// of its column must have one text.
pub(super) fn check_name(schema: &Schema, values: &Values) -> Result<()> {
    for (name, text) in values {
        let data_type = schema.field(name)?.data_type()?;
        if matches!(data_type, DataType::Float32 | DataType::Float64) {
            return Err(Error::unsupported(format!(
                "values of type {data_type} cannot name a partition to replace; overwrite the table instead"
            ))
            .with("column", name));
        }
        let value = text.as_deref().map(|text| parse_partition_value(text, data_type));
        value.transpose().at("column", || name)?;
    }
    Ok(())
}

/// The value in a directory name.
pub(super) fn directory_value(text: &str) -> Option<String> {
    (text != NULL_DIRECTORY).then(|| unescape(text))
}

/// Undoes Hive's percent escapes; anything that is not one stays.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The narrowest type that holds all texts, as Spark infers it; `None` when there are none. Two
/// differences: times get the type without a zone, since directory names carry none, and whole numbers
/// beyond 64 bits stay strings.
pub(super) fn infer_type(texts: impl Iterator<Item = String>) -> Option<DataType> {
    const CANDIDATES: [DataType; 6] = [
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        DataType::Date,
        DataType::TimestampNtz,
        DataType::String,
    ];
    let mut possible = CANDIDATES.to_vec();
    let mut any = false;
    for text in texts {
        any = true;
        possible.retain(|data_type| match data_type {
            DataType::Float64 => is_inferred_double(&text),
            other => parse_partition_value(&text, *other).is_ok(),
        });
    }
    if any { possible.first().copied() } else { None }
}

/// Whether a text counts as a double: doubles hold no other whole numbers exactly than those of 32 bits.
fn is_inferred_double(text: &str) -> bool {
    let number = text.bytes().any(|byte| byte.is_ascii_digit())
        || matches!(text, "NaN" | "Infinity" | "-Infinity");
    let whole = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
    number && text.parse::<f64>().is_ok() && (!whole || text.parse::<i32>().is_ok())
}

fn parse_decimal(text: &str, precision: u8, scale: u8) -> Option<Scalar> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > usize::from(scale) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if whole.trim_start_matches(['+', '-']).is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = format!("{whole}{fraction:0<width$}", width = usize::from(scale));
    let unscaled: i128 = digits.parse().ok()?;
    let limit = 10u128.checked_pow(precision.into())?;
    (unscaled.unsigned_abs() < limit).then_some(Scalar::Decimal { unscaled, precision, scale })
}

/// Days since 1970-01-01 of `[±]yyyy-MM-dd`, 4 to 7 digits for the year (H. Hinnant, days_from_civil).
fn parse_date(text: &str) -> Option<i32> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = unsigned.splitn(3, '-');
    let year = parts.next().filter(|year| (4..=7).contains(&year.len()))?;
    let year = sign * digits(year, year.len())?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if !(1..=days_of_month(year, month)?).contains(&day) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, day)).ok()
}

fn days_of_month(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => Some(if leap { 29 } else { 28 }),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn parse_timestamp(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let days = i64::from(parse_date(date)?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.splitn(3, ':');
    let hour: i64 = digits(parts.next()?, 2).filter(|h| *h < 24)?;
    let minute: i64 = digits(parts.next()?, 2).filter(|m| *m < 60)?;
    let second: i64 = digits(parts.next()?, 2).filter(|s| *s < 60)?;
    if fraction.len() > 6 {
        return None;
    }
    let micros: i64 = digits(&format!("{fraction:0<6}"), 6)?;
    let seconds = (hour * 60 + minute) * 60 + second;
    // Wide: the first day of all begins before the first microsecond.
    let total = i128::from(days) * i128::from(MICROS_PER_DAY);
    i64::try_from(total + i128::from(seconds * 1_000_000 + micros)).ok()
}

fn digits(text: &str, len: usize) -> Option<i64> {
    let fits = text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_spark_are_read() {
        let decimal = DataType::Decimal { precision: 6, scale: 2 };
        let (day, ntz) = (86_400_000_000, DataType::TimestampNtz);
        for (text, data_type, wanted) in [
            ("-5", DataType::Int32, Scalar::Int(-5)),
            ("2024-10-04", DataType::Date, Scalar::Date(20_000)),
            ("1969-12-31", DataType::Date, Scalar::Date(-1)),
            ("2024-02-29", DataType::Date, Scalar::Date(19_782)),
            ("0000-01-01", DataType::Date, Scalar::Date(-719_528)),
            ("+10000-01-01", DataType::Date, Scalar::Date(2_932_897)),
            ("-0001-12-31", DataType::Date, Scalar::Date(-719_529)),
            ("+5881580-07-11", DataType::Date, Scalar::Date(i32::MAX)),
            ("-5877641-06-23", DataType::Date, Scalar::Date(i32::MIN)),
            ("1969-12-31 23:59:59.999999", ntz, Scalar::TimestampNtz(-1)),
            ("+10000-01-01 00:00:00", ntz, Scalar::TimestampNtz(2_932_897 * day)),
            ("-0001-12-31 00:00:00.5", ntz, Scalar::TimestampNtz(-719_529 * day + 500_000)),
            ("-290308-12-21 19:59:05.224192", DataType::Timestamp, Scalar::Timestamp(i64::MIN)),
            ("+294247-01-10 04:00:54.775807", DataType::Timestamp, Scalar::Timestamp(i64::MAX)),
            ("-12.05", decimal, Scalar::Decimal { unscaled: -1205, precision: 6, scale: 2 }),
            ("true", DataType::Boolean, Scalar::Boolean(true)),
            ("a/b=c%", DataType::String, Scalar::String("a/b=c%".into())),
            ("1.0E10", DataType::Float64, Scalar::Double(1e10)),
            ("-Infinity", DataType::Float32, Scalar::Float(f32::NEG_INFINITY)),
        ] {
            assert_eq!(parse_partition_value(text, data_type).unwrap(), wanted, "{text}");
        }
        for (text, data_type) in [
            ("2023-02-29", DataType::Date),
            ("1900-02-29", DataType::Date),
            ("2024-04-31", DataType::Date),
            ("2024-13-01", DataType::Date),
            ("2024-01-00", DataType::Date),
            ("+5881580-07-12", DataType::Date),
            ("+-2024-01-01", DataType::Date),
            ("12345678-01-01", DataType::Date),
            ("+294247-01-10 04:00:54.775808", DataType::Timestamp),
            ("x", DataType::Binary),
        ] {
            assert!(parse_partition_value(text, data_type).is_err(), "{text}");
        }
    }

    #[test]
    fn directory_names_are_unescaped() {
        assert_eq!(directory_value("a%2Fb%3Dé%25").as_deref(), Some("a/b=é%"));
        assert_eq!(directory_value(NULL_DIRECTORY), None);
        assert_eq!(unescape("100%"), "100%");
    }

    #[test]
    fn types_are_inferred_narrowly() {
        let infer = |texts: &[&str]| infer_type(texts.iter().map(ToString::to_string));
        assert_eq!(infer(&["1", "2"]), Some(DataType::Int32));
        assert_eq!(infer(&["1", "3000000000"]), Some(DataType::Int64));
        assert_eq!(infer(&["2024-01-01"]), Some(DataType::Date));
        assert_eq!(infer(&["1", "x"]), Some(DataType::String));
        assert_eq!(infer(&["1", "2.5", "-1e9", "NaN"]), Some(DataType::Float64));
        assert_eq!(infer(&["3000000000", "2.5"]), Some(DataType::String));
        assert_eq!(infer(&["99999999999999999999"]), Some(DataType::String));
        assert_eq!(infer(&["nan", "inf"]), Some(DataType::String));
        assert_eq!(infer(&["2024-01-01 10:00:00", "2024-01-02"]), Some(DataType::TimestampNtz));
        assert_eq!(infer(&[]), None);
    }
}
