//! What a column's values are like given the values of keys: how many there are for each, and which
//! of them a row has.

use super::cost::{kinds, log2};
use super::sample::Column;

/// Bytes of the relation itself.
const HEADER: f64 = 48.0;

/// Counts of a column's values within groups of rows with equal keys.
#[derive(Default)]
pub(super) struct Tally {
    /// Groups with any row.
    entries: usize,
    /// Different values of groups, over all groups.
    pairs: usize,
    /// Pairs seen once, and twice.
    rare: (usize, usize),
    /// Rows by the rank of their value in their group.
    ranks: Vec<u32>,
    /// Rows whose value the ranking half of their group does not have.
    unseen: u32,
    /// Rows of all groups.
    rows: usize,
    /// Rows whose rank says something.
    told: usize,
}

/// Memory that tallies share.
#[derive(Default)]
pub(super) struct Scratch {
    /// Rows of the group by value.
    counts: Vec<u32>,
    /// Rank of each value, from 1.
    ranks: Vec<u32>,
    /// The group's values.
    touched: Vec<u32>,
    /// The same with their counts.
    order: Vec<u64>,
}

impl Tally {
    /// Tallies groups. `whole` ones have all of their rows, and rank values as they will be; of
    /// others, one half of the rows ranks the values of the other half, so that chance does not
    /// count.
    pub(super) fn new<'g>(
        groups: impl Iterator<Item = &'g [u32]>,
        ids: &[u32],
        valid: Option<&[bool]>,
        whole: bool,
        scratch: &mut Scratch,
    ) -> Self {
        let distinct = ids.iter().max().map_or(0, |most| *most as usize + 1);
        if scratch.counts.len() < distinct {
            scratch.counts.resize(distinct, 0);
            scratch.ranks.resize(distinct, 0);
        }
        let mut tally = Self::default();
        let is_valid =
            |place: u32| valid.is_none_or(|valid| valid.get(place as usize) == Some(&true));
        for group in groups {
            let values = group.iter().filter(|place| is_valid(**place));
            let values = values.filter_map(|place| ids.get(*place as usize).copied());
            if whole {
                tally.add_whole(values, scratch);
            } else {
                tally.add_part(values, scratch);
            }
        }
        tally
    }

    fn add_whole(&mut self, values: impl Iterator<Item = u32>, scratch: &mut Scratch) {
        let before = self.rows;
        for id in values {
            self.rows += 1;
            scratch.count(id);
        }
        if scratch.touched.is_empty() {
            return;
        }
        self.told += self.rows - before;
        scratch.sort();
        let Scratch { counts, touched, .. } = scratch;
        if self.ranks.len() < touched.len() {
            self.ranks.resize(touched.len(), 0);
        }
        for (id, rank) in touched.iter().zip(&mut self.ranks) {
            *rank += counts.get(*id as usize).copied().unwrap_or(0);
        }
        self.close(scratch);
    }

    fn add_part(&mut self, values: impl Iterator<Item = u32> + Clone, scratch: &mut Scratch) {
        for id in values.clone().step_by(2) {
            self.rows += 1;
            scratch.count(id);
        }
        if scratch.touched.is_empty() {
            return;
        }
        scratch.sort();
        let Scratch { ranks, touched, .. } = scratch;
        for (rank, id) in (1u32..).zip(touched.iter()) {
            if let Some(slot) = ranks.get_mut(*id as usize) {
                *slot = rank;
            }
        }
        for id in values.skip(1).step_by(2) {
            self.rows += 1;
            self.told += 1;
            scratch.count(id);
            let rank = scratch.ranks.get(id as usize).copied().unwrap_or(0) as usize;
            if rank == 0 {
                self.unseen += 1;
                continue;
            }
            if self.ranks.len() < rank {
                self.ranks.resize(rank, 0);
            }
            if let Some(slot) = self.ranks.get_mut(rank - 1) {
                *slot += 1;
            }
        }
        self.close(scratch);
    }

    /// Ends a group.
    fn close(&mut self, scratch: &mut Scratch) {
        self.entries += 1;
        self.pairs += scratch.touched.len();
        for id in scratch.touched.drain(..) {
            if let Some(count) = scratch.counts.get_mut(id as usize) {
                self.rare.0 += usize::from(*count == 1);
                self.rare.1 += usize::from(*count == 2);
                *count = 0;
            }
            if let Some(rank) = scratch.ranks.get_mut(id as usize) {
                *rank = 0;
            }
        }
    }

    /// The table of whole groups, of which one in `scale` has been seen.
    pub(super) fn whole_table(&self, scale: f64) -> Table {
        Table {
            entries: self.entries as f64 * scale,
            pairs: self.pairs as f64 * scale,
            ranks: self.ranks.iter().map(|count| f64::from(*count) * scale).collect(),
            unseen: 0.0,
            told: 1.0,
        }
    }

    /// The table of groups that are parts: there are `keys` in all, with `rows` rows.
    pub(super) fn part_table(&self, keys: f64, rows: f64) -> Table {
        let pairs = kinds(self.pairs, self.rare.0, self.rare.1, rows);
        // Where each key has one value, there are as many pairs as keys.
        let single = self.pairs == self.entries;
        let scale = rows / self.told.max(1) as f64;
        Table {
            entries: keys,
            pairs: if single { keys } else { pairs.max(keys) },
            ranks: self.ranks.iter().map(|count| f64::from(*count) * scale).collect(),
            unseen: f64::from(self.unseen) * scale,
            told: self.told as f64 / self.rows.max(1) as f64,
        }
    }

    /// Bits a row that the ranks take.
    pub(super) fn rank_bits(&self) -> f64 {
        Table {
            entries: self.entries as f64,
            pairs: kinds(self.pairs, self.rare.0, self.rare.1, self.pairs as f64 * 4.0),
            ranks: self.ranks.iter().map(|count| f64::from(*count)).collect(),
            unseen: f64::from(self.unseen),
            told: 1.0,
        }
        .rank_bits()
    }

    /// Rows of all groups.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

