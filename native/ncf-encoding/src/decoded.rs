//! What decoding gives: values that keep the outermost structure which predicates can use.

use std::sync::Arc;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, OffsetBuffer, ScalarBuffer};
use ncf_core::{Budget, ByteValues, Error, Result, Values};

use crate::gather::gather;
use crate::native::{Native, with_values};
use crate::symbol_strings::SymbolStrings;

/// Copies of a value that are written at a time where runs are short.
const SHORT_RUN: usize = 8;

/// One page.
#[derive(Debug, Clone)]
pub struct DecodedPage {
    /// Bit set = valid; `None` = every row is valid.
    pub validity: Option<BooleanBuffer>,
    /// One value per row; at null rows the value means nothing.
    pub values: DecodedValues,
}

impl DecodedPage {
    /// Bytes that the page takes in memory. A dictionary is not counted: pages share it.
    pub fn byte_len(&self) -> usize {
        let validity = self.validity.as_ref().map_or(0, |valid| valid.len().div_ceil(8));
        let values = match &self.values {
            DecodedValues::Flat(values) | DecodedValues::Constant(values, _) => values.byte_len(),
            DecodedValues::Dictionary { codes, .. } => size_of_val(&**codes),
            DecodedValues::Runs { ends, values } => size_of_val(&**ends) + values.byte_len(),
            DecodedValues::Symbols(strings) => strings.byte_len(),
        };
        validity + values
    }
}

/// Values in the cheapest form that the stored bytes offer.
#[derive(Debug, Clone)]
pub enum DecodedValues {
    /// One value per row.
    Flat(Values),
    /// One value, and how many rows have it.
    Constant(Values, usize),
    /// Codes into distinct, ascending values.
    Dictionary {
        /// One per row, each less than `values.len()`.
        codes: ScalarBuffer<u32>,
        /// The distinct values of the column chunk.
        values: Arc<Values>,
    },
    /// Runs of equal values.
    Runs {
        /// Ascending row numbers after the last row of each run; the last is the number of rows.
        ends: ScalarBuffer<u32>,
        /// One value per run.
        values: Values,
    },
    /// Strings that are not decoded yet.
    Symbols(SymbolStrings),
}

impl DecodedValues {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Flat(values) => values.len(),
            Self::Constant(_, len) => *len,
            Self::Dictionary { codes, .. } => codes.len(),
            Self::Runs { ends, .. } => ends.last().map_or(0, |end| *end as usize),
            Self::Symbols(strings) => strings.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value per row. Memory is taken from the budget; more than 2 GiB of bytes is `LimitExceeded`, and
    /// strings that were not decoded yet may turn out `Corrupt`.
    pub fn into_flat(self, budget: &Budget) -> Result<Values> {
        match self {
            Self::Flat(values) => Ok(values),
            Self::Constant(value, len) => repeat(&value, std::iter::once((0, len)), len, budget),
            Self::Dictionary { codes, values } => gather(&values, &codes, budget),
            Self::Runs { ends, values } => {
                let len = ends.last().map_or(0, |end| *end as usize);
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let runs = ends.iter().zip(starts).map(|(end, start)| (end - start) as usize);
                repeat(&values, runs.enumerate(), len, budget)
            }
            Self::Symbols(strings) => strings.decode(budget),
        }
    }

    /// Rows `offset..offset + len`. The range must lie inside.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        match self {
            Self::Flat(values) => Self::Flat(values.slice(offset, len)),
            Self::Constant(value, _) => Self::Constant(value.clone(), len),
            Self::Dictionary { codes, values } => {
                Self::Dictionary { codes: codes.slice(offset, len), values: values.clone() }
            }
            Self::Runs { ends, values } => slice_runs(ends, values, offset, len),
            Self::Symbols(strings) => Self::Symbols(strings.slice(offset, len)),
        }
    }
}

fn slice_runs(
    ends: &ScalarBuffer<u32>,
    values: &Values,
    offset: usize,
    len: usize,
) -> DecodedValues {
    if len == 0 {
        return DecodedValues::Runs { ends: Vec::new().into(), values: values.slice(0, 0) };
    }
    let first = ends.partition_point(|end| *end as usize <= offset);
    let last = ends.partition_point(|end| (*end as usize) < offset + len);
    let last = last.min(ends.len().saturating_sub(1));
    let limit = offset + len;
    let within = |end: &u32| u32::try_from((*end as usize).min(limit) - offset).unwrap_or(u32::MAX);
    let count = last + 1 - first;
    DecodedValues::Runs {
        ends: ends.iter().skip(first).take(count).map(within).collect(),
        values: values.slice(first, count),
    }
}

