//! ALP-RD (10): floats that were never decimals, cut into a left part of few values and a right part of noise
//! (Afroozeh, Kuffó, Boncz: ALP, 2023, section 3.4).

use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Left parts that have a code.
const CODES: usize = 8;
/// Bits of a left part, at most.
const LEFT_BITS: u32 = 16;
/// Values by which the cut is chosen.
const SAMPLE: usize = 1024;

/// See `docs/spec/encodings.md`, ALP-RD.
pub(crate) struct AlpRd;

impl Encoding for AlpRd {
    fn id(&self) -> EncodingId {
        EncodingId::ALP_RD
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        matches!(physical, PhysicalType::F32 | PhysicalType::F64)
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.entropy
            && statistics.len >= TELLING_VALUES
            && statistics.runs > statistics.len / 2
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.8
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let (bits, width): (Vec<u64>, u32) = match values {
            Values::F32(v) => (v.iter().map(|value| u64::from(value.to_bits())).collect(), 32),
            Values::F64(v) => (v.iter().map(|value| value.to_bits()).collect(), 64),
            _ => return Ok(false),
        };
        let cut = Cut::best(&bits, width);
        let Some(split) = cut.split(&bits) else {
            return Ok(false);
        };
        // At most 64 and at most 8.
        out.extend([u64::from(cut.right), cut.codes.len() as u64].map(|n| n.to_le_bytes()[0]));
        for left in &cut.codes {
            out.extend_from_slice(&left.to_le_bytes());
        }
        // A node has at most 2^32 values.
        let count = u32::try_from(split.exceptions.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_le_bytes());
        for (position, _) in &split.exceptions {
            out.extend_from_slice(&position.to_le_bytes());
        }
        for (_, left) in &split.exceptions {
            out.extend_from_slice(&left.to_le_bytes());
        }
        children.child(&i8::wrap(split.codes), out)?;
        if width == 32 {
            let narrow = |right: &i64| i32::try_from(*right).unwrap_or(0);
            children.child(&i32::wrap(split.rights.iter().map(narrow).collect()), out)?;
        } else {
            children.child(&i64::wrap(split.rights), out)?;
        }
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let head = Head::read(body, len, if physical == PhysicalType::F32 { 32 } else { 64 })?;
        let codes = column::<i8>(body, len, context)?;
        let known = i8::try_from(head.lefts.len()).unwrap_or(0);
        if codes.iter().any(|code| !(0..known).contains(code)) {
            return Err(Error::corrupt("an ALP-RD code that its page does not have"));
        }
        let left = |code: &i8| {
            let code = usize::from(code.cast_unsigned());
            u64::from(head.lefts.get(code).copied().unwrap_or(0)) << head.right
        };
        Ok(DecodedValues::Flat(match physical {
            PhysicalType::F32 => {
                let rights = column::<i32>(body, len, context)?;
                let mut values: Vec<f32> = context.budget.vec("values", len)?;
                values.extend(codes.iter().zip(rights.iter()).map(|(code, right)| {
                    let right = u64::from(right.cast_unsigned()) & head.mask();
                    f32::from_bits(low_half(left(code) | right))
                }));
                head.patch(&mut values, |value, left| {
                    let right = u64::from(value.to_bits()) & head.mask();
                    f32::from_bits(low_half(left | right))
                })?;
                f32::wrap(values)
            }
            PhysicalType::F64 => {
                let rights = column::<i64>(body, len, context)?;
                let mut values: Vec<f64> = context.budget.vec("values", len)?;
                values.extend(codes.iter().zip(rights.iter()).map(|(code, right)| {
                    f64::from_bits(left(code) | (right.cast_unsigned() & head.mask()))
                }));
                head.patch(&mut values, |value, left| {
                    f64::from_bits(left | (value.to_bits() & head.mask()))
                })?;
                f64::wrap(values)
            }
            other => return Err(Error::corrupt(format!("{other:?} values are never ALP-RD"))),
        }))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the high half is zero")]
fn low_half(bits: u64) -> u32 {
    bits as u32
}

/// Where values are cut, and the left parts that have codes.
struct Cut {
    right: u32,
    codes: Vec<u16>,
}

/// The parts of all values.
struct Split {
    codes: Vec<i8>,
    rights: Vec<i64>,
    /// Rows and left parts.
    exceptions: Vec<(u32, u16)>,
}

impl Cut {
    /// The cut that makes a sample smallest: 3 bits for a code, 6 bytes for a left part without one.
    fn best(bits: &[u64], width: u32) -> Self {
        let step = bits.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<u64> = bits.iter().step_by(step).copied().collect();
        let mut best: Option<(u64, Self)> = None;
        // At least one bit goes left, so that right parts fit the signed type.
        for left in 1..=LEFT_BITS {
            let right = width - left;
            let mut lefts: Vec<u16> = sample.iter().map(|value| left_of(*value, right)).collect();
            lefts.sort_unstable();
            let mut counts: Vec<(usize, u16)> = lefts
                .chunk_by(|a, b| a == b)
                .filter_map(|same| Some((same.len(), *same.first()?)))
                .collect();
            counts.sort_unstable_by_key(|(count, left)| (std::cmp::Reverse(*count), *left));
            let rare: usize = counts.iter().skip(CODES).map(|(count, _)| count).sum();
            let size = sample.len() as u64 * u64::from(right + 3) + rare as u64 * 48;
            if best.as_ref().is_none_or(|(least, _)| size < *least) {
                let codes = counts.into_iter().take(CODES).map(|(_, left)| left).collect();
                best = Some((size, Self { right, codes }));
            }
        }
        best.map_or(Self { right: width - 1, codes: Vec::new() }, |(_, cut)| cut)
    }

    /// `None` when there are too many rows to number.
    fn split(&self, bits: &[u64]) -> Option<Split> {
        let mut out = Split {
            codes: Vec::with_capacity(bits.len()),
            rights: Vec::new(),
            exceptions: Vec::new(),
        };
        let mask = mask(self.right);
        for (row, value) in bits.iter().enumerate() {
            let left = left_of(*value, self.right);
            let code = self.codes.iter().position(|known| *known == left);
            out.codes.push(i8::try_from(code.unwrap_or(0)).ok()?);
            // At most 63 bits, of floats of 32 bits 31.
            out.rights.push((value & mask).cast_signed());
            if code.is_none() {
                out.exceptions.push((u32::try_from(row).ok()?, left));
            }
        }
        Some(out)
    }
}

/// The bits above `right` of them; at most 16.
#[expect(clippy::cast_possible_truncation, reason = "the left part has at most 16 bits")]
fn left_of(value: u64, right: u32) -> u16 {
    (value >> right) as u16
}

fn mask(right: u32) -> u64 {
    (1 << right) - 1
}

/// What stands before the nodes.
struct Head<'a> {
    right: u32,
    /// Bits of a left part.
    left: u32,
    lefts: Vec<u16>,
    positions: &'a [[u8; 4]],
    exceptions: &'a [[u8; 2]],
}

impl<'a> Head<'a> {
    fn read(body: &mut Reader<'a>, len: usize, width: u32) -> Result<Self> {
        let (right, count) = (u32::from(body.u8()?), usize::from(body.u8()?));
        if !(width - LEFT_BITS..width).contains(&right) || count > CODES {
            return Err(Error::corrupt(format!("ALP-RD cuts at {right} bits with {count} codes")));
        }
        let mut lefts = Vec::with_capacity(CODES);
        for _ in 0..count {
            lefts.push(body.u16()?);
        }
        if lefts.iter().any(|left| u64::from(*left) >> (width - right) != 0) {
            return Err(Error::corrupt("an ALP-RD left part has too many bits"));
        }
        if lefts.is_empty() && len > 0 {
            return Err(Error::corrupt("ALP-RD without codes"));
        }
        let count = body.size()?;
        if count > len {
            return Err(Error::corrupt(format!("{count} ALP-RD exceptions in {len} values")));
        }
        let (positions, _) = body.take(count.saturating_mul(4))?.as_chunks::<4>();
        let (exceptions, _) = body.take(count.saturating_mul(2))?.as_chunks::<2>();
        Ok(Self { right, left: width - right, lefts, positions, exceptions })
    }

    fn mask(&self) -> u64 {
        mask(self.right)
    }

    /// Replaces the left parts of exceptions.
    fn patch<T: Copy>(&self, values: &mut [T], replace: impl Fn(T, u64) -> T) -> Result<()> {
        let len = values.len();
        for (position, left) in self.positions.iter().zip(self.exceptions) {
            let position = u32::from_le_bytes(*position) as usize;
            let left = u64::from(u16::from_le_bytes(*left));
            if left >> self.left != 0 {
                return Err(Error::corrupt("an ALP-RD left part has too many bits"));
            }
            let slot = values.get_mut(position).ok_or_else(|| {
                Error::corrupt(format!("an ALP-RD exception at row {position} of {len}"))
            })?;
            *slot = replace(*slot, left << self.right);
        }
        Ok(())
    }
}
