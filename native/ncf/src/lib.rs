//! NCF, a learned columnar table format: the one crate that shells, tests and benches see.
//!
//! A [`dataset::Dataset`] is what a path holds: a table (a directory with a log under `_ncf/`), a
//! bare directory of `.ncf` files, or one file. It is planned into [`dataset::Split`]s, and each
//! split is read as a [`Scan`] of Arrow record batches. [`FileWriter`] makes files;
//! [`dataset::commit`] makes them part of a table. All of it works on local files; with another
//! [`Storage`], on whatever that reaches.
//!
//! ```
//! use std::sync::Arc;
//! use arrow_array::{ArrayRef, Int32Array, RecordBatch};
//! use ncf::{DataType, Field, FileReader, FileWriter, MemorySink, MemorySource, Schema};
//!
//! let schema = Schema::new(vec![Field::new(1, "n", DataType::Int32, false)])?;
//! let rows: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1000));
//! let batch = RecordBatch::try_from_iter([("n", rows)]).unwrap();
//!
//! let sink = MemorySink::new();
//! let mut writer = FileWriter::new(Box::new(sink.clone()), schema, Default::default())?;
//! writer.write(&batch)?;
//! assert_eq!(writer.finish()?.rows, 1000);
//!
//! let source = MemorySource::new("numbers", sink.take());
//! let reader = FileReader::open(Arc::new(source), Default::default())?;
//! assert_eq!(reader.verify()?.rows, 1000);
//! # Ok::<(), ncf::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod dataset;
mod storage;

pub use ncf_core::hash;
pub use ncf_core::{
    Aggregate, Aggregation, ArithmeticOp, Budget, ByteValues, ColumnBounds, CompareOp, Computation,
    DataType, Error, ErrorKind, Expression, Field, FieldPath, FieldType, Interruption, Limits,
    LogicalType, MemoryConsumer, MemoryPool, PhysicalType, Predicate, Result, ResultExt, Sample,
    Scalar, Schema, SortKey, TYPE_KEY, TextOp, Top, ValueList, Values, find_name, json, ordering,
};
pub use ncf_encoding as encoding;
pub use ncf_encoding::{EncodingId, Profile};
pub use ncf_file as file;
pub use ncf_file::{
    ByteSink, ByteSource, FileReader, FileSource, FileSummary, FileWriter, LocalSink, MemorySink,
    MemorySource, MmapSource, PageRef, ReadOptions, VerifyReport, WriterOptions, to_arrow_schema,
};
pub use ncf_index as index;
pub use ncf_scan::{
    ColumnSource, PlannedRows, Scan, ScanBuilder, ScanColumn, ScanMetrics, plan_rows, prune_blocks,
};
pub use ncf_table as table;
pub use storage::{LocalStorage, Stat, Storage};
