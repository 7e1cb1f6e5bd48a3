//! What a scan did, under the names that Spark's UI shows.

use serde::{Deserialize, Serialize};

/// Counters of one scan. They only grow while it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScanMetrics {
    /// Blocks that hold rows of the request.
    pub blocks_planned: u64,
    /// Planned blocks that bounds ruled out.
    pub blocks_pruned: u64,
    /// Data pages read and decoded.
    pub pages_read: u64,
    /// Data pages of the scan's columns, in planned blocks, that were not read.
    pub pages_pruned: u64,
    /// Stored bytes of the pages read, shared pages included.
    pub bytes_read: u64,
    /// Rows that bounds and indexes could not rule out.
    pub rows_scanned: u64,
    /// Rows returned.
    pub rows_out: u64,
    /// Nanoseconds spent in reading, verifying and decoding pages.
    pub decode_time: u64,
    /// Conjuncts whose rows a learned index located wrongly, so that it was left out of account.
    pub index_misses: u64,
    /// Stored bytes of the learned indexes and filters that were read.
    pub index_bytes: u64,
    /// Most bytes of memory that were held at a time.
    pub peak_memory: u64,
}
