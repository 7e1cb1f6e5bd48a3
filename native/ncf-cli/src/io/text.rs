//! CSV and JSON lines out: what `cat` prints and `convert` writes.
//!
//! CSV: a header; null is an empty field, the empty string `""`; where a line would have one empty
//! field and so be none, null is `""` too. JSON: every column in every line;
//! NaN and infinities, which JSON lacks, are strings; nested values are JSON too. Both: binary as hexadecimal,
//! timestamps in ISO 8601.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType as ArrowType;
use ncf::{Error, Result, Schema};

use super::arrow_types::{Purpose, arrow_type};
use super::export::exported_values;
use super::nested_text::{is_literal, printable, push_json, push_text};
use super::output::Staged;
use super::reshape::reshape;
use super::{Sink, writing};

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TextFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Writes batches of one schema as text.
pub(crate) struct TextWriter<W> {
    out: W,
    format: TextFormat,
    /// What each column is printed as.
    columns: Vec<ArrowType>,
    /// CSV: nothing. JSON: `"name":` of each column.
    keys: Vec<String>,
    line: String,
    value: String,
}

impl<W: Write> TextWriter<W> {
    /// A writer to `out`; CSV gets its header now.
    pub(crate) fn new(mut out: W, schema: &Schema, format: TextFormat) -> Result<Self> {
        let names = schema.fields.iter().map(|field| field.name.as_str());
        let mut line = String::new();
        let mut keys = Vec::new();
        match format {
            TextFormat::Csv => {
                if let Some(nested) = schema.fields.iter().find(|f| f.field_type.value().is_none())
                {
                    return Err(Error::unsupported(format!(
                        "column {} is {}, which CSV cannot hold; choose other columns or jsonl",
                        nested.name, nested.field_type
                    )));
                }
                for (at, name) in names.enumerate() {
                    line.push_str(if at == 0 { "" } else { "," });
                    push_csv(&mut line, name);
                }
                line.push('\n');
                out.write_all(line.as_bytes()).map_err(failed)?;
            }
            TextFormat::Jsonl => keys.extend(names.map(|name| {
                let mut key = String::new();
                push_text(&mut key, name);
                key.push(':');
                key
            })),
        }
        let columns = schema.fields.iter().map(|field| arrow_type(field, Purpose::Text)).collect();
        Ok(Self { out, format, columns, keys, line, value: String::new() })
    }

    /// Writes the rows of `batch`.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().zip(&self.columns);
        let columns = columns
            .map(|(array, to)| reshape(array, to, &exported_values).map(|array| printable(&array)));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
        let options = FormatOptions::new();
        let formatters = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map_err(writing))
            .collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (at, (column, formatter)) in columns.iter().zip(&formatters).enumerate() {
                self.push_separator(at);
                if column.data_type().is_nested() {
                    push_json(&mut self.line, column, row)?;
                    continue;
                }
                self.value.clear();
                if column.is_valid(row) && write!(self.value, "{}", formatter.value(row)).is_err() {
                    let reason = formatter.value(row).try_to_string().err();
                    return Err(
                        reason.map_or_else(|| Error::internal("formatting failed"), writing)
                    );
                }
                self.push_value(column.as_ref(), row);
            }
            self.line.push_str(if self.format == TextFormat::Jsonl { "}\n" } else { "\n" });
            self.out.write_all(self.line.as_bytes()).map_err(failed)?;
        }
        Ok(())
    }

    /// Hands everything to the output.
    pub(crate) fn finish(mut self) -> Result<W> {
        self.out.flush().map_err(failed)?;
        Ok(self.out)
    }

    fn push_separator(&mut self, at: usize) {
        match self.format {
            TextFormat::Csv => self.line.push_str(if at == 0 { "" } else { "," }),
            TextFormat::Jsonl => {
                self.line.push(if at == 0 { '{' } else { ',' });
                self.line.push_str(self.keys.get(at).map_or("", String::as_str));
            }
        }
    }

    fn push_value(&mut self, column: &dyn Array, row: usize) {
        match self.format {
            // Readers skip empty lines, and the row with them.
            TextFormat::Csv if column.is_null(row) && self.columns.len() == 1 => {
                push_csv(&mut self.line, "")
            }
            TextFormat::Csv if column.is_null(row) => {}
            TextFormat::Csv => push_csv(&mut self.line, &self.value),
            TextFormat::Jsonl if column.is_null(row) => self.line.push_str("null"),
            TextFormat::Jsonl if is_literal(column, row) => self.line.push_str(&self.value),
            TextFormat::Jsonl => push_text(&mut self.line, &self.value),
        }
    }
}

fn push_csv(line: &mut String, value: &str) {
    if !value.is_empty() && !value.contains([',', '"', '\n', '\r']) {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        line.push_str(if c == '"' { "\"" } else { "" });
        line.push(c);
    }
    line.push('"');
}

fn failed(error: std::io::Error) -> Error {
    Error::io("cannot write the output", error)
}

struct TextSink {
    writer: TextWriter<BufWriter<File>>,
    staged: Staged,
}

/// Creates a text file.
pub(super) fn create(staged: Staged, schema: &Schema, format: TextFormat) -> Result<Box<dyn Sink>> {
    let writer = TextWriter::new(BufWriter::new(staged.create()?), schema, format)?;
    Ok(Box::new(TextSink { writer, staged }))
}

impl Sink for TextSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { writer, staged } = *self;
        let file = writer.finish()?.into_inner().map_err(|error| failed(error.into_error()))?;
        staged.commit(&file)
    }
}
