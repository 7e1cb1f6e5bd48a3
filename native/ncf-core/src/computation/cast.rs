//! Changes of a value's type.

use super::arithmetic::is_integer;
use super::range::{Range, pow10};
use crate::error::{Error, Result};
use crate::types::DataType;

/// Most digits of a decimal whose integer part is cut off the same way through a double, as Spark may
/// do it.
const MOST_CUT_DIGITS: u8 = 15;

/// How a cast makes one value of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// The value stays.
    Same,
    /// The unscaled number is multiplied. Booleans are 0 and 1.
    Scale(i128),
    /// The unscaled number is divided, halves away from 0.
    Round(i128),
    /// The unscaled number is divided, towards 0.
    Cut(i128),
    /// The nearest float.
    Float,
    /// The nearest float of an unscaled number with this many digits after the point.
    DecimalToFloat(u8),
    /// Whether the number is not 0.
    NotZero,
    /// The digits of an integer; `true` or `false`.
    Text,
}

/// How to cast.
///
/// # Errors
/// `InvalidArgument` when NCF has no such cast, or it would not give what Spark gives.
pub fn conversion(from: DataType, to: DataType) -> Result<Conversion> {
    use DataType::{Boolean, Decimal, Float32, Float64, Int64, String};
    let found = match (from, to) {
        (a, b) if a == b => Some(Conversion::Same),
        (Float32, Float64) | (Float64, Float32) => Some(Conversion::Float),
        (a, Float32 | Float64) if is_integer(a) || a == Boolean => Some(Conversion::Float),
        (Decimal { scale, .. }, Float32 | Float64) => Some(Conversion::DecimalToFloat(scale)),
        (a, b) if (is_integer(a) || a == Boolean) && is_integer(b) => Some(Conversion::Scale(1)),
        (a, Decimal { scale, .. }) if is_integer(a) => pow10(scale.into()).map(Conversion::Scale),
        (Decimal { scale: a, .. }, Decimal { scale: b, .. }) if a <= b => {
            pow10((b - a).into()).map(Conversion::Scale)
        }
        (Decimal { scale: a, .. }, Decimal { scale: b, .. }) => {
            pow10((a - b).into()).map(Conversion::Round)
        }
        (Decimal { precision, scale }, b)
            if is_integer(b) && (b == Int64 || precision <= MOST_CUT_DIGITS) =>
        {
            pow10(scale.into()).map(Conversion::Cut)
        }
        (a, Boolean) if is_integer(a) => Some(Conversion::NotZero),
        (a, String) if is_integer(a) || a == Boolean => Some(Conversion::Text),
        _ => None,
    };
    found.ok_or_else(|| {
        Error::invalid_argument(format!("no exact cast from {from} to {to}; compute it elsewhere"))
    })
}

impl Conversion {
    /// The numbers that exact numbers become; `None` when they pass 128 bits, or are no exact numbers.
    pub(super) fn range(self, input: Range) -> Option<Range> {
        match self {
            Self::Same => Some(input),
            Self::Scale(factor) => input.scaled(factor),
            Self::Round(divisor) => Some(input.map(|v| divide_half_up(v, divisor))),
            Self::Cut(divisor) => Some(input.map(|v| v / divisor)),
            Self::Float | Self::DecimalToFloat(_) | Self::NotZero | Self::Text => None,
        }
    }

    /// Whether a greater value never becomes a lesser one.
    pub fn is_rising(self) -> bool {
        !matches!(self, Self::NotZero | Self::Text)
    }
}

/// Division by a positive number, halves away from 0.
pub fn divide_half_up(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    // Twice the rest could pass 128 bits.
    if rest.abs() >= divisor - rest.abs() { quotient + value.signum() } else { quotient }
}

/// The double nearest to `unscaled` / 10^`scale`.
pub fn decimal_to_f64(unscaled: i128, scale: u8) -> f64 {
    // Both sides are doubles without loss, so their quotient is the nearest one.
    const MOST_SCALE: u8 = 22;
    let exact = unscaled.unsigned_abs() <= 1 << 53 && scale <= MOST_SCALE;
    if exact {
        return as_f64(unscaled) / 10f64.powi(scale.into());
    }
    format!("{unscaled}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// The float nearest to `unscaled` / 10^`scale`.
pub fn decimal_to_f32(unscaled: i128, scale: u8) -> f32 {
    format!("{unscaled}e-{scale}").parse().unwrap_or(f32::NAN)
}

#[allow(clippy::cast_precision_loss, reason = "callers know that the number has 53 bits")]
fn as_f64(value: i128) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_zero() {
        let cases = [(14, 1), (15, 2), (-14, -1), (-15, -2), (0, 0), (99, 10)];
        for (value, rounded) in cases {
            assert_eq!(divide_half_up(value, 10), rounded, "{value}");
        }
        assert_eq!(divide_half_up(i128::MAX, i128::MAX), 1);
    }

    #[test]
    fn decimals_become_the_nearest_floats() {
        assert_eq!(decimal_to_f64(1, 1).to_bits(), 0.1f64.to_bits());
        let pi = 31_415_926_535_897_932_384_626_433_832i128;
        assert_eq!(decimal_to_f64(pi, 28).to_bits(), std::f64::consts::PI.to_bits());
        assert_eq!(decimal_to_f32(16_777_217, 0).to_bits(), 16_777_216f32.to_bits());
    }

    #[test]
    fn casts_that_spark_computes_otherwise_are_refused() {
        let long = DataType::Decimal { precision: 18, scale: 4 };
        assert!(conversion(long, DataType::Int32).is_err());
        assert!(conversion(long, DataType::Int64).is_ok());
        assert!(conversion(DataType::Float64, DataType::Int32).is_err());
        assert!(conversion(DataType::String, DataType::Int32).is_err());
    }
}
