//! Null fill (19): only the values of valid rows are stored; the page's validity spreads them.
//!
//! Writers make the values of null rows definite (numbers repeat the last valid value, strings are empty,
//! booleans false). This encoding gives back exactly these, so that every encoding of a page decodes to the
//! same bits; columns whose null rows hold anything else do not fit.

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, OffsetBuffer};
use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, read_fixed, with_type, with_values, zero};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// See `docs/spec/encodings.md`, Null fill.
pub(crate) struct NullFill;

impl Encoding for NullFill {
    fn id(&self) -> EncodingId {
        EncodingId::NULL_FILL
    }

    fn accepts(&self, _: PhysicalType) -> bool {
        true
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        // With fewer nulls, values that repeat cost less than spreading.
        statistics.len >= TELLING_VALUES
            && statistics.runs > 1
            && statistics.nulls >= statistics.len / 8
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
        let lead = lead_of(values);
        let Some(validity) = children.validity().filter(|bits| bits.len() == values.len()) else {
            write_lead(&lead, out);
            children.child(values, out)?;
            return Ok(true);
        };
        let dense = dense(values, validity);
        let budget = Budget::new(u64::MAX);
        if !spread(&lead, &dense, validity, &budget)?.bits_equal(values) {
            return Ok(false);
        }
        write_lead(&lead, out);
        children.child(&dense, out)?;
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let lead = read_lead(body, physical, context)?;
        let Some(validity) = context.validity() else {
            return context.node(body, physical, len);
        };
        if validity.len() != len {
            return Err(Error::corrupt(format!(
                "null fill of {len} values in a page of {} rows",
                validity.len()
            )));
        }
        let dense = match context.node(body, physical, validity.count_set_bits())? {
            DecodedValues::Symbols(strings) => {
                return Ok(DecodedValues::Symbols(strings.spread(validity, context.budget)?));
            }
            other => other.into_flat(context.budget)?,
        };
        Ok(DecodedValues::Flat(spread(&lead, &dense, validity, context.budget)?))
    }
}

/// What null rows before the first valid row hold: the first value, where writers repeat the last value of
/// the page before.
pub(crate) fn lead_of(values: &Values) -> Values {
    match values {
        Values::Bool(_) | Values::Bytes(_) => zero(values.physical()),
        _ if values.is_empty() => zero(values.physical()),
        _ => values.slice(0, 1),
    }
}

pub(crate) fn write_lead(lead: &Values, out: &mut Vec<u8>) {
    with_values!(lead,
        fixed(v) => Native::write_all(v, out),
        bool(_v) => {},
        bytes(_v) => {},
    );
}

/// What [`write_lead`] wrote.
pub(super) fn read_lead(
    body: &mut Reader<'_>,
    physical: PhysicalType,
    context: &DecodeContext<'_>,
) -> Result<Values> {
    Ok(with_type!(physical,
        fixed(T) => T::wrap(read_fixed(body.take(<T as Native>::BYTES)?, 1, context.budget)?),
        bool => zero(physical),
        bytes => zero(physical),
    ))
}

/// The values with definite ones at the page's null rows, whatever stands there.
pub(super) fn refill(lead: &Values, values: Values, context: &DecodeContext<'_>) -> Result<Values> {
    let Some(validity) = context.validity() else {
        return Ok(values);
    };
    if validity.len() != values.len() {
        return Err(Error::corrupt(
            "a column that follows from others has other rows than its page",
        ));
    }
    context.budget.take("values", values.byte_len() as u64)?;
    spread(lead, &dense(&values, validity), validity, context.budget)
}

/// The values of valid rows.
fn dense(values: &Values, validity: &BooleanBuffer) -> Values {
    fn fixed<T: Native>(values: &[T], validity: &BooleanBuffer) -> Values {
        let mut out = Vec::with_capacity(validity.count_set_bits());
        for (start, end) in validity.set_slices() {
            out.extend_from_slice(values.get(start..end).unwrap_or(&[]));
        }
        T::wrap(out)
    }
    with_values!(values,
        fixed(v) => fixed(v, validity),
        bool(v) => {
            let mut out = BooleanBufferBuilder::new(validity.count_set_bits());
            for (start, end) in validity.set_slices() {
                out.append_buffer(&v.slice(start, end - start));
            }
            Values::Bool(out.finish())
        },
        bytes(v) => Values::Bytes(validity.set_indices().map(|row| v.get(row)).collect()),
    )
}

/// The values with definite ones at null rows, as the writer of files makes them.
pub(crate) fn definite(values: &Values, validity: &BooleanBuffer) -> Result<Values> {
    let dense = dense(values, validity);
    spread(&lead_of(values), &dense, validity, &Budget::new(u64::MAX))
}

/// One value per row: `dense` at valid rows, definite values at null rows. There is one dense value for
/// each valid row.
fn spread(
    lead: &Values,
    dense: &Values,
    validity: &BooleanBuffer,
    budget: &Budget,
) -> Result<Values> {
    fn fixed<T: Native>(
        lead: &Values,
        dense: &[T],
        validity: &BooleanBuffer,
        budget: &Budget,
    ) -> Result<Values> {
        // With the lead in front, row by row the place of the last valid value only moves forward.
        let mut source: Vec<T> = budget.vec("dense values", dense.len().saturating_add(1))?;
        source.push(T::first_of(lead));
        source.extend_from_slice(dense);
        let len = validity.len();
        let mut out: Vec<T> = budget.vec("values", len)?;
        let mut at = 0;
        for word in validity.bit_chunks().iter_padded() {
            let rows = (len - out.len()).min(64);
            match source.get(at + 1..at + 65) {
                Some(run) if word == u64::MAX && rows == 64 => {
                    out.extend_from_slice(run);
                    at += 64;
                }
                _ => out.extend((0..rows).map(|bit| {
                    at += usize::from(word >> bit & 1 == 1);
                    source.get(at).copied().unwrap_or_default()
                })),
            }
        }
        Ok(T::wrap(out))
    }
    with_values!(dense,
        fixed(v) => fixed(lead, v, validity, budget),
        bool(v) => {
            budget.take("values", validity.len().div_ceil(8) as u64)?;
            let mut out = BooleanBufferBuilder::new(validity.len());
            let mut next = 0;
            for (start, end) in validity.set_slices() {
                out.append_n(start - out.len(), false);
                out.append_buffer(&v.slice(next, end - start));
                next += end - start;
            }
            out.append_n(validity.len() - out.len(), false);
            Ok(Values::Bool(out.finish()))
        },
        bytes(v) => spread_bytes(v, validity, budget),
    )
}

/// Null rows are empty strings, so only offsets are spread; the bytes stay where they are.
fn spread_bytes(dense: &ByteValues, validity: &BooleanBuffer, budget: &Budget) -> Result<Values> {
    let mut offsets: Vec<i32> = budget.vec("offsets", validity.len().saturating_add(1))?;
    let mut rest = dense.offsets.iter().copied();
    let mut last = rest.next().unwrap_or(0);
    offsets.push(last);
    for (start, end) in validity.set_slices() {
        offsets.resize(start + 1, last);
        offsets.extend(rest.by_ref().take(end - start));
        last = offsets.last().copied().unwrap_or(last);
    }
    offsets.resize(validity.len() + 1, last);
    let (offsets, data) = (OffsetBuffer::new(offsets.into()), dense.data.clone());
    Ok(Values::Bytes(ByteValues { offsets, data }))
}
