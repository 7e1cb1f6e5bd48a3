//! Zstd (12): another node's bytes in one zstd frame.

use arrow_buffer::Buffer;
use ncf_core::{PhysicalType, Result, Values};

use super::Encoding;
use crate::compression;
use crate::decoded::DecodedValues;
use crate::effort::Effort;
use crate::id::EncodingId;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// Bytes before the body of a node.
const HEADER: usize = 6;

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
        compress(&node, children.effort(), out)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        framed(body, physical, len, context, compression::decompress)
    }
}

/// The values of the node that a frame holds: a body of its size and the frame.
pub(super) fn framed(
    body: &mut Reader<'_>,
    physical: PhysicalType,
    len: usize,
    context: &DecodeContext<'_>,
    decompress: impl FnOnce(&[u8], usize, &mut Vec<u8>) -> Result<()>,
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

/// How many bytes the frame of a node of zstd holds.
pub(crate) fn content_size(node: &[u8]) -> Result<usize> {
    parts(node).map(|(size, _)| size)
}

/// The bytes that the frame of a node of zstd holds, which this writer made.
pub(crate) fn content(node: &[u8]) -> Result<Vec<u8>> {
    let (size, frame) = parts(node)?;
    let mut content = Vec::with_capacity(size);
    compression::decompress(frame, size, &mut content)?;
    Ok(content)
}

/// Size and frame of a node.
fn parts(node: &[u8]) -> Result<(usize, &[u8])> {
    let mut reader = Reader::new(node);
    reader.take(HEADER)?;
    let size = reader.size()?;
    Ok((size, reader.rest()))
}

/// Appends a body: the size of `node` and its frame. `false` when the size does not fit the field.
pub(crate) fn compress(node: &[u8], effort: Effort, out: &mut Vec<u8>) -> Result<bool> {
    let Ok(size) = u32::try_from(node.len()) else {
        return Ok(false);
    };
    let frame = compression::compress(node, effort.zstd_level())?;
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&frame);
    Ok(true)
}
