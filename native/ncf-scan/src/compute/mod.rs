//! Values computed from decoded pages.
//!
//! The computations of a scan become one list of steps, each made once, whoever needs it: a step reads
//! columns and earlier steps. Integers and decimals travel in lanes of 64 bits as long as the values
//! at hand allow, whatever their type, else of 128: see [`numbers`]. Functions of one value are carried
//! out on the distinct values of a dictionary: see [`forms`].

mod arithmetic;
mod choice;
mod conversion;
mod forms;
pub(crate) mod numbers;
mod numeric;
#[cfg(test)]
pub(crate) mod random;
mod temporal;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;

use arrow_buffer::BooleanBuffer;
use ncf_core::computation::{Conversion, conversion, scale_factors};
use ncf_core::{
    ArithmeticOp, Computation, DataType, Error, Expression, Function, Predicate, Result, Role,
    Scalar, Values,
};
use ncf_encoding::{DecodedPage, DecodedValues, zero};

use crate::batch::one_value;
use crate::filter::{Cache, Compiler, Node, Rows, Truth, evaluate};
use crate::resolve::{Place, PlaceSource};

/// A step's place in its [`Program`].
pub(crate) type StepId = usize;

/// Computations with one type each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    steps: Vec<Step>,
    /// By the computation's text form for programmers, which tells all values apart.
    known: HashMap<String, StepId>,
}

#[derive(Debug, Clone)]
struct Step {
    /// Unique in a scan; names cached results.
    id: usize,
    kind: Kind,
    data_type: DataType,
}

