//! Whether the rows of a chunk are in order, vector by vector: what an index is learned from.

use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::Values;

use super::VECTOR_ROWS;
use super::key::{code_f32, code_f64, code_i64, cut};

/// The order of a chunk's rows: least and greatest key of each vector, and whether its rows ascend or descend.
/// Null rows are left out.
#[derive(Debug, Clone)]
pub struct ChunkOrder(pub(super) Keys);

/// By what keys of the type can be compared with.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    Codes(Vec<Vector<u64>>),
    Wide(Vec<Vector<i128>>),
    Text(Vec<Vector<Vec<u8>>>),
}

/// The keys of a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vector<K> {
    /// Least and greatest; none in a vector of nulls.
    pub(super) bounds: Option<(K, K)>,
    /// Whether no row is below one before it.
    pub(super) ascends: bool,
    /// Whether no row is above one before it.
    pub(super) descends: bool,
}

/// So many vectors out of order end the search of a column, beside one in [`DISORDER`].
const DISORDERLY: usize = 4;
const DISORDER: usize = 16;

impl ChunkOrder {
    /// The order of a chunk; `None` where too few vectors have one, or the type has no key map. `validity` is
    /// true where a row is not null.
    pub fn of(values: &Values, validity: Option<&BooleanBuffer>) -> Option<Self> {
        Self::with(values, validity, DISORDERLY)
    }

    /// As [`ChunkOrder::of`], with `most` vectors out of order beside the share that may be.
    pub(super) fn with(
        values: &Values,
        validity: Option<&BooleanBuffer>,
        most: usize,
    ) -> Option<Self> {
        let keys = match values {
            Values::Bool(_) => return None,
            Values::I8(v) => Keys::Codes(numbers(v, validity, most, |v| code_i64(v.into()))?),
            Values::I16(v) => Keys::Codes(numbers(v, validity, most, |v| code_i64(v.into()))?),
            Values::I32(v) => Keys::Codes(numbers(v, validity, most, |v| code_i64(v.into()))?),
            Values::I64(v) => Keys::Codes(numbers(v, validity, most, code_i64)?),
            Values::F32(v) => Keys::Codes(numbers(v, validity, most, code_f32)?),
            Values::F64(v) => Keys::Codes(numbers(v, validity, most, code_f64)?),
            Values::I128(v) => Keys::Wide(numbers(v, validity, most, |v| v)?),
            Values::Bytes(v) => {
                let valid = |row: &usize| validity.is_none_or(|validity| validity.value(*row));
                let found = vectors(v.len(), most, |rows| {
                    vector(rows.filter(valid).map(|row| v.get(row)))
                })?;
                let own = |vector: Vector<&[u8]>| Vector {
                    bounds: vector.bounds.map(|(a, b)| (cut(a).to_vec(), cut(b).to_vec())),
                    ascends: vector.ascends,
                    descends: vector.descends,
                };
                Keys::Text(found.into_iter().map(own).collect())
            }
        };
        Some(Self(keys))
    }

    /// Whether the rows of a vector are in order, one way or the other: then the first and the last of those that are
    /// not null are its least and its greatest. NaN is above all.
    pub fn is_ordered(&self, vector: usize) -> bool {
        fn ordered<K>(vectors: &[Vector<K>], at: usize) -> bool {
            vectors.get(at).is_some_and(|vector| vector.ascends || vector.descends)
        }
        match &self.0 {
            Keys::Codes(vectors) => ordered(vectors, vector),
            Keys::Wide(vectors) => ordered(vectors, vector),
            Keys::Text(vectors) => ordered(vectors, vector),
        }
    }
}

