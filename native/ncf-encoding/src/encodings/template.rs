//! Template (18): strings as templates that the column chunk keeps in a shared page, and columns of what stands in
//! their slots. What fits no template stands beside them as it is.

use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use super::stepped::{Output, STEP};
use super::strings::{declared_bytes, optional_strings};
use super::template_table::{COLUMNS, Piece, TemplateTable};
use super::text_forms::{NUMBER_ROOM, write_digits};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Bytes that decoding a page may take: a reader's budget for a page is larger.
const MAX_MEMORY: usize = 128 << 20;

/// See `docs/spec/encodings.md`, Template.
pub(crate) struct Template;

impl Encoding for Template {
    fn id(&self) -> EncodingId {
        EncodingId::TEMPLATE
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bytes
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.templates && statistics.len >= TELLING_VALUES && statistics.runs > 1
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        6.0
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let (Values::Bytes(strings), Some(templates)) = (values, children.templates()) else {
            return Ok(false);
        };
        let Ok(size) = u32::try_from(strings.byte_len()) else {
            return Ok(false);
        };
        let filled = templates.fill(strings);
        if filled.memory() + strings.byte_len() > MAX_MEMORY {
            return Ok(false);
        }
        out.extend_from_slice(&size.to_le_bytes());
        children.child(&i16::wrap(filled.templates), out)?;
        for column in filled.columns {
            if !column.numbers.is_empty() {
                children.child(&i64::wrap(column.numbers), out)?;
            }
            if !column.texts.is_empty() {
                children.child(&Values::Bytes(column.texts.iter().collect()), out)?;
            }
        }
        if !filled.exceptions.is_empty() {
            children.child(&Values::Bytes(filled.exceptions.iter().collect()), out)?;
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
        let Some(table) = context.shared.templates() else {
            return Err(Error::corrupt("a page has templates but its chunk has no table of them"));
        };
        let size = declared_bytes(body)?;
        let templates = column::<i16>(body, len, context)?;
        let uses = table.uses(&templates, context.budget)?;
        // What stands in a slot is at least one byte.
        let slots = uses.columns.iter().fold(0usize, |sum, count| sum.saturating_add(*count));
        if slots > size {
            return Err(Error::corrupt(format!("{slots} slots cannot give {size} bytes")));
        }
        let mut columns: Vec<Filling> = Vec::with_capacity(COLUMNS);
        for (number, count) in uses.columns.iter().enumerate() {
            columns.push(if *count == 0 {
                Filling::Numbers(Vec::new().into())
            } else if table.is_text(number) {
                Filling::Texts(optional_strings(body, *count, context)?)
            } else {
                Filling::Numbers(column::<i64>(body, *count, context)?)
            });
        }
        let exceptions = optional_strings(body, uses.exceptions, context)?;
        let spelling = Spelling { table, exceptions, columns, next: [0; COLUMNS], exception: 0 };
        let strings = spelling.spell(&templates, size, context.budget)?;
        Ok(DecodedValues::Flat(Values::Bytes(strings)))
    }
}

/// What stands in the slots of a column, in the order of rows.
enum Filling {
    Numbers(ScalarBuffer<i64>),
    Texts(ByteValues),
}

/// Puts strings together.
struct Spelling<'a> {
    table: &'a TemplateTable,
    exceptions: ByteValues,
    columns: Vec<Filling>,
    /// The next value of each column, and the next exception.
    next: [usize; COLUMNS],
    exception: usize,
}

impl Spelling<'_> {
    fn spell(mut self, templates: &[i16], size: usize, budget: &Budget) -> Result<ByteValues> {
        let mut offsets: Vec<i32> = budget.vec("offsets", templates.len().saturating_add(1))?;
        offsets.push(0);
        let mut out = Output::new(size, "templates", budget)?;
        let table = self.table;
        for template in templates {
            if *template == 0 {
                let row = self.exception;
                self.exception += 1;
                // As many as there are numbers 0.
                out.push(if row < self.exceptions.len() { self.exceptions.get(row) } else { &[] })?;
            }
            for (piece, head) in table.pieces(*template) {
                self.append(*piece, head, &mut out)?;
            }
            // Where it is over `size`, which fits, nothing comes of it.
            offsets.push(i32::try_from(out.len()).unwrap_or(i32::MAX));
        }
        let (offsets, data) = (OffsetBuffer::new(offsets.into()), Buffer::from_vec(out.finish()?));
        Ok(ByteValues { offsets, data })
    }

    #[inline]
    fn append(&mut self, piece: Piece, head: &[u8; STEP], out: &mut Output) -> Result<()> {
        let (column, digits) = match piece {
            Piece::Text { start, end } => {
                let len = (end - start) as usize;
                return match len <= STEP {
                    true => out.push_head(head, len),
                    false => out.push(self.table.text(start, end)),
                };
            }
            Piece::Slot { column, digits } => (usize::from(column), usize::from(digits)),
        };
        let next = self.next.get_mut(column).ok_or_else(missing)?;
        let row = *next;
        *next += 1;
        match self.columns.get(column) {
            Some(Filling::Numbers(numbers)) => {
                let number = numbers.get(row).ok_or_else(missing)?;
                let number = u64::try_from(*number)
                    .map_err(|_| Error::corrupt("a number in a slot is negative"))?;
                out.push_with(|slot| {
                    let room = slot.first_chunk_mut::<NUMBER_ROOM>();
                    room.map_or(0, |room| write_digits(number, digits, room))
                })
            }
            Some(Filling::Texts(texts)) if row < texts.len() => {
                let text = texts.get(row);
                let start = texts.offsets.get(row).map_or(0, |at| at.cast_unsigned() as usize);
                match texts.data.get(start..).and_then(|rest| rest.first_chunk::<STEP>()) {
                    _ if text.is_empty() => Err(missing()),
                    Some(head) if text.len() <= STEP => out.push_head(head, text.len()),
                    _ => out.push(text),
                }
            }
            _ => Err(missing()),
        }
    }
}

#[cold]
fn missing() -> Error {
    Error::corrupt("a slot of a template has no value")
}
