//! From a predicate over names to a tree over columns of the scan. Literals and constant columns are
//! folded away, so that every leaf reads a column of the file.

use ncf_core::{CompareOp, Error, Expression, FieldPath, Predicate, Result, Role, Scalar};

use super::in_list::InList;
use super::text::TextTest;
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
}

/// What an expression is once constants are known.
enum Operand {
    Stored(usize, Role),
    Value(Scalar),
    Null,
}

/// Compiles the conjuncts of one scan.
pub(crate) struct Compiler<'a> {
    find: &'a mut dyn FnMut(&FieldPath) -> Result<Place>,
    next_id: usize,
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
        Self { find, next_id }
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
        };
        slots.sort_unstable();
        slots.dedup();
        self.next_id += 1;
        Node { id: self.next_id, slots, kind }
    }

    fn operand(&mut self, expression: &Expression) -> Result<Operand> {
        Ok(match expression {
            Expression::Literal(value) => Operand::Value(value.clone()),
            Expression::Column(path) => {
                let place = (self.find)(path)?;
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
        })
    }

    fn compare(&mut self, op: CompareOp, left: &Expression, right: &Expression) -> Result<Node> {
        let kind = match (self.operand(left)?, self.operand(right)?) {
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
