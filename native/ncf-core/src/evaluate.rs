//! What a predicate means: its value in one row, written from the definition of three-valued logic.
//! Scans evaluate encoded pages instead, and prune by bounds; both are tested against this.

use std::cmp::Ordering;

use crate::path::FieldPath;
use crate::predicate::{CompareOp, Expression, Predicate, TextOp};
use crate::scalar::Scalar;

impl Predicate {
    /// The predicate in a row whose fields have the values that `field` gives; of a nested field, which
    /// can only be tested for null, any value says that it is there. A comparison of types that do not
    /// compare is null.
    pub fn evaluate(&self, field: &dyn Fn(&FieldPath) -> Option<Scalar>) -> Option<bool> {
        let of = |expression: &Expression| expression.evaluate(field);
        match self {
            Self::Always(value) => *value,
            Self::Compare(CompareOp::NullSafeEq, a, b) => Some(of(a) == of(b)),
            Self::Compare(op, a, b) => Some(op.accepts(of(a)?.compare(&of(b)?)?)),
            Self::In { values, has_null: false, .. } if values.is_empty() => Some(false),
            Self::In { expression, values, has_null } => {
                let found = values.contains(&of(expression)?);
                if found || !has_null { Some(found) } else { None }
            }
            Self::IsNull(e) => Some(of(e).is_none()),
            Self::IsNotNull(e) => Some(of(e).is_some()),
            Self::Text(op, e, pattern) => {
                let Scalar::String(text) = of(e)? else { return None };
                Some(op.accepts(&text, pattern))
            }
            Self::And(parts) => {
                let truths: Vec<_> = parts.iter().map(|part| part.evaluate(field)).collect();
                if truths.contains(&Some(false)) {
                    return Some(false);
                }
                (!truths.contains(&None)).then_some(true)
            }
            Self::Or(parts) => {
                let truths: Vec<_> = parts.iter().map(|part| part.evaluate(field)).collect();
                if truths.contains(&Some(true)) {
                    return Some(true);
                }
                (!truths.contains(&None)).then_some(false)
            }
            Self::Not(inner) => inner.evaluate(field).map(|value| !value),
        }
    }
}

impl Expression {
    /// The value in a row whose fields have the values that `field` gives; `None` = null.
    pub fn evaluate(&self, field: &dyn Fn(&FieldPath) -> Option<Scalar>) -> Option<Scalar> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Column(path) => field(path),
            Self::Computed(computation) => computation.evaluate(field),
        }
    }
}

impl CompareOp {
    /// Whether `a op b` is true of two values that are not null, in this order.
    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Eq | Self::NullSafeEq => order.is_eq(),
            Self::NotEq => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::LtEq => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::GtEq => order.is_ge(),
        }
    }
}

impl TextOp {
    /// Whether `text` has the pattern.
    pub fn accepts(self, text: &str, pattern: &str) -> bool {
        match self {
            Self::StartsWith => text.starts_with(pattern),
            Self::EndsWith => text.ends_with(pattern),
            Self::Contains => text.contains(pattern),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_neither_true_nor_false() {
        let field = |path: &FieldPath| (path.column() == "a").then_some(Scalar::Int(1));
        let is = |predicate: &Predicate| predicate.evaluate(&field);
        let one = Predicate::compare("a", CompareOp::Eq, Scalar::Int(1));
        let unknown = Predicate::compare("gone", CompareOp::Eq, Scalar::Int(1));
        let all =
            |parts: &[&Predicate]| Predicate::And(parts.iter().map(|p| (*p).clone()).collect());
        let any =
            |parts: &[&Predicate]| Predicate::Or(parts.iter().map(|p| (*p).clone()).collect());
        assert_eq!(is(&one), Some(true));
        assert_eq!(is(&unknown), None);
        assert_eq!(is(&Predicate::Not(Box::new(unknown.clone()))), None);
        assert_eq!(is(&all(&[&one, &unknown])), None);
        assert_eq!(is(&all(&[&Predicate::Not(Box::new(one.clone())), &unknown])), Some(false));
        assert_eq!(is(&any(&[&one, &unknown])), Some(true));
        assert_eq!(is(&any(&[])), Some(false));
        assert_eq!(is(&all(&[])), Some(true));
        let listed = |expression: &str, values: Vec<Scalar>, has_null| {
            is(&Predicate::In {
                expression: Expression::Column(expression.into()),
                values: values.into(),
                has_null,
            })
        };
        assert_eq!(listed("a", vec![Scalar::Int(2)], false), Some(false));
        assert_eq!(listed("a", vec![Scalar::Int(2)], true), None);
        assert_eq!(listed("a", vec![Scalar::Int(1)], true), Some(true));
        assert_eq!(listed("gone", vec![], false), Some(false));
        assert_eq!(listed("gone", vec![], true), None);
    }
}
