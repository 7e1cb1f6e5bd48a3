//! The directory: fixed 40-byte records that say where each metadata record lies.
//!
//! ```text
//! 0   kind u32 · column u32 (0xFFFFFFFF = the file)
//! 8   offset u64 · stored length u64 · raw length u64
//! 32  crc32c u32 · flags u32 (bit 0: one zstd frame)
//! ```
//! Records tile the metadata from its first byte to the directory: no byte is outside a checksum.

use std::ops::Range;

use ncf_core::{Budget, Error, Limits, Result};
use ncf_encoding::compression;

use crate::constants::{
    COMPRESS_RECORD_OVER, DIRECTORY_RECORD_LEN, NONE, OPTIONAL_KINDS, PieceKind, RECORD_ZSTD,
};
use crate::wire::{Cursor, Put};

/// Compression level of indexes, and of those that it makes so many times smaller.
const INDEX_LEVEL: i32 = 12;
const INDEX_LEVEL_OF_REPEATS: i32 = 19;
const REPEATS: usize = 2;

/// One directory record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// What the record holds.
    pub kind: PieceKind,
    /// Column index, or [`NONE`].
    pub column: u32,
    /// First byte in the file.
    pub offset: u64,
    /// Stored bytes.
    pub length: u64,
    /// Bytes after decompression.
    pub raw_length: u64,
    /// Checksum of the stored bytes as a piece.
    pub crc: u32,
    /// [`RECORD_ZSTD`] or 0.
    pub flags: u32,
}

impl DirectoryRecord {
    /// The bytes in the file.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.length
    }

    /// The record's content from its verified stored bytes.
    pub(crate) fn unpack(&self, stored: &[u8], budget: &Budget) -> Result<Vec<u8>> {
        let raw = usize::try_from(self.raw_length).map_err(|_| {
            Error::limit_exceeded("a metadata record", self.raw_length, usize::MAX as u64)
        })?;
        let mut out = budget.vec::<u8>("metadata", raw)?;
        if self.flags & RECORD_ZSTD == 0 {
            out.extend_from_slice(stored);
            return Ok(out);
        }
        compression::decompress(stored, raw, &mut out)
            .map_err(|error| Error::corrupt(format!("a metadata record: {}", error.message())))?;
        Ok(out)
    }
}

/// A record as it is stored.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) stored: Vec<u8>,
    /// Bytes after decompression.
    pub(crate) raw_length: u64,
    /// [`RECORD_ZSTD`] or 0.
    pub(crate) flags: u32,
}

/// Compresses a record where that pays.
pub(crate) fn pack_record(kind: PieceKind, raw: Vec<u8>) -> Result<Packed> {
    let raw_length = raw.len() as u64;
    // Indexes are short, read often, and compared by their bytes.
    let (over, level) = match kind {
        PieceKind::Index => (0, INDEX_LEVEL),
        _ => (COMPRESS_RECORD_OVER, compression::LEVEL),
    };
    if raw.len() > over {
        let mut packed = compression::compress(&raw, level)?;
        // The slowest level finds more in what repeats, and nothing in what does not.
        if kind == PieceKind::Index && packed.len() * REPEATS <= raw.len() {
            let smaller = compression::compress(&raw, INDEX_LEVEL_OF_REPEATS)?;
            packed = if smaller.len() < packed.len() { smaller } else { packed };
        }
        if packed.len() < raw.len() {
            return Ok(Packed { stored: packed, raw_length, flags: RECORD_ZSTD });
        }
    }
    Ok(Packed { stored: raw, raw_length, flags: 0 })
}

/// The bytes of a directory.
pub(crate) fn encode(records: &[DirectoryRecord]) -> Vec<u8> {
    let mut out = Vec::with_capacity(records.len() * DIRECTORY_RECORD_LEN);
    for record in records {
        out.put_u32(record.kind.code());
        out.put_u32(record.column);
        out.put_u64(record.offset);
        out.put_u64(record.length);
        out.put_u64(record.raw_length);
        out.put_u32(record.crc);
        out.put_u32(record.flags);
    }
    out
}

/// A record of a kind that this version does not know, and does not need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownRecord {
    pub(crate) kind: u32,
    pub(crate) column: u32,
    pub(crate) range: Range<u64>,
    pub(crate) crc: u32,
}

