//! Plain (0): values as they are; strings as a node of lengths and then their bytes.

use arrow_buffer::OffsetBuffer;
use ncf_core::{ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, lengths_column, read_fixed, with_type, with_values};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// See `docs/spec/encodings.md`, Plain.
pub(crate) struct Plain;

impl Encoding for Plain {
    fn id(&self) -> EncodingId {
        EncodingId::PLAIN
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical != PhysicalType::Bool
    }

    fn candidate(&self, _: &Statistics) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.2
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        with_values!(values,
            fixed(v) => Native::write_all(v, out),
            bool(_v) => return Ok(false),
            bytes(v) => {
                let pairs = v.offsets.iter().zip(v.offsets.iter().skip(1));
                let lengths = pairs.map(|(start, end)| end - start).collect();
                children.child(&lengths_column(lengths), out)?;
                write_bytes(v, out);
            },
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
        let values = with_type!(physical,
            fixed(T) => T::wrap(read_fixed(body.take(body.remaining())?, len, context.budget)?),
            bool => return Err(Error::corrupt("booleans are never plain")),
            bytes => decode_bytes(body, len, context)?,
        );
        Ok(DecodedValues::Flat(values))
    }
}

/// The bytes of all strings, one after the other.
fn write_bytes(strings: &ByteValues, out: &mut Vec<u8>) {
    let (start, end) = (strings.offsets.first(), strings.offsets.last());
    let range = start.cast_unsigned() as usize..end.cast_unsigned() as usize;
    out.extend_from_slice(strings.data.get(range).unwrap_or(&[]));
}

fn decode_bytes(body: &mut Reader<'_>, len: usize, context: &DecodeContext<'_>) -> Result<Values> {
    let lengths = column::<i32>(body, len, context)?;
    let size = body.remaining();
    let mut offsets: Vec<i32> = context.budget.vec("offsets", len.saturating_add(1))?;
    offsets.push(0);
    let mut end = 0i32;
    // The signs and the overflow are judged once, after the loop.
    let (mut signs, mut total) = (0i32, 0i64);
    offsets.extend(lengths.iter().map(|length| {
        signs |= length;
        total += i64::from(*length);
        end = end.wrapping_add(*length);
        end
    }));
    if signs < 0 || i64::try_from(size) != Ok(total) || total > i64::from(i32::MAX) {
        return Err(Error::corrupt(format!(
            "string lengths do not add up to the {size} bytes stored"
        )));
    }
    let (data, copied) = body.take_buffer(size)?;
    if copied {
        context.budget.take("bytes", size as u64)?;
    }
    Ok(Values::Bytes(ByteValues { offsets: OffsetBuffer::new(offsets.into()), data }))
}
