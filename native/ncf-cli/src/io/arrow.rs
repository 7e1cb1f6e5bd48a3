//! The Arrow IPC file, in and out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions};
use arrow_schema::SchemaRef;
use ncf::{Error, Result, Schema};

use super::arrow_types::exported_schema;
use super::export::Exporter;
use super::foreign::Foreign;
use super::output::Staged;
use super::{Sink, reading, writing};

/// Opens an Arrow IPC file.
pub(super) fn open(path: &Path) -> Result<Foreign> {
    let file = File::open(path).map_err(|error| Error::io("cannot open", error))?;
    let reader = FileReader::try_new(BufReader::new(file), None).map_err(reading)?;
    let schema = reader.schema();
    Foreign::new(&schema, &BTreeMap::new(), Box::new(reader), None)
}

struct ArrowSink {
    writer: FileWriter<BufWriter<File>>,
    exporter: Exporter,
    staged: Staged,
}

/// Creates an Arrow IPC file.
pub(super) fn create(staged: Staged, schema: &Schema) -> Result<Box<dyn Sink>> {
    let file = BufWriter::new(staged.create()?);
    let exporter = Exporter::new(schema, SchemaRef::new(exported_schema(schema)));
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let writer = FileWriter::try_new_with_options(file, exporter.schema(), options);
    Ok(Box::new(ArrowSink { writer: writer.map_err(writing)?, exporter, staged }))
}

impl Sink for ArrowSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = self.exporter.export(batch)?;
        self.writer.write(&batch).map_err(writing)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(writing)?;
        let file = self.writer.into_inner().map_err(writing)?;
        let file =
            file.into_inner().map_err(|error| Error::io("cannot write", error.into_error()))?;
        self.staged.commit(&file)
    }
}
