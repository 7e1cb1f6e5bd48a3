//! JSON lines in: one object a line. Types are guessed from all lines (a first pass over the file).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_json::reader::infer_json_schema;
use arrow_schema::{DataType as ArrowType, Field, Schema};
use ncf::{DataType, Error, Result};

use super::foreign::Foreign;
use super::{BATCH_ROWS, reading};

/// Opens a file of JSON lines.
pub(super) fn open(path: &Path, types: &BTreeMap<String, DataType>) -> Result<Foreign> {
    let open =
        || File::open(path).map(BufReader::new).map_err(|error| Error::io("cannot open", error));
    let (guessed, rows) = infer_json_schema(open()?, None).map_err(reading)?;
    if guessed.fields().is_empty() {
        return Err(Error::corrupt("no line has a column; write one JSON object a line"));
    }
    let schema = with_text(&guessed, types);
    // Numbers in a column that also has strings are read as text, with all their digits.
    let reader = ReaderBuilder::new(Arc::new(schema.clone()))
        .with_batch_size(BATCH_ROWS)
        .with_coerce_primitive(true)
        .build(open()?)
        .map_err(reading)?;
    Foreign::new(&schema, types, Box::new(reader), Some(rows as u64))
}

/// The guessed schema, with text for the columns whose type the user gave: it is parsed later,
/// exactly, instead of by a reader that would round.
pub(super) fn with_text(guessed: &Schema, types: &BTreeMap<String, DataType>) -> Schema {
    let fields = guessed.fields().iter().map(|field| {
        let text = types.contains_key(field.name());
        let ty = if text { ArrowType::Utf8 } else { field.data_type().clone() };
        Field::new(field.name(), ty, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}
