//! Planning a read: which files and blocks may hold matching rows, cut into splits.

use std::collections::BTreeSet;

use ncf_core::{Aggregation, ColumnBounds, Error, Predicate, Result, Sample, Scalar, Schema, Top};
use ncf_index::certainly_no_match;
use ncf_scan::prune_blocks;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::facts::FileFacts;
use super::split::scan_columns;
use super::{DataFile, Dataset, Split, open_reader};

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
    /// Rows of the planned blocks.
    pub rows: u64,
    /// Stored bytes of the projected columns of the planned blocks.
    pub bytes: u64,
    /// Runs of blocks, each read by one task.
    pub splits: Vec<Split>,
}

impl ScanRequest {
    /// Names of the columns that the filter reads.
    pub(super) fn filter_names(&self) -> Vec<String> {
        let names = self.filter.iter().flat_map(Predicate::columns);
        names.map(ToString::to_string).collect()
    }
}

impl Dataset {
    /// Plans a read: prunes files by partition values and bounds, then blocks by their statistics.
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
            _ => with_threads(request.threads, work)?,
        };
        for part in parts {
            plan.files_planned += u64::from(!part.splits.is_empty());
            plan.files_pruned += u64::from(part.splits.is_empty());
            plan.blocks_pruned += part.blocks_pruned;
            for split in &part.splits {
                plan.blocks_planned += split.blocks.len() as u64;
                plan.rows = plan.rows.saturating_add(split.rows);
                plan.bytes = plan.bytes.saturating_add(split.bytes);
            }
            plan.splits.extend(part.splits);
        }
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
            blocks: 0..0,
            rows: 0,
            bytes: 0,
            partition_values: file.partition_values.clone(),
        };
        base.check_identity(&reader)?;
        let columns = scan_columns(&reader, &base, schema, wanted)?;
        let filter_schema = request.filter_schema.as_ref().unwrap_or(schema);
        let filtered = scan_columns(&reader, &base, filter_schema, &request.filter_names())?;
        let keep = match &request.filter {
            Some(filter) => prune_blocks(&reader, &filtered, filter)?,
            None => vec![true; reader.blocks().len()],
        };
        let fields: BTreeSet<usize> =
            columns.iter().chain(&filtered).filter_map(|column| column.file_index()).collect();
        let stored: Vec<usize> =
            fields.into_iter().flat_map(|field| reader.stored_of(field)).collect();
        let most = request.max_split_bytes.unwrap_or(u64::MAX);
        let mut part = FilePlan::default();
        let mut open: Option<Split> = None;
        for (block, (info, keep)) in reader.blocks().iter().zip(&keep).enumerate() {
            if !keep {
                part.blocks_pruned += 1;
                part.splits.extend(open.take());
                continue;
            }
            let mut bytes = 0;
            for column in &stored {
                bytes = u64::saturating_add(bytes, reader.chunk_bytes(*column, block)?);
            }
            let is_full = |split: &Split| most == 0 || split.bytes.saturating_add(bytes) > most;
            if open.as_ref().is_some_and(is_full) {
                part.splits.extend(open.take());
            }
            let split = open.get_or_insert_with(|| Split { blocks: block..block, ..base.clone() });
            split.blocks.end = block + 1;
            split.rows += u64::from(info.rows);
            split.bytes = split.bytes.saturating_add(bytes);
        }
        part.splits.extend(open);
        Ok(part)
    }
}

/// Runs parallel work on threads of its own, as many as given, or on those of the process.
pub(super) fn with_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    match threads {
        Some(threads) => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
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
