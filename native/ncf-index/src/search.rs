//! From a predicate to the vectors in which it can be true, by the indexes of its columns.
//!
//! | predicate | vectors where it can be true | … false |
//! |---|---|---|
//! | column op literal | those of the index's search | those for the opposite of op |
//! | `IN` | those of any value | unknown |
//! | `STARTS WITH` | those of the strings that begin so | unknown |
//! | `AND` | common to all parts | those of any part |
//! | `OR` | those of any part | common to all parts |
//! | `NOT a` | where a can be false | where a can be true |
//! | anything else | unknown | unknown |
//!
//! Unknown means all. A comparison with null is neither true nor false, so null rows may lie anywhere.

use std::ops::Range;

use ncf_core::{CompareOp, Expression, FieldPath, Predicate, TextOp};

use crate::learned::{Check, Index, Search, Wanted};
use crate::rows::{intersection, union};

/// More values of an `IN` list than this are searched as one range.
const MOST_VALUES: usize = 64;

/// Where a predicate can be true, and what must hold for that to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Vectors, in order; no two of them meet.
    pub vectors: Vec<Range<u64>>,
    /// Checks of the indexes of columns. When one fails, nothing is known.
    pub checks: Vec<(FieldPath, Check)>,
}

/// The vectors in which `predicate` can be true; `None` when that may be anywhere. `index` gives the index of a
/// column or field.
pub fn locate<'a>(
    predicate: &Predicate,
    index: &dyn Fn(&FieldPath) -> Option<&'a Index>,
) -> Option<Located> {
    find(predicate, true, index)
}

fn find<'a>(
    predicate: &Predicate,
    wanted: bool,
    index: &dyn Fn(&FieldPath) -> Option<&'a Index>,
) -> Option<Located> {
    let parts = |parts: &[Predicate]| -> Vec<Option<Located>> {
        parts.iter().map(|part| find(part, wanted, index)).collect()
    };
    match predicate {
        Predicate::Compare(op, Expression::Column(path), Expression::Literal(literal)) => {
            let op = if wanted { *op } else { opposite(*op)? };
            search(path, index, &[Wanted::Compared(op, literal)])
        }
        Predicate::Compare(op, Expression::Literal(literal), Expression::Column(path)) => {
            let op = if wanted { op.flip() } else { opposite(op.flip())? };
            search(path, index, &[Wanted::Compared(op, literal)])
        }
        Predicate::In { expression: Expression::Column(path), values, .. } if wanted => {
            if values.len() <= MOST_VALUES {
                let each: Vec<_> =
                    values.iter().map(|value| Wanted::Compared(CompareOp::Eq, value)).collect();
                return search(path, index, &each);
            }
            let (first, last) = (values.first()?, values.last()?);
            let from = search(path, index, &[Wanted::Compared(CompareOp::GtEq, first)]);
            all_of(vec![from, search(path, index, &[Wanted::Compared(CompareOp::LtEq, last)])])
        }
        Predicate::Text(TextOp::StartsWith, Expression::Column(path), prefix) if wanted => {
            search(path, index, &[Wanted::Prefix(prefix)])
        }
        Predicate::And(all) if wanted => all_of(parts(all)),
        Predicate::Or(any) if !wanted => all_of(parts(any)),
        Predicate::And(all) => any_of(parts(all)),
        Predicate::Or(any) => any_of(parts(any)),
        Predicate::Not(inner) => find(inner, !wanted, index),
        _ => None,
    }
}

/// The comparison that is true where `op` is false. `<=>` is false for null too, which no index finds.
fn opposite(op: CompareOp) -> Option<CompareOp> {
    Some(match op {
        CompareOp::Eq => CompareOp::NotEq,
        CompareOp::NotEq => CompareOp::Eq,
        CompareOp::Lt => CompareOp::GtEq,
        CompareOp::LtEq => CompareOp::Gt,
        CompareOp::Gt => CompareOp::LtEq,
        CompareOp::GtEq => CompareOp::Lt,
        CompareOp::NullSafeEq => return None,
    })
}

/// Where any of what is wanted of a column can be.
fn search<'a>(
    path: &FieldPath,
    index: &dyn Fn(&FieldPath) -> Option<&'a Index>,
    wanted: &[Wanted<'_>],
) -> Option<Located> {
    let index = index(path)?;
    let mut found = Located { vectors: Vec::new(), checks: Vec::new() };
    for wanted in wanted {
        let Search { vectors, checks } = index.search(*wanted)?;
        found.vectors.extend(vectors);
        found.checks.extend(checks.into_iter().map(|check| (path.clone(), check)));
    }
    found.vectors = union(found.vectors);
    Some(found)
}

/// Where all parts can hold: parts of which nothing is known take nothing away.
fn all_of(parts: Vec<Option<Located>>) -> Option<Located> {
    parts.into_iter().flatten().reduce(|mut all, part| {
        all.vectors = intersection(&all.vectors, &part.vectors);
        all.checks.extend(part.checks);
        all
    })
}

/// Where any part can hold: unknown as soon as one is. No part at all holds nowhere, which bounds say as well.
fn any_of(parts: Vec<Option<Located>>) -> Option<Located> {
    let parts: Vec<Located> = parts.into_iter().collect::<Option<_>>()?;
    parts.into_iter().reduce(|mut any, part| {
        any.vectors = union([any.vectors, part.vectors].concat());
        any.checks.extend(part.checks);
        any
    })
}
