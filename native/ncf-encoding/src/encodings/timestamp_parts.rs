//! Timestamp parts (16): microseconds as days, seconds of the day and microseconds of the second.

use ncf_core::{PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// See `docs/spec/encodings.md`, Timestamp parts.
pub(crate) struct TimestampParts;

impl Encoding for TimestampParts {
    fn id(&self) -> EncodingId {
        EncodingId::TIMESTAMP_PARTS
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::I64
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        // Within one day the split only adds a column of one value.
        let days = i128::from(SECOND * DAY);
        statistics.len >= TELLING_VALUES
            && statistics.range.is_some_and(|(min, max)| max - min >= days)
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.5
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let Values::I64(values) = values else {
            return Ok(false);
        };
        // 2^63 microseconds are 107 million days, and the other parts are smaller.
        let narrow = |part: i64| i32::try_from(part).unwrap_or(0);
        let seconds = |value: &i64| value.div_euclid(SECOND);
        let days = values.iter().map(|value| narrow(seconds(value).div_euclid(DAY)));
        children.child(&Values::I32(days.collect()), out)?;
        let of_day = values.iter().map(|value| narrow(seconds(value).rem_euclid(DAY)));
        children.child(&Values::I32(of_day.collect()), out)?;
        let of_second = values.iter().map(|value| narrow(value.rem_euclid(SECOND)));
        children.child(&Values::I32(of_second.collect()), out)?;
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let mut part = || column::<i32>(body, len, context);
        let (days, seconds, micros) = (part()?, part()?, part()?);
        let mut values: Vec<i64> = context.budget.vec("values", len)?;
        let parts = days.iter().zip(seconds.iter()).zip(micros.iter());
        // 2^31 days are more than 2^63 microseconds, so only the last product can wrap.
        values.extend(parts.map(|((days, seconds), micros)| {
            let seconds = i64::from(*days) * DAY + i64::from(*seconds);
            seconds.wrapping_mul(SECOND).wrapping_add(i64::from(*micros))
        }));
        Ok(DecodedValues::Flat(i64::wrap(values)))
    }
}
