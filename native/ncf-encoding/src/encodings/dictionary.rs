//! Dictionary (6): codes into the distinct, ascending values that the column chunk keeps in a shared page.

use std::cmp::Ordering;

use arrow_buffer::ScalarBuffer;
use ncf_core::{ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::hash_table::HashTable;
use super::integers::{Integer, with_integers};
use super::pieces::{Piece, whole};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, with_values};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// Distinct values that a dictionary may have.
pub(crate) const MAX_ENTRIES: usize = 1 << 20;
/// Bytes that the values of a dictionary may take.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// Range of integers that are counted in an array.
const MAX_DENSE: usize = 1 << 21;

/// See `docs/spec/encodings.md`, Dictionary.
pub(crate) struct Dictionary;

impl Encoding for Dictionary {
    fn id(&self) -> EncodingId {
        EncodingId::DICTIONARY
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical != PhysicalType::Bool
    }

    fn candidate(&self, _: &Statistics) -> bool {
        false
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
        let Some(codes) = children.codes().filter(|codes| codes.len() == values.len()) else {
            return Ok(false);
        };
        let highest = codes.iter().copied().max().unwrap_or(0);
        // The narrowest signed type keeps codes non-negative for the child and cheap to unpack.
        let (bytes, column) = if highest <= 0x7f {
            (1, i8::wrap(codes.iter().map(|code| i8::try_from(*code).unwrap_or(0)).collect()))
        } else if highest <= 0x7fff {
            (2, i16::wrap(codes.iter().map(|code| i16::try_from(*code).unwrap_or(0)).collect()))
        } else {
            (4, i32::wrap(codes.iter().map(|code| code.cast_signed()).collect()))
        };
        out.push(bytes);
        children.child(&column, out)?;
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let Some(values) = context.shared.dictionary() else {
            return Err(Error::corrupt(
                "a page has dictionary codes but its chunk has no dictionary",
            ));
        };
        if values.physical() != physical {
            return Err(Error::corrupt("the dictionary has another type than the column"));
        }
        let width = match body.u8()? {
            1 => PhysicalType::I8,
            2 => PhysicalType::I16,
            4 => PhysicalType::I32,
            other => return Err(Error::corrupt(format!("dictionary codes of {other} bytes"))),
        };
        let codes = match context.node(body, width, len)? {
            DecodedValues::Constant(code, len) => {
                let code = widen(&code, context)?.first().map_or(u32::MAX, |code| *code);
                check_codes(code, len.min(1), values)?;
                let one = if len == 0 {
                    crate::native::zero(physical)
                } else {
                    values.slice(code as usize, 1)
                };
                return Ok(DecodedValues::Constant(one, len));
            }
            other => widen(&other.into_flat(context.budget)?, context)?,
        };
        check_codes(codes.iter().copied().fold(0, u32::max), codes.len(), values)?;
        Ok(DecodedValues::Dictionary { codes, values: values.clone() })
    }
}

fn check_codes(highest: u32, codes: usize, values: &Values) -> Result<()> {
    if codes > 0 && highest as usize >= values.len() {
        return Err(Error::corrupt(format!(
            "dictionary code {highest} in a dictionary of {} values",
            values.len()
        )));
    }
    Ok(())
}

/// Codes of any width as `u32`; a negative one becomes too large for every dictionary.
fn widen(codes: &Values, context: &DecodeContext<'_>) -> Result<ScalarBuffer<u32>> {
    if let Values::I32(codes) = codes {
        return Ok(ScalarBuffer::new(codes.inner().clone(), 0, codes.len()));
    }
    let mut out: Vec<u32> = context.budget.vec("codes", codes.len())?;
    match codes {
        Values::I8(v) => out.extend(v.iter().map(|code| i32::from(*code).cast_unsigned())),
        Values::I16(v) => out.extend(v.iter().map(|code| i32::from(*code).cast_unsigned())),
        _ => return Err(Error::internal("dictionary codes are not integers")),
    }
    Ok(out.into())
}

/// The distinct values of a chunk, and which of them each row has.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// Distinct values, ascending; floats by their bits.
    pub values: Values,
    /// One per row.
    pub codes: ScalarBuffer<u32>,
}

/// The distinct values and the codes of all rows; `None` when there are more than `max_entries` values
/// or more than `max_bytes` bytes of them.
pub(crate) fn build(values: &Values, max_entries: usize, max_bytes: usize) -> Option<Numbered> {
    let most = max_entries.min(max_bytes / values.physical().width().unwrap_or(1));
    let dense = with_integers!(values, v => build_dense(v, most), other => None);
    if let Some(built) = dense {
        return built;
    }
    with_values!(values,
        fixed(v) => build_fixed(v, most),
        bool(_v) => None,
        bytes(v) => build_bytes(v, max_entries, max_bytes),
    )
}