#[derive(Debug, Clone)]
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
    /// How, and of which type.
    Cast(StepId, Conversion, DataType),
    Truth(Node),
    Case {
        branches: Vec<(Node, StepId)>,
        otherwise: StepId,
    },
    Call(Function, Vec<StepId>),
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
    /// Adds a computation, unless it is known. The compiler knows the slots of the fields that it reads.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown or nested field or types that do not fit.
    pub(crate) fn add(
        &mut self,
        computation: &Computation,
        compiler: &mut Compiler,
    ) -> Result<StepId> {
        let text = format!("{computation:?}");
        if let Some(known) = self.known.get(&text) {
            return Ok(*known);
        }
        let (kind, data_type) = self.kind(computation, compiler)?;
        self.steps.push(Step { id: compiler.take_id(), kind, data_type });
        self.known.insert(text, self.steps.len() - 1);
        Ok(self.steps.len() - 1)
    }

    fn kind(
        &mut self,
        computation: &Computation,
        compiler: &mut Compiler,
    ) -> Result<(Kind, DataType)> {
        Ok(match computation {
            Computation::Value(Expression::Computed(inner)) => {
                return self.kind(inner, compiler);
            }
            Computation::Value(Expression::Literal(value)) => {
                let data_type = value.data_type();
                (constant(Some(value), data_type)?, data_type)
            }
            Computation::Value(Expression::Column(path)) => {
                let Place { role, data_type, source } = compiler.find(path)?;
                if role != Role::Values {
                    return Err(Error::invalid_argument(format!(
                        "{path} is nested and has no one value; name a field of it"
                    )));
                }
                match source {
                    PlaceSource::Constant(value) => {
                        (constant(value.as_ref(), data_type)?, data_type)
                    }
                    PlaceSource::Stored(slot) => (Kind::Column(slot), data_type),
                }
            }
            Computation::Null { data_type } => (Kind::Constant(None), *data_type),
            Computation::Arithmetic { op, left, right, data_type } => {
                let (left, right) = (self.add(left, compiler)?, self.add(right, compiler)?);
                let (a, b) = (self.data_type(left)?, self.data_type(right)?);
                let factors = scale_factors(*op, a, b, *data_type)?;
                (Kind::Arithmetic { op: *op, left, right, factors }, *data_type)
            }
            Computation::Cast { input, data_type } => {
                let input = self.add(input, compiler)?;
                let from = self.data_type(input)?;
                (Kind::Cast(input, conversion(from, *data_type)?, from), *data_type)
            }
            Computation::Truth(predicate) => {
                (Kind::Truth(compiler.compile(predicate)?), DataType::Boolean)
            }
            Computation::Case { branches, otherwise, data_type } => {
                (self.case(branches, otherwise.as_deref(), *data_type, compiler)?, *data_type)
            }
            Computation::Call { function, arguments } => {
                let add = |argument| self.add(argument, compiler);
                let arguments = arguments.iter().map(add).collect::<Result<Vec<_>>>()?;
                let types = arguments.iter().map(|step| self.data_type(*step));
                let data_type = function.data_type(&types.collect::<Result<Vec<_>>>()?)?;
                (Kind::Call(function.clone(), arguments), data_type)
            }
        })
    }

    fn case(
        &mut self,
        branches: &[(Predicate, Computation)],
        otherwise: Option<&Computation>,
        data_type: DataType,
        compiler: &mut Compiler,
    ) -> Result<Kind> {
        let null = Computation::Null { data_type };
        let otherwise = self.add(otherwise.unwrap_or(&null), compiler)?;
        let branch = |(condition, value): &(Predicate, Computation)| {
            Ok((compiler.compile(condition)?, self.add(value, compiler)?))
        };
        let branches = branches.iter().map(branch).collect::<Result<_>>()?;
        Ok(Kind::Case { branches, otherwise })
    }

    /// The type of a step's values.
    pub(crate) fn data_type(&self, step: StepId) -> Result<DataType> {
        let step = self.steps.get(step).ok_or_else(|| Error::internal("no such step"))?;
        Ok(step.data_type)
    }

    /// The columns that are read, as ascending slots of the scan.
    pub(crate) fn slots(&self) -> Vec<usize> {
        let slots = |step: &Step| match &step.kind {
            Kind::Column(slot) => vec![*slot],
            Kind::Truth(node) => node.slots.clone(),
            Kind::Case { branches, .. } => {
                branches.iter().flat_map(|(node, _)| node.slots.iter().copied()).collect()
            }
            _ => Vec::new(),
        };
        let mut slots: Vec<usize> = self.steps.iter().flat_map(slots).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Computes every step for some rows.
    ///
    /// # Errors
    /// `Corrupt` when a number leaves its step's type, `LimitExceeded` when strings grow beyond what
    /// rows may have.
    pub(crate) fn run(&self, rows: &Rows, cache: &mut Cache) -> Result<Results> {
        let mut done = Results(Vec::with_capacity(self.steps.len()));
        for step in &self.steps {
            let page = self.compute(step, &done, rows, cache)?;
            done.0.push(page);
        }
        Ok(done)
    }

    fn compute(
        &self,
        step: &Step,
        done: &Results,
        rows: &Rows,
        cache: &mut Cache,
    ) -> Result<DecodedPage> {
        match &step.kind {
            Kind::Column(slot) => Ok(rows.page(*slot)?.clone()),
            Kind::Constant(value) => Ok(constant_page(value.as_ref(), step.data_type, rows.len)),
            Kind::Arithmetic { op, left, right, factors } => arithmetic::apply(
                *op,
                (done.get(*left)?, factors.0),
                (done.get(*right)?, factors.1),
                step.data_type,
            ),
            Kind::Cast(input, Conversion::Scale(factor), _) => {
                arithmetic::scale(done.get(*input)?, *factor, step.data_type)
            }
            Kind::Cast(input, conversion, from) => {
                forms::map_step(done.get(*input)?, step.id, cache, &|values| {
                    conversion::convert(*conversion, *from, step.data_type, values)
                })
            }
            Kind::Truth(node) => Ok(truth_page(evaluate(node, rows, cache)?)),
            Kind::Case { branches, otherwise } => {
                let mut chosen = done.get(*otherwise)?.clone();
                // The first condition decides, so it comes last.
                for (condition, value) in branches.iter().rev() {
                    let mask = evaluate(condition, rows, cache)?.is_true;
                    chosen = choice::select(&mask, done.get(*value)?, &chosen, step.data_type)?;
                }
                Ok(chosen)
            }
            Kind::Call(function, arguments) => {
                let pages = arguments.iter().map(|argument| done.get(*argument));
                let pages = pages.collect::<Result<Vec<_>>>()?;
                self.call(step, function, arguments, &pages, cache)
            }
        }
    }

    fn call(
        &self,
        step: &Step,
        function: &Function,
        arguments: &[StepId],
        pages: &[&DecodedPage],
        cache: &mut Cache,
    ) -> Result<DecodedPage> {
        match (function, pages, arguments) {
            (Function::Coalesce | Function::Greatest | Function::Least, ..) => {
                choice::apply(function, pages, step.data_type)
            }
            (Function::Concat, ..) => {
                let len = pages.first().map_or(0, |page| page.values.len());
                let parts = pages.iter().map(|page| numbers::flat(page));
                let values = text::concat(&parts.collect::<Result<Vec<_>>>()?, len)?;
                Ok(DecodedPage {
                    validity: valid_in_all(pages),
                    values: DecodedValues::Flat(values),
                })
            }
            (_, [left, right], _) => {
                let values =
                    temporal::combine(function, &numbers::flat(left)?, &numbers::flat(right)?)?;
                Ok(DecodedPage {
                    validity: valid_in_all(pages),
                    values: DecodedValues::Flat(values),
                })
            }
            (_, [page], [argument]) => {
                let data_type = self.data_type(*argument)?;
                forms::map_step(page, step.id, cache, &|values| {
                    if let Some(found) = temporal::apply(function, values) {
                        return found;
                    }
                    if data_type == DataType::String {
                        return text::apply(function, values);
                    }
                    numeric::apply(function, data_type, values)
                })
            }
            _ => Err(Error::internal(format!("{function} got {} arguments", pages.len()))),
        }
    }
}

fn constant(value: Option<&Scalar>, data_type: DataType) -> Result<Kind> {
    Ok(Kind::Constant(value.map(|value| one_value(value, data_type)).transpose()?))
}

fn constant_page(value: Option<&Values>, data_type: DataType, len: usize) -> DecodedPage {
    match value {
        Some(value) => {
            DecodedPage { validity: None, values: DecodedValues::Constant(value.clone(), len) }
        }
        None => DecodedPage {
            validity: Some(BooleanBuffer::new_unset(len)),
            values: DecodedValues::Constant(zero(data_type.physical()), len),
        },
    }
}

fn truth_page(truth: Truth) -> DecodedPage {
    let values = DecodedValues::Flat(Values::Bool(truth.is_true));
    DecodedPage { validity: truth.known, values }
}

/// The rows that are valid in all pages; `None` = every row.
fn valid_in_all(pages: &[&DecodedPage]) -> Option<BooleanBuffer> {
    let valid = pages.iter().filter_map(|page| page.validity.clone());
    valid.reduce(|a, b| &a & &b)
}
