//! Values computed from columns. They travel as JSON between the
//! driver, the executors and Rust, like [`crate::predicate`].
//!
//! Types follow Spark's rules, which depend on its settings: whoever makes a computation states the
//! type of each step, and [`Computation::proof`] shows that no step can leave it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounds::ColumnBounds;
use crate::error::{Error, Result};
use crate::path::FieldPath;
use crate::predicate::Expression;
use crate::scalar::Scalar;
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
}

impl ArithmeticOp {
    /// SQL text.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
        }
    }
}

/// A value that is computed in every row; null when a part of it is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Computation {
    /// A column, or a constant.
    Value(Expression),
    /// Two numbers of one type (decimals: of any precision and scale) give a third.
    Arithmetic {
        /// What is done.
        op: ArithmeticOp,
        /// The left operand.
        left: Box<Computation>,
        /// The right operand.
        right: Box<Computation>,
        /// Type of the result. A decimal has all digits after the point that the exact result has.
        #[serde(with = "type_text")]
        data_type: DataType,
    },
    /// A number in a wider type.
    Cast {
        /// The number.
        input: Box<Computation>,
        /// The wider type.
        #[serde(with = "type_text")]
        data_type: DataType,
    },
}

/// The least and greatest number that a computation can give, unscaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Least.
    pub min: i128,
    /// Greatest.
    pub max: i128,
}

impl Range {
    /// All integers or unscaled decimals of a type; `None` for types without either.
    pub fn of(data_type: DataType) -> Option<Self> {
        let symmetric = |max: i128| Self { min: -max, max };
        Some(match data_type {
            DataType::Int8 => Self { min: i8::MIN.into(), max: i8::MAX.into() },
            DataType::Int16 => Self { min: i16::MIN.into(), max: i16::MAX.into() },
            DataType::Int32 => Self { min: i32::MIN.into(), max: i32::MAX.into() },
            DataType::Int64 => Self { min: i64::MIN.into(), max: i64::MAX.into() },
            DataType::Decimal { precision, .. } => symmetric(pow10(precision.into())? - 1),
            _ => return None,
        })
    }

    /// The greatest distance from 0.
    pub fn magnitude(self) -> u128 {
        self.min.unsigned_abs().max(self.max.unsigned_abs())
    }

    /// Whether every number of `self` is one of `other`.
    pub fn within(self, other: Self) -> bool {
        other.min <= self.min && self.max <= other.max
    }

    /// All results of an operation; `None` when they pass 128 bits.
    pub fn apply(self, op: ArithmeticOp, other: Self) -> Option<Self> {
        let bounds = |a: Option<i128>, b: Option<i128>| Some(Self { min: a?, max: b? });
        match op {
            ArithmeticOp::Add => {
                bounds(self.min.checked_add(other.min), self.max.checked_add(other.max))
            }
            ArithmeticOp::Subtract => {
                bounds(self.min.checked_sub(other.max), self.max.checked_sub(other.min))
            }
            ArithmeticOp::Multiply => {
                let corners = [
                    self.min.checked_mul(other.min)?,
                    self.min.checked_mul(other.max)?,
                    self.max.checked_mul(other.min)?,
                    self.max.checked_mul(other.max)?,
                ];
                bounds(corners.into_iter().min(), corners.into_iter().max())
            }
        }
    }

    fn scaled(self, factor: i128) -> Option<Self> {
        Some(Self { min: self.min.checked_mul(factor)?, max: self.max.checked_mul(factor)? })
    }
}

/// Whether a computation can leave the types of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It may: overflow has to be expected.
    Open,
    /// It cannot: it is of floats, which have no such limits, or computes nothing.
    Unlimited,
    /// It cannot: all numbers that it gives are known to be in a range.
    Within(Range),
}

impl Proof {
    fn of(found: Option<Range>, data_type: DataType) -> Self {
        match (found, Range::of(data_type)) {
            (Some(range), Some(whole)) if range.within(whole) => Self::Within(range),
            _ => Self::Open,
        }
    }
}

/// 10 to a power, while it fits.
pub fn pow10(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
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
            if op == ArithmeticOp::Multiply {
                return if a + b == scale { Ok((1, 1)) } else { Err(wrong()) };
            }
            let factor = |s: u8| pow10((scale.checked_sub(s)?).into());
            factor(a).zip(factor(b)).ok_or_else(wrong)
        }
        (a, b, c) if a == b && b == c && is_number(a) => Ok((1, 1)),
        _ => Err(wrong()),
    }
}

