//! Bitmap (2): one bit per boolean, least significant first.

use arrow_buffer::{BooleanBuffer, Buffer};
use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// See `docs/spec/encodings.md`, Bitmap.
pub(crate) struct Bitmap;

impl Encoding for Bitmap {
    fn id(&self) -> EncodingId {
        EncodingId::BITMAP
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bool
    }

    fn candidate(&self, _: &Statistics) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.02
    }

    fn encode(&self, values: &Values, _: &mut ChildEncoder<'_>, out: &mut Vec<u8>) -> Result<bool> {
        let Values::Bool(bits) = values else {
            return Ok(false);
        };
        let start = out.len();
        let size = bits.len().div_ceil(8);
        let sliced = bits.sliced();
        out.extend(sliced.iter().copied().chain(std::iter::repeat(0)).take(size));
        // What follows the last bit in memory is not ours.
        let tail = bits.len() % 8;
        if tail != 0
            && out.len() > start
            && let Some(last) = out.last_mut()
        {
            *last &= (1u8 << tail) - 1;
        }
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let size = len.div_ceil(8);
        let bytes = body.take(size)?;
        let tail = len % 8;
        if tail != 0 && bytes.last().is_some_and(|last| last >> tail != 0) {
            return Err(Error::corrupt("a bitmap has bits after its last row"));
        }
        context.budget.take("bitmap", size as u64)?;
        Ok(DecodedValues::Flat(Values::Bool(BooleanBuffer::new(Buffer::from(bytes), 0, len))))
    }
}
