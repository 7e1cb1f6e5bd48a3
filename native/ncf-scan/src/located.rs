//! Which rows the learned indexes of a file leave to a scan.
//!
//! An index says in which vectors a conjunct can be true. Before that counts for anything, the neighbours of
//! those vectors are looked at: by the bounds of their zones, and where these leave it open, in their rows,
//! whose page is most often the one that is wanted anyway. A conjunct whose check fails is an index miss, and
//! is left to zone maps and evaluation.

use std::ops::Range;

use ncf_core::{FieldPath, Predicate, Result};
use ncf_file::FileReader;
use ncf_file::constants::{VECTOR_ROWS, ZONE_ROWS};
use ncf_index::{Check, intersection, locate, union};

use crate::metrics::ScanMetrics;
use crate::pages::Pages;
use crate::prune::Bounds;
use crate::slots::SlotColumn;

/// What indexes know of the conjuncts of a scan.
pub(crate) struct Located {
    conjuncts: Vec<Found>,
    /// The number of each block's first vector, and of one after the last.
    first_vectors: Vec<u64>,
}

/// Where a conjunct can be true.
struct Found {
    vectors: Vec<Range<u64>>,
    /// What has to hold; none when it was found to.
    checks: Vec<(FieldPath, Check)>,
}

/// Rows of a block.
struct Place {
    block: usize,
    rows: Range<usize>,
}

