//! CRC32C of a piece of a file, seeded with where it belongs: a flipped bit, a truncation, and a
//! page that was swapped with another or comes from another file are all found.

use ncf_core::{Error, Result};

use crate::constants::PieceKind;

/// Where a piece belongs; [`crate::constants::NONE`] where a part does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceId {
    /// What it is.
    pub kind: PieceKind,
    /// Column index in the file's schema.
    pub column: u32,
    /// Block number.
    pub block: u32,
    /// Page number in the chunk; shared and data pages are counted apart.
    pub page: u32,
}

impl PieceId {
    /// A metadata record of a column, or of the file with column [`crate::constants::NONE`].
    pub fn record(kind: PieceKind, column: u32) -> Self {
        Self { kind, column, block: crate::constants::NONE, page: crate::constants::NONE }
    }
}

/// CRC32C over (file uuid ‖ kind ‖ column ‖ block ‖ page, u32 little-endian ‖ stored bytes).
pub fn piece_checksum(uuid: &[u8; 16], id: PieceId, stored: &[u8]) -> u32 {
    checksum_of(uuid, [id.kind.code(), id.column, id.block, id.page], stored)
}

/// As [`piece_checksum`], of a piece of any kind: kind, column, block and page.
pub(crate) fn checksum_of(uuid: &[u8; 16], place: [u32; 4], stored: &[u8]) -> u32 {
    let mut seed = Vec::with_capacity(32);
    seed.extend_from_slice(uuid);
    for part in place {
        seed.extend_from_slice(&part.to_le_bytes());
    }
    crc32c::crc32c_append(crc32c::crc32c(&seed), stored)
}

/// Fails with `Corrupt` when the stored bytes of a piece do not have the expected checksum.
pub fn verify_piece(uuid: &[u8; 16], id: PieceId, stored: &[u8], expected: u32) -> Result<()> {
    let got = piece_checksum(uuid, id, stored);
    if got == expected {
        return Ok(());
    }
    let mut error = Error::corrupt(format!(
        "the checksum of a {} differs (expected {expected:08x}, got {got:08x}); \
         the file is damaged, restore it from a copy",
        id.kind.name()
    ));
    for (key, part) in [("page", id.page), ("block", id.block), ("column", id.column)] {
        if part != crate::constants::NONE {
            error = error.with(key, part);
        }
    }
    Err(error)
}
