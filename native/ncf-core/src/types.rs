//! Logical types and the physical types that store them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, TimeUnit};

use crate::error::{Error, Result};

/// A column's type, with Spark's meaning. The text form (`Display`, `FromStr`) is Spark's DDL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// True or false.
    Boolean,
    /// `tinyint`, 8 bits.
    Int8,
    /// `smallint`, 16 bits.
    Int16,
    /// `int`, 32 bits.
    Int32,
    /// `bigint`, 64 bits.
    Int64,
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 double.
    Float64,
    /// Exact decimal; 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// UTF-8 text.
    String,
    /// Bytes.
    Binary,
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// Microseconds since 1970-01-01T00:00:00 in no time zone.
    TimestampNtz,
}

/// How values of a column lie in memory and in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhysicalType {
    /// One bit.
    Bool,
    /// 8-bit integer.
    I8,
    /// 16-bit integer.
    I16,
    /// 32-bit integer.
    I32,
    /// 64-bit integer.
    I64,
    /// 128-bit integer.
    I128,
    /// Single float.
    F32,
    /// Double float.
    F64,
    /// Bytes of any length.
    Bytes,
}

impl PhysicalType {
    /// Every physical type.
    pub const ALL: [Self; 9] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::I128,
        Self::F32,
        Self::F64,
        Self::Bytes,
    ];

    /// Bytes of one value; `None` for [`PhysicalType::Bool`] (bits) and [`PhysicalType::Bytes`] (any).
    pub fn width(self) -> Option<usize> {
        match self {
            Self::Bool | Self::Bytes => None,
            Self::I8 => Some(1),
            Self::I16 => Some(2),
            Self::I32 | Self::F32 => Some(4),
            Self::I64 | Self::F64 => Some(8),
            Self::I128 => Some(16),
        }
    }

    /// Whether values are integers.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64 | Self::I128)
    }
}

impl DataType {
    /// Whether values of the types compare as they are: the same type, or decimals of one scale.
    pub fn compares_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Decimal { scale: a, .. }, Self::Decimal { scale: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }

    /// How this type is stored. Decimals of up to 18 digits are 64-bit integers.
    pub fn physical(self) -> PhysicalType {
        match self {
            Self::Boolean => PhysicalType::Bool,
            Self::Int8 => PhysicalType::I8,
            Self::Int16 => PhysicalType::I16,
            Self::Int32 | Self::Date => PhysicalType::I32,
            Self::Int64 | Self::Timestamp | Self::TimestampNtz => PhysicalType::I64,
            Self::Decimal { precision, .. } if precision <= 18 => PhysicalType::I64,
            Self::Decimal { .. } => PhysicalType::I128,
            Self::Float32 => PhysicalType::F32,
            Self::Float64 => PhysicalType::F64,
            Self::String | Self::Binary => PhysicalType::Bytes,
        }
    }

    /// The Arrow type that readers return. Decimals are `Decimal64` up to 18 digits, as stored.
    pub fn to_arrow(self) -> ArrowType {
        match self {
            Self::Boolean => ArrowType::Boolean,
            Self::Int8 => ArrowType::Int8,
            Self::Int16 => ArrowType::Int16,
            Self::Int32 => ArrowType::Int32,
            Self::Int64 => ArrowType::Int64,
            Self::Float32 => ArrowType::Float32,
            Self::Float64 => ArrowType::Float64,
            Self::Decimal { precision, scale } if precision <= 18 => {
                ArrowType::Decimal64(precision, scale.cast_signed())
            }
            Self::Decimal { precision, scale } => {
                ArrowType::Decimal128(precision, scale.cast_signed())
            }
            Self::String => ArrowType::Utf8,
            Self::Binary => ArrowType::Binary,
            Self::Date => ArrowType::Date32,
            Self::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::TimestampNtz => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// The type that stores values of an Arrow type, or `Unsupported`, naming it.
    pub fn from_arrow(arrow: &ArrowType) -> Result<Self> {
        Ok(match arrow {
            ArrowType::Boolean => Self::Boolean,
            ArrowType::Int8 => Self::Int8,
            ArrowType::Int16 => Self::Int16,
            ArrowType::Int32 => Self::Int32,
            ArrowType::Int64 => Self::Int64,
            ArrowType::Float32 => Self::Float32,
            ArrowType::Float64 => Self::Float64,
            ArrowType::Decimal32(p, s)
            | ArrowType::Decimal64(p, s)
            | ArrowType::Decimal128(p, s) => {
                Self::decimal(u64::from(*p), u8::try_from(*s).ok().map_or(u64::MAX, u64::from))?
            }
            ArrowType::Utf8 | ArrowType::LargeUtf8 => Self::String,
            ArrowType::Binary | ArrowType::LargeBinary => Self::Binary,
            ArrowType::Date32 => Self::Date,
            ArrowType::Timestamp(TimeUnit::Microsecond, Some(_)) => Self::Timestamp,
            ArrowType::Timestamp(TimeUnit::Microsecond, None) => Self::TimestampNtz,
            other => {
                return Err(Error::unsupported(format!(
                    "type {other} cannot be stored; cast it to one of {SUPPORTED}"
                )));
            }
        })
    }

    fn decimal(precision: u64, scale: u64) -> Result<Self> {
        match (u8::try_from(precision), u8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if s <= p => Ok(Self::Decimal { precision: p, scale: s }),
            _ => Err(Error::unsupported(format!(
                "decimal({precision},{scale}) is not a decimal of 1 to 38 digits with 0 ≤ scale ≤ precision"
            ))),
        }
    }
}

const SUPPORTED: &str = "boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), string, binary, date, timestamp, timestamp_ntz";

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean",
            Self::Int8 => "tinyint",
            Self::Int16 => "smallint",
            Self::Int32 => "int",
            Self::Int64 => "bigint",
            Self::Float32 => "float",
            Self::Float64 => "double",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
            Self::String => "string",
            Self::Binary => "binary",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::TimestampNtz => "timestamp_ntz",
        })
    }
}

impl FromStr for DataType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "boolean" => Self::Boolean,
            "tinyint" => Self::Int8,
            "smallint" => Self::Int16,
            "int" => Self::Int32,
            "bigint" => Self::Int64,
            "float" => Self::Float32,
            "double" => Self::Float64,
            "string" => Self::String,
            "binary" => Self::Binary,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "timestamp_ntz" => Self::TimestampNtz,
            other => {
                let digits = other.strip_prefix("decimal(").and_then(|rest| rest.strip_suffix(')'));
                let parsed = digits
                    .and_then(|digits| digits.split_once(','))
                    .and_then(|(p, s)| Some((p.trim().parse().ok()?, s.trim().parse().ok()?)));
                let Some((precision, scale)) = parsed else {
                    return Err(Error::unsupported(format!(
                        "type {other} is not supported; use one of {SUPPORTED}"
                    )));
                };
                Self::decimal(precision, scale)?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_arrow_forms_round_trip() {
        for text in SUPPORTED.replace("(p,s)", "(12,2)").split(", ") {
            let parsed: DataType = text.parse().unwrap();
            assert_eq!(parsed.to_string(), text);
            assert_eq!(DataType::from_arrow(&parsed.to_arrow()).unwrap(), parsed);
        }
        assert!("decimal(39,0)".parse::<DataType>().is_err());
        assert!("decimal(3,4)".parse::<DataType>().is_err());
        assert!("array<int>".parse::<DataType>().is_err());
    }
}
