//! Linear relations: sums and differences of few columns, and slopes.

use std::collections::BTreeMap;

use ncf_core::Values;

use super::super::{Linear, Relation};
use super::candidates::{Candidate, pool};
use super::cost::{Residual, residual};
use super::sample::{Column, View, decimal};
use super::{Proposals, fit};

/// Rows of a sample that residuals are estimated from.
const ROWS: usize = 2560;

/// Of those, one in so many ranks what has been found.
const COARSE: usize = 3;

/// Fewer rows than this with another than the most frequent residual are not worth a term.
const FEWEST_ODD: usize = 16;

/// Pairs of rows whose differences tell whether a sum of terms comes close.
const PROBES: usize = 96;

/// Of those, how many are looked at first.
const FIRST_PROBES: usize = 16;

/// Sums of two terms that are looked at more closely.
const CLOSE: usize = 5;

/// Single terms that are, apart from these.
const SINGLES: usize = 3;

/// Sums of which longer ones are looked for.
const EXTENDED: usize = 3;

/// Sums that are proposed.
const PROPOSED: usize = 2;

/// Terms of a sum.
const MAX_TERMS: usize = 4;

/// Terms that may go in twos.
const PAIRED: usize = 64;

/// What a longer sum must make of a shorter one's bits.
const BETTER: f64 = 0.95;

/// The share of bits that a further term must save, for the shorter sum not to be taken first.
const LONGER: f64 = 0.03;

/// Bytes of the relation itself, and of a term.
const HEADER: (f64, f64) = (32.0, 12.0);

/// Terms by their places in the pool, each with what it is multiplied with.
pub(super) type Sum = Vec<(usize, i64)>;

pub(super) fn propose(view: &View<'_>, proposals: &mut Proposals) {
    let mut pools: BTreeMap<Option<u8>, Vec<Candidate>> = BTreeMap::new();
    for (place, column) in view.targets() {
        let Some(values) = integers(view, column) else { continue };
        let pool = pools.entry(column.digits).or_insert_with(|| pool(view, column.digits));
        if let Some(search) = Search::new(place, column, &values, pool) {
            search.propose(proposals);
        }
    }
}

/// The target's integers in the sample's rows; `None` for rows that do not count.
fn integers(view: &View<'_>, column: &Column<'_>) -> Option<Vec<Option<i64>>> {
    let valid = |place: usize, value: Option<i64>| value.filter(|_| column.is_valid(place));
    if let Some(integers) = &column.integers {
        let each = integers.iter().enumerate();
        return Some(each.map(|(place, value)| valid(place, Some(*value))).collect());
    }
    let (Values::F64(floats), Some(digits)) = (column.sampled.values, column.digits) else {
        return None;
    };
    let of = |row: &usize| floats.get(*row).and_then(|value| decimal(*value, digits));
    Some(view.sample.iter().enumerate().map(|(place, row)| valid(place, of(row))).collect())
}

/// What a search for one target works with.
pub(super) struct Search<'s, 'a> {
    place: usize,
    pub(super) column: &'s Column<'a>,
    pub(super) pool: &'s [Candidate],
    /// Rows of the sample that count.
    pub(super) places: Vec<usize>,
    /// The target's values there.
    pub(super) target: Vec<i64>,
    probe: Probe,
}

