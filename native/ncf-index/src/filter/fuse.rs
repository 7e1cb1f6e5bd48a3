//! Binary fuse filters with fingerprints of eight bits: whether a set of hashes may hold one, in 9 to 10 bits a
//! hash, wrong for one in 256 of those that it does not hold (Graf and Lemire, "Binary fuse filters: fast and
//! smaller than xor filters", JEA 27, 2022).
//!
//! A hash has three places in a table, one in each of three segments that follow one another, and the three bytes
//! there give its fingerprint when they are combined by exclusive or.

use ncf_core::hash::hash_u64;
use ncf_core::{Error, Result};

use crate::wire::Cursor;

/// The kind of filter.
const FUSE: u8 = 1;
/// Bytes before the fingerprints.
const HEAD: usize = 16;
/// Zeros that may follow a filter are fewer than this.
const PADDING: usize = 64;
/// Bits of the longest segment.
const SEGMENT_BITS: u8 = 18;
/// Seeds that are tried: one in a few fails, all of them practically never.
const TRIES: u64 = 100;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuseFilter {
    seed: u64,
    /// Slots of a segment: 2 to this power.
    segment_bits: u8,
    fingerprints: Vec<u8>,
}

impl FuseFilter {
    /// The filter of hashes, of which no two are the same; `None` where none can be made, which practically
    /// never happens.
    pub fn new(hashes: &[u64]) -> Option<Self> {
        let (segment_bits, slots) = layout(hashes.len());
        let mut filter = Self { seed: 0, segment_bits, fingerprints: vec![0; slots] };
        let mut builder = Builder::new(slots, hashes.len());
        (0..TRIES).find_map(|seed| {
            filter.seed = hash_u64(seed);
            builder.fill(&mut filter, hashes).then(|| filter.clone())
        })
    }

    /// Whether the hash may be one of the filter's.
    pub fn may_contain(&self, hash: u64) -> bool {
        let hash = self.mixed(hash);
        let found = self.places(hash).into_iter().fold(fingerprint(hash), |found, place| {
            found ^ self.fingerprints.get(place).copied().unwrap_or_default()
        });
        found == 0
    }

    /// The bytes: `seed u64 · bits of a segment u8 · kind u8 · zeros, 2 · fingerprints u32 · these`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + self.fingerprints.len());
        out.extend(self.seed.to_le_bytes());
        out.extend([self.segment_bits, FUSE, 0, 0]);
        out.extend(u32::try_from(self.fingerprints.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&self.fingerprints);
        out
    }

    /// Reads a filter, which zeros may follow up to the end of its page. `None` where it is of a kind that this
    /// version does not know, which may hold anything.
    ///
    /// # Errors
    /// `Corrupt` where it has no whole segments, or fewer than three, or is followed by anything else.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>> {
        let mut cursor = Cursor::new("a filter", bytes);
        let (seed, segment_bits, kind) = (cursor.u64()?, cursor.u8()?, cursor.u8()?);
        if kind != FUSE {
            return Ok(None);
        }
        let zeros = cursor.take(2)?;
        let length = cursor.u32()? as usize;
        let fingerprints = cursor.take(length)?.to_vec();
        let padding = cursor.take(bytes.len().saturating_sub(HEAD + length))?;
        let whole = segment_bits <= SEGMENT_BITS
            && length >> segment_bits >= 3
            && length.is_multiple_of(1 << segment_bits);
        if !whole || padding.len() >= PADDING || zeros.iter().chain(padding).any(|byte| *byte != 0)
        {
            return Err(Error::corrupt(
                "a filter has no whole segments, or bytes that belong to nothing",
            ));
        }
        Ok(Some(Self { seed, segment_bits, fingerprints }))
    }

    fn mixed(&self, hash: u64) -> u64 {
        hash_u64(hash.wrapping_add(self.seed))
    }

    /// The three places of a mixed hash.
    fn places(&self, hash: u64) -> [usize; 3] {
        let length = 1usize << self.segment_bits;
        let firsts = self.fingerprints.len().saturating_sub(2 * length) as u64;
        let first = usize::try_from((u128::from(hash) * u128::from(firsts)) >> 64).unwrap_or(0);
        let low = |bits: u64| usize::try_from(bits & (length as u64 - 1)).unwrap_or(0);
        [first, (first + length) ^ low(hash >> 18), (first + 2 * length) ^ low(hash)]
    }
}

fn fingerprint(hash: u64) -> u8 {
    u8::try_from((hash ^ hash >> 32) & 0xFF).unwrap_or(0)
}

/// From so many hashes on, the bits of a segment and how many slots a hash gets, in thousandths: the authors'
/// ln n / ln 3.33 + 2.25 and 0.875 + ln 10^6 / 4 ln n, at least 1.125, as numbers that are the same on every machine.
const LAYOUTS: [(usize, u8, usize); 17] = [
    (0, 2, 5858),
    (3, 3, 4019),
    (9, 4, 2447),
    (28, 5, 1912),
    (92, 6, 1639),
    (304, 7, 1479),
    (1010, 8, 1374),
    (3362, 9, 1300),
    (11_193, 10, 1245),
    (37_273, 11, 1203),
    (124_118, 12, 1169),
    (413_310, 13, 1142),
    (1_376_322, 14, 1125),
    (4_583_150, 15, 1125),
    (15_261_887, 16, 1125),
    (50_822_082, 17, 1125),
    (169_237_530, SEGMENT_BITS, 1125),
];

