//! What a scan shall do, checked before it starts.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{Schema as ArrowSchema, SchemaRef};
use ncf_core::{Aggregation, Error, Expression, Predicate, Result, Top};
use ncf_file::FileReader;

use crate::aggregate::Aggregator;
use crate::filter::{Compiler, Node};
use crate::prune::Bounds;
use crate::resolve::{ScanColumn, check_columns, check_predicate, position};
use crate::scan::Scan;
use crate::sink::Sink;
use crate::top::Best;

/// Rows of a batch unless told.
const DEFAULT_BATCH_ROWS: usize = 8192;

/// Builds a [`Scan`].
pub struct ScanBuilder {
    reader: Arc<FileReader>,
    columns: Vec<ScanColumn>,
    projection: Option<Vec<String>>,
    filter: Option<Predicate>,
    aggregation: Option<Aggregation>,
    top: Option<Top>,
    blocks: Range<usize>,
    rows: Range<u64>,
    batch_rows: usize,
    limit: Option<u64>,
}

/// A condition that every returned row meets, in the form for bounds and the form for rows.
pub(crate) struct Conjunct {
    pub(crate) predicate: Predicate,
    pub(crate) node: Node,
}

/// A checked request.
pub(crate) struct Plan {
    pub(crate) columns: Vec<ScanColumn>,
    /// Positions in `columns`, in output order.
    pub(crate) projection: Vec<usize>,
    pub(crate) schema: SchemaRef,
    pub(crate) conjuncts: Vec<Conjunct>,
    pub(crate) bounds: Option<Bounds>,
    pub(crate) blocks: Range<usize>,
    pub(crate) rows: Range<u64>,
    pub(crate) batch_rows: usize,
    pub(crate) limit: u64,
}

impl ScanBuilder {
    /// A scan of all rows of a file and all of `columns`: every column that filter or projection may
    /// name.
    pub fn new(reader: Arc<FileReader>, columns: Vec<ScanColumn>) -> Self {
        let (blocks, rows) = (0..reader.blocks().len(), 0..reader.rows());
        Self {
            reader,
            columns,
            projection: None,
            filter: None,
            aggregation: None,
            top: None,
            blocks,
            rows,
            batch_rows: DEFAULT_BATCH_ROWS,
            limit: None,
        }
    }

    /// Returns these columns in this order. None at all gives batches that have only a row count.
    #[must_use]
    pub fn project(mut self, columns: Vec<String>) -> Self {
        self.projection = Some(columns);
        self
    }

    /// Returns only rows that make the predicate true. Conjuncts are evaluated in their order.
    #[must_use]
    pub fn filter(mut self, predicate: Predicate) -> Self {
        self.filter = Some(predicate);
        self
    }

    /// Returns groups of rows in the place of rows, in columns `group_0`…, `aggregate_0`…: several rows
    /// may be of one group. Excludes a projection and a limit.
    #[must_use]
    pub fn aggregate(mut self, aggregation: Aggregation) -> Self {
        self.aggregation = Some(aggregation);
        self
    }

    /// Returns only the first rows in an order, which the projection must hold. Excludes a limit and
    /// aggregates.
    #[must_use]
    pub fn top(mut self, top: Top) -> Self {
        self.top = Some(top);
        self
    }

    /// Reads only these blocks.
    #[must_use]
    pub fn blocks(mut self, blocks: Range<usize>) -> Self {
        self.blocks = blocks;
        self
    }

    /// Reads only these rows, counted from the file's first.
    #[must_use]
    pub fn rows(mut self, rows: Range<u64>) -> Self {
        self.rows = rows;
        self
    }

