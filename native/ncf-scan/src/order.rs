//! In which order conjuncts are evaluated: those that take little and leave few rows come first. No
//! conjunct has an error to report, so any order gives the same rows.
//!
//! A conjunct's rank is what it takes by what it removes, the classic order of independent filters
//! (Hellerstein and Stonebraker, "Predicate Migration", 1993); how many rows pass is measured while the
//! scan runs.

use ncf_core::PhysicalType;

use crate::filter::{Kind, Node, Test};
use crate::scan_builder::Conjunct;
use crate::slots::SlotColumn;

/// After this many rows older ones count half.
const MEMORY: f64 = 1_048_576.0;

/// The conjuncts of a scan.
pub(crate) struct Order {
    conjuncts: Vec<Measured>,
}

struct Measured {
    /// What it takes for a row, in units of a comparison of a number.
    cost: f64,
    /// Rows that it was evaluated for, and those that passed.
    seen: f64,
    passed: f64,
}

impl Order {
    pub(crate) fn new(conjuncts: &[Conjunct], columns: &[SlotColumn]) -> Self {
        let measured = |conjunct: &Conjunct| {
            let cost = read_cost(&conjunct.node, columns) + test_cost(&conjunct.node);
            Measured { cost, seen: 0.0, passed: 0.0 }
        };
        Self { conjuncts: conjuncts.iter().map(measured).collect() }
    }

    /// The positions of the conjuncts, the one to evaluate first first. Without a difference they keep
    /// the order that they were given in.
    pub(crate) fn sequence(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.conjuncts.len()).collect();
        let rank = |index: &usize| self.conjuncts.get(*index).map_or(0.0, Measured::rank);
        order.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
        order
    }

    /// Notes how many rows passed.
    pub(crate) fn note(&mut self, conjunct: usize, seen: usize, passed: usize) {
        let Some(measured) = self.conjuncts.get_mut(conjunct) else { return };
        measured.seen += count(seen);
        measured.passed += count(passed);
        if measured.seen > MEMORY {
            measured.seen /= 2.0;
            measured.passed /= 2.0;
        }
    }
}

impl Measured {
    fn rank(&self) -> f64 {
        // As if a row had passed and another had not: nothing is certain.
        let removed = (self.seen - self.passed + 1.0) / (self.seen + 2.0);
        self.cost / removed
    }
}

#[allow(clippy::cast_precision_loss, reason = "a window has few rows")]
fn count(rows: usize) -> f64 {
    rows as f64
}

/// What it takes to have the values.
fn read_cost(node: &Node, columns: &[SlotColumn]) -> f64 {
    let cost = |slot: &usize| match columns.get(*slot).map(|column| column.data_type.physical()) {
        Some(PhysicalType::Bytes) => 16.0,
        Some(PhysicalType::I128) => 4.0,
        _ => 2.0,
    };
    node.slots.iter().map(cost).sum()
}

/// What it takes to test them.
fn test_cost(node: &Node) -> f64 {
    match &node.kind {
        Kind::Always(_) => 0.0,
        Kind::Test(_, Test::IsNull) => 0.5,
        Kind::Test(_, Test::Compare(..)) => 1.0,
        Kind::CompareColumns(..) => 2.0,
        Kind::Test(_, Test::In(..)) => 4.0,
        Kind::Test(_, Test::Text(_)) | Kind::Computed(_) => 8.0,
        Kind::And(parts) | Kind::Or(parts) => parts.iter().map(test_cost).sum(),
        Kind::Not(inner) => test_cost(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(costs: &[f64]) -> Order {
        let measured = |cost: &f64| Measured { cost: *cost, seen: 0.0, passed: 0.0 };
        Order { conjuncts: costs.iter().map(measured).collect() }
    }

    #[test]
    fn what_removes_more_for_its_cost_comes_first() {
        let mut order = order(&[3.0, 3.0, 24.0]);
        assert_eq!(order.sequence(), [0, 1, 2]);
        order.note(0, 1000, 999);
        order.note(1, 1000, 500);
        assert_eq!(order.sequence(), [1, 2, 0]);
        // The data change: what passed long ago is forgotten.
        for _ in 0..200 {
            order.note(0, 65_536, 10);
        }
        assert_eq!(order.sequence(), [0, 1, 2]);
    }
}
