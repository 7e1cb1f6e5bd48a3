//! Reading shared pages. A reader keeps those of a few blocks of each column, so that many scans can share it without
//! decoding them again for every page, and a map as long as blocks that use it are read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ncf_core::{Budget, MemoryReservation, Result, ResultExt};
use ncf_encoding::{SharedKind, SharedMap, SharedPages, decode_shared};

use crate::checksum::PieceId;
use crate::column_meta::SharedPageMeta;
use crate::constants::{NONE, PieceKind};
use crate::reader::{FileReader, to_id};
use crate::source::read_coalesced;

/// Blocks of a column whose shared pages are kept.
const BLOCKS: usize = 4;

/// By column, those of the blocks used last; the newest last.
#[derive(Default)]
pub(crate) struct SharedCache(Mutex<HashMap<usize, Vec<Kept>>>);

struct Kept {
    block: usize,
    pages: SharedPages,
    map: Option<KeptMap>,
    #[expect(dead_code, reason = "counts until the pages are dropped")]
    memory: Arc<MemoryReservation>,
}

/// A map that blocks share.
#[derive(Clone)]
struct KeptMap {
    /// Where its page is.
    offset: u64,
    map: SharedMap,
    #[expect(dead_code, reason = "counts until the map is dropped")]
    memory: Arc<MemoryReservation>,
}

impl SharedCache {
    fn get(&self, column: usize, block: usize) -> Option<SharedPages> {
        let columns = self.lock();
        let kept = columns.get(&column)?.iter().find(|kept| kept.block == block)?;
        Some(kept.pages.clone())
    }

    /// The map of a page, if a block has it that is kept.
    fn map(&self, column: usize, offset: u64) -> Option<KeptMap> {
        let columns = self.lock();
        let maps = columns.get(&column)?.iter().filter_map(|kept| kept.map.as_ref());
        maps.into_iter().find(|map| map.offset == offset).cloned()
    }

    fn put(&self, column: usize, kept: Kept) {
        let mut columns = self.lock();
        let of_column = columns.entry(column).or_default();
        if of_column.len() == BLOCKS {
            of_column.remove(0);
        }
        of_column.push(kept);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Vec<Kept>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shared page is, as a part of its checksum; `number` is its place among the chunk's.
pub(crate) fn shared_id(page: &SharedPageMeta, column: u32, block: u32, number: u32) -> PieceId {
    match page.kind {
        // It is that of other blocks, too.
        SharedKind::Map => PieceId { kind: PieceKind::MapPage, column, block: NONE, page: NONE },
        _ => PieceId { kind: PieceKind::SharedPage, column, block, page: number },
    }
}

impl FileReader {
    /// Decoded shared pages of a column chunk; kept for the blocks used last.
    pub fn shared(&self, column: usize, block: usize) -> Result<SharedPages> {
        if let Some(kept) = self.shared.get(column, block) {
            return Ok(kept);
        }
        let meta = self.column(column)?;
        let chunk = meta.chunk(block)?;
        if chunk.shared.is_empty() {
            return Ok(SharedPages::default());
        }
        let known = chunk.map().and_then(|map| self.shared.map(column, map.offset));
        let wanted: Vec<(u32, &SharedPageMeta)> = (0..)
            .zip(&chunk.shared)
            .filter(|(_, page)| known.is_none() || page.kind != SharedKind::Map)
            .collect();
        let ranges: Vec<_> = wanted
            .iter()
            .map(|(_, page)| page.offset..page.offset + u64::from(page.length))
            .collect();
        let buffers = read_coalesced(&*self.source, &ranges).at("file", || self.name())?;
        for (buffer, (number, page)) in buffers.iter().zip(&wanted) {
            let id = shared_id(page, to_id(column), to_id(block), *number);
            self.verify_page(id, buffer, page.crc)?;
        }
        let parts: Vec<(SharedKind, u32, &[u8])> = wanted
            .iter()
            .zip(&buffers)
            .map(|((_, page), buffer)| (page.kind, page.count, buffer.as_slice()))
            .collect();
        self.decode_parts(column, block, &parts, known)
            .map(|kept| {
                let pages = kept.pages.clone();
                self.shared.put(column, kept);
                pages
            })
            .at("block", || block)
            .at("column", || self.column_name(column))
            .at("file", || self.name())
    }

    /// Decodes shared pages, and a map unless it is `known`.
    fn decode_parts(
        &self,
        column: usize,
        block: usize,
        parts: &[(SharedKind, u32, &[u8])],
        known: Option<KeptMap>,
    ) -> Result<Kept> {
        let physical = self.stored_column(column)?.data_type.physical();
        let budget = Budget::new(self.options.limits.shared_bytes).held_by(self.memory());
        let mut pages = decode_shared(parts, physical, &budget)?;
        drop(budget);
        let hold = |bytes: usize| {
            let mut memory = self.memory().reservation();
            memory.resize("shared pages", bytes as u64).map(|()| Arc::new(memory))
        };
        let memory = hold(pages.byte_len())?;
        let map = match (known, pages.shared_map()) {
            (Some(kept), _) => {
                pages = pages.with_map(kept.map.clone());
                Some(kept)
            }
            (None, Some(map)) => {
                let (map, memory) = (map.clone(), hold(map.byte_len())?);
                self.column(column)?.chunk(block)?.map().map(|place| KeptMap {
                    offset: place.offset,
                    map,
                    memory,
                })
            }
            (None, None) => None,
        };
        Ok(Kept { block, pages, map, memory })
    }
}
