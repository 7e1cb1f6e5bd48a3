//! Maps as writers build them: what rows with the same keys have, counted and ranked.

use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use ncf_core::{Budget, Result, Values};

use super::map_table::MapParts;
use crate::decoded::DecodedValues;
use crate::encodings::dictionary::{self, MAX_BYTES, MAX_ENTRIES, Numbered};
use crate::encodings::hash_table::HashTable;
use crate::encodings::product::integers;
use crate::native::Native;

/// Pairs of an entry and a value that are counted in an array.
const DENSE_PAIRS: usize = 1 << 21;
/// As many for each row, at most.
const PAIRS_A_ROW: usize = 64;

/// A map of a chunk, and which of its candidates each row has.
pub(super) struct Ranked {
    pub(super) parts: MapParts,
    /// One per row: its place among the candidates of its keys; 0 at null rows.
    pub(super) ranks: Vec<i32>,
    /// One per row: the entry of its keys; `u32::MAX` where only null rows have these.
    pub(super) entries: ScalarBuffer<u32>,
}

/// The rows of a chunk by their keys.
pub(super) struct Grouped {
    /// One value an entry, for each key.
    pub(super) keys: Vec<Values>,
    /// The entry of each row.
    pub(super) entries: ScalarBuffer<u32>,
}

/// The map from keys to values; `None` where there are too many different ones.
pub(super) fn ranked(
    keys: &[Numbered],
    target: &Numbered,
    validity: Option<&BooleanBuffer>,
) -> Option<Ranked> {
    let grouped = group(keys)?;
    let valid = |row: usize| validity.is_none_or(|validity| validity.value(row));
    let (rows, entries) = (target.codes.len(), grouped.keys.first().map_or(0, Values::len));
    let Counted { kept, lists, ranks } = match entries.checked_mul(target.values.len()) {
        Some(pairs) if pairs <= DENSE_PAIRS.min(rows.saturating_mul(PAIRS_A_ROW)) => {
            counted(&grouped, target, valid)?
        }
        _ => sorted(&grouped, target, valid)?,
    };
    // What only null rows have is no entry.
    let keys = grouped.keys.iter().map(|key| pick_kept(key, &kept)).collect();
    let parts = MapParts {
        keys,
        counts: lists.counts,
        candidates: lists.candidates,
        values: target.values.clone(),
    };
    let entries = if kept.contains(&u32::MAX) {
        let kept = |entry: &u32| kept.get(*entry as usize).copied().unwrap_or(u32::MAX);
        grouped.entries.iter().map(kept).collect()
    } else {
        grouped.entries
    };
    Some(Ranked { parts, ranks, entries })
}

/// What is known once the values of each entry were counted.
#[derive(Debug, PartialEq)]
struct Counted {
    /// Each entry's place among those that have valid rows; `u32::MAX` for others.
    kept: Vec<u32>,
    lists: Lists,
    /// One per row.
    ranks: Vec<i32>,
}

/// Counts in an array.
fn counted(grouped: &Grouped, target: &Numbered, valid: impl Fn(usize) -> bool) -> Option<Counted> {
    let width = target.values.len();
    let entries = grouped.keys.first().map_or(0, Values::len);
    // Counts first, ranks then.
    let mut pairs = vec![0u32; entries * width];
    let place = |row: usize| {
        let (entry, code) = (*grouped.entries.get(row)?, *target.codes.get(row)?);
        Some(entry as usize * width + code as usize)
    };
    let rows = target.codes.len();
    for row in (0..rows).filter(|row| valid(*row)) {
        *pairs.get_mut(place(row)?)? += 1;
    }
    let (mut kept, mut lists) = (Vec::with_capacity(entries), Lists::default());
    let mut found: Vec<(u32, u32)> = Vec::new();
    for of_entry in pairs.chunks_mut(width.max(1)) {
        found.clear();
        found.extend(
            (0u32..)
                .zip(&*of_entry)
                .filter(|(_, count)| **count > 0)
                .map(|(code, count)| (*count, code)),
        );
        if found.is_empty() {
            kept.push(u32::MAX);
            continue;
        }
        kept.push(u32::try_from(lists.counts.len()).ok()?);
        most_frequent_first(&mut found);
        lists.push(&found);
        for (rank, (_, code)) in (0u32..).zip(&found) {
            *of_entry.get_mut(*code as usize)? = rank;
        }
    }
    let mut ranks = vec![0i32; rows];
    for (row, rank) in ranks.iter_mut().enumerate().filter(|(row, _)| valid(*row)) {
        *rank = pairs.get(place(row)?)?.cast_signed();
    }
    Some(Counted { kept, lists, ranks })
}

