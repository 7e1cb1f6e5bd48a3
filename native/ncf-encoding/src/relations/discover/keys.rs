//! Samples that hold all rows of some keys: a uniform one of many keys hardly sees a key twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::cost::whole;
use super::groups::{Groups, number};
use super::sample::{Column, View, hashes};

/// Rows a key that keys need in a block to be worth a table.
pub(super) const MULTIPLICITY: f64 = 1.5;

/// Rows of a key in the uniform sample from which on that says enough of it.
pub(super) const FREQUENT: usize = 16;

/// Keys are few when the uniform sample has at least so many rows for each.
const ROWS_PER_KEY: f64 = 3.0;

/// Keys of a sample.
const SAMPLED_KEYS: f64 = 256.0;

/// Rows of a sample at most, for each row of the uniform sample.
const SAMPLED_ROWS: usize = 2;

/// Whether the uniform sample says enough of most values of a column.
pub(super) fn few(view: &View<'_>, key: &Column<'_>) -> bool {
    view.complete() || key.distinct * ROWS_PER_KEY <= view.sample.len() as f64
}

/// All rows of some keys.
pub(super) struct KeySample {
    /// Rows of the block.
    pub(super) rows: Vec<usize>,
    /// Places of `rows` by key.
    pub(super) groups: Groups,
    /// Keys of the block for each of the sample.
    pub(super) scale: f64,
}

impl KeySample {
    /// All rows of some keys, those aside that `groups`, of the uniform sample, have enough rows
    /// of; `distinct` keys there are.
    pub(super) fn new(view: &View<'_>, hashes: &[u32], groups: &Groups, distinct: f64) -> Self {
        let most = view.sample.len() * SAMPLED_ROWS;
        let firsts = groups.iter().filter(|group| group.len() >= FREQUENT);
        let rows = firsts.filter_map(|group| view.sample.get(*group.first()? as usize));
        let mut frequent: Vec<u32> = rows.filter_map(|row| hashes.get(*row).copied()).collect();
        frequent.sort_unstable();
        let by_rows = view.rows / view.sample.len().max(1);
        let by_keys = whole(distinct / SAMPLED_KEYS);
        let scale = by_rows.min(by_keys).max(1).next_power_of_two();
        let mut mask = u32::try_from(scale - 1).unwrap_or(u32::MAX);
        let mut kept: Vec<(u32, u32)> = Vec::with_capacity(most);
        for (row, hash) in (0u32..).zip(hashes) {
            if hash & mask != 0 || frequent.binary_search(hash).is_ok() {
                continue;
            }
            kept.push((row, *hash));
            if kept.len() > most && mask < u32::MAX >> 2 {
                mask = mask * 2 + 1;
                kept.retain(|(_, hash)| hash & mask == 0);
            }
        }
        let (ids, distinct) = number(kept.iter().map(|(_, hash)| u64::from(*hash)));
        let rows = kept.into_iter().map(|(row, _)| row as usize).collect();
        Self { rows, groups: Groups::new(&ids, distinct), scale: f64::from(mask) + 1.0 }
    }

    /// The uniform sample by the values of a column, of which there are few.
    pub(super) fn uniform(view: &View<'_>, key: &Column<'_>) -> Self {
        let groups = Groups::new(&key.ids, key.groups.len());
        Self { rows: view.sample.clone(), groups, scale: 1.0 }
    }

    /// The first keys, with about one in `share` of the rows.
    pub(super) fn part(&self, share: usize) -> Self {
        let most = self.rows.len() / share;
        let mut rows = Vec::with_capacity(most);
        let mut ids = Vec::with_capacity(most);
        let mut count = 0usize;
        for (id, group) in (0u32..).zip(self.groups.iter()) {
            if rows.len() >= most {
                break;
            }
            count += 1;
            rows.extend(group.iter().filter_map(|place| self.rows.get(*place as usize)));
            ids.resize(rows.len(), id);
        }
        let scale = self.scale * self.groups.len() as f64 / count.max(1) as f64;
        Self { rows, groups: Groups::new(&ids, count), scale }
    }
}

/// Hashes of whole columns, each made once.
#[derive(Default)]
pub(super) struct Hashes {
    of: BTreeMap<usize, Vec<u32>>,
}

impl Hashes {
    /// A hash of the columns' values together for each row of the block; columns by their places.
    pub(super) fn of(&mut self, view: &View<'_>, places: &[usize]) -> Cow<'_, [u32]> {
        for place in places {
            self.of.entry(*place).or_insert_with(|| {
                let column = view.columns.get(*place);
                column.map_or_else(Vec::new, |column| hashes(column.sampled.values))
            });
        }
        let mut all = places.iter().filter_map(|place| self.of.get(place));
        let Some(first) = all.next() else { return Cow::Borrowed(&[]) };
        let mut out = Cow::Borrowed(first.as_slice());
        for other in all {
            let both = out.iter().zip(other);
            let both = both.map(|(a, b)| a.rotate_left(9).wrapping_mul(0x9E37_79B1) ^ b);
            out = Cow::Owned(both.collect());
        }
        out
    }
}
