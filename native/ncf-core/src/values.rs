//! Dense typed values without nulls: what encodings take and give. Buffers are Arrow's, so that
//! moving to and from Arrow arrays copies nothing.

use arrow_buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};

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
            (Self::Bytes(a), Self::Bytes(b)) => a.len() == b.len() && a.iter().eq(b.iter()),
            (a, b) => a == b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
