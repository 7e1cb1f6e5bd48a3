//! The header: the first 256 bytes. It holds nothing that a streaming writer cannot know before
//! the first row.
//!
//! ```text
//! 0    magic "NCF\0"
//! 4    major version u16 · minor version u16
//! 8    file uuid, 16 bytes
//! 24   writer, 64 bytes of UTF-8, zero-padded
//! 88   zeros
//! 252  crc32c of bytes 0..252
//! ```

use ncf_core::{Error, Result};

use crate::constants::{HEADER_LEN, MAGIC, MAJOR_VERSION, MINOR_VERSION};
use crate::wire::{Cursor, Put};

const WRITER_LEN: usize = 64;

/// What stands at the start of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Minor version of the writer.
    pub minor: u16,
    /// Identity of the file.
    pub uuid: [u8; 16],
    /// The program that wrote the file.
    pub writer: String,
}

impl Header {
    /// The header that this build writes.
    pub fn new(uuid: [u8; 16]) -> Self {
        let writer = concat!("ncf ", env!("CARGO_PKG_VERSION")).to_string();
        Self { minor: MINOR_VERSION, uuid, writer }
    }

    /// The 256 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&MAGIC);
        out.put_u16(MAJOR_VERSION);
        out.put_u16(self.minor);
        out.extend_from_slice(&self.uuid);
        out.extend(self.writer.bytes().chain(std::iter::repeat(0)).take(WRITER_LEN));
        out.resize(HEADER_LEN - 4, 0);
        let crc = crc32c::crc32c(&out);
        out.put_u32(crc);
        out
    }

    /// Reads the 256 bytes, checksum first.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new("the header", bytes);
        let body = cursor.take(HEADER_LEN - 4)?;
        let stored = cursor.u32()?;
        cursor.finish()?;
        if !body.starts_with(&MAGIC) {
            return Err(Error::corrupt("this is not an NCF file: it does not begin with NCF"));
        }
        if crc32c::crc32c(body) != stored {
            return Err(Error::corrupt("the checksum of the header differs; the file is damaged"));
        }
        let mut cursor = Cursor::new("the header", body);
        cursor.take(MAGIC.len())?;
        check_major(cursor.u16()?)?;
        let minor = cursor.u16()?;
        let uuid = cursor.array()?;
        let writer = cursor.take(WRITER_LEN)?;
        let text = writer.split(|byte| *byte == 0).next().unwrap_or_default();
        if writer.iter().skip(text.len()).any(|byte| *byte != 0) {
            return Err(Error::corrupt("reserved bytes of the header are not zero"));
        }
        let writer = String::from_utf8(text.to_vec())
            .map_err(|_| Error::corrupt("the writer's name is not UTF-8"))?;
        let left = HEADER_LEN - 4 - 88;
        cursor.zeros(left)?;
        Ok(Self { minor, uuid, writer })
    }
}

/// Refuses major versions other than this build's.
pub(crate) fn check_major(major: u16) -> Result<()> {
    if major == MAJOR_VERSION {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "the file has format version {major}, this build reads version {MAJOR_VERSION}; use a newer NCF"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_found() {
        let header = Header::new([7; 16]);
        let bytes = header.encode();
        assert_eq!(bytes.len(), HEADER_LEN);
        assert_eq!(Header::decode(&bytes).unwrap(), header);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&damaged).is_err(), "bit {bit}");
        }
    }
}
