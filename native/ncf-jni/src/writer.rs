//! Writers: batches on their way from the JVM into a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use ncf::{
    Error, FileReader, FileSummary, FileWriter, Interruption, ReadOptions, Result, ResultExt,
    Schema, SortKey, Storage, WriterOptions,
};

use crate::handle::Slab;
use crate::import;
use crate::memory::{self, JvmMemory};
use crate::request::{self, OpenWriter};

/// Every open writer. Generations are even: see [`Slab`].
pub(crate) static WRITERS: Slab<OpenedWriter> = Slab::new("writer", 2);

/// A file that is being written. Dropped unfinished, it deletes the file.
pub(crate) struct OpenedWriter {
    storage: Arc<dyn Storage>,
    path: PathBuf,
    schema: Schema,
    arrow: SchemaRef,
    writer: FileWriter,
}

/// Creates a file and returns the handle of its writer, whose memory `memory` grants.
pub(crate) fn open(
    storage: &Arc<dyn Storage>,
    memory: Option<JvmMemory>,
    interruption: Interruption,
    request: &str,
) -> Result<u64> {
    let OpenWriter { file, schema, options, sorted_by } = request::read(request)?;
    let path = PathBuf::from(&file);
    if !path.is_absolute() && !storage.is_remote() {
        return Err(
            Error::invalid_argument("the file to write needs an absolute path").with("file", file)
        );
    }
    schema.validate()?;
    let memory = memory::consumer("writer", options.memory_limit()?, memory);
    let sorted_by = sorted_by.into_iter().map(SortKey::from).collect();
    let options = WriterOptions { memory, interruption, sorted_by, ..options.writer(&schema)? };
    let sink = storage.create(&path)?;
    let writer = FileWriter::new(sink, schema.clone(), options).at("file", || &file)?;
    let arrow = import::arrow_schema(&schema);
    WRITERS.insert(OpenedWriter { storage: storage.clone(), path, schema, arrow, writer })
}

/// Appends the batch at `address`.
///
/// # Safety
/// As for [`import::import_batch`].
pub(crate) unsafe fn write_batch(handle: u64, address: i64) -> Result<()> {
    WRITERS.with(handle, |opened| {
        // SAFETY: the caller's promise.
        let batch = unsafe { import::import_batch(address, &opened.schema, &opened.arrow) };
        batch.and_then(|batch| opened.writer.write(&batch)).at("file", || opened.path.display())
    })
}

/// Makes the file durable, checks it, and answers its summary. The handle is gone.
pub(crate) fn finish(handle: u64) -> Result<String> {
    let OpenedWriter { storage, path, writer, .. } = WRITERS.take(handle)?;
    let summary = writer.finish().at("file", || path.display())?;
    let checked = check(&*storage, &path, &summary).and_then(|()| request::write(&summary));
    if checked.is_err() {
        // No table knows the file yet; what cannot be deleted is garbage that vacuum finds.
        let _ = storage.delete(&path);
    }
    checked.at("file", || path.display())
}

/// Opens the file as a reader would, reads its metadata and compares it with what the writer says.
fn check(storage: &dyn Storage, path: &Path, summary: &FileSummary) -> Result<()> {
    let reader = FileReader::open(storage.open(path)?, ReadOptions::default())?;
    reader.verify_metadata()?;
    let same = reader.uuid() == summary.uuid
        && reader.rows() == summary.rows
        && reader.digest() == summary.digest
        && reader.len() == summary.bytes;
    if same {
        return Ok(());
    }
    Err(Error::corrupt(
        "the file that was written reads back as another one; check the disk and write it again",
    ))
}
