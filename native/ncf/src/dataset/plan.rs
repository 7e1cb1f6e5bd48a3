//! Planning a read: which files and blocks may hold matching rows, cut into splits.

use std::collections::BTreeSet;
use std::ops::Range;

use ncf_core::{Aggregation, ColumnBounds, Error, Predicate, Result, Sample, Scalar, Schema, Top};
use ncf_file::constants::VECTOR_ROWS;
use ncf_file::{BlockInfo, FileReader};
use ncf_index::certainly_no_match;
use ncf_scan::{PlannedRows, plan_rows};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::facts::FileFacts;
use super::split::scan_columns;
use super::{DataFile, Dataset, FileOrder, Split, open_reader};

/// What is asked of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScanRequest {
    /// Columns wanted, in order; all when absent.
    pub columns: Option<Vec<String>>,
    /// Rows wanted; all when absent.
    pub filter: Option<Predicate>,
    /// Aggregates wanted in the place of rows; the columns are then those that it reads.
    pub aggregation: Option<Aggregation>,
    /// Each split gives only its first rows in an order; the columns hold the keys.
    pub top: Option<Top>,
    /// Only these rows; filter, aggregates and order see no others.
    pub sample: Option<Sample>,
    /// Columns and types that the caller expects, instead of the dataset's: columns that the data
    /// lacks are null.
    pub schema: Option<Schema>,
    /// The columns that the filter names, where they are not those of `schema`: structs there may lack
    /// fields that the filter reads.
    pub filter_schema: Option<Schema>,
    /// Most stored bytes of a split, 0 for one split a block; one split a block run when absent.
    pub max_split_bytes: Option<u64>,
    /// Most threads that open files.
    pub threads: Option<usize>,
    /// Whether the order of the files' rows is wanted, too.
    pub with_order: bool,
}

/// What a read will touch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Files that are read.
    pub files_planned: u64,
    /// Files that certainly hold no matching row.
    pub files_pruned: u64,
    /// Blocks that are read.
    pub blocks_planned: u64,
    /// Blocks that certainly hold no matching row, those of pruned files not counted.
    pub blocks_pruned: u64,
    /// Vectors of the planned blocks, runs of 1,024 rows, that are read.
    pub vectors_planned: u64,
    /// Vectors of the planned blocks that certainly hold no matching row.
    pub vectors_pruned: u64,
    /// Runs of rows that are read.
    pub row_runs: u64,
    /// Stored bytes of the learned indexes and filters that planning read.
    pub index_bytes: u64,
    /// Rows of the planned blocks, those of pruned vectors included.
    pub rows: u64,
    /// Stored bytes of the projected columns of the planned blocks, those of pruned vectors included.
    pub bytes: u64,
    /// Runs of blocks, each read by one task.
    pub splits: Vec<Split>,
    /// The order of the rows of each file that is read, where that was asked for.
    pub orders: Vec<FileOrder>,
}

impl ScanRequest {
    /// Names of the columns that the filter reads.
    pub(super) fn filter_names(&self) -> Vec<String> {
        let names = self.filter.iter().flat_map(Predicate::columns);
        names.map(ToString::to_string).collect()
    }
}

impl Dataset {
    /// Plans a read: prunes files by partition values and bounds, then, by what stands in their metadata, blocks and runs
    /// of rows. As many files as there are threads are opened at a time; no data page is read, and nothing stays open.
    pub fn plan(&self, request: &ScanRequest) -> Result<Plan> {
        let schema = request.schema.as_ref().unwrap_or(self.schema());
        let wanted = projected_columns(schema, request)?;
        let mut kept = Vec::new();
        let mut plan = Plan::default();
        for file in self.files() {
            if self.file_is_pruned(file, request, schema)? {
                plan.files_pruned += 1;
            } else {
                kept.push(file);
            }
        }
        let plan_file = |file: &&DataFile| self.plan_file(file, request, schema, &wanted);
        let work = || -> Result<Vec<FilePlan>> { kept.par_iter().map(plan_file).collect() };
        let parts = match kept.len() {
            // On the caller's thread: threads are not worth it.
            0 | 1 => kept.iter().map(plan_file).collect::<Result<_>>()?,
            files => with_threads(request.threads, files, work)?,
        };
        parts.into_iter().for_each(|part| plan.add(part));
        Ok(plan)
    }

