//! Parquet, in and out (out: zstd, level 3). INT96, the timestamps of old writers, are instants.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType as ArrowType, SchemaRef, TimeUnit};
use ncf::{Error, Result, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, Type as PhysicalType, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::arrow_types::{exported_schema, with_parquet_ids};
use super::export::Exporter;
use super::foreign::Foreign;
use super::output::Staged;
use super::{BATCH_ROWS, Sink};

/// Opens a Parquet file.
pub(super) fn open(path: &Path) -> Result<Foreign> {
    let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
    let read = |error| parquet_error("read", error);
    let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(read)?;
    let metadata = match with_instants(&plain) {
        None => plain,
        Some(schema) => {
            let options = ArrowReaderOptions::new().with_schema(schema);
            ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options).map_err(read)?
        }
    };
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).ok();
    let schema = builder.schema().clone();
    let reader =
        builder.with_batch_size(BATCH_ROWS).build().map_err(|e| parquet_error("read", e))?;
    Foreign::new(&schema, &BTreeMap::new(), Box::new(reader), rows)
}

/// The schema with every INT96 column as microseconds in UTC, when there is one. Left alone, they
/// would be nanoseconds, in which years before 1677 and after 2262 come out as others.
fn with_instants(metadata: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let parquet = metadata.parquet_schema();
    let roots = parquet.root_schema().get_fields().iter();
    let is_int96: Vec<bool> = roots
        .map(|root| root.is_primitive() && root.get_physical_type() == PhysicalType::INT96)
        .collect();
    if !is_int96.contains(&true) {
        return None;
    }
    let instant = ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields =
        metadata.schema().fields().iter().zip(is_int96).map(|(field, is_int96)| match is_int96 {
            true => Arc::new(field.as_ref().clone().with_data_type(instant.clone())),
            false => Arc::clone(field),
        });
    let schema = arrow_schema::Schema::new(fields.collect::<Vec<_>>());
    Some(SchemaRef::new(schema.with_metadata(metadata.schema().metadata().clone())))
}

struct ParquetSink {
    writer: ArrowWriter<File>,
    exporter: Exporter,
    staged: Staged,
}

/// Creates a Parquet file.
pub(super) fn create(staged: Staged, schema: &Schema) -> Result<Box<dyn Sink>> {
    let level = ZstdLevel::try_new(3).map_err(|e| parquet_error("written", e))?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let exported = SchemaRef::new(with_parquet_ids(exported_schema(schema), schema));
    let exporter = Exporter::new(schema, SchemaRef::clone(&exported));
    let writer = ArrowWriter::try_new(staged.create()?, exported, Some(properties))
        .map_err(|e| parquet_error("written", e))?;
    Ok(Box::new(ParquetSink { writer, exporter, staged }))
}

impl Sink for ParquetSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.exporter.export(batch)?;
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
