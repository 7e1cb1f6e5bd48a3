//! Linear (34): what is left beside a sum over other columns.

use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::equality::exceptions;
use super::integers::{Integer, column, owned, with_integer};
use super::null_fill::{read_lead, refill};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::DecodeContext;
use crate::reader::Reader;
use crate::relations::{
    Linear as Formula, MAX_REFERENCES, MAX_SCALE, MAX_SHIFT, Transform, power_of_ten,
};

/// See `docs/spec/encodings.md`, Linear. Encoded by [`crate::relations::encode_related`].
pub(crate) struct Linear;

impl Encoding for Linear {
    fn id(&self) -> EncodingId {
        EncodingId::LINEAR
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        let integer = physical.is_integer() && physical != PhysicalType::I128;
        integer || physical == PhysicalType::F64
    }

    fn relates(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        1.0
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let (formula, references) = read(body, len, context)?;
        let lead = read_lead(body, physical, context)?;
        if let Some(values) = follow_one(body, physical, &formula, &references, context)? {
            return Ok(DecodedValues::Flat(refill(&lead, values, context)?));
        }
        let predicted = predict(&formula, &references, len, context.budget)?;
        let values = if physical == PhysicalType::F64 {
            let residual = column::<i64>(body, len, context)?;
            let floats = floats(predicted, &residual, formula.scale);
            exceptions(body, floats, context)?
        } else {
            add_residual(body, physical, predicted, context)?
        };
        Ok(DecodedValues::Flat(refill(&lead, values, context)?))
    }
}

/// The values of a sum of one column of the same type, which needs no sums of 64 bits: all arithmetic wraps. `None` of
/// other formulas, of which nothing is read then.
fn follow_one(
    body: &mut Reader<'_>,
    physical: PhysicalType,
    formula: &Formula,
    references: &[&DecodedValues],
    context: &DecodeContext<'_>,
) -> Result<Option<Values>> {
    let ([term], [DecodedValues::Flat(other)], 0) = (&*formula.terms, references, formula.shift)
    else {
        return Ok(None);
    };
    if term.transform != Transform::Identity || other.physical() != physical {
        return Ok(None);
    }
    let (coefficient, constant) = (term.coefficient, formula.constant);
    with_integer!(physical,
        T => {
            let other = T::from_values(other.clone())?;
            let residual = context.node(body, physical, other.len())?;
            let sums = sums_of_one::<T>(&other, coefficient, constant, residual, context.budget)?;
            Ok(Some(T::wrap(sums)))
        },
        other => Ok(None),
    )
}

/// `coefficient · value + constant + residual`, each.
fn sums_of_one<T: Integer>(
    values: &[T],
    coefficient: i64,
    constant: i64,
    residual: DecodedValues,
    budget: &Budget,
) -> Result<Vec<T>> {
    let (times, plus) = (T::low_bits(coefficient.into()), T::low_bits(constant.into()));
    if let DecodedValues::Constant(residual, _) = residual {
        let plus = plus.plus(T::first_of(&residual));
        let mut sums: Vec<T> = budget.vec("values", values.len())?;
        sums.extend(values.iter().map(|value| value.times(times).plus(plus)));
        return Ok(sums);
    }
    let mut sums = owned(T::from_values(residual.into_flat(budget)?)?, budget)?;
    let both = sums.iter_mut().zip(values);
    match coefficient {
        // Processors multiply slowly in 64 bits.
        1 => both.for_each(|(sum, value)| *sum = sum.plus(plus).plus(*value)),
        _ => both.for_each(|(sum, value)| *sum = sum.plus(plus).plus(value.times(times))),
    }
    Ok(sums)
}

/// The predicted integers in the column's type, with the residual that follows in the body.
pub(super) fn add_residual(
    body: &mut Reader<'_>,
    physical: PhysicalType,
    predicted: Vec<i64>,
    context: &DecodeContext<'_>,
) -> Result<Values> {
    fn plus<T: Integer>(predicted: i64, residual: T) -> T {
        T::low_bits(predicted.into()).plus(residual)
    }
    let len = predicted.len();
    with_integer!(physical,
        T => {
            context.budget.take("values", (len * T::BYTES) as u64)?;
            Ok(T::wrap(match context.node(body, physical, len)? {
                DecodedValues::Constant(residual, _) => {
                    let residual = T::first_of(&residual);
                    predicted.into_iter().map(|low| plus(low, residual)).collect()
                }
                residual => {
                    let residual = T::from_values(residual.into_flat(context.budget)?)?;
                    predicted.iter().zip(residual.iter()).map(|(low, high)| plus(*low, *high)).collect()
                }
            }))
        },
        other => Err(Error::corrupt("a sum of values that are no integers")),
    )
}

/// `(predicted + residual) / 10^scale`, each.
pub(crate) fn floats(predicted: Vec<i64>, residual: &[i64], scale: u8) -> Values {
    let power = power_of_ten(scale);
    let sums = predicted.iter().zip(residual).map(|(low, high)| low.wrapping_add(*high));
    Values::F64(sums.map(|sum| sum as f64 / power).collect())
}

