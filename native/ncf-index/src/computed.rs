//! What bounds of columns say about computed values.
//!
//! Exact numbers lie in the range that [`Computation::proof`] derives. A function of one column that
//! never falls takes the column's bounds to its own. All else may have any value.

use ncf_core::computation::{Proof, pow10};
use ncf_core::{
    ColumnBounds, Computation, DataType, Error, Expression, FieldPath, Function, Scalar,
};

use crate::zone_map::Facts;

impl Facts {
    /// What is known of a computation in `rows` rows (more than 0) whose columns have `bounds`.
    pub(crate) fn computed(
        computation: &Computation,
        rows: u64,
        bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
    ) -> Self {
        rising(computation, rows, bounds)
            .or_else(|| in_range(computation, bounds))
            .unwrap_or_else(Self::unknown)
    }
}

/// The bounds of a function that never falls, over one column.
fn rising(
    computation: &Computation,
    rows: u64,
    bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
) -> Option<Facts> {
    let Computation::Call { function, arguments } = computation else { return None };
    let [Computation::Value(Expression::Column(path))] = arguments.as_slice() else { return None };
    let never_falls = match function {
        Function::Year | Function::YearOfWeek => true,
        // A clock that is set back gives later instants earlier dates.
        Function::Date(zone) => zone.is_fixed(),
        // Of characters from the first, the order of strings is the order of their beginnings.
        Function::Substring { start: 0 | 1, .. } => true,
        _ => false,
    };
    if !never_falls {
        return None;
    }
    let column = Facts::of(bounds(path)?, rows);
    let map = |bound: Option<Scalar>| {
        let bound = bound?;
        computation.evaluate(&|_| Some(bound.clone()))
    };
    Some(Facts { min: map(column.min), max: map(column.max), may_nan: false, ..column })
}

/// The range of exact numbers. Which rows are null is not looked into.
fn in_range(
    computation: &Computation,
    bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
) -> Option<Facts> {
    let of_column = |path: &FieldPath| {
        let known = bounds(path).and_then(|bounds| bounds.min.or(bounds.max));
        known.map(|bound| bound.data_type()).ok_or_else(|| Error::internal("no bounds"))
    };
    let data_type = computation.data_type(&of_column).ok()?;
    let Ok(Proof::Within(range)) = computation.proof(&of_column, bounds) else { return None };
    let bound = |value| number(value, data_type);
    Some(Facts {
        may_null: true,
        may_nan: false,
        may_ordinary: true,
        min: Some(bound(range.min)?),
        max: Some(bound(range.max)?),
    })
}

fn number(value: i128, data_type: DataType) -> Option<Scalar> {
    Some(match data_type {
        DataType::Int8 => Scalar::Tinyint(value.try_into().ok()?),
        DataType::Int16 => Scalar::Smallint(value.try_into().ok()?),
        DataType::Int32 => Scalar::Int(value.try_into().ok()?),
        DataType::Int64 => Scalar::Bigint(value.try_into().ok()?),
        DataType::Decimal { precision, scale } => {
            let inside = value.unsigned_abs() < pow10(precision.into())?.unsigned_abs();
            inside.then_some(Scalar::Decimal { unscaled: value, precision, scale })?
        }
        _ => return None,
    })
}
