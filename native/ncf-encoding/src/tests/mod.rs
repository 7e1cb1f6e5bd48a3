//! Tests of the whole crate through its public functions.

pub(crate) mod data;
mod fuzz;
mod round_trip;
mod spec;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, Interruption, Values};

use crate::*;

/// Pages of at most `rows` rows.
pub(crate) fn pages(len: usize, rows: usize) -> Vec<std::ops::Range<usize>> {
    (0..len).step_by(rows).map(|start| start..(start + rows).min(len)).collect()
}

/// Rows of a page where nothing else is said.
const PAGE_ROWS: usize = 1 << 16;

/// Columns that another follows from, each with numbers that nobody has found yet.
pub(crate) fn referenced<'a>(
    references: &[&'a Values],
    numberings: &'a [Numbering],
) -> Vec<Referenced<'a>> {
    let both = references.iter().zip(numberings);
    both.map(|(values, numbering)| Referenced { values, numbering }).collect()
}

/// Encodes a chunk of pages of 64 Ki rows.
pub(crate) fn encode(
    values: &Values,
    validity: Option<&BooleanBuffer>,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> ncf_core::Result<EncodedChunk> {
    encode_in(PAGE_ROWS, values, validity, options, state)
}

/// Encodes a chunk of pages of so many rows.
pub(crate) fn encode_in(
    rows: usize,
    values: &Values,
    validity: Option<&BooleanBuffer>,
    options: &EncodeOptions,
    state: &mut ChooserState,
) -> ncf_core::Result<EncodedChunk> {
    let pages = pages(values.len(), rows);
    let interruption = &Interruption::default();
    let numbering = &Numbering::default();
    let input = ChunkInput { values, validity, pages: &pages, numbering, interruption };
    encode_chunk(&input, options, state)
}

/// Decodes every page and compares each valid row with the input.
pub(crate) fn check(values: &Values, validity: Option<&BooleanBuffer>, chunk: &EncodedChunk) {
    check_in(PAGE_ROWS, values, validity, chunk);
}

/// The same of pages of so many rows.
pub(crate) fn check_in(
    rows: usize,
    values: &Values,
    validity: Option<&BooleanBuffer>,
    chunk: &EncodedChunk,
) {
    let budget = Budget::new(1 << 30);
    let physical = values.physical();
    let shared = chunk.shared_pages(physical, &budget).unwrap();
    for (range, page) in pages(values.len(), rows).iter().zip(&chunk.pages) {
        let mut padded = page.bytes.clone();
        padded.resize(padded.len().next_multiple_of(64), 0);
        let decoded = decode_page(&padded, physical, range.len(), false, &shared, &budget).unwrap();
        assert_eq!(decoded.values.len(), range.len());
        let want = values.slice(range.start, range.len());
        let valid = validity.map(|validity| validity.slice(range.start, range.len()));
        let all_null = valid.as_ref().is_some_and(|valid| valid.count_set_bits() == 0);
        if let Some(valid) = valid.filter(|valid| valid.count_set_bits() < range.len()) {
            assert_eq!(decoded.validity.unwrap(), valid, "{}", page.tree);
        } else {
            assert!(decoded.validity.is_none());
        }
        check_slices(&decoded.values, &budget);
        let got = decoded.values.into_flat(&budget).unwrap();
        assert!(all_null || got.bits_equal(&want), "{} of {physical:?}", page.tree);
    }
}

/// Slices of the structured form are the slices of the flat form.
fn check_slices(values: &DecodedValues, budget: &Budget) {
    let len = values.len();
    let flat = values.clone().into_flat(budget).unwrap();
    for (offset, count) in [(0, len), (len / 3, len / 2), (len, 0), (len / 2, 1.min(len))] {
        let slice = values.slice(offset, count);
        assert_eq!(slice.len(), count);
        assert!(slice.into_flat(budget).unwrap().bits_equal(&flat.slice(offset, count)));
    }
}
