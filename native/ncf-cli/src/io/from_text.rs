//! Columns that a reader yields as text, read as the types that they were given or look like.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, PrimitiveBuilder};
use arrow_array::types::{
    Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType, Float64Array, StringArray};
use arrow_schema::DataType as ArrowType;
use ncf::{DataType, Error, Result, Scalar};

use crate::values::{parse_value, scaled};

/// Text as values of `to`. CSV has made nulls of empty fields already; in JSON `""` is none.
pub(super) fn read_values(text: &StringArray, to: DataType) -> Result<ArrayRef> {
    let value = |text: &str| parse_value(text, to).map_err(Error::corrupt);
    let scalars: Vec<Option<Scalar>> =
        text.iter().map(|text| text.map(value).transpose()).collect::<Result<_>>()?;
    let ty = to.to_arrow();
    macro_rules! primitive {
        ($arrow:ty, $pattern:pat => $value:expr) => {
            numbers::<$arrow>(&scalars, &ty, |scalar| match scalar {
                $pattern => Some($value),
                _ => None,
            })
        };
    }
    Ok(match to {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::new();
            for scalar in &scalars {
                builder.append_option(match scalar {
                    Some(Scalar::Boolean(value)) => Some(*value),
                    _ => None,
                });
            }
            Arc::new(builder.finish())
        }
        DataType::Int8 => primitive!(Int8Type, Scalar::Tinyint(v) => *v),
        DataType::Int16 => primitive!(Int16Type, Scalar::Smallint(v) => *v),
        DataType::Int32 => primitive!(Int32Type, Scalar::Int(v) => *v),
        DataType::Int64 => primitive!(Int64Type, Scalar::Bigint(v) => *v),
        DataType::Float32 => primitive!(Float32Type, Scalar::Float(v) => *v),
        DataType::Float64 => primitive!(Float64Type, Scalar::Double(v) => *v),
        DataType::Date => primitive!(Date32Type, Scalar::Date(v) => *v),
        DataType::Timestamp | DataType::TimestampNtz => {
            primitive!(TimestampMicrosecondType, Scalar::Timestamp(v) | Scalar::TimestampNtz(v) => *v)
        }
        DataType::Decimal { precision: ..=18, .. } => {
            primitive!(Decimal64Type, Scalar::Decimal { unscaled, .. } => i64::try_from(*unscaled).ok()?)
        }
        DataType::Decimal { .. } => {
            primitive!(Decimal128Type, Scalar::Decimal { unscaled, .. } => *unscaled)
        }
        DataType::String => Arc::new(text.clone()),
        DataType::Binary => {
            let mut builder = BinaryBuilder::new();
            for scalar in &scalars {
                builder.append_option(match scalar {
                    Some(Scalar::Binary(value)) => Some(value),
                    _ => None,
                });
            }
            Arc::new(builder.finish())
        }
    })
}

/// Guessed doubles. A column of fractions and long integers looks like doubles, and its integers
/// would come out as others.
pub(super) fn read_doubles(text: &StringArray) -> Result<ArrayRef> {
    let double = |text: &str| match parse_value(text, DataType::Float64) {
        Ok(Scalar::Double(_)) if !is_exact_integer(text).unwrap_or(true) => {
            Err(Error::corrupt(format!(
                "'{text}' would be rounded: the column looks like doubles, which hold integers up to 2^53 only; give its type, as in --type COLUMN=decimal(38,9) or --type COLUMN=string"
            )))
        }
        Ok(Scalar::Double(value)) => Ok(value),
        Ok(_) => Err(Error::internal("a double was read as another type")),
        Err(reason) => Err(Error::corrupt(reason)),
    };
    let values = text.iter().map(|text| text.map(double).transpose());
    Ok(Arc::new(values.collect::<Result<Float64Array>>()?))
}

/// Whether a double holds the integer `text` exactly; `None` when it has a fraction or an exponent.
fn is_exact_integer(text: &str) -> Option<bool> {
    if !text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Some(value) = scaled(text, 0) else { return Some(false) };
    let odd = value.unsigned_abs().checked_shr(value.trailing_zeros()).unwrap_or(0);
    Some(odd < 1 << f64::MANTISSA_DIGITS)
}

fn numbers<T: ArrowPrimitiveType>(
    scalars: &[Option<Scalar>],
    ty: &ArrowType,
    get: impl Fn(&Scalar) -> Option<T::Native>,
) -> ArrayRef {
    let mut builder =
        PrimitiveBuilder::<T>::with_capacity(scalars.len()).with_data_type(ty.clone());
    for scalar in scalars {
        builder.append_option(scalar.as_ref().and_then(&get));
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_a_double_would_round_are_refused() {
        for (text, exact) in [
            ("0", Some(true)),
            ("-9007199254740992", Some(true)),
            ("9007199254740993", Some(false)),
            ("9007199254740994", Some(true)),
            ("+18014398509481984", Some(true)),
            ("18446744073709551615", Some(false)),
            ("1.5", None),
            ("1e300", None),
            ("NaN", None),
        ] {
            assert_eq!(is_exact_integer(text), exact, "{text}");
        }
        let good = StringArray::from(vec![Some("1.5"), None, Some("3"), Some("-inf")]);
        assert_eq!(read_doubles(&good).unwrap().null_count(), 1);
        let error = read_doubles(&StringArray::from(vec!["1.5", "9007199254740993"])).unwrap_err();
        assert_eq!(error.kind(), ncf::ErrorKind::Corrupt);
        assert!(error.message().contains("--type"), "{error}");
    }
}
