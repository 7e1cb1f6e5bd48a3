//! Predicates with Spark's three-valued logic. They travel as JSON between the driver, the
//! executors and Rust.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::computation::Computation;
use crate::error::{Error, Result};
use crate::path::FieldPath;
use crate::scalar::Scalar;
use crate::types::DataType;
use crate::value_list::ValueList;

/// A comparison of two values of one type. All but `NullSafeEq` are null when a side is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<=>`: never null; true when both sides are null.
    NullSafeEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

impl CompareOp {
    /// Every operator.
    pub const ALL: [Self; 7] =
        [Self::Eq, Self::NotEq, Self::NullSafeEq, Self::Lt, Self::LtEq, Self::Gt, Self::GtEq];

    /// The operator with its sides exchanged: `a op b` = `b op.flip() a`.
    #[must_use]
    pub fn flip(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::LtEq => Self::GtEq,
            Self::Gt => Self::Lt,
            Self::GtEq => Self::LtEq,
            same => same,
        }
    }

    /// SQL text.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::NullSafeEq => "<=>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }
}

/// A search of one string in another; null when the searched string is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextOp {
    /// The string begins with the pattern.
    StartsWith,
    /// The string ends with the pattern.
    EndsWith,
    /// The pattern occurs in the string.
    Contains,
}

/// Something that has a value in every row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// A column, or a field of a struct.
    Column(FieldPath),
    /// A constant that is not null.
    Literal(Scalar),
    /// What is computed from columns.
    Computed(Box<Computation>),
}

impl Expression {
    /// The type of the value, when `of_column` knows the columns' types.
    ///
    /// # Errors
    /// Those of `of_column`, and `InvalidArgument` when a computation's types do not fit.
    pub fn data_type(
        &self,
        of_column: &dyn Fn(&FieldPath) -> Result<DataType>,
    ) -> Result<DataType> {
        match self {
            Self::Literal(value) => Ok(value.data_type()),
            Self::Column(path) => of_column(path),
            Self::Computed(computation) => computation.data_type(of_column),
        }
    }

    pub(crate) fn collect_paths<'a>(&'a self, found: &mut BTreeSet<&'a FieldPath>) {
        match self {
            Self::Literal(_) => {}
            Self::Column(path) => {
                found.insert(path);
            }
            Self::Computed(computation) => computation.collect_paths(found),
        }
    }
}

/// A condition on a row: true, false or null. Rows pass when it is true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// True, false, or null (`None`) in every row.
    Always(Option<bool>),
    /// A comparison; both sides have the same type (decimals: the same scale).
    Compare(CompareOp, Expression, Expression),
    /// `e IN (values…)`, with SQL's nulls: a null in the list (`has_null`) turns false into null.
    In {
        /// The value looked for.
        expression: Expression,
        /// The list, without its nulls; same type as the expression.
        values: ValueList,
        /// Whether the list held a null.
        has_null: bool,
    },
    /// `e IS NULL`; never null. A field is null where a struct around it is. Columns and fields of any
    /// type have this test, nested ones have no other.
    IsNull(Expression),
    /// `e IS NOT NULL`; never null.
    IsNotNull(Expression),
    /// A search of a constant pattern in a string.
    Text(TextOp, Expression, String),
    /// True when all are true, false when one is false, else null.
    And(Vec<Predicate>),
    /// True when one is true, false when all are false, else null.
    Or(Vec<Predicate>),
    /// Exchanges true and false; null stays null.
    Not(Box<Predicate>),
}

impl Predicate {
    /// `column op literal`.
    pub fn compare(column: impl Into<FieldPath>, op: CompareOp, literal: Scalar) -> Self {
        Self::Compare(op, Expression::Column(column.into()), Expression::Literal(literal))
    }

