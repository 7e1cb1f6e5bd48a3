//! What a column chunk would take, by a part of it: encoding it truly takes as long as storing it.

use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Result, Values};

use crate::chunk::{ChooserState, ChunkInput, EncodeOptions, dictionary_limit, encode_chunk};
use crate::encodings::dictionary::MAX_ENTRIES;
use crate::native::concat;
use crate::numbering::Numbering;
use crate::select::sample;
use crate::shared::SharedKind;

/// Pieces that are encoded, one from every part of the chunk: local structure survives, and no stretch misleads.
const PIECES: usize = 4;
/// Rows of a piece.
const PIECE: usize = 1 << 12;
/// Times as many rows that a chunk has at least: others are encoded as fast.
const LEAST: usize = 8;
/// Shares of different values in the pieces up to which all of the chunk may have few enough for a dictionary: of numbers,
/// and of strings.
const MAYBE_FEW: (f64, f64) = (0.9, 0.98);

/// About how many bytes a chunk takes; `None` where it has too few rows for an estimate.
/// `state` learns which heavy encodings pay.
pub fn estimate_chunk(
    input: &ChunkInput<'_>,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> Result<Option<usize>> {
    let rows = PIECES * PIECE;
    if input.values.len() < LEAST * rows {
        return Ok(None);
    }
    let ranges = sample::pieces(input.values.len(), PIECES, PIECE);
    let validity = input.validity.map(|validity| sample::bits(validity, &ranges));
    let values = match input.validity {
        Some(validity) if input.values.physical().width().is_some() => {
            concat(input.values, &filled(&ranges, validity))
        }
        _ => concat(input.values, &ranges),
    };
    let all = 0..rows;
    let sampled = ChunkInput {
        values: &values,
        validity: validity.as_ref(),
        pages: std::slice::from_ref(&all),
        numbering: &Numbering::default(),
        ..*input
    };
    let mut of_part = ChooserState::default();
    let chunk = encode_chunk(&sampled, options, &mut of_part)?;
    state.learn_from(of_part, &values);
    let pages: usize = chunk.pages.iter().map(|page| page.bytes.len()).sum();
    // Few rows show most of what all pages share.
    let about = pages * input.values.len() / rows + chunk.byte_len() - pages;
    let coded = chunk.shared.iter().any(|page| page.kind == SharedKind::Dictionary);
    Ok(Some(if coded { about } else { about.min(in_codes(input, &values)) }))
}

/// About how many bytes a chunk takes with a dictionary: one that pays in all of it may not in a part.
fn in_codes(input: &ChunkInput<'_>, part: &Values) -> usize {
    if matches!(part, Values::Bool(_)) {
        return usize::MAX;
    }
    let distinct = sample::distinct(part);
    let strings = matches!(part, Values::Bytes(_));
    let few = if strings { MAYBE_FEW.1 } else { MAYBE_FEW.0 };
    if !distinct.narrower || distinct.share > few {
        return usize::MAX;
    }
    let limit = dictionary_limit(input.values).min(MAX_ENTRIES);
    let Some(numbered) = input.numbering.within(input.values, limit) else { return usize::MAX };
    let bits = usize::BITS - numbered.values.len().saturating_sub(1).leading_zeros();
    // Strings have much in common.
    let table = numbered.values.byte_len() / if strings { 2 } else { 1 };
    table + input.values.len() * bits as usize / 8
}

/// The rows of the pieces, where a null row that begins one stands for the last valid row of the pieces before, or for the
/// first one of all: null rows repeat what stands before them.
fn filled(ranges: &[Range<usize>], validity: &BooleanBuffer) -> Vec<Range<usize>> {
    let valid = |row: &usize| validity.value(*row);
    let mut last = ranges.iter().cloned().flatten().find(valid);
    let mut out = Vec::with_capacity(ranges.len());
    for range in ranges {
        let nulls = range.clone().take_while(|row| !valid(row)).count();
        match last {
            Some(last) => out.extend((0..nulls).map(|_| last..last + 1)),
            None => out.push(range.start..range.start + nulls),
        }
        out.push(range.start + nulls..range.end);
        last = range.clone().rev().find(valid).or(last);
    }
    out
}

#[cfg(test)]
mod tests {
    use ncf_core::Interruption;
    use ncf_core::hash::hash_u64;

    use super::*;
    use crate::id::Profile;

    fn noise(row: i64) -> i64 {
        (hash_u64(row.cast_unsigned()) & 0xff_ffff).cast_signed()
    }

    fn estimate(values: &Values, validity: Option<&BooleanBuffer>) -> (Option<usize>, usize) {
        let pages: Vec<_> = (0..values.len())
            .step_by(1 << 16)
            .map(|at| at..values.len().min(at + (1 << 16)))
            .collect();
        let input = ChunkInput {
            values,
            validity,
            pages: &pages,
            numbering: &Numbering::default(),
            interruption: &Interruption::default(),
        };
        let options = EncodeOptions { profile: Profile::Balanced, force: None };
        let about = estimate_chunk(&input, &options, &mut ChooserState::default()).unwrap();
        let chunk = encode_chunk(&input, &options, &mut ChooserState::default()).unwrap();
        (about, chunk.byte_len())
    }

    #[test]
    fn estimates_are_near_the_truth() {
        let rows = 600_000;
        let columns: [&dyn Fn(i64) -> i64; 6] = [
            &noise,
            &|row| noise(row) & 1023,
            &|row| row * 1000 + (noise(row) & 255),
            // Half of it constant: pages in the middle of a chunk say nothing of the others.
            &|row| if row < rows / 2 { 7 } else { noise(row) },
            // Too many different values for a dictionary of the part, not for one of all rows.
            &|row| noise(noise(row) % 30_000) << 20,
            &|row| noise(noise(row) % 3000) << 20,
        ];
        for (number, column) in columns.iter().enumerate() {
            let values = Values::I64((0..rows).map(column).collect());
            let (about, truth) = estimate(&values, None);
            let about = about.unwrap();
            assert!(
                about * 10 < truth * 12 && truth * 10 < about * 14,
                "{number}: {about} {truth}"
            );
        }
        let names = |row: i64| format!("{:0>200}", noise(noise(row) % 4000));
        let (about, truth) = estimate(&Values::Bytes((0..rows).map(names).collect()), None);
        assert!(about.unwrap() * 10 < truth * 12, "{about:?} {truth}");
        assert_eq!(estimate(&Values::I64((0..1000).collect()), None).0, None);
    }

    #[test]
    fn null_rows_of_pieces_repeat_what_stands_before_them() {
        let valid: BooleanBuffer = (0..600_000).map(|row: i64| noise(row) % 2 == 0).collect();
        let mut last = 0;
        let fill = |(row, valid)| {
            last = if valid { noise(row) } else { last };
            last
        };
        let values = Values::I64((0i64..).zip(&valid).map(fill).collect());
        let (about, truth) = estimate(&values, Some(&valid));
        let about = about.unwrap();
        assert!(about * 10 < truth * 12 && truth * 10 < about * 12, "{about} {truth}");
        let validity: BooleanBuffer =
            [false, true, false, false, true, false].into_iter().collect();
        assert_eq!(
            filled(&[0..2, 2..4, 5..6], &validity),
            [1..2, 1..2, 1..2, 1..2, 4..4, 1..2, 6..6]
        );
        let none = BooleanBuffer::new_unset(4);
        assert_eq!(filled(&[0..1, 3..4], &none), [0..1, 1..1, 3..4, 4..4]);
    }
}
