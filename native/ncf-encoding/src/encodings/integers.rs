//! Wrapping arithmetic of the integer types, for encodings that restore a value from others.

use arrow_buffer::ScalarBuffer;
use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use crate::native::Native;
use crate::node::DecodeContext;
use crate::reader::Reader;

/// An integer type. All arithmetic wraps.
pub(crate) trait Integer: Native + Ord + Into<i128> {
    /// Bits of a value.
    const BITS: u32;
    /// The type of a column of these.
    const PHYSICAL: PhysicalType;
    /// `self + other`.
    fn plus(self, other: Self) -> Self;
    /// `self − other`.
    fn minus(self, other: Self) -> Self;
    /// `self · other`.
    fn times(self, other: Self) -> Self;
    /// Arithmetic shift; `bits` is less than [`Self::BITS`].
    fn shifted_right(self, bits: u32) -> Self;
    /// The low bits of a wider integer.
    fn low_bits(wide: i128) -> Self;
    /// The value in 64 bits; of wider ones the low bits.
    fn low_i64(self) -> i64;
    /// The values as what they are.
    fn from_values(values: Values) -> Result<ScalarBuffer<Self>>;
}

macro_rules! integer {
    ($type:ident, $variant:ident) => {
        impl Integer for $type {
            const BITS: u32 = $type::BITS;
            const PHYSICAL: PhysicalType = PhysicalType::$variant;

            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            fn shifted_right(self, bits: u32) -> Self {
                self.wrapping_shr(bits)
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::unnecessary_cast,
                reason = "the low bits are what is asked for; for i128 these are all"
            )]
            fn low_bits(wide: i128) -> Self {
                wide as $type
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                clippy::unnecessary_cast,
                reason = "the low bits are what is asked for"
            )]
            fn low_i64(self) -> i64 {
                self as i64
            }

            fn from_values(values: Values) -> Result<ScalarBuffer<Self>> {
                match values {
                    Values::$variant(values) => Ok(values),
                    _ => Err(Error::internal("an integer column has another type")),
                }
            }
        }
    };
}

integer!(i8, I8);
integer!(i16, I16);
integer!(i32, I32);
integer!(i64, I64);
integer!(i128, I128);

/// Runs one expression with the Rust type of an integer [`PhysicalType`].
macro_rules! with_integer {
    ($physical:expr, $t:ident => $do:expr, other => $other:expr $(,)?) => {
        match $physical {
            ncf_core::PhysicalType::I8 => {
                type $t = i8;
                $do
            }
            ncf_core::PhysicalType::I16 => {
                type $t = i16;
                $do
            }
            ncf_core::PhysicalType::I32 => {
                type $t = i32;
                $do
            }
            ncf_core::PhysicalType::I64 => {
                type $t = i64;
                $do
            }
            ncf_core::PhysicalType::I128 => {
                type $t = i128;
                $do
            }
            _ => $other,
        }
    };
}
pub(crate) use with_integer;

/// Runs one expression with integer [`Values`], which it sees as a slice of the Rust type.
macro_rules! with_integers {
    ($values:expr, $v:ident => $do:expr, other => $other:expr $(,)?) => {
        match $values {
            ncf_core::Values::I8($v) => $do,
            ncf_core::Values::I16($v) => $do,
            ncf_core::Values::I32($v) => $do,
            ncf_core::Values::I64($v) => $do,
            ncf_core::Values::I128($v) => $do,
            _ => $other,
        }
    };
}
pub(crate) use with_integers;

/// Decodes the next node of `body`, `len` integers.
pub(crate) fn column<T: Integer>(
    body: &mut Reader<'_>,
    len: usize,
    context: &DecodeContext<'_>,
) -> Result<ScalarBuffer<T>> {
    T::from_values(context.flat(body, T::PHYSICAL, len)?)
}

/// The values as a vector to change in place: their own memory where nobody shares it, else a copy.
pub(crate) fn owned<T: Integer>(values: ScalarBuffer<T>, budget: &Budget) -> Result<Vec<T>> {
    match values.into_inner().into_vec::<T>() {
        Ok(values) => Ok(values),
        Err(shared) => {
            let shared: ScalarBuffer<T> = shared.into();
            let mut copy = budget.vec("values", shared.len())?;
            copy.extend_from_slice(&shared);
            Ok(copy)
        }
    }
}

/// Checks that numbers of rows lie inside `len` and ascend; else `Corrupt`, saying `what`.
pub(super) fn check_ascending(rows: &[i32], len: usize, what: &str) -> Result<()> {
    let mut next = 0;
    for row in rows {
        let row = usize::try_from(*row).ok().filter(|row| (next..len).contains(row));
        next = row.ok_or_else(|| Error::corrupt(what))? + 1;
    }
    Ok(())
}
