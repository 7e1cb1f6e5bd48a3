//! Log records on a local or POSIX-like file system: temporary file, fsync, `link`, fsync of folders.
//!
//! `link(2)` is the one call that creates a name only if it is absent *and* makes a whole file appear
//! at once; `rename` overwrites, and `O_EXCL` shows half-written files.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind as Os, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ncf_core::{Error, Result};
use uuid::Uuid;

use super::{LogStore, Put};
use crate::layout;

/// "Operation not permitted", the same number on every Unix; `EACCES`, a matter of rights, is another.
const EPERM: i32 = 1;

/// The log of a table in a folder of a POSIX file system.
#[derive(Debug)]
pub struct PosixLogStore {
    root: PathBuf,
    name: String,
    /// Log folders whose whole chain of parents this store has made durable.
    durable: Mutex<HashSet<PathBuf>>,
}

impl PosixLogStore {
    /// The log of the table at `root`, which need not exist yet.
    pub fn new(root: impl AsRef<Path>) -> Self {
        let given = root.as_ref();
        let root = std::path::absolute(given).unwrap_or_else(|_| given.to_path_buf());
        Self { name: root.display().to_string(), root, durable: Mutex::default() }
    }

    fn resolve(&self, path: &str) -> Result<PathBuf> {
        let inside = !path.contains(['\\', '\0'])
            && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        if inside {
            Ok(path.split('/').fold(self.root.clone(), |at, segment| at.join(segment)))
        } else {
            Err(Error::invalid_argument(format!("{path:?} is not a path inside a table")))
        }
    }

    /// Creates `directory` and returns the folders above it that are still to be made durable.
    fn create_directories(&self, directory: &Path) -> Result<Vec<PathBuf>> {
        if self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(directory) {
            return Ok(Vec::new());
        }
        let mut above = Vec::new();
        for ancestor in directory.ancestors().skip(1) {
            above.push(ancestor.to_path_buf());
            // Above the table, up to the first folder that was there before.
            if !ancestor.starts_with(&self.root) && ancestor.is_dir() {
                break;
            }
        }
        fs::create_dir_all(directory).map_err(|error| match error.kind() {
            Os::AlreadyExists | Os::NotADirectory => not_a_directory(directory),
            _ => Error::io(format!("cannot create the folder {}", directory.display()), error),
        })?;
        Ok(above)
    }

    /// Makes the name of the record at `path` durable: its folder, the folder of its predecessor and
    /// the folders that lead there.
    fn sync_names(&self, path: &str, directory: &Path, above: &[PathBuf]) -> Result<()> {
        sync_directory(directory)?;
        if let Some(before) = layout::predecessor_directory(path) {
            sync_directory(&self.resolve(&before)?)?;
        }
        for folder in above {
            match sync_directory(folder) {
                // A folder above the table may not be ours to open; it was there before.
                Err(_) if !folder.starts_with(&self.root) && File::open(folder).is_err() => {}
                done => done?,
            }
        }
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        durable.insert(directory.to_path_buf());
        Ok(())
    }

    fn publish(
        &self,
        temporary: &Path,
        path: &str,
        target: &Path,
        above: &[PathBuf],
    ) -> Result<Put> {
        let directory = target.parent().unwrap_or(&self.root);
        let put = match fs::hard_link(temporary, target) {
            Ok(()) => Put::Created,
            Err(error) if error.kind() == Os::AlreadyExists => Put::Exists,
            Err(error) => return link_failed(target, error),
        };
        Ok(match self.sync_names(path, directory, above) {
            Ok(()) => put,
            Err(error) => Put::NotDurable(error),
        })
    }
}

impl LogStore for PosixLogStore {
    fn table(&self) -> &str {
        &self.name
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let full = self.resolve(path)?;
        let failed = |error| Error::io(format!("cannot read {}", full.display()), error);
        let file = match File::open(&full) {
            Ok(file) => file,
            Err(error) if error.kind() == Os::NotFound => return Ok(None),
            Err(error) if error.kind() == Os::NotADirectory => return Err(not_a_directory(&full)),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            let what = format!("bytes of {}", full.display());
            return Err(Error::limit_exceeded(&what, bytes.len() as u64, limit));
        }
        Ok(Some(bytes))
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<Put> {
        let target = self.resolve(path)?;
        let directory = target.parent().unwrap_or(&self.root);
        let above = self.create_directories(directory)?;
        let temporary = directory.join(format!(".{}.tmp", Uuid::new_v4()));
        let put = write_durably(&temporary, bytes)
            .and_then(|()| self.publish(&temporary, path, &target, &above));
        // A name that stays behind is ignored by readers.
        let _ = fs::remove_file(&temporary);
        put
    }

    fn exists(&self, path: &str) -> Result<bool> {
        let full = self.resolve(path)?;
        full.try_exists()
            .map_err(|error| Error::io(format!("cannot look for {}", full.display()), error))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>> {
        let full = self.resolve(directory)?;
        let failed = |error| Error::io(format!("cannot list {}", full.display()), error);
        let entries = match fs::read_dir(&full) {
            Ok(entries) => entries,
            Err(error) if error.kind() == Os::NotFound => return Ok(Vec::new()),
            Err(error) if error.kind() == Os::NotADirectory => return Err(not_a_directory(&full)),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is not one of the log's.
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        Ok(names)
    }

    fn delete(&self, path: &str) -> Result<()> {
        let full = self.resolve(path)?;
        match fs::remove_file(&full) {
            Err(error) if error.kind() != Os::NotFound => {
                Err(Error::io(format!("cannot delete {}", full.display()), error))
            }
            _ => Ok(()),
        }
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| {
        Error::io(
            format!("cannot write the commit record to {}; nothing was committed", path.display()),
            error,
        )
    })
}

fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory).and_then(|open| open.sync_all()).map_err(|error| {
        Error::io(format!("cannot make the folder {} durable", directory.display()), error)
    })
}

/// A failed `link`: errors that say why it cannot be are final, others (a lost answer of a network
/// file system) leave the outcome open.
fn link_failed(target: &Path, error: std::io::Error) -> Result<Put> {
    let what = format!("cannot link the commit record to {}", target.display());
    match error.kind() {
        // Linux says EPERM, "not permitted", where a file system has no hard links (FAT, many FUSE).
        Os::PermissionDenied if error.raw_os_error() == Some(EPERM) => no_links(&what, &error),
        Os::Unsupported | Os::TooManyLinks | Os::CrossesDevices => no_links(&what, &error),
        Os::PermissionDenied
        | Os::StorageFull
        | Os::QuotaExceeded
        | Os::ReadOnlyFilesystem
        | Os::NotFound => Err(Error::io(format!("{what}; nothing was committed"), error)),
        _ => Ok(Put::Unknown(Error::io(what, error))),
    }
}

fn no_links(what: &str, error: &std::io::Error) -> Result<Put> {
    Err(Error::unsupported(format!(
        "{what}: the file system has no hard links ({error}), which commits need; put the table on another one"
    )))
}

fn not_a_directory(path: &Path) -> Error {
    Error::invalid_argument(format!(
        "{} leads through a file where a folder must be; a table is a folder",
        path.display()
    ))
}

#[cfg(test)]
mod tests;
