//! Whether an index says the truth about the rows of its column: what `ncf verify` asks.

use arrow_buffer::BooleanBuffer;
use ncf_core::Values;

use super::order::{ChunkOrder, Keys, Vector};
use super::{Form, Index, Interval, Key};

/// Collects the rows of a column, and compares them with its index.
#[derive(Debug, Default)]
pub struct IndexProof {
    vectors: Vec<Vector<Key>>,
}

impl IndexProof {
    /// Adds rows: whole vectors, but for the last of a block.
    pub fn add(&mut self, index: &Index, values: &Values, validity: Option<&BooleanBuffer>) {
        let Some(ChunkOrder(keys)) = ChunkOrder::with(values, validity, usize::MAX) else { return };
        match keys {
            Keys::Codes(found) => self.extend(index, found, |code| index.map_code(&code)),
            Keys::Wide(found) => self.extend(index, found, |value| index.map_wide(value)),
            Keys::Text(found) => self.extend(index, found, |text| index.map_text(&text)),
        }
    }

    fn extend<K>(&mut self, index: &Index, found: Vec<Vector<K>>, key: impl Fn(K) -> Option<Key>) {
        for Vector { bounds, ascends, descends } in found {
            let mapped = bounds.and_then(|(least, most)| Some((key(least)?, key(most)?)));
            self.vectors.push(if index.descending {
                let bounds = mapped.map(|(least, most)| (most, least));
                Vector { bounds, ascends: descends, descends: ascends }
            } else {
                Vector { bounds: mapped, ascends, descends }
            });
        }
    }

    /// Whether the rows are in order where the index says so, exceptions lie within their bounds, and every key
    /// is where a search looks for it.
    pub fn holds(&self, index: &Index) -> bool {
        let mut last: Option<&Key> = None;
        for (number, vector) in (0u64..).zip(&self.vectors) {
            let Some((least, most)) = &vector.bounds else { continue };
            if let Ok(at) = index.exceptions.binary_search_by_key(&number, |e| e.vector) {
                let bounds = index.exceptions.get(at).and_then(|exception| exception.bounds);
                let outside =
                    |(low, high): (u64, u64)| *least < Key::Code(low) || *most > Key::Code(high);
                if bounds.is_some_and(outside) {
                    return false;
                }
                continue;
            }
            if !vector.ascends || last.is_some_and(|last| last > least) {
                return false;
            }
            last = Some(most);
        }
        self.vectors.len() as u64 == index.vectors && self.searches_hold(index)
    }

    /// Whether searches for the first and last keys of vectors name the vectors.
    fn searches_hold(&self, index: &Index) -> bool {
        (0u64..).zip(&self.vectors).all(|(number, vector)| {
            let Some((least, most)) = &vector.bounds else { return true };
            let window = |key: &Key| {
                index.window(&Interval { from: Some(key.clone()), to: Some(key.clone()) })
            };
            index.is_exception(number)
                || [least, most].into_iter().all(|key| window(key).contains(&number))
        })
    }
}

impl Index {
    fn map_code(&self, code: &u64) -> Option<Key> {
        (!matches!(self.form, Form::Text(_))).then(|| Key::Code(self.turned(*code)))
    }

    fn map_wide(&self, value: i128) -> Option<Key> {
        self.key_of(&Values::I128(vec![value].into()), 0)
    }

    fn map_text(&self, text: &[u8]) -> Option<Key> {
        self.key_of(&Values::Bytes([text].into_iter().collect()), 0)
    }
}
