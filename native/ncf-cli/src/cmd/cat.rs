//! `ncf cat`: rows as text.

use std::io::{BufWriter, stdout};
use std::path::PathBuf;

use clap::Args;
use ncf::Result;

use crate::io::{NcfInput, Source, TextFormat, TextWriter};
use crate::trust::Trust;
use crate::where_clause;

/// Prints rows of a file, a folder of files or a table.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// An .ncf file, a folder of them, or a table.
    path: PathBuf,
    /// Columns to print, in this order; all otherwise.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Rows to print, as a condition in SQL: "price > 10.5 AND name LIKE 'a%'".
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// Most rows to print.
    #[arg(long, value_name = "ROWS")]
    limit: Option<u64>,
    /// How to print them.
    #[arg(long, value_enum, default_value_t = TextFormat::Csv)]
    format: TextFormat,
    #[command(flatten)]
    trust: Trust,
}

impl Cat {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        let input = NcfInput::open(&self.path)?;
        let filter = self
            .condition
            .map(|condition| where_clause::parse(&condition, input.dataset().schema()))
            .transpose()?;
        let models = self.trust.models(input.dataset())?;
        let mut rows = input.scan(self.columns, filter, self.limit)?.with_models(models);
        let out = BufWriter::new(stdout().lock());
        let mut out = TextWriter::new(out, rows.schema(), self.format)?;
        while let Some(batch) = rows.next_batch()? {
            out.write(&batch)?;
        }
        out.finish().map(drop)
    }
}
