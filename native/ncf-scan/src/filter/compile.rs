//! From a predicate over names to a tree over columns of the scan. Literals and constant columns are
//! folded away, so that every leaf reads a column of the file.

use ncf_core::{CompareOp, Expression, Predicate, Result, Scalar};

use super::in_list::InList;
use super::text::TextTest;
use crate::resolve::{ColumnSource, ScanColumn, position};

/// A compiled predicate.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Unique in a scan; names cached results.
    pub(crate) id: usize,
    /// The file columns that it reads, as ascending positions among the scan's columns.
    pub(crate) slots: Vec<usize>,
    pub(crate) kind: Kind,
}

impl Node {
    /// The same in every row; never cached.
    pub(crate) fn always(value: Option<bool>) -> Self {
        Self { id: 0, slots: Vec::new(), kind: Kind::Always(value) }
    }
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
enum Operand<'a> {
    Column(usize),
    Value(&'a Scalar),
    Null,
}

/// Compiles the conjuncts of one scan.
pub(crate) struct Compiler<'a> {
    columns: &'a [ScanColumn],
    next_id: usize,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(columns: &'a [ScanColumn]) -> Self {
        Self::starting_at(columns, 0)
    }

    /// Continues where another compiler of the scan stopped: ids must not come twice.
    pub(crate) fn starting_at(columns: &'a [ScanColumn], next_id: usize) -> Self {
        Self { columns, next_id }
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
                    Scalar::String(text) => {
                        let one = ncf_core::Values::Bytes([text].into_iter().collect());
                        test.mask(&one).ok().map(|mask| mask.has_true())
                    }
                    _ => None,
                };
                self.test(expression, Test::Text(test.clone()), found)?
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

    fn operand<'b>(&self, expression: &'b Expression) -> Result<Operand<'b>>
    where
        'a: 'b,
    {
        Ok(match expression {
            Expression::Literal(value) => Operand::Value(value),
            Expression::Column(name) => {
                let slot = position(self.columns, name)?;
                match self.columns.get(slot).map(|column| &column.source) {
                    Some(ColumnSource::Constant(Some(value))) => Operand::Value(value),
                    Some(ColumnSource::Constant(None)) => Operand::Null,
                    _ => Operand::Column(slot),
                }
            }
        })
    }

    /// A test of a column; `of_value` gives its result for a constant.
    fn test(
        &self,
        expression: &Expression,
        test: Test,
        of_value: impl Fn(&Scalar) -> Option<bool>,
    ) -> Result<Kind> {
        Ok(match self.operand(expression)? {
            Operand::Column(slot) => Kind::Test(slot, test),
            Operand::Value(value) => Kind::Always(match test {
                Test::In(None, false) => Some(false),
                _ => of_value(value),
            }),
            Operand::Null => Kind::Always(test.of_null()),
        })
    }

    fn compare(&mut self, op: CompareOp, left: &Expression, right: &Expression) -> Result<Node> {
        let kind = match (self.operand(left)?, self.operand(right)?) {
            (Operand::Column(a), Operand::Column(b)) => Kind::CompareColumns(op, a, b),
            (Operand::Column(slot), Operand::Value(value)) => {
                Kind::Test(slot, Test::Compare(op, value.clone()))
            }
            (Operand::Value(value), Operand::Column(slot)) => {
                Kind::Test(slot, Test::Compare(op.flip(), value.clone()))
            }
            (Operand::Value(a), Operand::Value(b)) => Kind::Always(scalars(op, a, b)),
            (Operand::Column(slot), Operand::Null) | (Operand::Null, Operand::Column(slot))
                if op == CompareOp::NullSafeEq =>
            {
                Kind::Test(slot, Test::IsNull)
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

fn scalars(op: CompareOp, left: &Scalar, right: &Scalar) -> Option<bool> {
    let order = left.compare(right)?;
    Some(match op {
        CompareOp::Eq | CompareOp::NullSafeEq => order.is_eq(),
        CompareOp::NotEq => order.is_ne(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::LtEq => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::GtEq => order.is_ge(),
    })
}