impl Scratch {
    fn count(&mut self, id: u32) {
        if let Some(count) = self.counts.get_mut(id as usize) {
            if *count == 0 {
                self.touched.push(id);
            }
            *count += 1;
        }
    }

    /// Puts the group's values in order, the most frequent first.
    fn sort(&mut self) {
        let Self { counts, touched, order, .. } = self;
        if touched.len() < 2 {
            return;
        }
        let count = |id: u32| counts.get(id as usize).copied().unwrap_or(0);
        // Together in one number they are compared at once.
        order.clear();
        order.extend(touched.iter().map(|id| (u64::from(!count(*id)) << 32) | u64::from(*id)));
        order.sort_unstable();
        touched.clear();
        touched.extend(order.iter().map(|both| low(*both)));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
fn low(both: u64) -> u32 {
    both as u32
}

/// The table of a map over all rows, and how it is used.
pub(super) struct Table {
    /// Keys.
    pub(super) entries: f64,
    /// Candidates of all keys.
    pub(super) pairs: f64,
    /// Rows by the rank of their value.
    pub(super) ranks: Vec<f64>,
    /// Rows of values whose rank is not known.
    pub(super) unseen: f64,
    /// The share of sampled rows whose rank is known.
    pub(super) told: f64,
}

impl Table {
    /// A table of so many keys.
    pub(super) fn of_keys(entries: f64) -> Self {
        Self { entries, pairs: entries, ranks: Vec::new(), unseen: 0.0, told: 1.0 }
    }

    /// Both tables together.
    pub(super) fn plus(mut self, other: &Self) -> Self {
        self.entries += other.entries;
        self.pairs += other.pairs;
        self.unseen += other.unseen;
        if self.ranks.len() < other.ranks.len() {
            self.ranks.resize(other.ranks.len(), 0.0);
        }
        self.ranks.iter_mut().zip(&other.ranks).for_each(|(rank, other)| *rank += other);
        self
    }

    /// Bits a row that the ranks take.
    pub(super) fn rank_bits(&self) -> f64 {
        let known: f64 = self.ranks.iter().sum();
        let all = known + self.unseen;
        let part = |count: f64| if count > 0.0 { count * log2(all / count) } else { 0.0 };
        // What is not known is one of all candidates that keys have on average.
        let candidates = log2(self.pairs / self.entries.max(1.0));
        let bits: f64 = self.ranks.iter().map(|count| part(*count)).sum();
        (bits + part(self.unseen) + self.unseen * candidates) / all.max(1.0)
    }

    /// Bytes of a map of `target` by `keys` with this table.
    pub(super) fn bytes(&self, keys: &[&Column<'_>], target: &Column<'_>) -> f64 {
        let distinct = target.distinct.min(self.pairs);
        let counts = if self.pairs > self.entries * 1.001 { 1.0 } else { 0.02 };
        let candidates = self.pairs * (log2(distinct) + 1.0 + counts);
        let values = distinct * target.value_bits;
        let ranks = target.valid_rows * self.rank_bits();
        HEADER + (self.key_bits(keys) + candidates + values + ranks) / 8.0
    }

    /// Bits of the keys, sorted: each takes what tells it from the one before.
    pub(super) fn key_bits(&self, keys: &[&Column<'_>]) -> f64 {
        let span: f64 = keys.iter().map(|key| log2(key.span)).sum();
        let strings = keys.iter().filter(|key| key.integers.is_none());
        let strings: f64 = strings.map(|key| key.distinct.min(self.entries) * 8.0).sum();
        self.entries * ((span - log2(self.entries)).max(0.0) + 1.0) + strings
    }
}
