//! Counts and sums of groups.

use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
use ncf_core::{Aggregate, DataType, Error, NumberRange, PhysicalType, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};
use ncf_file::to_array;

use super::Members;
use super::extreme::Extremes;
use crate::compute::numbers::{Numbers, flat};
use crate::compute::{Results, StepId};

/// One aggregate of every group.
pub(super) struct Accumulator {
    input: Option<StepId>,
    data_type: DataType,
    /// Rows of each group whose input is null.
    nulls: Vec<u64>,
    state: State,
}

enum State {
    Count,
    Sum(Sums),
    FloatSum(Vec<f64>),
    Extreme(Extremes),
}

/// Sums of exact numbers. A sum that passes what its type or 128 bits hold continues in a new piece.
struct Sums {
    values: Vec<i128>,
    /// Greatest distance from 0 that the type holds.
    limit: i128,
    /// Finished pieces and their groups.
    pieces: Vec<(u32, i128)>,
}

impl Accumulator {
    pub(super) fn new(
        aggregate: &Aggregate,
        input: Option<StepId>,
        input_type: Option<DataType>,
        data_type: DataType,
    ) -> Result<Self> {
        let state = match aggregate {
            Aggregate::CountRows | Aggregate::Count(_) => State::Count,
            Aggregate::Sum(_) | Aggregate::ExactSum(_) if data_type == DataType::Float64 => {
                State::FloatSum(Vec::new())
            }
            Aggregate::Sum(_) | Aggregate::ExactSum(_) => {
                let range = NumberRange::of(data_type)
                    .ok_or_else(|| Error::internal("a sum without limits"))?;
                State::Sum(Sums { values: Vec::new(), limit: range.max, pieces: Vec::new() })
            }
            Aggregate::Min(_) | Aggregate::Max(_) => {
                let of = input_type.ok_or_else(|| Error::internal("an extreme of nothing"))?;
                State::Extreme(Extremes::new(of, matches!(aggregate, Aggregate::Max(_))))
            }
        };
        Ok(Self { input, data_type, nulls: Vec::new(), state })
    }

    /// Forgets everything and makes place for `groups` groups.
    pub(super) fn restart(&mut self, groups: usize) {
        self.nulls = vec![0; groups];
        match &mut self.state {
            State::Count => {}
            State::Sum(sums) => {
                sums.values = vec![0; groups];
                sums.pieces = Vec::new();
            }
            State::FloatSum(sums) => *sums = vec![0.0; groups],
            State::Extreme(extremes) => extremes.restart(groups),
        }
    }

    /// Takes in rows; there are `groups` groups now.
    pub(super) fn update(
        &mut self,
        results: &Results,
        members: &Members,
        groups: usize,
        len: usize,
    ) -> Result<()> {
        self.nulls.resize(groups, 0);
        let Some(input) = self.input else { return Ok(()) };
        let page = results.get(input)?;
        if page.values.len() != len {
            return Err(Error::internal("an aggregate's input has other rows"));
        }
        let valid = page.validity.as_ref().filter(|valid| valid.has_false());
        if let Some(valid) = valid {
            count_nulls(valid, members, &mut self.nulls);
        }
        match &mut self.state {
            State::Count => Ok(()),
            State::Sum(sums) => {
                sums.values.resize(groups, 0);
                sums.update(page, valid, members, len)
            }
            State::FloatSum(sums) => {
                sums.resize(groups, 0.0);
                sum_floats(page, valid, members, sums)
            }
            State::Extreme(extremes) => extremes.update(page, valid, members, groups),
        }
    }

    /// Bytes of the strings that are held.
    pub(super) fn string_bytes(&self) -> usize {
        match &self.state {
            State::Extreme(extremes) => extremes.string_bytes(),
            _ => 0,
        }
    }

    /// Pieces of sums beside the rows of the groups.
    pub(super) fn waiting(&self) -> usize {
        match &self.state {
            State::Sum(sums) => sums.pieces.len(),
            _ => 0,
        }
    }

    /// The groups of the waiting pieces.
    pub(super) fn piece_groups(&self) -> impl Iterator<Item = u32> {
        let pieces = match &self.state {
            State::Sum(sums) => sums.pieces.as_slice(),
            _ => &[],
        };
        pieces.iter().map(|(group, _)| *group)
    }

    /// Cuts sums that their type cannot hold.
    pub(super) fn cut_pieces(&mut self) {
        if let State::Sum(sums) = &mut self.state {
            sums.cut();
        }
    }

