//! What a path holds, and how it is read: table, bare directory, or single file.

mod answer;
mod directory;
mod estimate;
mod facts;
mod models;
mod order;
mod partition;
mod plan;
mod split;
mod statistics;
mod summary;
mod training;
mod transaction;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ncf_core::{ColumnBounds, Error, Result, ResultExt, Schema};
use ncf_file::{FileReader, ReadOptions};
use ncf_table::Snapshot;
use serde::{Deserialize, Serialize};

pub use answer::AnswerRow;
pub use directory::holds_files;
pub use models::{MODEL_DIRECTORY, TRUSTED_MODELS_VARIABLE, parse_sha256};
pub use order::{CommonOrder, FileOrder};
pub use partition::parse_partition_value;
pub use plan::{Plan, ScanRequest};
pub use split::{Split, SplitReader, check_identity};
pub use summary::ColumnSummary;
pub use training::{FileTrial, Measured, ModelTrial, Stored};
pub use transaction::{CommitFile, CommitRequest, commit, commit_in};

use crate::storage::{LocalStorage, Stat, Storage};

/// Directory of a table's log and metadata.
pub const TABLE_DIRECTORY: &str = "_ncf";

/// Which version of a table is read, and how schemas of bare directories are found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DatasetOptions {
    /// Version of the table; the latest when absent.
    pub version: Option<u64>,
    /// The newest version at this time, in milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Bare directories: the columns of all files instead of the first file's.
    pub merge_schema: bool,
}

/// What kind of data a path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Kind {
    /// A directory with a log.
    Table {
        /// The version read.
        version: u64,
        /// When it was committed, milliseconds since the epoch.
        timestamp: i64,
    },
    /// A directory of `.ncf` files without a log.
    Directory,
    /// One `.ncf` file.
    File,
}

/// A data file of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// Identity it must have; known for tables.
    pub uuid: Option<String>,
    /// Digest that it must have, BLAKE3 of trailer and directory; known for tables.
    pub digest: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Rows, when known without opening it.
    pub rows: Option<u64>,
    /// Values of the partition columns, as text; `None` = null.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Bounds by field id, when known without opening it.
    pub statistics: BTreeMap<u32, ColumnBounds>,
}

/// What a path holds.
#[derive(Debug, Clone)]
pub struct Dataset {
    storage: Arc<dyn Storage>,
    kind: Kind,
    id: Option<String>,
    root: PathBuf,
    schema: Schema,
    partition_columns: Vec<String>,
    properties: BTreeMap<String, String>,
    files: Vec<DataFile>,
}

impl Dataset {
    /// Opens what the local `path` holds. `None` when nothing is there or a directory holds no NCF
    /// data.
    pub fn open_if_exists(
        path: impl AsRef<Path>,
        options: &DatasetOptions,
    ) -> Result<Option<Self>> {
        Self::open_if_exists_in(&local(), path, options)
    }

    /// The files below the local directory `path`, of the latest version where it is a table. Those of
    /// a bare directory are not opened, so that damaged ones do not stand in the way.
    pub fn list_files(path: impl AsRef<Path>) -> Result<Vec<DataFile>> {
        let root = path.as_ref();
        if LocalStorage.stat(&root.join(TABLE_DIRECTORY))?.is_some() {
            return Ok(Self::open(root, &DatasetOptions::default())?.files);
        }
        refuse_inside_table(&LocalStorage, root).at("path", || root.display())?;
        directory::files(&LocalStorage, root).at("path", || root.display())
    }

    /// As [`Dataset::open_if_exists`], with an error when nothing is there.
    pub fn open(path: impl AsRef<Path>, options: &DatasetOptions) -> Result<Self> {
        Self::open_in(&local(), path, options)
    }

    /// As [`Dataset::open_if_exists`], in any storage.
    pub fn open_if_exists_in(
        storage: &Arc<dyn Storage>,
        path: impl AsRef<Path>,
        options: &DatasetOptions,
    ) -> Result<Option<Self>> {
        let root = path.as_ref();
        let name = || root.display();
        match storage.stat(root)? {
            None => Ok(None),
            Some(Stat::File { .. }) => Self::open_file(storage, root, options).map(Some),
            Some(Stat::Directory) => {
                // An empty log says that a first write is under way: its files do not count yet.
                let begun = storage.stat(&root.join(TABLE_DIRECTORY))?.is_some();
                if begun
                    && let Some(table) =
                        Self::open_table(storage, root, options).at("table", name)?
                {
                    return Ok(Some(table));
                }
                refuse_inside_table(&**storage, root).at("path", name)?;
                refuse_time_travel(options).at("path", name)?;
                directory::open(storage, root, options, begun).at("path", name)
            }
        }
    }

