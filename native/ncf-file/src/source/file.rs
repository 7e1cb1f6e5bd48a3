//! A local file, read by position. Truncating it while it is read gives an error, never a signal.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use arrow_buffer::Buffer;
use ncf_core::{Error, ErrorKind, Result};

use super::ByteSource;

/// A local file behind positional reads.
pub struct FileSource {
    name: String,
    file: File,
    len: u64,
}

impl FileSource {
    /// Opens a file for reading.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let open = || -> std::io::Result<(File, std::fs::Metadata)> {
            let file = File::open(&path)?;
            let metadata = file.metadata()?;
            Ok((file, metadata))
        };
        let (file, metadata) =
            open().map_err(|error| Error::io("cannot open the file", error).with("file", &name))?;
        if !metadata.is_file() {
            return Err(Error::invalid_argument("not a regular file").with("file", name));
        }
        Ok(Self { name, file, len: metadata.len() })
    }

    /// The open file and its length, for a memory map.
    pub(super) fn into_parts(self) -> (String, File, u64) {
        (self.name, self.file, self.len)
    }
}

impl ByteSource for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        ranges.iter().map(|range| self.read(range)).collect()
    }
}

impl FileSource {
    fn read(&self, range: &Range<u64>) -> Result<Buffer> {
        let len = usize::try_from(range.end.saturating_sub(range.start))
            .map_err(|_| Error::limit_exceeded("a read", range.end, usize::MAX as u64))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, format!("no memory to read {len} bytes"))
        })?;
        bytes.resize(len, 0);
        self.file.read_exact_at(&mut bytes, range.start).map_err(|error| {
            let what = format!("cannot read bytes {}..{}", range.start, range.end);
            Error::io(what, error).with("file", &self.name)
        })?;
        Ok(Buffer::from_vec(bytes))
    }
}
