//! The column meta record: where the pages of one column are, as arrays over all its blocks, so that
//! opening a file costs what the projected columns cost.
//!
//! ```text
//! 0  blocks u32 · encoding trees u32
//! …  trees: length u16 · UTF-8 text, each
//! …  shared pages per block u32[] · data pages per block u32[]
//! …  shared pages: offset u64[] · length u32[] · kind u32[] · values u32[] · crc u32[]
//! …  data pages:   offset u64[] · length u32[] · rows u32[] · crc u32[] · tree u16[]
//! …                · values u32[], only below arrays and maps
//! ```

use std::ops::Range;

use ncf_core::{Budget, Error, Limits, Result};
use ncf_encoding::SharedKind;

use crate::block::BlockInfo;
use crate::constants::{HEADER_LEN, PAGE_ALIGNMENT};
use crate::wire::{Cursor, Put, to_u32};

/// Where a data page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMeta {
    /// First byte in the file.
    pub offset: u64,
    /// Stored bytes, padding included.
    pub length: u32,
    /// Rows.
    pub rows: u32,
    /// Values: as many as rows, but for columns below arrays and maps.
    pub values: u32,
    /// First row, counted from the block's first.
    pub first_row: u32,
    /// Checksum of the stored bytes as a piece.
    pub crc: u32,
    /// Index into [`ColumnMeta::trees`].
    pub tree: u16,
}

/// Where a shared page is. A map may be that of several blocks, each of which names it; it stands by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPageMeta {
    /// First byte in the file.
    pub offset: u64,
    /// Stored bytes, padding included.
    pub length: u32,
    /// What it holds.
    pub kind: SharedKind,
    /// Number of values in it.
    pub count: u32,
    /// Checksum of the stored bytes as a piece.
    pub crc: u32,
}

/// One column of one block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkMeta {
    /// What the data pages share; stands before them but for a map.
    pub shared: Vec<SharedPageMeta>,
    /// Data pages in row order.
    pub pages: Vec<PageMeta>,
}

impl ChunkMeta {
    /// The map that it shares with other blocks.
    pub fn map(&self) -> Option<&SharedPageMeta> {
        self.shared.iter().find(|page| page.kind == SharedKind::Map)
    }

    /// Its own shared pages.
    pub fn own_shared(&self) -> impl Iterator<Item = &SharedPageMeta> {
        self.shared.iter().filter(|page| page.kind != SharedKind::Map)
    }

    /// Stored bytes without those of a map.
    pub fn bytes(&self) -> u64 {
        let shared: u64 = self.own_shared().map(|page| u64::from(page.length)).sum();
        shared + self.pages.iter().map(|page| u64::from(page.length)).sum::<u64>()
    }

    /// Stored bytes of the data pages that hold no row of `runs`, which are in order and counted from the block's first;
    /// where no run is left, of the whole chunk.
    pub fn bytes_without(&self, runs: &[Range<usize>]) -> u64 {
        if runs.is_empty() {
            return self.bytes();
        }
        let holds = |page: &&PageMeta| {
            let (start, end) =
                (page.first_row as usize, page.first_row as usize + page.rows as usize);
            let before = runs.partition_point(|run| run.end <= start);
            runs.get(before).is_some_and(|run| run.start < end)
        };
        self.pages.iter().filter(|page| !holds(page)).map(|page| u64::from(page.length)).sum()
    }

    /// Data pages that hold rows of `rows` (counted from the block's first).
    pub fn pages_of(&self, rows: Range<u32>) -> Range<usize> {
        let start = self.pages.partition_point(|page| page.first_row + page.rows <= rows.start);
        let end = self.pages.partition_point(|page| page.first_row < rows.end);
        start..end.max(start)
    }
}

/// Where the pages of a column are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnMeta {
    /// Texts of the encoding trees that pages refer to.
    pub trees: Vec<String>,
    /// One chunk a block.
    pub blocks: Vec<ChunkMeta>,
}

impl ColumnMeta {
    /// The chunk of a block, or `InvalidArgument`.
    pub fn chunk(&self, block: usize) -> Result<&ChunkMeta> {
        self.blocks.get(block).ok_or_else(|| {
            Error::invalid_argument(format!(
                "there is no block {block}; the file has {}",
                self.blocks.len()
            ))
        })
    }

