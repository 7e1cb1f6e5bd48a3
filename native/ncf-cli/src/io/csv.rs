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
use super::jsonl::{first_pass, with_text};
use super::{BATCH_ROWS, reading};

/// Opens a CSV file.
pub(super) fn open(path: &Path, types: &BTreeMap<String, DataType>) -> Result<Foreign> {
    let open = || File::open(path).map_err(|error| Error::io("cannot open", error));
    let format = Format::default().with_header(true);
    let mut first = first_pass(path)?;
    let guessed = format.infer_schema(BufReader::new(&mut first), None);
    first.progress.finish_and_clear();
    let (guessed, rows) = guessed.map_err(reading)?;
    if guessed.fields().is_empty() {
        return Err(Error::corrupt(
            "the file has no header line; name the columns in its first line",
        ));
    }
    let (schema, texts) = with_text(&guessed, types);
    let reader = ReaderBuilder::new(Arc::new(schema.clone()))
        .with_format(format)
        .with_batch_size(BATCH_ROWS)
        .build(open()?)
        .map_err(reading)?;
    Foreign::new(&schema, &texts, Box::new(reader), Some(rows as u64))
}
