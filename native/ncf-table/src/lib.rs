//! Versions of sets of files: log, snapshot, commit, conflict. Knows no bytes of data files.
//!
//! A table is a directory whose log, `_ncf/log/`, holds one immutable record per version; the set of
//! files at version *v* is what the records 0 … *v* say when replayed. `docs/spec/table.md` is the
//! specification.
//!
//! ```text
//! read    open · open_version · open_timestamp ─▶ log ─▶ replay ─▶ Snapshot
//!         changes ─▶ what each version added and removed
//! write   Transaction::new(read).operation(…).schema(…).add_file(…).commit(store)
//!             └─▶ engine (no I/O: event → request) ◀─▶ driver ◀─▶ LogStore
//! ```
//!
//! ```
//! use ncf_core::{DataType, Field, Schema};
//! use ncf_table::{MemoryLogStore, Operation, Transaction, open};
//!
//! # fn main() -> ncf_core::Result<()> {
//! let store = MemoryLogStore::new("memory://t");
//! let schema = Schema::new(vec![Field::new(1, "a", DataType::Int64, true)])?;
//! let made = Transaction::new(None).operation(Operation::Create).schema(&schema).commit(&store)?;
//! assert_eq!(made.version, 0);
//! let snapshot = open(&store)?.ok_or_else(|| ncf_core::Error::internal("no table"))?;
//! assert_eq!(snapshot.metadata.schema, schema);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod action;
mod conflict;
mod definition;
pub mod engine;
pub mod layout;
mod log;
pub mod record;
mod replay;
mod schema;
mod snapshot;
pub mod store;
mod transaction;
mod unique;

#[cfg(test)]
mod tests;

pub use action::{Action, AddFile, Metadata, Protocol, RemoveFile};
pub use log::{
    CommitInfo, changes, find_transaction, latest_version, open, open_timestamp, open_version,
    read_next,
};
pub use schema::assign_field_ids;
pub use snapshot::Snapshot;
pub use store::{LogStore, MemoryLogStore, PosixLogStore, Put};
pub use transaction::{Committed, Operation, Transaction};
