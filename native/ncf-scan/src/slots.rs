//! The stored columns that a scan reads, a slot each, and what the projected columns are made of.

use std::collections::HashMap;

use arrow_array::ArrayRef;
use arrow_select::filter::FilterPredicate;
use ncf_core::{DataType, Error, FieldType, Result, Scalar};
use ncf_file::FileReader;

use crate::batch::{column_array, constant_array, filter_array};
use crate::nested::{Nested, resolve_in};
use crate::pages::Pages;
use crate::resolve::{ColumnSource, ScanColumn};

/// A stored column, read as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SlotColumn {
    /// Index among the file's stored columns.
    pub(crate) column: usize,
    /// Type of the values as the scan sees them.
    pub(crate) data_type: DataType,
}

/// The stored columns of a scan, each once: filters and projected columns share them.
#[derive(Default)]
pub(crate) struct Slots {
    columns: Vec<SlotColumn>,
    known: HashMap<SlotColumn, usize>,
}

impl Slots {
    /// The slot of a stored column that is read as `data_type`.
    pub(crate) fn of(&mut self, column: usize, data_type: DataType) -> usize {
        let column = SlotColumn { column, data_type };
        *self.known.entry(column).or_insert_with(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    /// The columns in the order of their slots.
    pub(crate) fn columns(&self) -> &[SlotColumn] {
        &self.columns
    }
}

/// How a projected column is made.
pub(crate) enum Output {
    /// The same value, or null, in every row.
    Constant(Option<Scalar>, FieldType),
    /// The values of a slot.
    Values(usize),
    /// Put together from several slots.
    Nested(Nested),
}

impl Output {
    pub(crate) fn new(column: &ScanColumn, reader: &FileReader, slots: &mut Slots) -> Result<Self> {
        let field_type = &column.field.field_type;
        let index = match &column.source {
            ColumnSource::Constant(value) => {
                return Ok(Self::Constant(value.clone(), field_type.clone()));
            }
            ColumnSource::File(index) => *index,
        };
        if let Some(data_type) = field_type.value() {
            return Ok(Self::Values(slots.of(reader.stored_of(index).start, data_type)));
        }
        let mut nested = resolve_in(&column.field, reader, index)?;
        nested.renumber(&mut |column, data_type| slots.of(column, data_type));
        Ok(Self::Nested(nested))
    }

    /// The slots that it is made of.
    pub(crate) fn slots(&self) -> Vec<usize> {
        match self {
            Self::Constant(..) => Vec::new(),
            Self::Values(slot) => vec![*slot],
            Self::Nested(nested) => nested.columns(),
        }
    }

    /// Whether arrays of all rows are cut out of the loaded page, so that they take no memory of
    /// their own.
    pub(crate) fn shares_page(&self, pages: &Pages) -> bool {
        matches!(self, Self::Values(slot) if pages.is_flat(*slot))
    }

    /// The selected ones (`None` = all) of rows `start..start + len` of the block, whose pages are
    /// loaded; with `keep` strings may be codes.
    pub(crate) fn array(
        &self,
        pages: &mut Pages,
        start: usize,
        len: usize,
        selection: Option<&FilterPredicate>,
        keep: bool,
    ) -> Result<ArrayRef> {
        match self {
            Self::Constant(value, field_type) => {
                let rows = selection.map_or(len, FilterPredicate::count);
                constant_array(value.as_ref(), field_type, rows, keep)
            }
            Self::Values(slot) => {
                let column = pages.column(*slot);
                let column = column.ok_or_else(|| Error::internal("a column was not planned"))?;
                column_array(column, start, len, selection, keep)
            }
            Self::Nested(nested) => {
                let array = nested.array(pages, start, len)?;
                selection.map_or_else(|| Ok(array.clone()), |rows| filter_array(rows, &array))
            }
        }
    }
}
