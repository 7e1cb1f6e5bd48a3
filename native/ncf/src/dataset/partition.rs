//! Partition values: text in directory names and logs ⇄ typed scalars.
//!
//! Text forms: integers, decimals and floats in plain notation; `true`/`false`; dates
//! `yyyy-MM-dd`; timestamps `yyyy-MM-dd HH:mm:ss[.ffffff]` in UTC; strings as they are. Binary
//! columns cannot partition.

use std::fmt::Write;

use ncf_core::{DataType, Error, Result, Scalar};

/// Directory text of a null partition value (Hive's).
const NULL_DIRECTORY: &str = "__HIVE_DEFAULT_PARTITION__";
/// Characters that Hive escapes in directory names, besides controls.
const ESCAPED: &str = "\"#%'*/:=?\\\u{7f}{[]^";
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

/// The text of a partition value.
pub fn partition_text(value: &Scalar) -> Result<String> {
    Ok(match value {
        Scalar::Boolean(v) => v.to_string(),
        Scalar::Tinyint(v) => v.to_string(),
        Scalar::Smallint(v) => v.to_string(),
        Scalar::Int(v) => v.to_string(),
        Scalar::Bigint(v) => v.to_string(),
        Scalar::Float(v) => v.to_string(),
        Scalar::Double(v) => v.to_string(),
        Scalar::Decimal { .. } => value.to_string(),
        Scalar::String(v) => v.clone(),
        Scalar::Date(days) => date_text(*days),
        Scalar::Timestamp(micros) | Scalar::TimestampNtz(micros) => timestamp_text(*micros),
        Scalar::Binary(_) => {
            return Err(Error::unsupported("a binary column cannot partition a table"));
        }
    })
}

/// `a=1/b=x` with Hive's escapes: the directory of a partition below `data/`.
pub fn partition_path<'a>(values: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let mut path = String::new();
    for (name, value) in values {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&escape(name));
        path.push('=');
        match value {
            Some(value) if !value.is_empty() => path.push_str(&escape(value)),
            _ => path.push_str(NULL_DIRECTORY),
        }
    }
    path
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

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() || ESCAPED.contains(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
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

/// Days since 1970-01-01 of `yyyy-MM-dd` (H. Hinnant, days_from_civil).
fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let year: i64 = digits(parts.next()?, 4)?;
    let month: i64 = digits(parts.next()?, 2)?;
    let day: i64 = digits(parts.next()?, 2)?;
    let days = days_from_civil(year, month, day);
    let found = i32::try_from(days).ok()?;
    // Rejects days that do not exist: they come back as another date.
    (date_text(found) == text).then_some(found)
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

fn date_text(days: i32) -> String {
    let z = i64::from(days) + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
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
    days.checked_mul(MICROS_PER_DAY)?.checked_add(seconds * 1_000_000 + micros)
}

fn timestamp_text(micros: i64) -> String {
    let days = micros.div_euclid(MICROS_PER_DAY);
    let rest = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let date = date_text(i32::try_from(days).unwrap_or_default());
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 {
        return format!("{date} {clock}");
    }
    format!("{date} {clock}.{fraction:06}").trim_end_matches('0').to_string()
}

fn digits(text: &str, len: usize) -> Option<i64> {
    let fits = text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_round_trip() {
        let samples = [
            Scalar::Int(-5),
            Scalar::Date(20_000),
            Scalar::Date(-1),
            Scalar::Timestamp(1_700_000_000_123_400),
            Scalar::TimestampNtz(-1),
            Scalar::Decimal { unscaled: -1205, precision: 6, scale: 2 },
            Scalar::Boolean(true),
            Scalar::String("a/b=c%".into()),
            Scalar::Double(0.1),
        ];
        for scalar in samples {
            let text = partition_text(&scalar).unwrap();
            assert_eq!(parse_partition_value(&text, scalar.data_type()).unwrap(), scalar, "{text}");
        }
        assert_eq!(date_text(19_782), "2024-02-29");
        assert!(parse_partition_value("2023-02-29", DataType::Date).is_err());
    }

    #[test]
    fn directory_names_round_trip() {
        let path = partition_path([("k", Some("a/b=é%")), ("n", None)].into_iter());
        assert_eq!(path, "k=a%2Fb%3Dé%25/n=__HIVE_DEFAULT_PARTITION__");
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
