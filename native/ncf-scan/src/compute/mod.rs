//! Values computed from decoded pages.
//!
//! The computations of a scan become one list of steps, each made once, whoever needs it: a step reads
//! columns and earlier steps. Integers and decimals travel in lanes of 64 bits as long as the values
//! at hand allow, whatever their type, else of 128: see [`numbers`].

mod arithmetic;
pub(crate) mod numbers;

use std::collections::HashMap;

use ncf_core::computation::{cast_factor, scale_factors};
use ncf_core::{
    ArithmeticOp, Computation, DataType, Error, Expression, FieldPath, Result, Role, Scalar, Values,
};
use ncf_encoding::{DecodedPage, DecodedValues, zero};

use crate::batch::one_value;
use crate::filter::Rows;
use crate::resolve::{Place, PlaceSource};

/// A step's place in its [`Program`].
pub(crate) type StepId = usize;

/// Computations with one type each.
#[derive(Debug, Default)]
pub(crate) struct Program {
    steps: Vec<Step>,
    /// By the computation's text form for programmers, which tells all values apart.
    known: HashMap<String, StepId>,
}

#[derive(Debug)]
struct Step {
    kind: Kind,
    data_type: DataType,
}

#[derive(Debug)]
enum Kind {
    Column(usize),
    /// One value; `None` = null.
    Constant(Option<Values>),
    Arithmetic {
        op: ArithmeticOp,
        left: StepId,
        right: StepId,
        factors: (i128, i128),
    },
    /// The factor of integers and decimals.
    Cast(StepId, Option<i128>),
}

/// What the steps gave for some rows.
pub(crate) struct Results(Vec<DecodedPage>);

impl Results {
    /// What a step gave.
    pub(crate) fn get(&self, step: StepId) -> Result<&DecodedPage> {
        self.0.get(step).ok_or_else(|| Error::internal("a step was not computed"))
    }
}

impl Program {
    /// Adds a computation, unless it is known. `find` gives the slots of the fields that it reads.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown or nested field or types that do not fit.
    pub(crate) fn add(
        &mut self,
        computation: &Computation,
        find: &mut dyn FnMut(&FieldPath) -> Result<Place>,
    ) -> Result<StepId> {
        let text = format!("{computation:?}");
        if let Some(known) = self.known.get(&text) {
            return Ok(*known);
        }
        let step = match computation {
            Computation::Value(Expression::Literal(value)) => {
                constant(Some(value), value.data_type())?
            }
            Computation::Value(Expression::Column(path)) => {
                let Place { role, data_type, source } = find(path)?;
                if role != Role::Values {
                    return Err(Error::invalid_argument(format!(
                        "{path} is nested and has no one value; name a field of it"
                    )));
                }
                match source {
                    PlaceSource::Constant(value) => constant(value.as_ref(), data_type)?,
                    PlaceSource::Stored(slot) => Step { kind: Kind::Column(slot), data_type },
                }
            }
            Computation::Arithmetic { op, left, right, data_type } => {
                let (left, right) = (self.add(left, find)?, self.add(right, find)?);
                let (a, b) = (self.data_type(left)?, self.data_type(right)?);
                let factors = scale_factors(*op, a, b, *data_type)?;
                let kind = Kind::Arithmetic { op: *op, left, right, factors };
                Step { kind, data_type: *data_type }
            }
            Computation::Cast { input, data_type } => {
                let input = self.add(input, find)?;
                let factor = cast_factor(self.data_type(input)?, *data_type)?;
                Step { kind: Kind::Cast(input, factor), data_type: *data_type }
            }
        };
        self.steps.push(step);
        self.known.insert(text, self.steps.len() - 1);
        Ok(self.steps.len() - 1)
    }

    /// The type of a step's values.
    pub(crate) fn data_type(&self, step: StepId) -> Result<DataType> {
        let step = self.steps.get(step).ok_or_else(|| Error::internal("no such step"))?;
        Ok(step.data_type)
    }

    /// The columns that are read, as ascending slots of the scan.
    pub(crate) fn slots(&self) -> Vec<usize> {
        let slot = |step: &Step| match step.kind {
            Kind::Column(slot) => Some(slot),
            _ => None,
        };
        let mut slots: Vec<usize> = self.steps.iter().filter_map(slot).collect();
        slots.sort_unstable();
        slots
    }

    /// Computes every step for some rows.
    ///
    /// # Errors
    /// `Corrupt` when a number leaves its step's type.
    pub(crate) fn run(&self, rows: &Rows) -> Result<Results> {
        let mut done = Results(Vec::with_capacity(self.steps.len()));
        for step in &self.steps {
            let page = match &step.kind {
                Kind::Column(slot) => rows.page(*slot)?.clone(),
                Kind::Constant(value) => constant_page(value.as_ref(), step.data_type, rows.len)?,
                Kind::Arithmetic { op, left, right, factors } => arithmetic::apply(
                    *op,
                    (done.get(*left)?, factors.0),
                    (done.get(*right)?, factors.1),
                    step.data_type,
                )?,
                Kind::Cast(input, factor) => {
                    arithmetic::cast(done.get(*input)?, *factor, step.data_type)?
                }
            };
            done.0.push(page);
        }
        Ok(done)
    }
}

fn constant(value: Option<&Scalar>, data_type: DataType) -> Result<Step> {
    let value = value.map(|value| one_value(value, data_type)).transpose()?;
    Ok(Step { kind: Kind::Constant(value), data_type })
}

fn constant_page(value: Option<&Values>, data_type: DataType, len: usize) -> Result<DecodedPage> {
    Ok(match value {
        Some(value) => {
            DecodedPage { validity: None, values: DecodedValues::Constant(value.clone(), len) }
        }
        None => DecodedPage {
            validity: Some(arrow_buffer::BooleanBuffer::new_unset(len)),
            values: DecodedValues::Constant(zero(data_type.physical()), len),
        },
    })
}
