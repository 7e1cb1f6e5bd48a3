//! What statistics say about the columns of a plan: for the optimizer of an engine.

use std::collections::BTreeMap;

use ncf_core::{ColumnBounds, DataType, Result, Scalar};
use ncf_file::{FileReader, Sketch, merge_all};
use ncf_scan::{ColumnSource, ScanColumn, stored_statistics};
use rayon::prelude::*;
use serde::Serialize;

use super::plan::{constant_bounds, with_threads};
use super::split::scan_columns;
use super::{Dataset, Plan, ScanRequest, Split, open_reader};

/// With more files, reading all their statistics takes longer than they are worth.
const MOST_FILES: usize = 1024;

/// What is known of a column over the blocks of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Least and greatest value, nulls and NaNs.
    #[serde(flatten)]
    pub bounds: ColumnBounds,
    /// About how many different values there are, nulls not counted.
    pub distinct: u64,
}

/// What a file says of a column.
struct Part {
    rows: u64,
    bounds: ColumnBounds,
    distinct: Distinct,
}

/// The different values of a column: those of partitions, and sketches by the type that is stored,
/// because hashes of different types do not compare.
#[derive(Default)]
struct Distinct {
    constants: Vec<Scalar>,
    sketches: Vec<(DataType, Sketch)>,
}

impl Dataset {
    /// Summaries of columns over the blocks of a plan, as they are read; nested columns have none, and
    /// where there are very many files there are none at all.
    ///
    /// # Errors
    /// `Io` or `Corrupt` when statistics cannot be read.
    pub fn summaries(
        &self,
        plan: &Plan,
        request: &ScanRequest,
        columns: &[String],
    ) -> Result<BTreeMap<String, ColumnSummary>> {
        let files: Vec<&[Split]> =
            plan.splits.chunk_by(|one, next| one.file == next.file).collect();
        if files.len() > MOST_FILES {
            return Ok(BTreeMap::new());
        }
        let of_file = |splits: &&[Split]| self.parts(splits, request, columns);
        let parts = with_threads(request.threads, files.len(), || {
            files.par_iter().map(of_file).collect::<Result<Vec<_>>>()
        })?;
        let column = |(at, name): (usize, &String)| {
            let parts: Option<Vec<&Part>> =
                parts.iter().map(|parts| parts.get(at)?.as_ref()).collect();
            Some((name.clone(), summary(&parts?)?))
        };
        Ok(columns.iter().enumerate().filter_map(column).collect())
    }

    /// What a file says of each column, where it says anything.
    fn parts(
        &self,
        splits: &[Split],
        request: &ScanRequest,
        columns: &[String],
    ) -> Result<Vec<Option<Part>>> {
        let Some(first) = splits.first() else { return Ok(Vec::new()) };
        let reader = open_reader(&*self.storage, first.file.as_ref())?;
        first.check_identity(&reader)?;
        let schema = request.schema.as_ref().unwrap_or(self.schema());
        let columns = scan_columns(&reader, first, schema, columns)?;
        columns.iter().map(|column| part(&reader, column, splits)).collect()
    }
}

fn part(reader: &FileReader, column: &ScanColumn, splits: &[Split]) -> Result<Option<Part>> {
    let Some(wanted) = column.field.field_type.value() else { return Ok(None) };
    let rows = splits.iter().map(|split| split.block_rows).sum();
    let mut distinct = Distinct::default();
    if let ColumnSource::Constant(value) = &column.source {
        distinct.constants.extend(value.clone());
        return Ok(Some(Part { rows, bounds: constant_bounds(value.as_ref(), rows), distinct }));
    }
    let Some((data_type, statistics)) = stored_statistics(reader, column)? else {
        return Ok(None);
    };
    let numbers = splits.iter().flat_map(|split| split.blocks.clone());
    let blocks: Vec<_> = numbers.filter_map(|number| statistics.block(number)).collect();
    let mut sketch = Sketch::default();
    blocks.iter().for_each(|block| sketch.merge(block.sketch()));
    distinct.sketches.push((data_type, sketch));
    let bounds = merge_all(blocks.iter().map(|block| (block.bounds(), block.rows())));
    Ok(Some(Part { rows, bounds: bounds.widen(wanted), distinct }))
}

/// `None` where not even the nulls were counted.
fn summary(parts: &[&Part]) -> Option<ColumnSummary> {
    let bounds = merge_all(parts.iter().map(|part| (part.bounds.clone(), part.rows)));
    let mut all = Distinct::default();
    for part in parts {
        for value in &part.distinct.constants {
            if !all.constants.contains(value) {
                all.constants.push(value.clone());
            }
        }
        for (data_type, sketch) in &part.distinct.sketches {
            match all.sketches.iter_mut().find(|(have, _)| have == data_type) {
                Some((_, have)) => have.merge(sketch),
                None => all.sketches.push((*data_type, sketch.clone())),
            }
        }
    }
    let values = parts.iter().map(|part| part.rows).sum::<u64>().checked_sub(bounds.nulls?)?;
    let sketched: u64 = all.sketches.iter().map(|(_, sketch)| sketch.estimate()).sum();
    let seen = sketched + all.constants.len() as u64;
    let possible = width(&bounds).unwrap_or(u64::MAX).min(values);
    Some(ColumnSummary { bounds, distinct: seen.max(1).min(possible) })
}

/// How many values there can be between the bounds.
fn width(bounds: &ColumnBounds) -> Option<u64> {
    let whole = |bound: &Option<Scalar>| match bound {
        Some(Scalar::Boolean(value)) => Some(i64::from(*value)),
        Some(Scalar::Tinyint(value)) => Some((*value).into()),
        Some(Scalar::Smallint(value)) => Some((*value).into()),
        Some(Scalar::Int(value) | Scalar::Date(value)) => Some((*value).into()),
        Some(Scalar::Bigint(value)) => Some(*value),
        _ => None,
    };
    whole(&bounds.max)?.abs_diff(whole(&bounds.min)?).checked_add(1)
}
