//! Casts over dense values.

use arrow_buffer::ScalarBuffer;
use ncf_core::computation::{Conversion, decimal_to_f32, decimal_to_f64, divide_half_up};
use ncf_core::{DataType, Error, Result, Values};

use super::numbers::Numbers;
use super::text::strings;

/// Values of type `from` as `to`; exact numbers come in lanes. [`Conversion::Scale`] is arithmetic.
pub(super) fn convert(
    conversion: Conversion,
    from: DataType,
    to: DataType,
    values: &Values,
) -> Result<Values> {
    match (conversion, values) {
        (Conversion::Same, _) => Ok(values.clone()),
        (Conversion::Float, Values::F32(v)) => {
            Ok(Values::F64(v.iter().map(|v| f64::from(*v)).collect()))
        }
        (Conversion::Float, Values::F64(v)) => {
            Ok(Values::F32(v.iter().map(|v| nearest(*v)).collect()))
        }
        _ => of_numbers(conversion, from, to, &Numbers::of_values(values)?, values.len()),
    }
}

fn of_numbers(
    conversion: Conversion,
    from: DataType,
    to: DataType,
    numbers: &Numbers,
    len: usize,
) -> Result<Values> {
    let all = || (0..len).map(|row| numbers.get(row));
    Ok(match conversion {
        Conversion::Round(divisor) => divided(numbers, divisor, round_narrow, divide_half_up),
        Conversion::Cut(divisor) => divided(numbers, divisor, |v, by| v / by, |v, by| v / by),
        Conversion::NotZero => Values::Bool(all().map(|v| v != 0).collect()),
        Conversion::Text if from == DataType::Boolean => {
            strings(all().map(|v| if v == 0 { "false" } else { "true" }))?
        }
        Conversion::Text => strings(all().map(|v| v.to_string()))?,
        Conversion::Float if to == DataType::Float32 => match numbers {
            Numbers::Narrow(v) => Values::F32(v.iter().map(|v| nearest_f32(*v)).collect()),
            _ => Values::F32(all().map(|v| decimal_to_f32(v, 0)).collect()),
        },
        Conversion::Float => match numbers {
            Numbers::Narrow(v) => Values::F64(v.iter().map(|v| nearest_f64(*v)).collect()),
            _ => Values::F64(all().map(|v| decimal_to_f64(v, 0)).collect()),
        },
        Conversion::DecimalToFloat(scale) if to == DataType::Float32 => {
            Values::F32(all().map(|v| decimal_to_f32(v, scale)).collect())
        }
        Conversion::DecimalToFloat(scale) => {
            Values::F64(all().map(|v| decimal_to_f64(v, scale)).collect())
        }
        Conversion::Same | Conversion::Scale(_) => {
            return Err(Error::internal("this cast is no conversion of values"));
        }
    })
}

/// Quotients by a positive number, in 64 bits where the numbers have no more.
pub(super) fn divided(
    numbers: &Numbers,
    divisor: i128,
    narrow: impl Fn(i64, i64) -> i64,
    wide: impl Fn(i128, i128) -> i128,
) -> Values {
    match (numbers, i64::try_from(divisor)) {
        (Numbers::Narrow(v), Ok(divisor)) => {
            Values::I64(v.iter().map(|v| narrow(*v, divisor)).collect())
        }
        (Numbers::Narrow(v), Err(_)) => {
            Values::I128(v.iter().map(|v| wide((*v).into(), divisor)).collect())
        }
        (Numbers::Wide(v), _) => Values::I128(v.iter().map(|v| wide(*v, divisor)).collect()),
        (Numbers::One(v), _) => Values::I128(ScalarBuffer::from(vec![wide(*v, divisor)])),
    }
}

/// [`divide_half_up`] in 64 bits.
pub(super) fn round_narrow(value: i64, divisor: i64) -> i64 {
    let (quotient, rest) = (value / divisor, value % divisor);
    if rest.abs() >= divisor - rest.abs() { quotient + value.signum() } else { quotient }
}

#[allow(clippy::cast_possible_truncation, reason = "the nearest float is what the cast means")]
fn nearest(value: f64) -> f32 {
    value as f32
}

#[allow(clippy::cast_precision_loss, reason = "the nearest float is what the cast means")]
fn nearest_f64(value: i64) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss, reason = "the nearest float is what the cast means")]
fn nearest_f32(value: i64) -> f32 {
    value as f32
}
