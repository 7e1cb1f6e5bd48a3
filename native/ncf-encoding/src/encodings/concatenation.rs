//! Concatenation (36): strings in which values of other columns stand, as what is left of them.

use arrow_buffer::{Buffer, OffsetBuffer};
use memchr::{memchr, memmem};
use ncf_core::{ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::product::integers;
use super::stepped::{Output, STEP};
use super::strings::{declared_bytes, optional_strings};
use super::template_table::MAX_DIGITS;
use super::text_forms::{NUMBER_ROOM, write_digits};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::DecodeContext;
use crate::reader::Reader;
use crate::relations::MAX_REFERENCES;

/// The byte that stands for text of another column: the number of the part follows, or [`ITSELF`].
const MARK: u8 = 0x1b;
/// What follows a mark that stands for itself.
const ITSELF: u8 = 0xff;
/// Bytes of a text that is looked for, at most, and places where it may stand that are looked at.
const LONGEST: usize = 256;
const PLACES: usize = 16;
/// Bytes of a text from which on it is found wherever it stands, not only where a word begins and ends.
const TELLING: usize = 3;

/// See `docs/spec/encodings.md`, Concatenation. Encoded by [`crate::relations::encode_related`].
pub(crate) struct Concatenation;

impl Encoding for Concatenation {
    fn id(&self) -> EncodingId {
        EncodingId::CONCATENATION
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bytes
    }

    fn relates(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        4.0
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let count = usize::from(body.u8()?);
        if !(1..=MAX_REFERENCES).contains(&count) {
            return Err(Error::corrupt(format!("a concatenation of {count} parts")));
        }
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            let (reference, digits) = (context.reference(body.u8()?, len)?, body.u8()?);
            parts.push(Part::of(reference.clone(), digits, context)?);
        }
        let size = declared_bytes(body)?;
        let rest = optional_strings(body, len, context)?;
        let mut out = Output::new(len, size, "parts of strings", context.budget)?;
        for row in 0..len {
            append(&rest, row, &parts, &mut out)?;
            out.end();
        }
        Ok(DecodedValues::Flat(Values::Bytes(out.finish()?)))
    }
}

/// Appends the string of a row.
#[inline]
fn append(rest: &ByteValues, row: usize, parts: &[Part], out: &mut Output) -> Result<()> {
    let mut left = rest.get(row);
    while let Some(mark) = memchr(MARK, left) {
        let (before, after) = left.split_at(mark);
        out.push_short(before, left)?;
        let unknown = || Error::corrupt("a mark in a string names no part");
        let [_, number, after @ ..] = after else { return Err(unknown()) };
        match parts.get(usize::from(*number)) {
            Some(part) => part.append(row, out)?,
            None if *number == ITSELF => out.push(&[MARK])?,
            None => return Err(unknown()),
        }
        left = after;
    }
    out.push_short(left, left)
}

/// Another column as text.
pub(crate) enum Part {
    /// Decimal digits of integers, filled up with zeros to so many.
    Numbers(Vec<i64>, u8),
    /// Strings.
    Texts(ByteValues),
}

impl Part {
    /// The text of a column's values; numbers have 1 to 18 digits at least, strings 0.
    fn of(values: DecodedValues, digits: u8, context: &DecodeContext<'_>) -> Result<Self> {
        if digits > MAX_DIGITS {
            return Err(Error::corrupt(format!("numbers of {digits} digits in strings")));
        }
        if digits > 0 {
            return Ok(Self::Numbers(integers(&values, context.budget)?, digits));
        }
        match values.into_flat(context.budget)? {
            Values::Bytes(texts) => Ok(Self::Texts(texts)),
            _ => Err(Error::corrupt("a part of strings is no string and has no digits")),
        }
    }

    #[inline]
    fn append(&self, row: usize, out: &mut Output) -> Result<()> {
        match self {
            Self::Numbers(numbers, digits) => {
                let number = numbers.get(row).copied().unwrap_or_default();
                out.push_with(|slot| write_number(number, *digits, slot))
            }
            Self::Texts(texts) if row < texts.len() => {
                let start = texts.offsets.get(row).map_or(0, |at| at.cast_unsigned() as usize);
                out.push_short(texts.get(row), texts.data.get(start..).unwrap_or(&[]))
            }
            Self::Texts(_) => Err(Error::internal("a reference has too few rows")),
        }
    }

    /// The text of a row, in `room` where it is a number.
    pub(crate) fn text<'a>(&'a self, row: usize, room: &'a mut [u8; STEP]) -> &'a [u8] {
        match self {
            Self::Numbers(numbers, digits) => {
                let number = numbers.get(row).copied().unwrap_or_default();
                let len = write_number(number, *digits, room);
                room.get(..len).unwrap_or(&[])
            }
            Self::Texts(texts) if row < texts.len() => texts.get(row),
            Self::Texts(_) => &[],
        }
    }
}

/// Writes a number, and gives how many bytes it has.
fn write_number(number: i64, digits: u8, to: &mut [u8; STEP]) -> usize {
    let sign = usize::from(number < 0);
    to[0] = b'-';
    let room = to.get_mut(sign..).and_then(|rest| rest.first_chunk_mut::<NUMBER_ROOM>());
    sign + room.map_or(0, |room| write_digits(number.unsigned_abs(), digits.into(), room))
}

