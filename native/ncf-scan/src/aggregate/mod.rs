//! Partial aggregates: what one scan finds out about the groups of its rows.
//!
//! ```text
//! rows ──program──▶ pages ──keys──▶ group of each row            groups.rs
//!                         ──values and groups──▶ accumulators    accumulator.rs
//! accumulators ──at the end, or when memory is spent──▶ Arrow batches
//! ```
//!
//! The caller puts the rows of several scans together, so a group may come out more than once: that
//! bounds memory ([`MOST_GROUPS`], [`MOST_KEY_BYTES`]), and lets a sum that its type cannot hold come in
//! pieces.

mod accumulator;
mod extreme;
mod groups;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use ncf_core::{Aggregate, Aggregation, DataType, Error, FieldPath, Result};

use crate::compute::{Program, StepId};
use crate::filter::{Cache, Compiler, Rows};
use crate::resolve::{ScanColumn, value_type};
use accumulator::Accumulator;
use groups::Groups;

/// Groups that are held at once; at 64 Ki new ones a window, less than twice as many.
const MOST_GROUPS: usize = 1 << 17;

/// Bytes of group keys that are held at once, about.
const MOST_KEY_BYTES: usize = 32 << 20;

/// Bytes that an aggregate has for a group, about, besides strings.
const STATE_BYTES: usize = 32;

/// Pieces of sums that wait.
const MOST_PIECES: usize = 1 << 16;

/// The aggregation of one scan.
pub(crate) struct Aggregator {
    program: Program,
    keys: Vec<(StepId, DataType)>,
    groups: Groups,
    /// Rows of each group.
    rows: Vec<u64>,
    accumulators: Vec<Accumulator>,
    schema: SchemaRef,
    slots: Vec<usize>,
}

/// The groups of some rows.
pub(crate) enum Members<'a> {
    /// All rows are of group 0.
    One,
    /// The group of each row.
    Each(&'a [u32]),
}

impl Aggregator {
    /// An aggregation over the columns of a scan, whose slots the compiler knows.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown column or types that do not fit.
    pub(crate) fn new(
        aggregation: &Aggregation,
        columns: &[ScanColumn],
        compiler: &mut Compiler,
    ) -> Result<Self> {
        let mut program = Program::default();
        let mut fields = Vec::new();
        let mut keys = Vec::new();
        for (index, computation) in aggregation.group_by.iter().enumerate() {
            let step = program.add(computation, compiler)?;
            let data_type = program.data_type(step)?;
            keys.push((step, data_type));
            fields.push(ArrowField::new(format!("group_{index}"), data_type.to_arrow(), true));
        }
        let of_column = |path: &FieldPath| value_type(path, columns);
        let mut accumulators = Vec::new();
        for (index, aggregate) in aggregation.aggregates.iter().enumerate() {
            let data_type = aggregate.data_type(&of_column)?;
            let input = match aggregate.input() {
                None => None,
                Some(input) => Some(program.add(input, compiler)?),
            };
            let input_type = input.map(|step| program.data_type(step)).transpose()?;
            accumulators.push(Accumulator::new(aggregate, input, input_type, data_type)?);
            let nullable = !matches!(aggregate, Aggregate::CountRows | Aggregate::Count(_));
            fields.push(ArrowField::new(
                format!("aggregate_{index}"),
                data_type.to_arrow(),
                nullable,
            ));
        }
        let mut made = Self {
            slots: program.slots(),
            program,
            groups: Groups::new(keys.len()),
            keys,
            rows: Vec::new(),
            accumulators,
            schema: Arc::new(ArrowSchema::new(fields)),
        };
        made.restart();
        Ok(made)
    }

    /// The schema of the result: group values, then aggregates.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The columns that are read, as ascending slots of the scan.
    pub(crate) fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// Takes rows in.
    ///
    /// # Errors
    /// `Corrupt` when a number leaves its type.
    pub(crate) fn update(&mut self, rows: &Rows, cache: &mut Cache) -> Result<()> {
        if rows.len == 0 {
            return Ok(());
        }
        let results = self.program.run(rows, cache)?;
        if self.keys.is_empty() {
            if let Some(count) = self.rows.first_mut() {
                *count += rows.len as u64;
            }
            for accumulator in &mut self.accumulators {
                accumulator.update(&results, &Members::One, 1, rows.len)?;
            }
            return Ok(());
        }
        let keys =
            self.keys.iter().map(|(step, _)| results.get(*step)).collect::<Result<Vec<_>>>()?;
        let ids = self.groups.assign(&keys, rows.len)?;
        let count = self.groups.len();
        self.rows.resize(count, 0);
        for id in &ids {
            if let Some(rows) = self.rows.get_mut(*id as usize) {
                *rows += 1;
            }
        }
        for accumulator in &mut self.accumulators {
            accumulator.update(&results, &Members::Each(&ids), count, rows.len)?;
        }
        Ok(())
    }

    /// Whether what is held should be taken out before more comes in.
    pub(crate) fn is_full(&self) -> bool {
        self.groups.len() > MOST_GROUPS
            || self.groups.key_bytes() > MOST_KEY_BYTES
            || self.accumulators.iter().map(Accumulator::waiting).sum::<usize>() > MOST_PIECES
    }

    /// Bytes that are held, about.
    pub(crate) fn byte_len(&self) -> usize {
        let strings: usize = self.accumulators.iter().map(Accumulator::string_bytes).sum();
        let per_group = STATE_BYTES * (1 + self.accumulators.len());
        self.groups.key_bytes() + strings + self.rows.len() * per_group
    }

    /// Takes out what is held. Without group keys that is a row, even if no row came in.
    ///
    /// # Errors
    /// `LimitExceeded` when the strings of all groups pass 2 GiB.
    pub(crate) fn take(&mut self) -> Result<RecordBatch> {
        let count = self.rows.len();
        for accumulator in &mut self.accumulators {
            accumulator.cut_pieces();
        }
        // A row a group, and after them the pieces of sums that have no place there.
        let groups: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX))
            .chain(self.accumulators.iter().flat_map(Accumulator::piece_groups))
            .collect();
        let mut arrays: Vec<ArrayRef> = Vec::new();
        for (index, (_, data_type)) in self.keys.iter().enumerate() {
            arrays.push(self.groups.column(index, &groups, *data_type)?);
        }
        let mut before = 0;
        for accumulator in &self.accumulators {
            arrays.push(accumulator.column(&self.rows, before, groups.len())?);
            before += accumulator.waiting();
        }
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|error| Error::internal(format!("aggregates do not fit: {error}")))?;
        self.restart();
        Ok(batch)
    }

    fn restart(&mut self) {
        self.groups = Groups::new(self.keys.len());
        self.rows = if self.keys.is_empty() { vec![0] } else { Vec::new() };
        for accumulator in &mut self.accumulators {
            accumulator.restart(self.rows.len());
        }
    }
}
