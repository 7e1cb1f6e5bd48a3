//! What bounds of columns say about computed values.
//!
//! Exact numbers lie in the range that [`Computation::proof`] derives. A function of one column that
//! never falls takes the column's bounds to its own. All else may have any value.

use ncf_core::computation::{Proof, exact};
use ncf_core::{ColumnBounds, Computation, Error, Expression, FieldPath, Function, Scalar};

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
    Some(Facts {
        may_null: true,
        may_nan: false,
        may_ordinary: true,
        min: Some(exact(range.min, data_type)?),
        max: Some(exact(range.max, data_type)?),
    })
}

#[cfg(test)]
mod tests {
    use ncf_core::computation::Zone;
    use ncf_core::{ArithmeticOp, CompareOp, DataType, Predicate};

    use super::*;
    use crate::pruning::{Outcomes, outcomes};

    fn call(function: Function) -> Computation {
        Computation::Call { function, arguments: vec![Computation::column("c")] }
    }

    /// What a comparison can be over rows that hold these values of `c`.
    fn over(values: &[Scalar], of: &Computation, op: CompareOp, with: Scalar) -> Outcomes {
        let order = |a: &&Scalar, b: &&Scalar| a.compare(b).unwrap();
        let bounds = ColumnBounds {
            min: values.iter().min_by(order).cloned(),
            max: values.iter().max_by(order).cloned(),
            nulls: Some(0),
            nans: Some(0),
            exact: true,
        };
        let computed = Expression::Computed(Box::new(of.clone()));
        let predicate = Predicate::Compare(op, computed, Expression::Literal(with));
        let found = outcomes(&predicate, values.len() as u64, &|_| Some(bounds.clone()));
        for value in values {
            match predicate.evaluate(&|_| Some(value.clone())) {
                Some(true) => assert!(found.can_true, "{predicate} of {value}"),
                Some(false) => assert!(found.can_false, "{predicate} of {value}"),
                None => assert!(found.can_null, "{predicate} of {value}"),
            }
        }
        found
    }

    #[test]
    fn years_and_beginnings_prune() {
        // 1995-06-01 and 1996-03-01.
        let days = [Scalar::Date(9282), Scalar::Date(9556)];
        let year = |op, year| over(&days, &call(Function::Year), op, Scalar::Int(year));
        assert!(year(CompareOp::Eq, 1994).no_match());
        assert!(!year(CompareOp::Eq, 1996).no_match());
        assert!(year(CompareOp::GtEq, 1995).all_match());
        let texts = ["apple", "banana"].map(|text| Scalar::String(text.into()));
        let start = call(Function::Substring { start: 1, length: Some(1) });
        let of = |text: &str| over(&texts, &start, CompareOp::Eq, Scalar::String(text.into()));
        assert!(of("c").no_match() && !of("b").no_match());
        // The end of a string says nothing of its place in the order.
        let end = call(Function::Substring { start: -1, length: None });
        assert!(!over(&texts, &end, CompareOp::Eq, Scalar::String("z".into())).no_match());
    }

    #[test]
    fn dates_of_clocks_that_are_set_back_prune_nothing() {
        let times = [Scalar::Timestamp(0), Scalar::Timestamp(1)];
        let on = |zone| over(&times, &call(Function::Date(zone)), CompareOp::Eq, Scalar::Date(7));
        assert!(on(Zone::default()).no_match());
        let changing = Zone { offset: 0, transitions: vec![(5, -3600)], until: None };
        assert!(!on(changing).no_match());
    }

    #[test]
    fn what_arithmetic_can_reach_prunes() {
        let values: Vec<Scalar> = (-4..9).map(Scalar::Int).collect();
        let constant = |v| Box::new(Computation::Value(Expression::Literal(Scalar::Int(v))));
        for op in [
            ArithmeticOp::Add,
            ArithmeticOp::Subtract,
            ArithmeticOp::Multiply,
            ArithmeticOp::Remainder,
        ] {
            for by in [-3, 2, 100] {
                let computation = Computation::Arithmetic {
                    op,
                    left: Box::new(Computation::column("c")),
                    right: constant(by),
                    data_type: DataType::Int32,
                };
                let results = values.iter().filter_map(|value| {
                    match computation.evaluate(&|_| Some(value.clone())) {
                        Some(Scalar::Int(found)) => Some(found),
                        _ => None,
                    }
                });
                let most = results.max().unwrap();
                let above =
                    |v| over(&values, &computation, CompareOp::Gt, Scalar::Int(v)).no_match();
                assert!(!above(most - 1), "{computation}");
                // A remainder's range is that of its divisor, where the left side passes it.
                assert!(above(most.max(by.abs() - 1)), "{computation}");
            }
        }
    }
}
