//! Decimal parts (15): 128-bit integers as one or two columns of 64 bits, which more encodings hold.

use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// See `docs/spec/encodings.md`, Decimal parts.
pub(crate) struct DecimalParts;

impl Encoding for DecimalParts {
    fn id(&self) -> EncodingId {
        EncodingId::DECIMAL_PARTS
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::I128
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.len >= TELLING_VALUES && statistics.runs > 1
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.4
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let Values::I128(values) = values else {
            return Ok(false);
        };
        let narrow: Option<Vec<i64>> = values.iter().map(|v| i64::try_from(*v).ok()).collect();
        if let Some(narrow) = narrow {
            out.push(1);
            children.child(&i64::wrap(narrow), out)?;
            return Ok(true);
        }
        out.push(2);
        let high = values.iter().map(|value| low_half(value >> 64)).collect();
        children.child(&i64::wrap(high), out)?;
        let low = values.iter().map(|value| low_half(*value)).collect();
        children.child(&i64::wrap(low), out)?;
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let parts = body.u8()?;
        let first = column::<i64>(body, len, context)?;
        let mut values: Vec<i128> = context.budget.vec("values", len)?;
        match parts {
            1 => values.extend(first.iter().map(|value| i128::from(*value))),
            2 => {
                let low = column::<i64>(body, len, context)?;
                values.extend(first.iter().zip(low.iter()).map(|(high, low)| {
                    (i128::from(*high) << 64) | i128::from(low.cast_unsigned())
                }));
            }
            other => return Err(Error::corrupt(format!("decimals of {other} parts"))),
        }
        Ok(DecodedValues::Flat(i128::wrap(values)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
fn low_half(wide: i128) -> i64 {
    wide as i64
}
