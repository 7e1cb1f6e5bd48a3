//! From a predicate over names to a tree over columns of the scan. Literals and constant columns are
//! folded away, so that every leaf reads a column of the file.

use std::collections::HashMap;

use ncf_core::{
    CompareOp, Computation, DataType, Error, Expression, FieldPath, Predicate, Result, Role, Scalar,
};

use super::computed::Computed;
use super::in_list::InList;
use super::text::TextTest;
use crate::compute::Program;
use crate::resolve::{Place, PlaceSource};

/// A compiled predicate.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Unique in a scan; names cached results.
    pub(crate) id: usize,
    /// The stored columns that it reads, as ascending slots of the scan.
    pub(crate) slots: Vec<usize>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Always(Option<bool>),
    Test(usize, Test),
    CompareColumns(CompareOp, usize, usize),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Computed(Box<Computed>),
}

/// A condition on one value.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Compare(CompareOp, Scalar),
    /// The list (`None` = empty), and whether it has a null.
    In(Option<InList>, bool),
    Text(TextTest),
    IsNull,
}

impl Test {
    /// The result for a null.
    pub(crate) fn of_null(&self) -> Option<bool> {
        match self {
            Self::Compare(CompareOp::NullSafeEq, _) | Self::In(None, false) => Some(false),
            Self::Compare(..) | Self::In(..) | Self::Text(_) => None,
            Self::IsNull => Some(true),
        }
    }

    /// Whether strings need not be decoded for it.
    fn reads_symbols(&self) -> bool {
        matches!(
            self,
            Self::IsNull
                | Self::Text(TextTest::StartsWith(_))
                | Self::Compare(CompareOp::Eq | CompareOp::NotEq | CompareOp::NullSafeEq, _)
        )
    }
}

impl Node {
    /// Whether no string has to be decoded for it.
    pub(crate) fn reads_symbols(&self) -> bool {
        match &self.kind {
            Kind::Always(_) => true,
            Kind::Test(_, test) => test.reads_symbols(),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().all(Self::reads_symbols),
            Kind::Not(inner) => inner.reads_symbols(),
            Kind::CompareColumns(..) | Kind::Computed(_) => false,
        }
    }
}

/// What an expression is once constants are known.
enum Operand<'a> {
    Stored(usize, Role),
    Value(Scalar),
    Null,
    Computed(&'a Computation),
}

/// Compiles the conjuncts of one scan.
pub(crate) struct Compiler<'a> {
    find: &'a mut dyn FnMut(&FieldPath) -> Result<Place>,
    next_id: usize,
    /// The types of the slots that were found.
    types: HashMap<usize, DataType>,
}

impl<'a> Compiler<'a> {
    /// `find` gives the slots of the fields that predicates name.
    pub(crate) fn new(find: &'a mut dyn FnMut(&FieldPath) -> Result<Place>) -> Self {
        Self::starting_at(find, 0)
    }

    /// Continues where another compiler of the scan stopped: ids must not come twice.
    pub(crate) fn starting_at(
        find: &'a mut dyn FnMut(&FieldPath) -> Result<Place>,
        next_id: usize,
    ) -> Self {
        Self { find, next_id, types: HashMap::new() }
    }

    /// Where a further compiler has to start.
    pub(crate) fn next_id(&self) -> usize {
        self.next_id
    }

    /// Compiles a checked predicate.
    pub(crate) fn compile(&mut self, predicate: &Predicate) -> Result<Node> {
        let kind = match predicate {
            Predicate::Always(value) => Kind::Always(*value),
            Predicate::Compare(op, left, right) => {
                return self.compare(*op, left, right);
            }
            Predicate::In { expression, values, has_null } => {
                let test = Test::In(InList::compile(values)?, *has_null);
                let found = |value: &Scalar| match (values.contains(value), has_null) {
                    (false, true) => None,
                    (found, _) => Some(found),
                };
                self.test(expression, test, found)?
            }
            Predicate::IsNull(expression) => {
                self.test(expression, Test::IsNull, |_| Some(false))?
            }
            Predicate::IsNotNull(expression) => {
                let is_null = Predicate::IsNull(expression.clone());
                return self.compile(&Predicate::Not(Box::new(is_null)));
            }
            Predicate::Text(op, expression, pattern) => {
                let test = TextTest::compile(*op, pattern);
                let found = |value: &Scalar| match value {
                    Scalar::String(text) => Some(op.accepts(text, pattern)),
                    _ => None,
                };
                self.test(expression, Test::Text(test), found)?
            }
            Predicate::And(parts) => Kind::And(self.all(parts)?),
            Predicate::Or(parts) => Kind::Or(self.all(parts)?),
            Predicate::Not(inner) => Kind::Not(Box::new(self.compile(inner)?)),
        };
        Ok(self.node(kind))
    }

    fn all(&mut self, parts: &[Predicate]) -> Result<Vec<Node>> {
        parts.iter().map(|part| self.compile(part)).collect()
    }

    fn node(&mut self, kind: Kind) -> Node {
        let mut slots = match &kind {
            Kind::Always(_) => Vec::new(),
            Kind::Test(slot, _) => vec![*slot],
            Kind::CompareColumns(_, left, right) => vec![*left, *right],
            Kind::And(parts) | Kind::Or(parts) => {
                parts.iter().flat_map(|part| part.slots.iter().copied()).collect()
            }
            Kind::Not(inner) => inner.slots.clone(),
            Kind::Computed(computed) => computed.slots(),
        };
        slots.sort_unstable();
        slots.dedup();
        Node { id: self.take_id(), slots, kind }
    }

