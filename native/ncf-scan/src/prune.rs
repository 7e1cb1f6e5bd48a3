//! Which blocks and zones can hold matches: `ncf_index`'s rules over a file's statistics.

use std::collections::BTreeSet;
use std::sync::Arc;

use ncf_core::{ColumnBounds, DataType, Error, FieldPath, Predicate, Result, Role, Scalar};
use ncf_file::constants::{PAGE_ROWS, ZONE_ROWS};
use ncf_file::{ColumnStatistics, FileReader};
use ncf_index::filter::{Sought, may_match, sought};
use ncf_index::{Index, Outcomes, outcomes};

use crate::resolve::{
    PlaceSource, ScanColumn, check_columns, check_predicate, place, stored_field,
};

/// Statistics of the fields that predicates read.
#[derive(Default)]
pub(crate) struct Bounds {
    fields: Vec<(FieldPath, Known)>,
}

enum Known {
    Stored(StoredField),
    Constant(Option<Scalar>),
}

struct StoredField {
    column: usize,
    statistics: Arc<ColumnStatistics>,
    index: Arc<Option<Index>>,
    role: Role,
    /// The type that it is read as.
    data_type: DataType,
}

impl Bounds {
    /// Reads the statistics of a predicate's fields, and with `indexed` their learned indexes.
    pub(crate) fn load(
        &mut self,
        reader: &FileReader,
        columns: &[ScanColumn],
        predicate: &Predicate,
        indexed: bool,
    ) -> Result<()> {
        let known = |path: &FieldPath| {
            let place = place(path, columns, reader)?;
            let found = match place.source {
                PlaceSource::Constant(value) => Known::Constant(value),
                PlaceSource::Stored(column) => Known::Stored(StoredField {
                    column,
                    statistics: reader.statistics(column)?,
                    index: if indexed { reader.index(column)? } else { Arc::default() },
                    role: place.role,
                    data_type: place.data_type,
                }),
            };
            Ok((path.clone(), found))
        };
        for path in predicate.paths() {
            self.fields.push(known(path)?);
        }
        Ok(())
    }

    /// What `predicate` can be in the `rows` rows of a block.
    pub(crate) fn block(&self, predicate: &Predicate, block: usize, rows: u64) -> Outcomes {
        outcomes(predicate, rows, &|path| self.of_block(path, block, rows))
    }

    /// What `predicate` can be in the `rows` rows of a zone of a block.
    pub(crate) fn zone(
        &self,
        predicate: &Predicate,
        block: usize,
        zone: usize,
        rows: u64,
    ) -> Outcomes {
        outcomes(predicate, rows, &|path| {
            self.known(path, rows, &|column| Some(column.block(block)?.zone_bounds(zone)))
        })
    }

    /// What is known of a field in a block with `rows` rows.
    pub(crate) fn of_block(
        &self,
        path: &FieldPath,
        block: usize,
        rows: u64,
    ) -> Option<ColumnBounds> {
        self.known(path, rows, &|column| Some(column.block(block)?.bounds()))
    }

    /// The index of a field, if it has one.
    pub(crate) fn index(&self, path: &FieldPath) -> Option<&Index> {
        self.indexed(path).map(|(_, _, index)| index)
    }

    /// The number, statistics and index of the stored column of a field that has an index.
    pub(crate) fn indexed(&self, path: &FieldPath) -> Option<(usize, &ColumnStatistics, &Index)> {
        match self.fields.iter().find(|(have, _)| have == path)? {
            (_, Known::Stored(field)) => {
                Some((field.column, &*field.statistics, field.index.as_ref().as_ref()?))
            }
            (_, Known::Constant(_)) => None,
        }
    }

    /// Whether the filters of a block leave it open that the predicate is true in some row. Adds the bytes that
    /// are read to `bytes`.
    pub(crate) fn may_match(
        &self,
        reader: &FileReader,
        predicate: &Predicate,
        block: usize,
        bytes: &mut u64,
    ) -> Result<bool> {
        // What is open whatever filters say is not worth a read.
        if may_match(predicate, &mut |_, _| Ok(false))? {
            return Ok(true);
        }
        may_match(predicate, &mut |path, values| {
            let Some((_, Known::Stored(field))) = self.fields.iter().find(|(have, _)| have == path)
            else {
                return Ok(true);
            };
            let Some(stored) = reader.stored().get(field.column) else { return Ok(true) };
            if field.role != Role::Values || !reader.has_filter(field.column, block)? {
                return Ok(true);
            }
            let mut hashes = Vec::with_capacity(values.len());
            for value in values {
                match sought(value, stored.data_type) {
                    Sought::Hash(hash) => hashes.push(hash),
                    Sought::Nothing => {}
                    Sought::Unknown => return Ok(true),
                }
            }
            let (holds, read) = reader.may_hold(field.column, block, &hashes)?;
            *bytes += read;
            Ok(holds)
        })
    }

    /// Stored bytes of the indexes that were read.
    pub(crate) fn index_bytes(&self, reader: &FileReader) -> u64 {
        let columns: BTreeSet<usize> = self
            .fields
            .iter()
            .filter_map(|(_, known)| match known {
                Known::Stored(field) => field.index.is_some().then_some(field.column),
                Known::Constant(_) => None,
            })
            .collect();
        columns.into_iter().map(|column| reader.index_bytes(column)).sum()
    }

