//! Maps: columns of which rows with the same keys have one value, or one of few.

use std::collections::BTreeMap;

use ncf_core::Values;

use super::super::Relation;
use super::Proposals;
use super::groups::{Groups, number};
use super::keys::{FREQUENT, Hashes, KeySample, MULTIPLICITY, few};
use super::sample::{Column, View, bits};
use super::tally::{Scratch, Table, Tally};

/// Keys of a map.
const MAX_KEYS: usize = 3;

/// Keys that a second key is looked for, for each target.
const FIRSTS: usize = 3;

/// Keys among which a second or third is looked for.
const SECONDS: usize = 8;

/// Samples by one key that are taken in a block.
const SAMPLES: usize = 12;

/// Samples by two or three keys that are taken in a block.
const JOINT_SAMPLES: usize = 3;

/// The share of rows whose rank must be known for an estimate.
const TOLD: f64 = 0.15;

/// One in so many rows shows first whether a map may pay.
const FIRST_PART: usize = 8;

/// What these rows' ranks may take of the bytes alone.
const HOPELESS: f64 = 1.05;

/// Rows a key that strings need in a block: a table of strings is large.
const STRINGS_MULTIPLICITY: f64 = 4.0;

/// The share of the bytes alone below which ranks are as good as free, and from which on a key says
/// nothing.
const SOLVED: f64 = 0.05;
const SILENT: f64 = 0.95;

/// Rows whose rank must be known for looking closer.
const TOLD_ROWS: f64 = 50.0;

/// The share of the bytes that ranks may take, for looking closer.
const PROMISING: f64 = 0.7;

/// The share of rows whose rank must be known for not looking closer.
const TOLD_WELL: f64 = 0.6;

/// How a target follows from one key or several.
#[derive(Clone, Copy)]
struct Score {
    /// Bytes in all.
    bytes: f64,
    /// Bits a row that its rank takes.
    rank_bits: f64,
    /// The share of rows of which that is known.
    told: f64,
}

struct Search<'v, 'a> {
    view: &'v View<'a>,
    scratch: Scratch,
    /// The sample's rows by two keys.
    pairs: BTreeMap<(usize, usize), Joint>,
    joint_samples: usize,
    hashes: Hashes,
    /// Samples by one column, by its place.
    samples: KeySamples,
}

/// The sample's rows by keys together.
struct Joint {
    ids: Vec<u32>,
    groups: Groups,
    /// Different keys in the block, estimated.
    distinct: f64,
}

/// Samples of whole keys, by the place of the keys' column.
pub(super) type KeySamples = BTreeMap<usize, KeySample>;

/// Proposes maps; returns the samples that it has taken.
pub(super) fn propose(view: &View<'_>, proposals: &mut Proposals) -> KeySamples {
    let mut search = Search {
        view,
        scratch: Scratch::default(),
        pairs: BTreeMap::new(),
        joint_samples: 0,
        hashes: Hashes::default(),
        samples: BTreeMap::new(),
    };
    let mut scores: Vec<Vec<(usize, Score)>> = vec![Vec::new(); view.columns.len()];
    for (place, key) in view.references() {
        let found = search.single(place, key);
        for (target, score) in found {
            let relation = Relation::Map { keys: vec![key.sampled.number] };
            proposals.add(target, relation, score.bytes);
            if let Some(scores) = scores.get_mut(target) {
                scores.push((place, score));
            }
        }
    }
    for ((target, column), mut scores) in view.targets().map(|of| {
        let scores = scores.get_mut(of.0).map(std::mem::take).unwrap_or_default();
        (of, scores)
    }) {
        scores.retain(|(_, score)| score.told >= TOLD);
        scores.sort_by(|(_, a), (_, b)| a.rank_bits.total_cmp(&b.rank_bits));
        search.several(target, column, &scores, proposals);
    }
    search.samples
}

