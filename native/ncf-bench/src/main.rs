//! Native measurements of NCF: one operation per process, timed inside the process, one line of
//! JSON as result, but for a table of encodings. `tools/bench/native.py` runs it in turns with rivals. What only prepares an
//! operation (reading the Parquet input, deleting the previous output) is not timed.
#![forbid(unsafe_code)]

mod answers;
mod encodings;
mod input;
mod read;
mod report;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ncf::{Error, Predicate, Profile, Result};

#[derive(Debug, Parser)]
#[command(name = "ncf-bench", about = "Times one operation and prints one line of JSON.")]
struct Cli {
    #[command(subcommand)]
    operation: Operation,
    /// Times the operation is done; every duration is reported.
    #[arg(long, default_value_t = 1, global = true)]
    repeat: usize,
}

#[derive(Debug, Subcommand)]
enum Operation {
    /// Writes the rows of a Parquet file, read beforehand, as NCF: one thread, verification on.
    Write {
        /// Parquet file.
        input: PathBuf,
        /// NCF file; replaced.
        output: PathBuf,
        /// fast, balanced, compact or point.
        #[arg(long, default_value_t)]
        profile: Profile,
    },
    /// Reads a file to Arrow, opening included.
    Read {
        /// NCF file.
        file: PathBuf,
        /// Columns; all otherwise.
        #[arg(long, value_delimiter = ',')]
        columns: Option<Vec<String>>,
        /// Rows wanted: a predicate in the JSON that connectors use.
        #[arg(long, value_parser = predicate)]
        filter: Option<Predicate>,
        /// Threads; each takes the next block.
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Reads all columns of the rows where a column has a value, opening included.
    Point {
        /// NCF file.
        file: PathBuf,
        /// An integer or string column.
        column: String,
        /// The value.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Answers predicates, one a line of the standard input, in the JSON that connectors use.
    Answers {
        /// NCF file, folder or table.
        path: PathBuf,
        /// Columns that are summed up.
        #[arg(long, value_delimiter = ',', required = true)]
        columns: Vec<String>,
    },
    /// Decodes a million values in each encoding, on one thread, and prints a table instead.
    Encodings,
}

fn predicate(text: &str) -> std::result::Result<Predicate, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn run(cli: Cli) -> Result<String> {
    if cli.repeat == 0 {
        return Err(Error::invalid_argument("--repeat must be at least 1"));
    }
    let report = match cli.operation {
        Operation::Encodings => return encodings::run(cli.repeat),
        Operation::Write { input, output, profile } => {
            write::run(&input, &output, profile, cli.repeat)
        }
        Operation::Read { file, columns, filter, threads } => {
            let request = read::Request { columns, filter, threads };
            read::run("read", &file, &request, cli.repeat)
        }
        Operation::Point { file, column, value } => {
            let filter = Some(read::equals(&file, &column, &value)?);
            let request = read::Request { columns: None, filter, threads: 1 };
            read::run("point", &file, &request, cli.repeat)
        }
        Operation::Answers { path, columns } => {
            answers::run(&path, &columns, std::io::stdin().lock())
        }
    };
    Ok(report?.to_string())
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
