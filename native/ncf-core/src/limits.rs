//! Limits on what a file may ask for. Every allocation whose size comes from stored bytes goes
//! through a [`Budget`], so a hostile file gives `LimitExceeded` instead of an abort.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// Sizes that a reader accepts. All are inclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a decoded page of one row.
    pub page_bytes: u64,
    /// Bytes of a decoded page of several rows: writers close such pages long before.
    pub rows_bytes: u64,
    /// Values of one shared page.
    pub shared_values: u64,
    /// Bytes of one decoded shared page.
    pub shared_bytes: u64,
    /// Rows of one page.
    pub page_rows: u64,
    /// Rows of one block.
    pub block_rows: u64,
    /// Bytes of all metadata of a file after decompression.
    pub metadata_bytes: u64,
    /// Columns of a file.
    pub columns: u64,
    /// Blocks of a file.
    pub blocks: u64,
    /// Depth of the encoding tree of a page and of nested types.
    pub depth: u64,
    /// Bytes of one value.
    pub value_bytes: u64,
}

impl Limits {
    /// The default limits, as in the specification.
    pub const DEFAULT: Self = Self {
        page_bytes: 1 << 31,
        rows_bytes: 1 << 28,
        shared_values: 1 << 20,
        shared_bytes: 1 << 26,
        page_rows: 1 << 16,
        block_rows: 1 << 20,
        metadata_bytes: 1 << 28,
        columns: 1 << 16,
        blocks: 1 << 24,
        depth: 64,
        value_bytes: 1 << 30,
    };
}

impl Limits {
    /// What decoding a page of so many rows may take.
    pub fn page_budget(&self, rows: usize) -> Budget {
        Budget::new(if rows > 1 { self.rows_bytes } else { self.page_bytes })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Bytes that one decode may still allocate. Shared by reference; counts down, never up.
#[derive(Debug)]
pub struct Budget {
    left: AtomicU64,
    total: u64,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self { left: AtomicU64::new(total), total }
    }

    /// Takes `bytes` for `what`, or fails with `LimitExceeded`.
    pub fn take(&self, what: &str, bytes: u64) -> Result<()> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .map(|_| ())
            .map_err(|left| {
                Error::limit_exceeded(what, bytes.saturating_add(self.total - left), self.total)
            })
    }

    /// An empty vector with room for `count` values, paid from the budget; never aborts.
    pub fn vec<T>(&self, what: &str, count: usize) -> Result<Vec<T>> {
        let bytes = (count as u64).saturating_mul(std::mem::size_of::<T>() as u64);
        self.take(what, bytes)?;
        let mut vec = Vec::new();
        vec.try_reserve_exact(count).map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, format!("no memory for {bytes} bytes of {what}"))
        })?;
        Ok(vec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_until_empty() {
        let budget = Budget::new(100);
        budget.take("a", 60).unwrap();
        let error = budget.take("b", 41).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        budget.take("c", 40).unwrap();
        assert_eq!(
            budget.vec::<u64>("d", usize::MAX).unwrap_err().kind(),
            ErrorKind::LimitExceeded
        );
    }
}
