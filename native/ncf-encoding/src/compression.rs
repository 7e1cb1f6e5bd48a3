//! General-purpose compression of bytes: zstd frames whose decompressed size the caller knows, alone or with a dictionary.

use std::cell::RefCell;
use std::fmt;

use ncf_core::{Error, Result};
use zstd::bulk::Compressor;
use zstd::dict::from_continuous;
use zstd::zstd_safe::{self, DCtx, DDict, SafeResult};

/// Compression level where time counts more than the last percent. Readers take any.
pub const LEVEL: i32 = 3;
/// The first bytes of a zstd frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

thread_local! {
    // Contexts are a few hundred KiB each and cost more to make than a small page costs to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// One zstd frame of `bytes`, at a level of 1 to 22.
pub fn compress(bytes: &[u8], level: i32) -> Result<Vec<u8>> {
    COMPRESSOR
        .with_borrow_mut(|slot| {
            let compressor = compressor(slot, level)?;
            compressor.set_compression_level(level)?;
            compressor.compress(bytes)
        })
        .map_err(|error| Error::internal(format!("zstd cannot compress: {error}")))
}

/// One zstd frame of `bytes`, compressed with a dictionary (RFC 8878, section 5), which its reader needs as well.
///
/// The dictionary is loaded for each frame, and not prepared once: what is prepared suits frames as short as itself, and
/// long ones come out larger with it.
pub fn compress_with(bytes: &[u8], level: i32, dictionary: &[u8]) -> Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    let written = COMPRESSOR.with_borrow_mut(|slot| {
        let context = compressor(slot, level)?.context_mut();
        let written = context.compress_using_dict(&mut frame, bytes, dictionary, level);
        written.map_err(|code| std::io::Error::other(zstd_safe::get_error_name(code)))
    });
    match written {
        Ok(_) => Ok(frame),
        Err(error) => {
            Err(Error::internal(format!("zstd cannot compress with a dictionary: {error}")))
        }
    }
}

fn compressor<'a>(
    slot: &'a mut Option<Compressor<'static>>,
    level: i32,
) -> std::io::Result<&'a mut Compressor<'static>> {
    Ok(match slot {
        Some(compressor) => compressor,
        None => slot.insert(Compressor::new(level)?),
    })
}

/// Decompresses one zstd frame into `out`, an empty vector that has room for `size` bytes, paid from a
/// budget. `Corrupt` unless the frame gives exactly that many.
pub fn decompress(frame: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    check_frame(frame)?;
    check_size(size, with_context(|context| context.decompress(out, frame)))
}

/// As [`decompress`], of a frame that was compressed with a dictionary. `Corrupt` where it names another one.
pub fn decompress_with(
    frame: &[u8],
    size: usize,
    dictionary: &Dictionary,
    out: &mut Vec<u8>,
) -> Result<()> {
    check_frame(frame)?;
    // Zstd itself would take a frame that names none for one of any dictionary.
    if zstd_safe::get_dict_id_from_frame(frame) != dictionary.0.get_dict_id() {
        return Err(Error::corrupt("a zstd frame was compressed with another dictionary"));
    }
    let written =
        |context: &mut DCtx<'_>| context.decompress_using_ddict(out, frame, &dictionary.0);
    check_size(size, with_context(written))
}

/// The frame must be the only one, and no skippable one: there are no bytes that nobody reads.
fn check_frame(frame: &[u8]) -> Result<()> {
    let whole = zstd_safe::find_frame_compressed_size(frame).is_ok_and(|len| len == frame.len());
    if whole && frame.starts_with(&MAGIC) {
        return Ok(());
    }
    Err(Error::corrupt("compressed bytes are not one zstd frame"))
}

fn check_size(size: usize, written: SafeResult) -> Result<()> {
    match written {
        Ok(written) if written == size => Ok(()),
        Ok(written) => {
            Err(Error::corrupt(format!("a zstd frame holds {written} bytes, {size} declared")))
        }
        Err(code) => {
            let error = zstd_safe::get_error_name(code);
            Err(Error::corrupt(format!("a zstd frame is damaged: {error}")))
        }
    }
}