/// What a directory lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) records: Vec<DirectoryRecord>,
    pub(crate) unknown: Vec<UnknownRecord>,
}

/// Reads a verified directory whose records must tile `metadata`.
pub(crate) fn decode(bytes: &[u8], metadata: Range<u64>, limits: &Limits) -> Result<Directory> {
    let (chunks, rest) = bytes.as_chunks::<DIRECTORY_RECORD_LEN>();
    let most = limits.columns.saturating_mul(5).saturating_add(8);
    if !rest.is_empty() {
        return Err(Error::corrupt("the directory is not a whole number of records"));
    }
    if chunks.len() as u64 > most {
        return Err(Error::limit_exceeded("directory records", chunks.len() as u64, most));
    }
    let mut next = metadata.start;
    let mut found = Directory { records: Vec::with_capacity(chunks.len()), unknown: Vec::new() };
    for chunk in chunks {
        let (offset, length) = match decode_record(chunk, limits)? {
            Record::Known(record) => {
                let place = (record.offset, record.length);
                found.records.push(record);
                place
            }
            Record::Unknown { kind, column, offset, length, crc } => {
                // Its end is checked below.
                let range = offset..offset.saturating_add(length);
                found.unknown.push(UnknownRecord { kind, column, range, crc });
                (offset, length)
            }
        };
        if offset != next || length > metadata.end - next {
            return Err(Error::corrupt("the directory's records do not tile the metadata"));
        }
        next += length;
    }
    if next != metadata.end {
        return Err(Error::corrupt("the directory's records do not tile the metadata"));
    }
    Ok(found)
}

enum Record {
    Known(DirectoryRecord),
    Unknown { kind: u32, column: u32, offset: u64, length: u64, crc: u32 },
}

fn decode_record(chunk: &[u8], limits: &Limits) -> Result<Record> {
    let mut cursor = Cursor::new("a directory record", chunk);
    let code = cursor.u32()?;
    let Some(kind) = PieceKind::from_code(code) else {
        if code < OPTIONAL_KINDS {
            return Err(Error::corrupt(format!("unknown metadata record kind {code}")));
        }
        let (column, offset, length) = (cursor.u32()?, cursor.u64()?, cursor.u64()?);
        cursor.u64()?;
        return Ok(Record::Unknown { kind: code, column, offset, length, crc: cursor.u32()? });
    };
    let record = DirectoryRecord {
        kind,
        column: cursor.u32()?,
        offset: cursor.u64()?,
        length: cursor.u64()?,
        raw_length: cursor.u64()?,
        crc: cursor.u32()?,
        flags: cursor.u32()?,
    };
    if record.flags & !RECORD_ZSTD != 0 {
        return Err(Error::corrupt("unknown flags in a directory record"));
    }
    if record.flags == 0 && record.raw_length != record.length {
        return Err(Error::corrupt("a directory record has two lengths"));
    }
    if record.column != NONE && u64::from(record.column) >= limits.columns {
        return Err(Error::limit_exceeded("a column number", record.column.into(), limits.columns));
    }
    Ok(Record::Known(record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_a_reader_need_not_know_are_skipped() {
        let record = |kind: u32, offset: u64| {
            let known = PieceKind::Clustering;
            let record = DirectoryRecord {
                kind: known,
                column: 7,
                offset,
                length: 5,
                raw_length: 5,
                crc: 9,
                flags: 0,
            };
            let mut bytes = encode(std::slice::from_ref(&record));
            bytes[..4].copy_from_slice(&kind.to_le_bytes());
            (bytes, record)
        };
        let ((mut bytes, known), (unknown, _)) = (record(24, 300), record(77, 305));
        bytes.extend(unknown);
        let found = decode(&bytes, 300..310, &Limits::DEFAULT).unwrap();
        assert_eq!(found.records, [known]);
        let skipped = UnknownRecord { kind: 77, column: 7, range: 305..310, crc: 9 };
        assert_eq!(found.unknown, [skipped]);
        assert!(decode(&bytes, 300..311, &Limits::DEFAULT).is_err(), "a gap");
        assert!(decode(&record(15, 300).0, 300..305, &Limits::DEFAULT).is_err());
    }
}
