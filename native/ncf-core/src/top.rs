//! The first rows in an order. Travels as JSON, like [`crate::predicate`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::FieldPath;
use crate::predicate::{CompareOp, Expression, Predicate};
use crate::scalar::Scalar;

/// A column that rows are ordered by, in the order of [`Scalar::compare`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SortKey {
    /// The column.
    pub column: FieldPath,
    /// Whether greater values come first.
    pub descending: bool,
    /// Whether nulls come before all values.
    pub nulls_first: bool,
}

/// The first rows in an order: `ORDER BY keys LIMIT limit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    /// What rows are ordered by; the first key decides first.
    pub keys: Vec<SortKey>,
    /// Number of rows.
    pub limit: usize,
}

impl SortKey {
    /// What rows must meet to come before a row whose key is `last` (`None` = null), or, with `ties`,
    /// beside it; `None` when all rows do.
    pub fn not_after(&self, last: Option<&Scalar>, ties: bool) -> Option<Predicate> {
        let column = || Expression::Column(self.column.clone());
        match last {
            None if self.nulls_first && ties => Some(Predicate::IsNull(column())),
            None if self.nulls_first => Some(Predicate::Always(Some(false))),
            None if ties => None,
            None => Some(Predicate::IsNotNull(column())),
            Some(last) => {
                let op = match (self.descending, ties) {
                    (false, true) => CompareOp::LtEq,
                    (false, false) => CompareOp::Lt,
                    (true, true) => CompareOp::GtEq,
                    (true, false) => CompareOp::Gt,
                };
                let before = Predicate::Compare(op, column(), Expression::Literal(last.clone()));
                Some(if self.nulls_first {
                    Predicate::Or(vec![Predicate::IsNull(column()), before])
                } else {
                    before
                })
            }
        }
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (order, nulls) = (
            if self.descending { "DESC" } else { "ASC" },
            if self.nulls_first { "FIRST" } else { "LAST" },
        );
        write!(f, "{} {order} NULLS {nulls}", self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_last_one_are_excluded() {
        let key = |descending, nulls_first| SortKey { column: "a".into(), descending, nulls_first };
        let text = |key: SortKey, last: Option<i32>, ties| {
            let last = last.map(Scalar::Int);
            key.not_after(last.as_ref(), ties).map_or_else(String::new, |p| p.to_string())
        };
        assert_eq!(text(key(false, false), Some(3), false), "a < 3");
        assert_eq!(text(key(true, false), Some(3), true), "a >= 3");
        assert_eq!(text(key(false, true), Some(3), true), "(a IS NULL OR a <= 3)");
        assert_eq!(text(key(false, true), None, true), "a IS NULL");
        assert_eq!(text(key(false, true), None, false), "false");
        assert_eq!(text(key(true, false), None, false), "a IS NOT NULL");
        assert_eq!(text(key(true, false), None, true), "");
    }
}
