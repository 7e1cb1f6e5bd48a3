//! Limits on what a file may ask for. Every allocation whose size comes from stored bytes goes
//! through a [`Budget`], so a hostile file gives `LimitExceeded` instead of an abort.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{MemoryConsumer, MemoryReservation};

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
    /// Holds what was taken, until the budget is dropped.
    consumer: Option<MemoryConsumer>,
}

impl Budget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self { left: AtomicU64::new(total), total, consumer: None }
    }

    /// The same, whose bytes `consumer` holds from when they are taken until the budget is dropped.
    #[must_use]
    pub fn held_by(mut self, consumer: &MemoryConsumer) -> Self {
        self.consumer = Some(consumer.clone());
        self
    }

    /// Takes `bytes` for `what`, or fails with `LimitExceeded`.
    pub fn take(&self, what: &str, bytes: u64) -> Result<()> {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .map_err(|left| {
                Error::limit_exceeded(what, bytes.saturating_add(self.total - left), self.total)
            })?;
        let Some(consumer) = &self.consumer else { return Ok(()) };
        consumer.grow(what, bytes).inspect_err(|_| {
            self.left.fetch_add(bytes, Ordering::Relaxed);
        })
    }

    /// Ends the budget; its consumer goes on holding what was taken.
    pub fn into_reservation(mut self) -> Option<MemoryReservation> {
        let consumer = self.consumer.take()?;
        Some(MemoryReservation::of(consumer, self.taken()))
    }

    fn taken(&self) -> u64 {
        self.total - self.left.load(Ordering::Relaxed)
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

impl Drop for Budget {
    fn drop(&mut self) {
        if let Some(consumer) = &self.consumer {
            consumer.shrink(self.taken());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_holds_what_is_taken() {
        let consumer = MemoryConsumer::new("scan", 100, None);
        let budget = Budget::new(80).held_by(&consumer);
        budget.take("a", 50).unwrap();
        assert!(budget.take("b", 31).is_err());
        assert_eq!(consumer.held(), 50);
        let kept = budget.into_reservation();
        let budget = Budget::new(80).held_by(&consumer);
        assert!(budget.take("c", 51).unwrap_err().message().contains("the scan holds 50"));
        budget.take("c", 50).unwrap();
        assert_eq!(consumer.held(), 100);
        drop(budget);
        assert_eq!(consumer.held(), 50);
        drop(kept);
        assert_eq!(consumer.held(), 0);
    }

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
