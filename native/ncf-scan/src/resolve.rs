//! The columns of a scan, and whether a predicate fits them.

use std::collections::HashSet;

use ncf_core::{DataType, Error, Field, FieldPath, Predicate, Result, Role, Scalar};
use ncf_file::FileReader;

use crate::nested::{check_readable, find_part};

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnSource {
    /// The column of the file with this index in its schema.
    File(usize),
    /// The same value, or null, in every row: partition columns, columns that the file lacks.
    Constant(Option<Scalar>),
}

/// A column that predicate or projection may name.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanColumn {
    /// Name and type wanted.
    pub field: Field,
    /// Where the values come from.
    pub source: ColumnSource,
}

impl ScanColumn {
    /// Position in the file's schema, unless the column is a constant.
    pub fn file_index(&self) -> Option<usize> {
        match self.source {
            ColumnSource::File(index) => Some(index),
            ColumnSource::Constant(_) => None,
        }
    }
}

/// The position of the column called `name`, or an error that lists the columns.
pub(crate) fn position(columns: &[ScanColumn], name: &str) -> Result<usize> {
    columns.iter().position(|column| column.field.name == name).ok_or_else(|| {
        let names: Vec<_> = columns.iter().map(|column| column.field.name.as_str()).collect();
        Error::invalid_argument(format!(
            "there is no column {name}; the columns are {}",
            names.join(", ")
        ))
    })
}

/// Checks that the columns have unique names and can be had from a file.
pub(crate) fn check_columns(columns: &[ScanColumn], reader: &FileReader) -> Result<()> {
    let mut names = HashSet::new();
    for ScanColumn { field, source } in columns {
        if !names.insert(field.name.as_str()) {
            return Err(Error::invalid_argument(format!("column {} appears twice", field.name)));
        }
        match source {
            ColumnSource::Constant(None) => {}
            ColumnSource::Constant(Some(value)) => {
                let found = value.data_type();
                if !field.field_type.value().is_some_and(|wanted| found.compares_with(wanted)) {
                    return Err(Error::unsupported(format!(
                        "column {} is {found} here but {} is wanted; give it that type",
                        field.name, field.field_type
                    )));
                }
            }
            ColumnSource::File(index) => check_readable(field, stored_field(reader, *index)?)?,
        }
    }
    Ok(())
}

/// The field at a position of the file's schema.
pub(crate) fn stored_field(reader: &FileReader, index: usize) -> Result<&Field> {
    reader
        .schema()
        .fields
        .get(index)
        .ok_or_else(|| Error::invalid_argument(format!("the file has no column number {index}")))
}

/// What a field that a predicate or computation names is to a scan.
#[derive(Clone)]
pub(crate) struct Place {
    /// What its stored column says: its values, or only whether it is there. Below a null struct every
    /// stored column has nulls, so no other column need be looked at.
    pub(crate) role: Role,
    /// Type of what the column says, as the scan sees it.
    pub(crate) data_type: DataType,
    pub(crate) source: PlaceSource,
}

/// Where a field's values come from.
#[derive(Clone)]
pub(crate) enum PlaceSource {
    /// The same value, or null, in every row.
    Constant(Option<Scalar>),
    /// The stored column of this number; later on, its slot.
    Stored(usize),
}

impl Place {
    /// The same with the slot that `slot` gives a stored column.
    pub(crate) fn in_slot(self, slot: &mut dyn FnMut(usize, DataType) -> usize) -> Self {
        let source = match self.source {
            PlaceSource::Stored(column) => PlaceSource::Stored(slot(column, self.data_type)),
            constant => constant,
        };
        Self { source, ..self }
    }
}

/// Finds the field of a path.
///
/// # Errors
/// `InvalidArgument` when the columns have no such field.
pub(crate) fn place(
    path: &FieldPath,
    columns: &[ScanColumn],
    reader: &FileReader,
) -> Result<Place> {
    let (column, wanted) = find(path, columns)?;
    let (role, data_type) = Role::of(&wanted.field_type);
    let constant = |value| Place { role, data_type, source: PlaceSource::Constant(value) };
    let index = match &column.source {
        ColumnSource::Constant(value) if path.fields().is_empty() => {
            return Ok(constant(value.clone()));
        }
        ColumnSource::Constant(_) => return Ok(constant(None)),
        ColumnSource::File(index) => *index,
    };
    let mut stored = (stored_field(reader, index)?, reader.stored_of(index).start);
    for name in path.fields() {
        match find_part(name, stored.0.field_type.parts(), stored.1) {
            None => return Ok(constant(None)),
            Some(part) => stored = part,
        }
    }
    Ok(Place { role, data_type, source: PlaceSource::Stored(stored.1) })
}

/// The type of the values of a column or field.
///
/// # Errors
/// `InvalidArgument` when there is no such field, or it is nested.
pub(crate) fn value_type(path: &FieldPath, columns: &[ScanColumn]) -> Result<DataType> {
    find(path, columns)?.1.data_type()
}

/// The column and the field in it that a path leads to.
fn find<'a>(path: &FieldPath, columns: &'a [ScanColumn]) -> Result<(&'a ScanColumn, &'a Field)> {
    let index = position(columns, path.column())?;
    let column = columns.get(index).ok_or_else(|| Error::internal("a column moved"))?;
    let field = path.find(&column.field).ok_or_else(|| {
        Error::invalid_argument(format!(
            "there is no field {path}; column {} is {}",
            path.column(),
            column.field.field_type
        ))
    })?;
    Ok((column, field))
}

/// Checks that everything that the predicate compares is of one type.
pub(crate) fn check_predicate(predicate: &Predicate, columns: &[ScanColumn]) -> Result<()> {
    predicate.check(&|path| value_type(path, columns))
}
