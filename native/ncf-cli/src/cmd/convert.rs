//! `ncf convert`: from any format to any format.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::Args;
use ncf::{DataType, EncodingId, Error, Profile, Result, SortKey, WriterOptions};

use crate::{io, progress, values};

/// Converts between .ncf, .parquet, .csv, .jsonl (.ndjson) and .arrow, by extension.
///
/// A directory as input is a table or a folder of .ncf files. The output appears under its name only
/// when it is complete.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// What to read: a file, or a directory of NCF data.
    input: PathBuf,
    /// The file to write; replaced if it exists.
    output: PathBuf,
    /// What the encodings are chosen for: fast, balanced, compact or point.
    #[arg(long, value_name = "PROFILE", default_value_t)]
    profile: Profile,
    /// Sort the rows by these columns, ascending, nulls first; holds all rows in memory.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    sort_by: Vec<String>,
    /// Identity of the written file, 32 hex digits: same input, same bytes. Random otherwise.
    #[arg(long, value_name = "UUID", value_parser = uuid)]
    uuid: Option<[u8; 16]>,
    /// Rows after which a block is closed.
    #[arg(long, value_name = "ROWS")]
    block_rows: Option<usize>,
    /// Uncompressed bytes after which a block is closed.
    #[arg(long, value_name = "BYTES")]
    block_bytes: Option<usize>,
    /// Outermost encoding of a column instead of the chosen one; may be repeated.
    #[arg(long, value_name = "COLUMN=NAME", value_parser = pair::<EncodingId>)]
    encoding: Vec<(String, EncodingId)>,
    /// Columns that get a filter for point look-ups, about 10 bits for each distinct value of a block.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    filter_columns: Vec<String>,
    /// Type of a column of CSV or JSON lines instead of the guessed one; may be repeated.
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = pair::<DataType>)]
    types: Vec<(String, DataType)>,
}

impl Convert {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        let types: BTreeMap<String, DataType> = self.types.iter().cloned().collect();
        let options = self.writer_options()?;
        let mut source = io::open(&self.input, &types)?;
        if !self.sort_by.is_empty() {
            source = io::sorted(source, &self.sort_by)
                .map_err(|error| error.with("file", self.input.display()))?;
        }
        let mut sink = io::create(&self.output, source.schema(), options)?;
        let bar = progress::bar(source.rows(), "convert", "rows");
        while let Some(batch) =
            source.next_batch().map_err(|error| error.with("file", self.input.display()))?
        {
            sink.write(&batch).map_err(|error| error.with("output", self.output.display()))?;
            bar.inc(batch.num_rows() as u64);
        }
        sink.finish().map_err(|error| error.with("output", self.output.display()))?;
        bar.finish_and_clear();
        Ok(())
    }

    fn writer_options(&self) -> Result<WriterOptions> {
        let defaults = WriterOptions::default();
        let to_ncf = io::Format::of_path(&self.output).is_ok_and(|to| to == io::Format::Ncf);
        let ncf_only = self.uuid.is_some()
            || self.block_rows.is_some()
            || self.block_bytes.is_some()
            || !self.encoding.is_empty()
            || !self.filter_columns.is_empty();
        if ncf_only && !to_ncf {
            return Err(Error::invalid_argument(
                "--uuid, --block-rows, --block-bytes, --encoding and --filter-columns are for .ncf output only",
            ));
        }
        Ok(WriterOptions {
            profile: self.profile,
            block_rows: self.block_rows.unwrap_or(defaults.block_rows),
            block_bytes: self.block_bytes.unwrap_or(defaults.block_bytes),
            file_uuid: self.uuid,
            encodings: self.encoding.iter().cloned().collect(),
            filter_columns: self.filter_columns.clone(),
            sorted_by: self.sort_by.iter().map(|column| sort_key(column)).collect(),
            threads: available_parallelism().map_or(1, usize::from),
            ..defaults
        })
    }
}

/// As [`io::sorted`] sorts.
fn sort_key(column: &str) -> SortKey {
    SortKey { column: column.into(), descending: false, nulls_first: true }
}

/// `COLUMN=VALUE`; the column may itself have equals signs.
fn pair<T: std::str::FromStr<Err = Error>>(text: &str) -> std::result::Result<(String, T), String> {
    let (column, value) = text.rsplit_once('=').ok_or("write COLUMN=VALUE")?;
    let value = value.parse::<T>().map_err(|error| error.message().to_string())?;
    Ok((column.to_string(), value))
}

fn uuid(text: &str) -> std::result::Result<[u8; 16], String> {
    let bytes = values::hex(&text.replace('-', ""));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "write 32 hex digits".to_string())
}
