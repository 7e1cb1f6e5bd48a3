//! The Arrow IPC file, in and out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use ncf::{Error, Result, Schema};

use super::foreign::Foreign;
use super::output::{Staged, exported, exported_schema};
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
    staged: Staged,
}

/// Creates an Arrow IPC file.
pub(super) fn create(staged: Staged, schema: &Schema) -> Result<Box<dyn Sink>> {
    let file = BufWriter::new(staged.create()?);
    let writer = FileWriter::try_new(file, &exported_schema(schema)).map_err(writing)?;
    Ok(Box::new(ArrowSink { writer, staged }))
}

impl Sink for ArrowSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = exported(batch, self.writer.schema())?;
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
