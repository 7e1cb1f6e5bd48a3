//! Membership in a list, compiled once: values of one kind, sorted, without doubles.

use arrow_buffer::BooleanBuffer;
use ncf_core::ordering::{canonical_f32, canonical_f64};
use ncf_core::{Error, Result, Scalar, Values};

use super::{pack, pack_iter};

/// Up to this many values a walk is faster than a binary search.
const WALK: usize = 8;

/// A compiled list, without its nulls.
#[derive(Debug, Clone)]
pub(crate) enum InList {
    Bools {
        has_false: bool,
        has_true: bool,
    },
    /// Integers, dates, timestamps and unscaled decimals.
    Integers(Vec<i128>),
    /// Canonical bits of floats and doubles.
    Singles(Vec<u32>),
    Doubles(Vec<u64>),
    Bytes(Vec<Vec<u8>>),
}

impl InList {
    /// Compiles a list whose values have one type; `None` when it is empty.
    pub(crate) fn compile(values: &[Scalar]) -> Result<Option<Self>> {
        let mut list = match values.first() {
            None => return Ok(None),
            Some(Scalar::Boolean(_)) => Self::Bools { has_false: false, has_true: false },
            Some(Scalar::Float(_)) => Self::Singles(Vec::new()),
            Some(Scalar::Double(_)) => Self::Doubles(Vec::new()),
            Some(Scalar::String(_) | Scalar::Binary(_)) => Self::Bytes(Vec::new()),
            Some(_) => Self::Integers(Vec::new()),
        };
        for value in values {
            list.add(value)?;
        }
        match &mut list {
            Self::Bools { .. } => {}
            Self::Integers(list) => sort(list),
            Self::Singles(list) => sort(list),
            Self::Doubles(list) => sort(list),
            Self::Bytes(list) => sort(list),
        }
        Ok(Some(list))
    }

    fn add(&mut self, value: &Scalar) -> Result<()> {
        match (self, value) {
            (Self::Bools { has_false, has_true }, Scalar::Boolean(value)) => {
                *(if *value { has_true } else { has_false }) = true;
            }
            (Self::Singles(list), Scalar::Float(v)) => list.push(canonical_f32(*v).to_bits()),
            (Self::Doubles(list), Scalar::Double(v)) => list.push(canonical_f64(*v).to_bits()),
            (Self::Bytes(list), Scalar::String(v)) => list.push(v.as_bytes().to_vec()),
            (Self::Bytes(list), Scalar::Binary(v)) => list.push(v.clone()),
            (Self::Integers(list), Scalar::Tinyint(v)) => list.push((*v).into()),
            (Self::Integers(list), Scalar::Smallint(v)) => list.push((*v).into()),
            (Self::Integers(list), Scalar::Int(v) | Scalar::Date(v)) => list.push((*v).into()),
            (
                Self::Integers(list),
                Scalar::Bigint(v) | Scalar::Timestamp(v) | Scalar::TimestampNtz(v),
            ) => list.push((*v).into()),
            (Self::Integers(list), Scalar::Decimal { unscaled, .. }) => list.push(*unscaled),
            _ => return Err(Error::internal("the values of a list have different types")),
        }
        Ok(())
    }

    /// Whether each value is in the list.
    pub(crate) fn mask(&self, values: &Values) -> Result<BooleanBuffer> {
        Ok(match (self, values) {
            (Self::Bools { has_false, has_true }, Values::Bool(v)) => {
                pack_iter(v.len(), v.iter(), |v| if v { *has_true } else { *has_false })
            }
            (Self::Integers(list), Values::I8(v)) => narrow(list, v),
            (Self::Integers(list), Values::I16(v)) => narrow(list, v),
            (Self::Integers(list), Values::I32(v)) => narrow(list, v),
            (Self::Integers(list), Values::I64(v)) => narrow(list, v),
            (Self::Integers(list), Values::I128(v)) => narrow(list, v),
            (Self::Singles(list), Values::F32(v)) => {
                pack(v, |v| found(list, canonical_f32(v).to_bits()))
            }
            (Self::Doubles(list), Values::F64(v)) => {
                pack(v, |v| found(list, canonical_f64(v).to_bits()))
            }
            (Self::Bytes(list), Values::Bytes(v)) => pack_iter(v.len(), v.iter(), |v: &[u8]| {
                if list.len() <= WALK {
                    list.iter().any(|have| have == v)
                } else {
                    list.binary_search_by(|have| have.as_slice().cmp(v)).is_ok()
                }
            }),
            _ => return Err(Error::internal("the list does not fit the column's values")),
        })
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

fn found<T: Ord + Copy>(list: &[T], value: T) -> bool {
    if list.len() <= WALK {
        // No early exit: the loop stays free of branches.
        list.iter().fold(false, |found, have| found | (*have == value))
    } else {
        list.binary_search(&value).is_ok()
    }
}

/// Compares in the column's own type; list values outside of it cannot occur.
fn narrow<T: Ord + Copy + TryFrom<i128>>(list: &[i128], values: &[T]) -> BooleanBuffer {
    let list: Vec<T> = list.iter().filter_map(|value| T::try_from(*value).ok()).collect();
    let (Some(first), Some(last)) = (list.first().copied(), list.last().copied()) else {
        return BooleanBuffer::new_unset(values.len());
    };
    if list.len() <= WALK {
        return pack(values, |value| found(&list, value));
    }
    pack(values, |value| value >= first && value <= last && found(&list, value))
}
