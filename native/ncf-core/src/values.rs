//! Dense typed values without nulls: what encodings take and give. Buffers are Arrow's, so that
//! moving to and from Arrow arrays copies nothing.

use std::cmp::Ordering;

use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};

use crate::ordering::{compare_f32, compare_f64};
use crate::types::PhysicalType;

/// Values of one physical type. At null rows the value is meaningless but present.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Bits.
    Bool(BooleanBuffer),
    /// 8-bit integers.
    I8(ScalarBuffer<i8>),
    /// 16-bit integers.
    I16(ScalarBuffer<i16>),
    /// 32-bit integers.
    I32(ScalarBuffer<i32>),
    /// 64-bit integers.
    I64(ScalarBuffer<i64>),
    /// 128-bit integers.
    I128(ScalarBuffer<i128>),
    /// Single floats; equality of `Values` is IEEE, use bits to compare exactly.
    F32(ScalarBuffer<f32>),
    /// Double floats.
    F64(ScalarBuffer<f64>),
    /// Byte strings.
    Bytes(ByteValues),
}

/// Byte strings as offsets into one buffer. Offsets need not start at 0.
#[derive(Debug, Clone, PartialEq)]
pub struct ByteValues {
    /// `len + 1` ascending offsets into `data`.
    pub offsets: OffsetBuffer<i32>,
    /// The bytes.
    pub data: Buffer,
}

