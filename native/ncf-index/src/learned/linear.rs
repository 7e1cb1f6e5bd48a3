//! A piecewise-linear model of a sequence that never falls: from a key to how many vectors begin below it.
//!
//! Let S₀ ≤ S₁ ≤ … be the sequence, m long, and J(k) the number of its members below k. The model e is made
//! of segments; for a key k of the segment (k₀, y₀, a, s)
//!
//! ```text
//! e(k) = min(y₀ + ((k − k₀) · a >> s), y₀ of the next segment, 1024 · m)
//! ```
//!
//! in whole numbers, 64 × 32 bits in 128: the same on every machine. y₀ never falls from one segment to the
//! next and a is not negative, so e never falls. **Bounds.** For S(j−1) < k ≤ S(j) it is J(k) = j and
//! e(S(j−1) + 1) ≤ e(k) ≤ e(S(j)). So with
//!
//! ```text
//! below = max over j of e(S(j)) − 1024·j            above = max over j of 1024·j − e(S(j−1) + 1)
//! ```
//!
//! 1024·J(k) lies in e(k) − below ‥ e(k) + above for EVERY key, whether it occurs or not: no pass over the
//! rows, no probability. Writers take the two maxima from the segments as they are stored.

use ncf_core::{Error, Result};

use super::fit;
use crate::wire::{Cursor, put_varint};

/// The position of a vector in units of the model.
pub(super) const UNIT: u64 = 1024;

/// A line of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// First key.
    pub(super) key: u64,
    /// Position there.
    pub(super) start: u64,
    /// Positions a key, times 2^shift.
    pub(super) slope: u32,
    pub(super) shift: u8,
}

impl Segment {
    /// The position of a key, not limited by what comes after.
    pub(super) fn raw(&self, key: u64) -> u64 {
        let product = u128::from(key.saturating_sub(self.key)) * u128::from(self.slope);
        let far = u64::try_from(product >> self.shift).unwrap_or(u64::MAX);
        self.start.saturating_add(far)
    }
}

/// The model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Linear {
    pub(super) segments: Vec<Segment>,
    /// How far the truth can be below the model, and above it.
    pub(super) below: u64,
    pub(super) above: u64,
    /// Members of the sequence.
    pub(super) count: u64,
}

impl Linear {
    /// Fits a sequence that never falls.
    pub(super) fn learn(sequence: &[u64], epsilon: u32) -> Self {
        let count = sequence.len() as u64;
        let segments = fit::segments(points(sequence), epsilon);
        let mut model = Self { segments, below: 0, above: 0, count };
        let (mut below, mut above) = (0, 0);
        for Run { key, begin, end } in runs(sequence) {
            below = below.max(model.at(key).saturating_sub(begin));
            if let Some(next) = key.checked_add(1) {
                above = above.max(end.saturating_sub(model.at(next)));
            }
        }
        (model.below, model.above) = (below, above);
        model
    }

    /// e(k), of a key that is not below the first.
    fn at(&self, key: u64) -> u64 {
        let next = self.segments.partition_point(|segment| segment.key <= key);
        let segment = next.checked_sub(1).and_then(|at| self.segments.get(at));
        let most = self.count.saturating_mul(UNIT);
        let limit = self.segments.get(next).map_or(most, |next| next.start.min(most));
        segment.map_or(0, |segment| segment.raw(key).min(limit))
    }

