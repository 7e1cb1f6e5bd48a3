//! Integers, decimals without their point, dates and timestamps as numbers of 64 or 128 bits.

use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use ncf_core::{DataType, Error, Limits, PhysicalType, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};

use super::forms::map;

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

    /// The numbers in 64 bits, one a row, if they have no more.
    pub(super) fn narrow(&self, len: usize) -> Option<ScalarBuffer<i64>> {
        match self {
            Self::One(v) => Some(vec![i64::try_from(*v).ok()?; len].into()),
            Self::Narrow(v) => Some(v.clone()),
            Self::Wide(_) => None,
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

/// A page whose values have the physical type of `data_type`: computed numbers have 64 or 128 bits,
/// whatever their type.
pub(crate) fn typed(page: &DecodedPage, data_type: DataType) -> Result<DecodedPage> {
    let physical = data_type.physical();
    map(page, &|values| {
        if values.physical() == physical {
            return Ok(values.clone());
        }
        fn narrow<T: TryFrom<i128> + Default>(numbers: &Numbers, len: usize) -> Vec<T> {
            // Only numbers of null rows, which mean nothing, can lie outside.
            (0..len).map(|row| T::try_from(numbers.get(row)).unwrap_or_default()).collect()
        }
        let (numbers, len) = (Numbers::of_values(values)?, values.len());
        Ok(match physical {
            PhysicalType::Bool => Values::Bool((0..len).map(|row| numbers.get(row) != 0).collect()),
            PhysicalType::I8 => Values::I8(narrow(&numbers, len).into()),
            PhysicalType::I16 => Values::I16(narrow(&numbers, len).into()),
            PhysicalType::I32 => Values::I32(narrow(&numbers, len).into()),
            PhysicalType::I64 => Values::I64(narrow(&numbers, len).into()),
            PhysicalType::I128 => Values::I128(narrow(&numbers, len).into()),
            PhysicalType::F32 | PhysicalType::F64 | PhysicalType::Bytes => {
                return Err(Error::internal("a computation gave values of another type"));
            }
        })
    })
}
