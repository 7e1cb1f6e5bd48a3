//! A file held in memory.

use std::ops::Range;

use arrow_buffer::Buffer;
use ncf_core::{Error, Result};

use super::ByteSource;

/// Bytes in memory, for tests and for small files.
pub struct MemorySource {
    name: String,
    bytes: Buffer,
}

impl MemorySource {
    /// Wraps bytes under a name for messages.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes: Buffer::from_vec(bytes) }
    }
}

impl ByteSource for MemorySource {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        ranges.iter().map(|range| slice(&self.bytes, range, &self.name)).collect()
    }
}

/// Part of a buffer without a copy.
pub(super) fn slice(buffer: &Buffer, range: &Range<u64>, name: &str) -> Result<Buffer> {
    let start = usize::try_from(range.start);
    let end = usize::try_from(range.end);
    match (start, end) {
        (Ok(start), Ok(end)) if start <= end && end <= buffer.len() => {
            Ok(buffer.slice_with_length(start, end - start))
        }
        _ => Err(Error::corrupt("a range lies outside the file").with("file", name)),
    }
}