    /// Names of the columns that the predicate reads.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.paths().into_iter().map(FieldPath::column).collect()
    }

    /// The columns and fields that the predicate reads.
    pub fn paths(&self) -> BTreeSet<&FieldPath> {
        let mut found = BTreeSet::new();
        self.collect_paths(&mut found);
        found
    }

    /// The predicates that all must be true, `And` taken apart.
    pub fn conjuncts(&self) -> Vec<&Predicate> {
        match self {
            Self::And(parts) => parts.iter().flat_map(Self::conjuncts).collect(),
            other => vec![other],
        }
    }

    pub(crate) fn collect_paths<'a>(&'a self, found: &mut BTreeSet<&'a FieldPath>) {
        self.expressions().into_iter().for_each(|expression| expression.collect_paths(found));
    }

    /// Everything that is compared, searched, or tested for null.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Always(_) => Vec::new(),
            Self::Compare(_, left, right) => vec![left, right],
            Self::In { expression, .. }
            | Self::IsNull(expression)
            | Self::IsNotNull(expression)
            | Self::Text(_, expression, _) => vec![expression],
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().flat_map(Self::expressions).collect()
            }
            Self::Not(inner) => inner.expressions(),
        }
    }

    /// Checks that everything that is compared is of one type, and that strings are searched.
    ///
    /// # Errors
    /// Those of `of_column`, and `InvalidArgument` when types do not fit.
    pub fn check(&self, of_column: &dyn Fn(&FieldPath) -> Result<DataType>) -> Result<()> {
        match self {
            Self::Always(_) => Ok(()),
            Self::Compare(op, left, right) => {
                self.comparison(*op, left.data_type(of_column)?, right.data_type(of_column)?)
            }
            Self::In { expression, values, .. } => {
                let wanted = expression.data_type(of_column)?;
                values
                    .iter()
                    .try_for_each(|value| self.comparison(CompareOp::Eq, wanted, value.data_type()))
            }
            // Fields of any type can be null, also those that have no value of their own.
            Self::IsNull(Expression::Column(_)) | Self::IsNotNull(Expression::Column(_)) => Ok(()),
            Self::IsNull(expression) | Self::IsNotNull(expression) => {
                expression.data_type(of_column).map(|_| ())
            }
            Self::Text(_, expression, _) => match expression.data_type(of_column)? {
                DataType::String => Ok(()),
                other => Err(Error::invalid_argument(format!(
                    "{self} searches in a string, but {expression} is {other}; cast it first"
                ))),
            },
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().try_for_each(|part| part.check(of_column))
            }
            Self::Not(inner) => inner.check(of_column),
        }
    }

    fn comparison(&self, op: CompareOp, a: DataType, b: DataType) -> Result<()> {
        if a.compares_with(b) {
            return Ok(());
        }
        Err(Error::invalid_argument(format!(
            "{self} compares {a} with {b} by {}; cast one side to the other's type",
            op.sql()
        )))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(path) => write!(f, "{path}"),
            Self::Literal(scalar) => write!(f, "{scalar}"),
            Self::Computed(computation) => write!(f, "{computation}"),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            let texts: Vec<_> = parts.iter().map(ToString::to_string).collect();
            write!(f, "({})", texts.join(word))
        };
        match self {
            Self::Always(Some(value)) => write!(f, "{value}"),
            Self::Always(None) => f.write_str("null"),
            Self::Compare(op, left, right) => write!(f, "{left} {} {right}", op.sql()),
            Self::In { expression, values, has_null } => {
                let mut texts: Vec<_> = values.iter().map(ToString::to_string).collect();
                texts.extend(has_null.then(|| "null".to_string()));
                write!(f, "{expression} IN ({})", texts.join(", "))
            }
            Self::IsNull(expression) => write!(f, "{expression} IS NULL"),
            Self::IsNotNull(expression) => write!(f, "{expression} IS NOT NULL"),
            Self::Text(TextOp::StartsWith, e, pattern) => write!(f, "{e} LIKE '{pattern}%'"),
            Self::Text(TextOp::EndsWith, e, pattern) => write!(f, "{e} LIKE '%{pattern}'"),
            Self::Text(TextOp::Contains, e, pattern) => write!(f, "{e} LIKE '%{pattern}%'"),
            Self::And(parts) => list(f, parts, " AND "),
            Self::Or(parts) => list(f, parts, " OR "),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn travels_as_json() {
        let predicate = Predicate::And(vec![
            Predicate::compare("a", CompareOp::Gt, Scalar::Int(3)),
            Predicate::Not(Box::new(Predicate::Text(
                TextOp::Contains,
                Expression::Column(FieldPath::new("b.c", vec!["d".into()])),
                "x".into(),
            ))),
        ]);
        let json = serde_json::to_string(&predicate).unwrap();
        assert_eq!(
            json,
            r#"{"and":[{"compare":["gt",{"column":["a"]},{"literal":{"int":3}}]},{"not":{"text":["contains",{"column":["b.c","d"]},"x"]}}]}"#
        );
        assert_eq!(serde_json::from_str::<Predicate>(&json).unwrap(), predicate);
        assert_eq!(predicate.columns().into_iter().collect::<Vec<_>>(), ["a", "b.c"]);
        assert_eq!(predicate.to_string(), "(a > 3 AND NOT (`b.c`.d LIKE '%x%'))");
    }
}
