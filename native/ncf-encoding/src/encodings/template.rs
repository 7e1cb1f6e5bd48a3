//! Template (18): strings as templates that the column chunk keeps in a shared page, and columns of what stands in
//! their slots. What fits no template stands beside them as it is.

use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use super::stepped::Output;
use super::strings::{declared_bytes, optional_strings};
use super::template_cells::{Cells, Filling};
use super::template_table::{COLUMNS, Kind, Same, Steps};
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
        let mut same = [None; COLUMNS];
        let mut columns: Vec<Cells> = context.budget.vec("columns of slots", COLUMNS + 1)?;
        for (number, (count, same)) in uses.columns.iter().zip(&mut same).enumerate() {
            let kind = table.kind(number).filter(|_| *count > 0);
            let filling = match kind {
                None => Filling::Nothing,
                Some(kind) => filling(kind, body, *count, same, context)?,
            };
            columns.push(Cells::new(filling));
        }
        columns.push(Cells::new(Filling::Nothing));
        let exceptions = optional_strings(body, uses.exceptions, context)?;
        let folded;
        let steps = if same.iter().any(Option::is_some) {
            folded = table.folded(&uses, &same, context.budget)?;
            &folded
        } else {
            table.steps()
        };
        let strings = spell(steps, &templates, &mut columns, &exceptions, size, context.budget)?;
        Ok(DecodedValues::Flat(Values::Bytes(strings)))
    }
}

/// Decodes the next node of `body`, the `count` values of a column; one value in all rows becomes `same`.
fn filling(
    kind: Kind,
    body: &mut Reader<'_>,
    count: usize,
    same: &mut Option<Same>,
    context: &DecodeContext<'_>,
) -> Result<Filling> {
    let physical = match kind {
        Kind::Text => PhysicalType::Bytes,
        Kind::Numbers(_) => PhysicalType::I64,
    };
    let decoded = context.node(body, physical, count)?;
    if let DecodedValues::Constant(value, _) = &decoded {
        *same = Same::of(value)?;
        if same.is_some() {
            return Ok(Filling::Nothing);
        }
    }
    match (decoded.into_flat(context.budget)?, kind) {
        (Values::Bytes(texts), Kind::Text) => Ok(Filling::Texts(texts)),
        (Values::I64(numbers), Kind::Numbers(digits)) => Ok(Filling::Numbers(numbers, digits)),
        _ => Err(Error::internal("values of slots have another type")),
    }
}

/// Puts the strings of `size` bytes together. Of the columns the last is [`NO_COLUMN`].
fn spell(
    steps: &Steps,
    templates: &[i16],
    columns: &mut [Cells],
    exceptions: &ByteValues,
    size: usize,
    budget: &Budget,
) -> Result<ByteValues> {
    let mut out = Output::new(templates.len(), size, "templates", budget)?;
    // As many as there are numbers 0.
    let mut exceptions = exceptions.iter();
    for template in templates {
        if *template == 0 {
            out.push(exceptions.next().unwrap_or(&[]))?;
        }
        for step in steps.of(*template) {
            out.push_head(&step.text, step.len.into())?;
            if let Some(column) = columns.get_mut(usize::from(step.column)) {
                column.append(step.digits, &mut out)?;
            }
        }
        out.end();
    }
    out.finish()
}
