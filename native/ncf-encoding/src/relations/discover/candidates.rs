//! Candidates for the terms of linear relations: what can be made of each column, for the rows of
//! the sample.

use arrow_buffer::ScalarBuffer;
use ncf_core::Values;

use super::super::{Term, Transform};
use super::sample::{Column, View};

/// Most candidates; the columns themselves come first.
const MAX_CANDIDATES: usize = 96;

/// From what size on a 64-bit integer may be a time in milliseconds, microseconds, nanoseconds
/// after 1970; and its units of a second.
const TIMES: [(i64, u64); 3] = [
    (100_000_000_000, 1_000),
    (100_000_000_000_000, 1_000_000),
    (100_000_000_000_000_000, 1_000_000_000),
];

/// Days after 1970 that a date may be, either way.
const MAX_DAYS: i64 = 110_000;

/// The share of values that must look like times.
const TIMES_SHARE: f64 = 0.9;

/// The greatest integer up to which all are exact as doubles.
const EXACT: u64 = 1 << 53;

/// A term, and its values.
pub(super) struct Candidate {
    /// The column's place in the view.
    pub(super) place: usize,
    /// Its coefficient is that which brings it to the target's digits.
    pub(super) term: Term,
    /// Values of the sample, times the coefficient.
    pub(super) values: Vec<i64>,
}

/// Candidates for targets that are integers, or floats of `digits` digits after the point.
pub(super) fn pool(view: &View<'_>, digits: Option<u8>) -> Vec<Candidate> {
    let mut pool = Vec::new();
    let mut parts = Vec::new();
    for (place, column) in view.references() {
        let mut add = |transform, coefficient| {
            let to = if plain(transform) { &mut pool } else { &mut parts };
            to.extend(candidate(place, column, view, transform, coefficient));
        };
        match (digits, &column.integers) {
            (None, Some(integers)) => {
                add(Transform::Identity, 1);
                for transform in transforms(column, integers) {
                    add(transform, 1);
                }
            }
            (Some(digits), Some(integers)) => {
                let unit = 10u64.pow(u32::from(digits.min(18)));
                let fits = |value: &i64| value.unsigned_abs() <= EXACT / unit;
                if integers.iter().all(fits) {
                    add(Transform::Identity, unit.cast_signed());
                }
            }
            (Some(digits), None) if column.digits.is_some_and(|own| own <= digits) => {
                add(Transform::Scaled { digits }, 1);
            }
            _ => {}
        }
    }
    pool.append(&mut parts);
    pool.truncate(MAX_CANDIDATES);
    pool
}

fn plain(transform: Transform) -> bool {
    matches!(transform, Transform::Identity | Transform::Scaled { .. })
}

fn candidate(
    place: usize,
    column: &Column<'_>,
    view: &View<'_>,
    transform: Transform,
    coefficient: i64,
) -> Option<Candidate> {
    let sampled = match (&column.integers, column.sampled.values) {
        (Some(integers), _) => Values::I64(integers.clone().into()),
        (None, Values::F64(floats)) => {
            let floats: Vec<f64> =
                view.sample.iter().map(|row| floats.get(*row).copied().unwrap_or(0.0)).collect();
            Values::F64(ScalarBuffer::from(floats))
        }
        _ => return None,
    };
    let mut values = Vec::with_capacity(view.sample.len());
    transform.apply(&sampled, &mut values).ok()?;
    if coefficient != 1 {
        values.iter_mut().for_each(|value| *value = value.wrapping_mul(coefficient));
    }
    let first = values.first().copied();
    let varied = values.iter().any(|value| Some(*value) != first);
    let term = Term { column: column.sampled.number, transform, coefficient };
    varied.then_some(Candidate { place, term, values })
}

/// The parts of times and dates that a column may hold.
fn transforms(column: &Column<'_>, integers: &[i64]) -> Vec<Transform> {
    let valid = || integers.iter().enumerate().filter(|(place, _)| column.is_valid(*place));
    let values = || valid().map(|(_, value)| *value);
    let part = |divisor, modulus| Transform::Part { divisor, modulus };
    let clock = |value: i64| (0..=2400).contains(&value) && value % 100 < 60;
    let mut hours = values().map(|value| value.div_euclid(100));
    let first = hours.next();
    if values().all(clock) && hours.any(|hour| Some(hour) != first) {
        return vec![Transform::ClockMinutes, part(100, 0), part(1, 100)];
    }
    let share = |of: &dyn Fn(i64) -> bool| {
        let all = values().count().max(1);
        values().filter(|value| of(*value)).count() as f64 / all as f64
    };
    match column.sampled.values {
        Values::I32(_) if share(&|value| value.abs() <= MAX_DAYS) == 1.0 => {
            // Small numbers of all kinds are no dates.
            if share(&|value| value.abs() > 366) < TIMES_SHARE {
                return Vec::new();
            }
            let (year, month) = (Transform::Year { divisor: 1 }, Transform::Month { divisor: 1 });
            vec![year, month, Transform::Day { divisor: 1 }, part(1, 7)]
        }
        Values::I64(_) => {
            let fits = |(least, _): &&(i64, u64)| {
                let size = least.cast_unsigned();
                let range = size..size.saturating_mul(300);
                share(&|value| range.contains(&value.unsigned_abs())) >= TIMES_SHARE
            };
            let Some((_, second)) = TIMES.iter().find(fits) else { return Vec::new() };
            let divisor = 86_400 * second;
            vec![
                part(divisor, 0),
                part(3_600 * second, 24),
                part(60 * second, 60),
                Transform::Year { divisor },
                Transform::Month { divisor },
                Transform::Day { divisor },
            ]
        }
        _ => Vec::new(),
    }
}
