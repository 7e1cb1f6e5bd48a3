//! CSV in, with a header. Types are guessed from all rows (a first pass over the file); an empty
//! field is null.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow_csv::ReaderBuilder;
use arrow_csv::reader::Format;
use ncf::{DataType, Error, Result};

use super::foreign::Foreign;
use super::{BATCH_ROWS, jsonl::with_text, reading};

/// Opens a CSV file.
pub(super) fn open(path: &Path, types: &BTreeMap<String, DataType>) -> Result<Foreign> {
    let open = || File::open(path).map_err(|error| Error::io("cannot open", error));
    let format = Format::default().with_header(true);
    let (guessed, rows) = format.infer_schema(BufReader::new(open()?), None).map_err(reading)?;
    if guessed.fields().is_empty() {
        return Err(Error::corrupt(
            "the file has no header line; name the columns in its first line",
        ));
    }
    let schema = with_text(&guessed, types);
    let reader = ReaderBuilder::new(Arc::new(schema.clone()))
        .with_format(format)
        .with_batch_size(BATCH_ROWS)
        .build(open()?)
        .map_err(reading)?;
    Foreign::new(&schema, types, Box::new(reader), Some(rows as u64))
}
