//! The table of a map: for each combination of keys, the values that rows with these keys have.
//!
//! ```text
//! 0  keys u8, 1 to 3 · physical type of each key u8 · physical type of the values u8
//! …  the keys' columns, one value an entry, each as a piece
//! …  piece: candidates of each entry, i32[]
//! …  piece: candidates, i32[], as numbers of values: in the order of their ranks
//! …  piece: the values, distinct and ascending
//! ```
//!
//! A piece is `length u32 · number of values u32 · encoded values`. Types are numbered in the order of
//! [`PhysicalType::ALL`].

use std::sync::Arc;

use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::direct::Direct;
use super::key_index::{KeyIndex, NONE};
use crate::chunk::EncodeOptions;
use crate::decoded::DecodedValues;
use crate::encodings::hash_table::{HashTable, seeded_hash};
use crate::encodings::integers::with_integers;
use crate::native::lengths_column;
use crate::page::{decode_values, encode_values, padding};
use crate::reader::Reader;

/// Columns of keys.
pub(crate) const MAX_KEYS: usize = 3;
/// Combinations of keys that are looked up in an array and not in a hash table, and as many for each entry.
const DENSE: u64 = 1 << 12;

/// What is stored of a map.
#[derive(Debug, Clone)]
pub(crate) struct MapParts {
    /// One value an entry, for each key.
    pub(crate) keys: Vec<Values>,
    /// Candidates of each entry.
    pub(crate) counts: Vec<i32>,
    /// Numbers of values, the entries' candidates one after the other.
    pub(crate) candidates: Vec<i32>,
    /// Distinct and ascending.
    pub(crate) values: Values,
}

/// A map that can be asked.
#[derive(Debug)]
pub(crate) struct MapTable {
    indexes: Vec<KeyIndex>,
    entries: Entries,
    /// Where each entry's candidates begin, and where the last ones end.
    starts: Vec<u32>,
    candidates: Vec<u32>,
    direct: Option<Direct>,
    values: Arc<Values>,
    bytes: usize,
}

/// From the numbers of the keys' values to the entry.
#[derive(Debug)]
enum Entries {
    /// There is one key: its number is the entry's.
    Same,
    /// By the combined number.
    Dense(Vec<u32>),
    /// Combined numbers of the entries.
    Hashed(HashTable, Vec<u64>),
}

impl MapParts {
    /// The stored bytes.
    pub(crate) fn encode(&self, options: &EncodeOptions) -> Result<Vec<u8>> {
        let options = EncodeOptions { force: None, ..*options };
        let mut out = vec![u8::try_from(self.keys.len()).unwrap_or(u8::MAX)];
        out.extend(self.keys.iter().map(|key| type_number(key.physical())));
        out.push(type_number(self.values.physical()));
        let counts = lengths_column(self.counts.clone());
        let candidates = lengths_column(self.candidates.clone());
        for values in self.keys.iter().chain([&counts, &candidates, &self.values]) {
            let bytes = encode_values(values, &options)?;
            let small = |length: usize| {
                u32::try_from(length).map_err(|_| Error::internal("a map is longer than 4 GiB"))
            };
            out.extend_from_slice(&small(bytes.len())?.to_le_bytes());
            out.extend_from_slice(&small(values.len())?.to_le_bytes());
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// Reads a shared page of a map with a number of entries.
    pub(crate) fn decode(bytes: &[u8], entries: usize, budget: &Budget) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let count = usize::from(reader.u8()?);
        if !(1..=MAX_KEYS).contains(&count) {
            return Err(Error::corrupt(format!("a map of {count} keys")));
        }
        let types: Vec<PhysicalType> =
            (0..count).map(|_| type_of(reader.u8()?)).collect::<Result<_>>()?;
        let of_values = type_of(reader.u8()?)?;
        let keys = types
            .into_iter()
            .map(|physical| piece(&mut reader, physical, Some(entries), budget))
            .collect::<Result<_>>()?;
        let mut integers = |len| match piece(&mut reader, PhysicalType::I32, len, budget)? {
            Values::I32(values) => Ok(values.to_vec()),
            _ => Err(Error::internal("integers have another type")),
        };
        let counts = integers(Some(entries))?;
        let candidates = integers(None)?;
        let values = piece(&mut reader, of_values, None, budget)?;
        padding(&reader)?;
        Ok(Self { keys, counts, candidates, values })
    }
}

impl MapParts {
    /// Bytes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        let numbers = (self.counts.len() + self.candidates.len()) * size_of::<i32>();
        let columns = self.keys.iter().chain([&self.values]).map(Values::byte_len);
        columns.sum::<usize>() + numbers
    }

    /// Whether two maps are the same to the bit.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let keys = self.keys.len() == other.keys.len()
            && self.keys.iter().zip(&other.keys).all(|(one, other)| one.bits_equal(other));
        keys && self.counts == other.counts
            && self.candidates == other.candidates
            && self.values.bits_equal(&other.values)
    }
}