    /// Rows of a batch, at most; 8192 unless told.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// Stops after this many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Checks the request and starts the scan. Reads no data page.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown column, a comparison of different types, blocks or rows that
    /// the file does not have, or `batch_rows` = 0; `Unsupported` when a column's type in the file is
    /// not the one wanted; `Io` or `Corrupt` when statistics cannot be read.
    pub fn build(self) -> Result<Scan> {
        let Self { reader, columns, projection, filter, aggregation, top, blocks, rows, .. } = self;
        check_columns(&columns, &reader)?;
        check_ranges(&reader, &blocks, &rows)?;
        if self.batch_rows == 0 {
            return Err(Error::invalid_argument("a batch must have at least one row"));
        }
        if aggregation.is_some() && (projection.is_some() || self.limit.is_some()) {
            return Err(Error::invalid_argument("aggregates have no projection and no limit"));
        }
        if top.is_some() && (aggregation.is_some() || self.limit.is_some()) {
            return Err(Error::invalid_argument("first rows are not of aggregates or of a limit"));
        }
        let aggregator =
            aggregation.map(|aggregation| Aggregator::new(&aggregation, &columns)).transpose()?;
        let projection = match projection {
            _ if aggregator.is_some() => Vec::new(),
            None => (0..columns.len()).collect(),
            Some(names) => {
                names.iter().map(|name| position(&columns, name)).collect::<Result<Vec<_>>>()?
            }
        };
        let mut compiler = Compiler::new(&columns);
        let conjuncts = match &filter {
            None => Vec::new(),
            Some(predicate) => {
                check_predicate(predicate, &columns)?;
                conjuncts(predicate, &mut compiler)?
            }
        };
        let best = match &top {
            None => None,
            Some(top) => Some(Best::new(top, &columns, &projection, compiler.next_id())?),
        };
        let bounds = match bounded(filter, top.as_ref()) {
            None => None,
            Some(predicate) => Some(Bounds::load(&reader, &columns, &predicate)?),
        };
        let schema = match &aggregator {
            Some(aggregator) => aggregator.schema(),
            None => output_schema(&columns, &projection),
        };
        let plan = Plan {
            columns,
            projection,
            schema,
            conjuncts,
            bounds,
            blocks,
            rows,
            batch_rows: self.batch_rows,
            limit: self.limit.unwrap_or(u64::MAX),
        };
        let sink = match (aggregator, best) {
            (Some(aggregator), _) => Sink::Aggregates(aggregator),
            (None, Some(best)) => Sink::Best(best),
            (None, None) => Sink::Rows,
        };
        Scan::start(reader, plan, sink)
    }
}

/// A predicate over all columns whose bounds say which rows are left out.
fn bounded(filter: Option<Predicate>, top: Option<&Top>) -> Option<Predicate> {
    let first = top.and_then(|top| top.keys.first());
    let key = first.map(|key| Predicate::IsNull(Expression::Column(key.column.clone())));
    match (filter, key) {
        (Some(filter), Some(key)) => Some(Predicate::And(vec![filter, key])),
        (filter, key) => filter.or(key),
    }
}

/// The conjuncts of a checked predicate.
fn conjuncts(predicate: &Predicate, compiler: &mut Compiler) -> Result<Vec<Conjunct>> {
    let compile =
        |part: &Predicate| Ok(Conjunct { node: compiler.compile(part)?, predicate: part.clone() });
    predicate.conjuncts().into_iter().map(compile).collect()
}

fn check_ranges(reader: &FileReader, blocks: &Range<usize>, rows: &Range<u64>) -> Result<()> {
    let count = reader.blocks().len();
    if blocks.start > blocks.end || blocks.end > count {
        return Err(Error::invalid_argument(format!(
            "blocks {} to {} were asked for; the file has {count}",
            blocks.start, blocks.end
        )));
    }
    if rows.start > rows.end || rows.end > reader.rows() {
        return Err(Error::invalid_argument(format!(
            "rows {} to {} were asked for; the file has {}",
            rows.start,
            rows.end,
            reader.rows()
        )));
    }
    Ok(())
}

fn output_schema(columns: &[ScanColumn], projection: &[usize]) -> SchemaRef {
    let fields = projection
        .iter()
        .filter_map(|index| columns.get(*index))
        .map(|column| column.field.to_arrow());
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}
