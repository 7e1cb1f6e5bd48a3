//! Values computed from columns. They travel as JSON between the driver, the executors and Rust, like
//! [`crate::predicate`].
//!
//! Types follow Spark's rules, which depend on its settings: whoever makes a computation states the
//! type of a step where there is a choice, and [`Computation::proof`] shows that no step can leave it.
//! So a computation has no error to report, and every part of it may be computed in every row: also a
//! branch of a `CASE` in rows that take another one.

mod arithmetic;
pub mod calendar;
mod cast;
mod evaluate;
mod function;
mod proof;
mod range;
#[cfg(test)]
mod tests;
pub mod text;
mod zone;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::path::FieldPath;
use crate::predicate::{Expression, Predicate};
use crate::types::DataType;

pub use arithmetic::{ArithmeticOp, scale_factors};
pub use cast::{Conversion, conversion, decimal_to_f32, decimal_to_f64, divide_half_up};
pub use evaluate::exact;
pub use function::{Function, TrimSide, ceiling};
pub use range::{Proof, Range, pow10};
pub use zone::Zone;

/// A value that is computed in every row; null when a part of it is null, unless said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Computation {
    /// A column, or a constant.
    Value(Expression),
    /// No value.
    Null {
        /// Of this type.
        #[serde(with = "type_text")]
        data_type: DataType,
    },
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
    /// A value in another type.
    Cast {
        /// The value.
        input: Box<Computation>,
        /// The other type.
        #[serde(with = "type_text")]
        data_type: DataType,
    },
    /// Whether a condition holds; null where the condition is.
    Truth(Box<Predicate>),
    /// The value beside the first condition that is true.
    Case {
        /// Conditions and values.
        branches: Vec<(Predicate, Computation)>,
        /// The value where no condition is true; `None` = null.
        otherwise: Option<Box<Computation>>,
        /// The type of every value.
        #[serde(with = "type_text")]
        data_type: DataType,
    },
    /// A function of values.
    Call {
        /// Which one.
        function: Function,
        /// Of what.
        arguments: Vec<Computation>,
    },
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
            Self::Value(expression) => expression.data_type(of_column),
            Self::Null { data_type } => Ok(*data_type),
            Self::Arithmetic { op, left, right, data_type } => {
                let (left, right) = (left.data_type(of_column)?, right.data_type(of_column)?);
                scale_factors(*op, left, right, *data_type)?;
                Ok(*data_type)
            }
            Self::Cast { input, data_type } => {
                conversion(input.data_type(of_column)?, *data_type)?;
                Ok(*data_type)
            }
            Self::Truth(predicate) => {
                predicate.check(of_column)?;
                Ok(DataType::Boolean)
            }
            Self::Case { branches, otherwise, data_type } => {
                for (condition, value) in branches {
                    condition.check(of_column)?;
                    check_branch(value.data_type(of_column)?, *data_type)?;
                }
                if let Some(value) = otherwise {
                    check_branch(value.data_type(of_column)?, *data_type)?;
                }
                Ok(*data_type)
            }
            Self::Call { function, arguments } => function.data_type(&types(arguments, of_column)?),
        }
    }

    /// The columns and fields that are read.
    pub fn paths(&self) -> BTreeSet<&FieldPath> {
        let mut found = BTreeSet::new();
        self.collect_paths(&mut found);
        found
    }

    pub(crate) fn collect_paths<'a>(&'a self, found: &mut BTreeSet<&'a FieldPath>) {
        match self {
            Self::Value(expression) => expression.collect_paths(found),
            Self::Null { .. } => {}
            Self::Arithmetic { left, right, .. } => {
                left.collect_paths(found);
                right.collect_paths(found);
            }
            Self::Cast { input, .. } => input.collect_paths(found),
            Self::Truth(predicate) => predicate.collect_paths(found),
            Self::Case { branches, otherwise, .. } => {
                for (condition, value) in branches {
                    condition.collect_paths(found);
                    value.collect_paths(found);
                }
                otherwise.iter().for_each(|value| value.collect_paths(found));
            }
            Self::Call { arguments, .. } => {
                arguments.iter().for_each(|argument| argument.collect_paths(found));
            }
        }
    }

    /// Names of the columns that are read.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.paths().into_iter().map(FieldPath::column).collect()
    }
}

fn types(
    arguments: &[Computation],
    of_column: &dyn Fn(&FieldPath) -> Result<DataType>,
) -> Result<Vec<DataType>> {
    arguments.iter().map(|argument| argument.data_type(of_column)).collect()
}

fn check_branch(found: DataType, wanted: DataType) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("a CASE of {wanted} has a value of type {found}; cast it")))
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

impl fmt::Display for Computation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(expression) => write!(f, "{expression}"),
            Self::Null { .. } => f.write_str("NULL"),
            Self::Arithmetic { op, left, right, .. } => {
                write!(f, "({left} {} {right})", op.sql())
            }
            Self::Cast { input, data_type } => write!(f, "CAST({input} AS {data_type})"),
            Self::Truth(predicate) => write!(f, "({predicate})"),
            Self::Case { branches, otherwise, .. } => {
                f.write_str("CASE")?;
                for (condition, value) in branches {
                    write!(f, " WHEN {condition} THEN {value}")?;
                }
                if let Some(value) = otherwise {
                    write!(f, " ELSE {value}")?;
                }
                f.write_str(" END")
            }
            Self::Call { function, arguments } => {
                let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
                write!(f, "{function}({})", arguments.join(", "))
            }
        }
    }
}
