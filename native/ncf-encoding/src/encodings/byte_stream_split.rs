//! Byte-stream split (14): the first bytes of all values, then the second ones, and so on: what zstd around it
//! finds repetition in.

use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, with_type, with_values};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// Values that are put together at a time.
const STEP: usize = 1024;

/// See `docs/spec/encodings.md`, Byte-stream split.
pub(crate) struct ByteStreamSplit;

impl Encoding for ByteStreamSplit {
    fn id(&self) -> EncodingId {
        EncodingId::BYTE_STREAM_SPLIT
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical.width().is_some_and(|width| width > 1)
    }

    fn candidate(&self, _: &Statistics) -> bool {
        false
    }

    fn decode_cost(&self) -> f64 {
        1.0
    }

    fn encode(&self, values: &Values, _: &mut ChildEncoder<'_>, out: &mut Vec<u8>) -> Result<bool> {
        with_values!(values,
            fixed(v) => split(v, out),
            bool(_v) => return Ok(false),
            bytes(_v) => return Ok(false),
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
        let refused = || Err(Error::corrupt(format!("values of {physical:?} have no streams")));
        let bytes = body.take(body.remaining())?;
        Ok(DecodedValues::Flat(with_type!(physical,
            fixed(T) => join::<T>(bytes, len, context.budget)?,
            bool => return refused(),
            bytes => return refused(),
        )))
    }
}

fn split<T: Native>(values: &[T], out: &mut Vec<u8>) {
    let mut bytes = Vec::with_capacity(values.len() * T::BYTES);
    T::write_all(values, &mut bytes);
    for stream in 0..T::BYTES {
        out.extend(bytes.iter().skip(stream).step_by(T::BYTES));
    }
}

fn join<T: Native>(bytes: &[u8], len: usize, budget: &Budget) -> Result<Values> {
    if len.checked_mul(T::BYTES) != Some(bytes.len()) {
        let found = bytes.len();
        return Err(Error::corrupt(format!("{found} bytes in streams of {len} values")));
    }
    let mut values: Vec<T> = budget.vec("values", len)?;
    let mut row = vec![0; STEP * T::BYTES];
    for start in (0..len).step_by(STEP) {
        let count = STEP.min(len - start);
        for stream in 0..T::BYTES {
            let from = stream * len + start;
            let part = bytes.get(from..from + count).unwrap_or(&[]);
            let slots = row.iter_mut().skip(stream).step_by(T::BYTES);
            slots.zip(part).for_each(|(slot, byte)| *slot = *byte);
        }
        T::read_all(row.get(..count * T::BYTES).unwrap_or(&[]), &mut values);
    }
    Ok(T::wrap(values))
}