    /// An id that no other node or step of the scan has.
    pub(crate) fn take_id(&mut self) -> usize {
        self.next_id += 1;
        self.next_id
    }

    /// Where a field is.
    pub(crate) fn find(&mut self, path: &FieldPath) -> Result<Place> {
        let place = (self.find)(path)?;
        if let PlaceSource::Stored(slot) = place.source {
            self.types.insert(slot, place.data_type);
        }
        Ok(place)
    }

    /// A node over what is computed: `kind` reads the results as slots from 0.
    fn computed(&mut self, inputs: &[&Computation], kind: Kind) -> Result<Kind> {
        let mut program = Program::default();
        let steps =
            inputs.iter().map(|input| program.add(input, self)).collect::<Result<Vec<_>>>()?;
        let typed = |slot: usize| Some((slot, *self.types.get(&slot)?));
        let columns: Vec<_> = program.slots().into_iter().filter_map(typed).collect();
        let node = self.node(kind);
        Ok(Kind::Computed(Box::new(Computed::new(program, steps, node, &columns)?)))
    }

    fn operand<'e>(&mut self, expression: &'e Expression) -> Result<Operand<'e>> {
        Ok(match expression {
            Expression::Computed(computation) => Operand::Computed(computation),
            Expression::Literal(value) => Operand::Value(value.clone()),
            Expression::Column(path) => {
                let place = self.find(path)?;
                match place.source {
                    PlaceSource::Constant(Some(value)) => Operand::Value(value),
                    PlaceSource::Constant(None) => Operand::Null,
                    PlaceSource::Stored(slot) => Operand::Stored(slot, place.role),
                }
            }
        })
    }

    /// A test of a field; `of_value` gives its result for a constant.
    fn test(
        &mut self,
        expression: &Expression,
        test: Test,
        of_value: impl Fn(&Scalar) -> Option<bool>,
    ) -> Result<Kind> {
        Ok(match self.operand(expression)? {
            Operand::Stored(slot, role) => Kind::Test(slot, stored_test(test, role)?),
            Operand::Value(value) => Kind::Always(match test {
                Test::In(None, false) => Some(false),
                _ => of_value(&value),
            }),
            Operand::Null => Kind::Always(test.of_null()),
            Operand::Computed(computation) => self.computed(&[computation], Kind::Test(0, test))?,
        })
    }

    fn compare(&mut self, op: CompareOp, left: &Expression, right: &Expression) -> Result<Node> {
        let kind = match (self.operand(left)?, self.operand(right)?) {
            (Operand::Computed(side), Operand::Value(value)) => {
                self.computed(&[side], Kind::Test(0, Test::Compare(op, value)))?
            }
            (Operand::Value(value), Operand::Computed(side)) => {
                self.computed(&[side], Kind::Test(0, Test::Compare(op.flip(), value)))?
            }
            (Operand::Computed(side), Operand::Null) | (Operand::Null, Operand::Computed(side))
                if op == CompareOp::NullSafeEq =>
            {
                self.computed(&[side], Kind::Test(0, Test::IsNull))?
            }
            (Operand::Computed(_), Operand::Stored(..) | Operand::Computed(_))
            | (Operand::Stored(..), Operand::Computed(_)) => {
                let sides = [left, right].map(|side| Computation::Value(side.clone()));
                self.computed(&[&sides[0], &sides[1]], Kind::CompareColumns(op, 0, 1))?
            }
            (Operand::Stored(a, Role::Values), Operand::Stored(b, Role::Values)) => {
                Kind::CompareColumns(op, a, b)
            }
            (Operand::Stored(slot, role), Operand::Value(value)) => {
                Kind::Test(slot, stored_test(Test::Compare(op, value), role)?)
            }
            (Operand::Value(value), Operand::Stored(slot, role)) => {
                Kind::Test(slot, stored_test(Test::Compare(op.flip(), value), role)?)
            }
            (Operand::Stored(..), Operand::Stored(..)) => return Err(no_value()),
            (Operand::Value(a), Operand::Value(b)) => {
                Kind::Always(a.compare(&b).map(|order| op.accepts(order)))
            }
            (Operand::Stored(slot, role), Operand::Null)
            | (Operand::Null, Operand::Stored(slot, role))
                if op == CompareOp::NullSafeEq =>
            {
                Kind::Test(slot, stored_test(Test::IsNull, role)?)
            }
            (Operand::Null, Operand::Null) if op == CompareOp::NullSafeEq => {
                Kind::Always(Some(true))
            }
            _ if op == CompareOp::NullSafeEq => Kind::Always(Some(false)),
            _ => Kind::Always(None),
        };
        Ok(self.node(kind))
    }
}

/// The test of a field, on the stored column that has its values or says whether it is there.
fn stored_test(test: Test, role: Role) -> Result<Test> {
    match (role, test) {
        (Role::Values, test) | (Role::Lengths, test @ Test::IsNull) => Ok(test),
        (Role::Presence, Test::IsNull) => Ok(Test::Compare(CompareOp::Eq, Scalar::Boolean(false))),
        _ => Err(no_value()),
    }
}

fn no_value() -> Error {
    Error::internal("a nested field has no value to compare")
}
