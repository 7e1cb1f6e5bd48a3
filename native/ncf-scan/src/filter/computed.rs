//! Conditions on computed values.

use arrow_buffer::BooleanBuffer;
use ncf_core::{DataType, Result};
use ncf_encoding::{DecodedPage, DecodedValues, zero};

use super::{Cache, Node, Rows, evaluate};
use crate::compute::{Program, StepId, numbers};

/// A node over the results of computations.
#[derive(Debug, Clone)]
pub(crate) struct Computed {
    program: Program,
    /// The results that the node reads as slots 0, 1….
    results: Vec<(StepId, DataType)>,
    pub(crate) node: Node,
    /// The condition where every column is null.
    pub(crate) of_null: Option<bool>,
}

impl Computed {
    /// `columns` are the slots that the program reads, with the types of their values.
    pub(crate) fn new(
        program: Program,
        steps: Vec<StepId>,
        node: Node,
        columns: &[(usize, DataType)],
    ) -> Result<Self> {
        let typed = |step| Ok((step, program.data_type(step)?));
        let results = steps.into_iter().map(typed).collect::<Result<_>>()?;
        let mut made = Self { program, results, node, of_null: None };
        made.of_null = made.on_nulls(columns)?;
        Ok(made)
    }

    /// The columns that are read, as slots of the scan.
    pub(crate) fn slots(&self) -> Vec<usize> {
        self.program.slots()
    }

    /// What the node reads, for some rows.
    pub(crate) fn values(&self, rows: &Rows, cache: &mut Cache) -> Result<Rows> {
        let results = self.program.run(rows, cache)?;
        let page = |(slot, (step, data_type)): (usize, &(StepId, DataType))| {
            Ok((slot, numbers::typed(results.get(*step)?, *data_type)?))
        };
        let pages = self.results.iter().enumerate().map(page).collect::<Result<_>>()?;
        Ok(Rows { len: rows.len, pages })
    }

    fn on_nulls(&self, columns: &[(usize, DataType)]) -> Result<Option<bool>> {
        let null = |(slot, data_type): &(usize, DataType)| {
            let values = DecodedValues::Constant(zero(data_type.physical()), 1);
            (*slot, DecodedPage { validity: Some(BooleanBuffer::new_unset(1)), values })
        };
        let pages = columns.iter().map(null).collect();
        let cache = &mut Cache::default();
        let truth = evaluate(&self.node, &self.values(&Rows { len: 1, pages }, cache)?, cache)?;
        let known = truth.known.as_ref().is_none_or(BooleanBuffer::has_true);
        Ok(known.then(|| truth.is_true.has_true()))
    }
}
