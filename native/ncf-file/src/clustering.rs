//! The clustering record: the order that the rows of the file are in.
//!
//! ```text
//! 0  keys u32 (1 to 64)
//! …  for each: stored column u32 · flags u32 (1 descending, 2 nulls first)
//! ```
//! The first key decides first. Values have the order of statistics: NaN above all and equal to itself, −0.0 = 0.0,
//! strings by their bytes.

use std::cmp::Ordering;
use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Column, Error, Result, ResultExt, Role, Schema, SortKey, Values};

use crate::constants::{NONE, PieceKind};
use crate::reader::{FileReader, PageRef};
use crate::wire::{Cursor, Put, to_u32};
use crate::writer::is_collated;

/// Keys of an order, at most.
pub(crate) const MOST_KEYS: usize = 64;
const DESCENDING: u32 = 1;
const NULLS_FIRST: u32 = 2;

/// A stored column that rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClusterKey {
    /// Its number in the file.
    pub(crate) column: u32,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// The bytes of a record.
pub(crate) fn encode(keys: &[ClusterKey]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    out.put_u32(to_u32("keys of an order", keys.len())?);
    for key in keys {
        out.put_u32(key.column);
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        out.put_u32(flag(key.descending, DESCENDING) | flag(key.nulls_first, NULLS_FIRST));
    }
    Ok(out)
}

/// Reads a verified record of a file that stores these columns.
pub(crate) fn decode(bytes: &[u8], stored: &[Column]) -> Result<Vec<ClusterKey>> {
    let mut cursor = Cursor::new("a clustering record", bytes);
    let count = cursor.len_u32()?;
    if count == 0 || count > MOST_KEYS {
        return Err(Error::corrupt(format!(
            "an order has {count} keys instead of 1 to {MOST_KEYS}"
        )));
    }
    let mut keys: Vec<ClusterKey> = Vec::with_capacity(count);
    for _ in 0..count {
        let (column, flags) = (cursor.u32()?, cursor.u32()?);
        let orders = stored.get(column as usize).is_some_and(can_order);
        if !orders || keys.iter().any(|key| key.column == column) {
            return Err(Error::corrupt("an order has a key that is no column of values, or twice"));
        }
        if flags & !(DESCENDING | NULLS_FIRST) != 0 {
            return Err(Error::corrupt("an order has unknown flags"));
        }
        let (descending, nulls_first) = (flags & DESCENDING != 0, flags & NULLS_FIRST != 0);
        keys.push(ClusterKey { column, descending, nulls_first });
    }
    cursor.finish()?;
    Ok(keys)
}

/// Whether rows can be in an order of the column: it is all of its field.
pub(crate) fn can_order(column: &Column) -> bool {
    column.role == Role::Values && column.repeated_by.is_none() && column.path.len() == 1
}

/// The keys of an order by the numbers of their columns, as far as files can have it: those behind a column that can
/// have none do not count.
pub(crate) fn numbered(
    keys: &[SortKey],
    schema: &Schema,
    stored: &[Column],
) -> Result<Vec<ClusterKey>> {
    let mut found: Vec<ClusterKey> = Vec::new();
    for key in keys.iter().take(MOST_KEYS) {
        let field = schema.field(key.column.column())?;
        let column = stored.iter().position(|column| column.path == [field.name.as_str()]);
        let Some(column) = column.filter(|at| {
            key.column.fields().is_empty()
                && stored.get(*at).is_some_and(can_order)
                && !is_collated(field)
        }) else {
            break;
        };
        let column = to_u32("columns", column)?;
        // Among rows that are equal in a column it decides nothing more.
        if found.iter().all(|have| have.column != column) {
            let (descending, nulls_first) = (key.descending, key.nulls_first);
            found.push(ClusterKey { column, descending, nulls_first });
        }
    }
    Ok(found)
}

impl FileReader {
    /// The order that the rows of the file are in, the first key deciding first; none where it is not known.
    ///
    /// # Errors
    /// `Io` or `Corrupt` when the record cannot be read.
    pub fn clustering(&self) -> Result<Vec<SortKey>> {
        let name = |key: &ClusterKey| {
            let column = self.stored().get(key.column as usize)?.path.first()?.as_str().into();
            Some(SortKey { column, descending: key.descending, nulls_first: key.nulls_first })
        };
        Ok(self.cluster_keys()?.iter().filter_map(name).collect())
    }

    pub(crate) fn cluster_keys(&self) -> Result<Vec<ClusterKey>> {
        if !self.directory.iter().any(|record| record.kind == PieceKind::Clustering) {
            return Ok(Vec::new());
        }
        let bytes = self.record(PieceKind::Clustering, NONE)?;
        let keys = decode(&bytes, self.stored()).at("file", || self.name())?;
        let collated = |key: &ClusterKey| {
            let field = self.stored().get(key.column as usize).map(|column| column.field);
            field.and_then(|field| self.schema().fields.get(field)).is_some_and(is_collated)
        };
        if keys.iter().any(collated) {
            return Err(
                Error::corrupt("an order has a key with a collation").with("file", self.name())
            );
        }
        Ok(keys)
    }

