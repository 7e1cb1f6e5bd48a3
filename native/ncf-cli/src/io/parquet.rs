//! Parquet, in and out (out: zstd, level 3).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use ncf::{Error, Result, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::foreign::Foreign;
use super::output::{Staged, exported, exported_schema};
use super::{BATCH_ROWS, Sink};

/// Opens a Parquet file.
pub(super) fn open(path: &Path) -> Result<Foreign> {
    let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| parquet_error("read", e))?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    let schema = builder.schema().clone();
    let reader =
        builder.with_batch_size(BATCH_ROWS).build().map_err(|e| parquet_error("read", e))?;
    Foreign::new(&schema, &BTreeMap::new(), Box::new(reader), rows)
}

struct ParquetSink {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    staged: Staged,
}

/// Creates a Parquet file.
pub(super) fn create(staged: Staged, schema: &Schema) -> Result<Box<dyn Sink>> {
    let level = ZstdLevel::try_new(3).map_err(|e| parquet_error("written", e))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let schema = SchemaRef::new(exported_schema(schema));
    let writer =
        ArrowWriter::try_new(staged.create()?, SchemaRef::clone(&schema), Some(properties))
            .map_err(|e| parquet_error("written", e))?;
    Ok(Box::new(ParquetSink { writer, schema, staged }))
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = exported(batch, &self.schema)?;
        self.writer.write(&batch).map_err(|e| parquet_error("written", e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { writer, staged, .. } = *self;
        let file = writer.into_inner().map_err(|e| parquet_error("written", e))?;
        staged.commit(&file)
    }
}

/// I/O errors stay such, unknown features are `Unsupported`, everything else is bad data.
fn parquet_error(what: &str, error: ParquetError) -> Error {
    match error {
        ParquetError::NYI(message) => Error::unsupported(message),
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => Error::io(format!("cannot be {what}"), *source),
            Err(other) => Error::corrupt(format!("cannot be {what}: {other}")),
        },
        other => Error::corrupt(format!("cannot be {what}: {other}")),
    }
}