/// What is left of strings when the texts of parts are taken out, one after the other from the left; `None` where there
/// are more bytes than a column can have.
pub(crate) fn taken_out(strings: &ByteValues, parts: &[Part]) -> Option<ByteValues> {
    let mut offsets: Vec<i32> = Vec::with_capacity(strings.len() + 1);
    offsets.push(0);
    let mut left: Vec<u8> = Vec::with_capacity(strings.byte_len());
    let mut room = [0; STEP];
    // Where the text of each part stood in the row before.
    let mut places = vec![0; parts.len()];
    for (row, string) in strings.iter().enumerate() {
        let mut rest = string;
        // One look at the whole string, which hardly ever has one.
        let marked = memchr(MARK, string).is_some();
        let keep = if marked { extend } else { Vec::extend_from_slice };
        for ((number, part), place) in (0u8..).zip(parts).zip(&mut places) {
            let text = part.text(row, &mut room);
            let Some(at) = find_near(rest, text, *place) else { continue };
            *place = at;
            keep(&mut left, rest.get(..at)?);
            left.extend_from_slice(&[MARK, number]);
            rest = rest.get(at + text.len()..)?;
        }
        keep(&mut left, rest);
        offsets.push(i32::try_from(left.len()).ok()?);
    }
    Some(ByteValues { offsets: OffsetBuffer::new(offsets.into()), data: Buffer::from_vec(left) })
}

/// Appends bytes, each mark as one that stands for itself.
fn extend(left: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(mark) = memchr(MARK, rest) {
        let (before, after) = rest.split_at(mark);
        left.extend_from_slice(before);
        left.extend_from_slice(&[MARK, ITSELF]);
        rest = after.get(1..).unwrap_or(&[]);
    }
    left.extend_from_slice(rest);
}

/// Where a text stands in a string: the first place that can hold it.
pub(crate) fn find(string: &[u8], text: &[u8]) -> Option<usize> {
    if text.is_empty() || text.len() > string.len().min(LONGEST) {
        return None;
    }
    let mut from = 0;
    for _ in 0..PLACES {
        let at = from + memmem::find(string.get(from..)?, text)?;
        if stands_alone(string, text, at) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// The same, or `place` where the text stands there: strings of one column are much alike.
fn find_near(string: &[u8], text: &[u8], place: usize) -> Option<usize> {
    let short = !text.is_empty() && text.len() <= LONGEST;
    let near = string.get(place..).is_some_and(|rest| rest.starts_with(text));
    if short && near && stands_alone(string, text, place) {
        return Some(place);
    }
    find(string, text)
}

/// Whether a text that begins somewhere in a string is no part of a longer number there, or, unless it is long enough to
/// tell, of a word.
fn stands_alone(string: &[u8], text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| string.get(before));
    let free = |own: Option<&u8>, other: Option<&u8>| {
        let same = |kind: fn(&u8) -> bool| own.is_some_and(kind) && other.is_some_and(kind);
        let word = text.len() < TELLING && same(u8::is_ascii_alphabetic);
        !same(u8::is_ascii_digit) && !word
    };
    free(text.first(), before) && free(text.last(), string.get(at + text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_where_no_longer_number_or_word_is() {
        let find = |string: &str, text: &str| find(string.as_bytes(), text.as_bytes());
        assert_eq!(find("12 120 20 0", "20"), Some(7));
        assert_eq!(find("200", "200"), Some(0));
        assert_eq!(find("a200b", "200"), Some(1));
        assert_eq!(find("1200 2001", "200"), None);
        assert_eq!(find("xyz xy", "xy"), Some(4));
        assert_eq!(find("JohnSmith", "John"), Some(0));
        assert_eq!(find("JohnSmith", "Smith"), Some(4));
        assert_eq!((find("abc", ""), find("", "a"), find("a", "ab")), (None, None, None));
        assert_eq!(find("aaaaaa", "aa"), None);
        assert_eq!(find("-5 5", "-5"), Some(0));
        let zeros = "0".repeat(100_000);
        assert_eq!((find(&zeros, "0"), find(&zeros, &"0".repeat(50_000))), (None, None));
    }

    #[test]
    fn texts_are_found_where_they_stood_before() {
        let near =
            |string: &str, text: &str, place| find_near(string.as_bytes(), text.as_bytes(), place);
        assert_eq!((near("7 7 7", "7", 2), near("7 7 7", "7", 3)), (Some(2), Some(0)));
        // Part of a longer number, past the end, and nothing at all.
        assert_eq!((near("20 120", "20", 4), near("20", "20", 9)), (Some(0), Some(0)));
        assert_eq!((near("a", "", 0), near("", "", 0), near("b", "a", 0)), (None, None, None));
    }

    #[test]
    fn numbers_of_every_length() {
        let mut room = [0; STEP];
        for number in [0, 7, -7, 12345, i64::MAX, i64::MIN] {
            for digits in 1..=MAX_DIGITS {
                let width = usize::from(digits);
                let sign = if number < 0 { "-" } else { "" };
                let want = format!("{sign}{:0width$}", number.unsigned_abs());
                let part = Part::Numbers(vec![number], digits);
                assert_eq!(part.text(0, &mut room), want.as_bytes());
            }
        }
    }

    #[test]
    fn what_is_left_has_marks_in_order() {
        let strings: ByteValues = ["GET a 200", "a 7", "200", "", "b a"].iter().collect();
        let texts: ByteValues = ["a", "a", "zz", "", "a"].iter().collect();
        let parts = [Part::Texts(texts), Part::Numbers(vec![200, 8, 200, 0, 1], 1)];
        let left = taken_out(&strings, &parts).unwrap();
        let want: [&[u8]; 5] =
            [b"GET \x1b\x00 \x1b\x01", b"\x1b\x00 7", b"\x1b\x01", b"", b"b \x1b\x00"];
        assert!(left.iter().eq(want));
        let marked: ByteValues = ["\x1ba\x1b"].iter().collect();
        let left = taken_out(&marked, &parts).unwrap();
        assert_eq!(left.get(0), b"\x1b\xff\x1b\x00\x1b\xff");
    }
}
