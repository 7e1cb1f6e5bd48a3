//! Columns of strings, floats or wide integers that are nearly the same.

use ncf_core::Values;

use super::super::Relation;
use super::sample::{Column, View};
use super::{Proposals, cost};

/// The share of rows that must be equal.
const EQUAL: f64 = 0.9;

/// Bits of an exception's row.
const EXCEPTION: f64 = 16.0;

/// Bytes of the relation itself.
const HEADER: f64 = 24.0;

pub(super) fn propose(view: &View<'_>, proposals: &mut Proposals) {
    let able = |column: &Column<'_>| {
        let values = column.sampled.values;
        matches!(values, Values::I128(_) | Values::F32(_) | Values::F64(_) | Values::Bytes(_))
    };
    for (place, target) in view.targets() {
        for (other, reference) in view.references() {
            let same = reference.sampled.values.physical() == target.sampled.values.physical();
            if place == other || !same || !able(target) {
                continue;
            }
            let Some(exceptions) = differing(target, &target.bits, &reference.bits) else {
                continue;
            };
            let each = target.value_bits + EXCEPTION;
            let flags = cost::entropy_of_share(exceptions);
            let bits = target.valid_rows * (exceptions * each + flags);
            let relation = Relation::Equality { column: reference.sampled.number };
            proposals.add(place, relation, HEADER + bits / 8.0);
        }
    }
}

/// The share of rows that differ, unless it is large.
fn differing(target: &Column<'_>, a: &[u64], b: &[u64]) -> Option<f64> {
    let (mut rows, mut differ) = (0u32, 0u32);
    let pairs = a.iter().zip(b).enumerate();
    for (_, (a, b)) in pairs.filter(|(place, _)| target.is_valid(*place)) {
        rows += 1;
        differ += u32::from(a != b);
        // Most columns differ in nearly all rows.
        if differ > 64 && f64::from(differ) > f64::from(rows) * (1.0 - EQUAL) * 4.0 {
            return None;
        }
    }
    let share = f64::from(differ) / f64::from(rows.max(1));
    (share <= 1.0 - EQUAL).then_some(share)
}
