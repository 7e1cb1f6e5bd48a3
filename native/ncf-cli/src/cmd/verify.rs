//! `ncf verify`: reads every byte and checks every checksum, encoding and statistic.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ncf::dataset::DataFile;
use ncf::file::VerifyReport;
use ncf::{Error, FileReader, MmapSource, ReadOptions, Result};

use crate::io::{NcfInput, require_exists};
use crate::progress;

/// Reads everything and checks everything; names file, block and column of the first damage in each
/// file.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// An .ncf file, a folder of them, or a table.
    path: PathBuf,
}

impl Verify {
    /// Runs the command. All files are checked; the error is the first one's.
    pub(crate) fn run(self) -> Result<()> {
        let files = self.files()?;
        let bar = progress::bar(Some(files.iter().map(|file| file.size).sum()), "verify", "bytes");
        let mut failures = Vec::new();
        for file in &files {
            match verify(file, |bytes| bar.inc(bytes)) {
                Ok(report) => {
                    bar.suspend(|| print(&file.path, &report))?;
                }
                Err(error) => failures.push(error.with("file", file.path.display())),
            }
        }
        bar.finish_and_clear();
        let (count, mut failures) = (failures.len(), failures.into_iter());
        let Some(first) = failures.next() else {
            return Ok(());
        };
        for error in failures {
            eprintln!("error: {error}");
        }
        if files.len() > 1 {
            eprintln!("error: {count} of {} files are damaged or unreadable", files.len());
        }
        Err(first)
    }

    fn files(&self) -> Result<Vec<DataFile>> {
        require_exists(&self.path)?;
        if self.path.is_dir() {
            return Ok(NcfInput::open(&self.path)?.dataset().files().to_vec());
        }
        let size = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        Ok(vec![DataFile {
            path: self.path.clone(),
            uuid: None,
            size,
            rows: None,
            partition_values: Default::default(),
            statistics: Default::default(),
        }])
    }
}

fn verify(file: &DataFile, progress: impl FnMut(u64)) -> Result<VerifyReport> {
    let reader = FileReader::open(Arc::new(MmapSource::open(&file.path)?), ReadOptions::default())?;
    if let Some(uuid) = file.uuid.as_ref().filter(|uuid| **uuid != reader.uuid()) {
        return Err(Error::corrupt(format!(
            "the table expects the file {uuid} here and found {}; restore the right file",
            reader.uuid()
        )));
    }
    let report = reader.verify_with(progress)?;
    match file.rows {
        Some(rows) if rows != report.rows => Err(Error::corrupt(format!(
            "the table expects {rows} rows and the file has {}; restore the right file",
            report.rows
        ))),
        _ => Ok(report),
    }
}

fn print(path: &Path, report: &VerifyReport) -> Result<()> {
    writeln!(
        stdout(),
        "{}: good: {} rows, {} blocks, {} pages, {} bytes",
        path.display(),
        report.rows,
        report.blocks,
        report.pages,
        report.bytes
    )
    .map_err(|error| Error::io("cannot write the output", error))
}
