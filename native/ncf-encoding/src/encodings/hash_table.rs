//! A hash table of numbers: whoever uses it keeps what the numbers stand for.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A hash that nobody who makes a file can foresee: tables that readers build of what files hold use it, so that no
/// file can make their look-ups long.
#[inline]
pub(crate) fn seeded_hash(bytes: &[u8]) -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    xxh3_64_with_seed(bytes, *SEED.get_or_init(|| RandomState::new().hash_one(0u8)))
}

/// Slots of the smallest table.
const LEAST_SLOTS: usize = 1024;

/// An open-addressing table of entry numbers: `hash's high half << 32 | entry + 1`, 0 = free.
#[derive(Debug, Default)]
pub(crate) struct HashTable {
    slots: Vec<u64>,
    entries: u32,
}

impl HashTable {
    /// About how many bytes a table of so many entries takes.
    pub(crate) fn bytes_for(entries: usize) -> usize {
        let slots = entries.saturating_mul(2).checked_next_power_of_two().unwrap_or(usize::MAX);
        slots.max(LEAST_SLOTS).saturating_mul(8)
    }

    /// The entry that `same` accepts, or the number of a new one. `None` when numbers run out.
    pub(crate) fn code(&mut self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        if (self.entries as usize + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let (at, found) = self.probe(hash, same)?;
        if found.is_some() {
            return found;
        }
        let code = self.entries;
        self.entries = self.entries.checked_add(1)?;
        *self.slots.get_mut(at)? = tag(hash) | u64::from(self.entries);
        Some(code)
    }

    /// The entry that `same` accepts.
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        self.probe(hash, same)?.1
    }

    /// Where the hash's entry is and its number; without one, where it would go.
    fn probe(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<(usize, Option<u32>)> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = home(hash, mask);
        loop {
            let slot = *self.slots.get(at)?;
            if slot == 0 {
                return Some((at, None));
            }
            if tag(slot) == tag(hash) {
                let code = u32::try_from(slot & u64::from(u32::MAX)).ok()? - 1;
                if same(code) {
                    return Some((at, Some(code)));
                }
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(LEAST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![0; size]);
        for slot in old.into_iter().filter(|slot| *slot != 0) {
            let mut at = home(slot, size - 1);
            while let Some(place) = self.slots.get_mut(at) {
                if *place == 0 {
                    *place = slot;
                    break;
                }
                at = (at + 1) & (size - 1);
            }
        }
    }
}

/// The half of a hash that slots keep.
fn tag(hash: u64) -> u64 {
    hash & !u64::from(u32::MAX)
}

/// The first slot to look at, from the half of the hash that slots keep.
fn home(hash: u64, mask: usize) -> usize {
    usize::try_from(hash >> 32).unwrap_or(0) & mask
}
