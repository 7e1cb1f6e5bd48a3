//! Proof that a computation stays inside its types, so that it has no error to report.

use super::{ArithmeticOp, Computation, Proof, Range, conversion, scale_factors, types};
use crate::bounds::ColumnBounds;
use crate::error::Result;
use crate::path::FieldPath;
use crate::predicate::{Expression, Predicate};
use crate::scalar::Scalar;
use crate::types::DataType;

/// The types of columns.
type Types<'a> = &'a dyn Fn(&FieldPath) -> Result<DataType>;

/// What is known of the values of columns.
type Bounds<'a> = &'a dyn Fn(&FieldPath) -> Option<ColumnBounds>;

impl Computation {
    /// What is known of the values that the computation gives, from the types and bounds of the columns.
    /// Not [`Proof::Open`]: every step is proven to stay inside its type in every row.
    ///
    /// # Errors
    /// Those of [`Computation::data_type`].
    pub fn proof(&self, of_column: Types, bounds: Bounds) -> Result<Proof> {
        Ok(match self {
            Self::Value(expression) => expression.proof(of_column, bounds)?,
            Self::Null { data_type } => Range::of(*data_type)
                .map_or(Proof::Unlimited, |_| Proof::Within(Range { min: 0, max: 0 })),
            Self::Arithmetic { op, left, right, data_type } => {
                let known = (left.proof(of_column, bounds)?, right.proof(of_column, bounds)?);
                let types = (left.data_type(of_column)?, right.data_type(of_column)?);
                let (a, b) = scale_factors(*op, types.0, types.1, *data_type)?;
                match known {
                    (Proof::Within(left), Proof::Within(right)) => {
                        let found = left.scaled(a).zip(right.scaled(b));
                        Proof::of(found.and_then(|(a, b)| a.apply(*op, b)), *data_type)
                    }
                    (Proof::Unlimited, Proof::Unlimited) if *op != ArithmeticOp::Divide => {
                        Proof::Unlimited
                    }
                    (Proof::Unlimited, Proof::Unlimited) if right.is_float_other_than_zero() => {
                        Proof::Unlimited
                    }
                    _ => Proof::Open,
                }
            }
            Self::Cast { input, data_type } => {
                let from = input.data_type(of_column)?;
                of_cast(input.proof(of_column, bounds)?, from, *data_type)?
            }
            Self::Truth(predicate) => proof_of(predicate, of_column, bounds)?,
            Self::Case { branches, otherwise, .. } => {
                let mut known = Vec::new();
                for (condition, value) in branches {
                    if proof_of(condition, of_column, bounds)? == Proof::Open {
                        return Ok(Proof::Open);
                    }
                    known.push(value.proof(of_column, bounds)?);
                }
                if let Some(value) = otherwise {
                    known.push(value.proof(of_column, bounds)?);
                }
                known.into_iter().reduce(Proof::either).unwrap_or(Proof::Unlimited)
            }
            Self::Call { function, arguments } => {
                if let Some(zone) = function.zone()
                    && zone.until.is_some()
                    && !arguments
                        .iter()
                        .all(|of| of.is_before(&|micros| zone.knows(micros), bounds))
                {
                    return Ok(Proof::Open);
                }
                let known: Result<Vec<_>> =
                    arguments.iter().map(|argument| argument.proof(of_column, bounds)).collect();
                let types = types(arguments, of_column)?;
                function.proof(&known?, &types, function.data_type(&types)?)
            }
        })
    }

    fn is_float_other_than_zero(&self) -> bool {
        match self {
            Self::Value(Expression::Literal(Scalar::Double(v))) => *v != 0.0,
            Self::Value(Expression::Literal(Scalar::Float(v))) => *v != 0.0,
            Self::Cast { input, data_type: DataType::Float32 | DataType::Float64 } => {
                match &**input {
                    Self::Value(Expression::Literal(value)) => {
                        unscaled(value).is_some_and(|v| v != 0)
                    }
                    other => other.is_float_other_than_zero(),
                }
            }
            _ => false,
        }
    }

    /// Whether the greatest timestamp of a column is known, and passes a test.
    fn is_before(&self, test: &dyn Fn(i64) -> bool, bounds: Bounds) -> bool {
        let Self::Value(Expression::Column(path)) = self else { return false };
        match bounds(path).and_then(|bounds| bounds.max) {
            Some(Scalar::Timestamp(max) | Scalar::TimestampNtz(max)) => test(max),
            _ => false,
        }
    }
}

impl Expression {
    fn proof(&self, of_column: Types, bounds: Bounds) -> Result<Proof> {
        Ok(match self {
            Self::Literal(value) => unscaled(value)
                .map_or(Proof::Unlimited, |v| Proof::Within(Range { min: v, max: v })),
            Self::Column(name) => match Range::of(of_column(name)?) {
                None => Proof::Unlimited,
                Some(whole) => {
                    let known = bounds(name).and_then(|bounds| {
                        let (min, max) = (bounds.min.as_ref()?, bounds.max.as_ref()?);
                        Some(Range { min: unscaled(min)?, max: unscaled(max)? })
                    });
                    Proof::Within(known.filter(|range| range.within(whole)).unwrap_or(whole))
                }
            },
            Self::Computed(computation) => computation.proof(of_column, bounds)?,
        })
    }
}

impl Predicate {
    /// Whether no row can make a step of the predicate's computations leave its type.
    ///
    /// # Errors
    /// Those of [`Computation::data_type`].
    pub fn is_proven(&self, of_column: Types, bounds: Bounds) -> Result<bool> {
        for expression in self.expressions() {
            if let Expression::Computed(computation) = expression
                && computation.proof(of_column, bounds)? == Proof::Open
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is known of a value once it is of another type.
fn of_cast(known: Proof, from: DataType, to: DataType) -> Result<Proof> {
    let conversion = conversion(from, to)?;
    let known = match known {
        Proof::Unlimited if from == DataType::Boolean => Proof::Within(Range { min: 0, max: 1 }),
        other => other,
    };
    Ok(match (known, Range::of(to)) {
        (Proof::Open, _) => Proof::Open,
        (Proof::Within(range), Some(_)) => Proof::of(conversion.range(range), to),
        (_, Some(_)) => Proof::Open,
        (_, None) => Proof::Unlimited,
    })
}

fn proof_of(predicate: &Predicate, of_column: Types, bounds: Bounds) -> Result<Proof> {
    predicate
        .is_proven(of_column, bounds)
        .map(|proven| if proven { Proof::Unlimited } else { Proof::Open })
}

/// An integer, or a decimal without its point.
pub(super) fn unscaled(value: &Scalar) -> Option<i128> {
    Some(match value {
        Scalar::Tinyint(v) => (*v).into(),
        Scalar::Smallint(v) => (*v).into(),
        Scalar::Int(v) => (*v).into(),
        Scalar::Bigint(v) => (*v).into(),
        Scalar::Decimal { unscaled, .. } => *unscaled,
        _ => return None,
    })
}
