//! Zstd (12): another node's bytes in one zstd frame.

use std::cell::RefCell;

use ::zstd::bulk::{Compressor, Decompressor};
use ::zstd::zstd_safe::DParameter;
use arrow_buffer::Buffer;
use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// Compression level of the writer. Readers take any.
const LEVEL: i32 = 3;
/// Largest window that a reader accepts, as a power of two.
const WINDOW_LOG: u32 = 27;

thread_local! {
    // Contexts are a few hundred KiB each and cost more to make than a small page costs to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// See `docs/spec/encodings.md`, Zstd.
pub(crate) struct Zstd;

impl Encoding for Zstd {
    fn id(&self) -> EncodingId {
        EncodingId::ZSTD
    }

    fn accepts(&self, _: PhysicalType) -> bool {
        true
    }

    fn candidate(&self, _: &Statistics) -> bool {
        false
    }

    fn decode_cost(&self) -> f64 {
        2.0
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let mut node = Vec::new();
        children.wrapped(values, &mut node)?;
        compress(&node, out)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let size = body.size()?;
        let frame = body.take(body.remaining())?;
        let mut node: Vec<u8> = context.budget.vec("zstd output", size)?;
        decompress(frame, size, &mut node)?;
        let buffer = Buffer::from_vec(node);
        let mut reader = Reader::of_buffer(&buffer);
        let values = context.node(&mut reader, physical, len)?;
        reader.finish("zstd output")?;
        Ok(values)
    }
}

/// Appends a body: the size of `node` and its frame. `false` when the size does not fit the field.
pub(crate) fn compress(node: &[u8], out: &mut Vec<u8>) -> Result<bool> {
    let Ok(size) = u32::try_from(node.len()) else {
        return Ok(false);
    };
    let frame = COMPRESSOR.with_borrow_mut(|slot| {
        let compressor = match slot {
            Some(compressor) => compressor,
            None => slot.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(node)
    });
    let frame = frame.map_err(|error| Error::internal(format!("zstd cannot compress: {error}")))?;
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&frame);
    Ok(true)
}

/// Decompresses a frame that must give exactly `size` bytes.
fn decompress(frame: &[u8], size: usize, out: &mut Vec<u8>) -> Result<()> {
    let written = DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => {
                let mut fresh = Decompressor::new()?;
                fresh.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
                slot.insert(fresh)
            }
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