    /// `Corrupt` unless the rows are in the order that the file says.
    pub(crate) fn verify_order(&self) -> Result<()> {
        let keys = self.cluster_keys()?;
        if keys.is_empty() {
            return Ok(());
        }
        let columns: Vec<usize> = keys.iter().map(|key| key.column as usize).collect();
        let mut check = OrderCheck::new(keys);
        for block in 0..self.blocks().len() {
            self.add_block(block, &columns, &mut check)?;
        }
        if check.holds() {
            return Ok(());
        }
        Err(Error::corrupt(
            "the rows are not in the order that the file says; the writer was faulty, rewrite the file",
        )
        .with("file", self.name()))
    }

    /// Gives the rows of a block to a check, a page of each column at a time.
    fn add_block(&self, block: usize, columns: &[usize], check: &mut OrderCheck) -> Result<()> {
        let rows = self.blocks().get(block).map_or(0, |info| info.rows);
        let mut loaded: Vec<Option<(Range<u32>, KeyRows)>> = vec![None; columns.len()];
        let mut row = 0;
        while row < rows {
            let mut end = rows;
            for (column, loaded) in columns.iter().zip(&mut loaded) {
                let (page, _) = match loaded.take().filter(|(page, _)| page.contains(&row)) {
                    Some(have) => loaded.insert(have),
                    None => loaded.insert(self.page_at(*column, block, row)?),
                };
                end = end.min(page.end);
            }
            let part = |loaded: &Option<(Range<u32>, KeyRows)>| {
                let (page, (values, validity)) = loaded.as_ref()?;
                let (offset, len) = ((row - page.start) as usize, (end - row) as usize);
                let validity = validity.as_ref().map(|valid| valid.slice(offset, len));
                Some((values.slice(offset, len), validity))
            };
            let parts: Vec<KeyRows> = loaded.iter().filter_map(part).collect();
            check.add(&parts);
            row = end;
        }
        Ok(())
    }

    /// The page of a column that holds a row of a block, and its rows.
    fn page_at(&self, column: usize, block: usize, row: u32) -> Result<(Range<u32>, KeyRows)> {
        let meta = self.column(column)?;
        let chunk = meta.chunk(block)?;
        let number = chunk.pages_of(row..row.saturating_add(1)).start;
        let page = chunk.pages.get(number).filter(|page| page.rows > 0);
        let page = page.ok_or_else(|| Error::corrupt("a page is missing"))?;
        let rows = page.first_row..page.first_row.saturating_add(page.rows);
        let wanted = PageRef { column, block, page: number };
        let decoded = self.read_pages(&[wanted])?.pop();
        let decoded = decoded.ok_or_else(|| Error::internal("a page was not read"))?;
        Ok((rows, (self.flat(wanted, decoded.values)?, decoded.validity)))
    }
}

/// Some rows of a key's column.
pub(crate) type KeyRows = (Values, Option<BooleanBuffer>);

/// Finds out whether rows are in an order.
#[derive(Debug)]
pub(crate) struct OrderCheck {
    keys: Vec<ClusterKey>,
    /// The last row so far.
    last: Option<Vec<KeyRows>>,
    holds: bool,
}

impl OrderCheck {
    pub(crate) fn new(keys: Vec<ClusterKey>) -> Self {
        Self { keys, last: None, holds: true }
    }

    pub(crate) fn keys(&self) -> &[ClusterKey] {
        &self.keys
    }

    /// Whether all rows so far are in order.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    pub(crate) fn has_rows(&self) -> bool {
        self.last.is_some()
    }

    /// Adds rows, of which each key has as many.
    pub(crate) fn add(&mut self, rows: &[KeyRows]) {
        let count = rows.first().map_or(0, |(values, _)| values.len());
        if !self.holds || count == 0 {
            return;
        }
        let follows = |before: &[KeyRows], at: usize, next: usize| {
            self.compare(before, at, rows, next).is_some_and(Ordering::is_le)
        };
        self.holds = self.last.as_ref().is_none_or(|last| follows(last, 0, 0))
            && (1..count).all(|row| follows(rows, row - 1, row));
        let one = |(values, validity): &KeyRows| {
            (values.one(count - 1), validity.as_ref().map(|valid| valid.slice(count - 1, 1)))
        };
        self.last = Some(rows.iter().map(one).collect());
    }

    /// The order of two rows.
    fn compare(&self, a: &[KeyRows], i: usize, b: &[KeyRows], j: usize) -> Option<Ordering> {
        for (key, ((a, a_valid), (b, b_valid))) in self.keys.iter().zip(a.iter().zip(b)) {
            let is_valid = |valid: &Option<BooleanBuffer>, row: usize| {
                valid.as_ref().is_none_or(|valid| row < valid.len() && valid.value(row))
            };
            let order = match (is_valid(a_valid, i), is_valid(b_valid, j)) {
                (true, true) if key.descending => b.compare(j, a, i)?,
                (true, true) => a.compare(i, b, j)?,
                (false, false) => Ordering::Equal,
                // A null before a value, where nulls come first.
                (a_is_valid, _) if a_is_valid != key.nulls_first => Ordering::Less,
                _ => Ordering::Greater,
            };
            if order.is_ne() {
                return Some(order);
            }
        }
        Some(Ordering::Equal)
    }
}

