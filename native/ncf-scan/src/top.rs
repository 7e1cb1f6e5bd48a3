//! The first rows of a scan in an order. The best rows so far bound what can still come in: rows, zones
//! and blocks whose first key lies after the last of them are left out, without a look at other columns.

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_ord::sort::{SortColumn, SortOptions, lexsort_to_indices};
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use ncf_core::ordering::{canonical_f32, canonical_f64};
use ncf_core::{DataType, Error, FieldPath, Predicate, Result, SortKey, Top, Values};
use ncf_file::{scalar_at, to_array, to_values};

use crate::filter::Compiler;
use crate::resolve::{Place, ScanColumn};
use crate::scan_builder::Conjunct;

/// Most rows that are kept: they are sorted again for every window that has better ones.
pub(crate) const MOST_ROWS: usize = 1 << 16;

/// The best rows so far.
pub(crate) struct Best {
    keys: Vec<Key>,
    /// Where the values of the first key are.
    first: Place,
    limit: usize,
    rows: Option<RecordBatch>,
    bound: Option<Conjunct>,
    next_node: usize,
}

struct Key {
    key: SortKey,
    data_type: DataType,
    /// Where the column is in the projection.
    position: usize,
}

impl Best {
    /// # Errors
    /// `InvalidArgument` when a key is not projected, or more than [`MOST_ROWS`] rows are wanted.
    pub(crate) fn new(
        top: &Top,
        projection: &[&ScanColumn],
        find: &mut dyn FnMut(&FieldPath) -> Result<Place>,
        next_node: usize,
    ) -> Result<Self> {
        let Some(first) = top.keys.first().filter(|_| top.limit <= MOST_ROWS) else {
            return Err(Error::invalid_argument(format!(
                "the first {} rows by {} keys; give a key and at most {MOST_ROWS} rows",
                top.limit,
                top.keys.len()
            )));
        };
        let key = |key: &SortKey| {
            let is_key = |column: &&ScanColumn| {
                key.column.fields().is_empty() && column.field.name == key.column.column()
            };
            let found = projection.iter().enumerate().find(|(_, column)| is_key(column));
            let (position, column) = found.ok_or_else(|| {
                Error::invalid_argument(format!("{} orders rows but is not read", key.column))
            })?;
            Ok(Key { key: key.clone(), data_type: column.field.data_type()?, position })
        };
        let keys = top.keys.iter().map(key).collect::<Result<_>>()?;
        let first = find(&first.column)?;
        Ok(Self { keys, first, limit: top.limit, rows: None, bound: None, next_node })
    }

    /// What rows must meet to be among the first, as far as is known.
    pub(crate) fn bound(&self) -> Option<&Conjunct> {
        self.bound.as_ref()
    }

    /// The key that decides first.
    pub(crate) fn first_key(&self) -> Option<&SortKey> {
        self.keys.first().map(|key| &key.key)
    }

    /// Takes rows in.
    pub(crate) fn push(&mut self, rows: RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let all = match self.rows.take() {
            None => rows,
            Some(have) => concat_batches(&rows.schema(), [&have, &rows]).map_err(failed)?,
        };
        let first = self.first(&all)?;
        let best = take_record_batch(&all, &first).map_err(failed)?;
        if best.num_rows() >= self.limit {
            self.bound = self.bound_of(&best)?;
        }
        self.rows = Some(best);
        Ok(())
    }

    /// Bytes of the rows that are kept.
    pub(crate) fn byte_len(&self) -> usize {
        self.rows.as_ref().map_or(0, RecordBatch::get_array_memory_size)
    }

    /// The best rows, in their order.
    pub(crate) fn take(&mut self) -> Option<RecordBatch> {
        self.rows.take()
    }

    /// The places of the first rows.
    fn first(&self, rows: &RecordBatch) -> Result<UInt32Array> {
        let column = |key: &Key| {
            let options =
                SortOptions { descending: key.key.descending, nulls_first: key.key.nulls_first };
            let array =
                rows.columns().get(key.position).ok_or_else(|| Error::internal("no key"))?;
            Ok(SortColumn { values: comparable(array, key.data_type)?, options: Some(options) })
        };
        let columns = self.keys.iter().map(column).collect::<Result<Vec<_>>>()?;
        lexsort_to_indices(&columns, Some(self.limit)).map_err(failed)
    }

    /// The condition on rows that are no worse than the last of full `rows`.
    fn bound_of(&mut self, rows: &RecordBatch) -> Result<Option<Conjunct>> {
        let bound = match (self.keys.first(), rows.num_rows().checked_sub(1)) {
            (Some(key), Some(last)) => {
                let array =
                    rows.columns().get(key.position).ok_or_else(|| Error::internal("no key"))?;
                let one = array.slice(last, 1);
                let value = match one.null_count() {
                    0 => scalar_at(&to_values(&one, key.data_type)?, 0, key.data_type),
                    _ => None,
                };
                // Among rows that are equal in all keys any may be first.
                key.key.not_after(value.as_ref(), self.keys.len() > 1)
            }
            // The first 0 rows: none is among them.
            _ => Some(Predicate::Always(Some(false))),
        };
        let Some(predicate) = bound else { return Ok(None) };
        let place = self.first.clone();
        let mut find = |_: &FieldPath| Ok(place.clone());
        let mut compiler = Compiler::starting_at(&mut find, self.next_node);
        let node = compiler.compile(&predicate)?;
        self.next_node = compiler.next_id();
        Ok(Some(Conjunct { predicate, node }))
    }
}

/// An array that Arrow's sort orders as `ncf_core::ordering` does: it tells zeros and NaNs apart.
fn comparable(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    let validity = || array.nulls().map(|nulls| nulls.inner().clone());
    match to_values(array, data_type)? {
        Values::F32(v) => {
            let values = Values::F32(v.iter().map(|v| canonical_f32(*v)).collect());
            to_array(values, validity(), data_type)
        }
        Values::F64(v) => {
            let values = Values::F64(v.iter().map(|v| canonical_f64(*v)).collect());
            to_array(values, validity(), data_type)
        }
        _ => Ok(array.clone()),
    }
}

fn failed(error: ArrowError) -> Error {
    Error::internal(format!("cannot order rows: {error}"))
}
