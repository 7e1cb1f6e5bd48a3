//! Rows waiting for their block to be full.

use arrow_array::{Array, ArrayRef, RecordBatch};
use ncf_core::{Error, FieldType, Result, Schema};

/// Rows of a batch are taken in slices of this many at most.
const SLICE_ROWS: usize = 8_192;

/// Copies of a field that exist while it is encoded: the joined pieces, and the values without what
/// null rows held.
const COPIES: usize = 2;

/// Columns of rows.
pub(super) struct RowBuffer {
    fields: Vec<FieldBuffer>,
    rows: usize,
    bytes: usize,
}

/// The rows of a field, as the pieces in which they came.
#[derive(Default)]
struct FieldBuffer {
    pieces: Vec<ArrayRef>,
    bytes: usize,
}

/// Consecutive rows of a batch.
pub(super) struct Slice {
    batch: RecordBatch,
    /// Of each field.
    field_bytes: Vec<usize>,
    bytes: usize,
}

impl Slice {
    fn new(batch: RecordBatch, schema: &Schema) -> Self {
        let columns = batch.columns().iter().zip(&schema.fields);
        let field_bytes: Vec<usize> =
            columns.map(|(column, field)| raw_bytes(column, &field.field_type)).collect();
        Self { batch, bytes: field_bytes.iter().sum(), field_bytes }
    }

    pub(super) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many of the first rows have at most `bytes` raw bytes.
    pub(super) fn rows_within(&self, bytes: usize, schema: &Schema) -> usize {
        let (mut fits, mut exceeds) = (0, self.rows() + 1);
        while exceeds - fits > 1 {
            let middle = fits + (exceeds - fits) / 2;
            if Self::new(self.batch.slice(0, middle), schema).bytes <= bytes {
                fits = middle;
            } else {
                exceeds = middle;
            }
        }
        fits
    }

    pub(super) fn split(self, at: usize, schema: &Schema) -> (Self, Self) {
        let rest = self.rows() - at;
        (Self::new(self.batch.slice(0, at), schema), Self::new(self.batch.slice(at, rest), schema))
    }
}

impl RowBuffer {
    pub(super) fn new(fields: usize) -> Self {
        let fields = std::iter::repeat_with(FieldBuffer::default).take(fields).collect();
        Self { fields, rows: 0, bytes: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory that the block takes with `slice` in it: its rows, its encoded pages, which are hardly
    /// longer, `numbers` bytes for each row of a field, and for each of `threads` copies of a field and `scratch` bytes a
    /// row.
    pub(super) fn memory_with(
        &self,
        slice: &Slice,
        threads: usize,
        (numbers, scratch): (usize, usize),
    ) -> u64 {
        let fields = self.fields.iter().zip(&slice.field_bytes);
        let largest = fields.map(|(field, more)| field.bytes + more).max().unwrap_or(0);
        let rows = self.bytes + slice.bytes;
        let scratch =
            (threads * scratch + self.fields.len() * numbers) * (self.rows + slice.rows());
        (2 * rows + COPIES * rows.min(threads * largest) + scratch) as u64
    }

    pub(super) fn push(&mut self, slice: Slice) {
        self.rows += slice.rows();
        self.bytes += slice.bytes;
        let columns = slice.batch.columns().iter().zip(slice.field_bytes);
        for (field, (column, bytes)) in self.fields.iter_mut().zip(columns) {
            field.pieces.push(column.clone());
            field.bytes += bytes;
        }
    }

    /// The pieces of each field; the buffer is empty again.
    pub(super) fn take(&mut self) -> Vec<Vec<ArrayRef>> {
        self.rows = 0;
        self.bytes = 0;
        self.fields.iter_mut().map(|field| std::mem::take(field).pieces).collect()
    }
}

/// A batch in slices of few enough rows that measuring one is cheap.
pub(super) fn slices(batch: &RecordBatch, schema: &Schema) -> Vec<Slice> {
    (0..batch.num_rows())
        .step_by(SLICE_ROWS)
        .map(|start| {
            let rows = SLICE_ROWS.min(batch.num_rows() - start);
            Slice::new(batch.slice(start, rows), schema)
        })
        .collect()
}

/// Checks that a batch has the schema's columns.
pub(super) fn check_batch(batch: &RecordBatch, schema: &Schema) -> Result<()> {
    if batch.num_columns() != schema.fields.len() {
        return Err(Error::invalid_argument(format!(
            "the batch has {} columns, the file {}",
            batch.num_columns(),
            schema.fields.len()
        )));
    }
    for (column, field) in batch.columns().iter().zip(&schema.fields) {
        let found = FieldType::from_arrow(column.data_type(), &mut 1);
        if !found.is_ok_and(|found| found.same_values(&field.field_type)) {
            return Err(Error::invalid_argument(format!(
                "the column has Arrow type {}, the file expects {}",
                column.data_type(),
                field.field_type
            ))
            .with("column", &field.name));
        }
        if !field.nullable && column.null_count() > 0 {
            return Err(Error::invalid_argument(
                "the column is declared NOT NULL but holds a null; \
                 declare it nullable or replace the nulls",
            )
            .with("column", &field.name));
        }
    }
    Ok(())
}

fn raw_bytes(column: &ArrayRef, field_type: &FieldType) -> usize {
    use arrow_array::cast::AsArray;
    use arrow_schema::DataType as Arrow;
    let rows = column.len();
    let parts = |arrays: &[ArrayRef]| -> usize {
        arrays.iter().zip(field_type.parts()).map(|(a, part)| raw_bytes(a, &part.field_type)).sum()
    };
    let inside = |array: &ArrayRef, offsets: &[i32]| {
        let first = offsets.first().map_or(0, |offset| offset.cast_unsigned() as usize);
        array.slice(first, offsets_span(offsets))
    };
    let text = |span: usize| rows * 4 + span;
    match column.data_type() {
        Arrow::Utf8 => text(offsets_span(column.as_string::<i32>().offsets())),
        Arrow::Binary => text(offsets_span(column.as_binary::<i32>().offsets())),
        Arrow::LargeUtf8 => text(offsets_span(column.as_string::<i64>().offsets())),
        Arrow::LargeBinary => text(offsets_span(column.as_binary::<i64>().offsets())),
        Arrow::Struct(_) => rows.div_ceil(8) + parts(column.as_struct().columns()),
        Arrow::List(_) => {
            let list = column.as_list::<i32>();
            rows * 4 + parts(&[inside(list.values(), list.offsets())])
        }
        Arrow::Map(..) => {
            let map = column.as_map();
            let entries = [map.keys(), map.values()].map(|array| inside(array, map.offsets()));
            rows * 4 + parts(&entries)
        }
        _ => {
            let physical = field_type.value().map(ncf_core::DataType::physical);
            rows * physical.and_then(ncf_core::PhysicalType::width).unwrap_or(1)
        }
    }
}

fn offsets_span<T: Copy + TryInto<usize>>(offsets: &[T]) -> usize {
    let at = |offset: Option<&T>| offset.and_then(|o| (*o).try_into().ok()).unwrap_or(0usize);
    at(offsets.last()).saturating_sub(at(offsets.first()))
}
