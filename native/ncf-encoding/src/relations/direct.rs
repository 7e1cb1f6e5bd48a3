//! The candidates of a map with one key whose integers lie close together, one load away from the key.

use ncf_core::{Budget, Result, ResultExt};

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
    codes: Codes,
}

/// Numbers of values; the greatest integer where a key has no candidate of that rank. Narrow ones where they can be:
/// rows come to them in any order, so what counts is how many fit into a cache.
#[derive(Debug)]
enum Codes {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
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
        let narrow = candidates.iter().all(|code| *code < u32::from(u16::MAX));
        // Whoever has no memory for it finds the candidates without it.
        let codes = match narrow {
            true => fill(slots, (starts, candidates), width, budget).map(Codes::Narrow),
            false => fill(slots, (starts, candidates), width, budget).map(Codes::Wide),
        };
        Ok(codes.within_limits()?.map(|codes| Self { min, width, codes }))
    }

    /// Bytes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        match &self.codes {
            Codes::Narrow(codes) => size_of_val(codes.as_slice()),
            Codes::Wide(codes) => size_of_val(codes.as_slice()),
        }
    }

    /// The first candidate of each key.
    pub(crate) fn first<T: Integer>(&self, keys: &[T], out: &mut Vec<u32>) {
        match &self.codes {
            Codes::Narrow(codes) => out.extend(keys.iter().map(|key| self.at(codes, *key, 0))),
            Codes::Wide(codes) => out.extend(keys.iter().map(|key| self.at(codes, *key, 0))),
        }
    }

    /// The candidate of each key with a rank.
    pub(crate) fn ranked<T: Integer>(&self, keys: &[T], ranks: &[i32], out: &mut Vec<u32>) {
        match &self.codes {
            Codes::Narrow(codes) => self.of_ranks(codes, keys, ranks, out),
            Codes::Wide(codes) => self.of_ranks(codes, keys, ranks, out),
        }
    }

    fn of_ranks<T: Integer, C: Code>(
        &self,
        codes: &[C],
        keys: &[T],
        ranks: &[i32],
        out: &mut Vec<u32>,
    ) {
        out.extend(keys.iter().zip(ranks).map(|(key, rank)| {
            let rank = rank.cast_unsigned() as usize;
            if rank < self.width { self.at(codes, *key, rank) } else { NONE }
        }));
    }

    #[inline]
    fn at<T: Integer, C: Code>(&self, codes: &[C], key: T, rank: usize) -> u32 {
        // Below `min` a key is far above all, and at most `2^64 · width` cannot come round to a place: it saturates.
        let slot = usize::try_from(key.low_i64().wrapping_sub(self.min).cast_unsigned());
        let at = slot.unwrap_or(usize::MAX).saturating_mul(self.width).saturating_add(rank);
        codes.get(at).map_or(NONE, |code| code.number())
    }
}

/// An integer that stands for the number of a value.
trait Code: Copy {
    /// What stands for none.
    const NONE: Self;

    fn of(number: u32) -> Self;

    fn number(self) -> u32;
}

impl Code for u16 {
    const NONE: Self = Self::MAX;

    fn of(number: u32) -> Self {
        Self::try_from(number).unwrap_or(Self::NONE)
    }

    #[inline]
    fn number(self) -> u32 {
        if self == Self::NONE { NONE } else { self.into() }
    }
}

impl Code for u32 {
    const NONE: Self = NONE;

    fn of(number: u32) -> Self {
        number
    }

    #[inline]
    fn number(self) -> u32 {
        self
    }
}

/// For each entry of `slots` as many codes as `width` says.
fn fill<C: Code>(
    slots: &[u32],
    (starts, candidates): (&[u32], &[u32]),
    width: usize,
    budget: &Budget,
) -> Result<Vec<C>> {
    let mut codes = budget.vec("candidates of keys", slots.len().saturating_mul(width))?;
    for entry in slots {
        let end = codes.len() + width;
        codes.extend(candidates_of(*entry, starts, candidates).iter().map(|code| C::of(*code)));
        codes.resize(end, C::NONE);
    }
    Ok(codes)
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
        let first = |keys: &[i64]| {
            let mut out = Vec::new();
            direct.first(keys, &mut out);
            out
        };
        let ranked = |key: i64, ranks: &[i32]| {
            let mut out = Vec::new();
            direct.ranked(&vec![key; ranks.len()], ranks, &mut out);
            out
        };
        assert_eq!(first(&[10, 11, 12]), [7, NONE, 3]);
        assert_eq!(ranked(12, &[0, 1, 2, 3, -1, i32::MAX]), [3, 2, 1, NONE, NONE, NONE]);
        assert_eq!(ranked(10, &[1]), [NONE]);
        for key in [9, 13, -1, i64::MIN, i64::MAX, i64::MIN + 10] {
            assert_eq!((first(&[key]), ranked(key, &[1])), (vec![NONE], vec![NONE]), "{key}");
        }
        assert!(of(17).is_none(), "nine codes take 18 bytes");
        // Codes that need more than 16 bits.
        for greatest in [65_534, 65_535, 65_536] {
            let direct = Direct::new(10, &slots, &starts, &[greatest, 3, 2, 1], &Budget::new(1000));
            let mut out = Vec::new();
            direct.unwrap().unwrap().first(&[10i8, 11, 12], &mut out);
            assert_eq!(out, [greatest, NONE, 3]);
        }
        let sparse = vec![NONE; 5000];
        let none = Direct::new(0, &sparse, &[0, 1], &[0], &Budget::new(1 << 20)).unwrap();
        assert!(none.is_none());
    }
}
