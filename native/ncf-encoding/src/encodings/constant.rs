//! Constant (1): one value for every row.

use arrow_buffer::BooleanBuffer;
use ncf_core::{ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, read_fixed, with_type, with_values, zero};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, count_runs};

/// See `docs/spec/encodings.md`, Constant.
pub(crate) struct Constant;

impl Encoding for Constant {
    fn id(&self) -> EncodingId {
        EncodingId::CONSTANT
    }

    fn accepts(&self, _: PhysicalType) -> bool {
        true
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.len > 0 && statistics.runs == 1
    }

    fn decode_cost(&self) -> f64 {
        0.0
    }

    fn encode(&self, values: &Values, _: &mut ChildEncoder<'_>, out: &mut Vec<u8>) -> Result<bool> {
        if count_runs(values) > 1 {
            return Ok(false);
        }
        let one = if values.is_empty() { zero(values.physical()) } else { values.slice(0, 1) };
        with_values!(&one,
            fixed(v) => Native::write_all(v, out),
            bool(v) => out.push(u8::from(v.value(0))),
            bytes(v) => out.extend_from_slice(v.get(0)),
        );
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let bytes = body.take(body.remaining())?;
        let value = with_type!(physical,
            fixed(T) => T::wrap(read_fixed(bytes, 1, context.budget)?),
            bool => match bytes {
                [0] => Values::Bool(BooleanBuffer::new_unset(1)),
                [1] => Values::Bool(BooleanBuffer::new_set(1)),
                _ => return Err(Error::corrupt("a constant boolean is neither 0 nor 1")),
            },
            bytes => {
                let limit = u64::from(i32::MAX.unsigned_abs());
                if bytes.len() as u64 > limit {
                    return Err(Error::limit_exceeded("bytes of a value", bytes.len() as u64, limit));
                }
                context.budget.take("value", bytes.len() as u64)?;
                Values::Bytes(std::iter::once(bytes).collect::<ByteValues>())
            },
        );
        Ok(DecodedValues::Constant(value, len))
    }
}
