//! NCF in (a file, a bare directory, a table) and out (one file). Inputs are memory-mapped.

use std::path::Path;
use std::sync::Arc;
use std::vec;

use arrow_array::RecordBatch;
use ncf::dataset::{Dataset, DatasetOptions, ScanRequest, Split, SplitReader};
use ncf::index::Models;
use ncf::{Error, FileWriter, Predicate, Result, Scan, Schema, WriterOptions};

use super::output::Staged;
use super::{BATCH_ROWS, Sink, Source, require_exists};

/// NCF data at a path.
pub(crate) struct NcfInput {
    dataset: Dataset,
}

impl NcfInput {
    /// Opens what `path` holds.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        require_exists(path)?;
        Ok(Self { dataset: Dataset::open(path, &DatasetOptions::default())? })
    }

    /// The dataset.
    pub(crate) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Rows that match `filter`, at most `limit` of them, in the order of files and rows; `columns`
    /// in the order asked.
    pub(crate) fn scan(
        self,
        columns: Option<Vec<String>>,
        filter: Option<Predicate>,
        limit: Option<u64>,
    ) -> Result<NcfScan> {
        let all = self.dataset.schema();
        let names = columns.as_ref();
        let fields = match names {
            None => all.fields.clone(),
            Some(names) => {
                names.iter().map(|name| all.field(name).cloned()).collect::<Result<_>>()?
            }
        };
        let schema = Schema { metadata: all.metadata.clone(), ..Schema::new(fields)? };
        let filtered = filter.is_some() || limit.is_some();
        let request = ScanRequest { columns, filter, ..ScanRequest::default() };
        let plan = self.dataset.plan(&request)?;
        let rows = (!filtered).then_some(plan.rows);
        let splits = plan.splits.into_iter();
        Ok(NcfScan {
            dataset: self.dataset,
            request,
            schema,
            rows,
            splits,
            scan: None,
            left: limit,
            models: None,
        })
    }
}

/// Rows of NCF data, split after split.
pub(crate) struct NcfScan {
    dataset: Dataset,
    request: ScanRequest,
    schema: Schema,
    rows: Option<u64>,
    splits: vec::IntoIter<Split>,
    scan: Option<Scan>,
    left: Option<u64>,
    models: Option<Arc<dyn Models>>,
}

impl NcfScan {
    /// Uses the models of indexes that are trusted.
    pub(crate) fn with_models(mut self, models: Option<Arc<dyn Models>>) -> Self {
        self.models = models;
        self
    }
}

impl Source for NcfScan {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.left == Some(0) {
                return Ok(None);
            }
            let scan = match &mut self.scan {
                Some(scan) => scan,
                None => {
                    let Some(split) = self.splits.next() else {
                        return Ok(None);
                    };
                    let reader = SplitReader {
                        batch_rows: BATCH_ROWS,
                        memory_map: true,
                        limit: self.left,
                        models: self.models.clone(),
                        ..SplitReader::default()
                    };
                    let scan = reader.open(&split, self.dataset.schema(), &self.request)?;
                    self.scan.insert(scan)
                }
            };
            match scan.next_batch()? {
                None => self.scan = None,
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    if let Some(left) = &mut self.left {
                        *left = left.saturating_sub(batch.num_rows() as u64);
                    }
                    return Ok(Some(batch));
                }
            }
        }
    }
}

struct NcfSink {
    writer: FileWriter,
    staged: Staged,
}

/// Creates an NCF file.
pub(super) fn create(
    staged: Staged,
    schema: &Schema,
    options: WriterOptions,
) -> Result<Box<dyn Sink>> {
    for name in options.encodings.keys() {
        schema.field(name)?;
    }
    if schema.fields.is_empty() {
        return Err(Error::unsupported("a file without columns cannot be written"));
    }
    let sink = staged.create_ncf()?;
    let writer = FileWriter::new(Box::new(sink), schema.clone(), options)?;
    Ok(Box::new(NcfSink { writer, staged }))
}

impl Sink for NcfSink {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Self { writer, staged } = *self;
        writer.finish()?;
        staged.rename()
    }
}
