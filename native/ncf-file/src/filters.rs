//! The filters record of a column: where the filter pages of its blocks are.
//!
//! ```text
//! 0  blocks u32
//! …  pages of each block u32[]
//! …  of all pages: offset u64[] · length u32[] · crc u32[]
//! ```
//! Pages follow one another without overlap. One is a part of a block's filter: `seed u64 · bits of a segment u8 ·
//! kind u8 · zeros, 2 · fingerprints u32 · these`, and zeros up to a multiple of 64 bytes.

use ncf_core::{Budget, Error, Result, ResultExt};
use ncf_index::filter::{FuseFilter, part_of};

use crate::checksum::PieceId;
use crate::constants::{FILTER_PAGE_BYTES, HEADER_LEN, PAGE_ALIGNMENT, PieceKind};
use crate::reader::{FileReader, to_id};
use crate::source::read_coalesced;
use crate::wire::{Cursor, Put, to_u32};

/// What a block or a page may take in memory, with room that is not used.
const BLOCK_BYTES: u64 = 96;

/// Where a filter page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterPage {
    pub(crate) offset: u64,
    /// Stored bytes, padding included.
    pub(crate) length: u32,
    pub(crate) crc: u32,
}

/// The filter pages of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    /// By block; none where a block has no filter.
    pub(crate) blocks: Vec<Vec<FilterPage>>,
}

impl Filters {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        out.put_u32(to_u32("blocks", self.blocks.len())?);
        for block in &self.blocks {
            out.put_u32(to_u32("filter pages", block.len())?);
        }
        let pages = || self.blocks.iter().flatten();
        pages().for_each(|page| out.put_u64(page.offset));
        pages().for_each(|page| out.put_u32(page.length));
        pages().for_each(|page| out.put_u32(page.crc));
        Ok(out)
    }

    /// Reads a verified record of a file with so many blocks, whose pages end at `data_end`.
    pub(crate) fn decode(
        bytes: &[u8],
        blocks: usize,
        data_end: u64,
        budget: &Budget,
    ) -> Result<Self> {
        let mut cursor = Cursor::new("a filters record", bytes);
        if cursor.len_u32()? != blocks {
            return Err(Error::corrupt("a filters record has another number of blocks"));
        }
        let counts = cursor.u32s(blocks, budget)?;
        let total = counts.iter().map(|count| *count as usize).sum();
        let offsets = cursor.u64s(total, budget)?;
        let lengths = cursor.u32s(total, budget)?;
        let crcs = cursor.u32s(total, budget)?;
        cursor.finish()?;
        let mut free = HEADER_LEN as u64;
        for (offset, length) in offsets.iter().zip(&lengths) {
            let length = u64::from(*length);
            let end = offset.checked_add(length).filter(|end| *end <= data_end);
            let whole = length > 0 && length.is_multiple_of(PAGE_ALIGNMENT as u64);
            match end {
                Some(end) if whole && *offset >= free && length <= FILTER_PAGE_BYTES => free = end,
                _ => {
                    return Err(Error::corrupt(
                        "filter pages overlap, are too long, or lie outside the file's pages",
                    ));
                }
            }
        }
        budget.take("filter pages", (total + blocks) as u64 * BLOCK_BYTES)?;
        let mut pages = offsets.into_iter().zip(lengths).zip(crcs);
        let mut page =
            || pages.next().map(|((offset, length), crc)| FilterPage { offset, length, crc });
        let block = |count: u32| (0..count).filter_map(|_| page()).collect();
        Ok(Self { blocks: counts.into_iter().map(block).collect() })
    }
}

impl FileReader {
    /// Whether a block of a stored column has a filter.
    pub fn has_filter(&self, column: usize, block: usize) -> Result<bool> {
        let filters = self.filters(column)?;
        Ok(filters.blocks.get(block).is_some_and(|pages| !pages.is_empty()))
    }

    /// Stored bytes of the filters of a stored column.
    pub fn filter_bytes(&self, column: usize) -> Result<u64> {
        let filters = self.filters(column)?;
        Ok(filters.blocks.iter().flatten().map(|page| u64::from(page.length)).sum())
    }

    /// Whether a block of a stored column may hold a value with one of these hashes, and the bytes that were
    /// read to know. `true` where it has no filter.
    pub fn may_hold(&self, column: usize, block: usize, hashes: &[u64]) -> Result<(bool, u64)> {
        let filters = self.filters(column)?;
        let pages = filters.blocks.get(block).filter(|pages| !pages.is_empty());
        let Some(pages) = pages else { return Ok((true, 0)) };
        let place =
            |hash: u64| usize::try_from(part_of(hash, pages.len() as u64)).unwrap_or(usize::MAX);
        let mut wanted: Vec<usize> = hashes.iter().map(|hash| place(*hash)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let found: Vec<_> = wanted.iter().filter_map(|at| Some((*at, pages.get(*at)?))).collect();
        let ranges: Vec<_> =
            found.iter().map(|(_, p)| p.offset..p.offset + u64::from(p.length)).collect();
        let bytes = ranges.iter().map(|range| range.end - range.start).sum();
        self.options.interruption.check()?;
        let mut memory = self.memory().reservation();
        memory.resize("filter pages", bytes).at("file", || self.name())?;
        let stored = read_coalesced(&*self.source, &ranges).at("file", || self.name())?;
        for ((at, page), stored) in found.iter().zip(&stored) {
            let filter = self.filter_page(column, block, *at, page, stored)?;
            let mut own = hashes.iter().filter(|hash| place(**hash) == *at);
            if own.any(|hash| filter.as_ref().is_none_or(|filter| filter.may_contain(*hash))) {
                return Ok((true, bytes));
            }
        }
        Ok((false, bytes))
    }

    /// A filter page from its stored bytes; `None` where it may hold anything.
    pub(crate) fn filter_page(
        &self,
        column: usize,
        block: usize,
        number: usize,
        page: &FilterPage,
        stored: &[u8],
    ) -> Result<Option<FuseFilter>> {
        let (kind, name) = (PieceKind::FilterPage, || self.column_name(column));
        let id = PieceId { kind, column: to_id(column), block: to_id(block), page: to_id(number) };
        self.verify_page(id, stored, page.crc)?;
        FuseFilter::decode(stored)
            .at("block", || block)
            .at("column", name)
            .at("file", || self.name())
    }
}
