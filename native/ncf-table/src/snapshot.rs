//! The table at one version.

use std::collections::BTreeMap;

use crate::action::{AddFile, Metadata, Protocol};

/// The table at one version: everything a reader or a transaction needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    /// Milliseconds since the epoch of the commit that made it.
    pub timestamp: i64,
    /// Schema, partition columns, properties.
    pub metadata: Metadata,
    /// Features needed to read and write.
    pub protocol: Protocol,
    /// Files of the version, ascending by path.
    pub files: Vec<AddFile>,
    /// Last committed version of each application.
    pub apps: BTreeMap<String, i64>,
    /// BLAKE3 of the version's record in hex: names the table's whole history.
    pub digest: String,
    /// The row id that the next added row gets.
    pub next_row_id: u64,
}

impl Snapshot {
    /// Rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.rows))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// The file at `path`, relative to the table.
    pub fn file(&self, path: &str) -> Option<&AddFile> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(at)
    }
}
