//! FOR + bit-packing (3): per vector of 1024 values a reference and a bit width; values that need more
//! bits are patches at the end of the body.

use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::lanes::{Lane, VECTOR, bits_of, pack_sequential, packed_bytes, unpack_sequential};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// See `docs/spec/encodings.md`, FOR + bit-packing.
pub(crate) struct ForBitpack;

impl Encoding for ForBitpack {
    fn id(&self) -> EncodingId {
        EncodingId::FOR_BITPACK
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical.is_integer()
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        match (statistics.physical, statistics.range) {
            (PhysicalType::I128, Some((min, max))) => i128::span(min, max).is_some(),
            _ => statistics.runs > 1,
        }
    }

    fn decode_cost(&self) -> f64 {
        0.3
    }

    fn encode(&self, values: &Values, _: &mut ChildEncoder<'_>, out: &mut Vec<u8>) -> Result<bool> {
        Ok(match values {
            Values::I8(v) => encode(v, out),
            Values::I16(v) => encode(v, out),
            Values::I32(v) => encode(v, out),
            Values::I64(v) => encode(v, out),
            Values::I128(v) => encode(v, out),
            _ => false,
        })
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let budget = context.budget;
        Ok(DecodedValues::Flat(match physical {
            PhysicalType::I8 => i8::wrap(decode(body, len, budget)?),
            PhysicalType::I16 => i16::wrap(decode(body, len, budget)?),
            PhysicalType::I32 => i32::wrap(decode(body, len, budget)?),
            PhysicalType::I64 => i64::wrap(decode(body, len, budget)?),
            PhysicalType::I128 => i128::wrap(decode(body, len, budget)?),
            other => return Err(Error::corrupt(format!("{other:?} values are never bit-packed"))),
        }))
    }
}

/// A signed integer and the lanes that hold its differences. All arithmetic wraps, so the difference of
/// any two values of up to 64 bits is an unsigned integer of the same width.
trait Integer: Native + Ord {
    type Lane: Lane;
    /// `max − min` when a lane holds it.
    fn span(min: Self, max: Self) -> Option<u64>;
    /// `self − base` in the lane's width.
    fn minus(self, base: Self) -> u64;
    /// `self + delta`, wrapping.
    fn plus(self, delta: u64) -> Self;
    /// Unpacks a full vector into `vector`, whatever stands there, and appends `reference + value`.
    fn unpack(
        width: usize,
        packed: &[u8],
        reference: Self,
        vector: &mut [Self::Lane; VECTOR],
        out: &mut Vec<Self>,
    ) -> Result<()>;
}

macro_rules! integer {
    ($type:ident, $lane:ident) => {
        impl Integer for $type {
            type Lane = $lane;

            fn span(min: Self, max: Self) -> Option<u64> {
                Some(max.minus(min))
            }

            fn minus(self, base: Self) -> u64 {
                u64::from(self.wrapping_sub(base).cast_unsigned())
            }

            fn plus(self, delta: u64) -> Self {
                self.wrapping_add($lane::low_bits(delta).cast_signed())
            }

            fn unpack(
                width: usize,
                packed: &[u8],
                reference: Self,
                vector: &mut [Self::Lane; VECTOR],
                out: &mut Vec<Self>,
            ) -> Result<()> {
                $lane::unpack(width, packed, reference.cast_unsigned(), vector)?;
                out.extend(vector.iter().map(|value| value.cast_signed()));
                Ok(())
            }
        }
    };
}

integer!(i8, u8);
integer!(i16, u16);
integer!(i32, u32);
integer!(i64, u64);

impl Integer for i128 {
    type Lane = u64;

    fn span(min: Self, max: Self) -> Option<u64> {
        u64::try_from(max.wrapping_sub(min).cast_unsigned()).ok()
    }

    fn minus(self, base: Self) -> u64 {
        // Callers have checked with `span` that no difference is wider.
        u64::try_from(self.wrapping_sub(base).cast_unsigned()).unwrap_or(u64::MAX)
    }

    fn plus(self, delta: u64) -> Self {
        self.wrapping_add(Self::from(delta))
    }

    fn unpack(
        width: usize,
        packed: &[u8],
        reference: Self,
        vector: &mut [Self::Lane; VECTOR],
        out: &mut Vec<Self>,
    ) -> Result<()> {
        Lane::unpack(width, packed, 0, vector)?;
        out.extend(vector.iter().map(|value| reference.wrapping_add(Self::from(*value))));
        Ok(())
    }
}

