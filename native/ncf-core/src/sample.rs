//! A sample of rows: each row is taken or not, whoever reads it and however it is split.
//!
//! A row's number is a point between 0 and 1 that follows from the seed, the file's UUID and the row's
//! place in the file: a state that splitmix64 makes of the first two, and its output for the third. The
//! sample takes the points from `lower` up to but not including `upper`, in units of 2^-53. So samples
//! of one seed whose ranges do not meet have no row in common, and ranges that cover 0 to 1 cover all
//! rows.

use serde::{Deserialize, Serialize};

use crate::hash::hash_u64;

/// splitmix64's step: outputs of a state are hashes of its multiples.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Which rows of a dataset are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The first point that is taken.
    pub lower: u64,
    /// The first point above those.
    pub upper: u64,
    /// Samples of other seeds take other rows.
    pub seed: i64,
}

/// Which rows of one file are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSample {
    lower: u64,
    upper: u64,
    state: u64,
}

impl Sample {
    /// The sample's rows in the file of this UUID.
    pub fn of_file(&self, uuid: &str) -> FileSample {
        let state = uuid.as_bytes().chunks(8).fold(self.seed.cast_unsigned(), |state, chunk| {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            hash_u64(state ^ word)
        });
        FileSample { lower: self.lower, upper: self.upper, state }
    }
}

impl FileSample {
    /// Whether the sample has a row, counted from the file's first.
    #[inline]
    pub fn takes(&self, row: u64) -> bool {
        let point = hash_u64(self.state.wrapping_add(row.wrapping_mul(STEP))) >> 11;
        self.lower <= point && point < self.upper
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = 1 << 53;

    /// The rows of a range of percents.
    fn rows(lower: u64, upper: u64, seed: i64, uuid: &str) -> Vec<u64> {
        let point = |percent: u64| percent * ALL / 100;
        let sample = Sample { lower: point(lower), upper: point(upper), seed }.of_file(uuid);
        (0..100_000).filter(|row| sample.takes(*row)).collect()
    }

    #[test]
    fn shares_are_right_and_ranges_share_no_row() {
        let (first, second, third) =
            (rows(0, 10, 7, "file"), rows(10, 50, 7, "file"), rows(50, 100, 7, "file"));
        // Five standard deviations.
        assert!(first.len().abs_diff(10_000) < 475, "{}", first.len());
        assert!(second.len().abs_diff(40_000) < 775, "{}", second.len());
        let mut all: Vec<u64> = first.into_iter().chain(second).chain(third).collect();
        all.sort_unstable();
        assert_eq!(all, (0..100_000).collect::<Vec<_>>());
        assert_eq!(rows(30, 30, 7, "file"), [0_u64; 0]);
    }

    #[test]
    fn seeds_and_files_are_independent() {
        let one = rows(0, 10, 7, "file");
        assert_eq!(one, rows(0, 10, 7, "file"));
        for other in [rows(0, 10, 8, "file"), rows(0, 10, 7, "file of another name")] {
            let both = one.iter().filter(|row| other.binary_search(row).is_ok()).count();
            assert!(both.abs_diff(1000) < 160, "{both}");
        }
    }

    #[test]
    fn neighbours_are_independent() {
        let taken = rows(0, 50, 1, "file");
        let pairs = taken.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count();
        assert!(pairs.abs_diff(25_000) < 700, "{pairs}");
    }
}
