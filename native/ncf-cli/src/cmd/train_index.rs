//! `ncf train-index`: an index whose positions an ONNX model predicts, beside those that writers make.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ncf::dataset::{Dataset, DatasetOptions, Measured, ModelTrial};
use ncf::index::Engine;
use ncf::index::learned::MODEL_BYTES;
use ncf::{Error, ErrorKind, Result};
use ncf_model::OnnxRuntime;

use crate::io::require_exists;

/// Tries an ONNX model as the index of a column, and stores it where it is better than fences and lines.
///
/// The model takes one float or double for each key, its place between the first key (0) and the last (1) of the file,
/// and gives the place of its rows between the first row (0) and the last (1). Readers use it only where they are told
/// to trust it.
#[derive(Debug, Args)]
pub(crate) struct TrainIndex {
    /// An .ncf file, a folder of them, or a table.
    path: PathBuf,
    /// The column, whose rows are in order.
    #[arg(long, value_name = "NAME")]
    column: String,
    /// The model.
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    /// Store it also where it is no better.
    #[arg(long)]
    force: bool,
    /// Say what it is worth, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

impl TrainIndex {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        require_exists(&self.path)?;
        let model = self.read_model()?;
        let dataset = Dataset::open(&self.path, &DatasetOptions::default())?;
        let engine: Arc<dyn Engine> = Arc::new(OnnxRuntime);
        let trial = dataset
            .try_model(&self.column, model, &engine)
            .map_err(|error| error.with("model", self.onnx.display()))?;
        print(&table(&trial))?;
        if self.dry_run {
            return Ok(());
        }
        let stored = dataset.store_model(&trial, self.force)?;
        let place = match stored.version {
            Some(version) => format!("version {version} of the table"),
            None => "place".to_string(),
        };
        print(&format!(
            "{} files written anew, in {place}; readers need --trust-model {}\n",
            stored.files, trial.model
        ))
    }

    /// The model's bytes; a file that is too long is not read.
    fn read_model(&self) -> Result<Vec<u8>> {
        let failed =
            |error| Error::io("cannot read the model", error).with("file", self.onnx.display());
        let length = std::fs::metadata(&self.onnx).map_err(failed)?.len();
        if length > MODEL_BYTES {
            let message =
                format!("the model has {length} bytes; at most {MODEL_BYTES} are allowed");
            let error = Error::new(ErrorKind::LimitExceeded, message);
            return Err(error.with("file", self.onnx.display()));
        }
        std::fs::read(&self.onnx).map_err(failed)
    }
}

fn print(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Error::io("cannot write the output", error))
}

/// What the model is worth in each file.
fn table(trial: &ModelTrial) -> String {
    let mut lines = vec![format!("model {}, {} bytes", trial.model, trial.model.bytes)];
    for file in &trial.files {
        lines.push(file.path.display().to_string());
        let present = file.present.as_ref().map(|present| line("there is", present));
        lines.extend(present);
        lines.push(line("fences", &file.fences));
        lines.push(line("lines", &file.linear));
        let verdict = if file.is_better() { "better" } else { "not better" };
        lines.push(format!("{}: {verdict}", line("this model", &file.model)));
    }
    for path in &trial.without {
        lines.push(format!("{}: the column can have no index", path.display()));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn line(name: &str, index: &Measured) -> String {
    let Measured { kind, bytes, window, nanos } = index;
    let nanos = nanos.map_or_else(|| "-".to_string(), |nanos| format!("{nanos:.0}"));
    format!(
        "  {name:<10}  {kind:<22} {bytes:>8} bytes  {window:>8.1} vectors  {nanos:>7} ns a look-up"
    )
}
