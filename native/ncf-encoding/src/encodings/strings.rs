//! What encodings of strings read alike: how many bytes the strings have together, and children that are strings.

use ncf_core::{ByteValues, Error, PhysicalType, Result, Values};

use crate::node::DecodeContext;
use crate::reader::Reader;

/// The bytes that all strings of a page have after decoding. `LimitExceeded` over what offsets of 32 bits count.
pub(super) fn declared_bytes(body: &mut Reader<'_>) -> Result<usize> {
    let size = body.size()?;
    let limit = i32::MAX.unsigned_abs();
    if size > limit as usize {
        return Err(Error::limit_exceeded("bytes of a page", size as u64, u64::from(limit)));
    }
    Ok(size)
}

/// Decodes the next node of `body`, `count` strings; there is none for no strings.
pub(super) fn optional_strings(
    body: &mut Reader<'_>,
    count: usize,
    context: &DecodeContext<'_>,
) -> Result<ByteValues> {
    if count == 0 {
        return Ok(std::iter::empty::<&[u8]>().collect());
    }
    match context.flat(body, PhysicalType::Bytes, count)? {
        Values::Bytes(strings) => Ok(strings),
        _ => Err(Error::internal("strings have another type")),
    }
}
