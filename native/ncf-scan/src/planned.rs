//! What planning leaves of a file: rows that a predicate can be true in, as far as metadata proves it. No data page
//! is read.
//!
//! Bounds of blocks and zones leave out what they leave out in a scan. A learned index names vectors; the neighbours of
//! these must lie on one side of the keys, and where the bounds of a neighbour's zone do not prove that, the vectors up
//! to the next one of which bounds prove it stay in, too. So an index that is wrong leaves out nothing that matches.
//! Filters are asked last, of blocks that still have rows.

use std::ops::Range;

use ncf_core::{Predicate, Result};
use ncf_file::FileReader;
use ncf_file::constants::ZONE_ROWS;
use ncf_index::intersection;

use crate::located::Located;
use crate::prune::Bounds;
use crate::resolve::{ScanColumn, check_columns, check_predicate};

/// Runs of rows of a block, at most: of more, those that are nearest to each other are joined.
const MOST_RUNS: usize = 16;

/// The rows of a file that a scan has to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedRows {
    /// By block: runs of rows, counted from the block's first, in order and apart; none where the block certainly holds
    /// no match.
    pub blocks: Vec<Vec<Range<usize>>>,
    /// Stored bytes of the learned indexes and filters that were read.
    pub index_bytes: u64,
}

/// The rows in which `predicate` can be true.
///
/// # Errors
/// `InvalidArgument` when the predicate does not fit the columns; `Io` or `Corrupt` when metadata or filters cannot be
/// read.
pub fn plan_rows(
    reader: &FileReader,
    columns: &[ScanColumn],
    predicate: &Predicate,
) -> Result<PlannedRows> {
    check_columns(columns, reader)?;
    check_predicate(predicate, columns)?;
    let mut bounds = Bounds::default();
    bounds.load(reader, columns, predicate, true)?;
    let conjuncts = predicate.conjuncts();
    let located = Located::proven(reader, &conjuncts, &bounds);
    let mut planned = PlannedRows { index_bytes: bounds.index_bytes(reader), blocks: Vec::new() };
    for (block, info) in reader.blocks().iter().enumerate() {
        let rows = info.rows as usize;
        let mut left = zones_left(&bounds, &conjuncts, block, rows);
        if let Some(named) = located.narrowed(block, rows) {
            left = intersection(&left, &named);
        }
        if !left.is_empty()
            && !bounds.may_match(reader, predicate, block, &mut planned.index_bytes)?
        {
            left.clear();
        }
        planned.blocks.push(fewer(left, MOST_RUNS));
    }
    Ok(planned)
}

/// The rows of a block that bounds leave.
fn zones_left(
    bounds: &Bounds,
    conjuncts: &[&Predicate],
    block: usize,
    rows: usize,
) -> Vec<Range<usize>> {
    let mut open = Vec::with_capacity(conjuncts.len());
    for conjunct in conjuncts {
        let outcomes = bounds.block(conjunct, block, rows as u64);
        if outcomes.no_match() {
            return Vec::new();
        }
        if !outcomes.all_match() {
            open.push(conjunct);
        }
    }
    let mut left: Vec<Range<usize>> = Vec::new();
    for (zone, start) in (0..rows).step_by(ZONE_ROWS).enumerate() {
        let end = rows.min(start + ZONE_ROWS);
        let zone_rows = (end - start) as u64;
        if open.iter().any(|conjunct| bounds.zone(conjunct, block, zone, zone_rows).no_match()) {
            continue;
        }
        match left.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => left.push(start..end),
        }
    }
    left
}

/// At most `most` runs that hold all rows of these: the narrowest gaps are closed.
fn fewer(runs: Vec<Range<usize>>, most: usize) -> Vec<Range<usize>> {
    let Some(close) = runs.len().checked_sub(most).filter(|close| *close > 0) else { return runs };
    let starts = runs.iter().skip(1).map(|run| run.start);
    let mut gaps: Vec<(usize, usize)> =
        runs.iter().zip(starts).map(|(run, next)| (next - run.end, next)).collect();
    gaps.sort_unstable();
    let mut closed: Vec<usize> = gaps.into_iter().take(close).map(|(_, next)| next).collect();
    closed.sort_unstable();
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(most);
    for run in runs {
        match joined.last_mut() {
            Some(last) if closed.binary_search(&run.start).is_ok() => last.end = run.end,
            _ => joined.push(run),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_gaps_are_closed() {
        let runs = vec![0..1, 3..4, 5..6, 100..101, 102..103];
        assert_eq!(fewer(runs.clone(), 5), runs);
        assert_eq!(fewer(runs.clone(), 3), [0..1, 3..6, 100..103]);
        assert_eq!(fewer(runs.clone(), 2), [0..6, 100..103]);
        assert_eq!(fewer(runs, 1).first(), Some(&(0..103)));
        assert_eq!(fewer(Vec::new(), 1), []);
    }
}
