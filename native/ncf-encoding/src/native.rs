//! Fixed-width values: little-endian bytes, bit equality, total order and hashes, for every type at once.

use std::cmp::Ordering;
use std::ops::Range;

use arrow_buffer::{ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, ScalarBuffer};
use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

/// A fixed-width value of a [`PhysicalType`].
pub(crate) trait Native: ArrowNativeType + Copy + Default + Send + Sync {
    /// Bytes of one value.
    const BYTES: usize;
    /// Appends the values' little-endian bytes.
    fn write_all(values: &[Self], out: &mut Vec<u8>);
    /// Appends the values of little-endian bytes; a rest shorter than a value is ignored.
    fn read_all(bytes: &[u8], out: &mut Vec<Self>);
    /// Whether both have the same bits.
    fn same(self, other: Self) -> bool;
    /// A total order that agrees with the type's own and separates different bits.
    fn order(&self, other: &Self) -> Ordering;
    /// The bits in 128, sign not extended for floats.
    fn bits(self) -> u128;
    /// The values as a column.
    fn wrap(values: Vec<Self>) -> Values {
        Self::wrap_buffer(values.into())
    }
    /// As [`Native::wrap`], of values that stand somewhere already.
    fn wrap_buffer(values: ScalarBuffer<Self>) -> Values;
    /// The first value of a column of this type; 0 where there is none.
    fn first_of(values: &Values) -> Self;
}

macro_rules! native {
    ($type:ty, $variant:ident, $bits:expr, $order:expr) => {
        impl Native for $type {
            const BYTES: usize = std::mem::size_of::<$type>();

            fn write_all(values: &[Self], out: &mut Vec<u8>) {
                out.reserve(values.len() * Self::BYTES);
                for value in values {
                    out.extend_from_slice(&value.to_le_bytes());
                }
            }

            fn read_all(bytes: &[u8], out: &mut Vec<Self>) {
                let (chunks, _) = bytes.as_chunks::<{ std::mem::size_of::<$type>() }>();
                out.extend(chunks.iter().map(|chunk| Self::from_le_bytes(*chunk)));
            }

            fn same(self, other: Self) -> bool {
                self.to_le_bytes() == other.to_le_bytes()
            }

            fn order(&self, other: &Self) -> Ordering {
                $order(self, other)
            }

            fn bits(self) -> u128 {
                $bits(self)
            }

            fn wrap_buffer(values: ScalarBuffer<Self>) -> Values {
                Values::$variant(values)
            }

            fn first_of(values: &Values) -> Self {
                match values {
                    Values::$variant(values) => values.first().copied().unwrap_or_default(),
                    _ => Self::default(),
                }
            }
        }
    };
}

native!(i8, I8, |v: i8| u128::from(v.cast_unsigned()), i8::cmp);
native!(i16, I16, |v: i16| u128::from(v.cast_unsigned()), i16::cmp);
native!(i32, I32, |v: i32| u128::from(v.cast_unsigned()), i32::cmp);
native!(i64, I64, |v: i64| u128::from(v.cast_unsigned()), i64::cmp);
native!(i128, I128, i128::cast_unsigned, i128::cmp);
native!(f32, F32, |v: f32| u128::from(v.to_bits()), f32::total_cmp);
native!(f64, F64, |v: f64| u128::from(v.to_bits()), f64::total_cmp);

/// Runs one expression for every fixed-width type of a `&Values`.
macro_rules! with_values {
    ($values:expr, fixed($v:ident) => $fixed:expr, bool($b:ident) => $bool:expr, bytes($s:ident) => $bytes:expr $(,)?) => {
        match $values {
            ncf_core::Values::I8($v) => $fixed,
            ncf_core::Values::I16($v) => $fixed,
            ncf_core::Values::I32($v) => $fixed,
            ncf_core::Values::I64($v) => $fixed,
            ncf_core::Values::I128($v) => $fixed,
            ncf_core::Values::F32($v) => $fixed,
            ncf_core::Values::F64($v) => $fixed,
            ncf_core::Values::Bool($b) => $bool,
            ncf_core::Values::Bytes($s) => $bytes,
        }
    };
}
pub(crate) use with_values;

/// Runs one expression with the Rust type of a fixed-width [`PhysicalType`].
macro_rules! with_type {
    ($physical:expr, fixed($t:ident) => $fixed:expr, bool => $bool:expr, bytes => $bytes:expr $(,)?) => {
        match $physical {
            ncf_core::PhysicalType::I8 => {
                type $t = i8;
                $fixed
            }
            ncf_core::PhysicalType::I16 => {
                type $t = i16;
                $fixed
            }
            ncf_core::PhysicalType::I32 => {
                type $t = i32;
                $fixed
            }
            ncf_core::PhysicalType::I64 => {
                type $t = i64;
                $fixed
            }
            ncf_core::PhysicalType::I128 => {
                type $t = i128;
                $fixed
            }
            ncf_core::PhysicalType::F32 => {
                type $t = f32;
                $fixed
            }
            ncf_core::PhysicalType::F64 => {
                type $t = f64;
                $fixed
            }
            ncf_core::PhysicalType::Bool => $bool,
            ncf_core::PhysicalType::Bytes => $bytes,
        }
    };
}
pub(crate) use with_type;

/// Bytes that the Plain encoding (Bitmap for booleans) takes, headers left out.
pub(crate) fn plain_bytes(values: &Values) -> usize {
    values.byte_len()
}

/// One value of zero, false or no bytes.
pub fn zero(physical: PhysicalType) -> Values {
    with_type!(physical,
        fixed(T) => T::wrap(vec![T::default()]),
        bool => Values::Bool(BooleanBuffer::new_unset(1)),
        bytes => Values::Bytes(std::iter::once::<&[u8]>(&[]).collect()),
    )
}

/// The values of several ranges, one after the other.
pub(crate) fn concat(values: &Values, ranges: &[Range<usize>]) -> Values {
    fn fixed<T: Native>(values: &[T], ranges: &[Range<usize>]) -> Values {
        let mut out = Vec::with_capacity(ranges.iter().map(ExactSizeIterator::len).sum());
        for range in ranges {
            out.extend_from_slice(values.get(range.clone()).unwrap_or(&[]));
        }
        T::wrap(out)
    }
    if let [range] = ranges {
        return values.slice(range.start, range.len());
    }
    with_values!(values,
        fixed(v) => fixed(v, ranges),
        bool(v) => {
            let mut out = BooleanBufferBuilder::new(0);
            for range in ranges {
                out.append_buffer(&v.slice(range.start, range.len()));
            }
            Values::Bool(out.finish())
        },
        bytes(v) => {
            let rows = ranges.iter().cloned().flatten();
            Values::Bytes(rows.map(|row| v.get(row)).collect::<ByteValues>())
        },
    )
}

/// Reads exactly `len` fixed-width values.
pub(crate) fn read_fixed<T: Native>(bytes: &[u8], len: usize, budget: &Budget) -> Result<Vec<T>> {
    if len.checked_mul(T::BYTES) != Some(bytes.len()) {
        return Err(Error::corrupt(format!(
            "{len} values of {} bytes do not fill {} bytes",
            T::BYTES,
            bytes.len()
        )));
    }
    let mut out = budget.vec("values", len)?;
    T::read_all(bytes, &mut out);
    Ok(out)
}

/// Non-negative integers as the column that a child encodes.
pub(crate) fn lengths_column(lengths: Vec<i32>) -> Values {
    Values::I32(ScalarBuffer::from(lengths))
}
