//! Sorting for `convert --sort-by`: all rows are held in memory, plus one copy of the sort columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_ord::sort::{SortColumn, SortOptions, lexsort_to_indices};
use arrow_select::concat::concat;
use arrow_select::interleave::interleave_record_batch;
use ncf::{Error, Result, Schema};

use super::{BATCH_ROWS, Source, reading};
use crate::progress;

struct Sorted {
    schema: Schema,
    batches: Vec<RecordBatch>,
    /// Batch and row of every row, in the order wanted.
    order: Vec<(usize, usize)>,
    next: usize,
}

/// The rows of `source` ordered by `columns`: ascending, nulls first, equal rows in the input's order.
pub(crate) fn sorted(mut source: Box<dyn Source>, columns: &[String]) -> Result<Box<dyn Source>> {
    let schema = source.schema().clone();
    let mut keys = Vec::new();
    for name in columns {
        schema.field(name)?;
        keys.extend(schema.index_of(name));
    }
    let mut batches = Vec::new();
    let bar = progress::bar(source.rows(), "read to sort", "rows");
    while let Some(batch) = source.next_batch()? {
        bar.inc(batch.num_rows() as u64);
        if batch.num_rows() > 0 {
            batches.push(batch);
        }
    }
    bar.finish_and_clear();
    let order = if batches.is_empty() { Vec::new() } else { order(&batches, &keys)? };
    Ok(Box::new(Sorted { schema, batches, order, next: 0 }))
}

fn order(batches: &[RecordBatch], keys: &[usize]) -> Result<Vec<(usize, usize)>> {
    let options = Some(SortOptions { descending: false, nulls_first: true });
    let mut columns = Vec::new();
    for key in keys {
        let parts: Vec<&dyn arrow_array::Array> = batches
            .iter()
            .filter_map(|batch| batch.columns().get(*key))
            .map(AsRef::as_ref)
            .collect();
        let values = concat(&parts).map_err(|error| {
            Error::unsupported(format!("the sort columns are too large to sort in memory: {error}"))
        })?;
        columns.push(SortColumn { values, options });
    }
    let places: Vec<(usize, usize)> = batches
        .iter()
        .enumerate()
        .flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| (batch, row)))
        .collect();
    let rows = u32::try_from(places.len()).map_err(|_| {
        Error::unsupported("more than 4,294,967,295 rows cannot be sorted; sort smaller files")
    })?;
    // Arrow's sort is unstable: the row number as last key makes the result one, on every machine.
    let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows));
    columns.push(SortColumn { values: numbers, options });
    let indices = lexsort_to_indices(&columns, None).map_err(reading)?;
    let places = indices.values().iter().filter_map(|index| places.get(*index as usize).copied());
    Ok(places.collect())
}

impl Source for Sorted {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn rows(&self) -> Option<u64> {
        Some(self.order.len() as u64)
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let end = self.order.len().min(self.next + BATCH_ROWS);
        let Some(places) = self.order.get(self.next..end).filter(|places| !places.is_empty())
        else {
            return Ok(None);
        };
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        self.next = end;
        interleave_record_batch(&batches, places).map(Some).map_err(reading)
    }
}
