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
/// Rows in which a column must be looked for at least, and those that tell the digits of numbers.
const LEAST_ROWS: usize = 32;
/// Bytes of a string in which numbers that are filled up are looked for.
const LONGEST: usize = 4096;
/// Columns that are tried as parts of one.
const TRIED: usize = 16;
/// The share of rows in which a column must be found.
const FOUND: f64 = 0.9;
/// Bytes that the texts of a column have on average at least: shorter ones are found by chance.
const MIN_AVERAGE: usize = 2;
/// Bytes of the relation itself.
const HEADER: f64 = 64.0;
/// The share of what a column takes alone that strings save by it.
const SAVED: f64 = 0.8;
/// The share of what strings take that all columns in them can save: an estimate is no promise.
const MOST_SAVED: f64 = 0.9;

pub(super) fn propose(view: &View<'_>, proposals: &mut Proposals) {
    for (place, target) in view.targets() {
        let Values::Bytes(strings) = target.sampled.values else { continue };
        let rows: Vec<usize> = spread(view, target);
        let others = view.references().filter(|(other, _)| *other != place);
        if rows.len() < LEAST_ROWS {
            continue;
        }
        let mut found: Vec<Found> =
            others.filter_map(|(_, reference)| find_in(strings, &rows, reference)).collect();
        found.sort_by(|a, b| b.saved.total_cmp(&a.saved));
        let chosen = those_in_order(strings, &rows, found);
        if chosen.is_empty() {
            continue;
        }
        let alone = target.sampled.bytes as f64;
        let saved: f64 = chosen.iter().map(|one| one.saved).sum();
        let bytes = HEADER + alone - saved.min(alone * MOST_SAVED);
        let parts = chosen.into_iter().map(|one| one.part).collect();
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
        if at > LEAST_ROWS && count * 4 < at {
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

/// The digits with which numbers stand in most strings, of those with which they are filled up in some.
fn digits(strings: &ByteValues, rows: &[usize], numbers: &[i64]) -> u8 {
    let few = || rows.iter().zip(numbers).take(LEAST_ROWS);
    let mut widths = vec![1];
    for (row, number) in few() {
        let text = number.to_string();
        let string = strings.get(*row);
        let runs = string.get(..LONGEST).unwrap_or(string).split(|byte| !byte.is_ascii_digit());
        let filled = |run: &&[u8]| {
            let zeros = run.strip_suffix(text.as_bytes()).unwrap_or(&[]);
            !zeros.is_empty() && zeros.iter().all(|byte| *byte == b'0')
        };
        let found = runs.filter(filled).filter_map(|run| u8::try_from(run.len()).ok());
        widths.extend(found.filter(|width| *width <= MAX_DIGITS));
    }
    widths.sort_unstable();
    widths.dedup();
    let count = |width: &u8| {
        let width = usize::from(*width);
        let stands = |(row, number): &(&usize, &i64)| {
            find(strings.get(**row), format!("{number:0width$}").as_bytes()).is_some()
        };
        few().filter(stands).count()
    };
    // The shortest of several.
    widths.into_iter().rev().max_by_key(count).unwrap_or(1)
}

/// Of columns, those that save most first, as many as are all found in most rows, one after the other, in the order in
/// which they stand.
fn those_in_order(strings: &ByteValues, rows: &[usize], found: Vec<Found>) -> Vec<Found> {
    let mut chosen: Vec<Found> = Vec::new();
    for one in found.into_iter().take(TRIED) {
        let at = chosen.partition_point(|other| other.start <= one.start);
        chosen.insert(at, one);
        if !all_found(strings, rows, &chosen) {
            chosen.remove(at);
        }
        if chosen.len() == MAX_REFERENCES {
            break;
        }
    }
    chosen
}

/// Whether each part is found in most rows after those before it.
fn all_found(strings: &ByteValues, rows: &[usize], parts: &[Found]) -> bool {
    let mut counts = vec![0usize; parts.len()];
    let mut room = [0; STEP];
    for (at, row) in rows.iter().enumerate() {
        let mut rest = strings.get(*row);
        for (one, count) in parts.iter().zip(&mut counts) {
            let text = one.texts.text(at, &mut room);
            let Some(start) = find(rest, text) else { continue };
            *count += 1;
            rest = rest.get(start + text.len()..).unwrap_or(&[]);
        }
    }
    counts.into_iter().all(|count| count as f64 >= FOUND * rows.len() as f64)
}