    /// The result column: a row a group, then `len - groups` rows of pieces, of which this
    /// accumulator's begin after `before`. Rows of other pieces add nothing.
    pub(super) fn column(&self, rows: &[u64], before: usize, len: usize) -> Result<ArrayRef> {
        let nulls = self.nulls.iter().copied().chain(std::iter::repeat(0));
        let counts = rows.iter().zip(nulls).map(|(rows, nulls)| rows.saturating_sub(nulls));
        let others = len.saturating_sub(rows.len());
        let seen = || {
            let groups = counts.clone().map(|count| count > 0);
            groups.chain(std::iter::repeat_n(false, others)).collect::<BooleanBuffer>()
        };
        match &self.state {
            State::Count => {
                let counts = counts.map(i128::from).chain(std::iter::repeat_n(0, others));
                numbers_array(counts, None, self.data_type)
            }
            State::Sum(sums) => {
                let mine = before..before + sums.pieces.len();
                let groups = counts.clone().map(|count| count > 0);
                let pieces = (0..others).map(|other| mine.contains(&other));
                let valid = groups.chain(pieces).collect();
                let pieces = (0..others).map(|other| {
                    let piece = other.checked_sub(before).and_then(|at| sums.pieces.get(at));
                    piece.map_or(0, |(_, value)| *value)
                });
                let values = sums.values.iter().copied().chain(pieces);
                numbers_array(values, Some(valid), self.data_type)
            }
            State::FloatSum(sums) => {
                let values = sums.iter().copied().chain(std::iter::repeat_n(0.0, others));
                to_array(Values::F64(values.collect()), Some(seen()), self.data_type)
            }
            State::Extreme(extremes) => extremes.column(others, seen(), self.data_type),
        }
    }
}

fn count_nulls(valid: &BooleanBuffer, members: &Members, nulls: &mut [u64]) {
    match members {
        Members::One => {
            if let Some(count) = nulls.first_mut() {
                *count += (valid.len() - valid.count_set_bits()) as u64;
            }
        }
        Members::Each(ids) => {
            for row in (!valid).set_indices() {
                let group = ids.get(row).and_then(|id| nulls.get_mut(*id as usize));
                if let Some(count) = group {
                    *count += 1;
                }
            }
        }
    }
}

/// Calls `take` with the group and the row of every valid row.
pub(super) fn each_row(
    len: usize,
    valid: Option<&BooleanBuffer>,
    members: &Members,
    mut take: impl FnMut(usize, usize),
) {
    let group = |row: usize| match members {
        Members::One => 0,
        Members::Each(ids) => ids.get(row).map_or(usize::MAX, |id| *id as usize),
    };
    match valid {
        None => (0..len).for_each(|row| take(group(row), row)),
        Some(valid) => valid.set_indices().for_each(|row| take(group(row), row)),
    }
}

impl Sums {
    fn update(
        &mut self,
        page: &DecodedPage,
        valid: Option<&BooleanBuffer>,
        members: &Members,
        len: usize,
    ) -> Result<()> {
        if let (DecodedValues::Runs { ends, values }, None, Members::One) =
            (&page.values, valid, members)
        {
            let numbers = Numbers::of_values(values)?;
            let mut start = 0;
            for (run, end) in ends.iter().enumerate() {
                let rows = end.saturating_sub(start);
                start = *end;
                self.add_times(0, numbers.get(run), rows as usize);
            }
            return Ok(());
        }
        let numbers = Numbers::of(page)?;
        match (&numbers, members) {
            (Numbers::One(value), Members::One) => {
                let rows = valid.map_or(len, BooleanBuffer::count_set_bits);
                self.add_times(0, *value, rows);
            }
            (Numbers::Narrow(values), Members::One) if valid.is_none() => {
                self.add(0, sum_of(values));
            }
            (Numbers::Narrow(values), Members::Each(ids))
                if valid.is_none() && self.values.len() <= FEW_GROUPS =>
            {
                self.add_narrow(values, ids, numbers.magnitude());
            }
            _ => each_row(len, valid, members, |group, row| self.add(group, numbers.get(row))),
        }
        Ok(())
    }

    /// Sums of 64 bits where the numbers allow it, added up at the end.
    fn add_narrow(&mut self, values: &[i64], ids: &[u32], magnitude: u128) {
        let fits = magnitude.saturating_mul(values.len() as u128) <= i64::MAX.unsigned_abs().into();
        if !fits {
            for (value, id) in values.iter().zip(ids) {
                self.add(*id as usize, (*value).into());
            }
            return;
        }
        let mut local = vec![0i64; self.values.len()];
        for (value, id) in values.iter().zip(ids) {
            if let Some(sum) = local.get_mut(*id as usize) {
                *sum += value;
            }
        }
        for (group, sum) in local.into_iter().enumerate() {
            self.add(group, sum.into());
        }
    }

