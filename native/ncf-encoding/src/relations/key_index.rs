//! From a key's value to its number among the distinct values of a map's key.

use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use crate::decoded::DecodedValues;
use crate::encodings::hash_table::{HashTable, seeded_hash};
use crate::encodings::integers::{Integer, with_integers};
use crate::encodings::pieces::{Piece, whole};
use crate::native::{Native, with_values};

/// The number of a value that is no key.
pub(crate) const NONE: u32 = u32::MAX;
/// Integers whose range is at most this, or this many times as wide as there are keys, are looked up in an array.
const DENSE: i128 = 1 << 16;
const DENSE_TIMES: i128 = 8;
/// Strings whose heads are kept, at most: 512 KiB, which no budget is asked for.
const HEADS: usize = 1 << 14;

/// The distinct values of a key, numbered in the order in which they first stand in the map.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    values: Values,
    /// Row of `values` for each number, where values repeat.
    firsts: Vec<u32>,
    /// First bytes and length of each number's string, where these are few: most comparisons need no more.
    heads: Vec<(u128, usize)>,
    lookup: Lookup,
}

#[derive(Debug)]
enum Lookup {
    /// Integers from `min` on.
    Dense {
        min: i64,
        numbers: Vec<u32>,
    },
    Hashed(HashTable),
}

impl KeyIndex {
    /// The index of a key's column, and the number of the value of each of its rows.
    pub(crate) fn new(values: Values, budget: &Budget) -> Result<(Self, Vec<u32>)> {
        let len = values.len();
        budget.take("keys of a map", len as u64 * 16)?;
        let dense = dense_range(&values);
        let lookup = match dense {
            Some((min, size)) => {
                let mut numbers: Vec<u32> = budget.vec("keys of a map", size)?;
                numbers.resize(size, NONE);
                Lookup::Dense { min, numbers }
            }
            None => {
                budget.take("keys of a map", HashTable::bytes_for(len) as u64)?;
                Lookup::Hashed(HashTable::default())
            }
        };
        let (firsts, heads) = (Vec::with_capacity(len), Vec::new());
        let mut index = Self { values, firsts, heads, lookup };
        let numbers = index.fill()?;
        index.heads = index.few_heads();
        Ok((index, numbers))
    }

    /// Type of the keys.
    pub(crate) fn physical(&self) -> PhysicalType {
        self.values.physical()
    }

    /// Number of distinct values.
    pub(crate) fn distinct(&self) -> usize {
        self.firsts.len()
    }

    /// The least of keys that lie close together, and the number of each integer from there on, [`NONE`] for those that
    /// are no keys.
    pub(crate) fn dense(&self) -> Option<(i64, &[u32])> {
        match &self.lookup {
            Lookup::Dense { min, numbers } => Some((*min, numbers)),
            Lookup::Hashed(_) => None,
        }
    }

