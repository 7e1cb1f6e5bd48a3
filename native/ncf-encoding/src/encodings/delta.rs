//! Delta (4): differences of neighbours, started anew in every vector of 1024 values.

use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::{Integer, column, owned, with_integer, with_integers};
use super::lanes::VECTOR;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// See `docs/spec/encodings.md`, Delta.
pub(crate) struct Delta;

impl Encoding for Delta {
    fn id(&self) -> EncodingId {
        EncodingId::DELTA
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical.is_integer()
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.len >= TELLING_VALUES && statistics.runs > 1
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
        with_integers!(values, v => encode(v, children, out)?, other => return Ok(false));
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        Ok(DecodedValues::Flat(with_integer!(physical,
            T => decode::<T>(body, len, context)?,
            other => return Err(Error::corrupt(format!("{physical:?} values have no differences"))),
        )))
    }
}

fn encode<T: Integer>(
    values: &[T],
    children: &mut ChildEncoder<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut bases: Vec<T> = Vec::with_capacity(values.len().div_ceil(VECTOR));
    let mut differences: Vec<T> = Vec::with_capacity(values.len());
    for vector in values.chunks(VECTOR) {
        let mut last = vector.first().copied().unwrap_or_default();
        // The first difference repeats the second and the base makes up for it, so that it widens nothing.
        let first = vector.get(1).map_or(T::default(), |second| second.minus(last));
        bases.push(last.minus(first));
        differences.push(first);
        differences.extend(vector.iter().skip(1).map(|value| {
            let difference = value.minus(last);
            last = *value;
            difference
        }));
    }
    children.child(&T::wrap(bases), out)?;
    children.child(&T::wrap(differences), out)
}

fn decode<T: Integer>(
    body: &mut Reader<'_>,
    len: usize,
    context: &DecodeContext<'_>,
) -> Result<Values> {
    let bases = column::<T>(body, len.div_ceil(VECTOR), context)?;
    let mut values = owned(column::<T>(body, len, context)?, context.budget)?;
    for (base, vector) in bases.iter().zip(values.chunks_mut(VECTOR)) {
        let mut last = *base;
        for value in vector {
            last = last.plus(*value);
            *value = last;
        }
    }
    Ok(T::wrap(values))
}
