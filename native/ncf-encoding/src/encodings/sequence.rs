//! Sequence (8): a straight line over the row number, and what is left beside it where it is not exact.

use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::{Integer, column, owned, with_integer, with_integers};
use super::lanes::VECTOR;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Bits after the point of a step, where the type has room for them: a page has at most 2^16 rows, so more
/// would change no value.
const FRACTION: u32 = 16;

/// See `docs/spec/encodings.md`, Sequence.
pub(crate) struct Sequence;

impl Encoding for Sequence {
    fn id(&self) -> EncodingId {
        EncodingId::SEQUENCE
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical.is_integer()
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        // A line through values that repeat predicts little.
        statistics.len >= TELLING_VALUES
            && (statistics.progression || statistics.runs > statistics.len / 2)
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.25
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
            other => return Err(Error::corrupt(format!("{physical:?} values are on no line"))),
        )))
    }
}

/// `start + (row × step >> shift)`, in the wrapping arithmetic of the type.
struct Line<T> {
    start: T,
    step: T,
    shift: u32,
}

impl<T: Integer> Line<T> {
    /// The predictions for rows 0, 1, 2 and so on.
    fn points(&self) -> impl Iterator<Item = T> {
        let mut product = T::default();
        std::iter::repeat_with(move || {
            let point = self.start.plus(product.shifted_right(self.shift));
            product = product.plus(self.step);
            point
        })
    }

    /// The line through the first value with the median slope of all vectors: single outliers and jumps
    /// between vectors do not tilt it.
    fn through(values: &[T]) -> Self {
        let start = values.first().copied().unwrap_or_default();
        let slope = |vector: &[T]| -> Option<(i128, usize)> {
            let rise: i128 = vector.last()?.minus(*vector.first()?).into();
            Some((rise, vector.len() - 1))
        };
        let vectors = values.chunks(VECTOR).filter(|vector| vector.len() > 1);
        let mut slopes: Vec<(i128, usize)> = vectors.filter_map(slope).collect();
        // Only the last vector is shorter; its slope counts where it is the only one.
        if slopes.len() > 1 {
            slopes.retain(|(_, steps)| *steps == VECTOR - 1);
        }
        slopes.sort_unstable();
        let (rise, steps) = slopes.get(slopes.len() / 2).copied().unwrap_or((0, 1));
        let total = rise.unsigned_abs().saturating_mul((values.len() / steps + 1) as u128);
        // One bit for the sign and one to spare.
        let used = u128::BITS - total.leading_zeros() + 2;
        let shift = T::BITS.saturating_sub(used).min(FRACTION);
        let step = T::low_bits(rise.wrapping_shl(shift).div_euclid(steps as i128));
        Self { start, step, shift }
    }
}

/// The step of values that lie on a line exactly.
fn exact_step<T: Integer>(values: &[T]) -> Option<T> {
    let step = match values {
        [first, second, ..] => second.minus(*first),
        _ => return Some(T::default()),
    };
    let mut pairs = values.iter().zip(values.iter().skip(1));
    pairs.all(|(a, b)| b.minus(*a) == step).then_some(step)
}

/// Whether integers lie on a line exactly. Others than integers never do.
pub(crate) fn is_progression(values: &Values) -> bool {
    with_integers!(values, v => exact_step(v).is_some(), other => false)
}

fn encode<T: Integer>(
    values: &[T],
    children: &mut ChildEncoder<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    let exact = exact_step(values);
    let line = match exact {
        Some(step) => Line { start: values.first().copied().unwrap_or_default(), step, shift: 0 },
        None => Line::through(values),
    };
    T::write_all(&[line.start, line.step], out);
    // Less than the 128 bits of the widest type.
    out.push(line.shift.to_le_bytes()[0]);
    if exact.is_none() {
        let rest = values.iter().zip(line.points()).map(|(value, point)| value.minus(point));
        children.child(&T::wrap(rest.collect()), out)?;
    }
    Ok(())
}

fn decode<T: Integer>(
    body: &mut Reader<'_>,
    len: usize,
    context: &DecodeContext<'_>,
) -> Result<Values> {
    let mut fields: Vec<T> = Vec::with_capacity(2);
    T::read_all(body.take(2 * <T as Native>::BYTES)?, &mut fields);
    let [start, step] = <[T; 2]>::try_from(fields).unwrap_or_default();
    let shift = u32::from(body.u8()?);
    if shift >= T::BITS {
        return Err(Error::corrupt(format!("a sequence shifts {}-bit values by {shift}", T::BITS)));
    }
    let line = Line { start, step, shift };
    if body.remaining() == 0 {
        let mut values: Vec<T> = context.budget.vec("values", len)?;
        values.extend(line.points().take(len));
        return Ok(T::wrap(values));
    }
    let mut values = owned(column::<T>(body, len, context)?, context.budget)?;
    for (value, point) in values.iter_mut().zip(line.points()) {
        *value = value.plus(point);
    }
    Ok(T::wrap(values))
}