    /// The maps of the blocks, each once.
    pub fn maps(&self) -> Vec<&SharedPageMeta> {
        let mut maps: Vec<&SharedPageMeta> =
            self.blocks.iter().filter_map(ChunkMeta::map).collect();
        maps.sort_by_key(|map| (map.offset, map.length));
        maps.dedup_by_key(|map| (map.offset, map.length));
        maps
    }

    /// A block's share of the stored bytes of its map, which it has together with others.
    pub fn map_share(&self, block: usize) -> u64 {
        let Some(map) = self.blocks.get(block).and_then(ChunkMeta::map) else { return 0 };
        let users = self.blocks.iter().filter(|chunk| chunk.map() == Some(map)).count();
        u64::from(map.length) / users.max(1) as u64
    }

    /// The bytes of the record. `repeated` says that the column lies below an array or map.
    pub(crate) fn encode(&self, repeated: bool) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        out.put_u32(to_u32("blocks", self.blocks.len())?);
        out.put_u32(to_u32("encoding trees", self.trees.len())?);
        for tree in &self.trees {
            let len = u16::try_from(tree.len())
                .map_err(|_| Error::internal("the text of an encoding tree is too long"))?;
            out.put_u16(len);
            out.extend_from_slice(tree.as_bytes());
        }
        for chunk in &self.blocks {
            out.put_u32(to_u32("shared pages", chunk.shared.len())?);
        }
        for chunk in &self.blocks {
            out.put_u32(to_u32("pages", chunk.pages.len())?);
        }
        let shared = || self.blocks.iter().flat_map(|chunk| &chunk.shared);
        shared().for_each(|page| out.put_u64(page.offset));
        shared().for_each(|page| out.put_u32(page.length));
        shared().for_each(|page| out.put_u32(u32::from(page.kind.id())));
        shared().for_each(|page| out.put_u32(page.count));
        shared().for_each(|page| out.put_u32(page.crc));
        let pages = || self.blocks.iter().flat_map(|chunk| &chunk.pages);
        pages().for_each(|page| out.put_u64(page.offset));
        pages().for_each(|page| out.put_u32(page.length));
        pages().for_each(|page| out.put_u32(page.rows));
        pages().for_each(|page| out.put_u32(page.crc));
        pages().for_each(|page| out.put_u16(page.tree));
        if repeated {
            pages().for_each(|page| out.put_u32(page.values));
        }
        Ok(out)
    }

    /// Reads a verified record; page offsets must lie before `data_end`.
    pub(crate) fn decode(
        bytes: &[u8],
        repeated: bool,
        blocks: &[BlockInfo],
        data_end: u64,
        limits: &Limits,
        budget: &Budget,
    ) -> Result<Self> {
        let mut cursor = Cursor::new("a column meta record", bytes);
        if cursor.len_u32()? != blocks.len() {
            return Err(Error::corrupt("a column meta record has another number of blocks"));
        }
        let tree_count = cursor.len_u32()?;
        budget.take("encoding trees", (tree_count as u64).saturating_mul(24))?;
        let mut trees = Vec::new();
        for _ in 0..tree_count {
            let len = usize::from(cursor.u16()?);
            let text = String::from_utf8(cursor.take(len)?.to_vec())
                .map_err(|_| Error::corrupt("the text of an encoding tree is not UTF-8"))?;
            trees.push(text);
        }
        let shared_counts = cursor.u32s(blocks.len(), budget)?;
        let page_counts = cursor.u32s(blocks.len(), budget)?;
        let shared = decode_shared(&mut cursor, total(&shared_counts), limits, budget)?;
        let pages = decode_pages(&mut cursor, total(&page_counts), repeated, budget)?;
        cursor.finish()?;
        let mut shared = shared.into_iter();
        let mut pages = pages.into_iter();
        let mut chunks = Vec::with_capacity(blocks.len());
        let mut end = HEADER_LEN as u64;
        let mut map = None;
        for ((block, shared_count), page_count) in blocks.iter().zip(shared_counts).zip(page_counts)
        {
            let mut chunk = ChunkMeta {
                shared: shared.by_ref().take(shared_count as usize).collect(),
                pages: pages.by_ref().take(page_count as usize).collect(),
            };
            end = check_places(&chunk, end..data_end)?;
            map = check_map(&chunk, map, data_end)?;
            check_rows(&mut chunk, block, trees.len(), limits)?;
            chunks.push(chunk);
        }
        Ok(Self { trees, blocks: chunks })
    }
}

