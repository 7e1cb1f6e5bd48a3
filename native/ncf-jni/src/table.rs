//! Datasets and tables: the control plane, JSON in and out.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use ncf::dataset::{
    self, CommitFile, CommitRequest, Dataset, Kind, Plan, ScanRequest, TABLE_DIRECTORY, holds_files,
};
use ncf::{Error, Result, Schema, Stat, Storage};

use crate::options::Options;
use crate::request::{
    self, AddedFile, Change, Changes, ChangesAnswer, Commit, CommitAnswer, DatasetAnswer,
    DeleteAnswer, DeleteFiles, FailedDelete, LatestVersion, LatestVersionAnswer, OpenDataset,
    Operation, Order, OrderKey, PlanAnswer, PlanScan, ProofAnswer, ProvePredicates,
};
use crate::split_rule::SplitRule;

/// Bytes of a decoded string or binary where only the type is known; Spark assumes the same.
const TEXT_BYTES: u64 = 20;

/// Files of a remote store that are opened at the same time.
const REMOTE_THREADS: usize = 64;

/// Describes what a path holds.
pub(crate) fn open_dataset(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let OpenDataset { path, options } = request::read(request)?;
    let answer = match Dataset::open_if_exists_in(storage, &path, &options.dataset()?)? {
        Some(dataset) => describe(&dataset),
        None => {
            let kind = kind_of_nothing(&**storage, Path::new(&path))?;
            DatasetAnswer { kind, ..DatasetAnswer::default() }
        }
    };
    request::write(&answer)
}

/// What a path holds that holds no data of ours.
fn kind_of_nothing(storage: &dyn Storage, path: &Path) -> Result<&'static str> {
    Ok(match storage.stat(path)? {
        Some(Stat::Directory) => {
            let ours = storage.stat(&path.join(TABLE_DIRECTORY))?.is_some();
            if ours || !holds_files(storage, path)? { "empty" } else { "foreign" }
        }
        _ => "absent",
    })
}

fn describe(dataset: &Dataset) -> DatasetAnswer {
    let (kind, version, timestamp) = match dataset.kind() {
        Kind::Table { version, timestamp } => ("table", Some(version), Some(timestamp)),
        Kind::Directory => ("directory", None, None),
        Kind::File => ("file", None, None),
    };
    DatasetAnswer {
        kind,
        id: dataset.id().map(str::to_owned),
        version,
        timestamp,
        schema: Some(dataset.schema().clone()),
        partition_columns: dataset.partition_columns().to_vec(),
        rows: dataset.rows(),
        bytes: dataset.bytes(),
        files: dataset.files().len() as u64,
        properties: dataset.properties().clone(),
    }
}

/// The dataset as it was opened before.
fn open_version(
    storage: &Arc<dyn Storage>,
    path: &str,
    options: &Options,
    version: Option<u64>,
) -> Result<Dataset> {
    let mut options = options.dataset()?;
    if version.is_some() {
        (options.version, options.timestamp) = (version, None);
    }
    Dataset::open_in(storage, path, &options)
}

/// Finds out which predicates scans may evaluate.
pub(crate) fn prove_predicates(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let request: ProvePredicates = request::read(request)?;
    let dataset = open_version(storage, &request.path, &request.options, request.version)?;
    let schema = request.schema.as_ref().unwrap_or(dataset.schema());
    let proven = |predicate| dataset.can_evaluate(predicate, schema);
    let proven = request.predicates.iter().map(proven).collect::<Result<_>>()?;
    request::write(&ProofAnswer { proven })
}

/// Prunes and splits.
pub(crate) fn plan_scan(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let request: PlanScan = request::read(request)?;
    let mut dataset = open_version(storage, &request.path, &request.options, request.version)?;
    if let Some(from) = request.version_from {
        dataset = dataset.added_since(from)?;
    }
    let wanted = ScanRequest {
        columns: request.columns,
        filter: request.filter,
        aggregation: request.aggregation,
        top: None,
        sample: request.sample,
        filter_schema: None,
        schema: request.schema,
        // A split a block: joined below, when it is known how many there are.
        max_split_bytes: Some(0),
        threads: Some(threads(&**storage, request.parallelism)),
        with_order: request.order != Order::Ignored,
    };
    if let Some(answer) = dataset.answer(&wanted) {
        let answer = Some(answer);
        return request::write(&PlanAnswer { answer, aggregates: true, ..PlanAnswer::default() });
    }
    let plan = dataset.plan(&wanted)?;
    let rule = SplitRule {
        max_bytes: request.max_split_bytes.unwrap_or(u64::MAX),
        open_cost: request.open_cost_bytes.unwrap_or(0),
        parallelism: request.parallelism.unwrap_or(1),
    };
    let schema = wanted.schema.as_ref().unwrap_or(dataset.schema());
    let (columns, aggregates) = match (&wanted.aggregation, &wanted.columns) {
        (Some(aggregation), _) => {
            let columns = aggregation.columns().into_iter().map(str::to_owned).collect();
            (columns, dataset.can_aggregate(&plan, aggregation, schema)?)
        }
        (None, Some(columns)) => (columns.clone(), false),
        (None, None) => (schema.fields.iter().map(|field| field.name.clone()).collect(), false),
    };
    let windows = request.estimate_windows.filter(|windows| *windows > 0);
    let estimated_rows =
        windows.map(|windows| dataset.estimate(&plan, &wanted, windows)).transpose()?;
    let summaries = if request.summarise {
        dataset.summaries(&plan, &wanted, &columns)?
    } else {
        BTreeMap::new()
    };
    let answer = plan_answer(schema, plan, &columns, (rule, request.order))?;
    request::write(&PlanAnswer { aggregates, estimated_rows, summaries, ..answer })
}

