//! Functions of one number over dense values.

use ncf_core::computation::{ceiling, divide_half_up, pow10};
use ncf_core::{DataType, Error, Function, Result, Values};

use super::conversion::{divided, round_narrow};
use super::numbers::Numbers;

/// What a function makes of numbers of a type; exact ones come in lanes.
pub(super) fn apply(function: &Function, data_type: DataType, values: &Values) -> Result<Values> {
    match (function, values) {
        (Function::Abs, Values::F32(v)) => Ok(Values::F32(v.iter().map(|v| v.abs()).collect())),
        (Function::Abs, Values::F64(v)) => Ok(Values::F64(v.iter().map(|v| v.abs()).collect())),
        (Function::Negate, Values::F32(v)) => Ok(Values::F32(v.iter().map(|v| -v).collect())),
        (Function::Negate, Values::F64(v)) => Ok(Values::F64(v.iter().map(|v| -v).collect())),
        (Function::Ceiling, Values::F64(v)) => {
            Ok(Values::I64(v.iter().map(|v| whole(v.ceil())).collect()))
        }
        (Function::Floor, Values::F64(v)) => {
            Ok(Values::I64(v.iter().map(|v| whole(v.floor())).collect()))
        }
        _ => exact(function, data_type, &Numbers::of_values(values)?),
    }
}

fn exact(function: &Function, data_type: DataType, numbers: &Numbers) -> Result<Values> {
    let scale = match data_type {
        DataType::Decimal { scale, .. } => scale,
        _ => 0,
    };
    let power = |digits: u8| pow10(digits.into()).ok_or_else(|| Error::internal("no such scale"));
    Ok(match function {
        // Rows wrap around only where they are null: their numbers mean nothing.
        Function::Abs => divided(numbers, 1, |v, _| v.wrapping_abs(), |v, _| v.wrapping_abs()),
        Function::Negate => divided(numbers, 1, |v, _| v.wrapping_neg(), |v, _| v.wrapping_neg()),
        Function::Ceiling => {
            let ceiling_narrow =
                |v: i64, by: i64| v.div_euclid(by) + i64::from(v.rem_euclid(by) != 0);
            divided(numbers, power(scale)?, ceiling_narrow, ceiling)
        }
        Function::Floor => divided(numbers, power(scale)?, i64::div_euclid, i128::div_euclid),
        Function::Round { digits } => {
            let divisor = power(scale.saturating_sub(*digits))?;
            divided(numbers, divisor, round_narrow, divide_half_up)
        }
        _ => return Err(Error::internal(format!("{function} is no function of one number"))),
    })
}

#[allow(clippy::cast_possible_truncation, reason = "numbers beyond the type become its ends")]
fn whole(value: f64) -> i64 {
    value as i64
}
