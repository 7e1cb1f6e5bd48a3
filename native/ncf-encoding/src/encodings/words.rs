//! Words (20): strings as numbers of words that the column chunk keeps in a shared page. What is no such word
//! stands beside the numbers as it is.

use std::sync::OnceLock;

use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::{Integer, column};
use super::stepped::{Output, STEP, padded};
use super::strings::{declared_bytes, optional_strings};
use crate::decoded::{DecodedValues, is_utf8};
use crate::id::EncodingId;
use crate::native::{Native, lengths_column};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Words of a chunk, at most.
pub(crate) const MAX_WORDS: usize = 1 << 20;
/// Bytes that decoding a page may take: a reader's budget for a page is larger.
const MAX_MEMORY: usize = 192 << 20;

/// See `docs/spec/encodings.md`, Words.
pub(crate) struct Words;

impl Encoding for Words {
    fn id(&self) -> EncodingId {
        EncodingId::WORDS
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bytes
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.words && statistics.len >= TELLING_VALUES && statistics.runs > 1
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        4.0
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let (Values::Bytes(strings), Some(vocabulary)) = (values, children.words()) else {
            return Ok(false);
        };
        let Some(spelled) = vocabulary.spell(strings) else {
            return Ok(false);
        };
        // Numbers of four bytes, and the literals beside the strings.
        if spelled.numbers.len() * 4 + 12 * strings.len() + 2 * strings.byte_len() > MAX_MEMORY {
            return Ok(false);
        }
        let sizes = (u32::try_from(strings.byte_len()), u32::try_from(spelled.numbers.len()));
        let (Ok(size), Ok(count)) = sizes else {
            return Ok(false);
        };
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        children.child(&lengths_column(spelled.counts), out)?;
        // The narrowest signed type keeps numbers non-negative for the child and cheap to decode.
        let highest = spelled.numbers.iter().copied().max().unwrap_or(0);
        let narrow = spelled.numbers.iter();
        let (bytes, numbers) = if highest <= i32::from(i8::MAX) {
            (1, i8::wrap(narrow.map(|n| i8::try_from(*n).unwrap_or(0)).collect()))
        } else if highest <= i32::from(i16::MAX) {
            (2, i16::wrap(narrow.map(|n| i16::try_from(*n).unwrap_or(0)).collect()))
        } else {
            (4, i32::wrap(spelled.numbers))
        };
        out.push(bytes);
        children.child(&numbers, out)?;
        if !spelled.literals.is_empty() {
            children.child(&Values::Bytes(spelled.literals.iter().collect()), out)?;
        }
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let Some(table) = context.shared.words() else {
            return Err(Error::corrupt("a page has numbers of words but its chunk has no words"));
        };
        let (size, count) = (declared_bytes(body)?, body.size()?);
        if count > size {
            return Err(Error::corrupt(format!("{count} words cannot spell {size} bytes")));
        }
        let counts = column::<i32>(body, len, context)?;
        check_counts(&counts, count)?;
        let strings = match body.u8()? {
            1 => spelled::<i8>(table, body, &counts, (count, size), context)?,
            2 => spelled::<i16>(table, body, &counts, (count, size), context)?,
            4 => spelled::<i32>(table, body, &counts, (count, size), context)?,
            other => return Err(Error::corrupt(format!("numbers of words of {other} bytes"))),
        };
        Ok(DecodedValues::Flat(Values::Bytes(strings)))
    }
}

/// `Corrupt` unless the counts add up to all numbers.
fn check_counts(counts: &[i32], all: usize) -> Result<()> {
    // A page's rows, of less than 2^32 each.
    let sum: u64 = counts.iter().map(|count| u64::from(count.cast_unsigned())).sum();
    if sum != all as u64 || counts.iter().any(|count| *count < 0) {
        return Err(Error::corrupt(format!("counts of words do not add up to {all}")));
    }
    Ok(())
}

/// Decodes numbers and literals and spells the strings of `size` bytes.
fn spelled<I: Integer + Into<i64>>(
    table: &WordTable,
    body: &mut Reader<'_>,
    counts: &[i32],
    (count, size): (usize, usize),
    context: &DecodeContext<'_>,
) -> Result<ByteValues> {
    let numbers = column::<I>(body, count, context)?;
    let literals = numbers.iter().filter(|number| **number == I::default()).count();
    let literals = optional_strings(body, literals, context)?;
    if context.wants_text() && table.is_text() && is_utf8(&literals) {
        context.prove_text();
    }
    Spelling { table, literals: &literals, next: 0 }.spell(&numbers, counts, size, context.budget)
}

