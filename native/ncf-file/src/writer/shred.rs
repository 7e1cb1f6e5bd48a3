//! Takes the array of a field apart into the columns that store it (`ncf_core::leaf`).

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, OffsetBuffer, ScalarBuffer};
use ncf_core::{Error, Field, FieldType, Result, Values};

use crate::arrays::to_values;

/// The values of one stored column in one block.
pub(super) struct Shredded {
    /// At null places whatever the array held there.
    pub(super) values: Values,
    /// Where values are not null; `None` = everywhere.
    pub(super) validity: Option<BooleanBuffer>,
    /// Which values belong to each row, as offsets; `None` = one each.
    pub(super) rows: Option<OffsetBuffer<i32>>,
}

/// What a field inherits from those around it.
#[derive(Clone, Copy, Default)]
struct Outer<'a> {
    /// Where the structs around the field are there; `None` = everywhere.
    present: Option<&'a BooleanBuffer>,
    /// Which places belong to each row.
    rows: Option<&'a OffsetBuffer<i32>>,
}

/// The stored columns of a field, in the order of `ncf_core::columns`.
pub(super) fn shred(array: &ArrayRef, field: &Field) -> Result<Vec<Shredded>> {
    let mut out = Vec::new();
    add(array, field, Outer::default(), &mut out)?;
    Ok(out)
}

fn add(array: &ArrayRef, field: &Field, outer: Outer<'_>, out: &mut Vec<Shredded>) -> Result<()> {
    let own = array.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| nulls.inner());
    let valid = match (own, outer.present) {
        (None, present) => present.cloned(),
        (Some(own), None) => Some(own.clone()),
        (Some(own), Some(present)) => Some(own & present),
    };
    if !field.nullable && own.is_some() {
        let expected = outer.present.map_or(array.len(), BooleanBuffer::count_set_bits);
        if valid.as_ref().map_or(array.len(), BooleanBuffer::count_set_bits) < expected {
            return Err(Error::invalid_argument(format!(
                "field {} is declared NOT NULL but holds a null; \
                 declare it nullable or replace the nulls",
                field.name
            )));
        }
    }
    let rows = outer.rows.cloned();
    match &field.field_type {
        FieldType::Value(data_type) => {
            let values = to_values(array.as_ref(), *data_type)?;
            out.push(Shredded { values, validity: valid, rows });
        }
        FieldType::Struct(parts) => {
            let array = array.as_struct_opt().ok_or_else(|| misfit(array, field))?;
            let all = || BooleanBuffer::new_set(array.len());
            let values = Values::Bool(valid.clone().unwrap_or_else(all));
            out.push(Shredded { values, validity: None, rows });
            let inner = Outer { present: valid.as_ref(), ..outer };
            for (part, column) in parts.iter().zip(array.columns()) {
                add(column, part, inner, out)?;
            }
        }
        FieldType::Array(element) => {
            let array = array.as_list_opt::<i32>().ok_or_else(|| misfit(array, field))?;
            let lists = Lists::new(array.offsets(), valid);
            let child = lists.compact(array.values())?;
            let inner = lists.push(rows, out)?;
            add(&child, element, Outer { present: None, rows: Some(&inner) }, out)?;
        }
        FieldType::Map(parts) => {
            let array = array.as_map_opt().ok_or_else(|| misfit(array, field))?;
            let lists = Lists::new(array.offsets(), valid);
            let children = [lists.compact(array.keys())?, lists.compact(array.values())?];
            let inner = lists.push(rows, out)?;
            for (part, column) in parts.iter().zip(&children) {
                add(column, part, Outer { present: None, rows: Some(&inner) }, out)?;
            }
        }
    }
    Ok(())
}

/// Arrays or maps: where each begins and ends among its elements.
struct Lists<'a> {
    offsets: &'a OffsetBuffer<i32>,
    valid: Option<BooleanBuffer>,
    lengths: Vec<i32>,
}

impl<'a> Lists<'a> {
    fn new(offsets: &'a OffsetBuffer<i32>, valid: Option<BooleanBuffer>) -> Self {
        let lengths = offsets.lengths().enumerate().map(|(place, length)| {
            let there = valid.as_ref().is_none_or(|valid| valid.value(place));
            if there { i32::try_from(length).unwrap_or(i32::MAX) } else { 0 }
        });
        Self { offsets, lengths: lengths.collect(), valid }
    }

    /// The elements of lists that are not null, next to each other.
    fn compact(&self, elements: &ArrayRef) -> Result<ArrayRef> {
        let (first, last) = (self.offsets.first(), self.offsets.last());
        let (first, last) = (first.cast_unsigned() as usize, last.cast_unsigned() as usize);
        let span = elements.slice(first, last - first);
        let wanted: usize = self.lengths.iter().map(|l| l.cast_unsigned() as usize).sum();
        if wanted == span.len() {
            return Ok(span);
        }
        // Null lists that have elements all the same: those are dropped.
        let mut keep = arrow_buffer::BooleanBufferBuilder::new(span.len());
        for (kept, stored) in self.lengths.iter().zip(self.offsets.lengths()) {
            keep.append_n(stored, *kept > 0);
        }
        arrow_select::filter::filter(&span, &BooleanArray::new(keep.finish(), None))
            .map_err(|error| Error::invalid_argument(format!("a list cannot be read: {error}")))
    }

    /// Adds the column of lengths and answers which elements belong to each row.
    fn push(
        self,
        rows: Option<OffsetBuffer<i32>>,
        out: &mut Vec<Shredded>,
    ) -> Result<OffsetBuffer<i32>> {
        let total = self.lengths.iter().map(|length| u64::from(length.cast_unsigned())).sum();
        if total > i32::MAX.unsigned_abs().into() {
            let limit = i32::MAX.unsigned_abs().into();
            return Err(Error::limit_exceeded("elements of a block", total, limit));
        }
        let places = OffsetBuffer::<i32>::from_lengths(
            self.lengths.iter().map(|length| length.cast_unsigned() as usize),
        );
        let inner = match &rows {
            None => places,
            Some(rows) => {
                let ends = rows.iter().map(|place| {
                    places.get(place.cast_unsigned() as usize).copied().unwrap_or_default()
                });
                OffsetBuffer::new(ends.collect::<Vec<i32>>().into())
            }
        };
        let values = Values::I32(ScalarBuffer::from(self.lengths));
        out.push(Shredded { values, validity: self.valid, rows });
        Ok(inner)
    }
}

fn misfit(array: &ArrayRef, field: &Field) -> Error {
    Error::invalid_argument(format!(
        "field {} has Arrow type {}, the file expects {}",
        field.name,
        array.data_type(),
        field.field_type
    ))
}
