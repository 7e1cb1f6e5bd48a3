//! The words of a column chunk: where strings are cut, which pieces become words, and looking them up.

use std::cmp::Reverse;

use ncf_core::{ByteValues, Values};
use xxhash_rust::xxh3::xxh3_64;

use super::hash_table::HashTable;
use crate::select::sample::spread;

/// Strings that tell whether words can pay.
const SAMPLE: usize = 4096;
/// Bytes of strings under which a chunk does not earn its words.
const MIN_CHUNK_BYTES: usize = 64 << 10;
/// Bytes of an average string under which there are no words in it.
const MIN_AVERAGE: usize = 6;
/// Different pieces of a chunk that are counted; those that come later stay literals.
const MAX_COUNTED: usize = 1 << 18;
/// Words of a chunk: their numbers fit 16 bits.
const MAX_WORDS: usize = i16::MAX as usize;
/// Bytes of all words of a chunk.
const MAX_BYTES: usize = 1 << 20;
/// Times that a piece must be met to become a word: rarer ones cost as much as literals.
const MIN_COUNT: u32 = 3;
/// Part of the bytes, in percent, that a sample must promise to come down to.
const PROMISE: f64 = 50.0;

/// Where strings are cut. A piece ends after the byte that cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// After each space: prose.
    Spaces,
    /// After each ASCII byte that is neither letter nor digit: paths, addresses, records.
    Signs,
}

impl Cut {
    fn after(self, byte: u8) -> bool {
        match self {
            Self::Spaces => byte == b' ',
            Self::Signs => byte.is_ascii() && !byte.is_ascii_alphanumeric(),
        }
    }

    fn pieces(self, string: &[u8]) -> impl Iterator<Item = &[u8]> {
        string.split_inclusive(move |byte| self.after(*byte))
    }
}

/// The words of a chunk, the most frequent first.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    cut: Cut,
    words: Vec<Vec<u8>>,
    table: HashTable,
    /// Bytes of the words for each byte of the strings.
    overhead: f64,
}

/// Strings as numbers: 0 = the next literal, else a word's place, counted from 1.
#[derive(Debug, Default)]
pub(crate) struct Spelled<'a> {
    /// Numbers of each string.
    pub(crate) counts: Vec<i32>,
    pub(crate) numbers: Vec<i32>,
    /// What no word stands for, in order; none is empty.
    pub(crate) literals: Vec<&'a [u8]>,
}

impl Vocabulary {
    /// Words for the strings of a chunk; `None` for other types and where a sample promises nothing.
    pub(crate) fn promising(values: &Values) -> Option<Self> {
        let Values::Bytes(strings) = values else {
            return None;
        };
        let bytes = strings.byte_len();
        if bytes < MIN_CHUNK_BYTES || bytes / MIN_AVERAGE < strings.len() {
            return None;
        }
        let [spaces, signs] = [Cut::Spaces, Cut::Signs].map(|cut| promise(strings, cut));
        let (cut, promise) =
            if signs < spaces { (Cut::Signs, signs) } else { (Cut::Spaces, spaces) };
        (promise < PROMISE / 100.0).then(|| Self::with_cut(strings, cut))
    }

    /// Words for any strings.
    pub(crate) fn of(strings: &ByteValues) -> Self {
        Self::with_cut(strings, Cut::Spaces)
    }

    fn with_cut(strings: &ByteValues, cut: Cut) -> Self {
        let counted = Counted::of(strings, cut, 0..strings.len());
        let mut order: Vec<(u32, &[u8])> =
            counted.pieces().filter(|(count, _)| *count >= MIN_COUNT).collect();
        order.sort_unstable_by_key(|(count, piece)| (Reverse(*count), *piece));
        let mut left = MAX_BYTES;
        let fitting = order.into_iter().take(MAX_WORDS).map_while(|(_, piece)| {
            left = left.checked_sub(piece.len())?;
            Some(piece.to_vec())
        });
        let words: Vec<Vec<u8>> = fitting.collect();
        let mut table = HashTable::default();
        for word in &words {
            table.code(xxh3_64(word), |_| false);
        }
        let overhead = (MAX_BYTES - left) as f64 / strings.byte_len().max(1) as f64;
        Self { cut, words, table, overhead }
    }

    /// About how many bytes the words take for each byte of strings.
    pub(crate) fn overhead(&self) -> f64 {
        self.overhead
    }

    /// The words in the order of their numbers.
    pub(crate) fn words(&self) -> Values {
        Values::Bytes(self.words.iter().collect())
    }