/// Bytes of a word that is copied in one step: the last byte of a step tells how many there are.
const SHORT: usize = STEP - 1;
/// What stands there for a longer word; for literals it is 0.
const LONG: u8 = u8::MAX;
/// Words that are spelled at a time, before the strings end of which they are parts: where one ends is hard to foretell.
const AT_ONCE: usize = 256;

/// One word: its bytes, if these are few, padded with zeros, and how many there are. None lies in two cache lines.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Word([u8; STEP]);

impl Word {
    fn of(bytes: &[u8]) -> Self {
        let mut word = padded(bytes);
        if let Some(len) = word.last_mut() {
            *len = u8::try_from(bytes.len())
                .ok()
                .filter(|len| usize::from(*len) <= SHORT)
                .unwrap_or(LONG);
        }
        Self(word)
    }

    /// Its length, if it is short and no literal.
    #[inline]
    fn short_len(&self) -> Option<usize> {
        let [.., len] = self.0;
        let len = usize::from(len);
        (len.wrapping_sub(1) < SHORT).then_some(len)
    }
}

/// The words of a chunk by their numbers, from 1 on; 0 has no bytes.
#[derive(Debug)]
pub(crate) struct WordTable {
    words: Vec<Word>,
    all: ByteValues,
    /// Whether each word is UTF-8 by itself, found out at most once.
    text: OnceLock<bool>,
}

impl WordTable {
    /// Checks the values of a shared page.
    pub(crate) fn new(values: Values, budget: &Budget) -> Result<Self> {
        let Values::Bytes(all) = values else {
            return Err(Error::internal("words are not strings"));
        };
        if all.len() > MAX_WORDS {
            return Err(Error::corrupt(format!("a table of {} words", all.len())));
        }
        let mut words: Vec<Word> = budget.vec("words", all.len() + 1)?;
        words.push(Word::of(&[]));
        if all.iter().any(<[u8]>::is_empty) {
            return Err(Error::corrupt("a word has no bytes"));
        }
        words.extend(all.iter().map(Word::of));
        Ok(Self { words, all, text: OnceLock::new() })
    }

    /// Bytes that the table takes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        self.all.byte_len() + size_of_val(&*self.all.offsets) + size_of_val(&*self.words)
    }

    /// Whether every word is UTF-8 by itself: then so is what is put together of them.
    fn is_text(&self) -> bool {
        *self.text.get_or_init(|| is_utf8(&self.all))
    }
}

/// Puts strings together of words and literals.
struct Spelling<'a> {
    table: &'a WordTable,
    literals: &'a ByteValues,
    /// The next literal.
    next: usize,
}

impl Spelling<'_> {
    /// `counts` add up to the numbers.
    fn spell<I: Copy + Into<i64>>(
        mut self,
        numbers: &[I],
        counts: &[i32],
        size: usize,
        budget: &Budget,
    ) -> Result<ByteValues> {
        let mut out = Output::new(counts.len(), size, "words", budget)?;
        // How many words there are up to the end of each string.
        let mut words = 0;
        let ends = counts.iter().map(|count| {
            words += count.cast_unsigned() as usize;
            words
        });
        let mut ends = ends.peekable();
        let (mut before, mut end) = (0, 0);
        // Bytes before each of some words and after the last.
        let mut bytes = [0; AT_ONCE + 1];
        for numbers in numbers.chunks(AT_ONCE) {
            self.spell_some(numbers, &mut bytes, &mut out)?;
            let strings = std::iter::from_fn(|| ends.next_if(|end| end - before <= numbers.len()));
            for last in strings {
                end = bytes.get(last - before).copied().unwrap_or(0);
                out.end_at(end);
            }
            before += numbers.len();
        }
        ends.for_each(|_| out.end_at(end));
        out.finish()
    }

    /// Spells at most [`AT_ONCE`] words, and writes how many bytes there are before each of them and after the last.
    fn spell_some<I: Copy + Into<i64>>(
        &mut self,
        numbers: &[I],
        bytes: &mut [usize; AT_ONCE + 1],
        out: &mut Output,
    ) -> Result<()> {
        let (mut rest, mut slots) = (numbers, bytes.as_mut_slice());
        loop {
            let (room, at) = out.ready(rest.len())?;
            let (copied, end) = copy_short(&self.table.words, rest, (room, at), slots);
            out.advance(end - at);
            let Some((number, after)) = rest.get(copied..).and_then(<[I]>::split_first) else {
                return Ok(());
            };
            self.append(*number, out)?;
            rest = after;
            slots = slots.get_mut(copied + 1..).unwrap_or(&mut []);
        }
    }

    /// Writes any word or the next literal.
    fn append<I: Into<i64>>(&mut self, number: I, out: &mut Output) -> Result<()> {
        let place = place(number);
        let word = self.table.words.get(place).ok_or_else(no_word)?;
        let bytes: &[u8] = if place == 0 {
            self.next += 1;
            if self.next > self.literals.len() { &[] } else { self.literals.get(self.next - 1) }
        } else {
            self.table.all.get(place - 1)
        };
        if bytes.is_empty() {
            return Err(Error::corrupt("a literal between words has no bytes"));
        }
        match word.short_len() {
            Some(len) => out.push_head(&word.0, len),
            None => out.push(bytes),
        }
    }
}

