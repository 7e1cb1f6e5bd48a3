//! Rows by equal keys.

use super::sample::mix;

/// Places of rows, those with equal keys side by side, in ascending order within a key.
pub(super) struct Groups {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Groups {
    /// Groups of dense numbers below `distinct`.
    pub(super) fn new(ids: &[u32], distinct: usize) -> Self {
        let mut starts = vec![0u32; distinct + 1];
        for id in ids {
            if let Some(start) = starts.get_mut(*id as usize + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut places = vec![0u32; ids.len()];
        for (place, id) in (0u32..).zip(ids) {
            if let Some(next) = next.get_mut(*id as usize) {
                if let Some(slot) = places.get_mut(*next as usize) {
                    *slot = place;
                }
                *next += 1;
            }
        }
        Self { starts, places }
    }

    /// The groups, each as the places of its rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> + Clone {
        self.starts
            .iter()
            .zip(self.starts.iter().skip(1))
            .map(|(start, end)| self.places.get(*start as usize..*end as usize).unwrap_or(&[]))
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.places.len()
    }

    /// How many groups have one row, and how many two.
    pub(super) fn rare(&self) -> (usize, usize) {
        let mut rare = (0, 0);
        for group in self.iter() {
            rare.0 += usize::from(group.len() == 1);
            rare.1 += usize::from(group.len() == 2);
        }
        rare
    }

    /// Rows a key in a block of `rows` rows of which this is a uniform sample, by how often two
    /// rows have the same key.
    pub(super) fn multiplicity(&self, rows: usize) -> f64 {
        let sampled = self.rows() as f64;
        let pairs: f64 = self
            .iter()
            .map(|group| {
                let count = group.len() as f64;
                count * (count - 1.0)
            })
            .sum();
        1.0 + pairs / (sampled * (sampled - 1.0).max(1.0)) * (rows as f64 - 1.0)
    }
}

/// Numbers equal keys the same, from 0 on in the order of their first row; and how many there are.
pub(super) fn number(keys: impl ExactSizeIterator<Item = u64>) -> (Vec<u32>, usize) {
    const EMPTY: u32 = u32::MAX;
    let size = (keys.len() * 2).next_power_of_two().max(16);
    let mut slots = vec![(0u64, EMPTY); size];
    let mut ids = Vec::with_capacity(keys.len());
    let mut distinct = 0u32;
    for key in keys {
        #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
        let mut slot = mix(key) as usize & (size - 1);
        // Half of the slots stay empty, so that this ends.
        while let Some(entry) = slots.get_mut(slot) {
            if entry.1 == EMPTY {
                *entry = (key, distinct);
                ids.push(distinct);
                distinct += 1;
                break;
            }
            if entry.0 == key {
                ids.push(entry.1);
                break;
            }
            slot = (slot + 1) & (size - 1);
        }
    }
    (ids, distinct as usize)
}
