//! Types that a field's metadata names: what the stored values stand for. `docs/spec/format.md`, Logical
//! types, has them all; here are those that Arrow has and Spark lacks, or has only in part.

use std::fmt;
use std::str::FromStr;

use arrow_schema::{DataType as ArrowType, TimeUnit};

use crate::error::{Error, Result};
use crate::field_type::FieldType;
use crate::schema::Field;
use crate::types::DataType;

/// Key of a field's metadata under which the name of its type stands.
pub const TYPE_KEY: &str = "ncf.type";

/// A type that is stored as another one. The text form is its name in metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogicalType {
    /// Unsigned, 8 bits; a `smallint`.
    UInt8,
    /// Unsigned, 16 bits; an `int`.
    UInt16,
    /// Unsigned, 32 bits; a `bigint`.
    UInt32,
    /// Unsigned, 64 bits; a `decimal(20,0)`.
    UInt64,
    /// Time of day with so many digits of a second's fraction, 0 to 9; a `bigint` of nanoseconds.
    Time(u8),
    /// Binary values of so many bytes each.
    Binary(u32),
    /// Arrays of so many elements each.
    Array(u32),
}

impl LogicalType {
    /// The type that a field's metadata names, where the field is stored as that type is.
    pub fn of(field: &Field) -> Option<Self> {
        let named: Self = field.metadata.get(TYPE_KEY)?.parse().ok()?;
        let fits = match (named.storage(), &field.field_type) {
            (Some(storage), FieldType::Value(stored)) => *stored == storage,
            (None, FieldType::Array(_)) => true,
            _ => false,
        };
        fits.then_some(named)
    }

    /// What values are stored as; `None` for arrays, which are stored as arrays.
    pub fn storage(self) -> Option<DataType> {
        Some(match self {
            Self::UInt8 => DataType::Int16,
            Self::UInt16 => DataType::Int32,
            Self::UInt32 | Self::Time(_) => DataType::Int64,
            Self::UInt64 => DataType::Decimal { precision: 20, scale: 0 },
            Self::Binary(_) => DataType::Binary,
            Self::Array(_) => return None,
        })
    }

    /// The Arrow type of values; `None` for arrays, whose Arrow type holds that of their element.
    pub fn to_arrow(self) -> Option<ArrowType> {
        Some(match self {
            Self::UInt8 => ArrowType::UInt8,
            Self::UInt16 => ArrowType::UInt16,
            Self::UInt32 => ArrowType::UInt32,
            Self::UInt64 => ArrowType::UInt64,
            Self::Time(0) => ArrowType::Time32(TimeUnit::Second),
            Self::Time(1..=3) => ArrowType::Time32(TimeUnit::Millisecond),
            Self::Time(4..=6) => ArrowType::Time64(TimeUnit::Microsecond),
            Self::Time(_) => ArrowType::Time64(TimeUnit::Nanosecond),
            Self::Binary(bytes) => ArrowType::FixedSizeBinary(i32::try_from(bytes).ok()?),
            Self::Array(_) => return None,
        })
    }

    /// The type that stands for an Arrow type of values or of arrays, if one does.
    pub fn from_arrow(arrow: &ArrowType) -> Option<Self> {
        Some(match arrow {
            ArrowType::UInt8 => Self::UInt8,
            ArrowType::UInt16 => Self::UInt16,
            ArrowType::UInt32 => Self::UInt32,
            ArrowType::UInt64 => Self::UInt64,
            ArrowType::Time32(TimeUnit::Second) => Self::Time(0),
            ArrowType::Time32(TimeUnit::Millisecond) => Self::Time(3),
            ArrowType::Time64(TimeUnit::Microsecond) => Self::Time(6),
            ArrowType::Time64(TimeUnit::Nanosecond) => Self::Time(9),
            ArrowType::FixedSizeBinary(bytes) => Self::Binary(u32::try_from(*bytes).ok()?),
            ArrowType::FixedSizeList(_, elements) => Self::Array(u32::try_from(*elements).ok()?),
            _ => return None,
        })
    }
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UInt8 => f.write_str("uint8"),
            Self::UInt16 => f.write_str("uint16"),
            Self::UInt32 => f.write_str("uint32"),
            Self::UInt64 => f.write_str("uint64"),
            Self::Time(digits) => write!(f, "time({digits})"),
            Self::Binary(bytes) => write!(f, "binary({bytes})"),
            Self::Array(elements) => write!(f, "array({elements})"),
        }
    }
}

impl FromStr for LogicalType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::unsupported(format!("the logical type '{text}' is not known"));
        let (name, parameter) = match text.strip_suffix(')').and_then(|n| n.split_once('(')) {
            Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (name, Some(digits.parse::<u32>().map_err(|_| unknown())?))
            }
            Some(_) => return Err(unknown()),
            None => (text, None),
        };
        Ok(match (name, parameter) {
            ("uint8", None) => Self::UInt8,
            ("uint16", None) => Self::UInt16,
            ("uint32", None) => Self::UInt32,
            ("uint64", None) => Self::UInt64,
            ("time", Some(digits @ 0..=9)) => {
                Self::Time(u8::try_from(digits).map_err(|_| unknown())?)
            }
            ("binary", Some(bytes)) => Self::Binary(bytes),
            ("array", Some(elements)) => Self::Array(elements),
            _ => return Err(unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_arrow_types_round_trip() {
        use LogicalType as L;
        let all = [
            L::UInt8,
            L::UInt16,
            L::UInt32,
            L::UInt64,
            L::Time(0),
            L::Time(3),
            L::Time(6),
            L::Time(9),
            L::Binary(16),
            L::Array(768),
        ];
        for logical in all {
            assert_eq!(logical.to_string().parse::<L>().unwrap(), logical);
            if let Some(arrow) = logical.to_arrow() {
                assert_eq!(L::from_arrow(&arrow), Some(logical));
            }
        }
        for bad in ["", "uint", "uint8(1)", "time", "time(10)", "time()", "binary(-1)", "array(x)"]
        {
            assert!(bad.parse::<L>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_counts_only_over_its_own_storage() {
        let mut field = Field::new(1, "a", DataType::Int16, true);
        field.metadata.insert(TYPE_KEY.into(), "uint8".into());
        assert_eq!(LogicalType::of(&field), Some(LogicalType::UInt8));
        field.field_type = DataType::String.into();
        assert_eq!(LogicalType::of(&field), None);
    }
}
