//! What decoding gives: values that keep the outermost structure which predicates can use.

use std::sync::Arc;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, OffsetBuffer, ScalarBuffer};
use ncf_core::{Budget, ByteValues, Error, Result, Values};

use crate::encodings::stepped::padded;
use crate::native::{Native, with_values};
use crate::symbol_strings::SymbolStrings;

/// Distinct strings up to which short ones are gathered from copies of one length.
const SHORT_STRINGS: usize = 1 << 12;
/// Bytes of all rows up to which that is done: far from those that offsets can count.
const SHORT_BYTES: u64 = 1 << 30;

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

/// The values of the codes, which must be less than `values.len()`.
fn gather(values: &Values, codes: &[u32], budget: &Budget) -> Result<Values> {
    fn fixed<T: Native>(values: &[T], codes: &[u32], budget: &Budget) -> Result<Values> {
        let mut out: Vec<T> = budget.vec("values", codes.len())?;
        out.extend(
            codes.iter().map(|code| values.get(*code as usize).copied().unwrap_or_default()),
        );
        Ok(T::wrap(out))
    }
    with_values!(values,
        fixed(v) => fixed(v, codes, budget),
        bool(v) => Ok(Values::Bool(BooleanBuffer::collect_bool(codes.len(), |row| {
            codes.get(row).is_some_and(|code| (*code as usize) < v.len() && v.value(*code as usize))
        }))),
        bytes(v) => gather_bytes(v, codes, budget),
    )
}

fn gather_bytes(values: &ByteValues, codes: &[u32], budget: &Budget) -> Result<Values> {
    let starts: &[i32] = &values.offsets;
    let lengths: Vec<u32> = starts
        .windows(2)
        .map(|pair| pair.last().zip(pair.first()).map_or(0, |(b, a)| (b - a).cast_unsigned()))
        .collect();
    let bytes: u64 =
        codes.iter().map(|code| u64::from(lengths.get(*code as usize).copied().unwrap_or(0))).sum();
    let longest = lengths.iter().copied().max().unwrap_or(0) as usize;
    if longest == 1 && bytes == codes.len() as u64 && bytes <= SHORT_BYTES {
        return gather_bytes_of_one(values, codes, budget);
    }
    let few = values.len() <= SHORT_STRINGS.min(codes.len()) && bytes <= SHORT_BYTES;
    match longest {
        0..=8 if few => return gather_short::<8>(values, codes, bytes, budget),
        9..=16 if few => return gather_short::<16>(values, codes, bytes, budget),
        17..=32 if few => return gather_short::<32>(values, codes, bytes, budget),
        _ => {}
    }
    let mut out = BytesBuilder::new(codes.len(), bytes, budget)?;
    for code in codes {
        out.push(values.get(*code as usize));
    }
    Ok(out.finish())
}

/// Strings of one byte each: flags, mostly.
fn gather_bytes_of_one(values: &ByteValues, codes: &[u32], budget: &Budget) -> Result<Values> {
    let mut out = BytesBuilder::new(codes.len(), codes.len() as u64, budget)?;
    let bytes: Vec<u8> = values.iter().map(|string| string.first().copied().unwrap_or(0)).collect();
    out.data.extend(codes.iter().map(|code| bytes.get(*code as usize).copied().unwrap_or(0)));
    // At most `SHORT_BYTES`.
    out.offsets.extend((1..).take(codes.len()));
    Ok(out.finish())
}

/// Strings of at most `N` bytes: as many are copied of each, and the next string overwrites what is too much.
fn gather_short<const N: usize>(
    values: &ByteValues,
    codes: &[u32],
    bytes: u64,
    budget: &Budget,
) -> Result<Values> {
    let heads: Vec<([u8; N], usize)> =
        values.iter().map(|string| (padded(string), string.len())).collect();
    let mut out = BytesBuilder::new(codes.len(), bytes.saturating_add(N as u64), budget)?;
    out.data.resize(usize::try_from(bytes).unwrap_or(0) + N, 0);
    let (data, mut end) = (out.data.as_mut_slice(), 0);
    out.offsets.extend(codes.iter().map(|code| {
        if let Some((string, len)) = heads.get(*code as usize) {
            if let Some(to) = data.get_mut(end..end + N) {
                to.copy_from_slice(string);
            }
            end += len;
        }
        i32::try_from(end).unwrap_or(i32::MAX)
    }));
    out.data.truncate(end);
    Ok(out.finish())
}

/// Byte strings with all memory reserved and paid before the first.
struct BytesBuilder {
    offsets: Vec<i32>,
    data: Vec<u8>,
}

impl BytesBuilder {
    fn new(len: usize, bytes: u64, budget: &Budget) -> Result<Self> {
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
    fn push(&mut self, string: &[u8]) {
        self.data.extend_from_slice(string);
        // `new` checked that all strings together fit.
        self.offsets.push(i32::try_from(self.data.len()).unwrap_or(i32::MAX));
    }

    fn finish(self) -> Values {
        Values::Bytes(ByteValues {
            offsets: OffsetBuffer::new(self.offsets.into()),
            data: Buffer::from_vec(self.data),
        })
    }
}

/// `Corrupt` unless every string is UTF-8.
pub(crate) fn check_utf8(values: &Values) -> Result<()> {
    let Values::Bytes(strings) = values else {
        return Ok(());
    };
    let offsets: &[i32] = &strings.offsets;
    let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
        return Ok(());
    };
    let start = first.cast_unsigned() as usize;
    let bytes = strings.data.get(start..last.cast_unsigned() as usize).unwrap_or(&[]);
    if bytes.is_ascii() {
        return Ok(());
    }
    let bad = || {
        Error::corrupt("a string is not UTF-8; the column should be binary or the file is damaged")
    };
    // One pass over all bytes, then only the cuts between strings: a cut inside a character is an error too.
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    let whole = |offset: &i32| text.is_char_boundary((offset - first).cast_unsigned() as usize);
    if offsets.iter().all(whole) { Ok(()) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_one_byte_are_gathered() {
        let values: Arc<Values> = Arc::new(Values::Bytes(["", "a", "b"].iter().collect()));
        let of = |codes: Vec<u32>| {
            let coded =
                DecodedValues::Dictionary { codes: codes.into(), values: Arc::clone(&values) };
            coded.into_flat(&Budget::new(1 << 20)).unwrap()
        };
        assert_eq!(of(vec![1, 2, 1]), Values::Bytes(["a", "b", "a"].iter().collect()));
        assert_eq!(of(vec![1, 0, 1]), Values::Bytes(["a", "", "a"].iter().collect()));
        assert_eq!(of(vec![]), Values::Bytes(std::iter::empty::<&str>().collect()));
    }

    #[test]
    fn strings_of_every_length_are_gathered() {
        let budget = || Budget::new(1 << 20);
        for longest in 0..=40_u32 {
            let strings: Vec<Vec<u8>> = (0..=longest as usize)
                .map(|len| (1_u8..=40).rev().skip(40 - len).collect())
                .collect();
            let values = Arc::new(Values::Bytes(strings.iter().collect()));
            // Longer ones before shorter ones, the longest one last, and as few codes as there can be.
            for count in [0, 1, strings.len(), 500] {
                let codes: Vec<u32> =
                    (0_u32..).map(|row| row * 7 % (longest + 1)).take(count).collect();
                let expected = codes.iter().map(|code| &strings[*code as usize]).collect();
                let coded =
                    DecodedValues::Dictionary { codes: codes.into(), values: values.clone() };
                assert_eq!(coded.into_flat(&budget()).unwrap(), Values::Bytes(expected));
            }
        }
    }
}