impl ByteValues {
    /// Whether both hold the same strings.
    fn same(&self, other: &Self) -> bool {
        fn parts(of: &ByteValues) -> (i32, &[u8]) {
            let first = of.offsets.iter().next().copied().unwrap_or(0);
            let last = of.offsets.iter().next_back().copied().unwrap_or(0);
            let [start, end] = [first, last].map(|at| at.cast_unsigned() as usize);
            (first, of.data.get(start..end).unwrap_or(&[]))
        }
        // All bytes at once, and where strings end: comparing string by string takes several times as long.
        let ((first, bytes), (other_first, other_bytes)) = (parts(self), parts(other));
        self.len() == other.len()
            && bytes == other_bytes
            && self
                .offsets
                .iter()
                .zip(other.offsets.iter())
                .all(|(a, b)| a.wrapping_sub(first) == b.wrapping_sub(other_first))
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// String `index`; empty when out of range.
    pub fn get(&self, index: usize) -> &[u8] {
        let range = match (self.offsets.get(index), self.offsets.get(index + 1)) {
            (Some(&start), Some(&end)) => {
                start.cast_unsigned() as usize..end.cast_unsigned() as usize
            }
            _ => return &[],
        };
        self.data.get(range).unwrap_or(&[])
    }

    /// The strings in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Bytes of all strings together.
    pub fn byte_len(&self) -> usize {
        (self.offsets.last() - self.offsets.first()).cast_unsigned() as usize
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for ByteValues {
    fn from_iter<I: IntoIterator<Item = T>>(strings: I) -> Self {
        let mut data = Vec::new();
        let mut lengths = Vec::new();
        for string in strings {
            data.extend_from_slice(string.as_ref());
            lengths.push(string.as_ref().len());
        }
        Self { offsets: OffsetBuffer::from_lengths(lengths), data: Buffer::from_vec(data) }
    }
}

impl Values {
    /// No values of a type.
    pub fn empty(physical: PhysicalType) -> Self {
        match physical {
            PhysicalType::Bool => Self::Bool(BooleanBuffer::new_unset(0)),
            PhysicalType::I8 => Self::I8(Vec::new().into()),
            PhysicalType::I16 => Self::I16(Vec::new().into()),
            PhysicalType::I32 => Self::I32(Vec::new().into()),
            PhysicalType::I64 => Self::I64(Vec::new().into()),
            PhysicalType::I128 => Self::I128(Vec::new().into()),
            PhysicalType::F32 => Self::F32(Vec::new().into()),
            PhysicalType::F64 => Self::F64(Vec::new().into()),
            PhysicalType::Bytes => Self::Bytes(std::iter::empty::<&[u8]>().collect()),
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::I128(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
            Self::Bytes(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    pub fn physical(&self) -> PhysicalType {
        match self {
            Self::Bool(_) => PhysicalType::Bool,
            Self::I8(_) => PhysicalType::I8,
            Self::I16(_) => PhysicalType::I16,
            Self::I32(_) => PhysicalType::I32,
            Self::I64(_) => PhysicalType::I64,
            Self::I128(_) => PhysicalType::I128,
            Self::F32(_) => PhysicalType::F32,
            Self::F64(_) => PhysicalType::F64,
            Self::Bytes(_) => PhysicalType::Bytes,
        }
    }

    /// Values `offset..offset + len`, sharing the buffers. The range must lie inside.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        match self {
            Self::Bool(v) => Self::Bool(v.slice(offset, len)),
            Self::I8(v) => Self::I8(v.slice(offset, len)),
            Self::I16(v) => Self::I16(v.slice(offset, len)),
            Self::I32(v) => Self::I32(v.slice(offset, len)),
            Self::I64(v) => Self::I64(v.slice(offset, len)),
            Self::I128(v) => Self::I128(v.slice(offset, len)),
            Self::F32(v) => Self::F32(v.slice(offset, len)),
            Self::F64(v) => Self::F64(v.slice(offset, len)),
            Self::Bytes(v) => Self::Bytes(ByteValues {
                offsets: v.offsets.slice(offset, len),
                data: v.data.clone(),
            }),
        }
    }

    /// Bytes that the values take in memory, shared buffers counted once.
    pub fn byte_len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len().div_ceil(8),
            Self::Bytes(v) => v.byte_len() + v.len() * 4,
            other => other.len() * other.physical().width().unwrap_or(0),
        }
    }

    /// The order of a value and one of other values of the same type, as [`crate::ordering`] has it, by their positions;
    /// `None` where the types differ or there is no such value.
    pub fn compare(&self, row: usize, other: &Self, other_row: usize) -> Option<Ordering> {
        fn of<T: Ord>(a: Option<&T>, b: Option<&T>) -> Option<Ordering> {
            Some(a?.cmp(b?))
        }
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => (row < a.len() && other_row < b.len())
                .then(|| a.value(row).cmp(&b.value(other_row))),
            (Self::I8(a), Self::I8(b)) => of(a.get(row), b.get(other_row)),
            (Self::I16(a), Self::I16(b)) => of(a.get(row), b.get(other_row)),
            (Self::I32(a), Self::I32(b)) => of(a.get(row), b.get(other_row)),
            (Self::I64(a), Self::I64(b)) => of(a.get(row), b.get(other_row)),
            (Self::I128(a), Self::I128(b)) => of(a.get(row), b.get(other_row)),
            (Self::F32(a), Self::F32(b)) => Some(compare_f32(*a.get(row)?, *b.get(other_row)?)),
            (Self::F64(a), Self::F64(b)) => Some(compare_f64(*a.get(row)?, *b.get(other_row)?)),
            (Self::Bytes(a), Self::Bytes(b)) => {
                (row < a.len() && other_row < b.len()).then(|| a.get(row).cmp(b.get(other_row)))
            }
            _ => None,
        }
    }

    /// The value at a position by itself, in memory of its own; none where there is no such value.
    #[must_use]
    pub fn one(&self, row: usize) -> Self {
        fn of<T: ArrowNativeType>(values: &ScalarBuffer<T>, row: usize) -> ScalarBuffer<T> {
            values.get(row).copied().into_iter().collect::<Vec<T>>().into()
        }
        match self {
            Self::Bool(v) if row < v.len() => {
                Self::Bool(BooleanBuffer::collect_bool(1, |_| v.value(row)))
            }
            Self::Bool(_) => Self::Bool(BooleanBuffer::new_unset(0)),
            Self::I8(v) => Self::I8(of(v, row)),
            Self::I16(v) => Self::I16(of(v, row)),
            Self::I32(v) => Self::I32(of(v, row)),
            Self::I64(v) => Self::I64(of(v, row)),
            Self::I128(v) => Self::I128(of(v, row)),
            Self::F32(v) => Self::F32(of(v, row)),
            Self::F64(v) => Self::F64(of(v, row)),
            Self::Bytes(v) => {
                Self::Bytes((row < v.len()).then(|| v.get(row)).into_iter().collect())
            }
        }
    }

    /// Whether both hold the same bits: NaN payloads and −0.0 count.
    pub fn bits_equal(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::F32(a), Self::F32(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (Self::F64(a), Self::F64(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (Self::Bytes(a), Self::Bytes(b)) => a.same(b),
            (a, b) => a == b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_in_the_order_of_statistics() {
        let floats = Values::F64(vec![-0.0, 0.0, f64::NAN, 1.0].into());
        let order = |a, b| floats.compare(a, &floats, b);
        assert_eq!(order(0, 1), Some(Ordering::Equal));
        assert_eq!(order(2, 3), Some(Ordering::Greater));
        assert_eq!(order(3, 4), None);
        let texts = Values::Bytes(["a", "é", "z"].iter().collect());
        assert_eq!(texts.compare(1, &texts, 2), Some(Ordering::Greater), "by bytes");
        assert_eq!(texts.compare(0, &floats, 0), None);
        assert_eq!(texts.one(1).compare(0, &texts, 1), Some(Ordering::Equal));
        assert!(texts.one(3).is_empty() && floats.one(4).is_empty());
        let bits = Values::Bool(BooleanBuffer::from(vec![false, true]));
        assert_eq!(bits.compare(0, &bits.one(1), 0), Some(Ordering::Less));
    }

    #[test]
    fn strings_are_the_same_where_bytes_and_ends_are() {
        let strings = |strings: &[&str]| Values::Bytes(strings.iter().collect());
        let tail = strings(&["zz", "ab", "c", ""]).slice(1, 3);
        assert!(tail.bits_equal(&strings(&["ab", "c", ""])));
        for other in [&["a", "bc", ""][..], &["ab", "c"], &["ab", "d", ""], &["ab", "", "c"]] {
            assert!(!tail.bits_equal(&strings(other)), "{other:?}");
        }
        assert!(strings(&[]).bits_equal(&tail.slice(1, 0)));
    }

    #[test]
    fn slices_share_and_compare_by_bits() {
        let values = Values::Bytes(["a", "", "ccc"].iter().collect());
        let tail = values.slice(1, 2);
        assert_eq!(tail.len(), 2);
        assert!(tail.bits_equal(&Values::Bytes(["", "ccc"].iter().collect())));
        assert!(!tail.bits_equal(&values));
        let nan = Values::F64(vec![f64::NAN, -0.0].into());
        assert!(nan.bits_equal(&nan.clone()));
        assert!(!nan.bits_equal(&Values::F64(vec![f64::NAN, 0.0].into())));
    }
}
