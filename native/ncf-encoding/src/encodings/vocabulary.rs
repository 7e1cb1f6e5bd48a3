//! The words of a column chunk: where strings are cut, which pieces become words, and looking them up.

use std::cmp::Reverse;

use ncf_core::{ByteValues, Values};

use super::hash_table::HashTable;
use super::phrases::{BIT, BREAK, Phrases, Room, logarithm};
use super::pieces::{Cut, Piece};
use crate::select::sample::spread;

/// Strings that tell whether words can pay.
const SAMPLE: usize = 4096;
/// Strings whose words are counted, and the same where bytes count most.
const WORD_SAMPLE: usize = 1 << 16;
const THOROUGH_SAMPLE: usize = 1 << 18;
/// Strings of which phrases are learned, their bytes, about, and their pieces.
const PHRASE_SAMPLE: usize = 1 << 15;
const PHRASE_BYTES: usize = 8 << 20;
const PHRASE_PIECES: usize = 1 << 21;
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

/// The words of a chunk, and the phrases of these that are words as well.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    cut: Cut,
    /// Single words, the most frequent first.
    words: Vec<Vec<u8>>,
    /// The first bytes of each, and how many there are in all.
    heads: Vec<(u128, usize)>,
    table: HashTable,
    phrases: Phrases,
    /// The number of each word and phrase: the most frequent first, from 1 on.
    numbers: Vec<i32>,
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
    /// Words for the strings of a chunk, counted in a sample; `None` for other types and where a small sample promises
    /// nothing.
    pub(crate) fn promising(values: &Values, thorough: bool) -> Option<Self> {
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
        let rows = if thorough { THOROUGH_SAMPLE } else { WORD_SAMPLE };
        (promise < PROMISE / 100.0).then(|| Self::with_cut(strings, cut, rows))
    }

    /// Words for any strings.
    pub(crate) fn of(strings: &ByteValues) -> Self {
        Self::with_cut(strings, Cut::Spaces, strings.len())
    }

    /// Words that are counted in about so many rows.
    fn with_cut(strings: &ByteValues, cut: Cut, rows: usize) -> Self {
        let counted = Counted::of(strings, cut, spread(strings.len(), rows.max(1)));
        let mut order: Vec<(u32, Piece<'_>)> =
            counted.pieces().filter(|(count, _)| *count >= MIN_COUNT).collect();
        order.sort_unstable_by_key(|(count, piece)| (Reverse(*count), piece.bytes));
        let mut left = MAX_BYTES;
        let (mut words, mut heads, mut table) = (Vec::new(), Vec::new(), HashTable::default());
        for (_, piece) in order.into_iter().take(MAX_WORDS) {
            let Some(rest) = left.checked_sub(piece.bytes.len()) else { break };
            left = rest;
            words.push(piece.bytes.to_vec());
            heads.push((piece.head, piece.bytes.len()));
            table.code(piece.hash(), |_| false);
        }
        let overhead = 0.0;
        let (phrases, numbers) = (Phrases::default(), Vec::new());
        let mut out = Self { cut, words, heads, table, phrases, numbers, overhead };
        out.learn(strings, left);
        let bytes: usize = out.texts().iter().map(Vec::len).sum();
        out.overhead = bytes as f64 / strings.byte_len().max(1) as f64;
        out
    }

    /// Finds phrases, which may take `left` bytes, and numbers them and the words.
    fn learn(&mut self, strings: &ByteValues, left: usize) {
        let average = strings.byte_len() / strings.len().max(1) + 1;
        let rows = PHRASE_SAMPLE.min(PHRASE_BYTES / average).max(1);
        let mut sample = Vec::new();
        for row in spread(strings.len(), rows) {
            let pieces =
                self.cut.pieces(strings, row).take(PHRASE_PIECES.saturating_sub(sample.len()));
            sample.extend(pieces.map(|piece| self.word(&piece).unwrap_or(BREAK)));
            sample.push(BREAK);
        }
        let scale = strings.len().div_ceil(rows).max(1) as u64;
        let length = |word: &Vec<u8>| u32::try_from(word.len()).unwrap_or(u32::MAX);
        let lengths: Vec<u32> = self.words.iter().map(length).collect();
        let room = Room { count: MAX_WORDS - self.words.len(), bytes: left };
        self.phrases = Phrases::of(&sample, scale, &lengths, room);
        let counts = self.phrases.counts(&sample);
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|place| Reverse(counts.get(*place).copied()));
        self.numbers = vec![0; counts.len()];
        for (number, place) in (1..).zip(order) {
            if let Some(slot) = self.numbers.get_mut(place) {
                *slot = number;
            }
        }
    }

    /// The bytes of each word, then of each phrase.
    fn texts(&self) -> Vec<Vec<u8>> {
        let mut texts = self.words.clone();
        for (from, word) in self.phrases.steps() {
            let parts = [*from, *word].map(|part| texts.get(part as usize));
            let text = parts.into_iter().flatten().flatten().copied().collect();
            texts.push(text);
        }
        texts
    }

    /// About how many bytes the words take for each byte of strings.
    pub(crate) fn overhead(&self) -> f64 {
        self.overhead
    }

    /// The words and phrases in the order of their numbers.
    pub(crate) fn words(&self) -> Values {
        let texts = self.texts();
        let mut ordered: Vec<&[u8]> = vec![&[]; texts.len()];
        for (text, number) in texts.iter().zip(&self.numbers) {
            let place = usize::try_from(*number - 1).unwrap_or(usize::MAX);
            if let Some(slot) = ordered.get_mut(place) {
                *slot = text;
            }
        }
        Values::Bytes(ordered.into_iter().collect())
    }

    /// The strings as numbers; `None` when a count does not fit.
    pub(crate) fn spell<'a>(&self, strings: &'a ByteValues) -> Option<Spelled<'a>> {
        let mut out = Spelled::default();
        for (row, string) in strings.iter().enumerate() {
            let before = out.numbers.len();
            // Where the literal begins that is not at its end: pieces side by side are one.
            let (mut at, mut literal) = (0, None);
            let mut close = |from: &mut Option<usize>, to: usize| {
                let bytes = from.take().and_then(|from| string.get(from..to));
                out.literals.extend(bytes);
            };
            // The word or phrase that may still go on.
            let mut open = None;
            for piece in self.cut.pieces(strings, row) {
                let word = self.word(&piece);
                let longer =
                    open.zip(word).and_then(|(from, word)| self.phrases.extended(from, word));
                if longer.is_none() {
                    out.numbers
                        .extend(open.and_then(|place: u32| self.numbers.get(place as usize)));
                }
                match word {
                    Some(_) => close(&mut literal, at),
                    None if literal.is_none() => {
                        literal = Some(at);
                        out.numbers.push(0);
                    }
                    None => {}
                }
                open = longer.or(word);
                at += piece.bytes.len();
            }
            out.numbers.extend(open.and_then(|place| self.numbers.get(place as usize)));
            close(&mut literal, at);
            out.counts.push(i32::try_from(out.numbers.len() - before).ok()?);
        }
        Some(out)
    }

    /// The place of a piece that is a word.
    fn word(&self, piece: &Piece<'_>) -> Option<u32> {
        let same = |word: u32| {
            let at = word as usize;
            let long = || self.words.get(at).is_some_and(|word| word == piece.bytes);
            self.heads.get(at).is_some_and(|(head, len)| piece.is(*head, *len, long))
        };
        self.table.find(piece.hash(), same)
    }
}

