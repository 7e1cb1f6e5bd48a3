//! Arithmetic over pages. Integers and decimals: the greatest numbers at hand bound the result; within
//! 64 bits, and then within the type, no row needs a check.

use arrow_buffer::{ArrowNativeType, BooleanBuffer, ScalarBuffer};
use ncf_core::{ArithmeticOp, DataType, Error, NumberRange, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};

use super::numbers::{Numbers, flat};

/// A page, and what its numbers are multiplied by first.
type Operand<'a> = (&'a DecodedPage, i128);

/// `left op right` in every row.
pub(super) fn apply(
    op: ArithmeticOp,
    left: Operand,
    right: Operand,
    data_type: DataType,
) -> Result<DecodedPage> {
    let len = left.0.values.len();
    if right.0.values.len() != len {
        return Err(Error::internal("operands of different lengths"));
    }
    let validity = both(left.0.validity.as_ref(), right.0.validity.as_ref());
    match data_type {
        DataType::Float32 | DataType::Float64 => {
            let values = floats(op, &flat(left.0)?, &flat(right.0)?)?;
            Ok(DecodedPage { validity, values: DecodedValues::Flat(values) })
        }
        _ => {
            let (a, b) = (scaled(left)?, scaled(right)?);
            let numbers = exact(op, &a, &b, len, validity.as_ref(), data_type)?;
            Ok(numbers.into_page(len, validity))
        }
    }
}

/// Exact numbers times `factor`, as `data_type`.
pub(super) fn scale(page: &DecodedPage, factor: i128, data_type: DataType) -> Result<DecodedPage> {
    let (len, validity) = (page.values.len(), page.validity.clone());
    let (numbers, factor) = (Numbers::of(page)?, Numbers::One(factor));
    let op = ArithmeticOp::Multiply;
    let scaled = exact(op, &numbers, &factor, len, validity.as_ref(), data_type)?;
    Ok(scaled.into_page(len, validity))
}

/// Rows that are valid in both.
fn both(left: Option<&BooleanBuffer>, right: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
    match (left, right) {
        (Some(a), Some(b)) => Some(a & b),
        (one, other) => one.or(other).cloned(),
    }
}

fn scaled((page, factor): Operand) -> Result<Numbers> {
    let numbers = Numbers::of(page)?;
    if factor == 1 {
        return Ok(numbers);
    }
    let len = page.values.len();
    let valid = page.validity.as_ref();
    let whole = DataType::Decimal { precision: 38, scale: 0 };
    exact(ArithmeticOp::Multiply, &numbers, &Numbers::One(factor), len, valid, whole)
}

fn exact(
    op: ArithmeticOp,
    left: &Numbers,
    right: &Numbers,
    len: usize,
    validity: Option<&BooleanBuffer>,
    data_type: DataType,
) -> Result<Numbers> {
    let limit = NumberRange::of(data_type)
        .ok_or_else(|| Error::internal(format!("{data_type} is no type of exact numbers")))?;
    let (a, b) = (left.magnitude(), right.magnitude());
    let bound = match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => a.checked_add(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Remainder => Some(a),
        ArithmeticOp::Divide => None,
    };
    let fits = |most: u128| bound.is_some_and(|bound| bound <= most);
    if let (Numbers::One(a), Numbers::One(b)) = (left, right) {
        return checked(op, *a, *b, limit).map(Numbers::One);
    }
    if !fits(limit.max.unsigned_abs()) {
        return row_by_row(op, (left, right), len, validity, limit);
    }
    if let (ArithmeticOp::Multiply, Numbers::One(1)) = (op, right) {
        return Ok(left.clone());
    }
    // The bound of a product says nothing of an operand when the other one is 0.
    let narrow = u128::from(i64::MAX.unsigned_abs());
    if fits(narrow) && a <= narrow && b <= narrow {
        let (a, b) = (lanes::<i64>(left), lanes::<i64>(right));
        return Ok(Numbers::Narrow(zip(op, &a, &b, len)));
    }
    let (a, b) = (lanes::<i128>(left), lanes::<i128>(right));
    Ok(Numbers::Wide(zip(op, &a, &b, len)))
}

/// Every valid row with its own check: the bound of the whole passes the type, the rows need not.
fn row_by_row(
    op: ArithmeticOp,
    (left, right): (&Numbers, &Numbers),
    len: usize,
    validity: Option<&BooleanBuffer>,
    limit: NumberRange,
) -> Result<Numbers> {
    let row = |row: usize| {
        let valid = validity.is_none_or(|valid| row < valid.len() && valid.value(row));
        if valid { checked(op, left.get(row), right.get(row), limit) } else { Ok(0) }
    };
    Ok(Numbers::Wide((0..len).map(row).collect::<Result<Vec<_>>>()?.into()))
}