/// `terms u8`, each `column u8 · transform u8 · coefficient i64 · parameters u64, u64`, then `constant i64 · shift u8 ·
/// scale u8`. Columns are numbered as the page's references are.
fn read<'a>(
    body: &mut Reader<'_>,
    len: usize,
    context: &DecodeContext<'a>,
) -> Result<(Formula, Vec<&'a DecodedValues>)> {
    let count = usize::from(body.u8()?);
    if !(1..=MAX_REFERENCES).contains(&count) {
        return Err(Error::corrupt(format!("a sum of {count} terms")));
    }
    let mut terms = Vec::with_capacity(count);
    let mut references = Vec::with_capacity(count);
    for _ in 0..count {
        let number = body.u8()?;
        references.push(context.reference(number, len)?);
        let kind = body.u8()?;
        let coefficient = body.u64()?.cast_signed();
        let transform = Transform::from_parts(kind, [body.u64()?, body.u64()?])?;
        terms.push(crate::relations::Term { column: number.into(), transform, coefficient });
    }
    let constant = body.u64()?.cast_signed();
    let (shift, scale) = (body.u8()?, body.u8()?);
    if shift > MAX_SHIFT || scale > MAX_SCALE {
        return Err(Error::corrupt(format!(
            "a sum with a shift of {shift} and a scale of {scale}"
        )));
    }
    Ok((Formula { terms, constant, shift, scale }, references))
}

/// Appends what [`read`] reads; `numbers` gives the numbers of the terms' columns.
pub(crate) fn write(formula: &Formula, numbers: &[u8], out: &mut Vec<u8>) {
    out.push(u8::try_from(formula.terms.len()).unwrap_or(u8::MAX));
    for (term, number) in formula.terms.iter().zip(numbers) {
        let (kind, parameters) = term.transform.parts();
        out.extend_from_slice(&[*number, kind]);
        out.extend_from_slice(&term.coefficient.to_le_bytes());
        out.extend(parameters.iter().flat_map(|parameter| parameter.to_le_bytes()));
    }
    out.extend_from_slice(&formula.constant.to_le_bytes());
    out.extend_from_slice(&[formula.shift, formula.scale]);
}

/// The formula's value in each row; `references` are those of its terms.
pub(crate) fn predict(
    formula: &Formula,
    references: &[&DecodedValues],
    len: usize,
    budget: &Budget,
) -> Result<Vec<i64>> {
    let mut sums: Vec<i64> = budget.vec("sums", len)?;
    sums.resize(len, formula.constant);
    let mut values: Vec<i64> = budget.vec("terms", len)?;
    for (term, reference) in formula.terms.iter().zip(references) {
        match reference {
            DecodedValues::Flat(flat)
                if term.transform == Transform::Identity
                    && add_times(&mut sums, flat, term.coefficient) =>
            {
                continue;
            }
            DecodedValues::Flat(flat) => term.transform.apply(flat, &mut values)?,
            other => term.transform.apply(&(*other).clone().into_flat(budget)?, &mut values)?,
        }
        for (sum, value) in sums.iter_mut().zip(&values) {
            *sum = sum.wrapping_add(value.wrapping_mul(term.coefficient));
        }
    }
    if formula.shift > 0 {
        sums.iter_mut().for_each(|sum| *sum >>= formula.shift);
    }
    Ok(sums)
}

/// Adds a multiple of integers of up to 64 bits to sums; false for other values, of which nothing is added.
fn add_times(sums: &mut [i64], values: &Values, coefficient: i64) -> bool {
    fn each<T: Integer>(sums: &mut [i64], values: &[T], coefficient: i64) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(value.low_i64().wrapping_mul(coefficient));
        }
    }
    match values {
        Values::I8(values) => each(sums, values, coefficient),
        Values::I16(values) => each(sums, values, coefficient),
        Values::I32(values) => each(sums, values, coefficient),
        Values::I64(values) => each(sums, values, coefficient),
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::relations::Term;

    use super::*;

    #[test]
    fn wide_integers_are_refused_however_they_come() {
        let term = Term { column: 0, transform: Transform::Identity, coefficient: 1 };
        let formula = Formula { terms: vec![term], constant: 0, shift: 0, scale: 0 };
        let budget = Budget::new(1 << 20);
        let wide = Values::I128(vec![1, 2].into());
        let forms =
            [DecodedValues::Flat(wide.clone()), DecodedValues::Constant(wide.slice(0, 1), 2)];
        for form in forms {
            assert!(predict(&formula, &[&form], 2, &budget).is_err());
        }
        let narrow = DecodedValues::Flat(Values::I16(vec![-1, 2].into()));
        assert_eq!(predict(&formula, &[&narrow], 2, &budget).unwrap(), [-1, 2]);
    }
}