/// The smallest of 0, 1, 2, 4 and 8 bytes that holds `value`.
fn byte_width(value: u64) -> usize {
    match bits_of(value) {
        0 => 0,
        1..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

fn write_uint(value: u64, bytes: usize, out: &mut Vec<u8>) {
    out.extend(value.to_le_bytes().into_iter().take(bytes));
}

fn read_uint(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// What encoding a page collects, in the order of the body.
#[derive(Default)]
struct Parts {
    references: Vec<u64>,
    widths: Vec<u8>,
    packed: Vec<u8>,
    counts: Vec<u16>,
    positions: Vec<u16>,
    patches: Vec<u64>,
}

fn encode<T: Integer>(values: &[T], out: &mut Vec<u8>) -> bool {
    let base = values.iter().copied().min().unwrap_or_default();
    let highest = values.iter().copied().max().unwrap_or_default();
    if T::span(base, highest).is_none() {
        return false;
    }
    let mut parts = Parts::default();
    for vector in values.chunks(VECTOR) {
        parts.add(vector, base);
    }
    let reference_bytes = byte_width(parts.references.iter().copied().max().unwrap_or(0));
    let patch_bytes = byte_width(parts.patches.iter().copied().max().unwrap_or(0));
    T::write_all(&[base], out);
    // Both are at most 8.
    out.extend([reference_bytes, patch_bytes].map(|bytes| bytes.to_le_bytes()[0]));
    for reference in &parts.references {
        write_uint(*reference, reference_bytes, out);
    }
    out.extend_from_slice(&parts.widths);
    out.extend_from_slice(&parts.packed);
    if patch_bytes > 0 {
        for field in parts.counts.iter().chain(&parts.positions) {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for patch in &parts.patches {
            write_uint(*patch, patch_bytes, out);
        }
    }
    true
}

impl Parts {
    fn add<T: Integer>(&mut self, vector: &[T], base: T) {
        let lowest = vector.iter().copied().min().unwrap_or(base);
        let highest = vector.iter().copied().max().unwrap_or(base);
        let mut lanes = [T::Lane::default(); VECTOR];
        for (lane, value) in lanes.iter_mut().zip(vector) {
            *lane = T::Lane::low_bits(value.minus(lowest));
        }
        let widest = bits_of(highest.minus(lowest));
        let before = self.positions.len();
        let width = match patches_can_pay(&lanes, vector.len(), widest) {
            true => self.patch(vector, lowest, widest, &mut lanes),
            false => widest,
        };
        // A vector has at most 1024 patches.
        self.counts.push(u16::try_from(self.positions.len() - before).unwrap_or(u16::MAX));
        self.references.push(lowest.minus(base));
        self.widths.push(width.to_le_bytes()[0]);
        if vector.len() == VECTOR {
            T::Lane::pack(width, &lanes, &mut self.packed);
        } else {
            // What is patched is zero in the lanes.
            let patched = |lane: &T::Lane| *lane == T::Lane::default();
            let delta = |(value, lane): (&T, &T::Lane)| {
                if patched(lane) { 0 } else { value.minus(lowest) }
            };
            let deltas: Vec<u64> = vector.iter().zip(&lanes).map(delta).collect();
            pack_sequential(&deltas, width, &mut self.packed);
        }
    }

    /// The width that makes a vector smallest; what needs more bits becomes a patch, and zero in the lanes.
    fn patch<T: Integer>(
        &mut self,
        vector: &[T],
        lowest: T,
        widest: usize,
        lanes: &mut [T::Lane; VECTOR],
    ) -> usize {
        let mut deltas = [0u64; VECTOR];
        for (delta, value) in deltas.iter_mut().zip(vector) {
            *delta = value.minus(lowest);
        }
        let width = best_width(&deltas, vector.len(), widest);
        if width < widest {
            let rows = (0u16..).zip(&deltas).zip(lanes);
            for ((position, delta), lane) in rows.filter(|((_, delta), _)| **delta >> width > 0) {
                self.positions.push(position);
                self.patches.push(*delta);
                *lane = T::Lane::default();
            }
        }
        width
    }
}

/// What a patch of up to `widest` bits counts, in bytes: twice its size, because patches cost time too.
fn patch_cost(widest: usize) -> usize {
    2 * (2 + widest.div_ceil(8).next_power_of_two())
}

/// Whether so few values need all bits that some width less might make the vector smaller: every smaller width leaves at
/// least these out.
fn patches_can_pay<L: Lane>(deltas: &[L; VECTOR], len: usize, widest: usize) -> bool {
    let Some(top) = widest.checked_sub(1) else { return false };
    let least = L::low_bits(1 << top);
    let full: u32 = deltas.iter().map(|delta| u32::from(*delta >= least)).sum();
    (full as usize) < packed_bytes(len, widest) / patch_cost(widest) + 1
}

/// The width, at most `widest`, that makes packed values and patches smallest.
fn best_width(deltas: &[u64; VECTOR], len: usize, widest: usize) -> usize {
    let mut histogram = [0u16; 65];
    for delta in deltas.iter().take(len) {
        if let Some(count) = histogram.get_mut(bits_of(*delta)) {
            *count += 1;
        }
    }
    let patch = patch_cost(widest);
    let (mut best, mut best_bytes) = (widest, packed_bytes(len, widest));
    let mut patches = 0usize;
    for width in (0..widest).rev() {
        patches += usize::from(histogram.get(width + 1).copied().unwrap_or(0));
        let bytes = packed_bytes(len, width) + patches * patch;
        if bytes < best_bytes {
            (best, best_bytes) = (width, bytes);
        }
    }
    best
}

fn decode<T: Integer>(body: &mut Reader<'_>, len: usize, budget: &Budget) -> Result<Vec<T>> {
    let vectors = len.div_ceil(VECTOR);
    let mut base = Vec::with_capacity(1);
    T::read_all(body.take(T::BYTES)?, &mut base);
    let base = base.first().copied().unwrap_or_default();
    let reference_bytes = usize::from(body.u8()?);
    let patch_bytes = usize::from(body.u8()?);
    if [reference_bytes, patch_bytes].iter().any(|bytes| !matches!(bytes, 0 | 1 | 2 | 4 | 8)) {
        return Err(Error::corrupt("bit-packing: a field width is not 0, 1, 2, 4 or 8 bytes"));
    }
    let references = body.take(vectors.saturating_mul(reference_bytes))?;
    let reference = |vector: usize| {
        let start = vector * reference_bytes;
        base.plus(read_uint(references.get(start..start + reference_bytes).unwrap_or(&[])))
    };
    let widths = body.take(vectors)?;
    let mut out: Vec<T> = budget.vec("values", len)?;
    // Zeroed once: each vector overwrites all of the one before.
    let mut lanes = [T::Lane::default(); VECTOR];
    for (vector, width) in widths.iter().enumerate() {
        let width = usize::from(*width);
        let count = (len - out.len()).min(VECTOR);
        if width > T::Lane::BITS {
            return Err(Error::corrupt(format!("bit-packing: a width of {width} bits")));
        }
        let packed = body.take(packed_bytes(count, width))?;
        let reference = reference(vector);
        if count == VECTOR {
            T::unpack(width, packed, reference, &mut lanes, &mut out)?;
        } else {
            unpack_sequential(packed, count, width, |delta| out.push(reference.plus(delta)));
        }
    }
    if patch_bytes > 0 {
        patch(body, vectors, patch_bytes, reference, &mut out)?;
    }
    Ok(out)
}

fn patch<T: Integer>(
    body: &mut Reader<'_>,
    vectors: usize,
    patch_bytes: usize,
    reference: impl Fn(usize) -> T,
    out: &mut [T],
) -> Result<()> {
    let mut counts = Reader::new(body.take(vectors.saturating_mul(2))?);
    let total: usize = {
        let mut each = counts.clone();
        (0..vectors).map(|_| each.u16().map(usize::from)).sum::<Result<usize>>()?
    };
    let mut positions = Reader::new(body.take(total.saturating_mul(2))?);
    let mut patches = body.take(total.saturating_mul(patch_bytes))?.chunks_exact(patch_bytes);
    for vector in 0..vectors {
        let reference = reference(vector);
        let start = vector * VECTOR;
        let end = (start + VECTOR).min(out.len());
        let rows = out.get_mut(start..end).unwrap_or(&mut []);
        for _ in 0..counts.u16()? {
            let position = usize::from(positions.u16()?);
            let Some(row) = rows.get_mut(position) else {
                return Err(Error::corrupt(format!(
                    "bit-packing: a patch at {position} of a vector"
                )));
            };
            *row = reference.plus(read_uint(patches.next().unwrap_or(&[])));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_patches_cannot_pay_all_bits_are_best() {
        let mut noise = 1u64;
        for widest in 0..=64usize {
            for rare in [1u64, 2, 8, 20, 60, 300, 1 << 20] {
                let mut deltas = [0u64; VECTOR];
                for delta in &mut deltas {
                    noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    let bits = if (noise >> 20).is_multiple_of(rare) { widest } else { widest / 2 };
                    *delta = if bits == 0 { 0 } else { noise >> (64 - bits) };
                }
                for len in [VECTOR, 100, 1] {
                    deltas[len..].fill(0);
                    let widest = bits_of(deltas.iter().fold(0, |all, delta| all | delta));
                    let best = best_width(&deltas, len, widest);
                    assert!(patches_can_pay(&deltas, len, widest) || best == widest);
                }
            }
        }
    }
}