fn with_context(decompress: impl FnOnce(&mut DCtx<'static>) -> SafeResult) -> SafeResult {
    DECOMPRESSOR.with_borrow_mut(|slot| decompress(slot.get_or_insert_with(DCtx::create)))
}

/// A dictionary that is ready to decompress frames: tables made of it once, whatever the number of frames.
pub struct Dictionary(DDict<'static>);

impl Dictionary {
    /// Bytes that one takes in memory beside those that it is made of, at most.
    pub const TABLES: usize = 32 << 10;

    /// Of the bytes that frames were compressed with; `None` where zstd cannot load them.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        DDict::try_create(bytes).map(Self)
    }

    /// Bytes that it takes in memory.
    pub fn byte_len(&self) -> usize {
        self.0.sizeof()
    }
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dictionary({} bytes)", self.byte_len())
    }
}

/// A dictionary of at most `size` bytes for bytes like the samples, of these lengths, one after the other. The same
/// samples give the same one. `None` where they are too few, or have nothing in common.
pub fn train(samples: &[u8], lengths: &[usize], size: usize) -> Option<Vec<u8>> {
    let trained = from_continuous(samples, lengths, size).ok()?;
    // What no reader could load is no dictionary.
    Dictionary::new(&trained).map(|_| trained)
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

    /// Lines that have much in common.
    fn lines(seed: usize) -> Vec<u8> {
        let line = |row: usize| {
            let number = (row + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            format!("order {number} was sent to the customer by {} on time\n", number % 97)
        };
        (0..40).map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn dictionaries_shrink_short_frames_and_are_told_apart() {
        let samples: Vec<Vec<u8>> = (0..100).map(|sample| lines(sample * 1000)).collect();
        let lengths: Vec<usize> = samples.iter().map(Vec::len).collect();
        let trained = train(&samples.concat(), &lengths, 4096).unwrap();
        assert_eq!(train(&samples.concat(), &lengths, 4096).unwrap(), trained);
        assert!(trained.len() <= 4096);
        let bytes = lines(777_777);
        let alone = compress(&bytes, LEVEL).unwrap();
        let other = [b"bytes that have no header ".as_slice(), &lines(5)].concat();
        for dictionary in [trained.as_slice(), &other] {
            let frame = compress_with(&bytes, LEVEL, dictionary).unwrap();
            assert!(frame.len() < alone.len(), "{} of {}", frame.len(), alone.len());
            let ready = Dictionary::new(dictionary).unwrap();
            assert!(ready.byte_len() <= dictionary.len() + Dictionary::TABLES);
            let mut out = Vec::with_capacity(bytes.len());
            decompress_with(&frame, bytes.len(), &ready, &mut out).unwrap();
            assert_eq!(out, bytes);
            // A frame of another dictionary, or of none, never gives other bytes.
            let wrong = if dictionary == other { &trained } else { &other };
            let wrong = Dictionary::new(wrong).unwrap();
            let mut out = Vec::with_capacity(bytes.len());
            assert!(decompress_with(&frame, bytes.len(), &wrong, &mut out).is_err());
            let mut out = Vec::with_capacity(bytes.len());
            let error = decompress(&frame, bytes.len(), &mut out).map(|()| out);
            assert!(!error.is_ok_and(|out| out == bytes));
            for size in [bytes.len() - 1, bytes.len() + 1] {
                let mut out = Vec::with_capacity(size);
                assert!(decompress_with(&frame, size, &ready, &mut out).is_err());
            }
        }
        // Frames before and after are what they would have been.
        assert_eq!(compress(&bytes, LEVEL).unwrap(), alone);
    }

    #[test]
    fn too_little_gives_no_dictionary_and_damaged_ones_are_not_loaded() {
        assert_eq!(train(&[], &[], 1000), None);
        assert_eq!(train(b"abc", &[3], 1000), None);
        assert_eq!(train(&[7; 2000], &[1000, 1000], 10), None);
        let damaged = [&[0x37, 0xa4, 0x30, 0xec, 1, 0, 0, 0][..], &[0xff; 40]].concat();
        assert!(Dictionary::new(&damaged).is_none());
        assert!(Dictionary::new(&[]).is_some());
    }
}
