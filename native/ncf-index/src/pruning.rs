//! Three-valued analysis of predicates over bounds.
//!
//! For every node of a predicate, [`Outcomes`] says which of true, false and null it can take in some
//! row of the run. Leaves come from [`crate::zone_map`]; inner nodes combine:
//!
//! | node | true possible | false possible | null possible |
//! |---|---|---|---|
//! | `NOT a` | a false | a true | a null |
//! | `AND` | every part true | some part false | some part null, and every part true or null |
//! | `OR` | some part true | every part false | some part null, and every part false or null |
//! | `a op b` | both have values in an order that `op` accepts | … rejects | a or b null |
//! | `a <=> b` | as `=`, or both null | as `=`, or exactly one null | never |
//! | `a IN (v…)` | some `a = v` | no v is certainly equal, no null listed | a null, or a null listed |
//! | `IS [NOT] NULL` | by the null count | by the null count | never |
//! | `STARTS WITH p` | the bounds meet the strings with prefix p | unless both bounds begin with p | a null |
//!
//! The parts are taken as independent, which can only add outcomes, so the result stays a proof.
//! `NOT` needs no rule of its own for bounds: it exchanges two answers of a sound analysis.

use ncf_core::{
    ColumnBounds, CompareOp, Expression, FieldPath, Predicate, Scalar, TextOp, ValueList,
};

use crate::zone_map::{Facts, Orders};

/// Which values a predicate can take in a run of rows. Several are possible at once; none of them
/// only when there are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// Some row may make it true.
    pub can_true: bool,
    /// Some row may make it false.
    pub can_false: bool,
    /// Some row may make it null.
    pub can_null: bool,
}

impl Outcomes {
    /// Whether it is proven that no row makes the predicate true.
    #[must_use]
    pub fn no_match(self) -> bool {
        !self.can_true
    }

    /// Whether it is proven that every row makes the predicate true.
    #[must_use]
    pub fn all_match(self) -> bool {
        !self.can_false && !self.can_null
    }

    fn exactly(value: Option<bool>) -> Self {
        Self {
            can_true: value == Some(true),
            can_false: value == Some(false),
            can_null: value.is_none(),
        }
    }

    fn not(self) -> Self {
        Self { can_true: self.can_false, can_false: self.can_true, ..self }
    }

    fn and(self, other: Self) -> Self {
        Self {
            can_true: self.can_true && other.can_true,
            can_false: self.can_false || other.can_false,
            can_null: (self.can_null && (other.can_null || other.can_true))
                || (self.can_true && other.can_null),
        }
    }
}

/// Whether it is proven that NO row of a run of `rows` rows makes the predicate true. `bounds` gives
/// the bounds of a column or field, or `None` when nothing is known about it.
pub fn certainly_no_match(
    predicate: &Predicate,
    rows: u64,
    bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
) -> bool {
    outcomes(predicate, rows, bounds).no_match()
}

/// Whether it is proven that EVERY row of a run of `rows` rows makes the predicate true.
pub fn certainly_all_match(
    predicate: &Predicate,
    rows: u64,
    bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
) -> bool {
    outcomes(predicate, rows, bounds).all_match()
}

/// Which values `predicate` can take in a run of `rows` rows whose columns have `bounds`. No rows:
/// no outcome, which proves both that none matches and that all match.
pub fn outcomes(
    predicate: &Predicate,
    rows: u64,
    bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
) -> Outcomes {
    if rows == 0 {
        return Outcomes::default();
    }
    let facts = |expression: &Expression| match expression {
        Expression::Literal(value) => Facts::literal(value),
        Expression::Column(path) => {
            bounds(path).map_or_else(Facts::unknown, |bounds| Facts::of(bounds, rows))
        }
        Expression::Computed(computation) => Facts::computed(computation, rows, bounds),
    };
    analyse(predicate, &facts)
}