/// Different pieces and how often each was met.
struct Counted<'a> {
    pieces: Vec<Piece<'a>>,
    counts: Vec<u32>,
}

impl<'a> Counted<'a> {
    /// Counts the pieces of some strings.
    fn of(strings: &'a ByteValues, cut: Cut, rows: impl Iterator<Item = usize>) -> Self {
        let mut out = Self { pieces: Vec::new(), counts: Vec::new() };
        let mut table = HashTable::default();
        for row in rows {
            for piece in cut.pieces(strings, row) {
                let hash = piece.hash();
                let same = |code: u32| {
                    let known = out.pieces.get(code as usize);
                    known.is_some_and(|known| piece.same(known))
                };
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

    fn pieces(&self) -> impl Iterator<Item = (u32, Piece<'a>)> {
        self.counts.iter().copied().zip(self.pieces.iter().copied())
    }
}

/// The share of the bytes that words would need, by a sample: numbers as long as their frequency allows,
/// literals as they are.
fn promise(strings: &ByteValues, cut: Cut) -> f64 {
    let counted = Counted::of(strings, cut, spread(strings.len(), SAMPLE));
    let all: u64 = counted.pieces().map(|(count, _)| u64::from(count)).sum();
    let byte = 8 * BIT;
    let (mut bits, mut raw) = (0i64, 0i64);
    for (count, piece) in counted.pieces() {
        let (times, len) = (i64::from(count), i64::try_from(piece.bytes.len()).unwrap_or(0));
        raw += times * len * byte;
        // A piece that the sample has once may be a word of the chunk, which then is longer than its number.
        bits += match count {
            0 | 1 => len * byte,
            _ => times * (logarithm(all) - logarithm(count.into())).max(BIT),
        };
    }
    bits as f64 / (raw as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

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
        assert_eq!(vocabulary.words(), Values::Bytes(["the "].iter().collect()));
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
        assert_eq!(Vocabulary::promising(&paths, true).unwrap().cut, Cut::Signs);
        let prose = |row: usize| format!("some word{} and other-word{}", row % 30, row % 7);
        let prose = Values::Bytes((0..5000).map(prose).collect());
        assert_eq!(Vocabulary::promising(&prose, false).unwrap().cut, Cut::Spaces);
        let noise = Values::Bytes(
            (0..5000u64).map(|row| xxh3_64(&row.to_le_bytes()).to_string()).collect(),
        );
        assert!(Vocabulary::promising(&noise, true).is_none());
    }
}
