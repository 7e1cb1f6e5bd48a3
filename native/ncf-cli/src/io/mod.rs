//! Record batches in and out, by file extension. Inputs stream; their columns arrive in types that
//! NCF stores. Outputs are written beside their final name and renamed when complete.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use ncf::{DataType, Error, ErrorKind, Result, Schema, WriterOptions};

mod arrow;
mod arrow_types;
mod csv;
mod export;
mod foreign;
mod from_text;
mod jsonl;
mod ncf_files;
mod nested_text;
mod output;
mod parquet;
mod reshape;
mod sort;
mod storable;
mod text;
mod times;

pub(crate) use ncf_files::NcfInput;
pub(crate) use sort::sorted;
pub(crate) use text::{TextFormat, TextWriter};

/// Rows of one batch of a foreign format.
pub(crate) const BATCH_ROWS: usize = 8192;

/// A file format, by extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `.ncf`, or a directory.
    Ncf,
    /// `.parquet`.
    Parquet,
    /// `.csv`, with a header.
    Csv,
    /// `.jsonl` or `.ndjson`: one object a line.
    Jsonl,
    /// `.arrow`: the Arrow IPC file.
    Arrow,
}

impl Format {
    /// The format that the name of `path` says; directories are NCF.
    pub(crate) fn of_path(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Ncf);
        }
        let extension = path.extension().map(|text| text.to_string_lossy().to_lowercase());
        Ok(match extension.as_deref() {
            Some("ncf") => Self::Ncf,
            Some("parquet") => Self::Parquet,
            Some("csv") => Self::Csv,
            Some("jsonl" | "ndjson") => Self::Jsonl,
            Some("arrow") => Self::Arrow,
            _ => {
                return Err(Error::invalid_argument(format!(
                    "the name of {} does not say its format; end it in .ncf, .parquet, .csv, .jsonl, .ndjson or .arrow",
                    path.display()
                )));
            }
        })
    }
}

/// Record batches of one schema, in the Arrow types of [`DataType::to_arrow`] (decimals: any width).
pub(crate) trait Source {
    /// The columns.
    fn schema(&self) -> &Schema;
    /// Rows in all, when known beforehand.
    fn rows(&self) -> Option<u64>;
    /// The next batch; `None` at the end.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>>;
}

/// Where record batches go. A sink that is dropped before `finish` leaves nothing behind.
pub(crate) trait Sink {
    /// Adds rows.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;
    /// Makes the output durable under its name.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Opens `path`; `types` overrides the types that CSV and JSON lines are guessed to have.
pub(crate) fn open(path: &Path, types: &BTreeMap<String, DataType>) -> Result<Box<dyn Source>> {
    require_exists(path)?;
    let format = Format::of_path(path)?;
    if !types.is_empty() && !matches!(format, Format::Csv | Format::Jsonl) {
        return Err(Error::invalid_argument(
            "--type is for .csv and .jsonl input; others carry types",
        ));
    }
    let source = match format {
        Format::Ncf => return Ok(Box::new(NcfInput::open(path)?.scan(None, None, None)?)),
        Format::Parquet => parquet::open(path),
        Format::Csv => csv::open(path, types),
        Format::Jsonl => jsonl::open(path, types),
        Format::Arrow => arrow::open(path),
    };
    Ok(Box::new(source.map_err(|error| error.with("file", path.display()))?))
}

/// Creates the output `path` for rows of `schema`; `options` is for NCF.
pub(crate) fn create(
    path: &Path,
    schema: &Schema,
    options: WriterOptions,
) -> Result<Box<dyn Sink>> {
    if path.is_dir() {
        return Err(Error::invalid_argument(format!(
            "{} is a directory; name a file to write",
            path.display()
        )));
    }
    let format = Format::of_path(path)?;
    let staged = output::Staged::new(path)?;
    match format {
        Format::Ncf => ncf_files::create(staged, schema, options),
        Format::Parquet => parquet::create(staged, schema),
        Format::Csv => text::create(staged, schema, TextFormat::Csv),
        Format::Jsonl => text::create(staged, schema, TextFormat::Jsonl),
        Format::Arrow => arrow::create(staged, schema),
    }
}

/// An `Io` error when nothing can be read at `path`.
pub(crate) fn require_exists(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io(format!("cannot open {}", path.display()), error)),
    }
}

/// What went wrong in an Arrow library while reading: an I/O error stays one, the rest is bad data.
fn reading(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(what, source) => Error::io(format!("cannot read: {what}"), source),
        ArrowError::NotYetImplemented(what) => Error::unsupported(what),
        other => {
            Error::new(ErrorKind::Corrupt, format!("cannot be read: {other}")).with_source(other)
        }
    }
}

/// What went wrong in an Arrow library while writing.
fn writing(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(what, source) => Error::io(format!("cannot write: {what}"), source),
        other => Error::new(ErrorKind::Unsupported, format!("cannot be written: {other}")),
    }
}