/// The same of integers that lie close together, without a hash table; `None` where they do not.
#[expect(clippy::option_option, reason = "inside: there are too many different values")]
fn build_dense<T: Integer>(values: &[T], max_entries: usize) -> Option<Option<Numbered>> {
    let (min, max) = (*values.iter().min()?, *values.iter().max()?);
    if T::BITS > i64::BITS {
        return None;
    }
    let (min, max) = (min.low_i64(), max.low_i64());
    let size = usize::try_from(i128::from(max) - i128::from(min) + 1).ok()?;
    if size > values.len().saturating_mul(2).min(MAX_DENSE) {
        return None;
    }
    let slot = |value: &T| usize::try_from(value.low_i64().wrapping_sub(min)).unwrap_or(usize::MAX);
    let mut ranks = vec![0u32; size];
    for value in values {
        *ranks.get_mut(slot(value))? = 1;
    }
    let mut distinct = Vec::new();
    for (at, rank) in (0i64..).zip(&mut ranks) {
        if *rank > 0 {
            *rank = u32::try_from(distinct.len()).ok()?;
            distinct.push(T::low_bits((min + at).into()));
        }
    }
    if distinct.len() > max_entries {
        return Some(None);
    }
    let codes = values.iter().map(|value| ranks.get(slot(value)).copied().unwrap_or(0));
    let codes = ScalarBuffer::from_iter(codes);
    Some(Some(Numbered { values: T::wrap(distinct), codes }))
}

fn build_fixed<T: Native>(values: &[T], max_entries: usize) -> Option<Numbered> {
    let mut distinct: Vec<T> = Vec::new();
    let mut table = HashTable::default();
    let mut codes: Vec<u32> = Vec::with_capacity(values.len());
    let mut last: Option<(T, u32)> = None;
    for value in values {
        let code = match last {
            Some((same, code)) if same.same(*value) => code,
            _ => table.code(hash_bits(value.bits()), |code| {
                distinct.get(code as usize).is_some_and(|have| have.same(*value))
            })?,
        };
        if code as usize == distinct.len() {
            if distinct.len() == max_entries {
                return None;
            }
            distinct.push(*value);
        }
        last = Some((*value, code));
        codes.push(code);
    }
    let order = sort(distinct.len(), |a, b| match (distinct.get(a), distinct.get(b)) {
        (Some(a), Some(b)) => a.order(b),
        _ => Ordering::Equal,
    });
    let sorted = order.iter().filter_map(|row| distinct.get(*row as usize).copied()).collect();
    rank(&order, &mut codes);
    Some(Numbered { values: T::wrap(sorted), codes: codes.into() })
}

fn build_bytes(values: &ByteValues, max_entries: usize, max_bytes: usize) -> Option<Numbered> {
    let mut distinct: Vec<Piece<'_>> = Vec::new();
    let mut table = HashTable::default();
    let mut codes: Vec<u32> = Vec::with_capacity(values.len());
    let mut bytes = 0usize;
    let mut last: Option<(Piece<'_>, u32)> = None;
    for value in whole(values) {
        let code = match last {
            Some((same, code)) if same.same(&value) => code,
            _ => table.code(value.hash(), |code| {
                distinct.get(code as usize).is_some_and(|have| have.same(&value))
            })?,
        };
        if code as usize == distinct.len() {
            bytes += value.bytes.len();
            if distinct.len() == max_entries || bytes > max_bytes {
                return None;
            }
            distinct.push(value);
        }
        last = Some((value, code));
        codes.push(code);
    }
    let string = |at: usize| distinct.get(at).map(|piece| piece.bytes);
    let order = sort(distinct.len(), |a, b| string(a).cmp(&string(b)));
    let sorted = order.iter().filter_map(|row| string(*row as usize));
    let sorted = Values::Bytes(sorted.collect());
    rank(&order, &mut codes);
    Some(Numbered { values: sorted, codes: codes.into() })
}

/// Entry numbers in the order of their values.
fn sort(len: usize, compare: impl Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut order: Vec<u32> = (0u32..).take(len).collect();
    order.sort_unstable_by(|a, b| compare(*a as usize, *b as usize));
    order
}

/// Replaces entry numbers by ranks.
fn rank(order: &[u32], codes: &mut [u32]) {
    let mut ranks = vec![0u32; order.len()];
    for (rank, entry) in (0u32..).zip(order) {
        if let Some(slot) = ranks.get_mut(*entry as usize) {
            *slot = rank;
        }
    }
    for code in codes {
        *code = ranks.get(*code as usize).copied().unwrap_or(0);
    }
}

pub(crate) fn hash_bits(bits: u128) -> u64 {
    let [low, high] =
        [bits, bits >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
    let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}
