//! The scan: block by block, window by window.
//!
//! A window is a run of rows of a block that lies in one page of every column of the scan (≤ 64 Ki
//! rows). For each window:
//!
//! 1. zones that cannot match are dropped, and vectors that learned indexes leave out ([`crate::located`]);
//!    nothing left: nothing is read;
//! 2. conjuncts are evaluated, the most useful first ([`crate::order`]), each on the rows that are left,
//!    and skipped where the bounds prove that all rows pass; nothing left: later columns are not read;
//! 3. the projected columns are read, the selected rows go to the coalescer.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use ncf_core::{Error, MemoryReservation, PhysicalType, Result, ResultExt};
use ncf_encoding::DecodedValues;
use ncf_file::FileReader;
use ncf_file::constants::{PAGE_ROWS, ZONE_ROWS};
use ncf_index::intersection;

use crate::batch::{predicate_of, select_rows};
use crate::coalesce::Coalescer;
use crate::coded::{batch_of, is_coded};
use crate::filter::{Cache, Node, Rows, evaluate, narrow};
use crate::located::Located;
use crate::metrics::ScanMetrics;
use crate::order::Order;
use crate::pages::Pages;
use crate::scan_builder::Plan;
use crate::sink::{Sink, block_order};
use crate::slots::Output;

/// With fewer than one in this many rows left, strings are filtered before the next conjunct.
const SPARSE: usize = 8;

/// A running scan. Made by [`crate::ScanBuilder`].
pub struct Scan {
    reader: Arc<FileReader>,
    plan: Plan,
    pages: Pages,
    /// The slots of the projected columns.
    projection: Vec<usize>,
    cache: Cache,
    order: Order,
    located: Located,
    sink: Sink,
    output: Coalescer,
    /// Of the rows in `output`, or of the groups.
    memory: MemoryReservation,
    metrics: ScanMetrics,
    /// Blocks that are still to be looked at, the next one last.
    blocks: Vec<usize>,
    block: Option<BlockState>,
    rows_left: u64,
    finished: bool,
}

/// The block that the scan stands in.
struct BlockState {
    number: usize,
    /// Rows that remain to be looked at, counted from the block's first.
    rows: Range<usize>,
    block_rows: usize,
    /// Rows that the plan and indexes leave, in order and apart.
    left: Vec<Range<usize>>,
    /// For each conjunct, whether the block's bounds leave anything to check.
    open: Vec<bool>,
    /// Pages that could be read, and those read before the block began.
    pages: u64,
    pages_before: u64,
}

/// What bounds leave of a window.
struct Survivors {
    rows: Range<usize>,
    /// Rows of `rows` that may match; `None` = all.
    selection: Option<BooleanBuffer>,
    /// For each conjunct, whether it has to be evaluated.
    open: Vec<bool>,
}

impl Scan {
    pub(crate) fn start(reader: Arc<FileReader>, plan: Plan, sink: Sink) -> Result<Self> {
        let blocks = block_order(&reader, &plan, &sink);
        let index_bytes = plan.bounds.index_bytes(&reader);
        let mut metrics = ScanMetrics { index_bytes, ..ScanMetrics::default() };
        let planned = |block: &usize| {
            reader.blocks().get(*block).is_some_and(|info| !plan.rows_of(info).is_empty())
        };
        metrics.blocks_planned = plan.blocks.clone().filter(planned).count() as u64;
        Ok(Self {
            pages: Pages::new(reader.clone(), plan.slots.columns())?,
            projection: plan.outputs.iter().flat_map(Output::slots).collect(),
            cache: Cache::default(),
            order: Order::new(&plan.conjuncts, plan.slots.columns()),
            located: Located::new(
                &reader,
                plan.conjuncts.iter().map(|conjunct| &conjunct.predicate),
                &plan.bounds,
            ),
            sink,
            output: Coalescer::new(plan.schema.clone(), plan.batch_rows),
            memory: reader.memory().reservation(),
            metrics,
            blocks,
            block: None,
            rows_left: plan.limit,
            finished: false,
            reader,
            plan,
        })
    }

    /// What the scan did so far.
    pub fn metrics(&self) -> &ScanMetrics {
        &self.metrics
    }

    /// The schema of the batches.
    pub fn schema(&self) -> arrow_schema::SchemaRef {
        self.plan.schema.clone()
    }