fn total(counts: &[u32]) -> usize {
    counts.iter().fold(0usize, |sum, count| sum.saturating_add(*count as usize))
}

fn decode_shared(
    cursor: &mut Cursor<'_>,
    count: usize,
    limits: &Limits,
    budget: &Budget,
) -> Result<Vec<SharedPageMeta>> {
    let offsets = cursor.u64s(count, budget)?;
    let lengths = cursor.u32s(count, budget)?;
    let kinds = cursor.u32s(count, budget)?;
    let counts = cursor.u32s(count, budget)?;
    let crcs = cursor.u32s(count, budget)?;
    let mut pages = budget.vec("shared pages", count)?;
    for ((((offset, length), kind), count), crc) in
        offsets.into_iter().zip(lengths).zip(kinds).zip(counts).zip(crcs)
    {
        let id = u8::try_from(kind)
            .map_err(|_| Error::unsupported(format!("shared page kind {kind}; use a newer NCF")))?;
        let kind = SharedKind::from_id(id)?;
        if u64::from(count) > limits.shared_values {
            let limit = limits.shared_values;
            return Err(Error::limit_exceeded("values of a shared page", count.into(), limit));
        }
        pages.push(SharedPageMeta { offset, length, kind, count, crc });
    }
    Ok(pages)
}

fn decode_pages(
    cursor: &mut Cursor<'_>,
    count: usize,
    repeated: bool,
    budget: &Budget,
) -> Result<Vec<PageMeta>> {
    let offsets = cursor.u64s(count, budget)?;
    let lengths = cursor.u32s(count, budget)?;
    let rows = cursor.u32s(count, budget)?;
    let crcs = cursor.u32s(count, budget)?;
    let trees = cursor.u16s(count, budget)?;
    let values = if repeated { cursor.u32s(count, budget)? } else { rows.clone() };
    let mut pages = budget.vec("pages", count)?;
    for (((((offset, length), rows), crc), tree), values) in
        offsets.into_iter().zip(lengths).zip(rows).zip(crcs).zip(trees).zip(values)
    {
        pages.push(PageMeta { offset, length, rows, values, first_row: 0, crc, tree });
    }
    Ok(pages)
}

/// Checks that a chunk's own pages follow each other inside `place`, and answers where they end. The place begins
/// where the chunk of the block before ended: blocks that shared pages would make endless rows of few bytes.
fn check_places(chunk: &ChunkMeta, place: Range<u64>) -> Result<u64> {
    let shared = chunk.own_shared().map(|page| (page.offset, page.length));
    let data = chunk.pages.iter().map(|page| (page.offset, page.length));
    let mut next = None;
    for (offset, length) in shared.chain(data) {
        let end = check_place(offset, length, place.clone())?;
        if next.is_some_and(|next| next != offset) {
            return Err(misplaced());
        }
        next = Some(end);
    }
    Ok(next.unwrap_or(place.start))
}

/// Checks a chunk's map: the last of its shared pages, and the one that blocks before had last, or behind it. Answers
/// which one blocks had last then.
fn check_map(
    chunk: &ChunkMeta,
    last: Option<SharedPageMeta>,
    data_end: u64,
) -> Result<Option<SharedPageMeta>> {
    let Some(map) = chunk.map() else { return Ok(last) };
    let free = last.as_ref().map_or(HEADER_LEN as u64, |last| last.offset + u64::from(last.length));
    let one = chunk.own_shared().count() + 1 == chunk.shared.len();
    if !one || chunk.shared.last() != Some(map) {
        return Err(Error::corrupt("a column chunk has several maps, or one before other pages"));
    }
    if last.as_ref() != Some(map) {
        if map.length == 0 {
            return Err(misplaced());
        }
        check_place(map.offset, map.length, free..data_end)?;
    }
    Ok(Some(map.clone()))
}

