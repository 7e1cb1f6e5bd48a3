//! Arrays of one Arrow type as another that has the same values, whatever they are nested in: lists of any
//! kind, dictionaries and runs are taken apart and put together; a rule converts the values inside.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, ListArray, MapArray, StructArray, new_null_array,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType as ArrowType, FieldRef};
use arrow_select::filter::filter;
use ncf::{Error, Result, ResultExt};

/// Makes an array that is not nested one of another type.
pub(super) type ValueRule<'a> = &'a dyn Fn(&ArrayRef, &ArrowType) -> Result<ArrayRef>;

/// `array` as `target`, values by `rule`. `Unsupported` where they are nested differently.
pub(super) fn reshape(array: &ArrayRef, target: &ArrowType, rule: ValueRule) -> Result<ArrayRef> {
    match (array.data_type(), target) {
        (have, _) if have == target => Ok(Arc::clone(array)),
        (ArrowType::Null, _) => Ok(new_null_array(target, array.len())),
        (ArrowType::Dictionary(_, values), _) => reshape(&cast(array, values)?, target, rule),
        (ArrowType::RunEndEncoded(_, values), _) => {
            reshape(&cast(array, values.data_type())?, target, rule)
        }
        (_, ArrowType::Dictionary(_, values)) => cast(&reshape(array, values, rule)?, target),
        (_, ArrowType::RunEndEncoded(_, values)) => {
            cast(&reshape(array, values.data_type(), rule)?, target)
        }
        (ArrowType::Struct(_), ArrowType::Struct(fields)) => {
            let array = array.as_struct();
            let columns = parts(fields.iter().zip(array.columns()), rule)?;
            let (fields, nulls) = (fields.clone(), array.nulls().cloned());
            let built = StructArray::try_new_with_length(fields, columns, nulls, array.len());
            Ok(Arc::new(built.map_err(misbuilt)?))
        }
        (ArrowType::Map(..), ArrowType::Map(entries, sorted)) => {
            map(array.as_map(), entries, *sorted, rule)
        }
        (have, _) => match (element(have), element(target)) {
            (Some(_), Some(to)) if matches!(have, ArrowType::List(_)) => {
                let list = list(array.as_list(), to, rule)?;
                if list.data_type() == target { Ok(list) } else { cast(&list, target) }
            }
            (Some(from), Some(_)) => {
                reshape(&cast(array, &ArrowType::List(Arc::clone(from)))?, target, rule)
            }
            (None, None) => rule(array, target),
            _ => Err(Error::unsupported(format!("type {have} cannot become {target}"))),
        },
    }
}

/// The element of a list of any kind.
pub(super) fn element(list: &ArrowType) -> Option<&FieldRef> {
    match list {
        ArrowType::List(element)
        | ArrowType::LargeList(element)
        | ArrowType::ListView(element)
        | ArrowType::LargeListView(element)
        | ArrowType::FixedSizeList(element, _) => Some(element),
        _ => None,
    }
}

fn parts<'a>(
    columns: impl Iterator<Item = (&'a FieldRef, &'a ArrayRef)>,
    rule: ValueRule,
) -> Result<Vec<ArrayRef>> {
    columns
        .map(|(field, column)| {
            reshape(column, field.data_type(), rule).at("field", || field.name())
        })
        .collect()
}

fn list(list: &ListArray, to: &FieldRef, rule: ValueRule) -> Result<ArrayRef> {
    let (offsets, elements) = used(list.offsets(), list.nulls(), list.values().as_ref())?;
    let elements = parts(std::iter::once((to, &elements)), rule)?.swap_remove(0);
    let built = ListArray::try_new(Arc::clone(to), offsets, elements, list.nulls().cloned());
    Ok(Arc::new(built.map_err(misbuilt)?))
}

fn map(map: &MapArray, entries: &FieldRef, sorted: bool, rule: ValueRule) -> Result<ArrayRef> {
    let (offsets, used) = used(map.offsets(), map.nulls(), map.entries())?;
    let ArrowType::Struct(fields) = entries.data_type() else {
        return Err(Error::unsupported(format!("a map of {} is none", entries.data_type())));
    };
    let columns = parts(fields.iter().zip(used.as_struct().columns()), rule)?;
    let inner = StructArray::try_new(fields.clone(), columns, None).map_err(misbuilt)?;
    let nulls = map.nulls().cloned();
    let built = MapArray::try_new(Arc::clone(entries), offsets, inner, nulls, sorted);
    Ok(Arc::new(built.map_err(misbuilt)?))
}

/// The elements of lists that are there, and offsets into them alone: a null list may have elements, which may
/// be nulls where none are allowed.
fn used(
    offsets: &OffsetBuffer<i32>,
    nulls: Option<&NullBuffer>,
    elements: &dyn Array,
) -> Result<(OffsetBuffer<i32>, ArrayRef)> {
    let (first, last) = (offsets.first(), offsets.last());
    let elements =
        elements.slice(first.cast_unsigned() as usize, (last - first).cast_unsigned() as usize);
    let there = |at: usize| nulls.is_none_or(|nulls| nulls.is_valid(at));
    let lengths = || offsets.lengths().enumerate();
    if lengths().all(|(at, length)| there(at) || length == 0) {
        return Ok((OffsetBuffer::from_lengths(offsets.lengths()), elements));
    }
    let mut keep = BooleanBufferBuilder::new(elements.len());
    lengths().for_each(|(at, length)| keep.append_n(length, there(at)));
    let lengths = lengths().map(|(at, length)| if there(at) { length } else { 0 });
    let kept = filter(&elements, &BooleanArray::new(keep.finish(), None)).map_err(misbuilt)?;
    Ok((OffsetBuffer::from_lengths(lengths), kept))
}

/// A cast that fails instead of turning what does not fit into null.
pub(super) fn cast(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|error| {
        Error::unsupported(format!("type {} cannot become {to}: {error}", array.data_type()))
    })
}

fn misbuilt(error: ArrowError) -> Error {
    Error::unsupported(format!("a nested column cannot be converted: {error}"))
}
