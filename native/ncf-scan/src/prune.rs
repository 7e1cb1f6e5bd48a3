//! Which blocks and zones can hold matches: `ncf_index`'s rules over a file's statistics.

use std::sync::Arc;

use ncf_core::{ColumnBounds, Predicate, Result, Scalar};
use ncf_file::{ColumnStatistics, FileReader};
use ncf_index::{Outcomes, outcomes};

use crate::resolve::{ColumnSource, ScanColumn, check_columns, check_predicate, position};

/// Statistics of the columns that a predicate reads.
pub(crate) struct Bounds {
    columns: Vec<(String, Known)>,
}

enum Known {
    File(Arc<ColumnStatistics>),
    Constant(Option<Scalar>),
}

impl Bounds {
    /// Reads the statistics of the predicate's columns.
    pub(crate) fn load(
        reader: &FileReader,
        columns: &[ScanColumn],
        predicate: &Predicate,
    ) -> Result<Self> {
        let mut known = Vec::new();
        for name in predicate.columns() {
            let found = match columns.get(position(columns, name)?).map(|column| &column.source) {
                Some(ColumnSource::File(index)) => {
                    Known::File(reader.statistics(reader.stored_of(*index).start)?)
                }
                Some(ColumnSource::Constant(value)) => Known::Constant(value.clone()),
                None => continue,
            };
            known.push((name.to_string(), found));
        }
        Ok(Self { columns: known })
    }

    /// What `predicate` can be in the `rows` rows of a block.
    pub(crate) fn block(&self, predicate: &Predicate, block: usize, rows: u64) -> Outcomes {
        outcomes(predicate, rows, &|name| self.of_block(name, block, rows))
    }

    /// What `predicate` can be in the `rows` rows of a zone of a block.
    pub(crate) fn zone(
        &self,
        predicate: &Predicate,
        block: usize,
        zone: usize,
        rows: u64,
    ) -> Outcomes {
        outcomes(predicate, rows, &|name| match self.known(name)? {
            Known::File(statistics) => Some(statistics.block(block)?.zone_bounds(zone)),
            Known::Constant(value) => Some(constant_bounds(value.as_ref(), rows)),
        })
    }

    /// What is known of a column of a block with `rows` rows.
    pub(crate) fn of_block(&self, name: &str, block: usize, rows: u64) -> Option<ColumnBounds> {
        match self.known(name)? {
            Known::File(statistics) => Some(statistics.block(block)?.bounds()),
            Known::Constant(value) => Some(constant_bounds(value.as_ref(), rows)),
        }
    }

    fn known(&self, name: &str) -> Option<&Known> {
        self.columns.iter().find(|(have, _)| have == name).map(|(_, known)| known)
    }
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
/// of the block makes the predicate true.
///
/// # Errors
/// `InvalidArgument` when the predicate does not fit the columns.
pub fn prune_blocks(
    reader: &FileReader,
    columns: &[ScanColumn],
    predicate: &Predicate,
) -> Result<Vec<bool>> {
    check_columns(columns, reader)?;
    check_predicate(predicate, columns)?;
    let bounds = Bounds::load(reader, columns, predicate)?;
    let keep = |(block, info): (usize, &ncf_file::BlockInfo)| {
        !bounds.block(predicate, block, u64::from(info.rows)).no_match()
    };
    Ok(reader.blocks().iter().enumerate().map(keep).collect())
}
