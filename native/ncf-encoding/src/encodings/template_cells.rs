//! What stands in the slots of a column of templates, made a batch of rows at a time into cells of equal room: putting
//! strings together then copies as many bytes for each slot, whatever stands there, and the next part overwrites what is
//! too much.

use arrow_buffer::ScalarBuffer;
use ncf_core::{ByteValues, Error, Result};

use super::stepped::{Output, padded};
use super::text_forms::{NUMBER_ROOM, write_digits};

/// Bytes of a cell.
const CELL: usize = 16;
/// Cells that are made at a time: those of many columns stay in the nearest cache.
const BATCH: usize = 64;
/// The length of a cell whose value does not stand in it: it is too long, no number of a slot, or there is none.
const ELSEWHERE: u8 = u8::MAX;
/// Numbers below this have at most 8 digits, which are made at once.
const EIGHT_DIGITS: u64 = 100_000_000;
/// As many zeros, as text.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Values of a column, in the order of rows.
pub(super) enum Filling {
    /// No slot: what stands after the last one of a template.
    Nothing,
    /// Numbers, and the digits to which they are filled up; `None` where slots of the column differ in that.
    Numbers(ScalarBuffer<i64>, Option<u8>),
    /// Texts.
    Texts(ByteValues),
}

/// A column of which one value after the other is taken.
pub(super) struct Cells {
    filling: Filling,
    /// The values whose cells were made, the present ones included.
    made: usize,
    /// The cell of the next value; `BATCH` where it is to be made.
    next: usize,
    texts: [[u8; CELL]; BATCH],
    lengths: [u8; BATCH],
}

impl Cells {
    pub(super) fn new(filling: Filling) -> Self {
        let (texts, lengths) = ([[0; CELL]; BATCH], [0; BATCH]);
        Self { filling, made: 0, next: BATCH, texts, lengths }
    }

    /// Appends the next value, a number with `digits` at least. `Corrupt` where there is none.
    #[inline]
    pub(super) fn append(&mut self, digits: u8, out: &mut Output) -> Result<()> {
        if self.next >= BATCH {
            self.make();
        }
        let at = self.next;
        self.next += 1;
        match (self.texts.get(at), self.lengths.get(at)) {
            (Some(text), Some(length)) if *length != ELSEWHERE => out.push_with(|slot| {
                if let Some(slot) = slot.first_chunk_mut() {
                    *slot = *text;
                }
                usize::from(*length)
            }),
            _ => self.append_other(at, digits, out),
        }
    }

    /// Makes the next cells.
    #[inline(never)]
    fn make(&mut self) {
        let Self { texts, lengths, made: first, .. } = self;
        match &self.filling {
            Filling::Nothing => {}
            Filling::Numbers(_, None) => *lengths = [ELSEWHERE; BATCH],
            Filling::Numbers(numbers, Some(digits)) => {
                let numbers = numbers.get(*first..).unwrap_or(&[]);
                make_numbers(numbers, *digits, texts, lengths);
            }
            Filling::Texts(all) => make_texts(all, *first, texts, lengths),
        }
        self.made += BATCH;
        self.next = 0;
    }

    /// Appends a value that stands in no cell.
    fn append_other(&self, at: usize, digits: u8, out: &mut Output) -> Result<()> {
        let row = self.made + at - BATCH;
        match &self.filling {
            Filling::Numbers(numbers, _) => {
                let number = numbers.get(row).ok_or_else(missing)?;
                let number = u64::try_from(*number)
                    .map_err(|_| Error::corrupt("a number in a slot is negative"))?;
                out.push_with(|slot| {
                    let room = slot.first_chunk_mut::<NUMBER_ROOM>();
                    room.map_or(0, |room| write_digits(number, digits.into(), room))
                })
            }
            Filling::Texts(texts) if row < texts.len() && !texts.get(row).is_empty() => {
                out.push(texts.get(row))
            }
            Filling::Texts(_) | Filling::Nothing => Err(missing()),
        }
    }
}

/// Cells of the first numbers.
fn make_numbers(
    numbers: &[i64],
    least: u8,
    texts: &mut [[u8; CELL]; BATCH],
    lengths: &mut [u8; BATCH],
) {
    let numbers = numbers.get(..BATCH).unwrap_or(numbers);
    // As large as the largest, or more; negative ones become large ones.
    let most = numbers.iter().fold(0, |most, number| most | number.cast_unsigned());
    if numbers.len() < BATCH {
        *lengths = [ELSEWHERE; BATCH];
    }
    let cells = numbers.iter().zip(texts.iter_mut().zip(lengths.iter_mut()));
    if most < EIGHT_DIGITS && least <= 8 {
        for (number, (text, length)) in cells {
            let digits = eight_digits(number.cast_unsigned());
            let skipped = (digits.trailing_zeros() / 8).min(8 - u32::from(least));
            if let Some(text) = text.first_chunk_mut() {
                *text = ((digits | ZEROS) >> (8 * skipped)).to_le_bytes();
            }
            *length = 8 - skipped.to_le_bytes()[0];
        }
        return;
    }
    for (number, (text, length)) in cells {
        let number = number.cast_unsigned();
        if number >= EIGHT_DIGITS * EIGHT_DIGITS || usize::from(least) > CELL {
            *length = ELSEWHERE;
            continue;
        }
        let high = u128::from(eight_digits(number / EIGHT_DIGITS));
        let digits = high | u128::from(eight_digits(number % EIGHT_DIGITS)) << 64;
        let skipped = (digits.trailing_zeros() / 8).min(16 - u32::from(least));
        let zeros = u128::from(ZEROS) << 64 | u128::from(ZEROS);
        *text = ((digits | zeros) >> (8 * skipped)).to_le_bytes();
        *length = 16 - skipped.to_le_bytes()[0];
    }
}

