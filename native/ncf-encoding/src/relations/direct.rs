//! The candidates of a map with one key whose integers lie close together, one load away from the key.

use ncf_core::{Budget, Result};

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
    /// The table of the keys from `min` on, whose entries `slots` has; `None` where most of it would be empty.
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
        let mut codes = budget.vec("candidates of keys", size)?;
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
