//! Slopes: least squares fits of one to three terms, in fixed point.

use super::Proposals;
use super::cost::{Residual, nearest, residual};
use super::linear::{Search, Sum};

/// Terms of a fit.
const MAX_TERMS: usize = 3;

/// Rows that terms are chosen by.
const CHOOSING: usize = 512;

/// The share of the squares that a further term must explain.
const EXPLAINED: f64 = 0.02;

/// The share of residuals that is fitted again, without those that lie farthest.
const KEPT: f64 = 0.9;

/// Most bits of the fraction, and fewest.
const SHIFTS: (u8, u8) = (24, 16);

/// Bits that the sum must stay below.
const MAX_SUM: f64 = 4.6e18;

/// How near to an integer coefficients count as such.
const INTEGER: f64 = 0.01;

/// Terms, constant, shift and bits.
type Fit = (Sum, i64, u8, f64);

/// Proposes the fit that takes the fewest bits.
pub(super) fn propose(search: &Search<'_, '_>, proposals: &mut Proposals) {
    let mut best: Option<Fit> = None;
    let chosen = choose(search);
    for count in 1..=chosen.len() {
        let terms = chosen.get(..count).unwrap_or(&[]);
        let Some(slopes) = fitted(search, terms) else { continue };
        let mut consider = |sum: Sum, constant: i64, shift: u8, bits: f64| {
            // A further term must be worth it.
            if best.as_ref().is_none_or(|(.., least)| bits < *least * 0.97) {
                best = Some((sum, constant, shift, bits));
            }
        };
        if slopes.iter().all(|slope| (slope - slope.round()).abs() < INTEGER && slope.abs() > 0.5) {
            let each = terms.iter().zip(&slopes);
            let sum: Vec<_> = each.map(|(term, slope)| (*term, nearest(*slope))).collect();
            let Residual { bits, middle } = search.residual(&sum, 1);
            consider(sum, middle, 0, bits);
        }
        if let Some((sum, constant, shift, bits)) = fixed(search, terms, &slopes) {
            consider(sum, constant, shift, bits);
        }
    }
    if let Some((sum, constant, shift, bits)) = best {
        search.add(proposals, &sum, constant, shift, bits);
    }
}