impl Located {
    /// Asks the indexes, reading no page.
    pub(crate) fn new<'a>(
        reader: &FileReader,
        conjuncts: impl Iterator<Item = &'a Predicate>,
        bounds: &Bounds,
    ) -> Self {
        let mut next = 0;
        let mut first_vectors = vec![0];
        first_vectors.extend(reader.blocks().iter().map(|block| {
            next += u64::from(block.rows).div_ceil(VECTOR_ROWS as u64);
            next
        }));
        let find = |conjunct: &Predicate| {
            let found = locate(conjunct, &|path| bounds.index(path))?;
            Some(Found { vectors: found.vectors, checks: found.checks })
        };
        Self { conjuncts: conjuncts.filter_map(find).collect(), first_vectors }
    }

    /// Asks the indexes, and adds to what they name whatever bounds of zones do not prove to lie elsewhere. Nothing is
    /// left to check, and no page is read.
    pub(crate) fn proven(reader: &FileReader, conjuncts: &[&Predicate], bounds: &Bounds) -> Self {
        let mut located = Self::new(reader, conjuncts.iter().copied(), bounds);
        let mut conjuncts = std::mem::take(&mut located.conjuncts);
        for found in &mut conjuncts {
            let checks = std::mem::take(&mut found.checks);
            let open = checks.iter().map(|(path, check)| located.open(path, check, bounds, reader));
            let vectors = std::mem::take(&mut found.vectors).into_iter().chain(open).collect();
            found.vectors = union(vectors);
        }
        located.conjuncts = conjuncts;
        located
    }

    /// The rows of a block in which all conjuncts can be true, of those that have nothing to check; `None` where indexes
    /// know nothing.
    pub(crate) fn narrowed(&self, block: usize, block_rows: usize) -> Option<Vec<Range<usize>>> {
        let own =
            self.conjuncts.iter().map(|found| self.in_block(&found.vectors, block, block_rows));
        own.reduce(|left, own| intersection(&left, &own))
    }

    /// The vectors from that of a check up to the first one, farther from the keys, of which the bounds of its zone
    /// prove that it lies where it must, that one left out.
    fn open(
        &self,
        path: &FieldPath,
        check: &Check,
        bounds: &Bounds,
        reader: &FileReader,
    ) -> Range<u64> {
        let all = 0..self.first_vectors.last().copied().unwrap_or(u64::MAX);
        let Some((_, statistics, index)) = bounds.indexed(path) else { return all };
        let mut next = Some(check.clone());
        let mut tried = None;
        while let Some(at) = next {
            let Some(Place { block, rows }) = self.place(at.vector, reader) else { return all };
            let zone = rows.start / ZONE_ROWS;
            let proves = || {
                let zones = statistics.block(block);
                zones.is_some_and(|zones| index.proves(&at, &zones.zone_bounds(zone)))
            };
            // Vectors of one zone have the same bounds.
            if tried != Some((block, zone)) && proves() {
                return if check.is_below() {
                    at.vector + 1..check.vector + 1
                } else {
                    check.vector..at.vector
                };
            }
            tried = Some((block, zone));
            next = index.beyond(&at);
        }
        if check.is_below() { 0..check.vector + 1 } else { check.vector..all.end }
    }

    /// The rows of a block in which all conjuncts can be true; `None` where indexes leave all of them. Checks
    /// what is not checked yet.
    pub(crate) fn rows_of(
        &mut self,
        block: usize,
        block_rows: usize,
        bounds: &Bounds,
        (pages, slots): (&mut Pages, &[SlotColumn]),
        metrics: &mut ScanMetrics,
    ) -> Result<Option<Vec<Range<usize>>>> {
        let mut left: Option<Vec<Range<usize>>> = None;
        let mut at = 0;
        while let Some(found) = self.conjuncts.get(at) {
            let own = self.in_block(&found.vectors, block, block_rows);
            let narrows = own.first().is_none_or(|rows| *rows != (0..block_rows));
            if !narrows {
                at += 1;
                continue;
            }
            let mut holds = true;
            for (path, check) in &found.checks {
                holds = holds && self.holds(path, check, bounds, (&mut *pages, slots), metrics)?;
            }
            if !holds {
                metrics.index_misses += 1;
                self.conjuncts.remove(at);
                continue;
            }
            if let Some(found) = self.conjuncts.get_mut(at) {
                found.checks.clear();
            }
            left = Some(left.map_or_else(|| own.clone(), |left| intersection(&left, &own)));
            at += 1;
        }
        Ok(left)
    }

    /// The rows of a block in runs of vectors.
    fn in_block(&self, vectors: &[Range<u64>], block: usize, rows: usize) -> Vec<Range<usize>> {
        let first = self.first_vectors.get(block).copied().unwrap_or(0);
        let row = |vector: u64| {
            let vectors = usize::try_from(vector.saturating_sub(first)).unwrap_or(usize::MAX);
            vectors.saturating_mul(VECTOR_ROWS).min(rows)
        };
        let before = vectors.partition_point(|run| run.end <= first);
        let runs = vectors.iter().skip(before).map(|run| row(run.start)..row(run.end));
        runs.take_while(|run| !run.is_empty()).collect()
    }

    /// The rows of a vector.
    fn place(&self, vector: u64, reader: &FileReader) -> Option<Place> {
        let block = self.first_vectors.partition_point(|first| *first <= vector).checked_sub(1)?;
        let block_rows = reader.blocks().get(block)?.rows as usize;
        let first = *self.first_vectors.get(block)?;
        let start = usize::try_from(vector - first).ok()?.checked_mul(VECTOR_ROWS)?;
        let rows = start..block_rows.min(start + VECTOR_ROWS);
        (!rows.is_empty()).then_some(Place { block, rows })
    }

    /// Whether the rows of a vector lie where they must: by their zone's bounds, or by themselves. Vectors of
    /// nulls say nothing; then the next one counts.
    fn holds(
        &self,
        path: &FieldPath,
        check: &Check,
        bounds: &Bounds,
        (pages, slots): (&mut Pages, &[SlotColumn]),
        metrics: &mut ScanMetrics,
    ) -> Result<bool> {
        let Some((column, statistics, index)) = bounds.indexed(path) else { return Ok(false) };
        let mut next = Some(check.clone());
        while let Some(check) = next {
            let Some(Place { block, rows }) = self.place(check.vector, pages.reader()) else {
                return Ok(false);
            };
            let Some(zones) = statistics.block(block) else { return Ok(false) };
            let zone = rows.start / ZONE_ROWS;
            let of_zone = zones.zone_bounds(zone);
            if index.proves(&check, &of_zone) {
                return Ok(true);
            }
            if of_zone.nulls != Some(zones.zone_rows(zone)) {
                let slot = slots.iter().position(|slot| slot.column == column);
                let Some(slot) = slot else { return Ok(false) };
                let Some((values, validity)) = pages.stored_rows(slot, block, rows, metrics)?
                else {
                    return Ok(false);
                };
                if let Some(holds) = index.holds(&check, &values, validity.as_ref()) {
                    return Ok(holds);
                }
            }
            next = index.beyond(&check);
        }
        // Nothing lies beyond: no row is left out.
        Ok(true)
    }
}