/// Differences between rows far apart.
#[derive(Default)]
struct Probe {
    /// Of the target, or of what a sum leaves of it.
    rest: Vec<i64>,
    /// Of the terms; nothing for those that are the target's.
    terms: Vec<Option<Vec<i64>>>,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(
        place: usize,
        column: &'s Column<'a>,
        values: &[Option<i64>],
        pool: &'s [Candidate],
    ) -> Option<Self> {
        let known =
            || values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)));
        let step = known().count().div_ceil(ROWS).max(1);
        let (places, target): (Vec<usize>, Vec<i64>) = known().step_by(step).unzip();
        if places.len() < super::MIN_ROWS || pool.iter().all(|term| term.place == place) {
            return None;
        }
        let mut search = Self { place, column, pool, places, target, probe: Probe::default() };
        search.probe = search.probe_of(&search.target);
        Some(search)
    }

    /// Differences between rows whose residuals are not yet the most frequent one.
    fn probe_of(&self, residuals: &[i64]) -> Probe {
        let middle = residual(&mut residuals.to_vec(), 1.0).middle;
        let odd: Vec<usize> = (0..residuals.len())
            .filter(|row| residuals.get(*row).is_some_and(|residual| *residual != middle))
            .collect();
        let rows = if odd.len() < FEWEST_ODD { (0..residuals.len()).collect() } else { odd };
        // Rows next to one another are often alike: half of the block lies between two.
        let probes = PROBES.min(rows.len() / 2);
        let at = |probe: usize| rows.get(probe * rows.len() / (2 * probes).max(1)).copied();
        let apart: Vec<(usize, usize)> =
            (0..probes).filter_map(|probe| Some((at(probe)?, at(probe + probes)?))).collect();
        let differences = |of: &dyn Fn(usize) -> i64| -> Vec<i64> {
            apart.iter().map(|(a, b)| of(*b).wrapping_sub(of(*a))).collect()
        };
        let terms = self.pool.iter().map(|term| {
            let of = |row: usize| {
                let place = self.places.get(row).copied().unwrap_or(0);
                term.values.get(place).copied().unwrap_or(0)
            };
            (term.place != self.place).then(|| differences(&of))
        });
        let rest = differences(&|row| residuals.get(row).copied().unwrap_or(0));
        Probe { rest, terms: terms.collect() }
    }

    fn propose(&self, proposals: &mut Proposals) {
        let mut sums: Vec<(Sum, f64)> = Vec::new();
        for sum in self.short() {
            let bits = self.residual(&sum, COARSE).bits;
            sums.push((sum, bits));
        }
        // A term more must be worth it.
        let cost = |(sum, bits): &(Sum, f64)| bits * (1.0 + LONGER * sum.len() as f64);
        let order = |a: &(Sum, f64), b: &(Sum, f64)| {
            cost(a).total_cmp(&cost(b)).then(a.0.len().cmp(&b.0.len()))
        };
        sums.sort_by(order);
        let longer: Vec<(Sum, f64)> =
            sums.iter().take(EXTENDED).filter_map(|(sum, bits)| self.longer(sum, *bits)).collect();
        sums.extend(longer);
        sums.sort_by(order);
        for (sum, _) in sums.iter().take(PROPOSED) {
            let Residual { bits, middle } = self.residual(sum, 1);
            self.add(proposals, sum, middle, 0, bits);
        }
        fit::propose(self, proposals);
    }

    /// Proposes a sum.
    pub(super) fn add(
        &self,
        proposals: &mut Proposals,
        sum: &[(usize, i64)],
        constant: i64,
        shift: u8,
        bits: f64,
    ) {
        let terms: Vec<_> = sum
            .iter()
            .filter_map(|(term, times)| {
                let mut term = self.pool.get(*term)?.term;
                term.coefficient = term.coefficient.checked_mul(*times)?;
                Some(term)
            })
            .collect();
        if terms.len() < sum.len() {
            return;
        }
        let bytes = HEADER.0 + HEADER.1 * sum.len() as f64 + bits / 8.0;
        let scale = self.column.digits.unwrap_or(0);
        let linear = Linear { terms, constant, shift, scale };
        proposals.add(self.place, Relation::Linear(linear), bytes);
    }

    /// The residuals of one in `step` rows after a sum without a constant.
    fn residuals(&self, sum: &[(usize, i64)], step: usize) -> Vec<i64> {
        let mut residuals: Vec<i64> = self.target.iter().step_by(step).copied().collect();
        for (term, times) in sum {
            let Some(term) = self.pool.get(*term) else { continue };
            for (residual, place) in residuals.iter_mut().zip(self.places.iter().step_by(step)) {
                let value = term.values.get(*place).copied().unwrap_or(0);
                *residual = residual.wrapping_sub(value.wrapping_mul(*times));
            }
        }
        residuals
    }

    /// What these residuals cost.
    pub(super) fn residual(&self, sum: &[(usize, i64)], step: usize) -> Residual {
        residual(&mut self.residuals(sum, step), self.column.valid_rows)
    }

    /// Sums of one and two terms that come closest, the closest first.
    fn short(&self) -> Vec<Sum> {
        let Probe { rest: target, terms } = &self.probe;
        let mut best = Best { of: Vec::new(), most: size(target) };
        let mut once: Vec<(usize, i64, Vec<i64>)> = Vec::new();
        for (term, probe) in terms.iter().enumerate() {
            let Some(probe) = probe else { continue };
            for times in [1, -1] {
                let rest = subtract(target, probe, times);
                best.offer(size(&rest), || vec![(term, times)]);
                if term < PAIRED {
                    once.push((term, times, rest));
                }
            }
        }
        // Where one term says all there is no need for two.
        if best.of.first().is_some_and(|(size, _)| *size == 0) {
            return best.sums();
        }
        // Chance lets some of the many pairs come close: single terms do not compete with them.
        let singles = std::mem::replace(&mut best, Best { of: Vec::new(), most: size(target) });
        let singles = singles.sums().into_iter().take(SINGLES);
        for (first, times, rest) in &once {
            for (second, probe) in terms.iter().enumerate().take(PAIRED).skip(first + 1) {
                let Some(probe) = probe else { continue };
                let parts = || rest.iter().zip(probe);
                let sums = parts().map(|(a, b)| length(a.wrapping_sub(*b)));
                if let Some(size) = sum_below(sums, best.most) {
                    best.offer(size, || vec![(*first, *times), (second, 1)]);
                }
                // Both terms negative is rare, and a fit finds it.
                if *times == 1 {
                    let sums = parts().map(|(a, b)| length(a.wrapping_add(*b)));
                    if let Some(size) = sum_below(sums, best.most) {
                        best.offer(size, || vec![(*first, *times), (second, -1)]);
                    }
                }
            }
        }
        singles.chain(best.sums()).collect()
    }

    /// A longer sum that begins like `sum` and takes fewer bits, if there is any.
    fn longer(&self, sum: &Sum, bits: f64) -> Option<(Sum, f64)> {
        let (mut sum, mut bits, start) = (sum.clone(), bits, sum.len());
        while sum.len() < MAX_TERMS && bits > 0.0 {
            let Probe { rest, terms } = self.probe_of(&self.residuals(&sum, 1));
            let mut best = Best { of: Vec::new(), most: size(&rest) };
            for (term, probe) in terms.iter().enumerate() {
                let Some(probe) = probe else { continue };
                for times in [1, -1] {
                    best.offer(size(&subtract(&rest, probe, times)), || vec![(term, times)]);
                }
            }
            let next = best.sums().into_iter().take(2).flatten();
            let next = next.filter(|(next, _)| sum.iter().all(|(term, _)| term != next));
            let next = next.map(|next| {
                let longer: Sum = sum.iter().copied().chain([next]).collect();
                let bits = self.residual(&longer, 1).bits;
                (longer, bits)
            });
            let next = next.min_by(|a, b| a.1.total_cmp(&b.1));
            let Some(next) = next.filter(|(_, fewer)| *fewer < bits * BETTER) else { break };
            (sum, bits) = next;
        }
        (sum.len() > start).then_some((sum, bits))
    }
}

