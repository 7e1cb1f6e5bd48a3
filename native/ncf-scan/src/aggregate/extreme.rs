//! Least and greatest values of groups, in the order of `ncf_core::ordering`. Of values that are equal
//! the first one stays.

use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
use ncf_core::ordering::compare_f64;
use ncf_core::{ByteValues, DataType, Error, PhysicalType, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};
use ncf_file::to_array;

use super::Members;
use super::accumulator::{each_row, numbers_array};
use crate::compute::numbers::{Numbers, flat};

/// The least or greatest value of each group; absent until a value comes.
pub(super) struct Extremes {
    greatest: bool,
    best: Best,
}

enum Best {
    Numbers(Vec<Option<i128>>),
    /// Singles are doubles here.
    Floats(Vec<Option<f64>>),
    Strings(Vec<Option<Box<[u8]>>>),
}

impl Extremes {
    pub(super) fn new(data_type: DataType, greatest: bool) -> Self {
        let best = match data_type.physical() {
            PhysicalType::Bytes => Best::Strings(Vec::new()),
            PhysicalType::F32 | PhysicalType::F64 => Best::Floats(Vec::new()),
            _ => Best::Numbers(Vec::new()),
        };
        Self { greatest, best }
    }

    /// Bytes of the strings that are held.
    pub(super) fn string_bytes(&self) -> usize {
        match &self.best {
            Best::Strings(best) => best.iter().flatten().map(|string| string.len()).sum(),
            Best::Numbers(_) | Best::Floats(_) => 0,
        }
    }

    pub(super) fn restart(&mut self, groups: usize) {
        match &mut self.best {
            Best::Numbers(best) => *best = vec![None; groups],
            Best::Floats(best) => *best = vec![None; groups],
            Best::Strings(best) => *best = vec![None; groups],
        }
    }

    pub(super) fn update(
        &mut self,
        page: &DecodedPage,
        valid: Option<&BooleanBuffer>,
        members: &Members,
        groups: usize,
    ) -> Result<()> {
        let (len, greatest) = (page.values.len(), self.greatest);
        match &mut self.best {
            Best::Numbers(best) => {
                best.resize(groups, None);
                let numbers = Numbers::of(page)?;
                if let (Numbers::Narrow(values), None, Members::One) = (&numbers, valid, members) {
                    let found = if greatest { values.iter().max() } else { values.iter().min() };
                    if let Some(found) = found {
                        offer(best, 0, i128::from(*found), |a, b| better(a.cmp(b), greatest));
                    }
                    return Ok(());
                }
                each_row(len, valid, members, |group, row| {
                    offer(best, group, numbers.get(row), |a, b| better(a.cmp(b), greatest));
                });
            }
            Best::Floats(best) => {
                best.resize(groups, None);
                let values = doubles(&flat(page)?)?;
                each_row(len, valid, members, |group, row| {
                    let value = values.get(row).copied().unwrap_or_default();
                    offer(best, group, value, |a, b| better(compare_f64(*a, *b), greatest));
                });
            }
            Best::Strings(best) => {
                best.resize(groups, None);
                if let Members::One = members
                    && let Some(strings) = present(page, valid)
                {
                    strings.for_each(|string| take_string(best, 0, string, greatest));
                    return Ok(());
                }
                let Values::Bytes(strings) = flat(page)? else {
                    return Err(Error::internal("an extreme of strings got other values"));
                };
                each_row(len, valid, members, |group, row| {
                    take_string(best, group, strings.get(row), greatest);
                });
            }
        }
        Ok(())
    }

    /// A row a group, then `others` rows without a value.
    pub(super) fn column(
        &self,
        others: usize,
        valid: BooleanBuffer,
        data_type: DataType,
    ) -> Result<ArrayRef> {
        match &self.best {
            Best::Numbers(best) => {
                let numbers = best.iter().map(|v| v.unwrap_or_default());
                let numbers = numbers.chain(std::iter::repeat_n(0, others));
                numbers_array(numbers, Some(valid), data_type)
            }
            Best::Floats(best) => {
                let values = best.iter().map(|v| v.unwrap_or_default());
                let values = values.chain(std::iter::repeat_n(0.0, others));
                let values = if data_type == DataType::Float32 {
                    Values::F32(values.map(single).collect())
                } else {
                    Values::F64(values.collect())
                };
                to_array(values, Some(valid), data_type)
            }
            Best::Strings(best) => {
                let total: usize = best.iter().flatten().map(|string| string.len()).sum();
                if i32::try_from(total).is_err() {
                    let limit = i32::MAX.unsigned_abs().into();
                    return Err(Error::limit_exceeded("bytes of aggregates", total as u64, limit));
                }
                let strings = best.iter().map(|v| v.as_deref().unwrap_or_default());
                let strings = strings.chain(std::iter::repeat_n(&[][..], others));
                to_array(Values::Bytes(strings.collect::<ByteValues>()), Some(valid), data_type)
            }
        }
    }
}

/// Whether a value with this order to the best one so far takes its place.
fn better(order: std::cmp::Ordering, greatest: bool) -> bool {
    if greatest { order.is_gt() } else { order.is_lt() }
}

fn offer<T>(best: &mut [Option<T>], group: usize, value: T, wins: impl Fn(&T, &T) -> bool) {
    if let Some(place) = best.get_mut(group)
        && place.as_ref().is_none_or(|have| wins(&value, have))
    {
        *place = Some(value);
    }
}

/// As [`offer`], copying only a string that wins.
fn take_string(best: &mut [Option<Box<[u8]>>], group: usize, value: &[u8], greatest: bool) {
    if let Some(place) = best.get_mut(group)
        && place.as_deref().is_none_or(|have| better(value.cmp(have), greatest))
    {
        *place = Some(value.into());
    }
}

/// The strings of a dictionary page that some valid row has.
fn present<'a>(
    page: &'a DecodedPage,
    valid: Option<&BooleanBuffer>,
) -> Option<impl Iterator<Item = &'a [u8]>> {
    let DecodedValues::Dictionary { codes, values } = &page.values else { return None };
    let Values::Bytes(strings) = &**values else { return None };
    let mut seen = vec![false; strings.len()];
    each_row(codes.len(), valid, &Members::One, |_, row| {
        let code = codes.get(row).copied().unwrap_or(u32::MAX);
        if let Some(seen) = seen.get_mut(code as usize) {
            *seen = true;
        }
    });
    Some(strings.iter().zip(seen).filter(|(_, seen)| *seen).map(|(string, _)| string))
}

fn doubles(values: &Values) -> Result<Vec<f64>> {
    match values {
        Values::F64(v) => Ok(v.to_vec()),
        Values::F32(v) => Ok(v.iter().map(|v| f64::from(*v)).collect()),
        _ => Err(Error::internal("an extreme of floats got other values")),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the value was a single before")]
fn single(value: f64) -> f32 {
    value as f32
}
