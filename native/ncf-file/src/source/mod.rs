//! Where the bytes of a file come from.

mod file;
mod memory;
mod mmap;

use std::ops::Range;

use arrow_buffer::Buffer;
use ncf_core::{Error, Result};

pub use file::FileSource;
pub use memory::MemorySource;
pub use mmap::MmapSource;

/// Positional, read-only access to an immutable file.
pub trait ByteSource: Send + Sync {
    /// Bytes of the file.
    fn len(&self) -> u64;

    /// Whether the file is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file's name for messages.
    fn name(&self) -> &str;

    /// The bytes of each range, in order. Ranges lie inside the file.
    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>>;
}

/// Gap between two ranges up to which one read is cheaper than two.
const COALESCE_GAP: u64 = 64 << 10;
/// Most bytes of one read.
const COALESCE_MAX: u64 = 16 << 20;

/// Reads many ranges with few reads: neighbours are read together and cut apart without a copy.
pub(crate) fn read_coalesced(
    source: &dyn ByteSource,
    ranges: &[Range<u64>],
) -> Result<Vec<Buffer>> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    let range_at = |index: usize| ranges.get(index).cloned().unwrap_or(0..0);
    order.sort_by_key(|index| range_at(*index).start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    let mut place = vec![0usize; ranges.len()];
    for index in order {
        let range = range_at(index);
        check_range(source, &range)?;
        match merged.last_mut() {
            Some(last)
                if range.start <= last.end.saturating_add(COALESCE_GAP)
                    && range.end.saturating_sub(last.start) <= COALESCE_MAX =>
            {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
        if let Some(slot) = place.get_mut(index) {
            *slot = merged.len() - 1;
        }
    }
    let buffers = source.read_ranges(&merged)?;
    let cut =
        |(range, slot): (&Range<u64>, usize)| {
            let (Some(whole), Some(buffer)) = (merged.get(slot), buffers.get(slot)) else {
                return Err(Error::internal("a byte source returned too few ranges"));
            };
            let start = usize::try_from(range.start - whole.start);
            let len = usize::try_from(range.end - range.start);
            match (start, len) {
                (Ok(start), Ok(len)) if start + len <= buffer.len() => {
                    Ok(buffer.slice_with_length(start, len))
                }
                _ => Err(Error::internal("a byte source returned a short range")
                    .with("file", source.name())),
            }
        };
    ranges.iter().zip(place).map(cut).collect()
}

fn check_range(source: &dyn ByteSource, range: &Range<u64>) -> Result<()> {
    if range.start <= range.end && range.end <= source.len() {
        return Ok(());
    }
    Err(Error::corrupt(format!(
        "bytes {}..{} lie outside the file of {} bytes",
        range.start,
        range.end,
        source.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coalescing_changes_no_bytes() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let source = MemorySource::new("m", bytes.clone());
        let ranges = vec![150_000..150_010, 5..9, 9..9, 0..3, 190_000..200_000, 7..100];
        let buffers = read_coalesced(&source, &ranges).unwrap();
        for (range, buffer) in ranges.iter().zip(buffers) {
            assert_eq!(buffer.as_slice(), &bytes[range.start as usize..range.end as usize]);
        }
        assert!(read_coalesced(&source, std::slice::from_ref(&(0..200_001))).is_err());
    }
}
