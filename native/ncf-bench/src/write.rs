//! Timing of the writer.

use std::path::Path;
use std::time::Instant;

use ncf::{Error, FileWriter, LocalSink, Profile, Result, WriterOptions};

use crate::input;
use crate::report::report;

/// Writes the rows of `parquet` to `output`, `repeat` times; durable on disk when the clock stops.
pub(crate) fn run(
    parquet: &Path,
    output: &Path,
    profile: Profile,
    repeat: usize,
) -> Result<serde_json::Value> {
    let (schema, batches) = input::parquet(parquet)?;
    let mut seconds = Vec::new();
    for _ in 0..repeat {
        match std::fs::remove_file(output) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("cannot replace the output", error));
            }
            _ => {}
        }
        let options =
            WriterOptions { profile, threads: 1, verify: true, ..WriterOptions::default() };
        let start = Instant::now();
        let sink = LocalSink::create_new(output)?;
        let mut writer = FileWriter::new(Box::new(sink), schema.clone(), options)?;
        for batch in &batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    report("write", output, &batches, &seconds)
}
