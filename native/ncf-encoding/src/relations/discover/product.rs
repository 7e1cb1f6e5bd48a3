//! Products: a column that is another times a third, or times a number for each value of a third.

use super::super::{Other, Product, Relation};
use super::Proposals;
use super::cost::{log2, nearest, residual};
use super::keys::{KeySample, MULTIPLICITY, few};
use super::maps::KeySamples;
use super::sample::{Column, View, bits, integers};
use super::tally::Table;

/// Divisors are ten to the power of 0 and up to this.
const MAX_POWER: u32 = 4;

/// Rows that are tried before others.
const TRIED: usize = 64;

/// Rows that are estimated from.
const ROWS: usize = 4096;

/// The share of rows that must agree.
const AGREEING: f64 = 0.7;

/// Bytes of the relation itself.
const HEADER: f64 = 48.0;

pub(super) fn propose(view: &View<'_>, samples: &KeySamples, proposals: &mut Proposals) {
    let targets: Vec<_> = view.targets().filter(|(_, column)| column.integers.is_some()).collect();
    if targets.is_empty() {
        return;
    }
    by_columns(view, &targets, proposals);
    by_maps(view, samples, &targets, proposals);
}

/// Products of two columns.
fn by_columns(view: &View<'_>, targets: &[(usize, &Column<'_>)], proposals: &mut Proposals) {
    let factors: Vec<_> = view
        .references()
        .filter_map(|(place, column)| Some((place, column, column.integers.as_ref()?)))
        .collect();
    for (place, target) in targets {
        let Some(values) = &target.integers else { continue };
        let valid: Vec<usize> = (0..values.len()).filter(|place| target.is_valid(*place)).collect();
        let tried: Vec<usize> = valid.iter().step_by(valid.len() / TRIED + 1).copied().collect();
        let step = valid.len() / ROWS + 1;
        let pairs = factors
            .iter()
            .enumerate()
            .flat_map(|(at, first)| factors.iter().skip(at).map(move |second| (first, second)));
        for ((a, factor, first), (b, other, second)) in pairs {
            if a == place || b == place {
                continue;
            }
            let row = |row: usize| {
                let of = |values: &[i64]| values.get(row).copied().unwrap_or(0);
                (of(values), i128::from(of(first)) * i128::from(of(second)))
            };
            let Some(divisor) = divisor_of(tried.iter().map(|place| row(*place))) else { continue };
            let rows = valid.iter().step_by(step).map(|place| row(*place));
            let mut rest: Vec<i64> = rows
                .filter_map(|(target, product)| {
                    i64::try_from(i128::from(target) - product.div_euclid(divisor.into())).ok()
                })
                .collect();
            let bits = residual(&mut rest, target.valid_rows).bits;
            let relation = Relation::Product(Product {
                factor: factor.sampled.number,
                other: Other::Column(other.sampled.number),
                divisor: divisor.unsigned_abs(),
            });
            proposals.add(*place, relation, HEADER + bits / 8.0);
        }
    }
}

/// The power of ten by which most products are the target, nearly.
fn divisor_of(mut rows: impl Iterator<Item = (i64, i128)> + Clone) -> Option<i64> {
    let near = |(target, product): (i64, i128), divisor: i64| {
        let quotient = product / i128::from(divisor);
        let most = 1 + i128::from(target.unsigned_abs() / 64);
        (quotient - i128::from(target)).abs() <= most
    };
    // Zeros and small numbers come near with any divisor.
    let told = |(target, product): &(i64, i128)| target.unsigned_abs() > 9 && *product != 0;
    let all = rows.clone().filter(told);
    let divisors =
        rows.by_ref().filter(told).take(3).filter_map(|row| {
            (0..=MAX_POWER).map(|power| 10i64.pow(power)).find(|by| near(row, *by))
        });
    divisors.into_iter().find(|divisor| {
        let (mut agree, mut count) = (0u32, 0u32);
        for row in all.clone() {
            count += 1;
            agree += u32::from(near(row, *divisor));
            if count == 16 && agree < 8 {
                return false;
            }
        }
        count >= 16 && f64::from(agree) >= f64::from(count) * AGREEING
    })
}

/// The integers of a sample of whole keys, key after key.
struct Keyed {
    /// Columns by their places.
    columns: Vec<Option<Vec<i64>>>,
    /// Bounds of the keys' rows.
    bounds: Vec<(usize, usize)>,
    scale: f64,
}

impl Keyed {
    fn new(view: &View<'_>, sample: &KeySample) -> Self {
        let mut rows = Vec::with_capacity(sample.rows.len());
        let mut bounds = Vec::new();
        let (mut seen, mut all) = (0.0, 0.0f64);
        for group in sample.groups.iter() {
            all += 1.0;
            if rows.len() + group.len() > ROWS && !rows.is_empty() {
                continue;
            }
            seen += 1.0;
            let start = rows.len();
            let of_block = |place: &u32| sample.rows.get(*place as usize).copied();
            // Many rows of one key say no more than some.
            rows.extend(group.iter().take(ROWS / 8).filter_map(of_block));
            bounds.push((start, rows.len()));
        }
        let columns = view
            .columns
            .iter()
            .map(|column| {
                column.integers.as_ref()?;
                integers(column.sampled.values, &bits(column.sampled.values, &rows))
            })
            .collect();
        Self { columns, bounds, scale: sample.scale * all / f64::max(seen, 1.0) }
    }

