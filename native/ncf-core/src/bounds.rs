//! What statistics say about the values of a column in some rows: the input of every pruning rule.

use serde::{Deserialize, Serialize};

use crate::scalar::Scalar;

/// Facts about one column over a run of rows (a zone, a page, a block, a file).
///
/// `min` and `max` bound every value that is neither null nor NaN, in the order of
/// [`Scalar::compare`]. They are absent when there is no such value or nothing is known. `exact`
/// says that both bounds are themselves values of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ColumnBounds {
    /// Least value, or something below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Scalar>,
    /// Greatest value, or something above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Scalar>,
    /// Number of nulls; absent = unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<u64>,
    /// Number of NaNs; absent = unknown, 0 for types without NaN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nans: Option<u64>,
    /// Whether `min` and `max` occur among the values.
    #[serde(default)]
    pub exact: bool,
}

impl ColumnBounds {
    /// Facts about the rows of `self` and `other` together.
    #[must_use]
    pub fn merge(&self, other: &Self, self_empty: bool, other_empty: bool) -> Self {
        use std::cmp::Ordering::{Greater, Less};
        if self_empty {
            return other.clone();
        }
        if other_empty {
            return self.clone();
        }
        let pick = |a: &Option<Scalar>, b: &Option<Scalar>, keep: std::cmp::Ordering| match (a, b) {
            (Some(a), Some(b)) => {
                a.compare(b).map(|order| if order == keep { a.clone() } else { b.clone() })
            }
            _ => None,
        };
        Self {
            min: pick(&self.min, &other.min, Less),
            max: pick(&self.max, &other.max, Greater),
            nulls: self.nulls.zip(other.nulls).and_then(|(a, b)| a.checked_add(b)),
            nans: self.nans.zip(other.nans).and_then(|(a, b)| a.checked_add(b)),
            exact: self.exact && other.exact,
        }
    }
}
