//! Where files are: a small abstraction that datasets, writers and commits go through. Local files
//! are the default; a shell brings others, whose paths are URLs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ncf_core::{Error, Result};
use ncf_file::{ByteSink, ByteSource, FileSource, LocalSink};
use ncf_table::{LogStore, PosixLogStore};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stat {
    /// A file of `len` bytes.
    File {
        /// Bytes.
        len: u64,
    },
    /// A directory, perhaps empty.
    Directory,
}

/// A file system. Paths are those that were given to it, with more segments joined on; they may be
/// URLs and are used as they stand.
pub trait Storage: fmt::Debug + Send + Sync {
    /// What stands at `path`; `None` when nothing does.
    fn stat(&self, path: &Path) -> Result<Option<Stat>>;

    /// Names directly below `directory`, in no order. Those that `wanted` refuses are left out
    /// without a look at them.
    fn list(&self, directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>>;

    /// Opens a file for reading.
    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>>;

    /// Creates a file that must not exist yet, with its parent directories.
    fn create(&self, path: &Path) -> Result<Box<dyn ByteSink>>;

    /// The log of the table at `table`, which need not exist yet.
    fn log(&self, table: &Path) -> Box<dyn LogStore>;

    /// Removes a file; no error when it is absent.
    fn delete(&self, path: &Path) -> Result<()>;

    /// Gives a durable file another name, replacing what has it.
    ///
    /// # Errors
    /// `Unsupported` unless the storage does that at once, so that nobody ever finds neither.
    fn replace(&self, _from: &Path, to: &Path) -> Result<()> {
        Err(Error::unsupported("single files cannot be replaced in this storage; use a table")
            .with("file", to.display()))
    }

    /// Makes the names in directories durable. Nothing to do where a stored file has its name for good,
    /// as in object stores and HDFS.
    fn sync_directories(&self, _directories: &BTreeSet<PathBuf>) -> Result<()> {
        Ok(())
    }

    /// The table that `directory` lies in, where that is cheap to tell.
    fn table_around(&self, _directory: &Path) -> Option<PathBuf> {
        None
    }

    /// Whether opening a file is mostly waiting, so that more threads than cores are worth it.
    fn is_remote(&self) -> bool;
}

/// Files of this machine, read by position.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalStorage;

impl Storage for LocalStorage {
    fn stat(&self, path: &Path) -> Result<Option<Stat>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(stat(&metadata))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(Error::io("cannot look at the path", error).with("path", path.display()))
            }
        }
    }

    fn list(&self, directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>> {
        let failed = |error| {
            Error::io("cannot list the directory", error).with("directory", directory.display())
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if wanted(&name) {
                let path = entry.path();
                let metadata = std::fs::metadata(&path).map_err(|error| {
                    Error::io("cannot look at a file", error).with("file", path.display())
                })?;
                found.push((name, stat(&metadata)));
            }
        }
        Ok(found)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>> {
        Ok(Arc::new(FileSource::open(path)?))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn ByteSink>> {
        Ok(Box::new(LocalSink::create_new(path)?))
    }

    fn log(&self, table: &Path) -> Box<dyn LogStore> {
        Box::new(PosixLogStore::new(table))
    }

    fn delete(&self, path: &Path) -> Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("cannot delete the file", error).with("file", path.display()))
            }
            _ => Ok(()),
        }
    }

    fn replace(&self, from: &Path, to: &Path) -> Result<()> {
        std::fs::rename(from, to).map_err(|error| {
            Error::io("cannot replace the file", error).with("file", to.display())
        })?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        self.sync_directories(&BTreeSet::from([parent.unwrap_or(Path::new(".")).to_path_buf()]))
    }

    fn sync_directories(&self, directories: &BTreeSet<PathBuf>) -> Result<()> {
        for directory in directories {
            std::fs::File::open(directory).and_then(|open| open.sync_all()).map_err(|error| {
                Error::io("cannot make the directory durable; nothing was committed", error)
                    .with("directory", directory.display())
            })?;
        }
        Ok(())
    }

    fn table_around(&self, directory: &Path) -> Option<PathBuf> {
        let whole = directory.canonicalize().unwrap_or_else(|_| directory.to_path_buf());
        // A directory above that cannot be looked into is none of a table that could be read.
        let is_table = |above: &&Path| {
            above.join(ncf_table::layout::LOG_DIRECTORY).try_exists().unwrap_or(false)
        };
        whole.ancestors().skip(1).find(is_table).map(Path::to_path_buf)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

fn stat(metadata: &std::fs::Metadata) -> Stat {
    if metadata.is_dir() { Stat::Directory } else { Stat::File { len: metadata.len() } }
}
