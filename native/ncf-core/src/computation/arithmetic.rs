//! Operations on two numbers.

use serde::{Deserialize, Serialize};

use super::range::pow10;
use crate::error::{Error, Result};
use crate::types::DataType;

/// An operation on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/` of floats by a constant other than 0.
    Divide,
    /// `%` of integers, with the sign of the left one.
    Remainder,
}

impl ArithmeticOp {
    /// SQL text.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// How the operands' unscaled values must be multiplied before an operation on them.
///
/// # Errors
/// `InvalidArgument` when the result would lose digits after the point, or types do not fit.
pub fn scale_factors(
    op: ArithmeticOp,
    left: DataType,
    right: DataType,
    result: DataType,
) -> Result<(i128, i128)> {
    let wrong = || {
        Error::invalid_argument(format!(
            "{left} {} {right} does not give {result} exactly; compute it elsewhere",
            op.sql()
        ))
    };
    match (left, right, result) {
        (
            DataType::Decimal { scale: a, .. },
            DataType::Decimal { scale: b, .. },
            DataType::Decimal { scale, .. },
        ) => {
            match op {
                ArithmeticOp::Add | ArithmeticOp::Subtract => {}
                ArithmeticOp::Multiply if a + b == scale => return Ok((1, 1)),
                _ => return Err(wrong()),
            }
            let factor = |s: u8| pow10((scale.checked_sub(s)?).into());
            factor(a).zip(factor(b)).ok_or_else(wrong)
        }
        (a, b, c) if a == b && b == c && fits(op, a) => Ok((1, 1)),
        _ => Err(wrong()),
    }
}

/// Whether an operation is defined for a type other than decimals.
fn fits(op: ArithmeticOp, data_type: DataType) -> bool {
    let float = matches!(data_type, DataType::Float32 | DataType::Float64);
    match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract | ArithmeticOp::Multiply => {
            float || is_integer(data_type)
        }
        ArithmeticOp::Divide => float,
        ArithmeticOp::Remainder => is_integer(data_type),
    }
}

/// Whether a type is one of the integers.
pub(super) fn is_integer(data_type: DataType) -> bool {
    matches!(data_type, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
}
