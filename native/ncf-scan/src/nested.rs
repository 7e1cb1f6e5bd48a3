//! Nested columns: which stored columns a wanted field is made of, and its array out of their pages.
//!
//! The pages of all stored columns of a field begin and end at the same rows, so the elements of a
//! page's arrays are the values of the page below it, whole.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, MapArray, StructArray, new_null_array};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType as ArrowType, Field as ArrowField, Fields};
use ncf_core::{
    DataType, Error, Field, FieldType, Limits, Result, ResultExt, Role, Values, find_name,
};
use ncf_file::{FileReader, element_offsets, to_array};

use crate::pages::{Loaded, Pages};

/// A wanted field and where its values are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nested {
    field: Field,
    source: Source,
}

/// Where the values of a field are. `column` counts stored columns until slots are given.
#[derive(Debug, Clone, PartialEq)]
enum Source {
    /// Not in the file: null.
    Missing,
    /// One column has the field's own values, presence or lengths, `parts` the rest.
    Column { column: usize, parts: Vec<Nested> },
}

/// Stored columns of a field.
fn width(field: &Field) -> usize {
    1 + field.field_type.parts().iter().map(width).sum::<usize>()
}

impl Nested {
    /// How `wanted` is read from `stored`, whose first stored column is `column`. Fields of structs are
    /// found by name; those that are not stored are null. Values may be of a narrower type.
    ///
    /// # Errors
    /// `Unsupported`, naming the field, when values cannot be read as the type wanted.
    pub(crate) fn resolve(wanted: &Field, stored: &Field, column: usize) -> Result<Self> {
        let part = |wanted: &Field, stored: &Field, column| {
            Self::resolve(wanted, stored, column).at("field", || &wanted.name)
        };
        let parts = match (&wanted.field_type, &stored.field_type) {
            _ if stored.widens_to(wanted) => Vec::new(),
            (FieldType::Struct(wanted), FieldType::Struct(stored)) => {
                let resolve = |field: &Field| match find_part(&field.name, stored, column) {
                    None => Ok(Self { field: field.clone(), source: Source::Missing }),
                    Some((have, start)) => part(field, have, start),
                };
                wanted.iter().map(resolve).collect::<Result<_>>()?
            }
            (FieldType::Array(a), FieldType::Array(b)) => vec![part(a, b, column + 1)?],
            (FieldType::Map(a), FieldType::Map(b)) => {
                let ([key, value], [have_key, have_value]) = (&**a, &**b);
                let values = column + 1 + width(have_key);
                vec![part(key, have_key, column + 1)?, part(value, have_value, values)?]
            }
            (wanted, stored) => {
                return Err(Error::unsupported(format!(
                    "the values are stored as {stored} and cannot be read as {wanted}; read them \
                     as {stored}, or a type that holds every {stored}, and cast"
                )));
            }
        };
        Ok(Self { field: wanted.clone(), source: Source::Column { column, parts } })
    }

    /// The stored columns that are read.
    pub(crate) fn columns(&self) -> Vec<usize> {
        match &self.source {
            Source::Missing => Vec::new(),
            Source::Column { column, parts } => {
                std::iter::once(*column).chain(parts.iter().flat_map(Self::columns)).collect()
            }
        }
    }

    /// The same with `give` called for each stored column and the type that it is read as, in the
    /// order of [`Nested::columns`].
    pub(crate) fn renumber(&mut self, give: &mut impl FnMut(usize, DataType) -> usize) {
        if let Source::Column { column, parts } = &mut self.source {
            *column = give(*column, Role::of(&self.field.field_type).1);
            parts.iter_mut().for_each(|part| part.renumber(give));
        }
    }

    /// The array of rows `start..start + len` of the block, whose pages are loaded.
    pub(crate) fn array(&self, pages: &Pages, start: usize, len: usize) -> Result<ArrayRef> {
        let Source::Column { column, .. } = &self.source else {
            return Ok(new_null_array(&self.field.field_type.to_arrow(), len));
        };
        let first = pages.loaded(*column)?.offset(start, len)?;
        pages.check_aligned(&self.columns())?;
        self.build(pages, first..first + len)
    }