/// Bits of a segment, and slots in all, for so many hashes.
fn layout(hashes: usize) -> (u8, usize) {
    let place = LAYOUTS.partition_point(|(from, ..)| *from <= hashes).saturating_sub(1);
    let (_, bits, factor) = LAYOUTS.get(place).copied().unwrap_or((0, SEGMENT_BITS, 1125));
    let slots = (hashes.saturating_mul(factor) / 1000).max(2);
    let segments = slots.div_ceil(1 << bits).max(3);
    (bits, segments << bits)
}

/// What is needed to place hashes, kept from one try to the next.
struct Builder {
    /// Of each slot, how many hashes have a place there, and all of them combined by exclusive or.
    counts: Vec<u32>,
    combined: Vec<u64>,
    /// Slots of which one hash was left, and that hash.
    order: Vec<(usize, u64)>,
    ready: Vec<usize>,
}

impl Builder {
    fn new(slots: usize, hashes: usize) -> Self {
        Self {
            counts: vec![0; slots],
            combined: vec![0; slots],
            order: Vec::with_capacity(hashes),
            ready: Vec::new(),
        }
    }

    /// Gives every hash a slot of its own, in an order in which each slot can be set last: hashes that are alone
    /// in a slot are taken away until none is left. False where some remain.
    fn fill(&mut self, filter: &mut FuseFilter, hashes: &[u64]) -> bool {
        self.counts.fill(0);
        self.combined.fill(0);
        self.order.clear();
        for hash in hashes {
            let mixed = filter.mixed(*hash);
            for place in filter.places(mixed) {
                self.toggle(place, mixed, true);
            }
        }
        let alone = self.counts.iter().enumerate().filter(|(_, count)| **count == 1);
        self.ready.extend(alone.map(|(slot, _)| slot));
        while let Some(slot) = self.ready.pop() {
            if self.counts.get(slot) != Some(&1) {
                continue;
            }
            let Some(mixed) = self.combined.get(slot).copied() else { continue };
            self.order.push((slot, mixed));
            for place in filter.places(mixed) {
                self.toggle(place, mixed, false);
                if self.counts.get(place) == Some(&1) {
                    self.ready.push(place);
                }
            }
        }
        if self.order.len() < hashes.len() {
            return false;
        }
        filter.fingerprints.fill(0);
        for (slot, mixed) in self.order.iter().rev() {
            let all = filter.places(*mixed).into_iter().fold(fingerprint(*mixed), |all, place| {
                all ^ filter.fingerprints.get(place).copied().unwrap_or_default()
            });
            if let Some(own) = filter.fingerprints.get_mut(*slot) {
                *own = all;
            }
        }
        true
    }

    fn toggle(&mut self, slot: usize, mixed: u64, add: bool) {
        if let (Some(count), Some(all)) = (self.counts.get_mut(slot), self.combined.get_mut(slot)) {
            *count = if add { *count + 1 } else { count.saturating_sub(1) };
            *all ^= mixed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u64, from: u64) -> Vec<u64> {
        (from..from + count).map(hash_u64).collect()
    }

    #[test]
    fn every_hash_is_found_and_few_others() {
        for count in [0, 1, 2, 3, 10, 100, 1000, 16_384, 100_000] {
            let filter = FuseFilter::new(&hashes(count, 7)).unwrap();
            let back = FuseFilter::decode(&filter.encode()).unwrap().unwrap();
            assert_eq!(back, filter);
            assert!(hashes(count, 7).iter().all(|hash| back.may_contain(*hash)));
            let others = hashes(100_000, 1 << 40);
            let wrong = others.iter().filter(|hash| back.may_contain(**hash)).count();
            // 1 in 256 is 391; the limit is 1.2 times that.
            assert!(wrong <= 469, "{wrong} of {count}");
            if count > 10_000 {
                let bits = filter.encode().len() as f64 * 8.0 / count as f64;
                assert!(bits < 10.2, "{bits} bits a hash for {count}");
            }
        }
    }

    #[test]
    fn damaged_filters_are_errors_or_answer() {
        let bytes = FuseFilter::new(&hashes(50, 1)).unwrap().encode();
        for len in 0..bytes.len() {
            assert!(FuseFilter::decode(&bytes[..len]).is_err(), "{len} bytes");
        }
        let mut other = bytes.clone();
        other[9] = 2;
        assert_eq!(FuseFilter::decode(&other).unwrap(), None);
        for bits in 0..=255 {
            let mut damaged = bytes.clone();
            damaged[8] = bits;
            if let Ok(Some(filter)) = FuseFilter::decode(&damaged) {
                hashes(100, 3).iter().for_each(|hash| {
                    filter.may_contain(*hash);
                });
            }
        }
    }
}
