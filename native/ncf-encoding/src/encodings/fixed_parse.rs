//! Fixed parse (17): strings of one form, such as numbers, dates or UUIDs as text, as what they stand for. Strings
//! that have not exactly that form stand beside them as they are.

use arrow_buffer::{Buffer, OffsetBuffer};
use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use super::strings::{declared_bytes, optional_strings};
use super::text_forms::{Form, Parsed};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, lengths_column};
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::sample::spread;
use crate::select::{Statistics, TELLING_VALUES};

/// Bytes that decoding a page may take: a reader's budget for a page is larger.
const MAX_MEMORY: usize = 192 << 20;
/// Bytes of a number, a date or a UUID, at most.
const MOST_DIGITS: usize = 40;
/// Longer strings tell no form.
const MAX_TELLING: usize = 4096;
/// Strings that tell the form.
const SAMPLE: usize = 64;
/// Strings of the sample that must have it, in percent.
const SHARE: usize = 80;

/// See `docs/spec/encodings.md`, Fixed parse.
pub(crate) struct FixedParse;

impl Encoding for FixedParse {
    fn id(&self) -> EncodingId {
        EncodingId::FIXED_PARSE
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bytes
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.entropy
            && statistics.form
            && statistics.len >= TELLING_VALUES
            && statistics.runs > 1
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        12.0
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let Values::Bytes(strings) = values else {
            return Ok(false);
        };
        let Ok(size) = u32::try_from(strings.byte_len()) else {
            return Ok(false);
        };
        if 2 * strings.byte_len() + 32 * strings.len() > MAX_MEMORY {
            return Ok(false);
        }
        // Without a form all strings are exceptions.
        let form = usual_form(strings).unwrap_or(Form::Integer);
        let Some(split) = Split::of(strings, form) else {
            return Ok(false);
        };
        // A node has at most 2^32 values.
        let count = u32::try_from(split.positions.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(&form.stored());
        out.extend_from_slice(&count.to_le_bytes());
        children.child(&split.parsed, out)?;
        if count > 0 {
            children.child(&lengths_column(split.positions), out)?;
            children.child(&Values::Bytes(split.exceptions.iter().collect()), out)?;
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
        let size = declared_bytes(body)?;
        let stored = [body.u8()?, body.u8()?];
        let form = Form::from_stored(stored)
            .ok_or_else(|| Error::corrupt(format!("{stored:?} is no form of text")))?;
        let count = body.size()?;
        if count > len {
            return Err(Error::corrupt(format!("{count} exceptions in {len} strings")));
        }
        let parsed = context.flat(body, physical_of(form), len)?;
        let mut exceptions = Exceptions::read(body, count, len, context)?;
        let mut out = Output::new(len, size, context.budget)?;
        match &parsed {
            Values::I64(parsed) => {
                for (row, value) in parsed.iter().enumerate() {
                    let write = |bytes: &mut Vec<u8>| form.write_long(*value, bytes);
                    exceptions.or(row, &mut out, MOST_DIGITS, write)?;
                }
            }
            Values::I128(parsed) => {
                for (row, value) in parsed.iter().enumerate() {
                    let write = |bytes: &mut Vec<u8>| form.write(&Parsed::Wide(*value), bytes);
                    exceptions.or(row, &mut out, MOST_DIGITS, write)?;
                }
            }
            Values::Bytes(parsed) => {
                for (row, value) in parsed.iter().enumerate() {
                    let write = |bytes: &mut Vec<u8>| form.write_bytes(value, bytes);
                    // Hexadecimal digits are two a byte.
                    exceptions.or(row, &mut out, value.len() * 2, write)?;
                }
            }
            _ => return Err(Error::internal("parsed strings have another type")),
        }
        Ok(DecodedValues::Flat(Values::Bytes(out.finish()?)))
    }
}

/// The type of what strings of a form stand for.
fn physical_of(form: Form) -> PhysicalType {
    match form {
        Form::Uuid { .. } => PhysicalType::I128,
        Form::Hex { .. } | Form::Base64 => PhysicalType::Bytes,
        _ => PhysicalType::I64,
    }
}

/// The form that most strings of a sample have.
pub(crate) fn usual_form(strings: &ByteValues) -> Option<Form> {
    let sample: Vec<&[u8]> = spread(strings.len(), SAMPLE)
        .map(|row| strings.get(row))
        .filter(|string| (1..=MAX_TELLING).contains(&string.len()))
        .collect();
    let mut forms = sample.iter().take(SAMPLE / 8).filter_map(|string| Form::of(string));
    let share = |form: &Form| {
        sample.iter().filter(|string| form.parse(string).is_some()).count() * 100 / sample.len()
    };
    forms.find(|form| share(form) >= SHARE)
}

/// Strings as what they stand for, and the exceptions.
struct Split<'a> {
    parsed: Values,
    positions: Vec<i32>,
    exceptions: Vec<&'a [u8]>,
}

impl<'a> Split<'a> {
    /// `None` when there are too many rows to number.
    fn of(strings: &'a ByteValues, form: Form) -> Option<Self> {
        let (mut positions, mut exceptions) = (Vec::new(), Vec::new());
        let (mut longs, mut wides, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for (row, string) in strings.iter().enumerate() {
            let parsed = form.parse(string);
            if parsed.is_none() {
                positions.push(i32::try_from(row).ok()?);
                exceptions.push(string);
            }
            // At exceptions the value before is repeated: it widens nothing.
            match (physical_of(form), parsed) {
                (PhysicalType::I64, Some(Parsed::Long(value))) => longs.push(value),
                (PhysicalType::I64, _) => longs.push(longs.last().copied().unwrap_or_default()),
                (PhysicalType::I128, Some(Parsed::Wide(value))) => wides.push(value),
                (PhysicalType::I128, _) => wides.push(wides.last().copied().unwrap_or_default()),
                (_, Some(Parsed::Bytes(value))) => bytes.push(value),
                (..) => bytes.push(Vec::new()),
            }
        }
        let parsed = match physical_of(form) {
            PhysicalType::I64 => i64::wrap(longs),
            PhysicalType::I128 => i128::wrap(wides),
            _ => Values::Bytes(bytes.iter().collect()),
        };
        Some(Self { parsed, positions, exceptions })
    }
}

/// Rows whose string is stored as it is.
struct Exceptions {
    positions: Vec<usize>,
    strings: ByteValues,
    next: usize,
}

impl Exceptions {
    fn read(
        body: &mut Reader<'_>,
        count: usize,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<Self> {
        let mut positions: Vec<usize> = context.budget.vec("exceptions", count)?;
        let rows =
            if count == 0 { Vec::new().into() } else { column::<i32>(body, count, context)? };
        for position in rows.iter() {
            let least = positions.last().map_or(0, |last| last + 1);
            let position = usize::try_from(*position).ok();
            let position = position.filter(|position| (least..len).contains(position));
            positions
                .push(position.ok_or_else(|| Error::corrupt("rows of exceptions do not ascend"))?);
        }
        let strings = optional_strings(body, count, context)?;
        Ok(Self { positions, strings, next: 0 })
    }

    /// Appends the exception of a row, or what `write` appends: at most `most` bytes.
    #[inline]
    fn or(
        &mut self,
        row: usize,
        out: &mut Output,
        most: usize,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<()> {
        if self.positions.get(self.next) == Some(&row) {
            let string = self.strings.get(self.next);
            self.next += 1;
            return out.push(string.len(), |bytes| {
                bytes.extend_from_slice(string);
                true
            });
        }
        out.push(most, write)
    }
}

/// Strings, of `size` bytes together.
struct Output {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    size: usize,
}

impl Output {
    fn new(len: usize, size: usize, budget: &Budget) -> Result<Self> {
        let mut offsets: Vec<i32> = budget.vec("offsets", len.saturating_add(1))?;
        offsets.push(0);
        let bytes = budget.vec("bytes", size.saturating_add(MOST_DIGITS))?;
        Ok(Self { offsets, bytes, size })
    }

    /// Adds the string that `write` appends, which has at most `most` bytes.
    #[inline]
    fn push(&mut self, most: usize, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<()> {
        // Hexadecimal digits and Base64 have at least half of that.
        if most / 2 > self.size - self.bytes.len() + MOST_DIGITS {
            return Err(too_many());
        }
        if !write(&mut self.bytes) {
            return Err(Error::corrupt("a value cannot be written in its column's form"));
        }
        if self.bytes.len() > self.size {
            return Err(too_many());
        }
        // Not over `size`, which fits.
        self.offsets.push(i32::try_from(self.bytes.len()).unwrap_or(i32::MAX));
        Ok(())
    }

    fn finish(self) -> Result<ByteValues> {
        if self.bytes.len() != self.size {
            return Err(Error::corrupt(format!(
                "parsed strings give {} bytes; {} declared",
                self.bytes.len(),
                self.size
            )));
        }
        let (offsets, data) =
            (OffsetBuffer::new(self.offsets.into()), Buffer::from_vec(self.bytes));
        Ok(ByteValues { offsets, data })
    }
}

#[cold]
fn too_many() -> Error {
    Error::corrupt("parsed strings give more bytes than declared")
}
