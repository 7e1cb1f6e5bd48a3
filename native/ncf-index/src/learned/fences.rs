//! Fences: every so manieth member of a sequence that never falls, from which a search narrows.

use ncf_core::{Error, Result};

use crate::wire::{Cursor, put_varint};

/// Members of a sequence, evenly spaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fences<K> {
    /// How far apart they are.
    pub(super) stride: u64,
    pub(super) keys: Vec<K>,
    /// Members of the sequence.
    pub(super) count: u64,
    /// Bits of the differences that are stored apart; of numbers alone.
    low: u8,
}

/// The most such bits.
const LOW_BITS: u8 = 32;

impl<K: Ord + Clone> Fences<K> {
    /// Every `stride`th member.
    pub(super) fn of(sequence: &[K], stride: usize) -> Self {
        let keys = sequence.iter().step_by(stride).cloned().collect();
        Self { stride: stride as u64, keys, count: sequence.len() as u64, low: 0 }
    }

    /// The least and the most that the number of members can be for which `below` holds, which it does for
    /// the first of them.
    pub(super) fn count_below(&self, below: impl Fn(&K) -> bool) -> (u64, u64) {
        let fences = self.keys.partition_point(below) as u64;
        // The last fence below is one; the next is none.
        let least = fences.checked_sub(1).map_or(0, |last| last * self.stride + 1);
        (least.min(self.count), (fences * self.stride).min(self.count))
    }
}

/// How many fences a sequence has.
fn fences_of(count: u64, stride: u64) -> Result<u64> {
    if stride == 0 {
        return Err(Error::corrupt("the fences of an index have no distance"));
    }
    Ok(count.div_ceil(stride))
}

/// The greatest number that divides both; 0 divides nothing but 0.
fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Fences<u64> {
    /// Every `stride`th member, in the shortest of some forms, and how long it is when it is stored.
    pub(super) fn shortest(
        sequence: &[u64],
        stride: usize,
        stored: &dyn Fn(&[u8]) -> u64,
    ) -> (Self, u64) {
        let fences = Self::of(sequence, stride);
        let mut gaps: Vec<u64> = fences.gaps().collect();
        let unit = unit(&gaps);
        let middle = gaps.len() / 2;
        let middle = if gaps.is_empty() { 0 } else { *gaps.select_nth_unstable(middle).1 / unit };
        let length = u8::try_from(middle.checked_ilog2().map_or(0, |log| log + 1)).unwrap_or(0);
        // The lowest bits of most gaps are noise, which bytes of a varint hold badly. What repeats, repeats whole.
        let low = |less: u8| length.saturating_sub(less).min(LOW_BITS);
        let mut tried = vec![0, low(5), low(3)];
        tried.dedup();
        let mut best = (u64::MAX, 0);
        for low in tried {
            let mut bytes = Vec::new();
            Self { low, ..fences.clone() }.encode(&mut bytes);
            best = best.min((stored(&bytes), low));
        }
        let (bytes, low) = best;
        (Self { low, ..fences }, bytes)
    }

    fn gaps(&self) -> impl Iterator<Item = u64> + '_ {
        let next = self.keys.get(1..).unwrap_or_default();
        self.keys.iter().zip(next).map(|(key, next)| next - key)
    }

    /// Differences to the fence before, in units: times and prices are often whole seconds, or tens.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let gaps: Vec<u64> = self.gaps().collect();
        let unit = unit(&gaps);
        put_varint(out, self.stride);
        put_varint(out, unit);
        out.push(self.low);
        self.keys.first().into_iter().for_each(|first| put_varint(out, *first));
        // At most 7 bits wait, and `low` come.
        let (mut waiting, mut bits) = (0u64, 0u32);
        for gap in &gaps {
            waiting |= low_bits(gap / unit, self.low) << bits;
            bits += u32::from(self.low);
            while bits >= 8 {
                out.push(waiting.to_le_bytes()[0]);
                waiting >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(waiting.to_le_bytes()[0]);
        }
        gaps.iter().for_each(|gap| put_varint(out, (gap / unit) >> self.low));
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>, count: u64) -> Result<Self> {
        let (stride, unit, low) = (cursor.varint()?, cursor.varint()?, cursor.u8()?);
        if unit == 0 || low > LOW_BITS {
            return Err(Error::corrupt(
                "the fences of an index have no unit, or too many low bits",
            ));
        }
        let wanted = fences_of(count, stride)?;
        let mut keys: Vec<u64> = cursor.items(wanted, 1)?;
        if wanted > 0 {
            keys.push(cursor.varint()?);
        }
        let gaps = usize::try_from(wanted).unwrap_or(0).saturating_sub(1);
        let mut packed = cursor.take((gaps * usize::from(low)).div_ceil(8))?.iter();
        let (mut waiting, mut bits) = (0u64, 0u32);
        for _ in 0..gaps {
            while bits < u32::from(low) {
                waiting |= u64::from(packed.next().copied().unwrap_or(0)) << bits;
                bits += 8;
            }
            let last = keys.last().copied().unwrap_or(0);
            let next = cursor.varint()?.checked_mul(1 << low);
            let next = next.map(|high| high | low_bits(waiting, low));
            let next = next.and_then(|gap| gap.checked_mul(unit)?.checked_add(last));
            keys.push(next.ok_or_else(|| Error::corrupt("the fences of an index are too great"))?);
            waiting >>= low;
            bits -= u32::from(low);
        }
        Ok(Self { stride, keys, count, low })
    }
}

