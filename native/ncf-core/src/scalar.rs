//! One typed value that is not null; null is `Option::None` beside it.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ordering::{compare_f32, compare_f64};
use crate::types::DataType;

/// A value. Its JSON form is `{"<type>": value}`, e.g. `{"int": 3}`; exact for every value:
/// floats are written as their bits, decimals as text, bytes as numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scalar {
    /// A boolean.
    Boolean(bool),
    /// A `tinyint`.
    Tinyint(i8),
    /// A `smallint`.
    Smallint(i16),
    /// An `int`.
    Int(i32),
    /// A `bigint`.
    Bigint(i64),
    /// A `float`.
    Float(#[serde(with = "bits32")] f32),
    /// A `double`.
    Double(#[serde(with = "bits64")] f64),
    /// A `decimal(precision, scale)`: value = unscaled / 10^scale.
    Decimal {
        /// The digits, without the point.
        #[serde(with = "text128")]
        unscaled: i128,
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// A string.
    String(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since the epoch, UTC.
    Timestamp(i64),
    /// Microseconds since the epoch, no zone.
    TimestampNtz(i64),
}

impl Scalar {
    /// The value's type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Tinyint(_) => DataType::Int8,
            Self::Smallint(_) => DataType::Int16,
            Self::Int(_) => DataType::Int32,
            Self::Bigint(_) => DataType::Int64,
            Self::Float(_) => DataType::Float32,
            Self::Double(_) => DataType::Float64,
            Self::Decimal { precision, scale, .. } => {
                DataType::Decimal { precision: *precision, scale: *scale }
            }
            Self::String(_) => DataType::String,
            Self::Binary(_) => DataType::Binary,
            Self::Date(_) => DataType::Date,
            Self::Timestamp(_) => DataType::Timestamp,
            Self::TimestampNtz(_) => DataType::TimestampNtz,
        }
    }

    /// Order of two values in the order of `docs/spec/format.md`; `None` when the types differ in
    /// more than a decimal's precision.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Tinyint(a), Self::Tinyint(b)) => a.cmp(b),
            (Self::Smallint(a), Self::Smallint(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) | (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Bigint(a), Self::Bigint(b))
            | (Self::Timestamp(a), Self::Timestamp(b))
            | (Self::TimestampNtz(a), Self::TimestampNtz(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => compare_f32(*a, *b),
            (Self::Double(a), Self::Double(b)) => compare_f64(*a, *b),
            (
                Self::Decimal { unscaled: a, scale: s, .. },
                Self::Decimal { unscaled: b, scale: t, .. },
            ) if s == t => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Binary(a), Self::Binary(b)) => a.cmp(b),
            _ => return None,
        })
    }

    /// Whether the value is a NaN.
    pub fn is_nan(&self) -> bool {
        matches!(self, Self::Float(v) if v.is_nan())
            || matches!(self, Self::Double(v) if v.is_nan())
    }
}

/// Equality in the order of [`Scalar::compare`]: −0.0 = 0.0 and NaN = NaN.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(v) => write!(f, "{v}"),
            Self::Tinyint(v) => write!(f, "{v}"),
            Self::Smallint(v) => write!(f, "{v}"),
            Self::Int(v) => write!(f, "{v}"),
            Self::Bigint(v) => write!(f, "{v}"),
            Self::Float(v) => write!(f, "{v}"),
            Self::Double(v) => write!(f, "{v}"),
            Self::Decimal { unscaled, scale, .. } => f.write_str(&decimal_text(*unscaled, *scale)),
            Self::String(v) => write!(f, "'{v}'"),
            Self::Binary(v) => v.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Date(days) => write!(f, "date day {days}"),
            Self::Timestamp(micros) | Self::TimestampNtz(micros) => {
                write!(f, "timestamp µs {micros}")
            }
        }
    }
}

/// `unscaled / 10^scale` in decimal notation, all digits kept.
pub fn decimal_text(unscaled: i128, scale: u8) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
    let sign = if unscaled < 0 { "-" } else { "" };
    match digits.split_at_checked(digits.len() - usize::from(scale)) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits}"),
    }
}

macro_rules! as_text {
    ($module:ident, $type:ty, $text:expr, $parse:expr) => {
        mod $module {
            use serde::{Deserialize, Deserializer, Serializer, de::Error};

            pub(super) fn serialize<S: Serializer>(v: &$type, out: S) -> Result<S::Ok, S::Error> {
                let text: fn(&$type) -> String = $text;
                out.serialize_str(&text(v))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
                let parse: fn(&str) -> Option<$type> = $parse;
                let text = String::deserialize(d)?;
                parse(&text).ok_or_else(|| D::Error::custom(format!("bad number {text}")))
            }
        }
    };
}
as_text!(bits32, f32, |v| format!("{:08x}", v.to_bits()), |t| {
    u32::from_str_radix(t, 16).ok().map(f32::from_bits)
});
as_text!(bits64, f64, |v| format!("{:016x}", v.to_bits()), |t| {
    u64::from_str_radix(t, 16).ok().map(f64::from_bits)
});
as_text!(text128, i128, |v| v.to_string(), |t| t.parse().ok());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_exact() {
        let samples = [
            Scalar::Double(-0.0),
            Scalar::Float(f32::NAN),
            Scalar::Decimal { unscaled: i128::MAX, precision: 38, scale: 4 },
            Scalar::Binary(vec![0, 255]),
            Scalar::TimestampNtz(i64::MIN),
            Scalar::String("é\u{0}".into()),
        ];
        for scalar in samples {
            let json = serde_json::to_string(&scalar).unwrap();
            let back: Scalar = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), json);
            assert_eq!(back, scalar);
        }
        assert_eq!(serde_json::to_string(&Scalar::Int(3)).unwrap(), r#"{"int":3}"#);
        assert_eq!(
            serde_json::to_string(&Scalar::Double(1.5)).unwrap(),
            r#"{"double":"3ff8000000000000"}"#
        );
    }

    #[test]
    fn decimals_print_all_digits() {
        assert_eq!(decimal_text(-5, 2), "-0.05");
        assert_eq!(decimal_text(1234, 2), "12.34");
        assert_eq!(decimal_text(7, 0), "7");
    }
}
