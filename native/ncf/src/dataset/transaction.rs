//! Making written files part of a table.

use std::collections::BTreeMap;
use std::path::Path;

use ncf_core::{Result, ResultExt, Schema};
use ncf_file::FileSummary;
use ncf_table::{AddFile, Committed, Operation, Transaction};

use crate::storage::{LocalStorage, Storage};

/// A finished file that a commit adds.
#[derive(Debug, Clone)]
pub struct CommitFile {
    /// Path relative to the table, below `data/`.
    pub path: String,
    /// What the writer said of it.
    pub summary: FileSummary,
    /// Values of the partition columns, as text; `None` = null.
    pub partition_values: BTreeMap<String, Option<String>>,
}

/// A change of a table.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// Create, append or overwrite.
    pub operation: Operation,
    /// Columns of the data, partition columns included.
    pub schema: Schema,
    /// Partition columns, in directory order.
    pub partition_columns: Vec<String>,
    /// Files to add; they are stored and durable.
    pub files: Vec<CommitFile>,
    /// Version that the change was planned on; `None` when there was no table.
    pub read_version: Option<u64>,
    /// Commits once for this application id and version.
    pub app: Option<(String, i64)>,
    /// Properties of a new or overwritten table.
    pub properties: BTreeMap<String, String>,
}

/// Commits a change to the local table at `root`, which it creates when there is none. The errors
/// are those of [`Transaction::commit`]; only `CommitStateUnknown` forbids deleting the files.
pub fn commit(root: impl AsRef<Path>, request: CommitRequest) -> Result<Committed> {
    commit_in(&LocalStorage, root, request)
}

/// As [`commit`], in any storage.
pub fn commit_in(
    storage: &dyn Storage,
    root: impl AsRef<Path>,
    request: CommitRequest,
) -> Result<Committed> {
    let root = root.as_ref();
    let store = &*storage.log(root);
    let read = request
        .read_version
        .map(|version| ncf_table::open_version(store, version))
        .transpose()
        .at("table", || root.display())?;
    let mut transaction = Transaction::new(read.as_ref())
        .operation(request.operation)
        .schema(&request.schema)
        .partition_columns(request.partition_columns)
        .properties(request.properties);
    if let Some((id, version)) = request.app {
        transaction = transaction.app(id, version);
    }
    for file in request.files {
        transaction = transaction.add_file(AddFile {
            path: file.path,
            id: file.summary.uuid,
            size: file.summary.bytes,
            rows: file.summary.rows,
            dig: file.summary.digest,
            row0: 0,
            pv: file.partition_values,
            st: file.summary.statistics,
        });
    }
    transaction.commit(store)
}