/// The lowest bits of a number.
fn low_bits(number: u64, bits: u8) -> u64 {
    number & ((1 << bits) - 1)
}

/// What divides all gaps.
fn unit(gaps: &[u64]) -> u64 {
    let common = |unit, gap: &u64| if unit == 1 { 1 } else { common_divisor(unit, *gap) };
    gaps.iter().fold(0, common).max(1)
}

impl Fences<Vec<u8>> {
    /// Front-coded: bytes shared with the fence before, number of other bytes, these.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.stride);
        let mut last: &[u8] = &[];
        for key in &self.keys {
            let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
            let rest = key.get(shared..).unwrap_or_default();
            put_varint(out, shared as u64);
            put_varint(out, rest.len() as u64);
            out.extend_from_slice(rest);
            last = key;
        }
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>, count: u64, longest: usize) -> Result<Self> {
        let stride = cursor.varint()?;
        let wanted = fences_of(count, stride)?;
        let mut keys: Vec<Vec<u8>> = cursor.items(wanted, 2)?;
        for _ in 0..wanted {
            let (shared, rest) = (cursor.varint_len()?, cursor.varint_len()?);
            let last = keys.last().map(Vec::as_slice).unwrap_or_default();
            let head =
                last.get(..shared).filter(|head| rest <= longest && head.len() + rest <= longest);
            let head = head.ok_or_else(|| Error::corrupt("a fence of an index is too long"))?;
            let key = [head, cursor.take(rest)?].concat();
            if key.as_slice() < last {
                return Err(Error::corrupt("the fences of an index are out of order"));
            }
            keys.push(key);
        }
        Ok(Self { stride, keys, count, low: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_its_window() {
        let sequence: Vec<u64> = (0..1000u64).map(|i| (i / 7) * 10).collect();
        let fences = Fences::of(&sequence, 4);
        for key in 0..1500 {
            let truth = sequence.partition_point(|member| *member < key) as u64;
            let (least, most) = fences.count_below(|fence| *fence < key);
            assert!(least <= truth && truth <= most && most - least <= 3, "{key}");
        }
        let mut bytes = Vec::new();
        fences.encode(&mut bytes);
        assert_eq!(
            Fences::<u64>::decode(&mut Cursor::new("an index", &bytes), 1000).unwrap(),
            fences
        );
        assert!(Fences::<u64>::decode(&mut Cursor::new("an index", &bytes), u64::MAX).is_err());
    }

    #[test]
    fn differences_are_stored_in_units() {
        let of = |sequence: &[u64]| {
            let fences = Fences::of(sequence, 1);
            let mut bytes = Vec::new();
            fences.encode(&mut bytes);
            let mut cursor = Cursor::new("an index", &bytes);
            assert_eq!(Fences::<u64>::decode(&mut cursor, fences.count).unwrap(), fences);
            cursor.finish().unwrap();
            bytes
        };
        assert_eq!(of(&[7, 7 + 300, 7 + 900, 7 + 900]), [1, 0xAC, 2, 0, 7, 1, 2, 0]);
        assert_eq!(of(&[5, 5]), [1, 1, 0, 5, 0]);
        assert_eq!(of(&[9]), [1, 1, 0, 9]);
        of(&[0, u64::MAX]);
        of(&[1, 2, u64::MAX]);
        let decode = |bytes: &[u8]| Fences::<u64>::decode(&mut Cursor::new("an index", bytes), 2);
        assert_eq!(decode(&[1, 3, 4, 5, 0x02, 1]).unwrap().keys, [5, 5 + 18 * 3]);
        assert!(decode(&[1, 0, 0, 5, 1]).is_err());
        assert!(decode(&[1, 1, 33, 5, 1, 0, 0, 0, 0, 0]).is_err());
        for head in [[1, 2, 0, 5].as_slice(), &[1, 1, 3, 5, 7]] {
            let most = [head, &[0xFF; 9], &[1]].concat();
            assert!(decode(&most).is_err());
        }
    }

    #[test]
    fn low_bits_are_stored_apart_where_that_is_shorter() {
        let (mut key, mut state) = (3u64, 7u64);
        let sequence: Vec<u64> = (0..999)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                key += (1 << 21) + (state >> 43);
                key
            })
            .collect();
        let length = |bytes: &[u8]| bytes.len() as u64;
        let (fences, stored) = Fences::shortest(&sequence, 1, &length);
        assert_eq!(fences.low, 17);
        for low in 0..=LOW_BITS {
            let fences = Fences { low, ..fences.clone() };
            let mut bytes = Vec::new();
            fences.encode(&mut bytes);
            assert!(stored <= length(&bytes) || ![0, 17, 19].contains(&low));
            let mut cursor = Cursor::new("an index", &bytes);
            assert_eq!(Fences::<u64>::decode(&mut cursor, 999).unwrap(), fences);
            cursor.finish().unwrap();
        }
    }

    #[test]
    fn strings_come_back() {
        let mut sequence: Vec<Vec<u8>> =
            (0..500).map(|i| format!("key-{i:05}").into_bytes()).collect();
        sequence.insert(0, Vec::new());
        let fences = Fences::of(&sequence, 3);
        let mut bytes = Vec::new();
        fences.encode(&mut bytes);
        let back =
            |longest| Fences::<Vec<u8>>::decode(&mut Cursor::new("an index", &bytes), 501, longest);
        assert_eq!(back(64).unwrap(), fences);
        assert!(back(5).is_err());
        assert!(bytes.len() < 168 * 6);
    }
}
