//! Which columns of a block get a filter: those that were asked for, and those for which it takes little and
//! promises something.

use ncf_core::{DataType, Error, Field, Result, Values};
use ncf_index::filter::{FuseFilter, expected_bytes, hashes, parts};

use super::block::{EncodedColumn, Prepared};
use super::index::is_collated;
use crate::constants::FILTER_SHARE;

/// Of values that come back in a block this often, once their runs are counted as one, it is likely that they come
/// back in other blocks too: then a filter leaves out nothing.
const RETURNS: u64 = 4;
/// Fewer distinct values than one in so many rows are left to zone maps and dictionaries.
const FEW: u64 = 100;

/// `InvalidArgument` unless a column can have a filter.
pub(super) fn check(field: &Field) -> Result<()> {
    match field.field_type.value() {
        _ if is_collated(field) => Err(Error::invalid_argument(format!(
            "column {} has a collation, whose equal strings a filter would tell apart; name other columns",
            field.name
        ))),
        Some(DataType::Boolean) | None => Err(Error::invalid_argument(format!(
            "column {} is {}, which has no filter; name columns of numbers, times or strings",
            field.name, field.field_type
        ))),
        Some(_) => Ok(()),
    }
}

/// The columns of a block that shall have a filter: those that were asked for, and others, the smallest filter first.
pub(super) fn choose(columns: &[Prepared], encoded: &[EncodedColumn]) -> Vec<usize> {
    let mut left = share(encoded);
    let mut wanted: Vec<(u64, usize)> = Vec::new();
    for (at, (column, encoded)) in columns.iter().zip(encoded).enumerate() {
        let distinct = encoded.statistics.as_ref().map_or(0, |found| found.sketch.estimate());
        if column.filtered {
            wanted.push((0, at));
        } else if column.indexed
            && encoded.order.is_none()
            && expected_bytes(distinct) <= left
            && promises(column, distinct)
        {
            wanted.push((expected_bytes(distinct), at));
        }
    }
    wanted.sort_unstable();
    wanted.retain(|(bytes, _)| match left.checked_sub(*bytes) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    wanted.into_iter().map(|(_, at)| at).collect()
}

/// The filter of a column, in parts.
pub(super) fn build(column: &Prepared) -> Vec<Vec<u8>> {
    let filters = parts(&hashes(&column.values, column.validity.as_ref()));
    filters.unwrap_or_default().iter().map(FuseFilter::encode).collect()
}

/// Gives the columns of a block the filters that were built, by the order in which they were chosen: those that nobody
/// asked for as long as there is room.
pub(super) fn add(
    columns: &[Prepared],
    encoded: &mut [EncodedColumn],
    built: Vec<(usize, Vec<Vec<u8>>)>,
) {
    let mut left = share(encoded);
    for (at, filter) in built {
        let (Some(column), Some(encoded)) = (columns.get(at), encoded.get_mut(at)) else {
            continue;
        };
        let bytes = filter.iter().map(|part| part.len() as u64).sum();
        match left.checked_sub(bytes) {
            _ if column.filtered => encoded.filter = filter,
            Some(rest) => {
                left = rest;
                encoded.filter = filter;
            }
            None => {}
        }
    }
}

/// Bytes that filters which nobody asked for may take of a block.
fn share(encoded: &[EncodedColumn]) -> u64 {
    let page_bytes = |column: &EncodedColumn| column.chunk.byte_len() as u64;
    encoded.iter().map(page_bytes).sum::<u64>() / FILTER_SHARE
}

/// Whether values come back seldom enough.
fn promises(column: &Prepared, distinct: u64) -> bool {
    let rows = column.values.len() as u64;
    distinct.saturating_mul(FEW) > rows && distinct.saturating_mul(RETURNS) > runs(&column.values)
}

/// Runs of equal values.
fn runs(values: &Values) -> u64 {
    fn of<T: PartialEq>(values: &[T]) -> usize {
        values.windows(2).filter(|pair| matches!(pair, [a, b] if a != b)).count()
    }
    let changes = match values {
        Values::Bool(_) => 0,
        Values::I8(v) => of(v),
        Values::I16(v) => of(v),
        Values::I32(v) => of(v),
        Values::I64(v) => of(v),
        Values::I128(v) => of(v),
        Values::F32(v) => of(v),
        Values::F64(v) => of(v),
        Values::Bytes(v) => (1..v.len()).filter(|row| v.get(*row) != v.get(row - 1)).count(),
    };
    changes as u64 + 1
}
