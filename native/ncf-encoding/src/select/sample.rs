//! Samples: whole vectors from every part of a page, so that local structure (runs, references, order)
//! survives and a page whose first rows mislead is still judged rightly.

use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::Values;

use crate::encodings::hash_table::HashTable;
use crate::native::{Native, concat, with_values};

/// Rows of one stratum's piece.
const PIECE: usize = 1024;
/// Pieces of a sample.
const PIECES: usize = 8;
/// Rows looked at to estimate how many values are distinct.
const DISTINCT_ROWS: usize = 1 << 16;

/// The rows of a sample: everything when that is little, else one vector from each of eight strata at a
/// place that a fixed hash chooses.
pub(crate) fn ranges(len: usize) -> Vec<Range<usize>> {
    pieces(len, PIECES, PIECE)
}

/// So many pieces of so many rows, one from each of as many strata, at a place that a fixed hash chooses: all rows where
/// they are no more.
pub(crate) fn pieces(len: usize, count: usize, rows: usize) -> Vec<Range<usize>> {
    if len <= rows * count {
        return std::iter::once(0..len).collect();
    }
    let stratum = len / count;
    let piece = |index: usize| {
        let hash = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let room = (stratum - rows + 1) as u64;
        let start = index * stratum + usize::try_from(hash % room).unwrap_or(0);
        start..start + rows
    };
    (0..count).map(piece).collect()
}

/// The sampled values.
pub(crate) fn take(values: &Values) -> Values {
    concat(values, &ranges(values.len()))
}

/// Which of the sampled values are valid.
pub(crate) fn take_validity(validity: &BooleanBuffer) -> BooleanBuffer {
    bits(validity, &ranges(validity.len()))
}

/// The bits of some rows.
pub(crate) fn bits(bits: &BooleanBuffer, ranges: &[Range<usize>]) -> BooleanBuffer {
    match concat(&Values::Bool(bits.clone()), ranges) {
        Values::Bool(bits) => bits,
        _ => BooleanBuffer::new_set(0),
    }
}

/// About `count` rows, one at a place that a fixed hash chooses in each of as many stretches: rows at even distances
/// would all be alike where the data has that period.
pub(crate) fn spread(len: usize, count: usize) -> impl Iterator<Item = usize> + Clone {
    let step = len.div_ceil(count).max(1);
    (0..len).step_by(step).map(move |start| {
        let hash = (start as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let room = step.min(len - start) as u64;
        start + usize::try_from(hash % room).unwrap_or(0)
    })
}

/// What a strided sample says about a dictionary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distinct {
    /// Share of sampled rows whose value had not been met before.
    pub(crate) share: f64,
    /// Whether codes would be narrower than the values' own range (always true for strings and floats).
    pub(crate) narrower: bool,
}

/// Counts distinct values among rows spread over the whole chunk.
pub(crate) fn distinct(values: &Values) -> Distinct {
    let step = values.len().div_ceil(DISTINCT_ROWS).max(1);
    let hashes: Vec<u64> = with_values!(values,
        fixed(v) => v.iter().step_by(step).map(|value| crate::encodings::dictionary::hash_bits(value.bits())).collect(),
        bool(v) => v.iter().step_by(step).map(u64::from).collect(),
        bytes(v) => (0..v.len()).step_by(step).map(|row| xxhash_rust::xxh3::xxh3_64(v.get(row))).collect(),
    );
    let rows = hashes.len().max(1);
    let count = count_distinct(&hashes);
    let code_bits = usize::BITS - count.saturating_sub(1).leading_zeros();
    let narrower = match super::statistics::range_of(values) {
        Some((min, max)) => {
            let span = max.wrapping_sub(min).cast_unsigned();
            code_bits < u128::BITS - span.leading_zeros()
        }
        None => true,
    };
    Distinct { share: super::cost::ratio(count, rows), narrower }
}

/// How many different hashes there are.
fn count_distinct(hashes: &[u64]) -> usize {
    let (mut table, mut distinct) = (HashTable::default(), Vec::new());
    let mut last = None;
    for hash in hashes.iter().filter(|hash| last.replace(**hash) != Some(**hash)) {
        let same = |code: u32| distinct.get(code as usize) == Some(hash);
        if table.code(*hash, same).is_some_and(|code| code as usize == distinct.len()) {
            distinct.push(*hash);
        }
    }
    distinct.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_whole_vectors_in_order_and_inside() {
        for len in [0, 1, 8192, 8193, 65536, 1 << 20] {
            let ranges = ranges(len);
            let mut end = 0;
            for range in &ranges {
                assert!(range.start >= end && range.end <= len);
                end = range.end;
            }
            let rows: usize = ranges.iter().map(ExactSizeIterator::len).sum();
            assert_eq!(rows, len.min(8192));
        }
    }

    #[test]
    fn counts_distinct_hashes() {
        let of = |hashes: &[u64]| count_distinct(hashes);
        assert_eq!((of(&[]), of(&[0, 0, 1, 0, 1 << 40, 1 << 40]), of(&[7])), (0, 3, 1));
        let many: Vec<u64> = (0..5000).map(|hash| (hash % 1777) << 30).collect();
        assert_eq!(of(&many), 1777);
    }

    #[test]
    fn counts_distinct_values() {
        let few = Values::I64((0..100_000).map(|row| row % 7 * 1_000_000).collect());
        assert!(distinct(&few).share < 0.001 && distinct(&few).narrower);
        let many = Values::I64((0..50_000).collect());
        assert!(distinct(&many).share > 0.99 && !distinct(&many).narrower);
    }
}