    fn of(&self, place: usize) -> Option<&[i64]> {
        self.columns.get(place)?.as_deref()
    }
}

/// Products of a column and a number for each key.
fn by_maps(
    view: &View<'_>,
    samples: &KeySamples,
    targets: &[(usize, &Column<'_>)],
    proposals: &mut Proposals,
) {
    let factors: Vec<_> =
        view.references().filter(|(_, column)| column.integers.is_some()).collect();
    for (by, key) in view.references() {
        if key.groups.len() <= 2 || key.distinct * MULTIPLICITY > view.rows as f64 {
            continue;
        }
        let keyed = match samples.get(&by) {
            Some(sample) => Keyed::new(view, sample),
            None if few(view, key) => Keyed::new(view, &KeySample::uniform(view, key)),
            None => continue,
        };
        for (place, target) in targets.iter().filter(|(place, _)| *place != by) {
            for (a, factor) in factors.iter().filter(|(a, _)| a != place && *a != by) {
                let (Some(values), Some(with)) = (keyed.of(*place), keyed.of(*a)) else { continue };
                if !constant_ratio(&keyed, values, with) {
                    continue;
                }
                let Some((divisor, bytes)) = cost(&keyed, key, target, values, with) else {
                    continue;
                };
                let relation = Relation::Product(Product {
                    factor: factor.sampled.number,
                    other: Other::Map(vec![key.sampled.number]),
                    divisor,
                });
                proposals.add(*place, relation, bytes);
            }
        }
    }
}

/// Whether the target over the factor is one number within most keys, and not the same for all.
fn constant_ratio(keyed: &Keyed, target: &[i64], factor: &[i64]) -> bool {
    let row = |row: usize| Some((target.get(row).copied()?, factor.get(row).copied()?));
    let alike = |a: (i64, i64), b: (i64, i64)| {
        let difference = i128::from(a.0) * i128::from(b.1) - i128::from(b.0) * i128::from(a.1);
        difference.unsigned_abs() <= u128::from(a.1.unsigned_abs().max(b.1.unsigned_abs()))
    };
    let (mut agree, mut count) = (0u32, 0u32);
    let (mut across, mut before) = ((0u32, 0u32), None);
    for (start, end) in &keyed.bounds {
        if count as usize > TRIED {
            break;
        }
        // Of a key with many rows a few are enough.
        for at in *start..(*end).min(start + 6).saturating_sub(1) {
            let (Some(a), Some(b)) = (row(at), row(at + 1)) else { return false };
            if a.1 == b.1 {
                continue;
            }
            count += 1;
            agree += u32::from(alike(a, b));
            if count == 16 && agree < 8 {
                return false;
            }
        }
        let first = row(*start);
        if let (Some(a), Some(b)) = (before, first) {
            across.0 += u32::from(alike(a, b));
            across.1 += 1;
        }
        before = first;
    }
    count >= 16
        && f64::from(agree) >= f64::from(count) * AGREEING
        && f64::from(across.0) < f64::from(across.1) * AGREEING
}

/// The divisor that takes the fewest bytes, and these.
fn cost(
    keyed: &Keyed,
    key: &Column<'_>,
    target: &Column<'_>,
    values: &[i64],
    with: &[i64],
) -> Option<(u64, f64)> {
    let mut best: Option<(u64, f64)> = None;
    for power in 0..=MAX_POWER {
        let divisor = 10i64.pow(power);
        let mut rest = Vec::with_capacity(values.len());
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (start, end) in &keyed.bounds {
            let values = values.get(*start..*end).unwrap_or(&[]);
            let with = with.get(*start..*end).unwrap_or(&[]);
            let number = number(values, with, divisor);
            least = least.min(number as f64);
            most = most.max(number as f64);
            rest.extend(values.iter().zip(with).map(|(value, with)| {
                let product = i128::from(*with) * i128::from(number);
                let quotient = product.div_euclid(i128::from(divisor));
                value.wrapping_sub(i64::try_from(quotient).unwrap_or(0))
            }));
        }
        let entries = keyed.bounds.len() as f64 * keyed.scale;
        let keys = Table::of_keys(entries).key_bits(&[key]);
        let numbers = entries * (log2(most - least + 1.0) + 1.0);
        let bits = keys + numbers + residual(&mut rest, target.valid_rows).bits;
        let bytes = HEADER + bits / 8.0;
        if best.is_none_or(|(_, least)| bytes < least * 0.98) {
            best = Some((divisor.unsigned_abs(), bytes));
        }
    }
    best
}

/// The number by which most of a key's rows are the target: by the row whose factor is the largest.
fn number(values: &[i64], with: &[i64], divisor: i64) -> i64 {
    let row = values.iter().zip(with).max_by_key(|(_, with)| with.unsigned_abs());
    let Some((value, with)) = row.filter(|(_, with)| **with != 0) else { return 0 };
    let scaled = i128::from(*value) * i128::from(divisor);
    let with = i128::from(*with);
    // Rounded up, as products are rounded down.
    let up = scaled.div_euclid(with) + i128::from(scaled.rem_euclid(with) != 0);
    i64::try_from(up).unwrap_or_else(|_| nearest(scaled as f64 / with as f64))
}
