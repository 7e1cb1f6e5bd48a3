//! Integers, decimals without their point, dates and timestamps as numbers of 64 or 128 bits.

use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use ncf_core::{Error, Limits, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};

/// One number a row. At null rows the number means nothing.
#[derive(Debug, Clone)]
pub(crate) enum Numbers {
    /// The same in every row.
    One(i128),
    /// Of 64 bits.
    Narrow(ScalarBuffer<i64>),
    /// Of 128 bits.
    Wide(ScalarBuffer<i128>),
}

impl Numbers {
    /// The numbers of a page of integers, or of anything that is stored as such.
    pub(crate) fn of(page: &DecodedPage) -> Result<Self> {
        if let DecodedValues::Constant(value, _) = &page.values {
            return Ok(match Self::of_values(value)? {
                Self::Narrow(v) => Self::One(v.first().copied().unwrap_or_default().into()),
                Self::Wide(v) => Self::One(v.first().copied().unwrap_or_default()),
                one @ Self::One(_) => one,
            });
        }
        Self::of_values(&flat(page)?)
    }

    /// The numbers of dense values.
    pub(crate) fn of_values(values: &Values) -> Result<Self> {
        fn widened<T: Copy + Into<i64>>(values: &[T]) -> Numbers {
            Numbers::Narrow(values.iter().map(|v| (*v).into()).collect())
        }
        Ok(match values {
            Values::Bool(v) => Self::Narrow(v.iter().map(i64::from).collect()),
            Values::I8(v) => widened(v),
            Values::I16(v) => widened(v),
            Values::I32(v) => widened(v),
            Values::I64(v) => Self::Narrow(v.clone()),
            Values::I128(v) => Self::Wide(v.clone()),
            Values::F32(_) | Values::F64(_) | Values::Bytes(_) => {
                return Err(Error::internal("a computation of numbers got other values"));
            }
        })
    }

    /// The greatest distance from 0, null rows included.
    pub(crate) fn magnitude(&self) -> u128 {
        match self {
            Self::One(v) => v.unsigned_abs(),
            Self::Narrow(v) => {
                // Two folds that the compiler makes vectors of.
                let min = v.iter().fold(0, |least, v| least.min(*v));
                let max = v.iter().fold(0, |most, v| most.max(*v));
                min.unsigned_abs().max(max.unsigned_abs()).into()
            }
            Self::Wide(v) => v.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0),
        }
    }

    /// The number of a row.
    pub(crate) fn get(&self, row: usize) -> i128 {
        match self {
            Self::One(v) => *v,
            Self::Narrow(v) => v.get(row).copied().unwrap_or_default().into(),
            Self::Wide(v) => v.get(row).copied().unwrap_or_default(),
        }
    }

    /// The numbers as a page.
    pub(crate) fn into_page(self, len: usize, validity: Option<BooleanBuffer>) -> DecodedPage {
        let values = match self {
            Self::One(v) => {
                let one = match i64::try_from(v) {
                    Ok(v) => Values::I64(vec![v].into()),
                    Err(_) => Values::I128(vec![v].into()),
                };
                DecodedValues::Constant(one, len)
            }
            Self::Narrow(v) => DecodedValues::Flat(Values::I64(v)),
            Self::Wide(v) => DecodedValues::Flat(Values::I128(v)),
        };
        DecodedPage { validity, values }
    }
}

/// One value per row.
pub(crate) fn flat(page: &DecodedPage) -> Result<Values> {
    page.values.clone().into_flat(&Limits::DEFAULT.page_budget(page.values.len()))
}
