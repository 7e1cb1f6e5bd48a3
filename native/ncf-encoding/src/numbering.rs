//! The values of a column by number, found once for all that need them: its dictionary, its statistics, and the maps that
//! it is a key or the target of.

use std::sync::{Mutex, PoisonError};

use ncf_core::Values;

use crate::encodings::dictionary::{self, MAX_BYTES, MAX_ENTRIES, Numbered};

/// The numbers of one column's values in one block, once somebody asked for them. Whoever asks while another thread looks
/// for them waits, and gets the same.
#[derive(Debug, Default)]
pub struct Numbering(Mutex<Known>);

#[derive(Debug, Default)]
enum Known {
    /// There are more different values than this, or too many bytes of so many.
    MoreThan(usize),
    Found(Numbered),
    #[default]
    Nothing,
}

impl Numbering {
    /// The numbers of all values, which are always the same ones; `None` where they are too many for any map.
    pub(crate) fn of(&self, values: &Values) -> Option<Numbered> {
        self.within(values, MAX_ENTRIES)
    }

    /// The same, `None` where there are more than so many different ones.
    pub(crate) fn within(&self, values: &Values, entries: usize) -> Option<Numbered> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Known::Found(numbered) => {
                return (numbered.values.len() <= entries).then(|| numbered.clone());
            }
            Known::MoreThan(least) if entries <= *least => return None,
            Known::MoreThan(_) | Known::Nothing => {}
        }
        let found = dictionary::build(values, entries, MAX_BYTES);
        *known = found.clone().map_or(Known::MoreThan(entries), Known::Found);
        found
    }

    /// The numbers, where somebody asked for them and there are any.
    pub fn known(&self) -> Option<Numbered> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Known::Found(numbered) => Some(numbered.clone()),
            Known::MoreThan(_) | Known::Nothing => None,
        }
    }

    /// Frees the memory.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Known::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_once_and_within_a_limit() {
        let values = Values::I64((0..1000).map(|row| row % 100 * 1_000_000_007).collect());
        let numbering = Numbering::default();
        assert!(numbering.known().is_none());
        assert!(numbering.within(&values, 99).is_none() && numbering.known().is_none());
        assert!(numbering.within(&values, 50).is_none());
        let found = numbering.of(&values).unwrap();
        assert_eq!((found.values.len(), found.codes.len()), (100, 1000));
        // Of no other values: nobody looks at them again.
        let again = numbering.of(&Values::I64(vec![7].into())).unwrap();
        assert_eq!(again.codes, found.codes);
        assert!(numbering.within(&values, 99).is_none() && numbering.known().is_some());
        numbering.forget();
        assert!(numbering.known().is_none());
    }
}
