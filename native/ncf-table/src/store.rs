//! Storage of log records: five operations, and one promise, *create whole or not at all, once*.

mod memory;
mod posix;

use ncf_core::{Error, Result};

pub use memory::{Faults, MemoryLogStore};
pub use posix::PosixLogStore;

/// What became of a [`LogStore::put_if_absent`] that may have had an effect.
#[derive(Debug)]
pub enum Put {
    /// The record is stored, whole and durable.
    Created,
    /// Another record, or the same one from an earlier attempt, is there already and durable.
    Exists,
    /// The request may have been carried out, may be carried out later, or not at all.
    Unknown(Error),
    /// The record is visible but may not survive a power cut; trying again cannot tell.
    NotDurable(Error),
}

/// Storage of the log of one table. Paths are relative to the table, with `/`.
///
/// Implementations need no locks between processes: [`LogStore::put_if_absent`] is the only
/// operation that decides anything.
pub trait LogStore: Send + Sync {
    /// The table's path or URL, for messages.
    fn table(&self) -> &str;

    /// All bytes of `path`, `None` when absent; `LimitExceeded` when longer than `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>>;

    /// Creates `path` with `bytes`, whole or not at all, only if it is absent, durable on return.
    /// Missing folders are created. `Err` means that provably nothing became visible.
    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<Put>;

    /// Whether `path` is there.
    fn exists(&self, path: &str) -> Result<bool>;

    /// Names directly below `directory`, in no order; empty when it is absent. Everything that was
    /// stored before the call is in the list.
    fn list(&self, directory: &str) -> Result<Vec<String>>;

    /// Removes `path`; no error when absent. Committing never deletes.
    fn delete(&self, path: &str) -> Result<()>;
}
