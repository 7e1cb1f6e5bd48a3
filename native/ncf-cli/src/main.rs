//! The `ncf` command line: `convert`, `info`, `verify`, `cat`, `index-bench`, `train-index`. Exit codes: 0 good, 1 bad data,
//! 2 usage, 3 I/O. Rows and reports go to standard output, errors and progress to standard error.
#![forbid(unsafe_code)]

mod cmd;
mod exit;
mod io;
mod processor;
mod progress;
mod trust;
mod values;
mod where_clause;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Reads, writes and checks NCF files and tables.
#[derive(Debug, Parser)]
#[command(name = "ncf", version, after_help = "Exit codes: 0 good, 1 bad data, 2 usage, 3 I/O.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Convert(cmd::convert::Convert),
    Info(cmd::info::Info),
    Verify(cmd::verify::Verify),
    Cat(cmd::cat::Cat),
    IndexBench(cmd::index_bench::IndexBench),
    TrainIndex(cmd::train_index::TrainIndex),
}

fn main() -> ExitCode {
    // Before anything that an older processor might stumble over.
    if let Err(error) = processor::check() {
        exit::complain(&error);
        return ExitCode::from(exit::code(error.kind()));
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no failure; a closed pipe neither.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::GOOD });
        }
    };
    let result = match cli.command {
        Command::Convert(command) => command.run(),
        Command::Info(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Cat(command) => command.run(),
        Command::IndexBench(command) => command.run(),
        Command::TrainIndex(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::from(exit::GOOD),
        Err(error) if exit::is_broken_pipe(&error) => ExitCode::from(exit::GOOD),
        Err(error) => {
            exit::complain(&error);
            ExitCode::from(exit::code(error.kind()))
        }
    }
}
