//! Membership in a list, compiled once: values of one kind, without doubles.

use std::collections::HashSet;

use arrow_buffer::BooleanBuffer;
use ncf_core::ordering::{canonical_f32, canonical_f64};
use ncf_core::{Error, Result, Scalar, Values};

use super::integer_set::{IntegerSet, WALK};
use super::{pack, pack_iter};

/// A compiled list, without its nulls.
#[derive(Debug, Clone)]
pub(crate) enum InList {
    Bools {
        has_false: bool,
        has_true: bool,
    },
    /// Integers, dates, timestamps and unscaled decimals; those that need more than 64 bits apart,
    /// sorted. Floats and doubles by their canonical bits.
    Integers(IntegerSet, Vec<i128>),
    /// So few that a walk is faster than hashing.
    FewBytes(Vec<Vec<u8>>),
    Bytes(HashSet<Vec<u8>>),
}

impl InList {
    /// Compiles a list whose values have one type; `None` when it is empty.
    pub(crate) fn compile(values: &[Scalar]) -> Result<Option<Self>> {
        Ok(Some(match values.first() {
            None => return Ok(None),
            Some(Scalar::Boolean(_)) => Self::Bools {
                has_false: values.contains(&Scalar::Boolean(false)),
                has_true: values.contains(&Scalar::Boolean(true)),
            },
            Some(Scalar::String(_) | Scalar::Binary(_)) => {
                let bytes = values.iter().map(bytes_of);
                if values.len() <= WALK {
                    Self::FewBytes(bytes.collect::<Result<_>>()?)
                } else {
                    Self::Bytes(bytes.collect::<Result<_>>()?)
                }
            }
            Some(_) => {
                let mut integers = values.iter().map(integer_of).collect::<Result<Vec<_>>>()?;
                integers.sort_unstable();
                integers.dedup();
                let narrow = integers.iter().filter_map(|value| i64::try_from(*value).ok());
                let set = IntegerSet::new(narrow.collect());
                integers.retain(|value| i64::try_from(*value).is_err());
                Self::Integers(set, integers)
            }
        }))
    }

    /// Whether each value is in the list.
    pub(crate) fn mask(&self, values: &Values) -> Result<BooleanBuffer> {
        Ok(match (self, values) {
            (Self::Bools { has_false, has_true }, Values::Bool(v)) => {
                pack_iter(v.len(), v.iter(), |v| if v { *has_true } else { *has_false })
            }
            (Self::Integers(set, _), Values::I8(v)) => set.mask(v, i64::from),
            (Self::Integers(set, _), Values::I16(v)) => set.mask(v, i64::from),
            (Self::Integers(set, _), Values::I32(v)) => set.mask(v, i64::from),
            (Self::Integers(set, _), Values::I64(v)) => set.mask(v, i64::from),
            (Self::Integers(set, wide), Values::I128(v)) => pack(v, |v| match i64::try_from(v) {
                Ok(v) => set.contains(v),
                Err(_) => wide.binary_search(&v).is_ok(),
            }),
            (Self::Integers(set, _), Values::F32(v)) => set.mask(v, bits32),
            (Self::Integers(set, _), Values::F64(v)) => set.mask(v, bits64),
            (Self::FewBytes(list), Values::Bytes(v)) => {
                pack_iter(v.len(), v.iter(), |v: &[u8]| list.iter().any(|have| have == v))
            }
            (Self::Bytes(list), Values::Bytes(v)) => {
                pack_iter(v.len(), v.iter(), |v: &[u8]| list.contains(v))
            }
            _ => return Err(Error::internal("the list does not fit the column's values")),
        })
    }
}

fn bits32(value: f32) -> i64 {
    canonical_f32(value).to_bits().into()
}

fn bits64(value: f64) -> i64 {
    canonical_f64(value).to_bits().cast_signed()
}

fn bytes_of(value: &Scalar) -> Result<Vec<u8>> {
    match value {
        Scalar::String(v) => Ok(v.as_bytes().to_vec()),
        Scalar::Binary(v) => Ok(v.clone()),
        _ => Err(mixed()),
    }
}

fn integer_of(value: &Scalar) -> Result<i128> {
    Ok(match value {
        Scalar::Tinyint(v) => (*v).into(),
        Scalar::Smallint(v) => (*v).into(),
        Scalar::Int(v) | Scalar::Date(v) => (*v).into(),
        Scalar::Bigint(v) | Scalar::Timestamp(v) | Scalar::TimestampNtz(v) => (*v).into(),
        Scalar::Decimal { unscaled, .. } => *unscaled,
        Scalar::Float(v) => bits32(*v).into(),
        Scalar::Double(v) => bits64(*v).into(),
        Scalar::Boolean(_) | Scalar::String(_) | Scalar::Binary(_) => return Err(mixed()),
    })
}

fn mixed() -> Error {
    Error::internal("the values of a list have different types")
}
