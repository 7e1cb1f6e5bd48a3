//! Making written files part of a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ncf_core::{Result, ResultExt, Schema};
use ncf_file::FileSummary;
use ncf_table::{AddFile, Committed, Operation, Transaction};

use crate::storage::{LocalStorage, Storage};

use super::partition;

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
    /// Create, append, overwrite or replace.
    pub operation: Operation,
    /// Columns of the data, partition columns included.
    pub schema: Schema,
    /// Partition columns, in directory order.
    pub partition_columns: Vec<String>,
    /// Files to add; they are stored and durable. That their directories are, the commit sees to.
    pub files: Vec<CommitFile>,
    /// Version that the change was planned on; `None` when there was no table.
    pub read_version: Option<u64>,
    /// Commits once for this application id and version.
    pub app: Option<(String, i64)>,
    /// Properties of a new or overwritten table; absent: none, or the table's own.
    pub properties: Option<BTreeMap<String, String>>,
    /// What an [`Operation::Replace`] replaces: values of partition columns, as text; `None` = null.
    pub partition: BTreeMap<String, Option<String>>,
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
    check_partitions(&request).at("table", || root.display())?;
    let files = request.files.iter().map(|file| file.path.as_str());
    storage.sync_directories(&directories(root, files)).at("table", || root.display())?;
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
        .partition(request.partition);
    if let Some(properties) = request.properties {
        transaction = transaction.properties(properties);
    }
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

/// What cannot be read back as a partition value must not get into the log: the table would be lost.
fn check_partitions(request: &CommitRequest) -> Result<()> {
    partition::check_columns(&request.schema, &request.partition_columns)?;
    let files = request.files.iter();
    let values = files.map(|file| (file.path.as_str(), &file.partition_values));
    partition::check_values(&request.schema, values)?;
    partition::check_name(&request.schema, &request.partition)
}

/// The directories that lead from `root` to `files`, each once: a writer syncs a file and the directory
/// that holds it, but that one may be new in another new one, up to the table.
pub(super) fn directories<'a>(
    root: &Path,
    files: impl Iterator<Item = &'a str>,
) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in files {
        let path = root.join(file);
        for directory in path.ancestors().skip(1).take_while(|above| above.starts_with(root)) {
            if !found.insert(directory.to_path_buf()) {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_up_to_the_table_is_synced_once() {
        let files = ["data/a=1/b=1/x.ncf", "data/a=1/b=2/y.ncf", "data/z.ncf"];
        let found: Vec<_> =
            directories(Path::new("/up/t"), files.into_iter()).into_iter().collect();
        let wanted =
            ["/up/t", "/up/t/data", "/up/t/data/a=1", "/up/t/data/a=1/b=1", "/up/t/data/a=1/b=2"];
        assert_eq!(found, wanted.map(PathBuf::from));
    }
}
