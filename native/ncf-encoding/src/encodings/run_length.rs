//! Run-length (5): a node of run lengths and a node of one value per run.

use arrow_buffer::BooleanBuffer;
use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, lengths_column, with_values};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, for_each_run};

/// See `docs/spec/encodings.md`, Run-length.
pub(crate) struct RunLength;

impl Encoding for RunLength {
    fn id(&self) -> EncodingId {
        EncodingId::RUN_LENGTH
    }

    fn accepts(&self, _: PhysicalType) -> bool {
        true
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.runs > 1 && statistics.runs <= statistics.len / 2
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.3
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let (mut starts, mut lengths) = (Vec::new(), Vec::new());
        let mut fits = true;
        for_each_run(values, |start, length| {
            starts.push(start);
            lengths.push(i32::try_from(length).unwrap_or_else(|_| {
                fits = false;
                0
            }));
        });
        let Some(count) = u32::try_from(starts.len()).ok().filter(|_| fits) else {
            return Ok(false);
        };
        out.extend_from_slice(&count.to_le_bytes());
        children.child(&lengths_column(lengths), out)?;
        children.child(&pick(values, &starts), out)?;
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let count = body.size()?;
        if count > len {
            return Err(Error::corrupt(format!("{count} runs in {len} rows")));
        }
        let lengths = column::<i32>(body, count, context)?;
        let mut ends: Vec<u32> = context.budget.vec("run ends", count)?;
        let (mut end, mut shortest) = (0u64, i32::MAX);
        for length in lengths.iter() {
            shortest = shortest.min(*length);
            // Negative lengths are judged after the loop; the sum of `count` ≤ 2^32 of them cannot overflow.
            end += u64::from(length.cast_unsigned());
            ends.push(u32::try_from(end).unwrap_or(u32::MAX));
        }
        if shortest < 1 || end != len as u64 || u32::try_from(len).is_err() {
            return Err(Error::corrupt(format!("run lengths do not add up to {len} rows")));
        }
        let values = context.flat(body, physical, count)?;
        Ok(DecodedValues::Runs { ends: ends.into(), values })
    }
}

/// The values of some rows.
pub(crate) fn pick(values: &Values, rows: &[usize]) -> Values {
    fn fixed<T: Native>(values: &[T], rows: &[usize]) -> Values {
        T::wrap(rows.iter().filter_map(|row| values.get(*row).copied()).collect())
    }
    with_values!(values,
        fixed(v) => fixed(v, rows),
        bool(v) => Values::Bool(rows.iter().map(|row| v.value(*row)).collect::<BooleanBuffer>()),
        bytes(v) => Values::Bytes(rows.iter().map(|row| v.get(*row)).collect()),
    )
}
