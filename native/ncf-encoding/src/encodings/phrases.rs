//! Words that often follow one another, as words of their own: fewer numbers to store and to look up.
//!
//! Phrases are the paths of a tree: from a word or a shorter phrase, by one more word, to a phrase. Strings are read from
//! the left and take the longest phrase each time, as LZ78 does (J. Ziv, A. Lempel: Compression of individual sequences
//! via variable-rate coding, 1978), but the tree is made beforehand, of what pays on a sample.

use std::cmp::Reverse;

use super::hash_table::HashTable;

/// Stands between words that do not follow one another.
pub(super) const BREAK: u32 = u32::MAX;

/// Times that the sample is read, each time with longer phrases.
const ROUNDS: usize = 2;
/// Times that a pair must be met in the sample.
const MIN_COUNT: u32 = 8;
/// Bits of the fraction of logarithms.
const FRACTION: u32 = 8;
/// One bit of information.
pub(super) const BIT: i64 = 1 << FRACTION;
/// Least information that two words tell of each other: logarithms are not exact.
const MIN_INFORMATION: i64 = BIT / 4;
/// Bits that a word costs besides its bytes.
const WORD_BITS: u64 = 16;

/// How many phrases there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Of phrases.
    pub(super) count: usize,
    /// Of their bytes together.
    pub(super) bytes: usize,
}

/// Words by their places, and phrases after them.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    words: u32,
    /// Of each phrase what it goes on from, and the word that it adds.
    steps: Vec<(u32, u32)>,
    table: HashTable,
    /// Of each word and phrase whether a phrase goes on from it, and of each word whether one ends with it: most pairs
    /// need not be looked up.
    ends: Vec<[bool; 2]>,
}

impl Phrases {
    /// The phrases that pay among strings of which `sample` is one in `scale`: words, and [`BREAK`]s after each string and
    /// around what is no word. `lengths` are those of all words, in bytes.
    pub(super) fn of(sample: &[u32], scale: u64, lengths: &[u32], mut room: Room) -> Self {
        let words = u32::try_from(lengths.len()).unwrap_or(BREAK);
        let mut out = Self { words, ..Self::default() };
        let mut lengths = lengths.to_vec();
        for _ in 0..ROUNDS {
            let found = Pairs::of(sample, &out).paying(scale, &lengths);
            for (from, word) in found {
                let part = |of: u32| lengths.get(of as usize).copied().unwrap_or(0);
                let length = part(from) + part(word);
                if room.count == 0 || room.bytes < length as usize {
                    return out;
                }
                room.count -= 1;
                room.bytes -= length as usize;
                lengths.push(length);
                out.add((from, word));
            }
        }
        out
    }

    /// Adds a phrase that there is not yet: what follows a word or phrase does not make it longer.
    fn add(&mut self, step: (u32, u32)) {
        self.table.code(hash(step), |_| false);
        self.steps.push(step);
        let places = self.words as usize + self.steps.len();
        self.ends.resize(places, [false; 2]);
        if let Some([goes_on, _]) = self.ends.get_mut(step.0 as usize) {
            *goes_on = true;
        }
        if let Some([_, ends]) = self.ends.get_mut(step.1 as usize) {
            *ends = true;
        }
    }

    /// The phrase that goes on from a word or phrase with a word.
    #[inline]
    pub(super) fn extended(&self, from: u32, word: u32) -> Option<u32> {
        let step = (from, word);
        let known = |place: u32, which: usize| {
            self.ends.get(place as usize).and_then(|ends| ends.get(which)) == Some(&true)
        };
        if !(known(from, 0) && known(word, 1)) {
            return None;
        }
        let at = self.table.find(hash(step), |at| self.steps.get(at as usize) == Some(&step))?;
        Some(self.words + at)
    }

    /// What each phrase goes on from, and the word that it adds; the first has the place after the last word.
    pub(super) fn steps(&self) -> &[(u32, u32)] {
        &self.steps
    }

    /// How often each word and each phrase stands in the sample.
    pub(super) fn counts(&self, sample: &[u32]) -> Vec<u32> {
        let mut counts = vec![0u32; self.words as usize + self.steps.len()];
        self.parse(sample, |place, _| {
            if let Some(count) = counts.get_mut(place as usize) {
                *count += 1;
            }
        });
        counts
    }

    /// Calls `each` with every word or phrase, and the first word of what follows, a [`BREAK`] where nothing does.
    fn parse(&self, sample: &[u32], mut each: impl FnMut(u32, u32)) {
        let mut last = BREAK;
        for word in sample {
            match (last, *word) {
                (BREAK, word) => last = word,
                (place, word) => match self.extended(place, word).filter(|_| word != BREAK) {
                    Some(longer) => last = longer,
                    None => {
                        each(place, word);
                        last = word;
                    }
                },
            }
        }
    }
}

/// What follows what in a sample.
struct Pairs {
    /// Number of words and phrases in all.
    all: u64,
    /// Of each word and phrase.
    counts: Vec<u32>,
    /// How often each word begins what follows.
    follows: Vec<u32>,
    pairs: Vec<((u32, u32), u32)>,
}

