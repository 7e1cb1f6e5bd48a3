//! `ncf verify`: reads every byte and checks every checksum, encoding and statistic.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ncf::dataset::{DataFile, Dataset, DatasetOptions, TABLE_DIRECTORY, check_identity};
use ncf::file::VerifyReport;
use ncf::index::Models;
use ncf::{Error, FileReader, MmapSource, ReadOptions, Result};

use crate::io::require_exists;
use crate::trust::Trust;
use crate::{exit, progress};

/// Reads everything and checks everything; names file, block and column of the first damage in each
/// file.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// An .ncf file, a folder of them, or a table.
    path: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

impl Verify {
    /// Runs the command. All files are checked, also when nobody reads the reports any more; the
    /// error is that of the first bad file.
    pub(crate) fn run(self) -> Result<()> {
        let files = self.files()?;
        let bytes = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size));
        let bar = progress::bar(Some(bytes), "verify", "bytes");
        // Without a dataset, which damage may stand in the way of, no model is run.
        let dataset = Dataset::open(&self.path, &DatasetOptions::default()).ok();
        let models = dataset.map(|dataset| self.trust.models(&dataset)).transpose()?.flatten();
        let mut failures = Vec::new();
        let mut printed = Ok(());
        for file in &files {
            match verify(file, models.clone(), |bytes| bar.inc(bytes)) {
                Ok(report) => {
                    if printed.is_ok() {
                        printed = bar.suspend(|| print(&file.path, &report));
                    }
                }
                Err(error) => failures.push(error.with("file", file.path.display())),
            }
        }
        bar.finish_and_clear();
        let (count, mut failures) = (failures.len(), failures.into_iter());
        let Some(first) = failures.next() else {
            return printed;
        };
        for error in failures {
            exit::complain(&error);
        }
        if files.len() > 1 {
            let sum = format!("{count} of {} files are damaged or unreadable", files.len());
            exit::complain(&sum);
        }
        Err(first)
    }

    fn files(&self) -> Result<Vec<DataFile>> {
        require_exists(&self.path)?;
        if self.path.is_dir() {
            let files = Dataset::list_files(&self.path)?;
            if files.is_empty() && !self.path.join(TABLE_DIRECTORY).exists() {
                return Err(Error::invalid_argument(
                    "the folder holds no NCF data; check the path",
                )
                .with("path", self.path.display()));
            }
            return Ok(files);
        }
        let size = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        Ok(vec![DataFile {
            path: self.path.clone(),
            uuid: None,
            digest: None,
            size,
            rows: None,
            partition_values: Default::default(),
            statistics: Default::default(),
        }])
    }
}

fn verify(
    file: &DataFile,
    models: Option<Arc<dyn Models>>,
    progress: impl FnMut(u64),
) -> Result<VerifyReport> {
    let options = ReadOptions { models, ..ReadOptions::default() };
    let reader = FileReader::open(Arc::new(MmapSource::open(&file.path)?), options)?;
    check_identity(&reader, file.uuid.as_deref(), file.digest.as_deref())?;
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
