//! Comparisons of many values with one, or with many others. Loops over slices that pack 64 results
//! into a word; the operator is chosen outside the loop.

use arrow_buffer::BooleanBuffer;
use ncf_core::{CompareOp, Error, Result, Scalar, Values};

use super::{pack, pack_iter, truth::splat};

/// A type in the order of `ncf_core::ordering`.
pub(crate) trait Ordered: Copy {
    fn below(self, other: Self) -> bool;
    fn same(self, other: Self) -> bool;
}

macro_rules! ordered_by_value {
    ($($type:ty),*) => {$(
        impl Ordered for $type {
            #[inline(always)]
            fn below(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn same(self, other: Self) -> bool {
                self == other
            }
        }
    )*};
}
ordered_by_value!(i8, i16, i32, i64, i128, &[u8]);

macro_rules! ordered_with_nan {
    ($($type:ty),*) => {$(
        impl Ordered for $type {
            // NaN is above all others; IEEE already has −0.0 = 0.0.
            #[inline(always)]
            fn below(self, other: Self) -> bool {
                (self < other) | (other.is_nan() & !self.is_nan())
            }
            #[inline(always)]
            fn same(self, other: Self) -> bool {
                (self == other) | (self.is_nan() & other.is_nan())
            }
        }
    )*};
}
ordered_with_nan!(f32, f64);

/// `value op literal` for each value; `NullSafeEq` counts as `Eq`.
pub(crate) fn with_literal(
    op: CompareOp,
    values: &Values,
    literal: &Scalar,
) -> Result<BooleanBuffer> {
    Ok(match (values, literal) {
        (Values::Bool(v), Scalar::Boolean(l)) => bools(op, v, &splat(*l, v.len())),
        (Values::I8(v), Scalar::Tinyint(l)) => one(op, v, *l),
        (Values::I16(v), Scalar::Smallint(l)) => one(op, v, *l),
        (Values::I32(v), Scalar::Int(l) | Scalar::Date(l)) => one(op, v, *l),
        (Values::I64(v), Scalar::Bigint(l) | Scalar::Timestamp(l) | Scalar::TimestampNtz(l)) => {
            one(op, v, *l)
        }
        (Values::I64(v), Scalar::Decimal { unscaled, .. }) => match i64::try_from(*unscaled) {
            Ok(l) => one(op, v, l),
            // More digits than the column has: the same order for every value.
            Err(_) => splat(holds(op, 0, *unscaled), v.len()),
        },
        (Values::I128(v), Scalar::Decimal { unscaled, .. }) => one(op, v, *unscaled),
        (Values::F32(v), Scalar::Float(l)) => one(op, v, *l),
        (Values::F64(v), Scalar::Double(l)) => one(op, v, *l),
        (Values::Bytes(v), Scalar::String(l)) => many(op, v.len(), v.iter(), repeat(l.as_bytes())),
        (Values::Bytes(v), Scalar::Binary(l)) => many(op, v.len(), v.iter(), repeat(l)),
        _ => return Err(Error::internal(format!("{literal} does not fit the column's values"))),
    })
}

/// `left op right` row by row; `NullSafeEq` counts as `Eq`.
pub(crate) fn columns(op: CompareOp, left: &Values, right: &Values) -> Result<BooleanBuffer> {
    if left.len() != right.len() {
        return Err(Error::internal("columns of different lengths cannot be compared"));
    }
    let len = left.len();
    let copied = |v: &[i64]| v.iter().map(|v| i128::from(*v)).collect::<Vec<_>>();
    Ok(match (left, right) {
        (Values::Bool(a), Values::Bool(b)) => bools(op, a, b),
        (Values::I8(a), Values::I8(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        (Values::I16(a), Values::I16(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        (Values::I32(a), Values::I32(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        (Values::I64(a), Values::I64(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        (Values::I128(a), Values::I128(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        // Decimals of one scale whose precisions lie on both sides of 18 digits.
        (Values::I64(a), Values::I128(b)) => {
            many(op, len, copied(a).into_iter(), b.iter().copied())
        }
        (Values::I128(a), Values::I64(b)) => {
            many(op, len, a.iter().copied(), copied(b).into_iter())
        }
        (Values::F32(a), Values::F32(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        (Values::F64(a), Values::F64(b)) => many(op, len, a.iter().copied(), b.iter().copied()),
        (Values::Bytes(a), Values::Bytes(b)) => many(op, len, a.iter(), b.iter()),
        _ => return Err(Error::internal("columns of different types cannot be compared")),
    })
}

/// `left op right` of two values.
pub(crate) fn holds<T: Ordered>(op: CompareOp, left: T, right: T) -> bool {
    match op {
        CompareOp::Eq | CompareOp::NullSafeEq => left.same(right),
        CompareOp::NotEq => !left.same(right),
        CompareOp::Lt => left.below(right),
        CompareOp::LtEq => !right.below(left),
        CompareOp::Gt => right.below(left),
        CompareOp::GtEq => !left.below(right),
    }
}

fn one<T: Ordered>(op: CompareOp, values: &[T], literal: T) -> BooleanBuffer {
    match op {
        CompareOp::Eq | CompareOp::NullSafeEq => pack(values, |v| v.same(literal)),
        CompareOp::NotEq => pack(values, |v| !v.same(literal)),
        CompareOp::Lt => pack(values, |v| v.below(literal)),
        CompareOp::LtEq => pack(values, |v| !literal.below(v)),
        CompareOp::Gt => pack(values, |v| literal.below(v)),
        CompareOp::GtEq => pack(values, |v| !v.below(literal)),
    }
}

fn many<T: Ordered>(
    op: CompareOp,
    len: usize,
    left: impl Iterator<Item = T>,
    right: impl Iterator<Item = T>,
) -> BooleanBuffer {
    let pairs = left.zip(right);
    match op {
        CompareOp::Eq | CompareOp::NullSafeEq => pack_iter(len, pairs, |(a, b)| a.same(b)),
        CompareOp::NotEq => pack_iter(len, pairs, |(a, b)| !a.same(b)),
        CompareOp::Lt => pack_iter(len, pairs, |(a, b)| a.below(b)),
        CompareOp::LtEq => pack_iter(len, pairs, |(a, b)| !b.below(a)),
        CompareOp::Gt => pack_iter(len, pairs, |(a, b)| b.below(a)),
        CompareOp::GtEq => pack_iter(len, pairs, |(a, b)| !a.below(b)),
    }
}

fn repeat(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::repeat(bytes)
}

/// False is below true.
fn bools(op: CompareOp, a: &BooleanBuffer, b: &BooleanBuffer) -> BooleanBuffer {
    match op {
        CompareOp::Eq | CompareOp::NullSafeEq => !&(a ^ b),
        CompareOp::NotEq => a ^ b,
        CompareOp::Lt => &!a & b,
        CompareOp::LtEq => &!a | b,
        CompareOp::Gt => a & &!b,
        CompareOp::GtEq => a | &!b,
    }
}
