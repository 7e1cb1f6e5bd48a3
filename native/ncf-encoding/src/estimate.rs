//! What a column chunk would take, by a part of it: encoding it truly takes as long as storing it.

use ncf_core::Result;

use crate::chunk::{ChooserState, ChunkInput, EncodeOptions, encode_chunk};
use crate::native::concat;
use crate::numbering::Numbering;
use crate::select::sample;

/// Pieces that are encoded, one from every part of the chunk: local structure survives, and no stretch misleads.
const PIECES: usize = 4;
/// Rows of a piece.
const PIECE: usize = 1 << 14;
/// Times as many rows that a chunk has at least: others are encoded as fast.
const LEAST: usize = 4;

/// About how many bytes a chunk takes; `None` where it has too few rows for an estimate. `state` learns which heavy
/// encodings pay.
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
    let values = concat(input.values, &ranges);
    let validity = input.validity.map(|validity| sample::bits(validity, &ranges));
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
    state.learn_from(of_part);
    let times = input.values.len().div_ceil(rows);
    let pages: usize = chunk.pages.iter().map(|page| page.bytes.len()).sum();
    // What pages share grows with them, but not as they do.
    let shared = (chunk.byte_len() - pages) * (times / 2).max(1);
    Ok(Some(pages * times + shared))
}

#[cfg(test)]
mod tests {
    use ncf_core::{Interruption, Values};

    use super::*;
    use crate::id::Profile;

    fn estimate(values: &Values) -> (Option<usize>, usize) {
        let pages: Vec<_> = (0..values.len())
            .step_by(1 << 16)
            .map(|at| at..values.len().min(at + (1 << 16)))
            .collect();
        let input = ChunkInput {
            values,
            validity: None,
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
        let noise = |row: i64| row.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 40;
        let rows = 600_000;
        let columns: [Box<dyn Fn(i64) -> i64>; 4] = [
            Box::new(noise),
            Box::new(move |row| noise(row) & 1023),
            Box::new(move |row| row * 1000 + (noise(row) & 255)),
            // Half of it constant: pages in the middle of a chunk say nothing of the others.
            Box::new(move |row| if row < rows / 2 { 7 } else { noise(row) }),
        ];
        for (number, column) in columns.iter().enumerate() {
            let (about, truth) = estimate(&Values::I64((0..rows).map(column).collect()));
            let about = about.unwrap();
            assert!(
                about * 10 < truth * 13 && truth * 10 < about * 13,
                "{number}: {about} {truth}"
            );
        }
        assert_eq!(estimate(&Values::I64((0..1000).collect())).0, None);
    }
}