    /// Bytes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        let lookup = match &self.lookup {
            Lookup::Dense { numbers, .. } => numbers.len() * 4,
            Lookup::Hashed(_) => HashTable::bytes_for(self.firsts.len()),
        };
        let heads = size_of_val(self.heads.as_slice());
        lookup + self.values.byte_len() + self.firsts.len() * 4 + heads
    }

    fn fill(&mut self) -> Result<Vec<u32>> {
        let Self { values, firsts, lookup, .. } = self;
        let len = values.len();
        let mut out = Vec::with_capacity(len);
        let row = |at: usize| u32::try_from(at).map_err(|_| Error::corrupt("a map of 2^32 keys"));
        if let Lookup::Dense { min, numbers } = lookup {
            let mut integers = Vec::with_capacity(len);
            as_integers(values, &mut integers);
            for (at, value) in integers.iter().enumerate() {
                let slot = slot_of(*value, *min).and_then(|slot| numbers.get_mut(slot));
                let slot = slot.ok_or_else(|| Error::internal("a key lies outside its range"))?;
                if *slot == NONE {
                    *slot = row(firsts.len())?;
                    firsts.push(row(at)?);
                }
                out.push(*slot);
            }
            return Ok(out);
        }
        let Lookup::Hashed(table) = lookup else { return Ok(out) };
        let spent = || Error::corrupt("a map of 2^32 keys");
        with_values!(&*values,
            fixed(v) => for (at, value) in v.iter().enumerate() {
                let same = |number: u32| first(v, firsts, number).is_some_and(|have| have.same(*value));
                let number = table.code(seeded_hash(&value.bits().to_le_bytes()), same).ok_or_else(spent)?;
                if number as usize == firsts.len() {
                    firsts.push(row(at)?);
                }
                out.push(number);
            },
            bool(_v) => return Err(Error::corrupt("a key of booleans")),
            bytes(v) => {
                for (at, piece) in whole(v).enumerate() {
                    let same = |number: u32| is_key(v, firsts, &[], number, &piece);
                    let number = table.code(piece.seeded_hash(), same).ok_or_else(spent)?;
                    if number as usize == firsts.len() {
                        firsts.push(row(at)?);
                    }
                    out.push(number);
                }
            },
        );
        Ok(out)
    }

    /// The heads of strings, where these are few.
    fn few_heads(&self) -> Vec<(u128, usize)> {
        let Values::Bytes(strings) = &self.values else { return Vec::new() };
        if self.firsts.len() > HEADS {
            return Vec::new();
        }
        let head = |row: &u32| {
            let piece = Piece::of(strings, *row as usize);
            (piece.head, piece.bytes.len())
        };
        self.firsts.iter().map(head).collect()
    }

    /// The numbers of values, one per row.
    pub(crate) fn numbers(&self, values: &DecodedValues, budget: &Budget) -> Result<Vec<u32>> {
        let mut out: Vec<u32> = budget.vec("keys", values.len())?;
        match values {
            DecodedValues::Flat(values) => self.flat(values, &mut out)?,
            DecodedValues::Constant(value, len) => {
                self.flat(value, &mut out)?;
                out.resize(*len, out.first().copied().unwrap_or(NONE));
            }
            // Few rows of a large dictionary: their values cost less than all of its.
            DecodedValues::Dictionary { codes, values: all } if all.len() > codes.len() => {
                self.flat(&values.clone().into_flat(budget)?, &mut out)?;
            }
            DecodedValues::Dictionary { codes, values } => {
                let mut numbers: Vec<u32> = budget.vec("keys", values.len())?;
                self.flat(values, &mut numbers)?;
                out.extend(
                    codes.iter().map(|code| numbers.get(*code as usize).copied().unwrap_or(NONE)),
                );
            }
            DecodedValues::Runs { ends, values } => {
                let mut numbers: Vec<u32> = budget.vec("keys", values.len())?;
                self.flat(values, &mut numbers)?;
                for (end, number) in ends.iter().zip(numbers) {
                    out.resize(*end as usize, number);
                }
            }
            DecodedValues::Symbols(strings) => {
                self.flat(&strings.clone().decode(budget)?, &mut out)?
            }
        }
        Ok(out)
    }

    fn flat(&self, values: &Values, out: &mut Vec<u32>) -> Result<()> {
        if values.physical() != self.values.physical() {
            return Err(Error::corrupt("a key has another type than the column that it refers to"));
        }
        match &self.lookup {
            Lookup::Dense { min, numbers } => with_integers!(values,
                v => out.extend(v.iter().map(|value| {
                    let slot = slot_of(value.low_i64(), *min).and_then(|slot| numbers.get(slot));
                    slot.copied().unwrap_or(NONE)
                })),
                other => return Err(Error::internal("a dense key is no integer")),
            ),
            Lookup::Hashed(table) => self.hashed(table, values, out),
        }
        Ok(())
    }

    fn hashed(&self, table: &HashTable, values: &Values, out: &mut Vec<u32>) {
        fn fixed<T: Native>(
            table: &HashTable,
            keys: &[T],
            firsts: &[u32],
            values: &[T],
            out: &mut Vec<u32>,
        ) {
            out.extend(values.iter().map(|value| {
                let same =
                    |number| first(keys, firsts, number).is_some_and(|have| have.same(*value));
                table.find(seeded_hash(&value.bits().to_le_bytes()), same).unwrap_or(NONE)
            }));
        }
        let firsts = self.firsts.as_slice();
        match (&self.values, values) {
            (Values::I8(keys), Values::I8(values)) => fixed(table, keys, firsts, values, out),
            (Values::I16(keys), Values::I16(values)) => fixed(table, keys, firsts, values, out),
            (Values::I32(keys), Values::I32(values)) => fixed(table, keys, firsts, values, out),
            (Values::I64(keys), Values::I64(values)) => fixed(table, keys, firsts, values, out),
            (Values::I128(keys), Values::I128(values)) => fixed(table, keys, firsts, values, out),
            (Values::F32(keys), Values::F32(values)) => fixed(table, keys, firsts, values, out),
            (Values::F64(keys), Values::F64(values)) => fixed(table, keys, firsts, values, out),
            (Values::Bytes(keys), Values::Bytes(values)) => {
                out.extend(whole(values).map(|piece| {
                    let same = |number| is_key(keys, firsts, &self.heads, number, &piece);
                    table.find(piece.seeded_hash(), same).unwrap_or(NONE)
                }))
            }
            _ => out.extend(std::iter::repeat_n(NONE, values.len())),
        }
    }
}

fn first<T: Copy>(values: &[T], firsts: &[u32], number: u32) -> Option<T> {
    firsts.get(number as usize).and_then(|row| values.get(*row as usize)).copied()
}

/// Whether a number is that of a string.
#[inline]
fn is_key(
    values: &ByteValues,
    firsts: &[u32],
    heads: &[(u128, usize)],
    number: u32,
    string: &Piece<'_>,
) -> bool {
    let at = number as usize;
    let long = || firsts.get(at).is_some_and(|row| values.get(*row as usize) == string.bytes);
    match heads.get(at) {
        Some((head, len)) => string.is(*head, *len, long),
        None => long(),
    }
}

/// Least value and number of slots, where the keys are integers that lie close together.
fn dense_range(values: &Values) -> Option<(i64, usize)> {
    if values.physical() == PhysicalType::I128 {
        return None;
    }
    let (min, max) = with_integers!(values,
        v => (v.iter().min()?.low_i64(), v.iter().max()?.low_i64()),
        other => return None,
    );
    let size = i128::from(max) - i128::from(min) + 1;
    let most = DENSE.max(DENSE_TIMES * values.len() as i128);
    if size > most {
        return None;
    }
    Some((min, usize::try_from(size).ok()?))
}

#[inline]
fn slot_of(value: i64, min: i64) -> Option<usize> {
    usize::try_from(value.wrapping_sub(min)).ok()
}

fn as_integers(values: &Values, out: &mut Vec<i64>) {
    with_integers!(values,
        v => out.extend(v.iter().map(|value| value.low_i64())),
        other => {},
    );
}
