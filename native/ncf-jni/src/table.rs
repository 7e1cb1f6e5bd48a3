//! Datasets and tables: the control plane, JSON in and out.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use ncf::dataset::{self, CommitFile, CommitRequest, DataFile, Dataset, Kind, Plan, ScanRequest};
use ncf::{ColumnBounds, Error, Result, Stat, Storage};

use crate::request::{
    self, AddedFile, Change, Changes, ChangesAnswer, Commit, CommitAnswer, DatasetAnswer,
    DeleteAnswer, DeleteFiles, FailedDelete, LatestVersion, LatestVersionAnswer, OpenDataset,
    Operation, PlanAnswer, PlanScan,
};

/// Bytes of a decoded string or binary where only the type is known; Spark assumes the same.
const TEXT_BYTES: u64 = 20;

/// Threads that open files of a remote store.
const REMOTE_THREADS: usize = 16;

/// Describes what a path holds.
pub(crate) fn open_dataset(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let OpenDataset { path, options } = request::read(request)?;
    let answer = match Dataset::open_if_exists_in(storage, &path, &options.dataset()?)? {
        Some(dataset) => describe(&dataset),
        None => {
            let directory = storage.stat(Path::new(&path))? == Some(Stat::Directory);
            let kind = if directory { "empty" } else { "absent" };
            DatasetAnswer { kind, ..DatasetAnswer::default() }
        }
    };
    request::write(&answer)
}

fn describe(dataset: &Dataset) -> DatasetAnswer {
    let (kind, version, timestamp) = match dataset.kind() {
        Kind::Table { version, timestamp } => ("table", Some(version), Some(timestamp)),
        Kind::Directory => ("directory", None, None),
        Kind::File => ("file", None, None),
    };
    DatasetAnswer {
        kind,
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

/// Prunes and splits.
pub(crate) fn plan_scan(storage: &Arc<dyn Storage>, request: &str) -> Result<String> {
    let request: PlanScan = request::read(request)?;
    let mut options = request.options.dataset()?;
    if request.version.is_some() {
        (options.version, options.timestamp) = (request.version, None);
    }
    let mut dataset = Dataset::open_in(storage, &request.path, &options)?;
    if let Some(from) = request.version_from {
        dataset = dataset.added_since(from)?;
    }
    let wanted = ScanRequest {
        columns: request.columns,
        filter: request.filter,
        max_split_bytes: request.max_split_bytes,
        threads: Some(threads(&**storage, request.parallelism)),
        ..ScanRequest::default()
    };
    let plan = dataset.plan(&wanted)?;
    let columns = match wanted.columns {
        Some(columns) => columns,
        None => dataset.schema().fields.iter().map(|field| field.name.clone()).collect(),
    };
    request::write(&plan_answer(&dataset, plan, &columns)?)
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

fn plan_answer(dataset: &Dataset, plan: Plan, columns: &[String]) -> Result<PlanAnswer> {
    let row_bytes = columns.iter().try_fold(0, |total, name| {
        Ok::<u64, Error>(total + value_bytes(&dataset.schema().field(name)?.field_type))
    })?;
    Ok(PlanAnswer {
        files_planned: plan.files_planned,
        files_pruned: plan.files_pruned,
        blocks_planned: plan.blocks_planned,
        blocks_pruned: plan.blocks_pruned,
        rows: plan.rows,
        bytes: plan.bytes,
        raw_bytes: plan.rows.saturating_mul(row_bytes),
        column_statistics: column_statistics(dataset, &plan, columns),
        splits: plan.splits,
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

/// Bounds of columns over the files of the plan, where each of them is known.
fn column_statistics(
    dataset: &Dataset,
    plan: &Plan,
    columns: &[String],
) -> BTreeMap<String, ColumnBounds> {
    let planned: BTreeSet<&str> = plan.splits.iter().map(|split| split.file.as_str()).collect();
    let files: Vec<&DataFile> = dataset
        .files()
        .iter()
        .filter(|file| planned.contains(file.path.display().to_string().as_str()))
        .collect();
    let bounds_of = |name: &String| {
        let id = dataset.schema().fields.iter().find(|field| field.name == *name)?.id;
        let mut merged: Option<(ColumnBounds, bool)> = None;
        for file in &files {
            let (bounds, empty) = (file.statistics.get(&id)?, file.rows? == 0);
            merged = Some(match merged {
                None => (bounds.clone(), empty),
                Some((have, have_empty)) => {
                    (have.merge(bounds, have_empty, empty), have_empty && empty)
                }
            });
        }
        merged.map(|(bounds, _)| (name.clone(), bounds))
    };
    columns.iter().filter_map(bounds_of).collect()
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
            },
            schema: commit.schema,
            partition_columns: commit.partition_columns,
            files: commit.adds.into_iter().map(file).collect(),
            read_version: commit.read_version,
            app: commit.app,
            properties: commit.properties,
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
    let version = ncf::table::latest_version(&*storage.log(Path::new(&path)))?;
    request::write(&LatestVersionAnswer { version })
}
