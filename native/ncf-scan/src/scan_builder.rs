//! What a scan shall do, checked before it starts.

use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{Schema as ArrowSchema, SchemaRef};
use ncf_core::{Aggregation, Error, Expression, FieldPath, FileSample, Predicate, Result, Top};
use ncf_file::{BlockInfo, FileReader};

use crate::aggregate::Aggregator;
use crate::filter::{Compiler, Node};
use crate::prune::Bounds;
use crate::resolve::{Place, ScanColumn, check_columns, check_predicate, place, position};
use crate::scan::Scan;
use crate::sink::Sink;
use crate::slots::{Output, Slots};
use crate::top::Best;

/// Rows of a batch unless told.
const DEFAULT_BATCH_ROWS: usize = 8192;

/// Builds a [`Scan`].
pub struct ScanBuilder {
    reader: Arc<FileReader>,
    columns: Vec<ScanColumn>,
    projection: Option<Vec<String>>,
    filter: Option<Predicate>,
    filter_columns: Option<Vec<ScanColumn>>,
    aggregation: Option<Aggregation>,
    top: Option<Top>,
    sample: Option<FileSample>,
    blocks: Range<usize>,
    rows: Vec<Range<u64>>,
    batch_rows: usize,
    dictionaries: bool,
    limit: Option<u64>,
}

/// A condition that every returned row meets, in the form for bounds and the form for rows.
pub(crate) struct Conjunct {
    pub(crate) predicate: Predicate,
    pub(crate) node: Node,
}

/// A checked request.
pub(crate) struct Plan {
    pub(crate) slots: Slots,
    /// The columns of the batches.
    pub(crate) outputs: Vec<Output>,
    pub(crate) schema: SchemaRef,
    pub(crate) conjuncts: Vec<Conjunct>,
    pub(crate) bounds: Bounds,
    pub(crate) sample: Option<FileSample>,
    pub(crate) blocks: Range<usize>,
    /// Rows of the file that may be read, in order and apart.
    pub(crate) rows: Vec<Range<u64>>,
    pub(crate) batch_rows: usize,
    pub(crate) dictionaries: bool,
    pub(crate) limit: u64,
}

impl ScanBuilder {
    /// A scan of all rows of a file and all of `columns`: every column that filter or projection may
    /// name.
    pub fn new(reader: Arc<FileReader>, columns: Vec<ScanColumn>) -> Self {
        let blocks = 0..reader.blocks().len();
        let rows = std::iter::once(0..reader.rows()).collect();
        Self {
            reader,
            columns,
            projection: None,
            filter: None,
            filter_columns: None,
            aggregation: None,
            top: None,
            sample: None,
            blocks,
            rows,
            batch_rows: DEFAULT_BATCH_ROWS,
            dictionaries: false,
            limit: None,
        }
    }

    /// Returns these columns in this order. None at all gives batches that have only a row count.
    #[must_use]
    pub fn project(mut self, columns: Vec<String>) -> Self {
        self.projection = Some(columns);
        self
    }

    /// Returns only rows that make the predicate true. Conjuncts may be evaluated in any order.
    #[must_use]
    pub fn filter(mut self, predicate: Predicate) -> Self {
        self.filter = Some(predicate);
        self
    }

