//! Timing of scans.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arrow_array::RecordBatch;
use ncf::{
    ColumnSource, CompareOp, DataType, Error, FileReader, MmapSource, Predicate, ReadOptions,
    Result, Scalar, ScanBuilder, ScanColumn,
};

use crate::report::report;

/// What is read.
pub(crate) struct Request {
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) filter: Option<Predicate>,
    pub(crate) threads: usize,
}

/// Reads `repeat` times, opening the file each time.
pub(crate) fn run(
    operation: &str,
    file: &Path,
    request: &Request,
    repeat: usize,
) -> Result<serde_json::Value> {
    let mut seconds = Vec::new();
    let mut rows = Vec::new();
    for _ in 0..repeat {
        drop(std::mem::take(&mut rows));
        let start = Instant::now();
        rows = read(file, request)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    report(operation, file, &rows, &seconds)
}

fn open(file: &Path) -> Result<Arc<FileReader>> {
    let source = Arc::new(MmapSource::open(file)?);
    Ok(Arc::new(FileReader::open(source, ReadOptions::default())?))
}

/// The rows asked for, in order.
fn read(file: &Path, request: &Request) -> Result<Vec<RecordBatch>> {
    let reader = open(file)?;
    let blocks = reader.blocks().len();
    let threads = request.threads.clamp(1, blocks.max(1));
    if threads == 1 {
        return scan(&reader, request, 0..blocks);
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<RecordBatch>)>> {
        let mut done = Vec::new();
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            if block >= blocks {
                return Ok(done);
            }
            done.push((block, scan(&reader, request, block..block + 1)?));
        }
    };
    let mut parts = std::thread::scope(|scope| -> Result<Vec<_>> {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = Vec::new();
        for worker in workers {
            parts.extend(worker.join().map_err(|_| Error::internal("a thread panicked"))??);
        }
        Ok(parts)
    })?;
    parts.sort_by_key(|(block, _)| *block);
    Ok(parts.into_iter().flat_map(|(_, batches)| batches).collect())
}

fn scan(
    reader: &Arc<FileReader>,
    request: &Request,
    blocks: std::ops::Range<usize>,
) -> Result<Vec<RecordBatch>> {
    let fields = reader.schema().fields.iter().enumerate();
    let columns = fields.map(|(index, field)| ScanColumn {
        field: field.clone(),
        source: ColumnSource::File(index),
    });
    let mut builder = ScanBuilder::new(Arc::clone(reader), columns.collect()).blocks(blocks);
    if let Some(columns) = &request.columns {
        builder = builder.project(columns.clone());
    }
    if let Some(filter) = &request.filter {
        builder = builder.filter(filter.clone());
    }
    builder.build()?.collect()
}

/// `column = value` in the column's type.
pub(crate) fn equals(file: &Path, column: &str, value: &str) -> Result<Predicate> {
    let reader = open(file)?;
    let field = reader.schema().field(column)?;
    let bad = || Error::invalid_argument(format!("'{value}' is not a {}", field.field_type));
    let literal = match field.data_type()? {
        DataType::Int32 => Scalar::Int(value.parse().map_err(|_| bad())?),
        DataType::Int64 => Scalar::Bigint(value.parse().map_err(|_| bad())?),
        DataType::String => Scalar::String(value.to_string()),
        _ => {
            return Err(Error::invalid_argument(
                "point reads need an int, bigint or string column",
            ));
        }
    };
    Ok(Predicate::compare(column, CompareOp::Eq, literal))
}
