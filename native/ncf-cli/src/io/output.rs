//! Outputs under construction: a temporary name beside the final one, renamed when durable, so that
//! nobody ever sees half a file and a failure leaves what was there before.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use ncf::{Error, LocalSink, Result};

/// A name to write to and the name that it will get.
pub(super) struct Staged {
    temporary: PathBuf,
    path: PathBuf,
    /// Whether the temporary name is ours, to be removed when nothing comes of it.
    created: Cell<bool>,
}

impl Staged {
    /// Chooses the temporary name; nothing is created yet.
    pub(super) fn new(path: &Path) -> Result<Self> {
        let name = path.file_name().ok_or_else(|| {
            Error::invalid_argument(format!("{} does not name a file", path.display()))
        })?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        Ok(Self { temporary, path: path.into(), created: Cell::new(false) })
    }

    /// Creates the file under its temporary name.
    pub(super) fn create(&self) -> Result<File> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).open(&self.temporary).map_err(|error| {
            Error::io(format!("cannot create {}", self.temporary.display()), error)
        })?;
        self.created.set(true);
        Ok(file)
    }

    /// As [`Staged::create`], for an NCF file. Its folder must be there, as for every other format.
    pub(super) fn create_ncf(&self) -> Result<LocalSink> {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::metadata(parent.unwrap_or(Path::new("."))).map_err(|error| {
            Error::io(format!("cannot create {}", self.temporary.display()), error)
        })?;
        let sink = LocalSink::create_new(&self.temporary)?;
        self.created.set(true);
        Ok(sink)
    }

    /// Makes `file` durable and gives it its final name, replacing what was there.
    pub(super) fn commit(self, file: &File) -> Result<()> {
        file.sync_all().map_err(|error| self.failed(error))?;
        self.rename()
    }

    /// Gives a file that is durable already its final name.
    pub(super) fn rename(self) -> Result<()> {
        fs::rename(&self.temporary, &self.path).map_err(|error| self.failed(error))?;
        self.created.set(false);
        let folder = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io(format!("cannot write {}", self.path.display()), error)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.created.get() {
            // Best effort: a name that starts with a dot is in nobody's way.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_of_another_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.ncf");
        let staged = Staged::new(&path).unwrap();
        let temporary = staged.temporary.clone();
        fs::write(&temporary, "of another").unwrap();
        assert!(staged.create().is_err() && staged.create_ncf().is_err());
        drop(staged);
        assert_eq!(fs::read_to_string(&temporary).unwrap(), "of another");
        fs::remove_file(&temporary).unwrap();
        let staged = Staged::new(&path).unwrap();
        staged.create().unwrap();
        drop(staged);
        assert!(!temporary.exists(), "its own is removed");
    }
}