/// The 8 decimal digits of a smaller number than 100,000,000, each as a number in a byte, the first in the lowest: halves
/// are divided side by side (Lemire and Muła after an idea of Langdale: SIMD within a register).
#[inline]
fn eight_digits(number: u64) -> u64 {
    // Each division by a power of ten is a product with its inverse, exact for so few digits.
    let high = (number * 109_951_163) >> 40;
    let fours = high | (number - high * 10_000) << 32;
    let high = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = high | (fours - high * 100) << 16;
    let high = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    high | (twos - high * 10) << 8
}

/// Cells of texts from one on.
fn make_texts(
    all: &ByteValues,
    first: usize,
    texts: &mut [[u8; CELL]; BATCH],
    lengths: &mut [u8; BATCH],
) {
    let rows = first..all.len().max(first);
    let mut rows = rows.into_iter();
    for (text, length) in texts.iter_mut().zip(lengths) {
        let own = rows.next().map_or(&[][..], |row| all.get(row));
        *length = match u8::try_from(own.len()) {
            // None is without bytes.
            Ok(own @ 1..=16) => own,
            _ => ELSEWHERE,
        };
        *text = padded(own);
    }
}

#[cold]
fn missing() -> Error {
    Error::corrupt("a slot of a template has no value")
}

#[cfg(test)]
mod tests {
    use ncf_core::Budget;

    use super::*;

    /// The values that cells give, each with at least so many digits.
    fn given(filling: Filling, digits: u8, count: usize, bytes: usize) -> Result<Vec<u8>> {
        let mut out = Output::new(0, bytes, "cells", &Budget::new(1 << 20))?;
        let mut cells = Cells::new(filling);
        (0..count).try_for_each(|_| cells.append(digits, &mut out))?;
        Ok(out.finish()?.data.to_vec())
    }

    #[test]
    fn numbers_are_written_as_formatting_does() {
        let mut numbers = vec![0, 1, 9, 10, 99, 100, 4321, 9999, 10_000, 12_345_678, 99_999_999];
        numbers.extend((0..64).map(|bit| i64::MAX >> bit));
        numbers.extend((1..=18).flat_map(|power| {
            let power = 10_i64.pow(power);
            [power - 1, power, power + 1, power / 7]
        }));
        numbers.extend((0..300).map(|row: i64| row * row * 7919 % 100_000_000));
        for digits in 1..=18_u8 {
            let width = usize::from(digits);
            let text: String = numbers.iter().map(|n| format!("{n:0width$}")).collect();
            for uniform in [Some(digits), None] {
                let filling = Filling::Numbers(numbers.clone().into(), uniform);
                let found = given(filling, digits, numbers.len(), text.len()).unwrap();
                assert_eq!(String::from_utf8(found).unwrap(), text, "{digits}");
            }
            let small: Vec<i64> = numbers.iter().map(|number| number % 100_000_000).collect();
            let text: String = small.iter().map(|n| format!("{n:0width$}")).collect();
            let filling = Filling::Numbers(small.clone().into(), Some(digits));
            assert_eq!(given(filling, digits, small.len(), text.len()).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn texts_of_every_length_and_none_at_all() {
        let texts: Vec<String> = (1..200).map(|row| "abcdefg".repeat(row % 40 / 7 + 1)).collect();
        let all = texts.concat();
        let filling = || Filling::Texts(texts.iter().collect());
        assert_eq!(given(filling(), 0, texts.len(), all.len()).unwrap(), all.as_bytes());
        assert!(given(filling(), 0, texts.len() + 1, all.len()).is_err());
        let empty = || Filling::Texts(["a", "", "b"].iter().collect());
        assert!(given(empty(), 0, 1, 1).is_ok() && given(empty(), 0, 2, 1).is_err());
        assert_eq!(given(Filling::Nothing, 0, 200, 0).unwrap(), b"");
        for numbers in [vec![3, -1], vec![3], vec![3, i64::MIN]] {
            for uniform in [Some(2), None] {
                let filling = Filling::Numbers(numbers.clone().into(), uniform);
                assert!(given(filling, 2, 2, 4).is_err());
            }
        }
    }
}