    /// The next batch; `None` at the end. A batch may be EMPTY: the scan went through some pages
    /// without a match, and gives the caller a chance to stop. After an error the scan is at its end.
    ///
    /// # Errors
    /// `Io`, `Corrupt` or `LimitExceeded` from reading pages.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.advance();
        self.metrics.peak_memory = self.reader.memory().peak();
        if batch.is_err() {
            self.finished = true;
        }
        let block = || self.block.as_ref().map_or_else(|| "none".into(), |b| b.number.to_string());
        batch.at("block", block).at("file", || self.reader.name())
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.pop() {
            return Ok(Some(batch));
        }
        if self.finished {
            return Ok(None);
        }
        let open = self.rows_left > 0 && self.enter_block()?;
        if !open {
            self.leave_block();
            self.finished = true;
            if let Some(rest) = self.sink.finish()? {
                self.output.push(&rest)?;
            }
            self.output.flush()?;
            return Ok(self.pop());
        }
        self.next_window()?;
        Ok(Some(self.pop().unwrap_or_else(|| RecordBatch::new_empty(self.plan.schema.clone()))))
    }

    fn pop(&mut self) -> Option<RecordBatch> {
        let batch = self.output.pop()?;
        self.metrics.rows_out += batch.num_rows() as u64;
        Some(batch)
    }

    /// Makes a block with rows left current; false when there is none.
    fn enter_block(&mut self) -> Result<bool> {
        if self.block.as_ref().is_some_and(|block| !block.rows.is_empty()) {
            return Ok(true);
        }
        self.leave_block();
        while let Some(number) = self.blocks.pop() {
            if let Some(block) = self.open_block(number)? {
                self.block = Some(block);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The block's state, unless none of its rows is wanted or can match.
    fn open_block(&mut self, number: usize) -> Result<Option<BlockState>> {
        let info = self.reader.blocks().get(number).ok_or_else(|| Error::internal("no block"))?;
        let left = self.plan.rows_of(info);
        let (Some(first), Some(last)) = (left.first(), left.last()) else { return Ok(None) };
        let rows = first.start..last.end;
        let mut open = Vec::with_capacity(self.plan.conjuncts.len());
        let bounds = &self.plan.bounds;
        for conjunct in &self.plan.conjuncts {
            let outcomes = bounds.block(&conjunct.predicate, number, info.rows.into());
            if outcomes.no_match() {
                self.metrics.blocks_pruned += 1;
                return Ok(None);
            }
            open.push(!outcomes.all_match());
        }
        for conjunct in &self.plan.conjuncts {
            let read = &mut self.metrics.index_bytes;
            if !bounds.may_match(&self.reader, &conjunct.predicate, number, read)? {
                self.metrics.blocks_pruned += 1;
                return Ok(None);
            }
        }
        if let Some(bound) = self.sink.bound()
            && bounds.block(&bound.predicate, number, info.rows.into()).no_match()
        {
            self.metrics.blocks_pruned += 1;
            return Ok(None);
        }
        let block_rows = info.rows as usize;
        let (pages, pages_before) = (self.pages.count(number, &rows)?, self.metrics.pages_read);
        let Self { located, plan, pages: loaded, metrics, .. } = self;
        let slots = (loaded, plan.slots.columns());
        let located = located.rows_of(number, block_rows, &plan.bounds, slots, metrics)?;
        let left = located.map_or_else(|| left.clone(), |located| intersection(&left, &located));
        if left.is_empty() {
            self.metrics.blocks_pruned += 1;
            return Ok(None);
        }
        Ok(Some(BlockState { number, rows, block_rows, left, open, pages, pages_before }))
    }

    fn leave_block(&mut self) {
        if let Some(block) = self.block.take() {
            let read = self.metrics.pages_read - block.pages_before;
            self.metrics.pages_pruned += block.pages.saturating_sub(read);
        }
    }

    /// Goes through one window.
    fn next_window(&mut self) -> Result<()> {
        let Some(block) = &mut self.block else {
            return Err(Error::internal("a scan stands in no block"));
        };
        let start = block.rows.start;
        let limit = block.rows.end.min(start.saturating_add(PAGE_ROWS));
        let end = self.pages.boundary(block.number, start, limit)?;
        block.rows.start = end;
        let number = block.number;
        let survivors = self.prune_zones(start..end).and_then(|left| self.sample(left));
        let Some(Survivors { rows, mut selection, open }) = survivors else {
            return Ok(());
        };
        let scanned = selection.as_ref().map_or(rows.len(), BooleanBuffer::count_set_bits);
        self.metrics.rows_scanned += scanned as u64;
        let Self { plan, sink, pages, cache, order, metrics, .. } = self;
        let is_open = |index: &usize| open.get(*index).copied().unwrap_or(true);
        let sequence = order.sequence().into_iter().filter(is_open);
        let mut left = scanned;
        // What bounds the first rows comes last: it is cheap only where zones are left out.
        for index in sequence.chain([plan.conjuncts.len()]) {
            let Some(conjunct) = plan.conjuncts.get(index).or_else(|| sink.bound()) else {
                continue;
            };
            let node = &conjunct.node;
            pages.load(&node.slots, number, rows.start, metrics)?;
            // Of few rows that are left each is decoded by itself.
            let sparse = selection.is_some() && left * SPARSE < rows.len();
            if !sparse && !node.reads_symbols() {
                pages.decode_strings(&node.slots)?;
            }
            let view = pages.rows(&node.slots, rows.start, rows.len())?;
            selection = filter(node, &view, selection, sparse, cache)
                .at("column", || pages.names(&node.slots))?;
            let passed = selection.as_ref().map_or(rows.len(), BooleanBuffer::count_set_bits);
            order.note(index, left, passed);
            left = passed;
            if selection.as_ref().is_some_and(|selection| !selection.has_true()) {
                return Ok(());
            }
        }
        match &mut self.sink {
            Sink::Rows | Sink::Best(_) => self.emit(number, rows, selection),
            Sink::Aggregates(aggregator) => {
                pages.load(aggregator.slots(), number, rows.start, metrics)?;
                let mask = selection.filter(BooleanBuffer::has_false);
                if mask.is_none() {
                    pages.decode_strings(aggregator.slots())?;
                }
                let all = pages.rows(aggregator.slots(), rows.start, rows.len())?;
                match mask {
                    None => aggregator.update(&all, cache)?,
                    Some(mask) => {
                        let selected = select_rows(&all, &predicate_of(&mask))?;
                        let names = || pages.names(aggregator.slots());
                        let selected = selected.with_strings().at("column", names)?;
                        aggregator.update(&selected, cache)?;
                    }
                }
                let granted = self.memory.try_resize_sparing(aggregator.byte_len() as u64)?;
                if !granted || aggregator.is_full() {
                    self.output.push(&aggregator.take()?)?;
                    self.memory.resize("groups", 0)?;
                }
                Ok(())
            }
        }
    }

    /// Looks up the zones of some rows of the current block; `None` when none of them can match.
    fn prune_zones(&self, rows: Range<usize>) -> Option<Survivors> {
        let block = self.block.as_ref()?;
        let mut open = vec![false; block.open.len()];
        let bound = self.sink.bound();
        let useful = bound.is_some() || block.open.contains(&true);
        let bounds = &self.plan.bounds;
        let mut kept: Vec<Range<usize>> = Vec::new();
        let zones = rows.start / ZONE_ROWS..rows.end.div_ceil(ZONE_ROWS);
        if !useful {
            kept.push(rows.clone());
        }
        for zone in zones.filter(|_| useful) {
            let zone_start = zone * ZONE_ROWS;
            let zone_end = block.block_rows.min(zone_start + ZONE_ROWS);
            let zone_rows = (zone_end - zone_start) as u64;
            let mut zone_open = block.open.clone();
            let possible =
                self.plan.conjuncts.iter().zip(&mut zone_open).all(|(conjunct, open)| {
                    if !*open {
                        return true;
                    }
                    let outcomes = bounds.zone(&conjunct.predicate, block.number, zone, zone_rows);
                    *open = !outcomes.all_match();
                    !outcomes.no_match()
                });
            let better = || {
                bound.is_none_or(|bound| {
                    !bounds.zone(&bound.predicate, block.number, zone, zone_rows).no_match()
                })
            };
            if possible && better() {
                open.iter_mut().zip(zone_open).for_each(|(any, this)| *any |= this);
                let part = rows.start.max(zone_start)..rows.end.min(zone_end);
                match kept.last_mut() {
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => kept.push(part),
                }
            }
        }
        let kept = intersection(&kept, &block.left);
        let rows = kept.first()?.start..kept.last()?.end;
        let selection = (kept.len() > 1).then(|| {
            let mut mask = BooleanBufferBuilder::new(rows.len());
            for part in kept {
                mask.append_n(part.start - rows.start - mask.len(), false);
                mask.append_n(part.len(), true);
            }
            mask.finish()
        });
        Some(Survivors { rows, selection, open })
    }

    /// The rows of the sample; `None` when there are none, so that no page is read.
    fn sample(&self, left: Survivors) -> Option<Survivors> {
        let Some(sample) = &self.plan.sample else { return Some(left) };
        let number = self.block.as_ref()?.number;
        let first = self.reader.blocks().get(number)?.first_row + left.rows.start as u64;
        let mut rows = first..;
        let taken = BooleanBuffer::collect_bool(left.rows.len(), |_| {
            rows.next().is_some_and(|row| sample.takes(row))
        });
        let selection = left.selection.map_or_else(|| taken.clone(), |kept| &kept & &taken);
        selection.has_true().then_some(Survivors { selection: Some(selection), ..left })
    }

    /// Reads the projected columns and hands the selected rows on.
    fn emit(
        &mut self,
        block: usize,
        mut rows: Range<usize>,
        mut selection: Option<BooleanBuffer>,
    ) -> Result<()> {
        let mut count = selection.as_ref().map_or(rows.len(), BooleanBuffer::count_set_bits);
        if let Some(limit) = usize::try_from(self.rows_left).ok().filter(|limit| *limit < count) {
            let len = match &selection {
                None => limit,
                Some(mask) => {
                    mask.set_indices().nth(limit.saturating_sub(1)).map_or(0, |row| row + 1)
                }
            };
            rows.end = rows.start + len;
            selection = selection.map(|mask| mask.slice(0, len));
            count = limit;
        }
        if selection.as_ref().is_some_and(|mask| !mask.has_false()) {
            selection = None;
        }
        let Self { plan, projection, pages, metrics, sink, .. } = self;
        pages.load(projection, block, rows.start, metrics)?;
        let selection = selection.as_ref().map(predicate_of);
        // Rows that are kept to be sorted would keep whole dictionaries with them.
        let keep = plan.dictionaries && matches!(sink, Sink::Rows);
        let array =
            |output: &Output| output.array(pages, rows.start, rows.len(), selection.as_ref(), keep);
        let arrays = plan.outputs.iter().map(array).collect::<Result<_>>()?;
        let batch = batch_of(&plan.schema, arrays, count)?;
        self.rows_left -= count as u64;
        let bytes = self.own_bytes(&batch, selection.is_some())
            + self.output.waiting_bytes()
            + self.sink.byte_len();
        self.memory.resize("a batch", bytes as u64)?;
        match &mut self.sink {
            Sink::Best(best) => best.push(batch),
            Sink::Rows | Sink::Aggregates(_) => self.output.push(&batch),
        }
    }

    /// Bytes of the columns of a batch that do not share the memory of their page.
    fn own_bytes(&self, batch: &RecordBatch, selected: bool) -> usize {
        let columns = self.plan.outputs.iter().zip(batch.columns());
        let own = columns.filter(|(output, _)| selected || !output.shares_page(&self.pages));
        own.map(|(_, column)| match is_coded(column) {
            // The dictionary is the page's or its chunk's, or one value or a few.
            Some(coded) => coded.keys().get_buffer_memory_size(),
            None => column.get_buffer_memory_size(),
        })
        .sum()
    }
}

/// The rows of `selection` (`None` = all) that make the node true. With `sparse` these are few.
fn filter(
    node: &Node,
    rows: &Rows,
    selection: Option<BooleanBuffer>,
    sparse: bool,
    cache: &mut Cache,
) -> Result<Option<BooleanBuffer>> {
    if let Some(selected) = &selection
        && sparse
        && has_strings(rows)
    {
        let mut selected_rows = select_rows(rows, &predicate_of(selected))?;
        if !node.reads_symbols() {
            selected_rows = selected_rows.with_strings()?;
        }
        let truth = evaluate(node, &selected_rows, cache)?;
        return narrow(selected, &truth.is_true).map(Some);
    }
    let found = evaluate(node, rows, cache)?.is_true;
    Ok(match selection {
        None if !found.has_false() => None,
        None => Some(found),
        Some(selected) => Some(&selected & &found),
    })
}

fn has_strings(rows: &Rows) -> bool {
    rows.pages.iter().any(|(_, page)| match &page.values {
        DecodedValues::Flat(values) => values.physical() == PhysicalType::Bytes,
        DecodedValues::Symbols(_) => true,
        _ => false,
    })
}

/// Batches with at least one row.
impl Iterator for Scan {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_batch() {
                Ok(Some(batch)) if batch.num_rows() == 0 => {}
                other => return other.transpose(),
            }
        }
    }
}