/// How an integer's or decimal's unscaled value must be multiplied for a cast; `None` for floats.
///
/// # Errors
/// `InvalidArgument` when the cast is not to a wider type.
pub fn cast_factor(from: DataType, to: DataType) -> Result<Option<i128>> {
    let integer = |t| Range::of(t).is_some() && !matches!(t, DataType::Decimal { .. });
    let factor = match (from, to) {
        (DataType::Float32, DataType::Float64) => return Ok(None),
        (a, DataType::Float32 | DataType::Float64) if integer(a) => return Ok(None),
        (a, b) if integer(a) && integer(b) && a.physical() <= b.physical() => Some(1),
        (a, DataType::Decimal { scale, .. }) if integer(a) => pow10(scale.into()),
        (DataType::Decimal { scale: a, .. }, DataType::Decimal { scale: b, .. }) => {
            b.checked_sub(a).and_then(|more| pow10(more.into()))
        }
        _ => None,
    };
    factor.map(Some).ok_or_else(|| {
        Error::invalid_argument(format!("a cast from {from} to {to} may lose digits"))
    })
}

fn is_number(data_type: DataType) -> bool {
    Range::of(data_type).is_some() || matches!(data_type, DataType::Float32 | DataType::Float64)
}

impl Computation {
    /// A column's value.
    pub fn column(name: impl Into<FieldPath>) -> Self {
        Self::Value(Expression::Column(name.into()))
    }

    /// The type of the result, when `of_column` knows the columns' types.
    ///
    /// # Errors
    /// Those of `of_column`, and `InvalidArgument` when a step's types do not fit.
    pub fn data_type(
        &self,
        of_column: &dyn Fn(&FieldPath) -> Result<DataType>,
    ) -> Result<DataType> {
        match self {
            Self::Value(Expression::Literal(value)) => Ok(value.data_type()),
            Self::Value(Expression::Column(name)) => of_column(name),
            Self::Arithmetic { op, left, right, data_type } => {
                let (left, right) = (left.data_type(of_column)?, right.data_type(of_column)?);
                scale_factors(*op, left, right, *data_type)?;
                Ok(*data_type)
            }
            Self::Cast { input, data_type } => {
                cast_factor(input.data_type(of_column)?, *data_type)?;
                Ok(*data_type)
            }
        }
    }

    /// The numbers that the computation can give, if every integer and decimal step is proven to stay
    /// inside its type by the types and bounds of the columns.
    ///
    /// # Errors
    /// Those of [`Computation::data_type`].
    pub fn proof(
        &self,
        of_column: &dyn Fn(&FieldPath) -> Result<DataType>,
        bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
    ) -> Result<Proof> {
        Ok(match self {
            Self::Value(Expression::Literal(value)) => unscaled(value)
                .map_or(Proof::Unlimited, |v| Proof::Within(Range { min: v, max: v })),
            Self::Value(Expression::Column(name)) => match Range::of(of_column(name)?) {
                None => Proof::Unlimited,
                Some(whole) => {
                    let known = bounds(name).and_then(|bounds| {
                        let (min, max) = (bounds.min.as_ref()?, bounds.max.as_ref()?);
                        Some(Range { min: unscaled(min)?, max: unscaled(max)? })
                    });
                    Proof::Within(known.filter(|range| range.within(whole)).unwrap_or(whole))
                }
            },
            Self::Arithmetic { op, left, right, data_type } => {
                let types = (left.data_type(of_column)?, right.data_type(of_column)?);
                let (a, b) = scale_factors(*op, types.0, types.1, *data_type)?;
                match (left.proof(of_column, bounds)?, right.proof(of_column, bounds)?) {
                    (Proof::Within(left), Proof::Within(right)) => {
                        let found = left.scaled(a).zip(right.scaled(b));
                        Proof::of(found.and_then(|(a, b)| a.apply(*op, b)), *data_type)
                    }
                    (Proof::Unlimited, Proof::Unlimited) => Proof::Unlimited,
                    _ => Proof::Open,
                }
            }
            Self::Cast { input, data_type } => {
                let factor = cast_factor(input.data_type(of_column)?, *data_type)?;
                match (input.proof(of_column, bounds)?, factor) {
                    (Proof::Open, _) => Proof::Open,
                    (Proof::Within(range), Some(factor)) => {
                        Proof::of(range.scaled(factor), *data_type)
                    }
                    _ => Proof::Unlimited,
                }
            }
        })
    }