fn checked(op: ArithmeticOp, a: i128, b: i128, limit: NumberRange) -> Result<i128> {
    let found = match op {
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Subtract => a.checked_sub(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Remainder => a.checked_rem(b),
        ArithmeticOp::Divide => None,
    };
    found.filter(|found| (limit.min..=limit.max).contains(found)).ok_or_else(|| {
        Error::corrupt(format!(
            "{a} {} {b} leaves its type, which the table's statistics exclude; verify the file, or \
             read it without pushdown.aggregates",
            op.sql()
        ))
    })
}

/// A number of one width. Callers know that no result wraps.
trait Lane: ArrowNativeType {
    fn of(value: i128) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// 0 by 0, which only null rows have.
    fn rest(self, other: Self) -> Self;
}

macro_rules! lane {
    ($type:ty, $of:expr) => {
        impl Lane for $type {
            fn of(value: i128) -> Self {
                $of(value)
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn rest(self, other: Self) -> Self {
                self.checked_rem(other).unwrap_or_default()
            }
        }
    };
}
lane!(i64, |value| i64::try_from(value).unwrap_or_default());
lane!(i128, |value| value);

/// Numbers that are known to fit a width.
enum Lanes<T: Lane> {
    One(T),
    All(ScalarBuffer<T>),
}

fn lanes<T: Lane>(numbers: &Numbers) -> Lanes<T> {
    match numbers {
        Numbers::One(v) => Lanes::One(T::of(*v)),
        // Of the wanted width already: no copy.
        Numbers::Narrow(v) if size_of::<T>() == size_of::<i64>() => {
            Lanes::All(v.inner().clone().into())
        }
        Numbers::Wide(v) if size_of::<T>() == size_of::<i128>() => {
            Lanes::All(v.inner().clone().into())
        }
        Numbers::Narrow(v) => Lanes::All(v.iter().map(|v| T::of((*v).into())).collect()),
        Numbers::Wide(v) => Lanes::All(v.iter().map(|v| T::of(*v)).collect()),
    }
}

/// The operation is chosen outside the loop.
fn zip<T: Lane>(op: ArithmeticOp, a: &Lanes<T>, b: &Lanes<T>, len: usize) -> ScalarBuffer<T> {
    match op {
        ArithmeticOp::Add => zip_with(a, b, len, T::plus),
        ArithmeticOp::Subtract => zip_with(a, b, len, T::minus),
        ArithmeticOp::Multiply => zip_with(a, b, len, T::times),
        ArithmeticOp::Remainder | ArithmeticOp::Divide => zip_with(a, b, len, T::rest),
    }
}

#[inline(always)]
fn zip_with<T: Lane>(
    a: &Lanes<T>,
    b: &Lanes<T>,
    len: usize,
    apply: impl Fn(T, T) -> T,
) -> ScalarBuffer<T> {
    match (a, b) {
        (Lanes::One(a), Lanes::One(b)) => vec![apply(*a, *b); len].into(),
        (Lanes::One(a), Lanes::All(b)) => b.iter().map(|b| apply(*a, *b)).collect(),
        (Lanes::All(a), Lanes::One(b)) => a.iter().map(|a| apply(*a, *b)).collect(),
        (Lanes::All(a), Lanes::All(b)) => {
            a.iter().zip(b.iter()).map(|(a, b)| apply(*a, *b)).collect()
        }
    }
}

fn floats(op: ArithmeticOp, left: &Values, right: &Values) -> Result<Values> {
    macro_rules! each {
        ($a:expr, $b:expr) => {{
            let pairs = $a.iter().zip($b.iter());
            match op {
                ArithmeticOp::Add => pairs.map(|(a, b)| a + b).collect(),
                ArithmeticOp::Subtract => pairs.map(|(a, b)| a - b).collect(),
                ArithmeticOp::Multiply => pairs.map(|(a, b)| a * b).collect(),
                ArithmeticOp::Divide => pairs.map(|(a, b)| a / b).collect(),
                ArithmeticOp::Remainder => {
                    return Err(Error::internal("floats have no remainder here"));
                }
            }
        }};
    }
    match (left, right) {
        (Values::F32(a), Values::F32(b)) => Ok(Values::F32(each!(a, b))),
        (Values::F64(a), Values::F64(b)) => Ok(Values::F64(each!(a, b))),
        _ => Err(Error::internal("a computation of floats got other values")),
    }
}
