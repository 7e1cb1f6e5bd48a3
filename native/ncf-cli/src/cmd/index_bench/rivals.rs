//! What an index is compared with, each really made: its bytes are those of its serialized form.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use ncf::Result;

use super::shapes::Random;

/// Bytes of a page of a B+tree.
const PAGE: usize = 4096;
/// Bytes of an entry: eight of the key, eight of the row or page.
const ENTRY: usize = 16;
/// Look-ups that are timed.
const LOOKUPS: usize = 200_000;

/// A static B+tree of full pages of 4 KiB, as a file would hold it: levels of (key, number) from the leaves up.
pub(super) struct BTree {
    /// Pages of each level, the leaves first.
    levels: Vec<Vec<u8>>,
    bytes: u64,
}

impl BTree {
    /// The tree over every `every`th key. `keep` says whether its pages stay in memory, to be looked up in.
    pub(super) fn build(keys: &[i64], every: usize, keep: bool) -> Self {
        let mut tree = Self { levels: Vec::new(), bytes: 0 };
        let mut entries = keys.iter().enumerate().step_by(every);
        let mut level = Level::new(keep);
        for (row, key) in &mut entries {
            level.push(*key, row as u64);
        }
        loop {
            let Level { firsts, pages, full, .. } = level.finish();
            tree.bytes += full * PAGE as u64;
            tree.levels.push(pages);
            if firsts.len() <= 1 {
                return tree;
            }
            level = Level::new(keep);
            for (page, key) in firsts.iter().enumerate() {
                level.push(*key, page as u64);
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The row of the greatest entry that is not above the key.
    pub(super) fn find(&self, key: i64) -> u64 {
        let mut page = 0;
        for level in self.levels.iter().rev() {
            let start = page * PAGE;
            let entries = level.get(start..level.len().min(start + PAGE)).unwrap_or_default();
            let (entries, _) = entries.as_chunks::<ENTRY>();
            let entry =
                |at: usize| entries.get(at).map_or((i64::MAX, u64::MAX), |entry| parts(*entry));
            let mut low = 0;
            let mut high = entries.len();
            while low + 1 < high {
                let middle = usize::midpoint(low, high);
                // Empty places of a page have the row u64::MAX.
                let (found, row) = entry(middle);
                if found <= key && row != u64::MAX { low = middle } else { high = middle }
            }
            page = usize::try_from(entry(low).1).unwrap_or(0);
        }
        page as u64
    }
}

fn parts(entry: [u8; ENTRY]) -> (i64, u64) {
    let (key, row) = entry.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().map_or([0; 8], |bytes: [u8; 8]| bytes);
    (i64::from_le_bytes(number(key)), u64::from_le_bytes(number(row)))
}

/// A level of a tree while it is made.
struct Level {
    keep: bool,
    page: Vec<u8>,
    pages: Vec<u8>,
    full: u64,
    firsts: Vec<i64>,
}

impl Level {
    fn new(keep: bool) -> Self {
        Self {
            keep,
            page: Vec::with_capacity(PAGE),
            pages: Vec::new(),
            full: 0,
            firsts: Vec::new(),
        }
    }

    fn push(&mut self, key: i64, number: u64) {
        if self.page.len() + ENTRY > PAGE {
            self.close();
        }
        if self.page.is_empty() {
            self.firsts.push(key);
        }
        self.page.extend(key.to_le_bytes());
        self.page.extend(number.to_le_bytes());
    }

    fn close(&mut self) {
        self.page.resize(PAGE, 0xFF);
        self.full += 1;
        if self.keep {
            self.pages.append(&mut self.page);
        } else {
            black_box(&self.page);
            self.page.clear();
        }
    }

    fn finish(mut self) -> Self {
        if !self.page.is_empty() || self.full == 0 {
            self.close();
        }
        self
    }
}

/// Bytes of every `every`th key as varints of differences, in a zstd frame.
pub(super) fn number_fences(keys: &[i64], every: usize) -> Result<u64> {
    let mut bytes = Vec::new();
    let mut last = 0i64;
    for key in keys.iter().step_by(every) {
        let mut gap = key.abs_diff(last);
        while gap >= 0x80 {
            bytes.push(low_bits(gap) | 0x80);
            gap >>= 7;
        }
        bytes.push(low_bits(gap));
        last = *key;
    }
    Ok(ncf::encoding::compression::compress(&bytes, 19)?.len() as u64)
}

fn low_bits(value: u64) -> u8 {
    u8::try_from(value & 0x7F).unwrap_or(0)
}

/// Bytes of every `every`th string, front-coded, in a zstd frame.
pub(super) fn text_fences(keys: &[String], every: usize) -> Result<u64> {
    let mut bytes = Vec::new();
    let mut last: &[u8] = &[];
    for key in keys.iter().step_by(every).map(String::as_bytes) {
        let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
        let length = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
        bytes.extend([length(shared), length(key.len() - shared)]);
        bytes.extend_from_slice(key.get(shared..).unwrap_or_default());
        last = key;
    }
    Ok(ncf::encoding::compression::compress(&bytes, 19)?.len() as u64)
}

/// Nanoseconds that one of many look-ups of stored keys takes, on average.
pub(super) fn time(keys: &[i64], random: &mut Random, mut find: impl FnMut(i64) -> u64) -> f64 {
    let wanted: Vec<i64> = (0..LOOKUPS)
        .filter_map(|_| keys.get(usize::try_from(random.below(keys.len() as u64)).ok()?).copied())
        .collect();
    let start = Instant::now();
    let mut sum = 0u64;
    for key in &wanted {
        sum = sum.wrapping_add(find(*key));
    }
    black_box(sum);
    #[allow(clippy::cast_precision_loss, reason = "so many fit")]
    let count = LOOKUPS as f64;
    start.elapsed().as_secs_f64() * 1e9 / count
}

/// Nanoseconds of a look-up in the standard library's B-tree in memory.
pub(super) fn time_map(keys: &[i64], random: &mut Random) -> f64 {
    let map: BTreeMap<i64, u64> = keys.iter().copied().zip(0..).collect();
    time(keys, random, |key| map.range(..=key).next_back().map_or(0, |(_, row)| *row))
}