/// Checks that a page lies inside `place`, and answers where it ends.
fn check_place(offset: u64, length: u32, place: Range<u64>) -> Result<u64> {
    let aligned = offset.is_multiple_of(PAGE_ALIGNMENT as u64)
        && (length as usize).is_multiple_of(PAGE_ALIGNMENT);
    let end = offset.checked_add(length.into()).filter(|end| *end <= place.end);
    end.filter(|_| aligned && offset >= place.start).ok_or_else(misplaced)
}

fn misplaced() -> Error {
    Error::corrupt("pages of a column do not follow each other in the file")
}

/// Checks that a chunk's pages hold the block's rows.
fn check_rows(
    chunk: &mut ChunkMeta,
    block: &BlockInfo,
    trees: usize,
    limits: &Limits,
) -> Result<()> {
    let mut row = 0u32;
    for page in &mut chunk.pages {
        page.first_row = row;
        let in_limits = page.rows > 0 && u64::from(page.rows) <= limits.page_rows;
        match row.checked_add(page.rows) {
            Some(end) if in_limits && end <= block.rows && usize::from(page.tree) < trees => {
                row = end
            }
            _ => return Err(Error::corrupt("the rows of a column's pages do not fit its block")),
        }
    }
    if row != block.rows {
        return Err(Error::corrupt("a column's pages do not hold all rows of its block"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u64 = 1 << 20;

    fn shared(kind: SharedKind, offset: u64) -> SharedPageMeta {
        SharedPageMeta { offset, length: 64, kind, count: 1, crc: 7 }
    }

    fn map(offset: u64) -> SharedPageMeta {
        shared(SharedKind::Map, offset)
    }

    /// Blocks of one data page with these shared pages, as they come back.
    fn decoded(blocks: &[&[SharedPageMeta]]) -> Result<ColumnMeta> {
        let mut next = HEADER_LEN as u64;
        let mut chunk = |pages: &&[SharedPageMeta]| {
            let own = pages.iter().filter(|page| page.kind != SharedKind::Map).count() as u64;
            let offset = next + own * 64;
            next = offset + 64;
            let data =
                PageMeta { offset, length: 64, rows: 5, values: 5, first_row: 0, crc: 1, tree: 0 };
            ChunkMeta { shared: pages.to_vec(), pages: vec![data] }
        };
        let blocks: Vec<ChunkMeta> = blocks.iter().map(&mut chunk).collect();
        let infos: Vec<BlockInfo> =
            (0..blocks.len() as u64).map(|at| BlockInfo { rows: 5, first_row: at * 5 }).collect();
        let meta = ColumnMeta { trees: vec!["plain".into()], blocks };
        let budget = Budget::new(1 << 20);
        ColumnMeta::decode(&meta.encode(false)?, false, &infos, END, &Limits::DEFAULT, &budget)
    }

    #[test]
    fn blocks_share_maps_that_are_the_same() {
        let own = shared(SharedKind::References, HEADER_LEN as u64);
        let first = own.clone();
        let meta = decoded(&[&[first, map(4096)], &[map(4096)], &[], &[map(4096)], &[map(4160)]]);
        let meta = meta.unwrap();
        assert_eq!(meta.maps(), [&map(4096), &map(4160)]);
        let shares: Vec<u64> = (0..5).map(|block| meta.map_share(block)).collect();
        assert_eq!(shares, [21, 21, 0, 21, 64]);
        let other = |change: fn(&mut SharedPageMeta)| {
            let mut other = map(4096);
            change(&mut other);
            other
        };
        for lie in [
            decoded(&[&[map(4096), map(4160)]]),
            decoded(&[&[map(4096), own]]),
            decoded(&[&[map(4160)], &[map(4096)]]),
            decoded(&[&[map(4096)], &[map(4097)]]),
            decoded(&[&[map(4096)], &[map(4160)], &[map(4096)]]),
            decoded(&[&[map(4096)], &[other(|map| map.count = 2)]]),
            decoded(&[&[map(4096)], &[other(|map| map.crc = 8)]]),
            decoded(&[&[map(4096)], &[other(|map| map.length = 128)]]),
            decoded(&[&[other(|map| map.length = 0)]]),
            decoded(&[&[map(0)]]),
            decoded(&[&[map(END)]]),
            decoded(&[&[map(u64::MAX - 63)]]),
        ] {
            assert_eq!(lie.unwrap_err().kind(), ncf_core::ErrorKind::Corrupt);
        }
    }
}
