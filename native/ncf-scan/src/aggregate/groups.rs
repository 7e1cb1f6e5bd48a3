//! Which group each row belongs to.
//!
//! Each key column numbers its values in the order in which they come (a code each, null included); the
//! codes of two columns become the codes of their pairs, and so on: the last ones are the groups.
//! Codes of a dictionary are translated through a table, so its values are looked up once a chunk.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow_array::ArrayRef;
use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use ncf_core::{ByteValues, DataType, Error, PhysicalType, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};
use ncf_file::to_array;

use super::accumulator::numbers_array;
use crate::compute::numbers::{Numbers, flat};

/// Keyed at random: a file must not choose values that fall into one bucket.
type Codes<K> = HashMap<K, u32, RandomState>;

/// Pairs of codes up to this many are looked up in a table.
const TABLE_CELLS: usize = 1 << 18;

/// A code that was not given yet.
const NONE: u32 = u32::MAX;

#[derive(Default)]
pub(super) struct Groups {
    columns: Vec<KeyColumn>,
    /// The pairs of the codes of the columns before and of each column but the first.
    pairs: Vec<Pairs>,
}

impl Groups {
    pub(super) fn new(columns: usize) -> Self {
        let mut made = Self::default();
        made.columns.resize_with(columns, KeyColumn::default);
        made.pairs.resize_with(columns.saturating_sub(1), Pairs::default);
        made
    }

    /// Number of groups.
    pub(super) fn len(&self) -> usize {
        match (self.pairs.last(), self.columns.first()) {
            (Some(pairs), _) => pairs.entries.len(),
            (None, Some(column)) => column.len(),
            (None, None) => 1,
        }
    }

    /// Bytes of the keys, about.
    pub(super) fn key_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.bytes).sum()
    }

    /// The group of each row. `keys` are the key columns' pages.
    pub(super) fn assign(&mut self, keys: &[&DecodedPage], len: usize) -> Result<Vec<u32>> {
        let mut groups = Vec::new();
        for (index, (column, page)) in self.columns.iter_mut().zip(keys).enumerate() {
            let codes = column.codes(page, len)?;
            match index.checked_sub(1).and_then(|before| self.pairs.get_mut(before)) {
                None => groups = codes,
                Some(pairs) => pairs.assign(&mut groups, &codes, column.len()),
            }
        }
        Ok(groups)
    }

    /// The values that a key column has in some groups.
    pub(super) fn column(
        &self,
        index: usize,
        groups: &[u32],
        data_type: DataType,
    ) -> Result<ArrayRef> {
        let code = |group: &u32| {
            let mut at = *group;
            for (left, pairs) in self.pairs.iter().enumerate().rev() {
                let (before, code) =
                    pairs.entries.get(at as usize).copied().unwrap_or((NONE, NONE));
                if left + 1 == index {
                    return code;
                }
                at = before;
            }
            at
        };
        let codes: Vec<u32> = groups.iter().map(code).collect();
        let column = self.columns.get(index).ok_or_else(|| Error::internal("no key column"))?;
        column.values(&codes, data_type)
    }
}

/// The values of a key column, numbered.
#[derive(Default)]
struct KeyColumn {
    numbers: Codes<i128>,
    strings: Codes<Box<[u8]>>,
    null: Option<u32>,
    /// Bytes of the values, about.
    bytes: usize,
    /// A dictionary and the codes of its values.
    dictionary: Option<(Arc<Values>, Vec<u32>)>,
}

impl KeyColumn {
    fn len(&self) -> usize {
        self.numbers.len() + self.strings.len() + usize::from(self.null.is_some())
    }

    fn codes(&mut self, page: &DecodedPage, len: usize) -> Result<Vec<u32>> {
        let valid =
            |row: usize| page.validity.as_ref().is_none_or(|v| row < v.len() && v.value(row));
        match &page.values {
            DecodedValues::Constant(value, _) if page.validity.is_none() => {
                let key = Keys::of(value)?;
                let code = self.code(&key, 0);
                Ok(vec![code; len])
            }
            DecodedValues::Dictionary { codes, values } => {
                let mut table = self.table_of(values);
                let keys = Keys::of(values)?;
                let mut out = Vec::with_capacity(len);
                for (row, code) in codes.iter().enumerate() {
                    if !valid(row) {
                        out.push(self.null_code());
                        continue;
                    }
                    let Some(cell) = table.get_mut(*code as usize) else {
                        return Err(Error::internal("a code is outside its dictionary"));
                    };
                    if *cell == NONE {
                        *cell = self.code(&keys, *code as usize);
                    }
                    out.push(*cell);
                }
                self.dictionary = Some((values.clone(), table));
                Ok(out)
            }
            _ => {
                let values = flat(page)?;
                let keys = Keys::of(&values)?;
                let code = |row| if valid(row) { self.code(&keys, row) } else { self.null_code() };
                Ok((0..len).map(code).collect())
            }
        }
    }

    /// The table of a dictionary: the one that is kept, if it is that dictionary's.
    fn table_of(&mut self, values: &Arc<Values>) -> Vec<u32> {
        match self.dictionary.take() {
            Some((have, table)) if Arc::ptr_eq(&have, values) => table,
            _ => vec![NONE; values.len()],
        }
    }

    fn null_code(&mut self) -> u32 {
        let next = next_code(self.len());
        *self.null.get_or_insert(next)
    }