fn piece(
    reader: &mut Reader<'_>,
    physical: PhysicalType,
    len: Option<usize>,
    budget: &Budget,
) -> Result<Values> {
    let length = reader.size()?;
    let stored = reader.size()?;
    if len.is_some_and(|len| len != stored) {
        return Err(Error::corrupt("the columns of a map have different lengths"));
    }
    decode_values(reader.take(length)?, physical, stored, budget)
}

fn type_number(physical: PhysicalType) -> u8 {
    let at = PhysicalType::ALL.iter().position(|one| *one == physical);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn type_of(number: u8) -> Result<PhysicalType> {
    PhysicalType::ALL
        .get(usize::from(number))
        .copied()
        .filter(|physical| *physical != PhysicalType::Bool)
        .ok_or_else(|| Error::corrupt(format!("a map of values of type {number}")))
}

impl MapTable {
    /// Checks the parts and builds what look-ups need. `Corrupt` where entries share keys or a candidate is no value.
    pub(crate) fn new(parts: MapParts, budget: &Budget) -> Result<Self> {
        let MapParts { keys, counts, candidates, values } = parts;
        let mut starts: Vec<u32> =
            budget.vec("entries of a map", counts.len().saturating_add(1))?;
        let mut next = 0u32;
        starts.push(0);
        for count in &counts {
            let count = u32::try_from(*count).ok().filter(|count| *count > 0);
            next = count.and_then(|count| next.checked_add(count)).ok_or_else(wrong)?;
            starts.push(next);
        }
        let fits = |code: &i32| usize::try_from(*code).is_ok_and(|code| code < values.len());
        if next as usize != candidates.len() || !candidates.iter().all(fits) {
            return Err(wrong());
        }
        let candidates: Vec<u32> = candidates.iter().map(|code| code.cast_unsigned()).collect();
        let mut indexes = Vec::with_capacity(keys.len());
        let mut numbers: Vec<Vec<u32>> = Vec::with_capacity(keys.len());
        for key in keys {
            let (index, of_entries) = KeyIndex::new(key, budget)?;
            indexes.push(index);
            numbers.push(of_entries);
        }
        let entries = Entries::new(&indexes, &numbers, counts.len(), budget)?;
        let direct = match (&entries, indexes.as_slice()) {
            (Entries::Same, [index]) => match index.dense() {
                Some((min, slots)) => Direct::new(min, slots, &starts, &candidates, budget)?,
                None => None,
            },
            _ => None,
        };
        let indexed: usize = indexes.iter().map(KeyIndex::byte_len).sum();
        let bytes = indexed
            + entries.byte_len()
            + direct.as_ref().map_or(0, Direct::byte_len)
            + (counts.len() + candidates.len()) * 4
            + values.byte_len();
        Ok(Self { indexes, entries, starts, candidates, direct, values: Arc::new(values), bytes })
    }

    /// The values that candidates stand for, distinct and ascending.
    pub(crate) fn values(&self) -> &Arc<Values> {
        &self.values
    }

    /// Bytes in memory.
    pub(crate) fn byte_len(&self) -> usize {
        self.bytes
    }

    /// The number of the value that each of `len` rows has, whose keys are given and the ranks among the candidates
    /// (without: the first ones); [`NONE`] where the map has no such value.
    pub(crate) fn codes(
        &self,
        keys: &[&DecodedValues],
        ranks: Option<&[i32]>,
        len: usize,
        budget: &Budget,
    ) -> Result<Vec<u32>> {
        let mut codes: Vec<u32> = budget.vec("codes", len)?;
        if let (Some(direct), [DecodedValues::Flat(keys)]) = (&self.direct, keys)
            && keys.len() == len
            && self.indexes.first().is_some_and(|index| index.physical() == keys.physical())
        {
            with_integers!(keys,
                keys => match ranks {
                    None => direct.first(keys, &mut codes),
                    Some(ranks) => direct.ranked(keys, ranks, &mut codes),
                },
                other => return Err(Error::internal("a dense key is no integer")),
            );
            return Ok(codes);
        }
        let entries = self.entries(keys, len, budget)?;
        let code = |entry: u32, rank: i32| {
            let candidates = candidates_of(entry, &self.starts, &self.candidates);
            candidates.get(rank.cast_unsigned() as usize).copied().unwrap_or(NONE)
        };
        match ranks {
            None => codes.extend(entries.iter().map(|entry| code(*entry, 0))),
            Some(ranks) => {
                codes.extend(entries.iter().zip(ranks).map(|(entry, rank)| code(*entry, *rank)))
            }
        }
        Ok(codes)
    }

    /// The entry of each of `len` rows, whose keys are given; [`NONE`] where no entry has these keys.
    fn entries(&self, keys: &[&DecodedValues], len: usize, budget: &Budget) -> Result<Vec<u32>> {
        if keys.len() != self.indexes.len() {
            return Err(Error::corrupt("a page has another number of keys than its map"));
        }
        let mut found: Vec<u32> = Vec::new();
        let mut combined: Vec<u64> = Vec::new();
        for (at, (index, values)) in self.indexes.iter().zip(keys).enumerate() {
            let numbers = index.numbers(values, budget)?;
            if numbers.len() != len {
                return Err(Error::corrupt("a reference has another number of rows than its page"));
            }
            if self.indexes.len() == 1 {
                found = numbers;
            } else if at == 0 {
                combined = budget.vec("keys", len)?;
                combined.extend(numbers.iter().map(|number| number_or_none(*number)));
            } else {
                let radix = index.distinct() as u64;
                for (combined, number) in combined.iter_mut().zip(&numbers) {
                    *combined = combine(*combined, *number, radix);
                }
            }
        }
        match &self.entries {
            Entries::Same => Ok(found),
            entries => {
                let mut found: Vec<u32> = budget.vec("entries", len)?;
                found.extend(combined.iter().map(|combined| entries.get(*combined)));
                Ok(found)
            }
        }
    }
}

/// The candidates of an entry, as numbers of values; none of an entry that there is not.
#[inline]
pub(super) fn candidates_of<'a>(entry: u32, starts: &[u32], candidates: &'a [u32]) -> &'a [u32] {
    let at = entry as usize;
    match (starts.get(at), at.checked_add(1).and_then(|next| starts.get(next))) {
        (Some(start), Some(end)) => candidates.get(*start as usize..*end as usize).unwrap_or(&[]),
        _ => &[],
    }
}

