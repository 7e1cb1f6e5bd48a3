//! What becomes of the rows that a scan selects, and in which order it looks at blocks for it.

use arrow_array::RecordBatch;
use ncf_core::Result;
use ncf_file::FileReader;

use crate::aggregate::Aggregator;
use crate::scan_builder::{Conjunct, Plan};
use crate::top::Best;

/// What becomes of selected rows.
pub(crate) enum Sink {
    /// They are returned.
    Rows,
    /// They are grouped and counted.
    Aggregates(Aggregator),
    /// The first ones in an order are kept.
    Best(Best),
}

impl Sink {
    /// What rows must meet, besides the filter, to change anything.
    pub(crate) fn bound(&self) -> Option<&Conjunct> {
        match self {
            Self::Best(best) => best.bound(),
            Self::Rows | Self::Aggregates(_) => None,
        }
    }

    /// Bytes that it holds.
    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Rows => 0,
            Self::Aggregates(aggregator) => aggregator.byte_len(),
            Self::Best(best) => best.byte_len(),
        }
    }

    /// What is left when all rows were seen.
    pub(crate) fn finish(&mut self) -> Result<Option<RecordBatch>> {
        match self {
            Self::Rows => Ok(None),
            Self::Aggregates(aggregator) => aggregator.take().map(Some),
            Self::Best(best) => Ok(best.take()),
        }
    }
}

/// The order in which blocks are looked at, the first one last: for first rows, blocks with the best
/// values come first, so that the others may be left out.
pub(crate) fn block_order(reader: &FileReader, plan: &Plan, sink: &Sink) -> Vec<usize> {
    let order: Vec<usize> = plan.blocks.clone().rev().collect();
    let Sink::Best(best) = sink else { return order };
    let Some(key) = best.first_key() else { return order };
    let best_value = |block: &usize| {
        let rows = reader.blocks().get(*block).map_or(0, |info| info.rows.into());
        let bounds = plan.bounds.of_block(&key.column, *block, rows)?;
        if key.descending { bounds.max } else { bounds.min }
    };
    let mut known: Vec<_> = order.iter().map(|block| (best_value(block), *block)).collect();
    known.sort_by(|(a, _), (b, _)| {
        let order = match (a, b) {
            (Some(a), Some(b)) => a.compare(b).unwrap_or(std::cmp::Ordering::Equal),
            // A block of unknown values comes before all others: nothing can leave it out.
            (a, b) => return a.is_none().cmp(&b.is_none()),
        };
        if key.descending { order } else { order.reverse() }
    });
    known.into_iter().map(|(_, block)| block).collect()
}