    /// What is known of a field in `rows` rows, of which `stored` gives a column's statistics.
    fn known(
        &self,
        path: &FieldPath,
        rows: u64,
        stored: &dyn Fn(&ColumnStatistics) -> Option<ColumnBounds>,
    ) -> Option<ColumnBounds> {
        let (_, known) = self.fields.iter().find(|(have, _)| have == path)?;
        match known {
            Known::Constant(value) => Some(constant_bounds(value.as_ref(), rows)),
            Known::Stored(field) => {
                Some(field_bounds(stored(&field.statistics)?, field.role, field.data_type, rows))
            }
        }
    }
}

/// What the statistics of a stored column over `rows` rows say about its field.
///
/// A struct is null where its presence is false: nowhere when the least presence is true, everywhere
/// when the greatest is false. An array or map is null where its length is; what its lengths are says
/// nothing about a value.
fn field_bounds(stored: ColumnBounds, role: Role, wanted: DataType, rows: u64) -> ColumnBounds {
    let nulls = match role {
        Role::Values => return stored.widen(wanted),
        Role::Lengths => stored.nulls,
        Role::Presence => match (stored.min, stored.max, stored.nulls) {
            (Some(Scalar::Boolean(true)), _, Some(0)) => Some(0),
            (_, Some(Scalar::Boolean(false)), Some(0)) => Some(rows),
            _ => None,
        },
    };
    ColumnBounds { nulls, nans: Some(0), ..ColumnBounds::default() }
}

/// Bounds of `rows` rows that all hold `value`.
fn constant_bounds(value: Option<&Scalar>, rows: u64) -> ColumnBounds {
    let nan = value.is_some_and(Scalar::is_nan);
    let bound = value.filter(|_| !nan).cloned();
    ColumnBounds {
        min: bound.clone(),
        max: bound,
        nulls: Some(if value.is_none() { rows } else { 0 }),
        nans: Some(if nan { rows } else { 0 }),
        exact: true,
    }
}

/// For each block of the file, whether it has to be read: `false` only when it is proven that no row
/// of the block makes the predicate true, by its statistics or by filters.
///
/// # Errors
/// `InvalidArgument` when the predicate does not fit the columns; `Io` or `Corrupt` when filters cannot be read.
pub fn prune_blocks(
    reader: &FileReader,
    columns: &[ScanColumn],
    predicate: &Predicate,
) -> Result<Vec<bool>> {
    check_columns(columns, reader)?;
    check_predicate(predicate, columns)?;
    let mut bounds = Bounds::default();
    bounds.load(reader, columns, predicate, false)?;
    let keep = |(block, info): (usize, &ncf_file::BlockInfo)| {
        Ok(!bounds.block(predicate, block, u64::from(info.rows)).no_match()
            && bounds.may_match(reader, predicate, block, &mut 0)?)
    };
    reader.blocks().iter().enumerate().map(keep).collect()
}

/// Of each run of a page's rows of a block, how many the zones' statistics leave: the others certainly
/// do not make the predicate true.
///
/// # Errors
/// `InvalidArgument` when the predicate does not fit the columns or there is no such block.
pub fn open_rows(
    reader: &FileReader,
    columns: &[ScanColumn],
    predicate: &Predicate,
    block: usize,
) -> Result<Vec<u64>> {
    check_columns(columns, reader)?;
    check_predicate(predicate, columns)?;
    let mut bounds = Bounds::default();
    bounds.load(reader, columns, predicate, false)?;
    let info = reader.blocks().get(block);
    let info = info.ok_or_else(|| Error::invalid_argument(format!("there is no block {block}")))?;
    let rows = info.rows as usize;
    let mut open = vec![0; rows.div_ceil(PAGE_ROWS)];
    for (zone, start) in (0..rows).step_by(ZONE_ROWS).enumerate() {
        let zone_rows = (rows - start).min(ZONE_ROWS) as u64;
        let closed = bounds.zone(predicate, block, zone, zone_rows).no_match();
        if let Some(open) = open.get_mut(start / PAGE_ROWS).filter(|_| !closed) {
            *open += zone_rows;
        }
    }
    Ok(open)
}

/// The statistics of a column's values in a file, and the type that they are stored with; `None` where
/// the file has no such column, or it is nested.
///
/// # Errors
/// `Io` or `Corrupt` when they cannot be read.
pub fn stored_statistics(
    reader: &FileReader,
    column: &ScanColumn,
) -> Result<Option<(DataType, Arc<ColumnStatistics>)>> {
    let Some(index) = column.file_index() else { return Ok(None) };
    let Some(data_type) = stored_field(reader, index)?.field_type.value() else { return Ok(None) };
    Ok(Some((data_type, reader.statistics(reader.stored_of(index).start)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_proves_nulls_only_where_it_is_the_same_in_every_row() {
        let nulls = |min: Option<bool>, max: Option<bool>, nulls| {
            let bound = |v: Option<bool>| v.map(Scalar::Boolean);
            let stored = ColumnBounds {
                min: bound(min),
                max: bound(max),
                nulls,
                nans: Some(0),
                exact: true,
            };
            field_bounds(stored, Role::Presence, DataType::Boolean, 9).nulls
        };
        assert_eq!(nulls(Some(true), Some(true), Some(0)), Some(0));
        assert_eq!(nulls(Some(false), Some(false), Some(0)), Some(9));
        assert_eq!(nulls(Some(false), Some(true), Some(0)), None);
        assert_eq!(nulls(None, None, Some(0)), None);
        assert_eq!(nulls(Some(true), Some(true), Some(1)), None);
    }
}