/// Sorts the values of each entry.
fn sorted(grouped: &Grouped, target: &Numbered, valid: impl Fn(usize) -> bool) -> Option<Counted> {
    let groups = Groups::of(grouped, &valid)?;
    let lists = groups.candidates(&target.codes);
    let mut ranks = vec![0i32; target.codes.len()];
    for (row, rank) in ranks.iter_mut().enumerate().filter(|(row, _)| valid(*row)) {
        let (entry, code) = (*grouped.entries.get(row)?, *target.codes.get(row)?);
        *rank = lists.rank(*groups.kept.get(entry as usize)?, code)?;
    }
    Some(Counted { kept: groups.kept, lists, ranks })
}

fn most_frequent_first(counted: &mut [(u32, u32)]) {
    counted.sort_unstable_by_key(|(count, code)| (std::cmp::Reverse(*count), *code));
}

/// The map from keys to the integer that, times the row's factor and over `divisor`, most often gives the row's value.
pub(super) fn factors(
    keys: &[Numbered],
    factor: &[i64],
    values: &Values,
    divisor: i64,
    validity: Option<&BooleanBuffer>,
) -> Result<Option<MapParts>> {
    let integers = integers(&DecodedValues::Flat(values.clone()), &Budget::new(u64::MAX))?;
    let Some(grouped) = group(keys) else { return Ok(None) };
    let len = grouped.keys.first().map_or(0, Values::len);
    // The value that more than half of an entry's rows have, if there is one (Boyer and Moore: MJRTY, 1981).
    let mut best: Vec<(i64, u32)> = vec![(0, 0); len];
    let rows = grouped.entries.iter().zip(factor).zip(&integers).enumerate();
    for (row, ((entry, factor), value)) in rows {
        let valid = validity.is_none_or(|validity| validity.value(row));
        let Some(quotient) = nearest(*value, divisor, *factor).filter(|_| valid) else { continue };
        let Some((have, lead)) = best.get_mut(*entry as usize) else { continue };
        match (*lead, *have == quotient) {
            (0, _) => (*have, *lead) = (quotient, 1),
            (_, true) => *lead += 1,
            (_, false) => *lead -= 1,
        }
    }
    let of_entries = i64::wrap(best.into_iter().map(|(quotient, _)| quotient).collect());
    let built = dictionary::build(&of_entries, MAX_ENTRIES, MAX_BYTES);
    Ok(built.map(|Numbered { values, codes }| MapParts {
        keys: grouped.keys,
        counts: vec![1; len],
        candidates: codes.iter().map(|code| code.cast_signed()).collect(),
        values,
    }))
}

/// `value · divisor ÷ factor`, rounded to the nearest integer; `None` where it is no integer of 64 bits.
fn nearest(value: i64, divisor: i64, factor: i64) -> Option<i64> {
    if factor == 0 {
        return None;
    }
    match value.checked_mul(divisor) {
        Some(product) => {
            let (quotient, rest) = (product.checked_div(factor)?, product.checked_rem(factor)?);
            if rest == 0 {
                return Some(quotient);
            }
            let away = i64::from(rest.unsigned_abs() >= factor.unsigned_abs().div_ceil(2));
            quotient.checked_add(if (rest < 0) == (factor < 0) { away } else { -away })
        }
        None => None,
    }
}

/// Whether a row's keys say what it belongs to, of each row; `None` where there are too many different keys.
pub(super) fn group(built: &[Numbered]) -> Option<Grouped> {
    if let [Numbered { values, codes }] = built {
        return Some(Grouped { keys: vec![values.clone()], entries: codes.clone() });
    }
    let rows = built.first()?.codes.len();
    let mut combined = vec![0u64; rows];
    let mut all = 1u64;
    for key in built {
        // At most 2^20 of each of three keys.
        let radix = key.values.len() as u64;
        all *= radix;
        for (combined, code) in combined.iter_mut().zip(&*key.codes) {
            *combined = *combined * radix + u64::from(*code);
        }
    }
    let (distinct, entries) = match usize::try_from(all).ok().filter(|all| *all <= 2 * rows) {
        Some(all) => number_dense(&combined, all)?,
        None => number(&combined)?,
    };
    let mut keys = Vec::with_capacity(built.len());
    let mut rest = distinct;
    for key in built.iter().rev() {
        let radix = key.values.len() as u64;
        let codes: Vec<u32> =
            rest.iter().map(|combined| u32::try_from(combined % radix).unwrap_or(0)).collect();
        rest.iter_mut().for_each(|combined| *combined /= radix);
        keys.push(pick(&key.values, &codes));
    }
    keys.reverse();
    Some(Grouped { keys, entries: entries.into() })
}

