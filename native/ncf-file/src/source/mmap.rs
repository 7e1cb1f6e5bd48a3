//! A local file in a memory map: nothing is copied, but truncating the file while it is read ends
//! the process with SIGBUS, so the JVM uses it only by option.

use std::ops::Range;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;
use memmap2::Mmap;
use ncf_core::{Error, Result};

use super::{ByteSource, FileSource, memory};

/// A local file in a memory map.
pub struct MmapSource {
    name: String,
    bytes: Buffer,
}

impl MmapSource {
    /// Maps a file. NCF files are never changed in place; the caller promises that nobody truncates
    /// this one while it is mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (name, file, len) = FileSource::open(path)?.into_parts();
        if len == 0 {
            return Ok(Self { name, bytes: Buffer::from_vec(Vec::<u8>::new()) });
        }
        #[expect(unsafe_code, reason = "a memory map is unsafe by nature; see the SAFETY notes")]
        // SAFETY: the map is private and read-only; files are immutable once written (spec), and
        // the constructor's documentation hands the rest of the promise to the caller.
        let map = unsafe { Mmap::map(&file) }
            .map_err(|error| Error::io("cannot map the file", error).with("file", &name))?;
        let len = map.len();
        let start = NonNull::new(map.as_ptr().cast_mut())
            .ok_or_else(|| Error::internal("a memory map without an address"))?;
        #[expect(unsafe_code, reason = "a buffer over foreign memory is unsafe by nature")]
        // SAFETY: `start..start + len` is the map, which the buffer keeps alive through the Arc.
        let bytes = unsafe { Buffer::from_custom_allocation(start, len, Arc::new(map)) };
        Ok(Self { name, bytes })
    }
}

impl ByteSource for MmapSource {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        ranges.iter().map(|range| memory::slice(&self.bytes, range, &self.name)).collect()
    }
}
