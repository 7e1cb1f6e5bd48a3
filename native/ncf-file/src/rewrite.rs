//! A file written anew with another index: pages are copied as they are stored, under checksums that are verified on
//! the way; records that say where pages are get the new checksums, all others stay as they are.

use std::collections::BTreeMap;
use std::ops::Range;

use ncf_core::{ColumnBounds, Error, Result, ResultExt, Role};
use ncf_index::{ChunkOrder, Index, Learner};

use crate::checksum::{PieceId, verify_piece};
use crate::column_meta::ColumnMeta;
use crate::constants::{PieceKind, VECTOR_ROWS};
use crate::directory::DirectoryRecord;
use crate::filters::Filters;
use crate::reader::{FileReader, PageRef, to_id};
use crate::shared_pages::shared_id;
use crate::sink::ByteSink;
use crate::source::read_coalesced;
use crate::writer::{Ending, FileSummary, Output, is_indexed, stored_index_bytes};

impl FileReader {
    /// What an index of a stored column would be learned from: every page of the column is read. `None` where the
    /// column can have no index: its values have no order, or one that bytes do not have, or pages end within a
    /// vector.
    pub fn learner(&self, column: usize) -> Result<Option<Learner>> {
        let stored = self.stored_column(column)?;
        let field = self.schema().fields.get(stored.field);
        if !field.is_some_and(|field| is_indexed(stored, field)) {
            return Ok(None);
        }
        let mut learner = Learner::new(stored.data_type);
        let meta = self.column(column)?;
        for (block, chunk) in meta.blocks.iter().enumerate() {
            for page in 0..chunk.pages.len() {
                for decoded in self.read_pages(&[PageRef { column, block, page }])? {
                    let values = self.flat(PageRef { column, block, page }, decoded.values)?;
                    let last = page + 1 == chunk.pages.len();
                    if !last && !values.len().is_multiple_of(VECTOR_ROWS) {
                        return Ok(None);
                    }
                    let Some(order) = ChunkOrder::of(&values, decoded.validity.as_ref()) else {
                        return Ok(None);
                    };
                    learner.add(Some(order));
                }
            }
        }
        Ok(Some(learner))
    }

    /// How long the bytes of an index are when they are stored, compressed maybe.
    pub fn stored_index_bytes(bytes: &[u8]) -> u64 {
        stored_index_bytes(bytes)
    }

    /// Writes the file anew with another index of a stored column, and with the UUID of the new file. Checksums of all
    /// bytes that are copied are verified.
    ///
    /// # Errors
    /// As those of reading and writing; nothing is left of the new file then, best effort.
    pub fn rewrite_index(
        &self,
        column: usize,
        index: &Index,
        uuid: [u8; 16],
        sink: Box<dyn ByteSink>,
    ) -> Result<FileSummary> {
        self.stored_column(column)?;
        let mut output = Output::begin(sink, uuid)?;
        let written = self.copy_pages(&mut output).and_then(|places| {
            let metadata_start = output.offset();
            let records = self.copy_records(&mut output, places, to_id(column), index.encode())?;
            Ok((metadata_start, records, self.file_statistics()?))
        });
        match written.at("file", || self.name()) {
            Ok((metadata_start, records, statistics)) => {
                let (rows, blocks) = (self.rows(), self.blocks().len());
                output.close(Ending { metadata_start, records, rows, blocks, statistics })
            }
            Err(error) => {
                output.discard();
                Err(error)
            }
        }
    }

