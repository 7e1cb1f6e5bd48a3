//! Types whose values are all values of another type, so that a column of the one can be read as the
//! other: same value, same order.

use crate::bounds::ColumnBounds;
use crate::field_type::FieldType;
use crate::logical::TYPE_KEY;
use crate::scalar::Scalar;
use crate::schema::Field;
use crate::types::DataType;

/// Microseconds of a day.
const DAY: i128 = 86_400_000_000;

impl DataType {
    /// Whether a column of this type can be read as `wider`: every value is one of `wider`, exactly, by
    /// the table of `docs/spec/format.md`. Only of dates, read as the timestamps of their midnights, the
    /// outermost have none.
    pub fn widens_to(self, wider: Self) -> bool {
        self == wider
            || self.factor(wider).is_some()
            || matches!(wider, Self::Float64 if self.is_exact_in_double())
    }

    fn is_exact_in_double(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Float32)
    }

    /// What the integers that store this type are multiplied by to be those that store `wider`;
    /// `None` where that is no widening.
    pub fn factor(self, wider: Self) -> Option<i128> {
        let digits = match self {
            Self::Int8 => 3,
            Self::Int16 => 5,
            Self::Int32 => 10,
            Self::Int64 => 19,
            _ => 0,
        };
        match (self, wider) {
            (Self::Int8, Self::Int16 | Self::Int32 | Self::Int64)
            | (Self::Int16, Self::Int32 | Self::Int64)
            | (Self::Int32, Self::Int64) => Some(1),
            (_, Self::Decimal { precision, scale }) if digits > 0 => {
                power(scale).filter(|_| precision.checked_sub(scale) >= Some(digits))
            }
            (
                Self::Decimal { precision, scale },
                Self::Decimal { precision: wider_precision, scale: wider_scale },
            ) => {
                let whole = precision.checked_sub(scale)?;
                let fits = wider_precision.checked_sub(wider_scale) >= Some(whole);
                wider_scale.checked_sub(scale).filter(|_| fits).and_then(power)
            }
            (Self::Date, Self::TimestampNtz) => Some(DAY),
            _ => None,
        }
    }
}

/// 10^exponent; `None` over 10^38.
fn power(exponent: u8) -> Option<i128> {
    10i128.checked_pow(exponent.into())
}

impl Scalar {
    /// The same value as one of `wider`; `None` where that is no widening, or `wider` lacks the value.
    pub fn widen(&self, wider: DataType) -> Option<Self> {
        let stored = self.data_type();
        if stored == wider {
            return Some(self.clone());
        }
        let integer = match self {
            Self::Tinyint(v) => i128::from(*v),
            Self::Smallint(v) => i128::from(*v),
            Self::Int(v) | Self::Date(v) => i128::from(*v),
            Self::Bigint(v) => i128::from(*v),
            Self::Decimal { unscaled, .. } => *unscaled,
            Self::Float(v) => {
                return (wider == DataType::Float64).then(|| Self::Double((*v).into()));
            }
            _ => return None,
        };
        if wider == DataType::Float64 && stored.is_exact_in_double() {
            return i32::try_from(integer).ok().map(|v| Self::Double(v.into()));
        }
        let integer = integer.checked_mul(stored.factor(wider)?)?;
        Some(match wider {
            DataType::Int16 => Self::Smallint(integer.try_into().ok()?),
            DataType::Int32 => Self::Int(integer.try_into().ok()?),
            DataType::Int64 => Self::Bigint(integer.try_into().ok()?),
            DataType::TimestampNtz => Self::TimestampNtz(integer.try_into().ok()?),
            DataType::Decimal { precision, scale } => {
                Self::Decimal { unscaled: integer, precision, scale }
            }
            _ => return None,
        })
    }
}

impl ColumnBounds {
    /// The same facts about the column read as `wider`. Widening keeps the order, and null stays null:
    /// a bound of the stored values, widened, bounds the widened ones. One that has no counterpart is
    /// dropped, which says less, never more.
    #[must_use]
    pub fn widen(self, wider: DataType) -> Self {
        let fits =
            |bound: &Option<Scalar>| bound.as_ref().is_none_or(|bound| bound.data_type() == wider);
        if fits(&self.min) && fits(&self.max) {
            return self;
        }
        let widen = |bound: Option<Scalar>| bound.and_then(|bound| bound.widen(wider));
        Self { min: widen(self.min), max: widen(self.max), ..self }
    }
}

impl Field {
    /// Whether values of this field, which is stored, can be read as those of `wanted`. Where a field
    /// stands for another type than the stored one (`ncf.type`), only the same stored type will do.
    pub fn widens_to(&self, wanted: &Self) -> bool {
        match (&self.field_type, &wanted.field_type) {
            (FieldType::Value(stored), FieldType::Value(wider)) => {
                let logical = [self, wanted].iter().any(|f| f.metadata.contains_key(TYPE_KEY));
                stored == wider || (!logical && stored.widens_to(*wider))
            }
            _ => false,
        }
    }