    /// The strings as numbers; `None` when a count does not fit.
    pub(crate) fn spell<'a>(&self, strings: &'a ByteValues) -> Option<Spelled<'a>> {
        let mut out = Spelled::default();
        for string in strings.iter() {
            let before = out.numbers.len();
            // Where the literal begins that is not at its end: pieces side by side are one.
            let (mut at, mut literal) = (0, None);
            let mut close = |from: &mut Option<usize>, to: usize| {
                let bytes = from.take().and_then(|from| string.get(from..to));
                out.literals.extend(bytes);
            };
            for piece in self.cut.pieces(string) {
                match self.number(piece) {
                    Some(number) => {
                        close(&mut literal, at);
                        out.numbers.push(number);
                    }
                    None if literal.is_none() => {
                        literal = Some(at);
                        out.numbers.push(0);
                    }
                    None => {}
                }
                at += piece.len();
            }
            close(&mut literal, at);
            out.counts.push(i32::try_from(out.numbers.len() - before).ok()?);
        }
        Some(out)
    }

    /// The number of a piece that is a word.
    fn number(&self, piece: &[u8]) -> Option<i32> {
        let same = |word: u32| self.words.get(word as usize).is_some_and(|have| have == piece);
        i32::try_from(self.table.find(xxh3_64(piece), same)?).ok()?.checked_add(1)
    }
}

/// Different pieces and how often each was met.
struct Counted<'a> {
    pieces: Vec<&'a [u8]>,
    counts: Vec<u32>,
}

impl<'a> Counted<'a> {
    /// Counts the pieces of some strings.
    fn of(strings: &'a ByteValues, cut: Cut, rows: impl Iterator<Item = usize>) -> Self {
        let mut out = Self { pieces: Vec::new(), counts: Vec::new() };
        let mut table = HashTable::default();
        for row in rows {
            for piece in cut.pieces(strings.get(row)) {
                let hash = xxh3_64(piece);
                let same = |code: u32| out.pieces.get(code as usize) == Some(&piece);
                let code = if out.pieces.len() < MAX_COUNTED {
                    table.code(hash, same)
                } else {
                    table.find(hash, same)
                };
                let Some(code) = code else { continue };
                if code as usize == out.pieces.len() {
                    out.pieces.push(piece);
                    out.counts.push(0);
                }
                if let Some(count) = out.counts.get_mut(code as usize) {
                    *count = count.saturating_add(1);
                }
            }
        }
        out
    }

    fn pieces(&self) -> impl Iterator<Item = (u32, &'a [u8])> {
        self.counts.iter().copied().zip(self.pieces.iter().copied())
    }
}

/// The share of the bytes that words would need, by a sample: numbers as long as their frequency allows,
/// literals as they are.
fn promise(strings: &ByteValues, cut: Cut) -> f64 {
    let counted = Counted::of(strings, cut, spread(strings.len(), SAMPLE));
    let all: f64 = counted.pieces().map(|(count, _)| f64::from(count)).sum();
    let (mut bits, mut raw) = (0.0, 0.0);
    for (count, piece) in counted.pieces() {
        let (count, len) = (f64::from(count), piece.len() as f64);
        raw += count * len * 8.0;
        // A piece that the sample has once may be a word of the chunk, which then is longer than its number.
        bits += if count < 2.0 { len * 8.0 } else { count * (all / count).log2().max(1.0) };
    }
    bits / f64::max(raw, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(strings: &[&str], vocabulary: &Vocabulary) -> (Vec<i32>, Vec<i32>, Vec<String>) {
        let strings: ByteValues = strings.iter().collect();
        let spelled = vocabulary.spell(&strings).unwrap();
        let text = |bytes: &&[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (spelled.counts, spelled.numbers, spelled.literals.iter().map(text).collect())
    }

    #[test]
    fn frequent_pieces_become_words_and_others_literals() {
        let strings = ["the cat the dog", "the cat sat", "the cat", "a bird in it the cat"];
        let vocabulary = Vocabulary::of(&strings.iter().collect());
        assert_eq!(vocabulary.words, [b"the ".to_vec()]);
        let (counts, numbers, literals) = spell(&strings, &vocabulary);
        assert_eq!(counts, [4, 2, 2, 3]);
        assert_eq!(numbers, [1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0]);
        assert_eq!(literals, ["cat ", "dog", "cat sat", "cat", "a bird in it ", "cat"]);
    }

    #[test]
    fn strings_without_bytes_have_no_pieces() {
        let (counts, numbers, literals) =
            spell(&["", ""], &Vocabulary::of(&[""; 9].iter().collect()));
        assert_eq!((counts, numbers, literals), (vec![0, 0], vec![], vec![]));
    }

    #[test]
    fn prose_is_cut_at_spaces_and_paths_at_signs() {
        let path = |row: usize| format!("/usr/share/doc/{}/{}/index.html", row % 1301, row % 71);
        let paths = Values::Bytes((0..5000).map(path).collect());
        assert_eq!(Vocabulary::promising(&paths).unwrap().cut, Cut::Signs);
        let prose = |row: usize| format!("some word{} and other-word{}", row % 30, row % 7);
        let prose = Values::Bytes((0..5000).map(prose).collect());
        assert_eq!(Vocabulary::promising(&prose).unwrap().cut, Cut::Spaces);
        let noise = Values::Bytes(
            (0..5000u64).map(|row| xxh3_64(&row.to_le_bytes()).to_string()).collect(),
        );
        assert!(Vocabulary::promising(&noise).is_none());
    }
}
