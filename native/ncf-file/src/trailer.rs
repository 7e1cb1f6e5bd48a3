//! The trailer: the last 128 bytes, the authority on a file. A file without a valid trailer was
//! never written.
//!
//! ```text
//! EOF-128  directory offset u64 · length u32 · crc u32
//! EOF-112  metadata length u64 (first metadata record to end of file)
//! EOF-104  rows u64
//! EOF-96   required features u64 · optional features u64
//! EOF-80   file uuid, 16 bytes
//! EOF-64   major version u16 · minor version u16
//! EOF-60   zeros
//! EOF-8    crc32c of the 120 bytes before
//! EOF-4    magic "NCF\0"
//! ```

use std::ops::Range;

use ncf_core::{Error, Limits, Result};

use crate::constants::{
    HEADER_LEN, KNOWN_REQUIRED_FEATURES, MAGIC, MAJOR_VERSION, MINOR_VERSION, TRAILER_LEN,
};
use crate::header::check_major;
use crate::wire::{Cursor, Put};

const ZEROS: usize = 52;

/// What stands at the end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// Where the directory begins.
    pub directory_offset: u64,
    /// Bytes of the directory.
    pub directory_len: u32,
    /// Checksum of the directory, as a piece of kind `Directory`.
    pub directory_crc: u32,
    /// Bytes from the first metadata record to the end of the file.
    pub metadata_len: u64,
    /// Rows of the file.
    pub rows: u64,
    /// Features that a reader must know.
    pub required: u64,
    /// Features that a reader may ignore.
    pub optional: u64,
    /// Identity of the file.
    pub uuid: [u8; 16],
    /// Minor version of the writer.
    pub minor: u16,
}

impl Trailer {
    /// A trailer of this build's version without features.
    pub fn new(uuid: [u8; 16], rows: u64) -> Self {
        Self {
            directory_offset: 0,
            directory_len: 0,
            directory_crc: 0,
            metadata_len: 0,
            rows,
            required: 0,
            optional: 0,
            uuid,
            minor: MINOR_VERSION,
        }
    }

    /// The 128 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(TRAILER_LEN);
        out.put_u64(self.directory_offset);
        out.put_u32(self.directory_len);
        out.put_u32(self.directory_crc);
        out.put_u64(self.metadata_len);
        out.put_u64(self.rows);
        out.put_u64(self.required);
        out.put_u64(self.optional);
        out.extend_from_slice(&self.uuid);
        out.put_u16(MAJOR_VERSION);
        out.put_u16(self.minor);
        out.resize(TRAILER_LEN - 8, 0);
        let crc = crc32c::crc32c(&out);
        out.put_u32(crc);
        out.extend_from_slice(&MAGIC);
        out
    }

    /// Reads the 128 bytes, checksum first; refuses unknown versions and required features.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new("the trailer", bytes);
        let body = cursor.take(TRAILER_LEN - 8)?;
        let stored = cursor.u32()?;
        if cursor.rest() != MAGIC {
            return Err(Error::corrupt(
                "this is not a whole NCF file: it does not end with NCF; it was cut off, \
                 never finished, or is another format",
            ));
        }
        if crc32c::crc32c(body) != stored {
            return Err(Error::corrupt("the checksum of the trailer differs; the file is damaged"));
        }
        let mut cursor = Cursor::new("the trailer", body);
        let trailer = Self {
            directory_offset: cursor.u64()?,
            directory_len: cursor.u32()?,
            directory_crc: cursor.u32()?,
            metadata_len: cursor.u64()?,
            rows: cursor.u64()?,
            required: cursor.u64()?,
            optional: cursor.u64()?,
            uuid: cursor.array()?,
            minor: {
                check_major(cursor.u16()?)?;
                cursor.u16()?
            },
        };
        cursor.zeros(ZEROS)?;
        cursor.finish()?;
        let unknown = trailer.required & !KNOWN_REQUIRED_FEATURES;
        if unknown != 0 {
            return Err(Error::unsupported(format!(
                "the file needs feature bit {} that this build does not know; use a newer NCF",
                unknown.trailing_zeros()
            )));
        }
        Ok(trailer)
    }

    /// Where the metadata of a file of `len` bytes lies, without the trailer; checks every offset.
    pub(crate) fn metadata(&self, len: u64, limits: &Limits) -> Result<Range<u64>> {
        if self.metadata_len > limits.metadata_bytes {
            let (declared, limit) = (self.metadata_len, limits.metadata_bytes);
            return Err(Error::limit_exceeded("metadata", declared, limit));
        }
        let wrong =
            || Error::corrupt("the trailer's offsets do not fit the file; it was cut or damaged");
        let end = len.checked_sub(TRAILER_LEN as u64).ok_or_else(wrong)?;
        let start = len.checked_sub(self.metadata_len).ok_or_else(wrong)?;
        let directory_end =
            self.directory_offset.checked_add(self.directory_len.into()).ok_or_else(wrong)?;
        let inside =
            start >= HEADER_LEN as u64 && start <= self.directory_offset && directory_end == end;
        if inside { Ok(start..end) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let trailer = Trailer { directory_offset: 300, ..Trailer::new([9; 16], 5) };
        let bytes = trailer.encode();
        assert_eq!(bytes.len(), TRAILER_LEN);
        assert_eq!(Trailer::decode(&bytes).unwrap(), trailer);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Trailer::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_unknown_required_feature_is_named() {
        let bytes = Trailer { required: 1 << 5, ..Trailer::new([0; 16], 0) }.encode();
        let error = Trailer::decode(&bytes).unwrap_err();
        assert_eq!(error.kind(), ncf_core::ErrorKind::Unsupported);
        assert!(error.message().contains("feature bit 5"));
    }
}