/// Values of a term in one in `step` of the rows, less their average.
fn centered(values: impl Iterator<Item = i64> + Clone) -> Vec<f64> {
    // Differences from the first keep what large numbers have in their last digits.
    let first = values.clone().next().unwrap_or(0);
    let mut out: Vec<f64> = values.map(|value| value.wrapping_sub(first) as f64).collect();
    let average = out.iter().sum::<f64>() / out.len().max(1) as f64;
    out.iter_mut().for_each(|value| *value -= average);
    out
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The terms that explain most of the target's squares, one after the other.
fn choose(search: &Search<'_, '_>) -> Vec<usize> {
    let step = (search.places.len() / CHOOSING).max(1);
    let mut target = centered(search.target.iter().step_by(step).copied());
    let own = search.column.sampled.number;
    let mut terms: Vec<(usize, Vec<f64>, f64)> = search
        .pool
        .iter()
        .enumerate()
        .filter(|(_, term)| term.term.column != own)
        .map(|(place, term)| {
            let of = |place: &usize| term.values.get(*place).copied().unwrap_or(0);
            let values = centered(search.places.iter().step_by(step).map(of));
            let square = dot(&values, &values);
            (place, values, square)
        })
        .collect();
    let mut chosen = Vec::new();
    while chosen.len() < MAX_TERMS {
        let all = dot(&target, &target);
        let explained = |(_, values, square): &(usize, Vec<f64>, f64)| {
            let along = dot(values, &target);
            // What is left of a term that others make up is rounding.
            let own = dot(values, values);
            if own > square * 1e-9 && own > 0.0 { along * along / own } else { 0.0 }
        };
        let best = terms.iter().map(|term| (explained(term), term.0));
        let Some((explained, place)) = best.reduce(|a, b| if b.0 > a.0 { b } else { a }) else {
            break;
        };
        if explained.is_nan() || explained <= all * EXPLAINED {
            break;
        }
        chosen.push(place);
        let Some(at) = terms.iter().position(|term| term.0 == place) else { break };
        let (_, direction, _) = terms.swap_remove(at);
        let square = dot(&direction, &direction);
        let others = terms.iter_mut().map(|(_, values, _)| values);
        for values in others.chain([&mut target]) {
            let times = dot(values, &direction) / square;
            values.iter_mut().zip(&direction).for_each(|(value, along)| *value -= times * along);
        }
    }
    chosen
}

/// Slopes of the terms by least squares, once more without the rows that lie farthest off.
fn fitted(search: &Search<'_, '_>, terms: &[usize]) -> Option<Vec<f64>> {
    let target = centered(search.target.iter().copied());
    let terms: Vec<Vec<f64>> = terms
        .iter()
        .filter_map(|term| search.pool.get(*term))
        .map(|term| {
            let of = |place: &usize| term.values.get(*place).copied().unwrap_or(0);
            centered(search.places.iter().map(of))
        })
        .collect();
    let first = solve(&terms, &target, |_| true)?;
    let mut errors: Vec<f64> = target.clone();
    for (term, slope) in terms.iter().zip(&first) {
        errors.iter_mut().zip(term).for_each(|(error, value)| *error -= slope * value);
    }
    errors.iter_mut().for_each(|error| *error = error.abs());
    let mut sorted = errors.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let bound = sorted.get(super::cost::whole(sorted.len() as f64 * KEPT)).copied()?;
    solve(&terms, &target, |row| errors.get(row).is_some_and(|error| *error <= bound))
        .or(Some(first))
}

/// The slopes with which the terms come closest to the target in the rows that are `kept`.
fn solve(terms: &[Vec<f64>], target: &[f64], kept: impl Fn(usize) -> bool) -> Option<Vec<f64>> {
    let count = terms.len();
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(count + 1);
    // The last unknown is the constant.
    let ones = vec![1.0; target.len()];
    let all: Vec<&[f64]> = terms.iter().map(Vec::as_slice).chain([ones.as_slice()]).collect();
    let product = |a: &[f64], b: &[f64]| -> f64 {
        let each = a.iter().zip(b).enumerate();
        each.filter(|(row, _)| kept(*row)).map(|(_, (a, b))| a * b).sum()
    };
    for a in &all {
        let mut row: Vec<f64> = all.iter().map(|b| product(a, b)).collect();
        row.push(product(a, target));
        rows.push(row);
    }
    // Gauss and Jordan; the matrix is positive definite where there is a solution.
    for pivot in 0..rows.len() {
        let own = rows.get(pivot)?.clone();
        let scale = own.get(pivot).copied().filter(|scale| *scale > 0.0)?;
        for (place, row) in rows.iter_mut().enumerate() {
            let times = row.get(pivot).copied()? / scale;
            if place != pivot {
                row.iter_mut().zip(&own).for_each(|(value, own)| *value -= times * own);
            }
        }
    }
    let slopes = rows.iter().enumerate().take(count).map(|(place, row)| {
        let slope = row.last()? / row.get(place)?;
        slope.is_finite().then_some(slope)
    });
    slopes.collect()
}

/// The fit in fixed point.
fn fixed(search: &Search<'_, '_>, terms: &[usize], slopes: &[f64]) -> Option<Fit> {
    let pool = |term: &usize| search.pool.get(*term);
    // The greatest sum that may come up, with room for rows not sampled.
    let most: f64 = terms
        .iter()
        .filter_map(pool)
        .zip(slopes)
        .map(|(term, slope)| {
            let most = term.values.iter().map(|value| value.unsigned_abs()).max().unwrap_or(0);
            most as f64 * slope.abs() * 4.0
        })
        .sum();
    let shift =
        (SHIFTS.1..=SHIFTS.0).rev().find(|shift| most * (1u64 << shift) as f64 <= MAX_SUM)?;
    let one = (1u64 << shift) as f64;
    let sum: Vec<(usize, i64)> =
        terms.iter().zip(slopes).map(|(term, slope)| (*term, nearest(slope * one))).collect();
    if sum.iter().any(|(_, times)| *times == 0) {
        return None;
    }
    let mut sums = vec![0i64; search.places.len()];
    for (term, times) in &sum {
        let term = search.pool.get(*term)?;
        for (sum, place) in sums.iter_mut().zip(&search.places) {
            let value = term.values.get(*place).copied().unwrap_or(0);
            *sum = sum.wrapping_add(value.wrapping_mul(*times));
        }
    }
    // The constant that makes half of the residuals negative.
    let mut offsets: Vec<i128> = search
        .target
        .iter()
        .zip(&sums)
        .map(|(target, sum)| (i128::from(*target) << shift) - i128::from(*sum))
        .collect();
    offsets.sort_unstable();
    let median = offsets.get(offsets.len() / 2).copied()?;
    let constant = i64::try_from(median + (1 << (shift - 1))).ok()?;
    let each = search.target.iter().zip(&sums);
    let mut residuals: Vec<i64> = each
        .map(|(target, sum)| target.wrapping_sub(sum.wrapping_add(constant) >> shift))
        .collect();
    let Residual { bits, .. } = residual(&mut residuals, search.column.valid_rows);
    Some((sum, constant, shift, bits))
}