    /// The columns that the filter names, where they are not those of [`ScanBuilder::new`]: structs
    /// among those may lack fields that the filter reads.
    #[must_use]
    pub fn filter_columns(mut self, columns: Vec<ScanColumn>) -> Self {
        self.filter_columns = Some(columns);
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

    /// Reads only the rows of a sample: filter, aggregates and limit see no others.
    #[must_use]
    pub fn sample(mut self, sample: FileSample) -> Self {
        self.sample = Some(sample);
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
    pub fn rows(self, rows: Range<u64>) -> Self {
        self.row_runs(std::iter::once(rows).collect())
    }

    /// Reads only the rows of these runs, counted from the file's first, which are in order and do not overlap.
    #[must_use]
    pub fn row_runs(mut self, runs: Vec<Range<u64>>) -> Self {
        self.rows = runs;
        self
    }

    /// Rows of a batch, at most; 8192 unless told.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows;
        self
    }

    /// Whether a batch may hold strings and binaries as Arrow's dictionary arrays, with `u32` keys, where
    /// the file has them so. Only the batch's own schema tells then; [`Scan::schema`] has the values'.
    #[must_use]
    pub fn keep_dictionaries(mut self, keep: bool) -> Self {
        self.dictionaries = keep;
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
        let Self { reader, columns, blocks, rows, batch_rows, dictionaries, .. } = self;
        check_columns(&columns, &reader)?;
        check_ranges(&reader, &blocks, &rows)?;
        if batch_rows == 0 {
            return Err(Error::invalid_argument("a batch must have at least one row"));
        }
        if self.aggregation.is_some() && (self.projection.is_some() || self.limit.is_some()) {
            return Err(Error::invalid_argument("aggregates have no projection and no limit"));
        }
        if self.top.is_some() && (self.aggregation.is_some() || self.limit.is_some()) {
            return Err(Error::invalid_argument("first rows are not of aggregates or of a limit"));
        }
        let projection = match (&self.aggregation, &self.projection) {
            (Some(_), _) => Vec::new(),
            (None, None) => columns.iter().collect(),
            (None, Some(names)) => projected(&columns, names)?,
        };
        let mut slots = Slots::default();
        let mut conjuncts = Vec::new();
        let mut bounds = Bounds::default();
        let mut next_node = 0;
        if let Some(predicate) = &self.filter {
            let columns = self.filter_columns.as_ref().unwrap_or(&columns);
            check_columns(columns, &reader)?;
            check_predicate(predicate, columns)?;
            let mut find = finder(columns, &reader, &mut slots);
            (conjuncts, next_node) = compile(predicate, &mut find)?;
            bounds.load(&reader, columns, predicate, true)?;
        }
        let outputs = projection.iter().map(|column| Output::new(column, &reader, &mut slots));
        let outputs = outputs.collect::<Result<_>>()?;
        let mut find = finder(&columns, &reader, &mut slots);
        let sink = match (&self.aggregation, &self.top) {
            (Some(wanted), _) => {
                let mut compiler = Compiler::starting_at(&mut find, next_node);
                Sink::Aggregates(Aggregator::new(wanted, &columns, &mut compiler)?)
            }
            (None, Some(top)) => {
                let best = Best::new(top, &projection, &mut find, next_node)?;
                if let Some(key) = best.first_key() {
                    let key = Predicate::IsNull(Expression::Column(key.column.clone()));
                    bounds.load(&reader, &columns, &key, false)?;
                }
                Sink::Best(best)
            }
            (None, None) => Sink::Rows,
        };
        drop(find);
        let schema = match &sink {
            Sink::Aggregates(aggregator) => aggregator.schema(),
            Sink::Rows | Sink::Best(_) => schema_of(&projection),
        };
        let limit = self.limit.unwrap_or(u64::MAX);
        let sample = self.sample;
        let plan = Plan {
            slots,
            outputs,
            schema,
            conjuncts,
            bounds,
            sample,
            blocks,
            rows,
            batch_rows,
            dictionaries,
            limit,
        };
        Scan::start(reader, plan, sink)
    }
}

fn schema_of(projection: &[&ScanColumn]) -> SchemaRef {
    let fields = projection.iter().map(|column| column.field.to_arrow());
    Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
}

/// The columns of these names.
fn projected<'a>(columns: &'a [ScanColumn], names: &[String]) -> Result<Vec<&'a ScanColumn>> {
    let column = |name: &String| {
        let column = columns.get(position(columns, name)?);
        column.ok_or_else(|| Error::internal("a column moved"))
    };
    names.iter().map(column).collect()
}

/// Finds fields among columns; stored columns get slots.
fn finder<'a>(
    columns: &'a [ScanColumn],
    reader: &'a FileReader,
    slots: &'a mut Slots,
) -> impl FnMut(&FieldPath) -> Result<Place> + 'a {
    |path| {
        let place = place(path, columns, reader)?;
        Ok(place.in_slot(&mut |column, data_type| slots.of(column, data_type)))
    }
}

/// The conjuncts of a checked predicate, and where the next compiler has to start.
fn compile(
    predicate: &Predicate,
    find: &mut dyn FnMut(&FieldPath) -> Result<Place>,
) -> Result<(Vec<Conjunct>, usize)> {
    let mut compiler = Compiler::new(find);
    let compile =
        |part: &Predicate| Ok(Conjunct { predicate: part.clone(), node: compiler.compile(part)? });
    let conjuncts = predicate.conjuncts().into_iter().map(compile).collect::<Result<_>>()?;
    Ok((conjuncts, compiler.next_id()))
}

fn check_ranges(reader: &FileReader, blocks: &Range<usize>, rows: &[Range<u64>]) -> Result<()> {
    let count = reader.blocks().len();
    if blocks.start > blocks.end || blocks.end > count {
        return Err(Error::invalid_argument(format!(
            "blocks {} to {} were asked for; the file has {count}",
            blocks.start, blocks.end
        )));
    }
    let mut free = 0;
    for run in rows {
        if run.start < free || run.start > run.end || run.end > reader.rows() {
            return Err(Error::invalid_argument(format!(
                "rows {} to {} were asked for, behind those before {free}; the file has {}",
                run.start,
                run.end,
                reader.rows()
            )));
        }
        free = run.end;
    }
    Ok(())
}

impl Plan {
    /// The rows of a block that may be read, counted from its first.
    pub(crate) fn rows_of(&self, block: &BlockInfo) -> Vec<Range<usize>> {
        let rows = block.first_row..block.first_row + u64::from(block.rows);
        let in_block =
            |row: u64| usize::try_from(row.saturating_sub(rows.start)).unwrap_or(usize::MAX);
        let before = self.rows.partition_point(|run| run.end <= rows.start);
        let runs = self.rows.iter().skip(before).take_while(|run| run.start < rows.end);
        let runs = runs.map(|run| in_block(run.start)..in_block(run.end.min(rows.end)));
        runs.filter(|run| !run.is_empty()).collect()
    }
}
