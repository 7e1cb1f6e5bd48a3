//! General-purpose compression of bytes: zstd frames whose decompressed size the caller knows.

use std::cell::RefCell;

use ncf_core::{Error, Result};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

/// Compression level where time counts more than the last percent. Readers take any.
pub const LEVEL: i32 = 3;
/// The first bytes of a zstd frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

thread_local! {
    // Contexts are a few hundred KiB each and cost more to make than a small page costs to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// One zstd frame of `bytes`, at a level of 1 to 22.
pub fn compress(bytes: &[u8], level: i32) -> Result<Vec<u8>> {
    COMPRESSOR
        .with_borrow_mut(|slot| {
            let compressor = match slot {
                Some(compressor) => compressor,
                None => slot.insert(Compressor::new(level)?),
            };
            compressor.set_compression_level(level)?;
            compressor.compress(bytes)
        })
        .map_err(|error| Error::internal(format!("zstd cannot compress: {error}")))
}

/// Decompresses one zstd frame into `out`, an empty vector that has room for `size` bytes, paid from a
/// budget. `Corrupt` unless the frame gives exactly that many.
pub fn decompress(frame: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    // The frame must be the only one, and no skippable one: there are no bytes that nobody reads.
    let whole = zstd_safe::find_frame_compressed_size(frame).is_ok_and(|len| len == frame.len());
    if !whole || !frame.starts_with(&MAGIC) {
        return Err(Error::corrupt("compressed bytes are not one zstd frame"));
    }
    let written = DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(frame, out)
    });
    match written {
        Ok(written) if written == size => Ok(()),
        Ok(written) => {
            Err(Error::corrupt(format!("a zstd frame holds {written} bytes, {size} declared")))
        }
        Err(error) => Err(Error::corrupt(format!("a zstd frame is damaged: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_lies_about_their_size_are_found() {
        let bytes = b"a b a b a b".repeat(1000);
        let frame = compress(&bytes, LEVEL).unwrap();
        assert!(frame.len() < 100);
        let mut out = Vec::with_capacity(bytes.len());
        decompress(&frame, bytes.len(), &mut out).unwrap();
        assert_eq!(out, bytes);
        for size in [bytes.len() - 1, bytes.len() + 1] {
            assert!(decompress(&frame, size, &mut Vec::with_capacity(size)).is_err());
        }
        // A skippable frame before, or a second frame after it.
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4], &frame[..]].concat();
        let twice = [&frame[..], &compress(b"", LEVEL).unwrap()].concat();
        for hiding in [skippable, twice] {
            assert!(decompress(&hiding, bytes.len(), &mut Vec::with_capacity(11_000)).is_err());
        }
        assert!(decompress(&frame[..12], bytes.len(), &mut Vec::with_capacity(11_000)).is_err());
    }
}