    fn code(&mut self, keys: &Keys, row: usize) -> u32 {
        let next = next_code(self.len());
        match keys {
            Keys::Numbers(numbers) => {
                let number = numbers.get(row);
                if let Some(code) = self.numbers.get(&number) {
                    return *code;
                }
                self.bytes += size_of::<(i128, u32)>();
                self.numbers.insert(number, next);
            }
            Keys::Strings(strings) => {
                let string = strings.get(row);
                if let Some(code) = self.strings.get(string) {
                    return *code;
                }
                self.bytes += size_of::<(Box<[u8]>, u32)>() + string.len();
                self.strings.insert(string.into(), next);
            }
        }
        next
    }

    /// The values of some codes.
    fn values(&self, codes: &[u32], data_type: DataType) -> Result<ArrayRef> {
        let is_null = |code: &u32| self.null == Some(*code);
        let valid = self.null.is_some().then(|| codes.iter().map(|code| !is_null(code)));
        let valid = valid.map(|bits| bits.collect::<BooleanBuffer>());
        if data_type.physical() == PhysicalType::Bytes {
            let mut by_code: Vec<&[u8]> = vec![&[]; self.len()];
            for (string, code) in &self.strings {
                if let Some(place) = by_code.get_mut(*code as usize) {
                    *place = string;
                }
            }
            let string = |code: &u32| by_code.get(*code as usize).copied().unwrap_or(&[]);
            let total: usize = codes.iter().map(|code| string(code).len()).sum();
            if i32::try_from(total).is_err() {
                return Err(Error::limit_exceeded(
                    "bytes of group keys",
                    total as u64,
                    i32::MAX.unsigned_abs().into(),
                ));
            }
            let strings: ByteValues = codes.iter().map(string).collect();
            return to_array(Values::Bytes(strings), valid, data_type);
        }
        let mut by_code = vec![0i128; self.len()];
        for (number, code) in &self.numbers {
            if let Some(place) = by_code.get_mut(*code as usize) {
                *place = *number;
            }
        }
        let numbers = codes.iter().map(|code| by_code.get(*code as usize).copied().unwrap_or(0));
        numbers_array(numbers, valid, data_type)
    }
}

fn next_code(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NONE)
}

/// Key values as what they are compared by: floats by their bits, since equal ones of different bits
/// may come out as two groups.
enum Keys {
    Numbers(Numbers),
    Strings(ByteValues),
}

impl Keys {
    fn of(values: &Values) -> Result<Self> {
        Ok(match values {
            Values::Bytes(strings) => Self::Strings(strings.clone()),
            Values::F32(v) => {
                let bits = v.iter().map(|v| v.to_bits().into());
                Self::Numbers(Numbers::Narrow(bits.collect()))
            }
            Values::F64(v) => {
                let bits: ScalarBuffer<i64> = v.iter().map(|v| v.to_bits().cast_signed()).collect();
                Self::Numbers(Numbers::Narrow(bits))
            }
            other => Self::Numbers(Numbers::of_values(other)?),
        })
    }
}

/// Pairs of codes, numbered: in a table while the codes are few, else in a map.
#[derive(Default)]
struct Pairs {
    /// By number.
    entries: Vec<(u32, u32)>,
    table: Vec<u32>,
    /// The table has `1 << shift` cells for each left code.
    shift: u32,
    map: Codes<(u32, u32)>,
}

impl Pairs {
    /// Replaces left codes by those of the pairs. `right_count` is more than any right code.
    fn assign(&mut self, left: &mut [u32], right: &[u32], right_count: usize) {
        let left_count = left.iter().max().map_or(0, |most| *most as usize + 1);
        let tabled = self.map.is_empty() && self.fit_table(left_count, right_count);
        if !tabled && self.map.is_empty() {
            self.map = (0..).zip(&self.entries).map(|(id, pair)| (*pair, id)).collect();
            self.table = Vec::new();
        }
        for (left, right) in left.iter_mut().zip(right) {
            let next = next_code(self.entries.len());
            let pair = (*left, *right);
            *left = if tabled {
                let cell = ((*left as usize) << self.shift) + *right as usize;
                match self.table.get_mut(cell) {
                    Some(id) if *id == NONE => {
                        *id = next;
                        self.entries.push(pair);
                        next
                    }
                    Some(id) => *id,
                    None => NONE,
                }
            } else {
                let id = *self.map.entry(pair).or_insert(next);
                if id == next {
                    self.entries.push(pair);
                }
                id
            };
        }
    }

    /// Makes the table large enough; false when it would be too large.
    fn fit_table(&mut self, left_count: usize, right_count: usize) -> bool {
        let shift = right_count.next_power_of_two().trailing_zeros().max(self.shift);
        let left_known = self.entries.iter().map(|(left, _)| *left as usize + 1).max().unwrap_or(0);
        let cells = left_count.max(left_known).checked_shl(shift).unwrap_or(usize::MAX);
        if cells > TABLE_CELLS || shift >= usize::BITS {
            return false;
        }
        if shift == self.shift {
            if self.table.len() < cells {
                self.table.resize(cells, NONE);
            }
            return true;
        }
        self.shift = shift;
        self.table = vec![NONE; cells];
        for (id, (left, right)) in (0..).zip(&self.entries) {
            let cell = ((*left as usize) << shift) + *right as usize;
            if let Some(place) = self.table.get_mut(cell) {
                *place = id;
            }
        }
        true
    }
}
