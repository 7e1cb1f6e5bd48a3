//! Storage that counts what is read of it: figures come from where bytes do, not from who asks for them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_buffer::Buffer;
use ncf::table::{LogStore, Put};
use ncf::{ByteSink, ByteSource, LocalStorage, Result, Stat, Storage};

/// What was read of one file.
#[derive(Debug, Default, Clone)]
pub(super) struct Reads {
    /// Times that it was opened, each of which reads a footer.
    pub(super) opened: u64,
    /// Every range of bytes that was asked for.
    pub(super) ranges: Vec<Range<u64>>,
}

/// What was read of all files by path, and bytes of the log.
#[derive(Debug, Default)]
struct Counts {
    files: Mutex<BTreeMap<PathBuf, Reads>>,
    log: AtomicU64,
}

impl Counts {
    fn of(&self, path: &Path, count: impl FnOnce(&mut Reads)) {
        // A thread that panicked while it counted left numbers behind: they still are.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        count(files.entry(path.to_path_buf()).or_default());
    }
}

/// Local files, and what was read of them since they were last [taken](Counting::take).
#[derive(Debug, Default, Clone)]
pub(super) struct Counting(Arc<Counts>);

impl Counting {
    /// What was read of each file, and bytes of the log; counts from nothing again.
    pub(super) fn take(&self) -> (BTreeMap<PathBuf, Reads>, u64) {
        let mut files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut *files), self.0.log.swap(0, Ordering::Relaxed))
    }
}

impl Storage for Counting {
    fn stat(&self, path: &Path) -> Result<Option<Stat>> {
        LocalStorage.stat(path)
    }

    fn list(&self, directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>> {
        LocalStorage.list(directory, wanted)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>> {
        self.0.of(path, |reads| reads.opened += 1);
        let (source, path) = (LocalStorage.open(path)?, path.to_path_buf());
        Ok(Arc::new(CountingSource { source, path, counts: self.0.clone() }))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn ByteSink>> {
        LocalStorage.create(path)
    }

    fn log(&self, table: &Path) -> Box<dyn LogStore> {
        Box::new(CountingLog { log: LocalStorage.log(table), counts: self.0.clone() })
    }

    fn delete(&self, path: &Path) -> Result<()> {
        LocalStorage.delete(path)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

struct CountingSource {
    source: Arc<dyn ByteSource>,
    path: PathBuf,
    counts: Arc<Counts>,
}

impl ByteSource for CountingSource {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn name(&self) -> &str {
        self.source.name()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        self.counts.of(&self.path, |reads| reads.ranges.extend_from_slice(ranges));
        self.source.read_ranges(ranges)
    }
}

struct CountingLog {
    log: Box<dyn LogStore>,
    counts: Arc<Counts>,
}

impl LogStore for CountingLog {
    fn table(&self) -> &str {
        self.log.table()
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let found = self.log.read(path, limit)?;
        let bytes = found.as_ref().map_or(0, |bytes| bytes.len() as u64);
        self.counts.log.fetch_add(bytes, Ordering::Relaxed);
        Ok(found)
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<Put> {
        self.log.put_if_absent(path, bytes)
    }

    fn exists(&self, path: &str) -> Result<bool> {
        self.log.exists(path)
    }

    fn list(&self, directory: &str) -> Result<Vec<String>> {
        self.log.list(directory)
    }

    fn delete(&self, path: &str) -> Result<()> {
        self.log.delete(path)
    }
}
