//! How many rows of a plan pass its filter: an estimate from a sample of what is to be read.
//!
//! Statistics of zones leave some rows of the planned blocks; of these a few windows, spread evenly,
//! are filtered. What was not looked at may differ from the sample, and an estimate that is too low
//! makes an engine hold a table in memory that does not fit. So twice the standard error between
//! windows is added, and a sixteenth of a window's share for matches that no window had.

use std::sync::Arc;

use ncf_core::{Predicate, Result};
use ncf_file::FileReader;
use ncf_file::constants::PAGE_ROWS;
use ncf_scan::{ScanBuilder, ScanColumn, open_rows};
use rayon::prelude::*;

use super::plan::with_threads;
use super::split::scan_columns;
use super::{Dataset, Plan, ScanRequest, Split, open_reader};

/// Blocks whose statistics are looked at, for each window that is read.
const BLOCKS_PER_WINDOW: usize = 4;

/// A share of a window that is taken to match although no window shows it.
const UNSEEN: f64 = 1.0 / 16.0;

/// A block of a plan, opened.
struct Block {
    reader: Arc<FileReader>,
    columns: Vec<ScanColumn>,
    number: usize,
    first_row: u64,
    rows: u64,
    /// Rows that zones leave, by window.
    open: Vec<u64>,
}

impl Dataset {
    /// At least about how many rows of the plan pass the request's filter, from `windows` windows of
    /// 64 Ki rows; exact when these are all there are.
    ///
    /// # Errors
    /// `Io`, `Corrupt` or `LimitExceeded` from reading pages.
    pub fn estimate(&self, plan: &Plan, request: &ScanRequest, windows: usize) -> Result<u64> {
        let Some(filter) = &request.filter else { return Ok(plan.rows) };
        let planned: Vec<(&Split, usize)> = plan
            .splits
            .iter()
            .flat_map(|split| split.blocks.clone().map(move |block| (split, block)))
            .collect();
        let picked = spread(&planned, windows.saturating_mul(BLOCKS_PER_WINDOW));
        let open = |place: &&(&Split, usize)| self.open_block(place.0, place.1, request, filter);
        let blocks = with_threads(request.threads, picked.len(), || {
            picked.par_iter().map(open).collect::<Result<Vec<_>>>()
        })?;
        let candidates: Vec<(&Block, usize)> = blocks
            .iter()
            .flat_map(|block| block.windows().map(move |window| (block, window)))
            .collect();
        let chosen = spread(&candidates, windows);
        let count = |place: &&(&Block, usize)| place.0.count(place.1, filter);
        let passed = with_threads(request.threads, chosen.len(), || {
            chosen.par_iter().map(count).collect::<Result<Vec<_>>>()
        })?;
        let left: Vec<_> =
            blocks.iter().map(|block| (block.open.iter().sum(), block.rows)).collect();
        let all_blocks = picked.len() == planned.len();
        if all_blocks && chosen.len() == candidates.len() {
            return Ok(passed.iter().map(|(passed, _)| passed).sum());
        }
        let unseen = |seen: usize| UNSEEN / (seen.max(1) as f64);
        let left = share(&left, all_blocks) + if all_blocks { 0.0 } else { unseen(left.len()) };
        let share = left * (share(&passed, false) + unseen(chosen.len()));
        Ok(scaled(plan.rows, share))
    }

    fn open_block(
        &self,
        split: &Split,
        number: usize,
        request: &ScanRequest,
        filter: &Predicate,
    ) -> Result<Block> {
        let reader = Arc::new(open_reader(&*self.storage, split.file.as_ref())?);
        split.check_identity(&reader)?;
        let schema = request.filter_schema.as_ref().or(request.schema.as_ref());
        let schema = schema.unwrap_or(self.schema());
        let columns = scan_columns(&reader, split, schema, &request.filter_names())?;
        let open = open_rows(&reader, &columns, filter, number)?;
        let info = reader.blocks().get(number);
        let (first_row, rows) = info.map_or((0, 0), |info| (info.first_row, u64::from(info.rows)));
        Ok(Block { reader, columns, number, first_row, rows, open })
    }
}

impl Block {
    /// The windows that zones leave something of.
    fn windows(&self) -> impl Iterator<Item = usize> {
        self.open.iter().enumerate().filter(|(_, open)| **open > 0).map(|(window, _)| window)
    }

    /// How many rows of a window pass, of those that zones leave.
    fn count(&self, window: usize, filter: &Predicate) -> Result<(u64, u64)> {
        let start = self.first_row + (window * PAGE_ROWS) as u64;
        let end = (start + PAGE_ROWS as u64).min(self.first_row + self.rows);
        let mut scan = ScanBuilder::new(self.reader.clone(), self.columns.clone())
            .project(Vec::new())
            .filter(filter.clone())
            .blocks(self.number..self.number + 1)
            .rows(start..end)
            .build()?;
        while scan.next_batch()?.is_some() {}
        let open = self.open.get(window).copied().unwrap_or(0);
        Ok((scan.metrics().rows_out, open))
    }
}

/// Up to `most` of the items, evenly spread.
fn spread<T>(items: &[T], most: usize) -> Vec<&T> {
    if items.len() <= most {
        return items.iter().collect();
    }
    // The middle of each of `most` runs.
    (0..most).filter_map(|run| items.get((2 * run + 1) * items.len() / (2 * most))).collect()
}

/// The share that the first of all pairs have of the second, and, unless there are no other pairs,
/// twice its standard error.
fn share(pairs: &[(u64, u64)], whole: bool) -> f64 {
    let sum = |one: fn(&(u64, u64)) -> u64| pairs.iter().map(one).sum::<u64>() as f64;
    let (parts, wholes) = (sum(|pair| pair.0), sum(|pair| pair.1));
    if wholes == 0.0 {
        return 0.0;
    }
    let mean = parts / wholes;
    if whole {
        return mean;
    }
    let count = pairs.len() as f64;
    let off = |(part, all): &(u64, u64)| (*part as f64 / (*all).max(1) as f64 - mean).powi(2);
    let variance = pairs.iter().map(off).sum::<f64>() / (count - 1.0).max(1.0);
    // One pair says nothing about others.
    let error = if pairs.len() > 1 { (variance / count).sqrt() } else { mean };
    (mean + 2.0 * error).min(1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count that fits"
)]
fn scaled(rows: u64, share: f64) -> u64 {
    ((rows as f64 * share).ceil() as u64).min(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_are_spread_over_the_whole() {
        let items: Vec<u32> = (0..100).collect();
        assert_eq!(spread(&items, 4), [&12, &37, &62, &87]);
        assert_eq!(spread(&items, 200).len(), 100);
        assert!(spread(&items, 0).is_empty());
    }

    #[test]
    fn a_share_is_no_less_than_the_mean_and_grows_with_differences() {
        assert_eq!(share(&[(1, 10), (3, 10)], true), 0.2);
        let same = share(&[(2, 10), (2, 10)], false);
        let different = share(&[(0, 10), (4, 10)], false);
        assert!((same - 0.2).abs() < 1e-9 && (different - 0.6).abs() < 1e-9, "{different}");
        assert_eq!(share(&[(9, 10), (10, 10), (10, 10)], false), 1.0);
        assert_eq!(share(&[(1, 4)], false), 0.75);
        assert_eq!(share(&[], false), 0.0);
    }
}