impl Search<'_, '_> {
    /// All targets by one key.
    fn single(&mut self, place: usize, key: &Column<'_>) -> Vec<(usize, Score)> {
        let view = self.view;
        let strings = matches!(key.sampled.values, Values::Bytes(_));
        let least = if strings { STRINGS_MULTIPLICITY } else { MULTIPLICITY };
        let multiplicity = key.groups.multiplicity(view.rows);
        let mut others = view.targets().filter(|(target, _)| *target != place);
        let many = !few(view, key)
            && self.samples.len() < SAMPLES
            && multiplicity >= least
            && others.any(|(_, column)| {
                self.pays(multiplicity, &[key], column, column.sampled.bytes as f64)
            });
        let whole = many.then(|| {
            let hashes = self.hashes.of(view, &[place]);
            KeySample::new(view, &hashes, &key.groups, key.distinct)
        });
        let mut out = Vec::new();
        for (target, column) in view.targets().filter(|(target, _)| *target != place) {
            let close =
                whole.as_ref().and_then(|sample| self.whole(sample, &key.groups, &[key], column));
            let score = match close {
                Some(score) => Some(score),
                // Keys with few rows in the sample still tell whether they are worth a second.
                None => self.part(&key.groups, key.distinct, &[key], column),
            };
            out.extend(score.map(|score| (target, score)));
        }
        if let Some(sample) = whole {
            self.samples.insert(place, sample);
        }
        out
    }