/// The values of several parts of one type, one after the other.
pub fn join(parts: Vec<DecodedValues>, budget: &Budget) -> Result<DecodedValues> {
    fn fixed<T: Native>(
        parts: &[Values],
        slice: impl Fn(&Values) -> Option<&[T]>,
        budget: &Budget,
    ) -> Result<Values> {
        let mut out: Vec<T> = budget.vec("values", parts.iter().map(Values::len).sum())?;
        for part in parts {
            out.extend_from_slice(slice(part).ok_or_else(other_type)?);
        }
        Ok(T::wrap(out))
    }
    fn other_type() -> Error {
        Error::internal("parts of a column have different types")
    }
    let mut parts = parts;
    if parts.len() == 1
        && let Some(one) = parts.pop()
    {
        return Ok(one);
    }
    let parts: Vec<Values> =
        parts.into_iter().map(|part| part.into_flat(budget)).collect::<Result<_>>()?;
    macro_rules! of {
        ($variant:ident) => {
            fixed(
                &parts,
                |part| if let Values::$variant(v) = part { Some(v) } else { None },
                budget,
            )?
        };
    }
    let joined = match parts.first() {
        None => return Err(Error::corrupt("a page without rows refers to other columns")),
        Some(Values::I8(_)) => of!(I8),
        Some(Values::I16(_)) => of!(I16),
        Some(Values::I32(_)) => of!(I32),
        Some(Values::I64(_)) => of!(I64),
        Some(Values::I128(_)) => of!(I128),
        Some(Values::F32(_)) => of!(F32),
        Some(Values::F64(_)) => of!(F64),
        Some(Values::Bool(_)) => return Err(Error::corrupt("a page refers to booleans")),
        Some(Values::Bytes(_)) => {
            let (rows, bytes) = (
                parts.iter().map(Values::len).sum(),
                parts.iter().map(Values::byte_len).sum::<usize>(),
            );
            let mut out = BytesBuilder::new(rows, bytes as u64, budget)?;
            for part in &parts {
                let Values::Bytes(strings) = part else { return Err(other_type()) };
                strings.iter().for_each(|string| out.push(string));
            }
            out.finish()
        }
    };
    Ok(DecodedValues::Flat(joined))
}

/// Each `(index, count)` of `runs` gives `count` copies of value `index`; `len` copies in all.
pub(crate) fn repeat(
    values: &Values,
    runs: impl Iterator<Item = (usize, usize)> + Clone,
    len: usize,
    budget: &Budget,
) -> Result<Values> {
    fn fixed<T: Native>(
        values: &[T],
        runs: impl Iterator<Item = (usize, usize)>,
        len: usize,
        budget: &Budget,
    ) -> Result<Values> {
        let mut out: Vec<T> = budget.vec("values", len)?;
        if runs.size_hint().0 > len / (2 * SHORT_RUN) {
            out.resize(len, T::default());
            fill_short(values, runs, &mut out);
            return Ok(T::wrap(out));
        }
        for (index, count) in runs {
            let value = values.get(index).copied().unwrap_or_default();
            out.resize(out.len() + count, value);
        }
        Ok(T::wrap(out))
    }
    with_values!(values,
        fixed(v) => fixed(v, runs, len, budget),
        bool(v) => {
            budget.take("values", len.div_ceil(8) as u64)?;
            let mut out = BooleanBufferBuilder::new(len);
            for (index, count) in runs {
                out.append_n(count, index < v.len() && v.value(index));
            }
            Ok(Values::Bool(out.finish()))
        },
        bytes(v) => {
            let bytes = runs.clone().map(|(index, count)| (v.get(index).len() as u64).saturating_mul(count as u64));
            let mut out = BytesBuilder::new(len, bytes.fold(0, u64::saturating_add), budget)?;
            for (index, count) in runs {
                let string = v.get(index);
                for _ in 0..count {
                    out.push(string);
                }
            }
            Ok(out.finish())
        },
    )
}

/// Fills `out` with runs of which most are short: of each as many copies are written as fit a step, and the next run
/// overwrites what is too much.
fn fill_short<T: Native>(values: &[T], runs: impl Iterator<Item = (usize, usize)>, out: &mut [T]) {
    let mut rest = out;
    for (index, count) in runs {
        let value = values.get(index).copied().unwrap_or_default();
        match rest.first_chunk_mut::<SHORT_RUN>() {
            Some(step) if count <= SHORT_RUN => *step = [value; SHORT_RUN],
            _ => rest.iter_mut().take(count).for_each(|slot| *slot = value),
        }
        rest = rest.split_at_mut_checked(count).map_or(&mut [], |(_, rest)| rest);
    }
}

