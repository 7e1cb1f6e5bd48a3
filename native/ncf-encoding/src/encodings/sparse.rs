//! Sparse (7): one value for most rows, and the rows that have another.

use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::{check_ascending, column};
use super::run_length::pick;
use crate::decoded::{DecodedValues, repeat};
use crate::id::EncodingId;
use crate::native::{Native, lengths_column, with_values, zero};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// See `docs/spec/encodings.md`, Sparse.
pub(crate) struct Sparse;

impl Encoding for Sparse {
    fn id(&self) -> EncodingId {
        EncodingId::SPARSE
    }

    fn accepts(&self, _: PhysicalType) -> bool {
        true
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.entropy
            && statistics.len >= TELLING_VALUES
            && statistics.runs > 1
            && statistics.runs <= statistics.len / 2
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
        let usual = majority(values);
        let others: Vec<usize> =
            (0..values.len()).filter(|row| !same(values, usual, *row)).collect();
        let positions: Option<Vec<i32>> =
            others.iter().map(|row| i32::try_from(*row).ok()).collect();
        let Some((positions, count)) = positions.zip(u32::try_from(others.len()).ok()) else {
            return Ok(false);
        };
        out.extend_from_slice(&count.to_le_bytes());
        children.child(&lengths_column(positions), out)?;
        let stored = if values.is_empty() {
            zero(values.physical())
        } else {
            pick(values, &[[usual].as_slice(), &others].concat())
        };
        children.child(&stored, out)?;
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
            return Err(Error::corrupt(format!("{count} other values in {len} rows")));
        }
        let positions = column::<i32>(body, count, context)?;
        let values = context.flat(body, physical, count + 1)?;
        check_ascending(&positions, len, "rows of other values do not ascend in a page")?;
        // Before each other value, and after the last, the usual one.
        let ends = positions.iter().map(|position| position.cast_unsigned() as usize).chain([len]);
        let starts = std::iter::once(0).chain(ends.clone().map(|end| end + 1));
        let gaps = starts.zip(ends).enumerate();
        let runs = gaps.flat_map(|(gap, (start, end))| {
            [(0, end - start), (gap + 1, usize::from(gap < count))]
        });
        let runs = runs.filter(|(_, rows)| *rows > 0);
        Ok(DecodedValues::Flat(repeat(&values, runs, len, context.budget)?))
    }
}

fn same(values: &Values, a: usize, b: usize) -> bool {
    fn fixed<T: Native>(values: &[T], a: usize, b: usize) -> bool {
        values.get(a).zip(values.get(b)).is_some_and(|(a, b)| a.same(*b))
    }
    with_values!(values,
        fixed(v) => fixed(v, a, b),
        bool(v) => v.value(a) == v.value(b),
        bytes(v) => v.get(a) == v.get(b),
    )
}

/// A row with the value that more than half of all rows have, if there is one (Boyer and Moore: MJRTY, 1981).
fn majority(values: &Values) -> usize {
    let (mut row, mut lead) = (0, 0usize);
    for next in 0..values.len() {
        if lead == 0 {
            row = next;
        }
        if same(values, row, next) {
            lead += 1;
        } else {
            lead -= 1;
        }
    }
    row
}