    /// Whether a file's partition values and bounds prove that no row matches.
    fn file_is_pruned(
        &self,
        file: &DataFile,
        request: &ScanRequest,
        schema: &Schema,
    ) -> Result<bool> {
        let Some(filter) = &request.filter else { return Ok(false) };
        let facts = FileFacts::new(self, file, schema)?;
        let rows = facts.rows().unwrap_or(1).max(1);
        Ok(certainly_no_match(filter, rows, &|path| facts.bounds(path)))
    }

    fn plan_file(
        &self,
        file: &DataFile,
        request: &ScanRequest,
        schema: &Schema,
        wanted: &[String],
    ) -> Result<FilePlan> {
        let reader = open_reader(&*self.storage, &file.path)?;
        let base = Split {
            file: file.path.display().to_string(),
            uuid: file.uuid.clone().unwrap_or_else(|| reader.uuid()),
            digest: file.digest.clone(),
            partition_values: file.partition_values.clone(),
            ..Split::default()
        };
        base.check_identity(&reader)?;
        let columns = scan_columns(&reader, &base, schema, wanted)?;
        let filter_schema = request.filter_schema.as_ref().unwrap_or(schema);
        let filtered = scan_columns(&reader, &base, filter_schema, &request.filter_names())?;
        let left = match &request.filter {
            Some(filter) => plan_rows(&reader, &filtered, filter)?,
            None => every_row(&reader),
        };
        let fields: BTreeSet<usize> =
            columns.iter().chain(&filtered).filter_map(|column| column.file_index()).collect();
        let stored: Vec<usize> =
            fields.into_iter().flat_map(|field| reader.stored_of(field)).collect();
        let order = request.with_order.then(|| FileOrder::of(&reader, &columns, &base.file));
        let order = order.transpose()?;
        let mut part = FilePlan { index_bytes: left.index_bytes, order, ..FilePlan::default() };
        let most = request.max_split_bytes.unwrap_or(u64::MAX);
        let mut open: Option<Split> = None;
        for (block, runs) in left.blocks.iter().enumerate() {
            if runs.is_empty() {
                part.blocks_pruned += 1;
                part.splits.extend(open.take());
                continue;
            }
            let planned = PlannedBlock::new(&reader, &stored, block, runs)?;
            let is_full =
                |split: &Split| most == 0 || split.bytes.saturating_add(planned.bytes) > most;
            if open.as_ref().is_some_and(is_full) {
                part.splits.extend(open.take());
            }
            part.count(&planned);
            open.get_or_insert_with(|| Split { blocks: block..block, ..base.clone() })
                .push(planned);
        }
        part.splits.extend(open);
        Ok(part)
    }
}

/// All rows of a file.
fn every_row(reader: &FileReader) -> PlannedRows {
    let every = |info: &BlockInfo| std::iter::once(0..info.rows as usize).collect();
    PlannedRows { blocks: reader.blocks().iter().map(every).collect(), index_bytes: 0 }
}

impl Plan {
    /// Adds what is read of a file.
    fn add(&mut self, part: FilePlan) {
        self.files_planned += u64::from(!part.splits.is_empty());
        self.files_pruned += u64::from(part.splits.is_empty());
        self.blocks_pruned += part.blocks_pruned;
        self.vectors_planned += part.vectors_planned;
        self.vectors_pruned += part.vectors_pruned;
        self.index_bytes = self.index_bytes.saturating_add(part.index_bytes);
        self.rows = self.rows.saturating_add(part.rows);
        self.bytes = self.bytes.saturating_add(part.bytes);
        for split in &part.splits {
            self.blocks_planned += split.blocks.len() as u64;
            self.row_runs += split.row_runs.len() as u64;
        }
        if !part.splits.is_empty() {
            self.orders.extend(part.order);
        }
        self.splits.extend(part.splits);
    }
}