    /// Copies all pages, and gives where they are with the checksums that they have in the new file.
    fn copy_pages(&self, output: &mut Output) -> Result<Places> {
        let mut places = Places::default();
        for column in 0..self.stored().len() {
            places.metas.push(ColumnMeta::clone(&*self.column(column)?));
            places.filters.push(Filters::clone(&*self.filters(column)?));
        }
        let mut pieces = places.pieces();
        pieces.sort_unstable_by_key(|piece| piece.range.start);
        // What was copied last, its checksum, and the new one.
        let mut copied: Option<(PieceId, Range<u64>, u32, u32)> = None;
        for Piece { id, range, crc } in pieces {
            match &copied {
                // A map of several blocks.
                Some((of, at, old, new)) if (*of, at, *old) == (id, &range, *crc) => {
                    *crc = *new;
                    continue;
                }
                _ => {}
            }
            // Offsets stay as they are, which they can where pages follow one another.
            if range.start != output.offset() {
                return Err(Error::corrupt("bytes of the file belong to no page"));
            }
            let stored = read_coalesced(&*self.source, std::slice::from_ref(&range))?.pop();
            let stored = stored.ok_or_else(|| Error::internal("a byte source returned nothing"))?;
            verify_piece(&self.trailer.uuid, id, &stored, *crc)?;
            self.options.interruption.check()?;
            let old = *crc;
            (_, *crc) = output.piece(id, &stored)?;
            copied = Some((id, range, old, *crc));
        }
        Ok(places)
    }

    /// Copies all metadata records, the index of a column aside, in whose place another one is written.
    fn copy_records(
        &self,
        output: &mut Output,
        places: Places,
        column: u32,
        index: Vec<u8>,
    ) -> Result<Vec<DirectoryRecord>> {
        let mut records = Vec::with_capacity(self.directory.len() + 1);
        let mut index = Some(index);
        for record in &self.directory {
            let at = record.column as usize;
            let raw = match record.kind {
                PieceKind::Index if record.column == column => continue,
                PieceKind::ColumnMeta => match places.metas.get(at) {
                    Some(meta) => meta.encode(self.stored_column(at)?.repeated_by.is_some())?,
                    None => self.record(record.kind, record.column)?,
                },
                PieceKind::Filters => match places.filters.get(at) {
                    Some(filters) => filters.encode()?,
                    None => self.record(record.kind, record.column)?,
                },
                kind => self.record(kind, record.column)?,
            };
            // Indexes stand before what says where pages are.
            if record.kind == PieceKind::ColumnMeta
                && let Some(index) = index.take()
            {
                records.push(output.record(PieceKind::Index, column, index)?);
            }
            records.push(output.record(record.kind, record.column, raw)?);
        }
        Ok(records)
    }

    /// Bounds of each column of the file, by field id, as its writer gave them to the log.
    fn file_statistics(&self) -> Result<BTreeMap<u32, ColumnBounds>> {
        let mut found = BTreeMap::new();
        for (number, column) in self.stored().iter().enumerate() {
            let whole = column.role == Role::Values && column.path.len() == 1;
            if whole && column.repeated_by.is_none() {
                found.insert(column.id, self.statistics(number)?.bounds());
            }
        }
        Ok(found)
    }
}

/// Where the pages of all columns are.
#[derive(Default)]
struct Places {
    metas: Vec<ColumnMeta>,
    filters: Vec<Filters>,
}

/// A page, and where its checksum stands.
struct Piece<'a> {
    id: PieceId,
    range: Range<u64>,
    crc: &'a mut u32,
}

impl Places {
    fn pieces(&mut self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let id = |kind, (column, block, page)| PieceId {
            kind,
            column: to_id(column),
            block: to_id(block),
            page: to_id(page),
        };
        let mut add = |id, offset: u64, length: u32, crc| {
            pieces.push(Piece { id, range: offset..offset + u64::from(length), crc });
        };
        for (column, meta) in self.metas.iter_mut().enumerate() {
            for (block, chunk) in meta.blocks.iter_mut().enumerate() {
                for (page, at) in chunk.shared.iter_mut().enumerate() {
                    let id = shared_id(at, to_id(column), to_id(block), to_id(page));
                    add(id, at.offset, at.length, &mut at.crc);
                }
                for (page, at) in chunk.pages.iter_mut().enumerate() {
                    let id = id(PieceKind::DataPage, (column, block, page));
                    add(id, at.offset, at.length, &mut at.crc);
                }
            }
        }
        for (column, filters) in self.filters.iter_mut().enumerate() {
            for (block, pages) in filters.blocks.iter_mut().enumerate() {
                for (page, at) in pages.iter_mut().enumerate() {
                    let id = id(PieceKind::FilterPage, (column, block, page));
                    add(id, at.offset, at.length, &mut at.crc);
                }
            }
        }
        pieces
    }
}