/// The vectors of numbers, whose keys `key` gives.
fn numbers<T: Copy + PartialOrd, K: Ord + Copy>(
    values: &[T],
    validity: Option<&BooleanBuffer>,
    most: usize,
    key: impl Fn(T) -> K,
) -> Option<Vec<Vector<K>>> {
    let valid = |row: &usize| validity.is_none_or(|validity| validity.value(*row));
    vectors(values.len(), most, |rows| {
        let own = values.get(rows.clone()).unwrap_or_default();
        let (Some(first), Some(last), None) = (own.first(), own.last(), validity) else {
            let all = rows.filter(valid).filter_map(|row| values.get(row).copied());
            return vector(all.map(&key));
        };
        // Without a branch a row. NaN is in no order with others: then keys tell.
        let pairs = || own.iter().zip(own.get(1..).unwrap_or_default());
        let ascends = pairs().fold(true, |all, (a, b)| all & (a <= b));
        let constant = ascends && first == last;
        let descends = constant || (!ascends && pairs().fold(true, |all, (a, b)| all & (a >= b)));
        let bounds = match (ascends, descends) {
            (true, _) => Some((key(*first), key(*last))),
            (false, true) => Some((key(*last), key(*first))),
            (false, false) => return vector(own.iter().copied().map(&key)),
        };
        Vector { bounds, ascends, descends }
    })
}

/// The vectors of so many rows; `None` where too many are in no order.
fn vectors<K>(
    rows: usize,
    most: usize,
    vector: impl Fn(Range<usize>) -> Vector<K>,
) -> Option<Vec<Vector<K>>> {
    let mut found = Vec::with_capacity(rows.div_ceil(VECTOR_ROWS));
    let mut disorderly = 0;
    for start in (0..rows).step_by(VECTOR_ROWS) {
        let vector = vector(start..rows.min(start + VECTOR_ROWS));
        disorderly += usize::from(!vector.ascends && !vector.descends);
        found.push(vector);
        if disorderly > most.saturating_add(found.len() / DISORDER) {
            return None;
        }
    }
    Some(found)
}

fn vector<K: Ord + Copy>(keys: impl Iterator<Item = K> + Clone) -> Vector<K> {
    let mut found = Vector { bounds: None, ascends: true, descends: true };
    let mut rest = keys.clone();
    let Some(first) = rest.next() else { return found };
    let mut last = first;
    for key in rest {
        found.ascends &= last <= key;
        found.descends &= last >= key;
        last = key;
    }
    found.bounds = match (found.ascends, found.descends) {
        (true, _) => Some((first, last)),
        (false, true) => Some((last, first)),
        (false, false) => keys.clone().min().zip(keys.max()),
    };
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: Vec<i64>, validity: Option<Vec<bool>>) -> Option<Vec<Vector<u64>>> {
        let validity = validity.map(BooleanBuffer::from);
        match ChunkOrder::of(&Values::I64(values.into()), validity.as_ref())?.0 {
            Keys::Codes(found) => Some(found),
            _ => None,
        }
    }

    #[test]
    fn order_is_that_of_rows_that_are_not_null() {
        let mut values: Vec<i64> = (0..3000).collect();
        values[1500] = -9;
        let found = of(values.clone(), None).unwrap();
        let ascends: Vec<_> = found.iter().map(|vector| vector.ascends).collect();
        assert_eq!(ascends, [true, false, true]);
        assert_eq!(found[1].bounds, Some((code_i64(-9), code_i64(2047))));
        let valid = (0..3000).map(|row| row != 1500 && row < 2048).collect();
        let found = of(values, Some(valid)).unwrap();
        assert!(found.iter().all(|vector| vector.ascends));
        assert_eq!(found[2].bounds, None);
    }

    #[test]
    fn ordered_vectors_are_known() {
        let mut values: Vec<i64> =
            (0..3000).map(|row| if row < 1024 { -row } else { row }).collect();
        values[1500] = -9;
        let order = ChunkOrder::of(&Values::I64(values.into()), None).unwrap();
        let found: Vec<bool> = (0..4).map(|vector| order.is_ordered(vector)).collect();
        assert_eq!(found, [true, false, true, false]);
    }

    #[test]
    fn disorder_ends_the_search() {
        assert!(of((0..100_000).map(|row| row * 7919 % 10_007).collect(), None).is_none());
        let descending = of((0..5000).rev().collect(), None).unwrap();
        assert!(descending.iter().all(|vector| vector.descends && !vector.ascends));
        assert!(ChunkOrder::of(&Values::Bool([true; 9].into_iter().collect()), None).is_none());
    }
}