/// The rows of a block that are read.
pub(super) struct PlannedBlock {
    /// Counted from the file's first row.
    pub(super) runs: Vec<Range<u64>>,
    /// Rows of the block.
    pub(super) block_rows: u64,
    /// Stored bytes of the columns' pages that hold such rows.
    pub(super) bytes: u64,
    /// Stored bytes of the columns in the block.
    block_bytes: u64,
}

impl PlannedBlock {
    /// Of the stored columns of a block the rows of `runs`, counted from the block's first.
    fn new(
        reader: &FileReader,
        stored: &[usize],
        block: usize,
        runs: &[Range<usize>],
    ) -> Result<Self> {
        let info = reader.blocks().get(block).ok_or_else(|| Error::internal("no block"))?;
        let (mut bytes, mut block_bytes) = (0_u64, 0_u64);
        for column in stored {
            let meta = reader.column(*column)?;
            let chunk = meta.chunk(block)?;
            let map = meta.map_share(block);
            let all = chunk.bytes().saturating_add(map);
            block_bytes = block_bytes.saturating_add(all);
            let pruned = chunk.bytes_without(runs);
            let pruned = if runs.is_empty() { pruned.saturating_add(map) } else { pruned };
            bytes = bytes.saturating_add(all.saturating_sub(pruned));
        }
        let runs = runs
            .iter()
            .map(|run| info.first_row + run.start as u64..info.first_row + run.end as u64);
        let block_rows = u64::from(info.rows);
        Ok(Self { runs: runs.collect(), block_rows, bytes, block_bytes })
    }
}

/// Runs parallel work on threads of its own, as many as given but no more than there are jobs, or on those of the process.
pub(super) fn with_threads<T: Send>(
    threads: Option<usize>,
    jobs: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    match threads {
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads.min(jobs).max(1))
            .build()
            .map_err(|error| Error::internal(format!("cannot start threads: {error}")))?
            .install(work),
        None => work(),
    }
}

#[derive(Default)]
struct FilePlan {
    splits: Vec<Split>,
    blocks_pruned: u64,
    vectors_planned: u64,
    vectors_pruned: u64,
    index_bytes: u64,
    /// Rows and stored bytes of the planned blocks.
    rows: u64,
    bytes: u64,
    order: Option<FileOrder>,
}

impl FilePlan {
    fn count(&mut self, block: &PlannedBlock) {
        let vector = VECTOR_ROWS as u64;
        let all = block.block_rows.div_ceil(vector);
        // Runs of a block begin and end where its vectors do.
        let planned: u64 =
            block.runs.iter().map(|run| (run.end - run.start).div_ceil(vector)).sum();
        self.vectors_planned += planned;
        self.vectors_pruned += all.saturating_sub(planned);
        self.rows = self.rows.saturating_add(block.block_rows);
        self.bytes = self.bytes.saturating_add(block.block_bytes);
    }
}

/// The columns that a request returns, or aggregates.
pub(super) fn projected_columns(schema: &Schema, request: &ScanRequest) -> Result<Vec<String>> {
    let columns: Vec<String> = match (&request.aggregation, &request.columns) {
        (Some(aggregation), _) => aggregation.columns().into_iter().map(str::to_owned).collect(),
        (None, Some(columns)) => columns.clone(),
        (None, None) => schema.fields.iter().map(|field| field.name.clone()).collect(),
    };
    columns.iter().try_for_each(|name| schema.field(name).map(|_| ()))?;
    Ok(columns)
}

/// Bounds of a column that has one value in every row.
pub(super) fn constant_bounds(value: Option<&Scalar>, rows: u64) -> ColumnBounds {
    match value {
        None => ColumnBounds { nulls: Some(rows), nans: Some(0), ..ColumnBounds::default() },
        Some(value) if value.is_nan() => {
            ColumnBounds { nulls: Some(0), nans: Some(rows), ..ColumnBounds::default() }
        }
        Some(value) => ColumnBounds {
            min: Some(value.clone()),
            max: Some(value.clone()),
            nulls: Some(0),
            nans: Some(0),
            exact: true,
        },
    }
}
