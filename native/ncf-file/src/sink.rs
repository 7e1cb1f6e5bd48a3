//! Where a writer puts bytes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ncf_core::{Error, Result};

/// An append-only destination. Nothing is promised to be stored before `finish` returns.
pub trait ByteSink: Send {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;

    /// Makes everything durable. Called once, last.
    fn finish(&mut self) -> Result<()>;

    /// Removes what was written, best effort.
    fn discard(&mut self);

    /// The destination's name for messages.
    fn name(&self) -> &str;
}

/// A new local file: synced by `finish`, deleted by `discard` and when dropped unfinished.
pub struct LocalSink {
    path: PathBuf,
    name: String,
    file: File,
    finished: bool,
}

impl LocalSink {
    /// Creates a file that must not exist yet, with its parent directories.
    pub fn create_new(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let name = path.display().to_string();
        let create = || {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            OpenOptions::new().write(true).create_new(true).open(&path)
        };
        let file = create()
            .map_err(|error| Error::io("cannot create the file", error).with("file", &name))?;
        Ok(Self { path, name, file, finished: false })
    }

    fn fail(&self, what: &str, error: std::io::Error) -> Error {
        Error::io(what, error).with("file", &self.name)
    }
}

impl ByteSink for LocalSink {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| self.fail("cannot write to the file", error))
    }

    fn finish(&mut self) -> Result<()> {
        self.file.sync_all().map_err(|error| self.fail("cannot make the file durable", error))?;
        sync_parent(&self.path)
            .map_err(|error| self.fail("cannot make the file durable", error))?;
        self.finished = true;
        Ok(())
    }

    fn discard(&mut self) {
        // The file is garbage that no reader accepts; failing to remove it loses nothing.
        let _ = std::fs::remove_file(&self.path);
        self.finished = true;
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for LocalSink {
    fn drop(&mut self) {
        if !self.finished {
            self.discard();
        }
    }
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Bytes in memory that the creator can look at when the writer is done.
#[derive(Clone, Default)]
pub struct MemorySink {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl MemorySink {
    /// An empty sink; clones share the bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the bytes written so far.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl ByteSink for MemorySink {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.lock().extend_from_slice(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn discard(&mut self) {
        self.lock().clear();
    }

    fn name(&self) -> &str {
        "memory"
    }
}
