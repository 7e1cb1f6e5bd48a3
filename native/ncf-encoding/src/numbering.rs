//! The values of a column by number, found once for all that need them: its dictionary, its statistics, and the maps that
//! it is a key or the target of.

use std::sync::{Mutex, PoisonError};

use ncf_core::{ByteValues, Error, Result, Values};

use crate::encodings::dictionary::{self, MAX_BYTES, MAX_ENTRIES, Numbered};
use crate::encodings::pieces::{Piece, whole};

/// The numbers of one column's values in one block, once somebody asked for them. Whoever asks while another thread looks
/// for them waits, and gets the same.
#[derive(Debug, Default)]
pub struct Numbering(Mutex<Known>);

#[derive(Debug, Default)]
enum Known {
    /// There are more different values than this, or too many bytes of so many.
    MoreThan(usize),
    Found {
        numbered: Numbered,
        /// Whether they were compared with the values.
        proven: bool,
    },
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
            Known::Found { numbered, .. } => {
                return (numbered.values.len() <= entries).then(|| numbered.clone());
            }
            Known::MoreThan(least) if entries <= *least => return None,
            Known::MoreThan(_) | Known::Nothing => {}
        }
        let found = dictionary::build(values, entries, MAX_BYTES);
        *known = match found.clone() {
            Some(numbered) => Known::Found { numbered, proven: false },
            None => Known::MoreThan(entries),
        };
        found
    }

    /// The numbers, where somebody asked for them and there are any.
    pub fn known(&self) -> Option<Numbered> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Known::Found { numbered, .. } => Some(numbered.clone()),
            Known::MoreThan(_) | Known::Nothing => None,
        }
    }

    /// The numbers of strings, where somebody asked for them and there are any, after a look at whether each is that of its
    /// row: for who checks what was made with them. `Internal` where one is not.
    pub fn proven(&self, strings: &ByteValues) -> Result<Option<Numbered>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known::Found { numbered, proven } = &mut *known else { return Ok(None) };
        if !*proven {
            let Values::Bytes(distinct) = &numbered.values else { return Ok(None) };
            let distinct: Vec<Piece<'_>> = whole(distinct).collect();
            let is = |(string, code): (Piece<'_>, &u32)| {
                distinct.get(*code as usize).is_some_and(|have| have.same(&string))
            };
            let complete = numbered.codes.len() == strings.len();
            if !complete || !whole(strings).zip(&*numbered.codes).all(is) {
                return Err(Error::internal("a row has the number of another value"));
            }
            *proven = true;
        }
        Ok(Some(numbered.clone()))
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
    fn numbers_of_other_strings_are_no_proof() {
        let strings = |column: [&str; 4]| -> ByteValues { column.into_iter().collect() };
        let column = strings(["b", "a", "b", "a string of more than a head"]);
        let numbering = || {
            let numbering = Numbering::default();
            numbering.of(&Values::Bytes(column.clone())).unwrap();
            numbering
        };
        assert!(Numbering::default().proven(&column).unwrap().is_none());
        let sound = numbering();
        assert_eq!(*sound.proven(&column).unwrap().unwrap().codes, [2, 0, 2, 1]);
        for other in [
            strings(["b", "a", "a", "a string of more than a head"]),
            strings(["b", "a", "b", "a string of more than a hand"]),
            ["b", "a", "b"].into_iter().collect(),
        ] {
            assert!(numbering().proven(&other).is_err());
        }
    }

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