fn analyse(predicate: &Predicate, facts: &dyn Fn(&Expression) -> Facts) -> Outcomes {
    match predicate {
        Predicate::Always(value) => Outcomes::exactly(*value),
        Predicate::Compare(op, Expression::Column(a), Expression::Column(b)) if a == b => {
            let column = facts(&Expression::Column(a.clone()));
            let equal = Orders { equal: column.may_value(), ..Orders::default() };
            let mut found = from_orders(*op, equal);
            match op {
                CompareOp::NullSafeEq => found.can_true |= column.may_null,
                _ => found.can_null = column.may_null,
            }
            found
        }
        Predicate::Compare(op, left, right) => compare(*op, &facts(left), &facts(right)),
        Predicate::In { expression, values, has_null } => {
            in_list(&facts(expression), values, *has_null)
        }
        Predicate::IsNull(expression) => is_null(&facts(expression)),
        Predicate::IsNotNull(expression) => is_null(&facts(expression)).not(),
        Predicate::Text(op, expression, pattern) => text(*op, &facts(expression), pattern),
        Predicate::And(parts) => parts
            .iter()
            .map(|part| analyse(part, facts))
            .fold(Outcomes::exactly(Some(true)), Outcomes::and),
        // De Morgan holds in three-valued logic.
        Predicate::Or(parts) => parts
            .iter()
            .map(|part| analyse(part, facts).not())
            .fold(Outcomes::exactly(Some(true)), Outcomes::and)
            .not(),
        Predicate::Not(inner) => analyse(inner, facts).not(),
    }
}

fn is_null(facts: &Facts) -> Outcomes {
    Outcomes { can_true: facts.may_null, can_false: facts.may_value(), can_null: false }
}

/// What `op` makes of the possible orders; says nothing about nulls.
fn from_orders(op: CompareOp, orders: Orders) -> Outcomes {
    let Orders { less, equal, greater } = orders;
    let (can_true, can_false) = match op {
        CompareOp::Eq | CompareOp::NullSafeEq => (equal, less || greater),
        CompareOp::NotEq => (less || greater, equal),
        CompareOp::Lt => (less, equal || greater),
        CompareOp::LtEq => (less || equal, greater),
        CompareOp::Gt => (greater, less || equal),
        CompareOp::GtEq => (greater || equal, less),
    };
    Outcomes { can_true, can_false, can_null: false }
}

fn compare(op: CompareOp, left: &Facts, right: &Facts) -> Outcomes {
    let found = from_orders(op, left.orders(right));
    if op == CompareOp::NullSafeEq {
        return Outcomes {
            can_true: found.can_true || (left.may_null && right.may_null),
            can_false: found.can_false
                || (left.may_null && right.may_value())
                || (left.may_value() && right.may_null),
            can_null: false,
        };
    }
    Outcomes { can_null: left.may_null || right.may_null, ..found }
}

fn in_list(facts: &Facts, values: &ValueList, has_null: bool) -> Outcomes {
    if values.is_empty() && !has_null {
        // An empty list is false even for null, as an empty OR is.
        return Outcomes::exactly(Some(false));
    }
    let mut can_true = false;
    let mut can_miss = facts.may_value();
    for value in values.deciding(facts.min.as_ref()) {
        let orders = facts.orders(&Facts::literal(value));
        can_true |= orders.equal;
        can_miss &= orders.less || orders.greater;
    }
    Outcomes {
        can_true,
        can_false: can_miss && !has_null,
        can_null: facts.may_null || (can_miss && has_null),
    }
}

fn text(op: TextOp, facts: &Facts, pattern: &str) -> Outcomes {
    let (can_true, can_false) = if pattern.is_empty() {
        (true, false)
    } else if let Some(Scalar::String(value)) = facts.single() {
        let found = op.accepts(value, pattern);
        (found, !found)
    } else if op == TextOp::StartsWith {
        starts_with(facts, pattern)
    } else {
        (true, true)
    };
    Outcomes {
        can_true: can_true && facts.may_ordinary,
        can_false: can_false && facts.may_ordinary,
        can_null: facts.may_null,
    }
}

/// Whether a string between the bounds may begin with `pattern`, and whether one may not.
///
/// The strings with prefix p are an interval of the byte order that begins at p: a string above p
/// without the prefix is above all of them. Bounds that are no strings prove nothing.
fn starts_with(facts: &Facts, pattern: &str) -> (bool, bool) {
    let bytes = |bound: &Option<Scalar>| match bound {
        Some(Scalar::String(text)) => Some(text.as_bytes().to_vec()),
        _ => None,
    };
    let (min, max) = (bytes(&facts.min), bytes(&facts.max));
    let prefix = pattern.as_bytes();
    let has_prefix = |bound: &Vec<u8>| bound.starts_with(prefix);
    let above = min.as_ref().is_some_and(|min| min.as_slice() > prefix && !has_prefix(min));
    let below = max.as_ref().is_some_and(|max| max.as_slice() < prefix);
    let inside = min.as_ref().is_some_and(has_prefix) && max.as_ref().is_some_and(has_prefix);
    (!above && !below, !inside)
}

#[cfg(test)]
mod tests;