    /// The array of some values of the page.
    fn build(&self, pages: &Pages, range: Range<usize>) -> Result<ArrayRef> {
        let field_type = &self.field.field_type;
        let Source::Column { column, parts } = &self.source else {
            return Ok(new_null_array(&field_type.to_arrow(), range.len()));
        };
        let page = pages.loaded(*column)?;
        if range.end > page.page.values.len() {
            return Err(Error::corrupt("a page below an array has too few values"))
                .at("column", || &self.field.name);
        }
        match field_type {
            FieldType::Value(data_type) => {
                let values = page.page.values.slice(range.start, range.len());
                let values = pages.flat(*column, values)?;
                to_array(values, cut_validity(page, &range), *data_type)
            }
            FieldType::Struct(fields) => {
                let (Values::Bool(present), _) = cut(page, &range)? else {
                    return Err(Error::internal("a presence is not boolean"));
                };
                let arrays = parts
                    .iter()
                    .map(|part| part.build(pages, range.clone()))
                    .collect::<Result<Vec<_>>>()?;
                let nulls = nulls(Some(present));
                let fields: Fields = fields.iter().map(Field::to_arrow).collect();
                let array = StructArray::try_new_with_length(fields, arrays, nulls, range.len());
                Ok(Arc::new(array.map_err(misfit)?))
            }
            FieldType::Array(element) => {
                let (offsets, inner, validity) = lists(page, &range)?;
                let [part] = parts.as_slice() else {
                    return Err(Error::internal("an array has no element"));
                };
                let elements = part.build(pages, inner)?;
                let field = Arc::new(element.to_arrow());
                let array = ListArray::try_new(field, offsets, elements, nulls(validity));
                Ok(Arc::new(array.map_err(misfit)?))
            }
            FieldType::Map(_) => {
                let (offsets, inner, validity) = lists(page, &range)?;
                let entries = parts
                    .iter()
                    .map(|part| part.build(pages, inner.clone()))
                    .collect::<Result<Vec<_>>>()?;
                map(field_type, offsets, entries, nulls(validity))
            }
        }
    }
}

/// The field called `name` among those of a stored struct, with its first stored column; `column` is
/// the struct's own.
pub(crate) fn find_part<'a>(
    name: &str,
    parts: &'a [Field],
    column: usize,
) -> Option<(&'a Field, usize)> {
    let name = find_name(name, parts.iter().map(|part| part.name.as_str()))?;
    let mut start = column + 1;
    for part in parts {
        if part.name == name {
            return Some((part, start));
        }
        start += width(part);
    }
    None
}

/// Some values of a page and where they are not null.
fn cut(loaded: &Loaded, range: &Range<usize>) -> Result<(Values, Option<BooleanBuffer>)> {
    let page = &loaded.page;
    let values = page.values.slice(range.start, range.len());
    let values = values.into_flat(&Limits::DEFAULT.page_budget(loaded.rows))?;
    Ok((values, cut_validity(loaded, range)))
}

fn cut_validity(loaded: &Loaded, range: &Range<usize>) -> Option<BooleanBuffer> {
    let validity = loaded.page.validity.as_ref();
    validity.map(|valid| valid.slice(range.start, range.len()))
}

/// The offsets of some arrays of a page, counted from the first's elements; which elements these are;
/// and where the arrays are not null.
fn lists(
    page: &Loaded,
    range: &Range<usize>,
) -> Result<(OffsetBuffer<i32>, Range<usize>, Option<BooleanBuffer>)> {
    let (lengths, validity) = cut(page, &(0..page.page.values.len()))?;
    let offsets = element_offsets(&lengths, validity.as_ref())?;
    let offsets = offsets.slice(range.start, range.len());
    let (first, last) = (offsets.first(), offsets.last());
    let inner = first.cast_unsigned() as usize..last.cast_unsigned() as usize;
    let from_first: ScalarBuffer<i32> = offsets.iter().map(|offset| offset - first).collect();
    let validity = validity.map(|valid| valid.slice(range.start, range.len()));
    Ok((OffsetBuffer::new(from_first), inner, validity))
}

fn map(
    field_type: &FieldType,
    offsets: OffsetBuffer<i32>,
    entries: Vec<ArrayRef>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let fields: Fields = field_type.parts().iter().map(Field::to_arrow).collect();
    let field = ArrowField::new("entries", ArrowType::Struct(fields.clone()), false);
    let entries = StructArray::try_new(fields, entries, None).map_err(misfit)?;
    let array = MapArray::try_new(Arc::new(field), offsets, entries, nulls, false);
    Ok(Arc::new(array.map_err(misfit)?))
}

fn nulls(valid: Option<BooleanBuffer>) -> Option<NullBuffer> {
    valid.map(NullBuffer::new).filter(|nulls| nulls.null_count() > 0)
}

fn misfit(error: ArrowError) -> Error {
    Error::corrupt(format!("the parts of a nested column do not fit each other: {error}"))
}

/// Checks that a file's field can be read as `wanted`: by the names of fields of structs, each value as
/// its own type or a wider one.
///
/// # Errors
/// `Unsupported`, naming the field, when it cannot.
pub fn check_readable(wanted: &Field, stored: &Field) -> Result<()> {
    Nested::resolve(wanted, stored, 0).at("column", || &wanted.name).map(|_| ())
}

/// How `wanted` is read from the field at a position of a file's schema.
pub(crate) fn resolve_in(wanted: &Field, reader: &FileReader, field: usize) -> Result<Nested> {
    let stored =
        reader.schema().fields.get(field).ok_or_else(|| {
            Error::invalid_argument(format!("the file has no column number {field}"))
        })?;
    Nested::resolve(wanted, stored, reader.stored_of(field).start)
}