/// As [`number`] does, of numbers below `all`, without a hash table.
fn number_dense(combined: &[u64], all: usize) -> Option<(Vec<u64>, Vec<u32>)> {
    let at = |number: &u64| usize::try_from(*number).unwrap_or(usize::MAX);
    let mut places = vec![0u32; all];
    for number in combined {
        *places.get_mut(at(number))? = 1;
    }
    let mut distinct: Vec<u64> = Vec::new();
    for (number, place) in (0u64..).zip(&mut places).filter(|(_, place)| **place > 0) {
        *place = u32::try_from(distinct.len()).ok()?;
        distinct.push(number);
    }
    if distinct.len() > MAX_ENTRIES {
        return None;
    }
    let entries = combined.iter().map(|number| places.get(at(number)).copied().unwrap_or(0));
    Some((distinct, entries.collect()))
}

/// The distinct numbers, ascending, and the place of each number among them; `None` where there are too many.
fn number(combined: &[u64]) -> Option<(Vec<u64>, Vec<u32>)> {
    let mut table = HashTable::default();
    let mut distinct: Vec<u64> = Vec::new();
    let mut entries: Vec<u32> = Vec::with_capacity(combined.len());
    let mut last = None;
    for number in combined {
        let entry = match last {
            Some((same, entry)) if same == *number => entry,
            _ => table.code(dictionary::hash_bits((*number).into()), |entry| {
                distinct.get(entry as usize) == Some(number)
            })?,
        };
        if entry as usize == distinct.len() {
            if distinct.len() == MAX_ENTRIES {
                return None;
            }
            distinct.push(*number);
        }
        last = Some((*number, entry));
        entries.push(entry);
    }
    let mut order: Vec<u32> = (0u32..).take(distinct.len()).collect();
    order.sort_unstable_by_key(|entry| distinct.get(*entry as usize).copied());
    let mut places = vec![0u32; distinct.len()];
    for (place, entry) in (0u32..).zip(&order) {
        *places.get_mut(*entry as usize)? = place;
    }
    for entry in &mut entries {
        *entry = *places.get(*entry as usize)?;
    }
    distinct.sort_unstable();
    Some((distinct, entries))
}

pub(super) fn pick(values: &Values, codes: &[u32]) -> Values {
    let rows: Vec<usize> = codes.iter().map(|code| *code as usize).collect();
    crate::encodings::run_length::pick(values, &rows)
}

fn pick_kept(values: &Values, kept: &[u32]) -> Values {
    let rows: Vec<usize> = kept
        .iter()
        .enumerate()
        .filter(|(_, place)| **place != u32::MAX)
        .map(|(row, _)| row)
        .collect();
    if rows.len() == values.len() {
        return values.clone();
    }
    crate::encodings::run_length::pick(values, &rows)
}

/// The valid rows of each entry.
struct Groups {
    /// Where an entry's rows begin in `rows`.
    starts: Vec<u32>,
    rows: Vec<u32>,
    /// The entry's place among those that have valid rows; `u32::MAX` for others.
    kept: Vec<u32>,
}

impl Ranked {
    /// Gives valid rows their ranks in another map, where each candidate has the rank of `ranks`.
    pub(super) fn rerank(&mut self, ranks: &[i32], validity: Option<&BooleanBuffer>) {
        let mut starts = Vec::with_capacity(self.parts.counts.len());
        let mut next = 0;
        for count in &self.parts.counts {
            starts.push(next);
            next += count.cast_unsigned() as usize;
        }
        let valid = |row: &usize| validity.is_none_or(|validity| validity.value(*row));
        let rows = self.ranks.iter_mut().zip(&*self.entries).enumerate();
        for (_, (rank, entry)) in rows.filter(|(row, _)| valid(row)) {
            let place =
                starts.get(*entry as usize).map(|start| start + rank.cast_unsigned() as usize);
            *rank = place.and_then(|place| ranks.get(place)).copied().unwrap_or(0);
        }
    }
}