impl Pairs {
    fn of(sample: &[u32], phrases: &Phrases) -> Self {
        let words = phrases.words as usize;
        let mut out = Self {
            all: 0,
            counts: vec![0; words + phrases.steps.len()],
            follows: vec![0; words],
            pairs: Vec::new(),
        };
        let mut table = HashTable::default();
        phrases.parse(sample, |place, next| {
            out.all += 1;
            if let Some(count) = out.counts.get_mut(place as usize) {
                *count += 1;
            }
            let Some(follows) = out.follows.get_mut(next as usize) else { return };
            *follows += 1;
            let pair = (place, next);
            let same = |at: u32| out.pairs.get(at as usize).is_some_and(|(have, _)| *have == pair);
            let Some(at) = table.code(hash(pair), same) else { return };
            match out.pairs.get_mut(at as usize) {
                Some((_, count)) => *count += 1,
                None => out.pairs.push((pair, 1)),
            }
        });
        out
    }

    /// The pairs that save more bits than the bytes of a phrase have, those that save most first.
    fn paying(&self, scale: u64, lengths: &[u32]) -> Vec<(u32, u32)> {
        let count = |of: &[u32], place: u32| of.get(place as usize).copied().unwrap_or(0);
        let mut found: Vec<(u64, (u32, u32))> = Vec::new();
        for (pair, times) in self.pairs.iter().filter(|(_, times)| *times >= MIN_COUNT) {
            let (first, second) = (count(&self.counts, pair.0), count(&self.follows, pair.1));
            let apart = logarithm(first.into()) + logarithm(second.into());
            let information = logarithm((*times).into()) + logarithm(self.all) - apart;
            if information < MIN_INFORMATION {
                continue;
            }
            let saved = (u64::from(*times) * scale).saturating_mul(information.cast_unsigned());
            let length = u64::from(count(lengths, pair.0)) + u64::from(count(lengths, pair.1));
            if saved >> FRACTION > 8 * length + WORD_BITS {
                found.push((saved, *pair));
            }
        }
        found.sort_unstable_by_key(|(saved, pair)| (Reverse(*saved), *pair));
        found.into_iter().map(|(_, pair)| pair).collect()
    }
}

/// The binary logarithm with a fraction of [`FRACTION`] bits, at most 0.09 too small: integers give the same everywhere.
pub(super) fn logarithm(number: u64) -> i64 {
    let Some(whole) = number.checked_ilog2() else { return 0 };
    let fraction = (u128::from(number) << FRACTION >> whole) - (1 << FRACTION);
    i64::from(whole << FRACTION) + i64::try_from(fraction).unwrap_or(0)
}

fn hash((from, word): (u32, u32)) -> u64 {
    super::dictionary::hash_bits((u64::from(from) << 32 | u64::from(word)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strings of words, each with a break after it.
    fn sample(strings: &[&[u32]], times: usize) -> Vec<u32> {
        let one: Vec<u32> =
            strings.iter().flat_map(|string| string.iter().copied().chain([BREAK])).collect();
        one.repeat(times)
    }

    fn parsed(phrases: &Phrases, words: &[u32]) -> Vec<u32> {
        let mut out = Vec::new();
        phrases.parse(&sample(&[words], 1), |place, _| out.push(place));
        out
    }

    #[test]
    fn words_that_follow_one_another_become_phrases() {
        // 0 1 always together, then 2 more often than not; 3 and 4 stand anywhere.
        let strings: [&[u32]; 6] =
            [&[0, 1, 2], &[0, 1, 2, 3], &[3, 0, 1, 2], &[4, 0, 1], &[4, 3], &[3, 4, 0, 1, 2]];
        let room = Room { count: 100, bytes: 1000 };
        let all = sample(&strings, 50);
        let phrases = Phrases::of(&all, 1, &[5; 5], room);
        assert_eq!(phrases.steps()[0], (0, 1));
        assert!(phrases.steps().contains(&(5, 2)), "{:?}", phrases.steps());
        let longer = phrases.extended(5, 2).unwrap();
        assert_eq!(parsed(&phrases, &[3, 0, 1, 2, 1, 0, 1]), [3, longer, 1, 5]);
        let counts = phrases.counts(&all);
        assert!(counts[0] == 0 && counts[1] == 0 && counts[longer as usize] > 100, "{counts:?}");
        let little = Phrases::of(&all, 1, &[5; 5], Room { count: 1, bytes: 1000 });
        assert_eq!(little.steps(), [(0, 1)]);
        assert!(Phrases::of(&all, 1, &[5; 5], Room { count: 9, bytes: 9 }).steps().is_empty());
    }

    #[test]
    fn words_that_tell_nothing_of_each_other_stay_alone() {
        let mut noise = 1u64;
        let random: Vec<u32> = (0..60_000)
            .map(|row| {
                noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                if row % 6 == 5 { BREAK } else { u32::try_from(noise >> 61).unwrap() }
            })
            .collect();
        let room = Room { count: 1000, bytes: 10_000 };
        assert!(Phrases::of(&random, 20, &[6; 8], room).steps().is_empty());
        assert!(Phrases::of(&[], 1, &[], room).steps().is_empty());
    }

    #[test]
    fn logarithms_are_close() {
        for number in [1u64, 2, 3, 1000, 12_345, u64::MAX] {
            let exact = (number as f64).log2() * 256.0;
            let close = logarithm(number) as f64;
            assert!(close <= exact + 0.5 && exact - close < 0.09 * 256.0 + 1.0, "{number}");
        }
        assert_eq!(logarithm(0), 0);
    }
}