    /// Whether a table of keys with so many rows each may take less than `most` bytes.
    fn pays(
        &self,
        multiplicity: f64,
        keys: &[&Column<'_>],
        target: &Column<'_>,
        most: f64,
    ) -> bool {
        Table::of_keys(self.view.rows as f64 / multiplicity).bytes(keys, target) < most
    }

    /// A target by groups of the uniform sample.
    fn part(
        &mut self,
        groups: &Groups,
        distinct: f64,
        keys: &[&Column<'_>],
        target: &Column<'_>,
    ) -> Option<Score> {
        let complete = self.view.complete();
        // Hardly any two rows have the same key, or the same value.
        let unique = |groups: &Groups| groups.len() * 10 > groups.rows() * 9;
        if unique(groups) || unique(&target.groups) && !complete {
            return None;
        }
        let valid = target.valid.as_deref();
        let alone = target.sampled.bytes as f64 * 8.0;
        // Some groups first.
        let mut rows = 0;
        let some = groups.iter().take_while(|group| {
            let enough = rows * FIRST_PART > groups.rows();
            rows += group.len();
            !enough
        });
        let tally = Tally::new(some, &target.ids, valid, complete, &mut self.scratch);
        let bits = tally.rank_bits();
        if bits * target.valid_rows > alone * HOPELESS {
            return None;
        }
        let tally = Tally::new(groups.iter(), &target.ids, valid, complete, &mut self.scratch);
        let table = if complete {
            tally.whole_table(1.0)
        } else {
            tally.part_table(distinct, target.valid_rows)
        };
        let bytes = if table.told < TOLD { f64::INFINITY } else { table.bytes(keys, target) };
        Some(Score { bytes, rank_bits: table.rank_bits(), told: table.told })
    }

    /// A target by whole keys, and by the frequent keys of the uniform sample's `groups`; nothing
    /// where it soon shows that it does not pay.
    fn whole(
        &mut self,
        sample: &KeySample,
        groups: &Groups,
        keys: &[&Column<'_>],
        target: &Column<'_>,
    ) -> Option<Score> {
        let most = target.sampled.bytes as f64;
        let valid = target.valid.as_deref();
        let frequent = groups.iter().filter(|group| group.len() >= FREQUENT);
        let entries = frequent.clone().count() as f64;
        let tally = Tally::new(frequent, &target.ids, valid, false, &mut self.scratch);
        let rows = target.valid_rows / self.view.sample.len().max(1) as f64;
        let frequent = tally.part_table(entries, tally.rows() as f64 * rows);
        let mut score = None;
        // A few groups first.
        for share in [16, 1] {
            let part = sample.part(share);
            let values = bits(target.sampled.values, &part.rows);
            let (values, _) = number(values.iter().copied());
            let valid: Option<Vec<bool>> = target.sampled.validity.map(|validity| {
                let valid = |row: &usize| *row < validity.len() && validity.value(*row);
                part.rows.iter().map(valid).collect()
            });
            let groups = part.groups.iter();
            let tally = Tally::new(groups, &values, valid.as_deref(), true, &mut self.scratch);
            let table = tally.whole_table(part.scale).plus(&frequent);
            let bytes = table.bytes(keys, target);
            score = Some(Score { bytes, rank_bits: table.rank_bits(), told: 1.0 });
            if bytes > most {
                return None;
            }
        }
        score
    }

    /// A target by two keys, and by three.
    fn several(
        &mut self,
        place: usize,
        target: &Column<'_>,
        scores: &[(usize, Score)],
        proposals: &mut Proposals,
    ) {
        let alone = target.sampled.bytes as f64;
        let mut best = proposals.best(place).min(alone);
        let mut keys: Vec<usize> = Vec::new();
        for depth in 2..=MAX_KEYS {
            let mut found: Option<(Vec<usize>, f64)> = None;
            let firsts: Vec<Vec<usize>> = match depth {
                2 => scores.iter().take(FIRSTS).map(|(key, _)| vec![*key]).collect(),
                _ => vec![keys.clone()],
            };
            for first in firsts {
                let known = scores.iter().find(|(key, _)| first == [*key]);
                // Ranks that cost nothing are not made better by another key, and a key that says
                // nothing seldom says something with another.
                let share =
                    known.map(|(_, score)| score.rank_bits * target.valid_rows / (alone * 8.0));
                if share.is_some_and(|share| !(SOLVED..SILENT).contains(&share)) {
                    continue;
                }
                for (second, _) in scores.iter().take(SECONDS) {
                    if first.contains(second) {
                        continue;
                    }
                    let keys: Vec<usize> = first.iter().chain([second]).copied().collect();
                    let Some(score) = self.joint(&keys, target, best) else { continue };
                    if score.bytes < found.as_ref().map_or(f64::INFINITY, |found| found.1) {
                        found = Some((keys, score.bytes));
                    }
                }
            }
            let Some((of, bytes)) = found.filter(|(_, bytes)| *bytes < best * 0.95) else { return };
            let numbers = of.iter().filter_map(|key| self.view.columns.get(*key));
            let numbers = numbers.map(|key| key.sampled.number).collect();
            proposals.add(place, Relation::Map { keys: numbers }, bytes);
            best = bytes;
            keys = of;
        }
    }

    /// A target by several keys together.
    fn joint(&mut self, keys: &[usize], target: &Column<'_>, best: f64) -> Option<Score> {
        let view = self.view;
        let columns: Vec<&Column<'_>> =
            keys.iter().filter_map(|key| view.columns.get(*key)).collect();
        let (first, second) = (keys.first().copied()?, keys.get(1).copied()?);
        let pair = (first.min(second), first.max(second));
        let pairs = std::mem::take(&mut self.pairs);
        let mut pairs = pairs;
        let by_two = pairs.entry(pair).or_insert_with(|| {
            let ids = |key: usize| view.columns.get(key).map_or(&[][..], |key| &key.ids);
            Joint::new(view, ids(pair.0), ids(pair.1))
        });
        let third = keys.get(2).and_then(|key| view.columns.get(*key));
        let by_three = third.map(|third| Joint::new(view, &by_two.ids, &third.ids));
        let joint = by_three.as_ref().unwrap_or(by_two);
        let rough = self.part(&joint.groups, joint.distinct, &columns, target);
        let mut score = rough.filter(|score| score.told >= TOLD);
        let multiplicity = joint.groups.multiplicity(view.rows);
        if let Some(rough) = rough
            && rough.told < TOLD_WELL
            && rough.rank_bits * target.valid_rows < best * 8.0 * PROMISING
            && rough.told * view.sample.len() as f64 >= TOLD_ROWS
            && multiplicity >= MULTIPLICITY
            && self.pays(multiplicity, &columns, target, best)
            && self.joint_samples < JOINT_SAMPLES
        {
            self.joint_samples += 1;
            let hashes = self.hashes.of(view, keys);
            let sample = KeySample::new(view, &hashes, &joint.groups, joint.distinct);
            score = self.whole(&sample, &joint.groups, &columns, target);
        }
        self.pairs = pairs;
        score
    }
}

impl Joint {
    fn new(view: &View<'_>, a: &[u32], b: &[u32]) -> Self {
        let both = a.iter().zip(b).map(|(a, b)| (u64::from(*a) << 32) | u64::from(*b));
        let (ids, seen) = number(both);
        let groups = Groups::new(&ids, seen);
        let (once, twice) = groups.rare();
        let distinct = if view.complete() {
            seen as f64
        } else {
            super::cost::kinds(seen, once, twice, view.rows as f64)
        };
        Self { ids, groups, distinct }
    }
}
