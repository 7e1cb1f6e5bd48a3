//! Decoded shared pages that a reader keeps: of a few blocks of each column, so that many scans can
//! share a reader without decoding them again for every page.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ncf_core::MemoryReservation;
use ncf_encoding::SharedPages;

/// Blocks of a column whose shared pages are kept.
const BLOCKS: usize = 4;

/// By column, those of the blocks used last; the newest last.
#[derive(Default)]
pub(crate) struct SharedCache(Mutex<HashMap<usize, Vec<Kept>>>);

struct Kept {
    block: usize,
    pages: SharedPages,
    #[expect(dead_code, reason = "counts until the pages are dropped")]
    memory: MemoryReservation,
}

impl SharedCache {
    pub(crate) fn get(&self, column: usize, block: usize) -> Option<SharedPages> {
        let columns = self.lock();
        let kept = columns.get(&column)?.iter().find(|kept| kept.block == block)?;
        Some(kept.pages.clone())
    }

    /// Keeps `pages`, whose memory is counted by `memory`.
    pub(crate) fn put(
        &self,
        column: usize,
        block: usize,
        pages: SharedPages,
        memory: MemoryReservation,
    ) {
        let mut columns = self.lock();
        let kept = columns.entry(column).or_default();
        if kept.len() == BLOCKS {
            kept.remove(0);
        }
        kept.push(Kept { block, pages, memory });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Vec<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