impl Groups {
    fn of(grouped: &Grouped, valid: impl Fn(usize) -> bool) -> Option<Self> {
        let len = grouped.keys.first().map_or(0, Values::len);
        let mut starts = vec![0u32; len + 1];
        for (row, entry) in grouped.entries.iter().enumerate() {
            *starts.get_mut(*entry as usize + 1)? += u32::from(valid(row));
        }
        let mut kept = Vec::with_capacity(len);
        let (mut next, mut sum) = (0u32, 0u32);
        for start in starts.iter_mut().skip(1) {
            kept.push(if *start > 0 { next } else { u32::MAX });
            next += u32::from(*start > 0);
            sum += *start;
            *start = sum;
        }
        let mut ends: Vec<u32> = starts.clone();
        let mut rows = vec![0u32; sum as usize];
        for (row, entry) in grouped.entries.iter().enumerate().filter(|(row, _)| valid(*row)) {
            let end = ends.get_mut(*entry as usize)?;
            *rows.get_mut(*end as usize)? = u32::try_from(row).ok()?;
            *end += 1;
        }
        Some(Self { starts, rows, kept })
    }

    /// The values of each entry, the most frequent first.
    fn candidates(&self, codes: &[u32]) -> Lists {
        let mut lists = Lists::default();
        let mut of_entry: Vec<u32> = Vec::new();
        let mut counted: Vec<(u32, u32)> = Vec::new();
        let ranges = self.starts.iter().zip(self.starts.iter().skip(1));
        for (start, end) in ranges.filter(|(start, end)| start < end) {
            of_entry.clear();
            let rows = self.rows.get(*start as usize..*end as usize).unwrap_or(&[]);
            of_entry.extend(rows.iter().filter_map(|row| codes.get(*row as usize)));
            of_entry.sort_unstable();
            counted.clear();
            for run in of_entry.chunk_by(|a, b| a == b) {
                let code = run.first().copied().unwrap_or(0);
                counted.push((u32::try_from(run.len()).unwrap_or(u32::MAX), code));
            }
            most_frequent_first(&mut counted);
            lists.push(&counted);
        }
        lists
    }
}

/// The candidates of all entries.
#[derive(Debug, Default, PartialEq)]
struct Lists {
    counts: Vec<i32>,
    candidates: Vec<i32>,
    /// Where each entry's candidates begin.
    starts: Vec<usize>,
    /// Of each entry, its candidates with their ranks, by candidate.
    ranks: Vec<(u32, i32)>,
}

impl Lists {
    fn push(&mut self, counted: &[(u32, u32)]) {
        let start = self.ranks.len();
        self.starts.push(start);
        self.counts.push(i32::try_from(counted.len()).unwrap_or(i32::MAX));
        for (rank, (_, code)) in (0i32..).zip(counted) {
            self.candidates.push(code.cast_signed());
            self.ranks.push((*code, rank));
        }
        if let Some(own) = self.ranks.get_mut(start..) {
            own.sort_unstable();
        }
    }

    fn rank(&self, entry: u32, code: u32) -> Option<i32> {
        let entry = entry as usize;
        let start = *self.starts.get(entry)?;
        let count = self.counts.get(entry)?.cast_unsigned() as usize;
        let own = self.ranks.get(start..start + count)?;
        let at = own.binary_search_by_key(&code, |(have, _)| *have).ok()?;
        own.get(at).map(|(_, rank)| *rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_with_and_without_a_hash_table() {
        let combined: Vec<u64> = (0..1000u64).map(|row| row * row * 7 % 997).collect();
        assert_eq!(number_dense(&combined, 997), number(&combined));
        assert_eq!(number_dense(&[], 1), number(&[]));
    }

    #[test]
    fn counting_and_sorting_find_the_same() {
        let mut noise = 1u64;
        let mut next = |below: u64| {
            noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (noise >> 33) % below
        };
        for (keys, values) in [(1, 1), (5, 3), (40, 200), (300, 2)] {
            let key: Vec<i64> = (0..2000).map(|_| next(keys).cast_signed()).collect();
            let value: Vec<i64> = (0..2000).map(|_| next(values).cast_signed()).collect();
            // Entry 0 has null rows only.
            let valid: Vec<bool> = key.iter().map(|key| *key > 0 && next(5) > 0).collect();
            let key = dictionary::build(&Values::I64(key.into()), MAX_ENTRIES, MAX_BYTES).unwrap();
            let grouped = group(&[key]).unwrap();
            let target =
                dictionary::build(&Values::I64(value.into()), MAX_ENTRIES, MAX_BYTES).unwrap();
            for nulls in [false, true] {
                let valid = |row: usize| !nulls || valid[row];
                let counted = counted(&grouped, &target, valid).unwrap();
                assert_eq!(counted, sorted(&grouped, &target, valid).unwrap(), "{keys} {values}");
            }
        }
    }
}
