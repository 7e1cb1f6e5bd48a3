//! Values chosen row by row: CASE, COALESCE, GREATEST, LEAST.

use arrow_buffer::{ArrowNativeType, BooleanBuffer, ScalarBuffer};
use ncf_core::{CompareOp, DataType, Error, Function, PhysicalType, Result, Values};
use ncf_encoding::DecodedPage;
use ncf_encoding::DecodedValues;

use super::numbers::{Numbers, flat, typed};
use super::text::strings;
use crate::filter::compare_values;

/// `yes` where `mask` is set, `no` elsewhere; both of type `data_type`.
pub(super) fn select(
    mask: &BooleanBuffer,
    yes: &DecodedPage,
    no: &DecodedPage,
    data_type: DataType,
) -> Result<DecodedPage> {
    let len = mask.len();
    if yes.values.len() != len || no.values.len() != len {
        return Err(Error::internal("values to choose from have different lengths"));
    }
    match mask.count_set_bits() {
        0 => return Ok(no.clone()),
        all if all == len => return Ok(yes.clone()),
        _ => {}
    }
    let validity = match (&yes.validity, &no.validity) {
        (None, None) => None,
        (yes, no) => {
            let all = || BooleanBuffer::new_set(len);
            let (yes, no) = (yes.clone().unwrap_or_else(all), no.clone().unwrap_or_else(all));
            Some(&(mask & &yes) | &(&!mask & &no))
        }
    };
    let values = match data_type.physical() {
        PhysicalType::Bytes | PhysicalType::F32 | PhysicalType::F64 | PhysicalType::Bool => {
            select_values(mask, flat(yes)?, flat(no)?)?
        }
        _ => select_numbers(mask, &Numbers::of(yes)?, &Numbers::of(no)?, len),
    };
    Ok(DecodedPage { validity, values: DecodedValues::Flat(values) })
}

fn select_values(mask: &BooleanBuffer, yes: Values, no: Values) -> Result<Values> {
    Ok(match (yes, no) {
        (Values::Bool(yes), Values::Bool(no)) => Values::Bool(&(mask & &yes) | &(&!mask & &no)),
        (Values::F32(yes), Values::F32(no)) => Values::F32(pick(mask, &yes, &no)),
        (Values::F64(yes), Values::F64(no)) => Values::F64(pick(mask, &yes, &no)),
        (Values::Bytes(yes), Values::Bytes(no)) => strings(
            mask.iter()
                .enumerate()
                .map(|(row, chosen)| if chosen { yes.get(row) } else { no.get(row) }),
        )?,
        _ => return Err(Error::internal("values to choose from have different types")),
    })
}

fn select_numbers(mask: &BooleanBuffer, yes: &Numbers, no: &Numbers, len: usize) -> Values {
    match (yes.narrow(len), no.narrow(len)) {
        (Some(yes), Some(no)) => Values::I64(pick(mask, &yes, &no)),
        _ => {
            let chosen = |(row, chosen)| if chosen { yes.get(row) } else { no.get(row) };
            Values::I128(mask.iter().enumerate().map(chosen).collect())
        }
    }
}

/// Row by row from one of two slices.
fn pick<T: ArrowNativeType>(mask: &BooleanBuffer, yes: &[T], no: &[T]) -> ScalarBuffer<T> {
    let mut out = no.to_vec();
    for row in mask.set_indices() {
        if let (Some(place), Some(value)) = (out.get_mut(row), yes.get(row)) {
            *place = *value;
        }
    }
    out.into()
}

/// The choice that a function makes among its arguments.
pub(super) fn apply(
    function: &Function,
    arguments: &[&DecodedPage],
    data_type: DataType,
) -> Result<DecodedPage> {
    let (first, rest) = arguments
        .split_first()
        .ok_or_else(|| Error::internal(format!("{function} has no argument")))?;
    let op = match function {
        Function::Greatest => Some(CompareOp::Gt),
        Function::Least => Some(CompareOp::Lt),
        _ => None,
    };
    rest.iter().try_fold((*first).clone(), |best, next| {
        let mask = takes_next(op, &best, next, data_type)?;
        select(&mask, next, &best, data_type)
    })
}

/// Where the next argument takes the place of what was chosen so far: where that is null, or the next
/// one compares with it as wanted.
fn takes_next(
    op: Option<CompareOp>,
    best: &DecodedPage,
    next: &DecodedPage,
    data_type: DataType,
) -> Result<BooleanBuffer> {
    let len = best.values.len();
    let all = || BooleanBuffer::new_set(len);
    let absent = best.validity.as_ref().map_or_else(|| BooleanBuffer::new_unset(len), |v| !v);
    let Some(op) = op else { return Ok(absent) };
    let better =
        compare_values(op, &flat(&typed(next, data_type)?)?, &flat(&typed(best, data_type)?)?)?;
    Ok(&next.validity.clone().unwrap_or_else(all) & &(&absent | &better))
}
