//! The bytes of a file on their way to the sink, and the end that makes them one.

use std::collections::BTreeMap;

use ncf_core::{ColumnBounds, Result};

use super::FileSummary;
use crate::checksum::{PieceId, piece_checksum};
use crate::constants::{HEADER_LEN, NONE, PieceKind, TRAILER_LEN};
use crate::directory::{self, DirectoryRecord, Packed};
use crate::header::Header;
use crate::sink::ByteSink;
use crate::trailer::Trailer;
use crate::wire::to_u32;

/// A file that is being written.
pub(crate) struct Output {
    sink: Box<dyn ByteSink>,
    uuid: [u8; 16],
    offset: u64,
}

/// What the end of a file says of it.
pub(crate) struct Ending {
    /// Where the metadata begins.
    pub(crate) metadata_start: u64,
    /// The metadata records, in order.
    pub(crate) records: Vec<DirectoryRecord>,
    pub(crate) rows: u64,
    pub(crate) blocks: usize,
    /// Bounds of each column, by field id.
    pub(crate) statistics: BTreeMap<u32, ColumnBounds>,
}

impl Output {
    /// Writes the header.
    pub(crate) fn begin(mut sink: Box<dyn ByteSink>, uuid: [u8; 16]) -> Result<Self> {
        sink.append(&Header::new(uuid).encode())?;
        Ok(Self { sink, uuid, offset: HEADER_LEN as u64 })
    }

    /// Bytes so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Removes what was written, best effort.
    pub(crate) fn discard(&mut self) {
        self.sink.discard();
    }

    /// Appends a piece; gives where it is and its checksum.
    pub(crate) fn piece(&mut self, id: PieceId, bytes: &[u8]) -> Result<(u64, u32)> {
        let crc = piece_checksum(&self.uuid, id, bytes);
        let offset = self.offset;
        self.append(bytes)?;
        Ok((offset, crc))
    }

    /// Appends a metadata record.
    pub(crate) fn record(
        &mut self,
        kind: PieceKind,
        column: u32,
        raw: Vec<u8>,
    ) -> Result<DirectoryRecord> {
        let packed = directory::pack_record(kind, raw)?;
        self.packed(kind, column, packed)
    }

    /// Appends a metadata record as it is stored.
    pub(crate) fn packed(
        &mut self,
        kind: PieceKind,
        column: u32,
        packed: Packed,
    ) -> Result<DirectoryRecord> {
        let Packed { stored, raw_length, flags } = packed;
        let (offset, crc) = self.piece(PieceId::record(kind, column), &stored)?;
        let length = stored.len() as u64;
        Ok(DirectoryRecord { kind, column, offset, length, raw_length, crc, flags })
    }

    /// Writes directory and trailer, and makes the file durable.
    pub(crate) fn close(mut self, ending: Ending) -> Result<FileSummary> {
        let directory = directory::encode(&ending.records);
        let mut trailer = Trailer::new(self.uuid, ending.rows);
        trailer.directory_len = to_u32("the directory", directory.len())?;
        let id = PieceId::record(PieceKind::Directory, NONE);
        (trailer.directory_offset, trailer.directory_crc) = self.piece(id, &directory)?;
        trailer.metadata_len = self.offset - ending.metadata_start + TRAILER_LEN as u64;
        let trailer = trailer.encode();
        self.append(&trailer)?;
        self.sink.finish()?;
        Ok(FileSummary {
            uuid: crate::hex(&self.uuid),
            rows: ending.rows,
            bytes: self.offset,
            blocks: to_u32("blocks", ending.blocks)?,
            digest: crate::digest(&directory, &trailer),
            statistics: ending.statistics,
        })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.append(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