    /// The type that both fields can be read as, with the names and ids of `self`. Structs must have
    /// the same fields in the same order.
    pub fn widest(&self, other: &Self) -> Option<FieldType> {
        let (own, others) = (self.field_type.parts(), other.field_type.parts());
        let same_names = || own.iter().zip(others).all(|(a, b)| a.name == b.name);
        match (&self.field_type, &other.field_type) {
            (FieldType::Value(_), FieldType::Value(_)) => {
                let wider = if self.widens_to(other) { other } else { self };
                return other.widens_to(wider).then(|| wider.field_type.clone());
            }
            (FieldType::Array(_), FieldType::Array(_)) | (FieldType::Map(_), FieldType::Map(_)) => {
            }
            (FieldType::Struct(a), FieldType::Struct(b)) if a.len() == b.len() && same_names() => {}
            _ => return None,
        }
        let mut widest = self.field_type.clone();
        for (part, other) in widest.parts_mut().iter_mut().zip(others) {
            part.field_type = part.widest(other)?;
            part.nullable |= other.nullable;
        }
        Some(widest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    #[test]
    fn only_types_that_hold_every_value_are_wider() {
        use DataType as T;
        for (stored, wider) in [
            (T::Int8, T::Int16),
            (T::Int8, T::Int64),
            (T::Int32, T::Int64),
            (T::Int32, T::Float64),
            (T::Float32, T::Float64),
            (T::Int8, decimal(3, 0)),
            (T::Int16, decimal(7, 2)),
            (T::Int32, decimal(10, 0)),
            (T::Int64, decimal(38, 19)),
            (decimal(9, 2), decimal(12, 4)),
            (decimal(18, 0), decimal(19, 0)),
            (T::Date, T::TimestampNtz),
            (T::String, T::String),
        ] {
            assert!(stored.widens_to(wider), "{stored} to {wider}");
            assert!(stored == wider || !wider.widens_to(stored), "{wider} to {stored}");
        }
        for (stored, wider) in [
            (T::Int64, T::Float64),
            (T::Int32, T::Float32),
            (T::Int32, decimal(10, 1)),
            (T::Int64, decimal(18, 0)),
            (decimal(9, 2), decimal(10, 4)),
            (decimal(9, 2), decimal(12, 1)),
            (T::Date, T::Timestamp),
            (T::Timestamp, T::TimestampNtz),
            (T::Int32, T::String),
            (T::Boolean, T::Int8),
        ] {
            assert!(!stored.widens_to(wider), "{stored} to {wider}");
        }
    }

    #[test]
    fn values_and_bounds_keep_their_order() {
        let ntz = DataType::TimestampNtz;
        assert_eq!(Scalar::Date(-1).widen(ntz), Some(Scalar::TimestampNtz(-86_400_000_000)));
        assert_eq!(Scalar::Date(i32::MAX).widen(ntz), None);
        let cents = Scalar::Decimal { unscaled: -125, precision: 4, scale: 2 };
        let wide = Scalar::Decimal { unscaled: -12_500, precision: 20, scale: 4 };
        assert_eq!(cents.widen(decimal(20, 4)), Some(wide));
        assert_eq!(Scalar::Int(7).widen(DataType::Float64), Some(Scalar::Double(7.0)));
        assert_eq!(Scalar::Bigint(7).widen(DataType::Float64), None);
        let bounds = ColumnBounds {
            min: Some(Scalar::Date(i32::MIN)),
            max: Some(Scalar::Date(1)),
            nulls: Some(2),
            nans: Some(0),
            exact: true,
        };
        let found = bounds.widen(ntz);
        assert_eq!((found.min, found.max), (None, Some(Scalar::TimestampNtz(86_400_000_000))));
        assert_eq!(found.nulls, Some(2));
    }

    fn array(id: u32, data_type: DataType) -> Field {
        let element = Field::new(id + 1, "element", data_type, true);
        Field::new(id, "a", FieldType::Array(Box::new(element)), true)
    }

    #[test]
    fn nested_types_widen_part_by_part() {
        let int = || array(5, DataType::Int32);
        let bigint = || array(5, DataType::Int64);
        assert_eq!(int().widest(&array(7, DataType::Int64)), Some(bigint().field_type));
        assert_eq!(bigint().widest(&array(7, DataType::Int32)), Some(bigint().field_type));
        assert_eq!(bigint().widest(&array(7, DataType::String)), None);
        assert_eq!(bigint().widest(&Field::new(9, "a", DataType::Int64, true)), None);
        assert_eq!(int().widest(&int()), Some(int().field_type));
    }

    #[test]
    fn a_value_that_stands_for_another_is_not_widened() {
        let plain = Field::new(1, "a", DataType::Int32, true);
        let mut months = plain.clone();
        months.metadata.insert(TYPE_KEY.into(), "interval month".into());
        let bigint = Field::new(1, "a", DataType::Int64, true);
        assert!(plain.widens_to(&bigint));
        assert!(!months.widens_to(&bigint));
        assert!(months.widens_to(&months));
        assert_eq!(months.widest(&bigint), None);
        assert_eq!(bigint.widest(&months), None);
        assert_eq!(bigint.widest(&plain), Some(bigint.field_type.clone()));
    }
}