    /// As [`Dataset::open`], in any storage.
    pub fn open_in(
        storage: &Arc<dyn Storage>,
        path: impl AsRef<Path>,
        options: &DatasetOptions,
    ) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        Self::open_if_exists_in(storage, path, options)?.ok_or_else(|| {
            Error::invalid_argument(
                "the path does not exist or holds no NCF data; check the path, or write a table there first",
            )
            .with("path", name)
        })
    }

    fn open_file(
        storage: &Arc<dyn Storage>,
        path: &Path,
        options: &DatasetOptions,
    ) -> Result<Self> {
        refuse_time_travel(options).at("file", || path.display())?;
        let reader = open_reader(&**storage, path)?;
        let file = DataFile {
            path: path.to_path_buf(),
            uuid: Some(reader.uuid()),
            digest: Some(reader.digest().to_owned()),
            size: reader.len(),
            rows: Some(reader.rows()),
            partition_values: BTreeMap::new(),
            statistics: BTreeMap::new(),
        };
        Ok(Self {
            storage: storage.clone(),
            kind: Kind::File,
            id: None,
            root: path.to_path_buf(),
            schema: reader.schema().clone(),
            partition_columns: Vec::new(),
            properties: BTreeMap::new(),
            files: vec![file],
        })
    }

    fn open_table(
        storage: &Arc<dyn Storage>,
        root: &Path,
        options: &DatasetOptions,
    ) -> Result<Option<Self>> {
        let store = &*storage.log(root);
        let snapshot = match (options.version, options.timestamp) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid_argument(
                    "versionAsOf and timestampAsOf exclude each other; give one",
                ));
            }
            (Some(version), None) => ncf_table::open_version(store, version)?,
            (None, Some(timestamp)) => ncf_table::open_timestamp(store, timestamp)?,
            (None, None) => match ncf_table::open(store)? {
                Some(snapshot) => snapshot,
                None => return Ok(None),
            },
        };
        let dataset = Self::from_snapshot(storage, root, &snapshot);
        dataset.check_partition_values()?;
        Ok(Some(dataset))
    }

    fn from_snapshot(storage: &Arc<dyn Storage>, root: &Path, snapshot: &Snapshot) -> Self {
        let files = snapshot.files.iter().map(|add| data_file(root, add)).collect();
        Self {
            storage: storage.clone(),
            kind: Kind::Table { version: snapshot.version, timestamp: snapshot.timestamp },
            id: Some(snapshot.metadata.id.clone()),
            root: root.to_path_buf(),
            schema: snapshot.metadata.schema.clone(),
            partition_columns: snapshot.metadata.partition_columns.clone(),
            properties: snapshot.metadata.properties.clone(),
            files,
        }
    }

    /// Keeps only the files that were added after version `from`; fails when files were removed
    /// since, because a stream cannot take rows back.
    pub fn added_since(mut self, from: u64) -> Result<Self> {
        let Kind::Table { version, .. } = self.kind else {
            return Err(Error::invalid_argument("only tables have versions to stream from"));
        };
        let store = self.storage.log(&self.root);
        self.files.clear();
        for commit in ncf_table::changes(&*store, Some(from), version)? {
            if !commit.removes.is_empty() {
                return Err(Error::invalid_argument(format!(
                    "version {} of the table removed files ({}), which a stream cannot follow; \
                     start the query again with a new checkpoint",
                    commit.version, commit.op
                ))
                .with("table", self.root.display()));
            }
            self.files.extend(commit.adds.iter().map(|add| data_file(&self.root, add)));
        }
        self.check_partition_values()?;
        Ok(self)
    }

    /// `Corrupt` unless every partition value in the log is one of its column's type.
    fn check_partition_values(&self) -> Result<()> {
        let values = self
            .files
            .iter()
            .map(|file| (file.path.to_str().unwrap_or_default(), &file.partition_values));
        partition::check_values(&self.schema, values).map_err(|error| {
            let damage = Error::corrupt(format!(
                "the log is damaged: {}; restore the log from a copy of the table",
                error.message()
            ));
            let places: Vec<_> = error.context().collect();
            places.into_iter().rev().fold(damage, |damage, (key, place)| damage.with(key, place))
        })
    }

    /// What the path holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// UUID of the table, the same in all its versions; `None` for what is no table.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Columns, partition columns included.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Names of the columns that are stored in directory names.
    pub fn partition_columns(&self) -> &[String] {
        &self.partition_columns
    }

    /// The table's properties.
    pub fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    /// The data files.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// Bytes of all data files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size))
    }

    /// Rows, when known without opening files.
    pub fn rows(&self) -> Option<u64> {
        self.files.iter().try_fold(0_u64, |sum, file| Some(sum.saturating_add(file.rows?)))
    }
}

fn data_file(root: &Path, add: &ncf_table::AddFile) -> DataFile {
    DataFile {
        path: root.join(&add.path),
        uuid: Some(add.id.clone()),
        digest: Some(add.dig.clone()),
        size: add.size,
        rows: Some(add.rows),
        partition_values: add.pv.clone(),
        statistics: add.st.clone(),
    }
}

fn local() -> Arc<dyn Storage> {
    Arc::new(LocalStorage)
}

/// Opens a file with the default options.
fn open_reader(storage: &dyn Storage, path: &Path) -> Result<FileReader> {
    FileReader::open(storage.open(path)?, ReadOptions::default())
}

/// A directory inside a table holds files of any version: only the log says which belong together.
fn refuse_inside_table(storage: &dyn Storage, root: &Path) -> Result<()> {
    match storage.table_around(root) {
        None => Ok(()),
        Some(table) => Err(Error::invalid_argument(format!(
            "the directory lies inside the table {}; read the table, with a condition on its partition columns if need be",
            table.display()
        ))),
    }
}

fn refuse_time_travel(options: &DatasetOptions) -> Result<()> {
    if options.version.is_none() && options.timestamp.is_none() {
        return Ok(());
    }
    Err(Error::invalid_argument(
        "the path holds no table, so it has no versions; remove versionAsOf and timestampAsOf",
    ))
}

#[cfg(test)]
mod tests;
