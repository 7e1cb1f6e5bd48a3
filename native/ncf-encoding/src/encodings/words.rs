//! Words (20): strings as numbers of words that the column chunk keeps in a shared page. What is no such word
//! stands beside the numbers as it is.

use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::{Integer, column};
use super::stepped::{Output, STEP, padded};
use super::strings::{declared_bytes, optional_strings};
use crate::decoded::DecodedValues;
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
    Spelling { table, literals: &literals, next: 0 }.spell(&numbers, counts, size, context.budget)
}

/// One word: its first bytes, padded with zeros, where all of them stand, and how many there are.
#[derive(Debug, Clone, Copy)]
struct Word {
    head: [u8; STEP],
    start: u32,
    len: u32,
}

/// The words of a chunk by their numbers, from 1 on; 0 has no bytes.
#[derive(Debug)]
pub(crate) struct WordTable {
    words: Vec<Word>,
    all: ByteValues,
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
        words.push(Word { head: [0; STEP], start: 0, len: 0 });
        for (word, start) in all.iter().zip(all.offsets.iter()) {
            if word.is_empty() {
                return Err(Error::corrupt("a word has no bytes"));
            }
            let head = padded(word);
            // A column's bytes are at most 2^31 − 1.
            let len = u32::try_from(word.len()).unwrap_or(u32::MAX);
            words.push(Word { head, start: start.cast_unsigned(), len });
        }
        Ok(Self { words, all })
    }

    /// Bytes that the table takes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        self.all.byte_len() + size_of_val(&*self.all.offsets) + size_of_val(&*self.words)
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
        let mut rest = numbers;
        for count in counts {
            let (own, after) =
                rest.split_at_checked(count.cast_unsigned() as usize).unwrap_or((rest, &[]));
            rest = after;
            for number in own {
                // A negative number becomes one that is too large.
                let place = usize::try_from((*number).into().cast_unsigned()).unwrap_or(usize::MAX);
                let word = self.table.words.get(place).ok_or_else(no_word)?;
                let len = word.len as usize;
                if len.wrapping_sub(1) < STEP {
                    out.push_head(&word.head, len)?;
                } else {
                    self.append(word, &mut out)?;
                }
            }
            out.end();
        }
        out.finish()
    }

    /// Writes a long word or the next literal.
    fn append(&mut self, word: &Word, out: &mut Output) -> Result<()> {
        let len = word.len as usize;
        let bytes: &[u8] = if len == 0 {
            self.next += 1;
            if self.next > self.literals.len() { &[] } else { self.literals.get(self.next - 1) }
        } else {
            let start = word.start as usize;
            self.table.all.data.get(start..start + len).unwrap_or(&[])
        };
        if bytes.is_empty() {
            return Err(Error::corrupt("a literal between words has no bytes"));
        }
        out.push(bytes)
    }
}

#[cold]
fn no_word() -> Error {
    Error::corrupt("a number of a word that the chunk does not have")
}