/// The sums that come closest.
struct Best {
    of: Vec<(u32, Sum)>,
    /// What sums must be below.
    most: u32,
}

impl Best {
    fn offer(&mut self, size: u32, sum: impl FnOnce() -> Sum) {
        if size >= self.most {
            return;
        }
        let place = self.of.partition_point(|(other, _)| *other <= size);
        self.of.insert(place, (size, sum()));
        self.of.truncate(CLOSE);
        if let (CLOSE, Some((worst, _))) = (self.of.len(), self.of.last()) {
            self.most = *worst;
        }
    }

    fn sums(self) -> Vec<Sum> {
        self.of.into_iter().map(|(_, sum)| sum).collect()
    }
}

/// Bits of a difference.
fn length(difference: i64) -> u32 {
    u64::BITS - difference.unsigned_abs().leading_zeros()
}

fn size(differences: &[i64]) -> u32 {
    differences.iter().map(|difference| length(*difference)).sum()
}

/// The sum, if it is below `most`; the first ones tell where it is far from it.
fn sum_below(mut lengths: impl ExactSizeIterator<Item = u32>, most: u32) -> Option<u32> {
    let count = u32::try_from(lengths.len()).unwrap_or(u32::MAX);
    let first: u32 = lengths.by_ref().take(FIRST_PROBES).sum();
    // Half as much again as the average of what is looked for.
    let bound = most.saturating_mul(24) / count.max(1) + 24;
    if first > bound {
        return None;
    }
    let sum = first + lengths.sum::<u32>();
    (sum < most).then_some(sum)
}

fn subtract(differences: &[i64], term: &[i64], times: i64) -> Vec<i64> {
    let each = differences.iter().zip(term);
    each.map(|(a, b)| a.wrapping_sub(b.wrapping_mul(times))).collect()
}
