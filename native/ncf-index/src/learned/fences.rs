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
}

impl<K: Ord + Clone> Fences<K> {
    /// Every `stride`th member.
    pub(super) fn of(sequence: &[K], stride: usize) -> Self {
        let keys = sequence.iter().step_by(stride).cloned().collect();
        Self { stride: stride as u64, keys, count: sequence.len() as u64 }
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

impl Fences<u64> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.stride);
        let mut last = 0;
        for key in &self.keys {
            put_varint(out, key - last);
            last = *key;
        }
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>, count: u64) -> Result<Self> {
        let stride = cursor.varint()?;
        let wanted = fences_of(count, stride)?;
        let mut keys = cursor.items(wanted, 1)?;
        let mut last = 0u64;
        for _ in 0..wanted {
            let next = last.checked_add(cursor.varint()?);
            last = next.ok_or_else(|| Error::corrupt("the fences of an index are too great"))?;
            keys.push(last);
        }
        Ok(Self { stride, keys, count })
    }
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
        Ok(Self { stride, keys, count })
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
