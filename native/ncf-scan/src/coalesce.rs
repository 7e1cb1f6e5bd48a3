//! Pieces of any size in, batches of about `batch_rows` rows out. Large pieces are sliced without a
//! copy; only pieces of less than half a batch wait to be joined with their successors, as values.

use std::collections::VecDeque;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat_batches;
use ncf_core::{Error, Result};

use crate::coded::{is_coded, value_bytes, values_of};

/// Bytes of strings that may wait: beyond, copying costs more than small batches do, and joined
/// strings could pass the 2 GiB of Arrow's offsets.
const WAITING_BYTES: usize = 16 << 20;

pub(crate) struct Coalescer {
    schema: SchemaRef,
    batch_rows: usize,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    ready: VecDeque<RecordBatch>,
}

impl Coalescer {
    pub(crate) fn new(schema: SchemaRef, batch_rows: usize) -> Self {
        Self {
            schema,
            batch_rows,
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            ready: VecDeque::new(),
        }
    }

    /// Takes the next rows.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut offset = 0;
        while offset < batch.num_rows() {
            let rows = (self.batch_rows - self.waiting_rows).min(batch.num_rows() - offset);
            let piece = batch.slice(offset, rows);
            offset += rows;
            if self.waiting.is_empty() && rows * 2 >= self.batch_rows {
                self.ready.push_back(piece);
                continue;
            }
            let bytes = string_bytes(&piece);
            if self.waiting_bytes.saturating_add(bytes) > WAITING_BYTES {
                self.flush()?;
            }
            if bytes > WAITING_BYTES {
                self.ready.push_back(piece);
                continue;
            }
            // Codes would keep the dictionaries of many blocks alive.
            self.waiting.push(values_of(&self.schema, &piece)?);
            self.waiting_rows += rows;
            self.waiting_bytes = self.waiting_bytes.saturating_add(bytes);
            if self.waiting_rows >= self.batch_rows {
                self.flush()?;
            }
        }
        if self.waiting_rows * 2 >= self.batch_rows {
            self.flush()?;
        }
        Ok(())
    }

    /// Makes a batch of what waits.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        let batch = match waiting.as_slice() {
            [] => return Ok(()),
            [only] => only.clone(),
            several => concat_batches(&self.schema, several)
                .map_err(|error| Error::internal(format!("cannot join batches: {error}")))?,
        };
        self.ready.push_back(batch);
        Ok(())
    }

    /// Bytes of the strings that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// The next finished batch.
    pub(crate) fn pop(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }
}

fn string_bytes(batch: &RecordBatch) -> usize {
    let bytes = |offsets: &[i32]| match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => (last - first).cast_unsigned() as usize,
        _ => 0,
    };
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8 => bytes(column.as_string::<i32>().value_offsets()),
        DataType::Binary => bytes(column.as_binary::<i32>().value_offsets()),
        DataType::Dictionary(..) => is_coded(column).map_or(0, value_bytes),
        // The whole buffers of a slice count: too many bytes only end a batch early.
        kind if kind.is_nested() => column.get_array_memory_size(),
        _ => 0,
    });
    columns.sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int32Array, RecordBatchOptions};
    use arrow_schema::{Field, Schema};

    use super::*;

    fn sizes(batch_rows: usize, pieces: &[i32]) -> Vec<usize> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, false)]));
        let mut coalescer = Coalescer::new(schema.clone(), batch_rows);
        let mut next = 0;
        for rows in pieces {
            let column: ArrayRef = Arc::new(Int32Array::from_iter_values(next..next + rows));
            next += rows;
            coalescer.push(&RecordBatch::try_new(schema.clone(), vec![column]).unwrap()).unwrap();
        }
        coalescer.flush().unwrap();
        let batches: Vec<_> = std::iter::from_fn(|| coalescer.pop()).collect();
        let values = batches.iter().flat_map(|batch| {
            batch.column(0).as_primitive::<arrow_array::types::Int32Type>().values().to_vec()
        });
        assert!(values.eq(0..next));
        batches.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn joins_small_and_slices_large_pieces() {
        assert_eq!(sizes(100, &[250]), [100, 100, 50]);
        assert_eq!(sizes(100, &[10, 10, 10, 30, 5, 5]), [60, 10]);
        assert_eq!(sizes(100, &[10, 200]), [100, 100, 10]);
        assert_eq!(sizes(100, &[]), Vec::<usize>::new());
        assert_eq!(sizes(1, &[3]), [1, 1, 1]);
    }

    #[test]
    fn counts_rows_without_columns() {
        let schema = Arc::new(Schema::empty());
        let mut coalescer = Coalescer::new(schema.clone(), 100);
        let options = RecordBatchOptions::new().with_row_count(Some(30));
        let piece = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
        (0..3).for_each(|_| coalescer.push(&piece).unwrap());
        coalescer.flush().unwrap();
        let rows: usize = std::iter::from_fn(|| coalescer.pop()).map(|b| b.num_rows()).sum();
        assert_eq!(rows, 90);
    }
}
