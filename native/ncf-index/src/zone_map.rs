//! What a column's bounds say about its values, in the order of `ncf_core::ordering`.
//!
//! The values of a run of rows are seen as three groups: nulls, NaNs, and ordinary values between
//! `min` and `max`. NaN is above every ordinary value and equal to itself. Each group is possible
//! unless the counts rule it out:
//!
//! - no nulls, when `nulls` = 0; no NaNs, when `nans` = 0 or the type has none;
//! - no ordinary values, when `nulls + nans` = rows; then the other group's absence follows too
//!   (all nulls means no NaN).
//!
//! Bounds that contradict themselves (`min > max`, a NaN as bound, more nulls than rows) prove
//! nothing and are dropped.

use std::cmp::Ordering;

use ncf_core::{ColumnBounds, DataType, Scalar};

/// The values that an expression can take in a run of rows.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Whether a row may be null.
    pub(crate) may_null: bool,
    /// Whether a row may be NaN.
    pub(crate) may_nan: bool,
    /// Whether a row may hold a value that is neither null nor NaN.
    pub(crate) may_ordinary: bool,
    /// Nothing ordinary is below.
    pub(crate) min: Option<Scalar>,
    /// Nothing ordinary is above.
    pub(crate) max: Option<Scalar>,
}

/// Which orders of a left and a right value are possible, when neither is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Orders {
    pub(crate) less: bool,
    pub(crate) equal: bool,
    pub(crate) greater: bool,
}

impl Facts {
    /// Nothing is known.
    pub(crate) fn unknown() -> Self {
        Self { may_null: true, may_nan: true, may_ordinary: true, min: None, max: None }
    }

    /// Exactly one value in every row.
    pub(crate) fn literal(value: &Scalar) -> Self {
        let nan = value.is_nan();
        let bound = (!nan).then(|| value.clone());
        Self { may_null: false, may_nan: nan, may_ordinary: !nan, min: bound.clone(), max: bound }
    }

    /// What `bounds` over `rows` rows (more than 0) prove.
    pub(crate) fn of(bounds: ColumnBounds, rows: u64) -> Self {
        let ColumnBounds { min, max, nulls, nans, .. } = bounds;
        let counted = nulls.unwrap_or(0).checked_add(nans.unwrap_or(0));
        if counted.is_none_or(|counted| counted > rows) {
            return Self::unknown();
        }
        let disordered = match (&min, &max) {
            (Some(min), Some(max)) => min.compare(max).is_none_or(Ordering::is_gt),
            _ => false,
        };
        let usable = |bound: Option<Scalar>| bound.filter(|value| !disordered && !value.is_nan());
        let (min, max) = (usable(min), usable(max));
        let typed = min.as_ref().or(max.as_ref()).map(Scalar::data_type);
        let has_nan = typed.is_none_or(|t| matches!(t, DataType::Float32 | DataType::Float64));
        Self {
            may_null: nulls != Some(0) && nans != Some(rows),
            may_nan: has_nan && nans != Some(0) && nulls != Some(rows),
            // With both counts unknown (or one), a bound or a missing count leaves it open.
            may_ordinary: nulls.unwrap_or(0) + nans.unwrap_or(0) < rows,
            min,
            max,
        }
    }

    /// Whether a row may hold something other than null.
    pub(crate) fn may_value(&self) -> bool {
        self.may_nan || self.may_ordinary
    }

    /// The one ordinary value that all ordinary rows hold, if the bounds meet.
    pub(crate) fn single(&self) -> Option<&Scalar> {
        self.min.as_ref().filter(|min| self.max.as_ref().is_some_and(|max| *min == max))
    }

    /// Which orders a value of `self` and a value of `other` can have. Bounds of types that do not
    /// compare leave everything possible.
    pub(crate) fn orders(&self, other: &Self) -> Orders {
        let mut orders = Orders::default();
        if self.may_ordinary && other.may_ordinary {
            // From a.min ≤ a ≤ a.max and b.min ≤ b ≤ b.max.
            let low = order(self.min.as_ref(), other.max.as_ref());
            let high = order(self.max.as_ref(), other.min.as_ref());
            orders.less |= low.is_none_or(Ordering::is_lt);
            orders.greater |= high.is_none_or(Ordering::is_gt);
            orders.equal |= low.is_none_or(Ordering::is_le) && high.is_none_or(Ordering::is_ge);
        }
        orders.less |= self.may_ordinary && other.may_nan;
        orders.greater |= self.may_nan && other.may_ordinary;
        orders.equal |= self.may_nan && other.may_nan;
        orders
    }
}

fn order(a: Option<&Scalar>, b: Option<&Scalar>) -> Option<Ordering> {
    a?.compare(b?)
}