    /// The least and the most that J(k) can be.
    pub(super) fn count_below(&self, key: u64) -> (u64, u64) {
        if self.segments.first().is_none_or(|first| key <= first.key) {
            return (0, 0);
        }
        let at = self.at(key);
        let least = at.saturating_sub(self.below).div_ceil(UNIT);
        let most = at.saturating_add(self.above) / UNIT;
        (least.min(self.count), most.min(self.count))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.segments.len() as u64);
        put_varint(out, self.below);
        put_varint(out, self.above);
        let (mut key, mut start) = (0, 0);
        for segment in &self.segments {
            put_varint(out, segment.key - key);
            put_varint(out, segment.start - start);
            out.extend_from_slice(&segment.slope.to_le_bytes());
            out.push(segment.shift);
            (key, start) = (segment.key, segment.start);
        }
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>, count: u64) -> Result<Self> {
        let wanted = cursor.varint()?;
        let (below, above) = (cursor.varint()?, cursor.varint()?);
        let mut segments: Vec<Segment> = cursor.items(wanted, 7)?;
        for _ in 0..wanted {
            let (by, rise) = (cursor.varint()?, cursor.varint()?);
            let (slope, shift) = (cursor.u32()?, cursor.u8()?);
            let (key, start) = segments.last().map_or((0, 0), |last| (last.key, last.start));
            let falls = by == 0 && !segments.is_empty();
            let next = key.checked_add(by).zip(start.checked_add(rise));
            let Some((key, start)) = next.filter(|_| !falls && shift < 64) else {
                return Err(Error::corrupt("the segments of an index are out of order"));
            };
            segments.push(Segment { key, start, slope, shift });
        }
        Ok(Self { segments, below, above, count })
    }
}

/// Members of a sequence that are the same.
pub(super) struct Run {
    pub(super) key: u64,
    /// Position of the first, and after the last.
    pub(super) begin: u64,
    pub(super) end: u64,
}

pub(super) fn runs(sequence: &[u64]) -> impl Iterator<Item = Run> + '_ {
    let mut begin = 0;
    sequence.chunk_by(|a, b| a == b).filter_map(move |run| {
        let end = begin + run.len() as u64 * UNIT;
        let found = run.first().map(|key| Run { key: *key, begin, end });
        begin = end;
        found
    })
}

/// What the model has to be near to: of each key its own position, and of the key after it the one after its
/// run. Without the latter a key between two runs would be looked for along the whole first one.
fn points(sequence: &[u64]) -> impl Iterator<Item = (u64, u64)> + '_ {
    let mut last = None;
    let both = runs(sequence).flat_map(|Run { key, begin, end }| {
        [Some((key, begin)), key.checked_add(1).map(|next| (next, end))]
    });
    both.flatten().filter(move |(key, _)| {
        let fresh = last != Some(*key);
        last = Some(*key);
        fresh
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key near a member is where the model says.
    fn check(sequence: &[u64], epsilon: u32) -> Linear {
        let model = Linear::learn(sequence, epsilon);
        let keys = sequence.iter().flat_map(|key| {
            [key.saturating_sub(1), *key, key.saturating_add(1), key ^ (1 << 40), !key, key / 2]
        });
        for key in keys.chain([0, 1, u64::MAX]) {
            let truth = sequence.partition_point(|member| *member < key) as u64;
            let (least, most) = model.count_below(key);
            assert!((least..=most).contains(&truth), "{key}: {truth} is not in {least}..={most}");
        }
        let mut bytes = Vec::new();
        model.encode(&mut bytes);
        let mut cursor = Cursor::new("an index", &bytes);
        assert_eq!(Linear::decode(&mut cursor, model.count).unwrap(), model);
        cursor.finish().unwrap();
        model
    }

    #[test]
    fn every_key_is_in_its_window() {
        check(&[], 1536);
        check(&[7], 1536);
        check(&[0, u64::MAX], 1536);
        check(&[5; 1000], 1536);
        check(&[u64::MAX; 10], 1536);
        check(&(0..10_000).collect::<Vec<_>>(), 1536);
        let mut state = 1u64;
        let mut random = |bits: u32| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> (64 - bits)
        };
        for bits in [1, 3, 10, 30, 50] {
            let mut key = 0u64;
            let sequence: Vec<u64> = (0..3000)
                .map(|_| {
                    key = key.saturating_add(random(bits));
                    key
                })
                .collect();
            let model = check(&sequence, 1536);
            assert!(model.below + model.above <= 2 * 1536 + 512, "{} {}", model.below, model.above);
            let mut uniform: Vec<u64> = (0..3000).map(|_| random(64)).collect();
            uniform.sort_unstable();
            check(&uniform, 512);
        }
    }

    #[test]
    fn smooth_keys_need_few_segments() {
        let model = check(&(0..100_000).map(|i| i * 1_000_003).collect::<Vec<_>>(), 1536);
        assert_eq!(model.segments.len(), 1);
        assert!(model.below + model.above <= 2 * 1536 + 2);
    }
}