    #[inline]
    fn add(&mut self, group: usize, value: i128) {
        let Some(sum) = self.values.get_mut(group) else { return };
        match sum.checked_add(value) {
            Some(more) => *sum = more,
            None => {
                let piece = std::mem::replace(sum, value);
                self.pieces.push((group_id(group), piece));
            }
        }
    }

    fn add_times(&mut self, group: usize, value: i128, times: usize) {
        match i128::try_from(times).ok().and_then(|times| value.checked_mul(times)) {
            Some(product) => self.add(group, product),
            None => (0..times).for_each(|_| self.add(group, value)),
        }
    }

    fn cut(&mut self) {
        let limit = self.limit;
        let pieces = std::mem::take(&mut self.pieces);
        for (group, value) in self.values.iter_mut().enumerate() {
            *value = cut(*value, limit, group_id(group), &mut self.pieces);
        }
        for (group, value) in pieces {
            let rest = cut(value, limit, group, &mut self.pieces);
            self.pieces.push((group, rest));
        }
    }
}

/// Takes pieces of the limit off a sum until the rest fits.
fn cut(mut value: i128, limit: i128, group: u32, pieces: &mut Vec<(u32, i128)>) -> i128 {
    while value.unsigned_abs() > limit.unsigned_abs() {
        let piece = if value < 0 { -limit } else { limit };
        pieces.push((group, piece));
        value -= piece;
    }
    value
}

/// Groups up to this many get sums of their own in each window.
const FEW_GROUPS: usize = 1 << 12;

fn group_id(group: usize) -> u32 {
    u32::try_from(group).unwrap_or(u32::MAX)
}

/// The sum of at most 2^31 numbers, by halves of 32 bits, which vectors can add.
fn sum_of(values: &[i64]) -> i128 {
    let low = values.iter().fold(0u64, |sum, v| sum + (v.cast_unsigned() & u64::from(u32::MAX)));
    let high = values.iter().fold(0i64, |sum, v| sum + (v >> 32));
    (i128::from(high) << 32) + i128::from(low)
}

/// Added in the order of the rows, as Spark does.
fn sum_floats(
    page: &DecodedPage,
    valid: Option<&BooleanBuffer>,
    members: &Members,
    sums: &mut [f64],
) -> Result<()> {
    let values = flat(page)?;
    let len = values.len();
    let mut add = |group: usize, value: f64| {
        if let Some(sum) = sums.get_mut(group) {
            *sum += value;
        }
    };
    match &values {
        Values::F64(v) => each_row(len, valid, members, |group, row| {
            add(group, v.get(row).copied().unwrap_or_default());
        }),
        Values::F32(v) => each_row(len, valid, members, |group, row| {
            add(group, v.get(row).copied().unwrap_or_default().into());
        }),
        _ => return Err(Error::internal("a sum of floats got other values")),
    }
    Ok(())
}

/// Numbers as a column of the type that they have: floats by their bits.
pub(super) fn numbers_array(
    numbers: impl Iterator<Item = i128>,
    valid: Option<BooleanBuffer>,
    data_type: DataType,
) -> Result<ArrayRef> {
    fn narrow<T: TryFrom<i128> + Default>(numbers: impl Iterator<Item = i128>) -> Result<Vec<T>> {
        numbers
            .map(|v| T::try_from(v).map_err(|_| Error::internal("a result leaves its type")))
            .collect()
    }
    let values = match data_type.physical() {
        PhysicalType::Bool => Values::Bool(numbers.map(|v| v != 0).collect()),
        PhysicalType::I8 => Values::I8(narrow(numbers)?.into()),
        PhysicalType::I16 => Values::I16(narrow(numbers)?.into()),
        PhysicalType::I32 => Values::I32(narrow(numbers)?.into()),
        PhysicalType::I64 => Values::I64(narrow(numbers)?.into()),
        PhysicalType::I128 => Values::I128(numbers.collect()),
        PhysicalType::F32 => {
            let bits: Vec<u32> = narrow(numbers)?;
            Values::F32(bits.into_iter().map(f32::from_bits).collect())
        }
        PhysicalType::F64 => {
            let bits: Vec<i64> = narrow(numbers)?;
            Values::F64(bits.into_iter().map(|v| f64::from_bits(v.cast_unsigned())).collect())
        }
        PhysicalType::Bytes => return Err(Error::internal("numbers are no strings")),
    };
    to_array(values, valid, data_type)
}
