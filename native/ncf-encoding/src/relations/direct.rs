//! The candidates of a map with one key whose integers lie close together, one load away from the key.

use ncf_core::{Budget, ErrorKind, Result};

use super::key_index::NONE;
use super::map_table::candidates_of;
use crate::encodings::integers::Integer;

/// Room that is always taken, and how many times as much as there are candidates.
const SMALL: usize = 1 << 12;
const TIMES: usize = 4;

/// As many places for each integer from `min` on as the entry with the most candidates has.
#[derive(Debug)]
pub(crate) struct Direct {
    min: i64,
    width: usize,
    /// Numbers of values; [`NONE`] where a key has no candidate of that rank.
    codes: Vec<u32>,
}

impl Direct {
    /// The table of the keys from `min` on, whose entries `slots` has; `None` where most of it would be empty, or the
    /// budget is too small.
    pub(crate) fn new(
        min: i64,
        slots: &[u32],
        starts: &[u32],
        candidates: &[u32],
        budget: &Budget,
    ) -> Result<Option<Self>> {
        let counts = slots.iter().map(|entry| candidates_of(*entry, starts, candidates).len());
        let width = counts.max().unwrap_or(0).max(1);
        let size = slots.len().saturating_mul(width);
        if size > candidates.len().saturating_mul(TIMES).max(SMALL) {
            return Ok(None);
        }
        // Whoever has no memory for it finds the candidates without it.
        let mut codes = match budget.vec("candidates of keys", size) {
            Ok(codes) => codes,
            Err(error) if error.kind() == ErrorKind::LimitExceeded => return Ok(None),
            Err(error) => return Err(error),
        };
        for entry in slots {
            let end = codes.len() + width;
            codes.extend_from_slice(candidates_of(*entry, starts, candidates));
            codes.resize(end, NONE);
        }
        Ok(Some(Self { min, width, codes }))
    }

    /// Bytes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        size_of_val(self.codes.as_slice())
    }

    /// The first candidate of a key.
    #[inline]
    pub(crate) fn first<T: Integer>(&self, key: T) -> u32 {
        self.at(key, 0)
    }

    /// The candidate of a key with a rank.
    #[inline]
    pub(crate) fn ranked<T: Integer>(&self, key: T, rank: i32) -> u32 {
        let rank = rank.cast_unsigned() as usize;
        if rank < self.width { self.at(key, rank) } else { NONE }
    }

    #[inline]
    fn at<T: Integer>(&self, key: T, rank: usize) -> u32 {
        // Below `min` a key is far above all, and at most `2^64 · width` cannot come round to a place: it saturates.
        let slot = usize::try_from(key.low_i64().wrapping_sub(self.min).cast_unsigned());
        let at = slot.unwrap_or(usize::MAX).saturating_mul(self.width).saturating_add(rank);
        self.codes.get(at).copied().unwrap_or(NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_ranks_that_there_are_not_have_no_code() {
        // Keys 10 and 12; the first has one candidate, the second three.
        let (slots, starts, candidates) = ([0, NONE, 1], [0, 1, 4], [7, 3, 2, 1]);
        let of = |budget: u64| {
            Direct::new(10, &slots, &starts, &candidates, &Budget::new(budget)).unwrap()
        };
        let direct = of(1000).unwrap();
        assert_eq!([10i64, 11, 12].map(|key| direct.first(key)), [7, NONE, 3]);
        assert_eq!(
            [0, 1, 2, 3, -1, i32::MAX].map(|rank| direct.ranked(12i16, rank)),
            [3, 2, 1, NONE, NONE, NONE]
        );
        assert_eq!(direct.ranked(10i32, 1), NONE);
        for key in [9, 13, -1, i64::MIN, i64::MAX, i64::MIN + 10] {
            assert_eq!((direct.first(key), direct.ranked(key, 1)), (NONE, NONE), "{key}");
        }
        assert!(of(35).is_none(), "nine codes take 36 bytes");
        let sparse = vec![NONE; 5000];
        let none = Direct::new(0, &sparse, &[0, 1], &[0], &Budget::new(1 << 20)).unwrap();
        assert!(none.is_none());
    }
}