#[cfg(test)]
mod tests {
    use ncf_core::{DataType, Field, FieldType};

    use super::*;

    fn key(column: u32, descending: bool, nulls_first: bool) -> ClusterKey {
        ClusterKey { column, descending, nulls_first }
    }

    fn rows(values: &[Option<f64>]) -> KeyRows {
        let plain: Vec<f64> = values.iter().map(|value| value.unwrap_or(9.0)).collect();
        let valid = values.iter().map(Option::is_some).collect::<Vec<bool>>();
        (Values::F64(plain.into()), Some(BooleanBuffer::from(valid)))
    }

    fn holds(keys: &[ClusterKey], runs: &[Vec<KeyRows>]) -> bool {
        let mut check = OrderCheck::new(keys.to_vec());
        runs.iter().for_each(|run| check.add(run));
        check.holds()
    }

    #[test]
    fn records_are_read_and_bad_ones_refused() {
        let value = |id, name: &str| Field::new(id, name, DataType::Int32, true);
        let inside = FieldType::Struct(vec![value(3, "x")]);
        let fields = vec![value(1, "a"), Field::new(2, "s", inside, true), value(4, "b")];
        let schema = Schema::new(fields).unwrap();
        let stored = ncf_core::columns(&schema);
        let keys = [key(3, true, false), key(0, false, true)];
        let bytes = encode(&keys).unwrap();
        assert_eq!(decode(&bytes, &stored).unwrap(), keys);
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len], &stored).is_err());
        }
        let refused = |keys: &[ClusterKey]| {
            let error = decode(&encode(keys).unwrap(), &stored).unwrap_err();
            error.kind() == ncf_core::ErrorKind::Corrupt
        };
        assert!(refused(&[]), "no key");
        assert!(refused(&vec![keys[0]; 65]), "too many");
        assert!(refused(&[keys[0], keys[0]]), "twice");
        assert!(refused(&[key(1, false, false)]), "a presence");
        assert!(refused(&[key(2, false, false)]), "inside a struct");
        assert!(refused(&[key(9, false, false)]), "no such column");
        let mut flags = bytes;
        flags[8] |= 4;
        assert!(decode(&flags, &stored).is_err());
        // Those behind a key that files cannot have do not count, and a column counts once.
        let named = |names: &[&str]| {
            let key = |name: &&str| SortKey {
                column: (*name).into(),
                descending: false,
                nulls_first: true,
            };
            let keys: Vec<SortKey> = names.iter().map(key).collect();
            let found = numbered(&keys, &schema, &stored).unwrap();
            found.into_iter().map(|key| key.column).collect::<Vec<_>>()
        };
        assert_eq!(named(&["b", "b", "a"]), [3, 0]);
        assert_eq!(named(&["b", "s", "a"]), [3]);
    }

    #[test]
    fn nulls_zeros_and_nans_have_their_places() {
        let ascending = [None, Some(-1.0), Some(0.0), Some(-0.0), Some(f64::NAN), Some(-f64::NAN)];
        let mut descending = ascending;
        descending.reverse();
        assert!(holds(&[key(0, false, true)], &[vec![rows(&ascending)]]));
        assert!(!holds(&[key(0, false, false)], &[vec![rows(&ascending)]]));
        assert!(holds(&[key(0, true, false)], &[vec![rows(&descending)]]));
        assert!(!holds(&[key(0, true, true)], &[vec![rows(&descending)]]));
        assert!(!holds(&[key(0, false, true)], &[vec![rows(&[Some(f64::NAN), Some(1.0)])]]));
    }

    #[test]
    fn later_keys_decide_among_equals_and_runs_follow_one_another() {
        let keys = [key(0, false, true), key(1, true, false)];
        let pair = |a: &[Option<f64>], b: &[Option<f64>]| vec![rows(a), rows(b)];
        let first = pair(&[None, None, Some(1.0)], &[Some(5.0), None, Some(2.0)]);
        let good = pair(&[Some(1.0), Some(2.0)], &[Some(2.0), Some(7.0)]);
        let bad = pair(&[Some(1.0), Some(2.0)], &[Some(3.0), Some(7.0)]);
        assert!(holds(&keys, &[first.clone(), good.clone()]));
        assert!(!holds(&keys, &[first.clone(), bad]));
        assert!(!holds(&keys, &[good, first]), "once lost, always lost");
    }
}