/// Threads that open files: the driver's own cores, and no more than tasks could run; more where
/// they would only wait.
fn threads(storage: &dyn Storage, parallelism: Option<u64>) -> usize {
    if storage.is_remote() {
        return REMOTE_THREADS;
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let tasks = parallelism.and_then(|tasks| usize::try_from(tasks).ok()).unwrap_or(cores);
    tasks.clamp(1, cores)
}

fn plan_answer(
    schema: &Schema,
    mut plan: Plan,
    columns: &[String],
    (rule, order): (SplitRule, Order),
) -> Result<PlanAnswer> {
    let row_bytes = columns.iter().try_fold(0, |total, name| {
        Ok::<u64, Error>(total + value_bytes(&schema.field(name)?.field_type))
    })?;
    let (splits, ordering) = if order == Order::Ignored {
        (rule.assign(std::mem::take(&mut plan.splits), &|_, _| false), Vec::new())
    } else {
        rule.assign_in_order(&mut plan, order == Order::Kept)
    };
    Ok(PlanAnswer {
        files_planned: plan.files_planned,
        files_pruned: plan.files_pruned,
        blocks_planned: plan.blocks_planned,
        blocks_pruned: plan.blocks_pruned,
        vectors_planned: plan.vectors_planned,
        vectors_pruned: plan.vectors_pruned,
        row_runs: plan.row_runs,
        index_bytes: plan.index_bytes,
        rows: plan.rows,
        bytes: plan.bytes,
        raw_bytes: plan.rows.saturating_mul(row_bytes),
        estimated_rows: None,
        summaries: BTreeMap::new(),
        splits,
        aggregates: false,
        ordering: ordering.into_iter().map(OrderKey::from).collect(),
        answer: None,
    })
}

/// Bytes of a value in Spark's memory where only the type is known; of arrays and maps one entry
/// counts, as in Spark.
fn value_bytes(field_type: &ncf::FieldType) -> u64 {
    match field_type.value().map(ncf::DataType::physical) {
        None => field_type.parts().iter().map(|part| value_bytes(&part.field_type)).sum(),
        Some(ncf::PhysicalType::Bool) => 1,
        Some(ncf::PhysicalType::Bytes) => TEXT_BYTES,
        Some(fixed) => fixed.width().map_or(TEXT_BYTES, |width| width as u64),
    }
}

/// Commits files.
pub(crate) fn commit(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let commit: Commit = request::read(request)?;
    let file = |added: AddedFile| CommitFile {
        path: added.path,
        summary: added.summary,
        partition_values: added.partition_values,
    };
    let done = dataset::commit_in(
        &**storage,
        &commit.path,
        CommitRequest {
            operation: match commit.operation {
                Operation::Append => ncf::table::Operation::Append,
                Operation::Overwrite => ncf::table::Operation::Overwrite,
                Operation::Create => ncf::table::Operation::Create,
                Operation::Replace => ncf::table::Operation::Replace,
            },
            schema: commit.schema,
            partition_columns: commit.partition_columns,
            files: commit.adds.into_iter().map(file).collect(),
            read_version: commit.read_version,
            app: commit.app,
            properties: commit.properties,
            partition: commit.partition,
        },
    )?;
    request::write(&CommitAnswer { version: done.version, already: done.already })
}

/// Deletes files, best effort; one that is gone already counts as deleted.
pub(crate) fn delete_files(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let DeleteFiles { files } = request::read(request)?;
    let mut answer = DeleteAnswer::default();
    for file in files {
        match storage.delete(Path::new(&file)) {
            Ok(()) => answer.deleted += 1,
            Err(error) => answer.failed.push(FailedDelete { file, message: error.to_string() }),
        }
    }
    request::write(&answer)
}

/// What versions changed.
pub(crate) fn changes(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let Changes { path, from, to } = request::read(request)?;
    let infos = ncf::table::changes(&*storage.log(Path::new(&path)), from, to)?;
    let change = |info: ncf::table::CommitInfo| Change {
        version: info.version,
        op: info.op,
        adds: info.adds.len() as u64,
        removes: info.removes.len() as u64,
    };
    request::write(&ChangesAnswer { versions: infos.into_iter().map(change).collect() })
}

/// The latest version of a table.
pub(crate) fn latest_version(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let LatestVersion { path } = request::read(request)?;
    let store = &*storage.log(Path::new(&path));
    let version = ncf::table::latest_version(store)?;
    // All versions have the same id; the first one is the fastest to read.
    let id = match version {
        Some(_) => Some(ncf::table::open_version(store, 0)?.metadata.id),
        None => None,
    };
    request::write(&LatestVersionAnswer { version, id })
}
