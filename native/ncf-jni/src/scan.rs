//! Scans: batches on their way to the JVM.
//!
//! A batch is exported as one struct of the Arrow C Data Interface, which the scan keeps boxed until
//! the next batch: Java reads it by address and frees nothing.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, StructArray};
use arrow_data::ffi::FFI_ArrowArray;
use ncf::dataset::{ScanRequest, SplitReader};
use ncf::{DataType, Error, Interruption, Result, Scan, ScanMetrics, Schema, Storage};

use crate::handle::Slab;
use crate::memory::{self, JvmMemory};
use crate::request::{self, OpenScan};

/// Most rows of a batch: a batch is held in memory as a whole.
const MAX_BATCH_ROWS: usize = 1 << 20;

/// Every open scan. Generations are odd: see [`Slab`].
pub(crate) static SCANS: Slab<OpenedScan> = Slab::new("scan", 1);

/// A scan and the batch that Java looks at.
pub(crate) struct OpenedScan {
    scan: Progress,
    current: Option<Box<FFI_ArrowArray>>,
}

enum Progress {
    Running(Box<Scan>),
    /// What was counted until the scan was ended.
    Ended(ScanMetrics),
}

/// Opens a scan, whose memory `memory` grants, and returns its handle.
pub(crate) fn open(
    storage: &Arc<dyn Storage>,
    memory: Option<JvmMemory>,
    interruption: Interruption,
    request: &str,
) -> Result<u64> {
    let request: OpenScan = request::read(request)?;
    let reader = SplitReader {
        storage: storage.clone(),
        batch_rows: batch_rows(request.batch_rows)?,
        keep_dictionaries: true,
        verify_checksums: request.options.verify_checksums()?,
        limit: request.limit,
        memory: memory::consumer("scan", request.options.memory_limit()?, memory),
        interruption,
        ..SplitReader::default()
    };
    let wanted = ScanRequest {
        columns: Some(request.columns),
        filter: request.filter,
        aggregation: request.aggregation,
        top: request.top,
        sample: request.sample,
        filter_schema: request.filter_schema,
        ..ScanRequest::default()
    };
    let scan = reader.open(&request.split, &request.schema, &wanted)?;
    match wanted.aggregation {
        Some(_) => check_aggregates(&scan, &request.aggregation_types)?,
        None => check_types(&scan, &request.schema)?,
    }
    SCANS.insert(OpenedScan { scan: Progress::Running(Box::new(scan)), current: None })
}

fn batch_rows(asked: Option<u64>) -> Result<usize> {
    let Some(rows) = asked else {
        return Ok(SplitReader::default().batch_rows);
    };
    usize::try_from(rows).ok().filter(|rows| (1..=MAX_BATCH_ROWS).contains(rows)).ok_or_else(|| {
        Error::invalid_argument(format!("batchRows is {rows}; give 1 to {MAX_BATCH_ROWS}"))
    })
}

/// Java reads addresses by the type that the schema names, so nothing else may cross but codes of
/// strings: a struct with a dictionary says so itself.
fn check_types(scan: &Scan, schema: &Schema) -> Result<()> {
    for field in scan.schema().fields() {
        let wanted = schema.field(field.name())?.field_type.to_arrow();
        if *field.data_type() != wanted {
            return Err(Error::internal(format!(
                "column {} would cross as {} instead of {wanted}",
                field.name(),
                field.data_type()
            )));
        }
    }
    Ok(())
}

/// As [`check_types`], for the columns of an aggregation.
fn check_aggregates(scan: &Scan, types: &[String]) -> Result<()> {
    let wanted = types.iter().map(|text| Ok(text.parse::<DataType>()?.to_arrow()));
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    let schema = scan.schema();
    let given: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    if given == wanted {
        return Ok(());
    }
    Err(Error::internal(format!("aggregates would cross as {given:?} instead of {wanted:?}")))
}

/// The address of the next batch, 0 at the end.
pub(crate) fn next_batch(handle: u64) -> Result<i64> {
    SCANS.with(handle, |opened| {
        // Freed first: two batches are never held at once.
        opened.current = None;
        let Progress::Running(scan) = &mut opened.scan else {
            return Ok(0);
        };
        let Some(batch) = scan.next_batch()? else {
            return Ok(0);
        };
        let array = opened.current.insert(Box::new(export(batch)));
        let address = std::ptr::from_ref::<FFI_ArrowArray>(array).expose_provenance();
        Ok((address as u64).cast_signed())
    })
}

/// The struct of a batch; it shares the batch's buffers and keeps them alive.
fn export(batch: RecordBatch) -> FFI_ArrowArray {
    FFI_ArrowArray::new(&StructArray::from(batch).into_data())
}

/// Ends the scan, and frees all of it but the current batch.
pub(crate) fn keep_batch(handle: u64) -> Result<()> {
    SCANS.with(handle, |opened| {
        if let Progress::Running(scan) = &opened.scan {
            let metrics = scan.metrics().clone();
            opened.scan = Progress::Ended(metrics);
        }
        Ok(())
    })
}

/// The counters as JSON.
pub(crate) fn metrics(handle: u64) -> Result<String> {
    SCANS.with(handle, |opened| match &opened.scan {
        Progress::Running(scan) => request::write(scan.metrics()),
        Progress::Ended(metrics) => request::write(metrics),
    })
}
