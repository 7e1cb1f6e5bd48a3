//! ALP (9): floats that were decimals, as integers of the same width; values that do not come back bit by
//! bit are exceptions.

use alp::{ALPFloat, Exponents};
use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// See `docs/spec/encodings.md`, ALP.
pub(crate) struct Alp;

impl Encoding for Alp {
    fn id(&self) -> EncodingId {
        EncodingId::ALP
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        matches!(physical, PhysicalType::F32 | PhysicalType::F64)
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.runs > 1
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.6
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        match values {
            Values::F32(v) => encode::<f32>(v, children, out),
            Values::F64(v) => encode::<f64>(v, children, out),
            _ => Ok(false),
        }
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        Ok(DecodedValues::Flat(match physical {
            PhysicalType::F32 => f32::wrap(decode::<f32>(body, len, context)?),
            PhysicalType::F64 => f64::wrap(decode::<f64>(body, len, context)?),
            other => return Err(Error::corrupt(format!("{other:?} values are never ALP"))),
        }))
    }
}

/// A float and the integer column that stands for it.
trait Decimal: ALPFloat<ALPInt: Native> + Native {
    const INTEGER: PhysicalType;
    fn integers(values: &Values) -> Option<&[Self::ALPInt]>;
}

impl Decimal for f32 {
    const INTEGER: PhysicalType = PhysicalType::I32;

    fn integers(values: &Values) -> Option<&[i32]> {
        match values {
            Values::I32(v) => Some(v),
            _ => None,
        }
    }
}

impl Decimal for f64 {
    const INTEGER: PhysicalType = PhysicalType::I64;

    fn integers(values: &Values) -> Option<&[i64]> {
        match values {
            Values::I64(v) => Some(v),
            _ => None,
        }
    }
}

/// `integer × 10^f × 10^−e` in the float's own arithmetic, in this order: what the specification defines.
#[inline]
fn restore<F: Decimal>(integer: F::ALPInt, up: F, down: F) -> F {
    F::from_int(integer) * up * down
}

fn factors<F: Decimal>(exponents: Exponents) -> Option<(F, F)> {
    let valid = exponents.f <= exponents.e && exponents.e < F::MAX_EXPONENT;
    let up = F::F10.get(usize::from(exponents.f))?;
    let down = F::IF10.get(usize::from(exponents.e))?;
    valid.then_some((*up, *down))
}

fn encode<F: Decimal>(
    values: &[F],
    children: &mut ChildEncoder<'_>,
    out: &mut Vec<u8>,
) -> Result<bool> {
    let exponents = alp::find_best_exponents(values);
    let Some((up, down)) = factors::<F>(exponents) else {
        return Ok(false);
    };
    let mut integers: Vec<F::ALPInt> = Vec::with_capacity(values.len());
    let (mut positions, mut exceptions) = (Vec::new(), Vec::new());
    for (position, value) in (0u32..).zip(values) {
        let integer = alp::encode_single_unchecked(*value, exponents);
        integers.push(integer);
        if !restore::<F>(integer, up, down).same(*value) {
            positions.push(position);
            exceptions.push(*value);
        }
    }
    fill_exceptions(&mut integers, &positions);
    // A node has at most 2^32 values.
    let count = u32::try_from(positions.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&[exponents.e, exponents.f]);
    out.extend_from_slice(&count.to_le_bytes());
    for position in positions {
        out.extend_from_slice(&position.to_le_bytes());
    }
    F::write_all(&exceptions, out);
    children.child(&F::ALPInt::wrap(integers), out)?;
    Ok(true)
}

/// Gives exceptions the integer before them (the first good one at the start), so that they widen nothing.
fn fill_exceptions<I: Native>(integers: &mut [I], positions: &[u32]) {
    let mut next = positions.iter().peekable();
    let first_good = (0u32..).zip(integers.iter()).find(|(row, _)| match next.peek() {
        Some(position) if **position == *row => {
            next.next();
            false
        }
        _ => true,
    });
    let mut fill = first_good.map_or(I::default(), |(_, integer)| *integer);
    let mut next = positions.iter().peekable();
    for (row, integer) in (0u32..).zip(integers) {
        if next.next_if(|position| **position == row).is_some() {
            *integer = fill;
        } else {
            fill = *integer;
        }
    }
}

fn decode<F: Decimal>(
    body: &mut Reader<'_>,
    len: usize,
    context: &DecodeContext<'_>,
) -> Result<Vec<F>> {
    let exponents = Exponents { e: body.u8()?, f: body.u8()? };
    let Some((up, down)) = factors::<F>(exponents) else {
        return Err(Error::corrupt(format!("ALP exponents {} and {}", exponents.e, exponents.f)));
    };
    let count = body.size()?;
    if count > len {
        return Err(Error::corrupt(format!("{count} ALP exceptions in {len} values")));
    }
    let (positions, _) = body.take(count.saturating_mul(4))?.as_chunks::<4>();
    let mut exceptions: Vec<F> = context.budget.vec("exceptions", count)?;
    F::read_all(body.take(count.saturating_mul(F::BYTES))?, &mut exceptions);
    let child = context.flat(body, F::INTEGER, len)?;
    let Some(integers) = F::integers(&child) else {
        return Err(Error::internal("ALP integers have another type"));
    };
    let mut out: Vec<F> = context.budget.vec("values", len)?;
    out.extend(integers.iter().map(|integer| restore::<F>(*integer, up, down)));
    for (position, exception) in positions.iter().zip(exceptions) {
        let position = u32::from_le_bytes(*position) as usize;
        match out.get_mut(position) {
            Some(slot) => *slot = exception,
            None => {
                return Err(Error::corrupt(format!("an ALP exception at row {position} of {len}")));
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_powers_of_ten_are_the_nearest_floats() {
        // The specification says so; the crate's tables are pinned by this test.
        for e in 0..f64::MAX_EXPONENT {
            assert_eq!(f64::F10[usize::from(e)], format!("1e{e}").parse::<f64>().unwrap());
            assert_eq!(f64::IF10[usize::from(e)], format!("1e-{e}").parse::<f64>().unwrap());
        }
        for e in 0..f32::MAX_EXPONENT {
            assert_eq!(f32::F10[usize::from(e)], format!("1e{e}").parse::<f32>().unwrap());
            assert_eq!(f32::IF10[usize::from(e)], format!("1e-{e}").parse::<f32>().unwrap());
        }
        assert_eq!((f64::MAX_EXPONENT, f32::MAX_EXPONENT), (18, 10));
    }

    #[test]
    fn exceptions_take_the_neighbour() {
        let mut integers = [9i64, 9, 5, 9, 6, 9];
        fill_exceptions(&mut integers, &[0, 1, 3, 5]);
        assert_eq!(integers, [5, 5, 5, 5, 6, 6]);
        let mut all = [9i64, 9];
        fill_exceptions(&mut all, &[0, 1]);
        assert_eq!(all, [0, 0]);
    }
}
