//! JSON lines in: one object a line. Types are guessed from all lines (a first pass over the file);
//! columns stand in the order of the first object, those that it lacks behind them by name.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_json::reader::infer_json_schema;
use arrow_schema::{DataType as ArrowType, Field, Schema};
use indicatif::ProgressBarIter;
use ncf::{DataType, Error, Result};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::foreign::Foreign;
use super::storable::TextColumn;
use super::{BATCH_ROWS, reading};
use crate::progress;

/// Opens a file of JSON lines.
pub(super) fn open(path: &Path, types: &BTreeMap<String, DataType>) -> Result<Foreign> {
    let open =
        || File::open(path).map(BufReader::new).map_err(|error| Error::io("cannot open", error));
    let mut first = first_pass(path)?;
    let guessed = infer_json_schema(BufReader::new(&mut first), None);
    first.progress.finish_and_clear();
    let (guessed, rows) = guessed.map_err(reading)?;
    if guessed.fields().is_empty() {
        return Err(Error::corrupt("no line has a column; write one JSON object a line"));
    }
    let (schema, texts) = with_text(&in_order_of(first_keys(open()?), &guessed), types);
    // Numbers in a column that also has strings are read as text, with all their digits.
    let reader = ReaderBuilder::new(Arc::new(schema.clone()))
        .with_batch_size(BATCH_ROWS)
        .with_coerce_primitive(true)
        .build(open()?)
        .map_err(reading)?;
    Foreign::new(&schema, &texts, Box::new(reader), Some(rows as u64))
}

/// The file at `path`, read under a progress bar of its own.
pub(super) fn first_pass(path: &Path) -> Result<ProgressBarIter<File>> {
    let cannot = |error| Error::io("cannot open", error);
    let file = File::open(path).map_err(cannot)?;
    let bytes = file.metadata().map_err(cannot)?.len();
    Ok(progress::bar(Some(bytes), "guess types", "bytes").wrap_read(file))
}

/// The names of an object's members in the order of the text, which the guess forgets.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut members: A,
            ) -> std::result::Result<Keys, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = members.next_entry()? {
                    names.push(name);
                }
                Ok(Keys(names))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The names of the first object; none where the text is no object, which the reader then reports.
fn first_keys(text: BufReader<File>) -> Vec<String> {
    let mut objects = serde_json::Deserializer::from_reader(text).into_iter::<Keys>();
    objects.next().and_then(std::result::Result::ok).map_or_else(Vec::new, |keys| keys.0)
}

fn in_order_of(names: Vec<String>, guessed: &Schema) -> Schema {
    let mut fields = guessed.fields().to_vec();
    let place = |field: &Field| names.iter().position(|name| name == field.name());
    fields.sort_by_key(|field| place(field).unwrap_or(usize::MAX));
    Schema::new(fields)
}

/// The guessed schema, with text for the columns whose type the user gave and for guessed doubles:
/// they are parsed later, exactly, instead of by a reader that would round. With it, those columns.
pub(super) fn with_text(
    guessed: &Schema,
    types: &BTreeMap<String, DataType>,
) -> (Schema, BTreeMap<String, TextColumn>) {
    let given =
        types.iter().map(|(name, to)| (name.clone(), TextColumn { to: *to, guessed: false }));
    let mut texts: BTreeMap<_, _> = given.collect();
    let fields = guessed.fields().iter().map(|field| {
        if *field.data_type() == ArrowType::Float64 {
            let double = TextColumn { to: DataType::Float64, guessed: true };
            texts.entry(field.name().clone()).or_insert(double);
        }
        // A column without a value is text: nobody said that it has no type.
        let text = texts.contains_key(field.name()) || *field.data_type() == ArrowType::Null;
        let ty = if text { ArrowType::Utf8 } else { field.data_type().clone() };
        Field::new(field.name(), ty, true)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    (schema, texts)
}