/// A combined number that no combination has.
const NO_COMBINATION: u64 = u64::MAX;

fn number_or_none(number: u32) -> u64 {
    if number == NONE { NO_COMBINATION } else { u64::from(number) }
}

fn combine(combined: u64, number: u32, radix: u64) -> u64 {
    if combined == NO_COMBINATION || number == NONE {
        return NO_COMBINATION;
    }
    // `Entries::new` checked that all combinations fit.
    combined.wrapping_mul(radix).wrapping_add(u64::from(number))
}

impl Entries {
    fn new(
        indexes: &[KeyIndex],
        numbers: &[Vec<u32>],
        len: usize,
        budget: &Budget,
    ) -> Result<Self> {
        let twice = || Error::corrupt("two entries of a map have the same keys");
        if let ([index], [numbers]) = (indexes, numbers) {
            let own = (0u32..).zip(numbers).all(|(entry, number)| entry == *number);
            return if own && index.distinct() == len { Ok(Self::Same) } else { Err(twice()) };
        }
        let mut space = 1u64;
        budget.take("keys of a map", len as u64 * 8)?;
        let mut combined = vec![0u64; len];
        for (index, numbers) in indexes.iter().zip(numbers) {
            let radix = index.distinct() as u64;
            space = space.saturating_mul(radix);
            for (combined, number) in combined.iter_mut().zip(numbers) {
                *combined = combine(*combined, *number, radix);
            }
        }
        if space == u64::MAX {
            return Err(Error::corrupt("the keys of a map have more than 2^64 combinations"));
        }
        if space <= DENSE.saturating_mul(len as u64).min(1 << 22) {
            let size = usize::try_from(space).unwrap_or(usize::MAX);
            let mut slots: Vec<u32> = budget.vec("entries of a map", size)?;
            slots.resize(size, NONE);
            for (entry, combined) in (0u32..).zip(&combined) {
                let at = usize::try_from(*combined).unwrap_or(usize::MAX);
                let slot = slots.get_mut(at).ok_or_else(wrong)?;
                if std::mem::replace(slot, entry) != NONE {
                    return Err(twice());
                }
            }
            return Ok(Self::Dense(slots));
        }
        budget.take("entries of a map", HashTable::bytes_for(len) as u64)?;
        let mut table = HashTable::default();
        for (entry, number) in (0u32..).zip(&combined) {
            let same = |other: u32| combined.get(other as usize) == Some(number);
            if table.code(hash(*number), same) != Some(entry) {
                return Err(twice());
            }
        }
        Ok(Self::Hashed(table, combined))
    }

    #[inline]
    fn get(&self, combined: u64) -> u32 {
        match self {
            Self::Same => NONE,
            Self::Dense(slots) => {
                let at = usize::try_from(combined).unwrap_or(usize::MAX);
                slots.get(at).copied().unwrap_or(NONE)
            }
            Self::Hashed(table, numbers) => {
                let same = |entry: u32| numbers.get(entry as usize) == Some(&combined);
                table.find(hash(combined), same).unwrap_or(NONE)
            }
        }
    }

    fn byte_len(&self) -> usize {
        match self {
            Self::Same => 0,
            Self::Dense(slots) => size_of_val(slots.as_slice()),
            Self::Hashed(_, numbers) => HashTable::bytes_for(numbers.len()) + numbers.len() * 8,
        }
    }
}

fn hash(combined: u64) -> u64 {
    seeded_hash(&combined.to_le_bytes())
}

fn wrong() -> Error {
    Error::corrupt("the candidates of a map do not fit its values")
}