    /// Names of the columns that are read.
    pub fn columns(&self) -> BTreeSet<&str> {
        match self {
            Self::Value(Expression::Column(name)) => BTreeSet::from([name.column()]),
            Self::Value(Expression::Literal(_)) => BTreeSet::new(),
            Self::Arithmetic { left, right, .. } => {
                left.columns().into_iter().chain(right.columns()).collect()
            }
            Self::Cast { input, .. } => input.columns(),
        }
    }
}

/// A type as its text.
mod type_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::types::DataType;

    pub(super) fn serialize<S: Serializer>(v: &DataType, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(v)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<DataType, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

/// An integer, or a decimal without its point.
fn unscaled(value: &Scalar) -> Option<i128> {
    Some(match value {
        Scalar::Tinyint(v) => (*v).into(),
        Scalar::Smallint(v) => (*v).into(),
        Scalar::Int(v) => (*v).into(),
        Scalar::Bigint(v) => (*v).into(),
        Scalar::Decimal { unscaled, .. } => *unscaled,
        _ => return None,
    })
}

impl fmt::Display for Computation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(expression) => write!(f, "{expression}"),
            Self::Arithmetic { op, left, right, .. } => {
                write!(f, "({left} {} {right})", op.sql())
            }
            Self::Cast { input, data_type } => write!(f, "CAST({input} AS {data_type})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    fn one() -> Computation {
        let one = Scalar::Decimal { unscaled: 1, precision: 1, scale: 0 };
        Computation::Value(Expression::Literal(one))
    }

    fn arithmetic(
        op: ArithmeticOp,
        left: Computation,
        right: Computation,
        data_type: DataType,
    ) -> Computation {
        Computation::Arithmetic { op, left: left.into(), right: right.into(), data_type }
    }

    /// TPC-H's `price * (1 - discount) * (1 + tax)`, whose type leaves no room for all products.
    fn charge() -> Computation {
        use ArithmeticOp::{Add, Multiply, Subtract};
        let minus = arithmetic(Subtract, one(), Computation::column("discount"), decimal(16, 2));
        let plus = arithmetic(Add, one(), Computation::column("tax"), decimal(16, 2));
        let price = arithmetic(Multiply, Computation::column("price"), minus, decimal(32, 4));
        arithmetic(Multiply, price, plus, decimal(38, 6))
    }

    fn types(_: &FieldPath) -> Result<DataType> {
        Ok(decimal(15, 2))
    }

    #[test]
    fn bounds_prove_what_types_cannot() {
        assert_eq!(charge().proof(&types, &|_| None).unwrap(), Proof::Open);
        let bounds = |path: &FieldPath| {
            let max = if path.column() == "price" { 10_494_950 } else { 10 };
            let scalar = |unscaled| Some(Scalar::Decimal { unscaled, precision: 15, scale: 2 });
            Some(ColumnBounds { min: scalar(0), max: scalar(max), ..ColumnBounds::default() })
        };
        let proof = charge().proof(&types, &bounds).unwrap();
        // Between 90 % and 100 % of the price, and 100 % and 110 % of that.
        assert_eq!(proof, Proof::Within(Range { min: 0, max: 10_494_950 * 100 * 110 }));
    }

    #[test]
    fn lost_digits_and_other_types_are_refused() {
        let product = |data_type| {
            let column = || Computation::column("a");
            arithmetic(ArithmeticOp::Multiply, column(), column(), data_type).data_type(&types)
        };
        assert!(product(decimal(31, 4)).is_ok());
        assert!(product(decimal(38, 3)).is_err());
        assert!(product(DataType::Int64).is_err());
    }

    #[test]
    fn travels_as_json() {
        let json = serde_json::to_string(&charge()).unwrap();
        assert!(json.contains(r#""data_type":"decimal(38,6)""#), "{json}");
        assert_eq!(serde_json::from_str::<Computation>(&json).unwrap(), charge());
        assert_eq!(charge().to_string(), "((price * (1 - discount)) * (1 + tax))");
    }
}
