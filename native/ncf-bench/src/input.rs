//! Rows of a Parquet file in memory, in the types that NCF stores.

use std::fs::File;
use std::path::Path;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType as ArrowType, TimeUnit};
use ncf::{DataType, Error, Field, Result, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Rows of a batch, as Spark's writer hands them over.
const BATCH_ROWS: usize = 8192;

/// Reads all of a Parquet file.
pub(crate) fn parquet(path: &Path) -> Result<(Schema, Vec<RecordBatch>)> {
    let file = File::open(path).map_err(|error| Error::io("cannot open the input", error))?;
    let bad =
        |error: &dyn std::fmt::Display| Error::corrupt(format!("cannot read the input: {error}"));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| bad(&error))?;
    let arrow = builder.schema().clone();
    let mut fields = Vec::new();
    for (id, field) in (1..).zip(arrow.fields()) {
        fields.push(Field::new(id, field.name(), stored(field.data_type())?, field.is_nullable()));
    }
    let schema = Schema::new(fields)?;
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| bad(&error))?;
    let batches = reader
        .map(|batch| batch.and_then(|batch| in_types_of(&schema, &batch)))
        .collect::<std::result::Result<Vec<_>, ArrowError>>()
        .map_err(|error| bad(&error))?;
    Ok((schema, batches))
}

fn stored(arrow: &ArrowType) -> Result<DataType> {
    match arrow {
        ArrowType::Timestamp(_, zone) => {
            DataType::from_arrow(&ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        other => DataType::from_arrow(other),
    }
}

fn in_types_of(
    schema: &Schema,
    batch: &RecordBatch,
) -> std::result::Result<RecordBatch, ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns = schema.fields.iter().zip(batch.columns()).map(|(field, array)| {
        let array = cast_with_options(array, &field.field_type.to_arrow(), &options)?;
        Ok((field.name.as_str(), array, field.nullable))
    });
    let columns =
        columns.collect::<std::result::Result<Vec<(&str, ArrayRef, bool)>, ArrowError>>()?;
    RecordBatch::try_from_iter_with_nullable(columns)
}
