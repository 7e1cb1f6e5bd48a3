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
        let size = body.size()?;
        let frame = body.take(body.remaining())?;
        let mut node: Vec<u8> = context.budget.vec("zstd output", size)?;
        compression::decompress(frame, size, &mut node)?;
        let buffer = Buffer::from_vec(node);
        let mut reader = Reader::of_buffer(&buffer);
        let values = context.node(&mut reader, physical, len)?;
        reader.finish("zstd output")?;
        Ok(values)
    }
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
