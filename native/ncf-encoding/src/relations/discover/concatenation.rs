//! Columns of strings in which the values of other columns stand.

use ncf_core::{ByteValues, Values};

use super::super::{MAX_REFERENCES, Part, Relation};
use super::Proposals;
use super::sample::{Column, View};
use crate::encodings::concatenation::{self, find};
use crate::encodings::stepped::STEP;
use crate::encodings::template_table::MAX_DIGITS;

/// Rows in which each column is looked for.
const ROWS: usize = 256;
/// The share of rows in which a column must be found.
const FOUND: f64 = 0.9;
/// Bytes that the texts of a column have on average at least: shorter ones are found by chance.
const MIN_AVERAGE: usize = 2;
/// Bytes of the relation itself, and for each part.
const HEADER: f64 = 64.0;
/// The share of what a column takes alone that strings save by it.
const SAVED: f64 = 0.8;

pub(super) fn propose(view: &View<'_>, proposals: &mut Proposals) {
    for (place, target) in view.targets() {
        let Values::Bytes(strings) = target.sampled.values else { continue };
        let rows: Vec<usize> = spread(view, target);
        let others = view.references().filter(|(other, _)| *other != place);
        let mut found: Vec<Found> =
            others.filter_map(|(_, reference)| find_in(strings, &rows, reference)).collect();
        found.sort_by(|a, b| b.saved.total_cmp(&a.saved));
        found.truncate(MAX_REFERENCES);
        found.sort_by(|a, b| a.start.total_cmp(&b.start));
        keep_those_in_order(strings, &rows, &mut found);
        if found.is_empty() {
            continue;
        }
        let saved: f64 = found.iter().map(|one| one.saved).sum();
        let bytes = HEADER + (target.sampled.bytes as f64 - saved).max(0.0);
        let parts = found.into_iter().map(|one| one.part).collect();
        proposals.add(place, Relation::Concatenation(parts), bytes);
    }
}

/// A column that stands in the strings.
struct Found {
    part: Part,
    /// Its text in the rows that are looked at.
    texts: concatenation::Part,
    /// Where it begins, on average.
    start: f64,
    /// Bytes that the strings take less without it: an estimate.
    saved: f64,
}

/// Some rows of the sample in which the column is not null.
fn spread(view: &View<'_>, target: &Column<'_>) -> Vec<usize> {
    let valid = view.sample.iter().enumerate().filter(|(place, _)| target.is_valid(*place));
    let rows: Vec<usize> = valid.map(|(_, row)| *row).collect();
    let step = rows.len().div_ceil(ROWS).max(1);
    rows.into_iter().step_by(step).collect()
}

/// How a column stands in the strings of some rows, if it does in most.
fn find_in(strings: &ByteValues, rows: &[usize], reference: &Column<'_>) -> Option<Found> {
    let (digits, texts) = match reference.sampled.values {
        Values::Bytes(texts) => {
            let texts = rows.iter().map(|row| texts.get(*row)).collect();
            (0, concatenation::Part::Texts(texts))
        }
        Values::I8(_) | Values::I16(_) | Values::I32(_) | Values::I64(_) => {
            let bits = super::sample::bits(reference.sampled.values, rows);
            let numbers: Vec<i64> = bits.into_iter().map(u64::cast_signed).collect();
            let digits = digits(strings, rows, &numbers);
            (digits, concatenation::Part::Numbers(numbers, digits))
        }
        _ => return None,
    };
    let (mut count, mut starts, mut bytes) = (0usize, 0usize, 0usize);
    let mut room = [0; STEP];
    for (at, row) in rows.iter().enumerate() {
        let text = texts.text(at, &mut room);
        if let Some(start) = find(strings.get(*row), text) {
            (count, starts, bytes) = (count + 1, starts + start, bytes + text.len());
        }
        // Most columns stand in no row.
        if at > 32 && count * 4 < at {
            return None;
        }
    }
    if (count as f64) < FOUND * rows.len() as f64 || bytes < MIN_AVERAGE * count {
        return None;
    }
    let part = Part { column: reference.sampled.number, digits };
    let start = starts as f64 / count.max(1) as f64;
    Some(Found { part, texts, start, saved: reference.sampled.bytes as f64 * SAVED })
}

/// The digits with which numbers stand in strings: as many as there are where a zero comes first.
fn digits(strings: &ByteValues, rows: &[usize], numbers: &[i64]) -> u8 {
    let mut digits = 1;
    for (row, number) in rows.iter().zip(numbers) {
        let text = number.to_string();
        let runs = strings.get(*row).split(|byte| !byte.is_ascii_digit());
        let filled = |run: &&[u8]| {
            run.first() == Some(&b'0')
                && run.len() > text.len()
                && run
                    .strip_suffix(text.as_bytes())
                    .is_some_and(|zeros| zeros.iter().all(|b| *b == b'0'))
        };
        let longest = runs.filter(filled).map(<[u8]>::len).max().unwrap_or(0);
        digits = digits.max(u8::try_from(longest).unwrap_or(u8::MAX));
    }
    digits.min(MAX_DIGITS)
}

/// Drops what is not found after those before it.
fn keep_those_in_order(strings: &ByteValues, rows: &[usize], found: &mut Vec<Found>) {
    let mut counts = vec![0usize; found.len()];
    let mut room = [0; STEP];
    for (at, row) in rows.iter().enumerate() {
        let mut rest = strings.get(*row);
        for (one, count) in found.iter().zip(&mut counts) {
            let text = one.texts.text(at, &mut room);
            let Some(start) = find(rest, text) else { continue };
            *count += 1;
            rest = rest.get(start + text.len()..).unwrap_or(&[]);
        }
    }
    let mut counts = counts.into_iter();
    found.retain(|_| counts.next().is_some_and(|count| count as f64 >= FOUND * rows.len() as f64));
}
