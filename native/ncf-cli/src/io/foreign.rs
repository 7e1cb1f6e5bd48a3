//! A source of any other format: batches of an Arrow reader, each column made storable.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use ncf::{Result, Schema};

use super::storable::{Conversion, TextColumn, conversions};
use super::{Source, reading};

/// What an Arrow reader yields.
pub(super) type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>>>;

/// Batches of another format.
pub(super) struct Foreign {
    schema: Schema,
    arrow: SchemaRef,
    conversions: Vec<Conversion>,
    batches: Batches,
    rows: Option<u64>,
}

impl Foreign {
    /// Wraps a reader of batches of `arrow`; columns in `texts` arrive as text.
    pub(super) fn new(
        arrow: &arrow_schema::Schema,
        texts: &BTreeMap<String, TextColumn>,
        batches: Batches,
        rows: Option<u64>,
    ) -> Result<Self> {
        let (schema, conversions) = conversions(arrow, texts)?;
        let arrow = Arc::new(ncf::to_arrow_schema(&schema));
        Ok(Self { schema, arrow, conversions, batches, rows })
    }
}

impl Source for Foreign {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.batches.next().transpose().map_err(reading)? else {
            return Ok(None);
        };
        let columns = self.conversions.iter().zip(batch.columns());
        let columns = columns.map(|(conversion, array)| conversion.apply(array));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(Arc::clone(&self.arrow), columns).map(Some).map_err(reading)
    }
}