/// Copies words up to the first that is long, a literal or none, or for which there is no room. Gives how many these are,
/// and how many bytes there are after them; `slots` get how many there are before each, and after the last.
#[inline]
fn copy_short<I: Copy + Into<i64>>(
    words: &[Word],
    numbers: &[I],
    (room, at): (&mut [u8], usize),
    slots: &mut [usize],
) -> (usize, usize) {
    let (mut room, mut at, mut copied) = (room, at, 0);
    let mut slots = slots.iter_mut();
    if let Some(slot) = slots.next() {
        *slot = at;
    }
    for (number, slot) in numbers.iter().zip(slots) {
        let Some(word) = words.get(place(*number)) else { break };
        let (Some(len), Some(step)) = (word.short_len(), room.first_chunk_mut::<STEP>()) else {
            break;
        };
        *step = word.0;
        room = room.split_at_mut_checked(len).map_or(&mut [], |(_, rest)| rest);
        at += len;
        *slot = at;
        copied += 1;
    }
    (copied, at)
}

/// Where the word of a number stands. A negative number becomes one that is too large.
#[inline]
fn place<I: Into<i64>>(number: I) -> usize {
    usize::try_from(number.into().cast_unsigned()).unwrap_or(usize::MAX)
}

#[cold]
fn no_word() -> Error {
    Error::corrupt("a number of a word that the chunk does not have")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_length_are_spelled_however_they_fill_steps() {
        let budget = || Budget::new(1 << 24);
        // Lengths about those of a step, so that short words and long ones stand side by side.
        let text: Vec<u8> = (0..200).collect();
        let words: Vec<&[u8]> = (1..=40).map(|len| &text[len..2 * len]).collect();
        let table = Values::Bytes(words.iter().collect());
        let table = WordTable::new(table, &budget()).unwrap();
        let literals = Values::Bytes([b"x".as_slice(), &text[..100]].iter().collect());
        let Values::Bytes(literals) = literals else { unreachable!() };
        for all in [0, 1, 255, 256, 257, 1000_usize] {
            let number = |at: usize| i32::try_from((at * 11 + at / 40) % 40 + 1).unwrap();
            let mut numbers: Vec<i32> = (0..all).map(number).collect();
            let places = if all > 2 { vec![1, all - 1] } else { vec![] };
            places.iter().for_each(|at| numbers[*at] = 0);
            // Strings without words at both ends, and where words are spelled at a time.
            let mut counts = vec![0, 0];
            let mut left = all;
            while left > 0 {
                let count = left.min((counts.len() * 7 + 1) % 130);
                counts.extend([i32::try_from(count).unwrap(), 0]);
                left -= count;
            }
            let (mut next, mut literal, mut expected) = (0, 0, Vec::new());
            for count in &counts {
                let mut string: Vec<u8> = Vec::new();
                for _ in 0..*count {
                    let place = usize::try_from(numbers[next]).unwrap();
                    literal += usize::from(place == 0);
                    string.extend(match place {
                        0 => literals.get(literal - 1),
                        place => words[place - 1],
                    });
                    next += 1;
                }
                expected.push(string);
            }
            let size = expected.iter().map(Vec::len).sum();
            let spell = |numbers: &[i32], size| {
                let spelling = Spelling { table: &table, literals: &literals, next: 0 };
                spelling.spell(numbers, &counts, size, &budget())
            };
            assert!(spell(&numbers, size).unwrap().iter().eq(&expected), "{all}");
            assert!(spell(&numbers, size + 1).is_err());
            if all > 0 {
                assert!(spell(&numbers, size - 1).is_err());
                for wrong in [41, -1, i32::MIN] {
                    numbers[0] = wrong;
                    assert!(spell(&numbers, size).is_err());
                }
            }
        }
    }
}