/// `values` with others in some rows, which lie inside and ascend.
pub(crate) fn replaced(
    values: &Values,
    others: &Values,
    rows: &[i32],
    budget: &Budget,
) -> Result<Values> {
    fn fixed<T: Native>(
        values: &[T],
        others: &Values,
        rows: &[i32],
        budget: &Budget,
    ) -> Result<Values> {
        let mut out: Vec<T> = budget.vec("values", values.len())?;
        out.extend_from_slice(values);
        for (at, row) in rows.iter().enumerate() {
            if let Some(slot) = out.get_mut(row.cast_unsigned() as usize) {
                *slot = T::first_of(&others.slice(at, 1));
            }
        }
        Ok(T::wrap(out))
    }
    with_values!(values,
        fixed(v) => fixed(v, others, rows, budget),
        bool(_v) => Err(Error::corrupt("exceptions among booleans")),
        bytes(v) => {
            let Values::Bytes(others) = others else {
                return Err(Error::corrupt("exceptions of another type"));
            };
            let bytes = v.byte_len() as u64 + others.byte_len() as u64;
            let mut out = BytesBuilder::new(v.len(), bytes, budget)?;
            let mut exceptions = rows.iter().enumerate().peekable();
            for row in 0..v.len() {
                match exceptions.next_if(|(_, next)| next.cast_unsigned() as usize == row) {
                    Some((at, _)) => out.push(others.get(at)),
                    None => out.push(v.get(row)),
                }
            }
            Ok(out.finish())
        },
    )
}

/// Byte strings with all memory reserved and paid before the first.
pub(crate) struct BytesBuilder {
    pub(crate) offsets: Vec<i32>,
    pub(crate) data: Vec<u8>,
}

impl BytesBuilder {
    pub(crate) fn new(len: usize, bytes: u64, budget: &Budget) -> Result<Self> {
        let limit = i32::MAX.unsigned_abs();
        let bytes = usize::try_from(bytes)
            .ok()
            .filter(|bytes| *bytes <= limit as usize)
            .ok_or_else(|| Error::limit_exceeded("bytes of a page", bytes, u64::from(limit)))?;
        let mut offsets = budget.vec("offsets", len.saturating_add(1))?;
        offsets.push(0);
        Ok(Self { offsets, data: budget.vec("bytes", bytes)? })
    }

    #[inline]
    pub(crate) fn push(&mut self, string: &[u8]) {
        self.data.extend_from_slice(string);
        // `new` checked that all strings together fit.
        self.offsets.push(i32::try_from(self.data.len()).unwrap_or(i32::MAX));
    }

    pub(crate) fn finish(self) -> Values {
        Values::Bytes(ByteValues {
            offsets: OffsetBuffer::new(self.offsets.into()),
            data: Buffer::from_vec(self.data),
        })
    }
}

/// `Corrupt` unless every string is UTF-8.
pub(crate) fn check_utf8(values: &Values) -> Result<()> {
    match values {
        Values::Bytes(strings) if !is_utf8(strings) => Err(Error::corrupt(
            "a string is not UTF-8; the column should be binary or the file is damaged",
        )),
        _ => Ok(()),
    }
}

/// Whether every string is UTF-8.
pub(crate) fn is_utf8(strings: &ByteValues) -> bool {
    let offsets: &[i32] = &strings.offsets;
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return true;
    };
    let start = first.cast_unsigned() as usize;
    let bytes = strings.data.get(start..last.cast_unsigned() as usize).unwrap_or(&[]);
    // One pass over all bytes, then only the cuts between strings: a cut inside a character is an error too.
    let whole = |text: &str| {
        let at = |offset: &i32| text.is_char_boundary((offset - first).cast_unsigned() as usize);
        offsets.iter().all(at)
    };
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok_and(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_every_length_are_repeated() {
        // Short and long ones by turns, and one of each at the end.
        for longest in [1, 2, 7, 8, 9, 16, 17, 40_u32] {
            for runs in [0, 1, 2, 50, 51_u32] {
                let counts: Vec<u32> = (0..runs).map(|run| 1 + run * 5 % longest).collect();
                let mut end = 0;
                let ends = counts.iter().map(|count| {
                    end += count;
                    end
                });
                let ends: ScalarBuffer<u32> = ends.collect();
                let numbers: Vec<i32> = (0..).map(|run| run * 3 - 5).take(counts.len()).collect();
                let each = counts.iter().zip(&numbers);
                let expected: ScalarBuffer<i32> =
                    each.flat_map(|(count, value)| vec![*value; *count as usize]).collect();
                let decoded = DecodedValues::Runs { ends, values: Values::I32(numbers.into()) };
                let flat = decoded.into_flat(&Budget::new(1 << 20)).unwrap();
                assert_eq!(flat, Values::I32(expected));
            }
        }
    }
}
