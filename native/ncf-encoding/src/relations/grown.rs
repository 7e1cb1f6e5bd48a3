//! A map that the blocks of a file share: it grows with each block that uses it. Pages say of a value only which of its
//! keys' candidates it is, so they stay right while entries come in between and candidates are added behind.

use std::sync::Arc;

use ncf_core::{Budget, Limits, Result, ResultExt, Values};

use super::Relation;
use super::build::{group, pick};
use super::map_table::{MapParts, MapTable};
use crate::chunk::{EncodeOptions, SharedPage};
use crate::decoded::{DecodedValues, join};
use crate::encodings::dictionary::{self, MAX_BYTES, MAX_ENTRIES};
use crate::shared::{SharedKind, SharedMap};

/// Of a block's pairs of an entry and a candidate, one in so many may be new: else it gets a map of its own.
const NEW_PAIRS: usize = 2;
/// A map may have so many times the pairs of the block that began it, and of the block that joins: whoever reads one block
/// reads all of it.
const GROWTH: usize = 2;
/// The part of what a shared page may take in memory that a map may take before it is encoded to see that readers can
/// have it.
const ROOM: u64 = 4;

/// A map as it is after a block.
#[derive(Debug, Clone)]
pub struct GrownMap {
    relation: Relation,
    parts: Arc<MapParts>,
    map: SharedMap,
    /// Pairs of the block that began it, and the bytes that these took.
    first: (usize, usize),
    /// The bytes that `map` was read from, until it grows.
    stored: Option<Arc<Vec<u8>>>,
}

/// The map that a chunk needs.
#[derive(Debug, Clone)]
pub struct ChunkMap {
    /// The map with the chunk's pairs.
    pub grown: GrownMap,
    /// Whether this is another map than the one of the blocks before.
    pub fresh: bool,
    /// Bytes that the map has for this chunk, estimated where it is not the first.
    pub bytes: usize,
}

impl GrownMap {
    /// The map that a chunk begins; `None` where a reader would refuse it.
    pub(super) fn begin(
        relation: &Relation,
        parts: &MapParts,
        options: &EncodeOptions,
    ) -> Result<Option<ChunkMap>> {
        let bytes = parts.encode(options)?;
        let Some(map) = readable(&bytes, parts.counts.len())? else { return Ok(None) };
        let size = bytes.len();
        let grown = Self {
            relation: relation.clone(),
            parts: Arc::new(parts.clone()),
            map,
            first: (parts.candidates.len(), size),
            stored: Some(Arc::new(bytes)),
        };
        Ok(Some(ChunkMap { grown, fresh: true, bytes: size }))
    }

    /// The map with the pairs of another chunk, and the rank of each of the chunk's candidates in it; `None` where the
    /// chunk is better off with a map of its own.
    pub(super) fn join(
        &self,
        relation: &Relation,
        own: &MapParts,
        options: &EncodeOptions,
    ) -> Result<Option<(ChunkMap, Vec<i32>)>> {
        let have = &*self.parts;
        let physical = |parts: &MapParts| -> Vec<_> {
            parts.keys.iter().chain([&parts.values]).map(Values::physical).collect()
        };
        if self.relation != *relation || physical(have) != physical(own) {
            return Ok(None);
        }
        let of_chunk = own.candidates.len();
        let most = self.first.0.min(of_chunk).saturating_mul(GROWTH);
        if have.candidates.len() > most {
            return Ok(None);
        }
        let one = matches!(relation, Relation::Product(_));
        let Some(Merged { parts, ranks, changed }) = merge(have, own, one)? else {
            return Ok(None);
        };
        let pairs = parts.candidates.len();
        let new = pairs - have.candidates.len();
        if new + changed > of_chunk / NEW_PAIRS || pairs > most {
            return Ok(None);
        }
        if new == 0 && parts.values.len() == have.values.len() {
            let grown = self.clone();
            return Ok(Some((ChunkMap { grown, fresh: false, bytes: 0 }, ranks)));
        }
        let Some(map) = admitted(&parts, options)? else { return Ok(None) };
        let (first_pairs, first_bytes) = self.first;
        let bytes = first_bytes.saturating_mul(new) / first_pairs.max(1);
        let (relation, parts) = (self.relation.clone(), Arc::new(parts));
        let grown = Self { relation, parts, map, first: self.first, stored: None };
        Ok(Some((ChunkMap { grown, fresh: false, bytes }, ranks)))
    }

    /// The map as readers have it.
    pub fn map(&self) -> &SharedMap {
        &self.map
    }

    /// Bytes in memory.
    pub fn byte_len(&self) -> usize {
        let stored = self.stored.as_ref().map_or(0, |bytes| bytes.len());
        self.parts.byte_len() + self.map.byte_len() + stored
    }

    /// The page of the whole map, which is not verified.
    pub fn page(&self, options: &EncodeOptions) -> Result<SharedPage> {
        let entries = self.parts.counts.len();
        let bytes = match &self.stored {
            Some(bytes) => bytes.to_vec(),
            None => self.parts.encode(options)?,
        };
        let count = u32::try_from(entries).unwrap_or(u32::MAX);
        Ok(SharedPage { kind: SharedKind::Map, bytes, count })
    }

    /// Whether readers get the map from such bytes of its page.
    pub fn is_stored_as(&self, bytes: &[u8]) -> Result<bool> {
        let budget = Budget::new(Limits::DEFAULT.shared_bytes);
        let read = MapParts::decode(bytes, self.parts.counts.len(), &budget)?;
        Ok(read.same(&self.parts))
    }
}

/// The map as a reader with the usual limits has it; `None` where it would refuse it.
fn readable(bytes: &[u8], entries: usize) -> Result<Option<SharedMap>> {
    let limits = Limits::DEFAULT;
    if entries as u64 > limits.shared_values {
        return Ok(None);
    }
    SharedMap::decode(bytes, entries, &Budget::new(limits.shared_bytes)).within_limits()
}

/// The map as readers have it; `None` where they would refuse it. Its bytes, where it had to be encoded to know that, are
/// not kept: the chunks of the blocks before were not read through them.
fn admitted(parts: &MapParts, options: &EncodeOptions) -> Result<Option<SharedMap>> {
    let budget = Budget::new(Limits::DEFAULT.shared_bytes / ROOM);
    let table = budget
        .take("a map", parts.byte_len() as u64)
        .and_then(|()| MapTable::new(parts.clone(), &budget))
        .within_limits()?;
    match table {
        Some(table) => Ok(Some(SharedMap::new(table))),
        None => readable(&parts.encode(options)?, parts.counts.len()),
    }
}

/// Two maps in one.
struct Merged {
    parts: MapParts,
    /// The rank of each of the second map's candidates.
    ranks: Vec<i32>,
    /// Keys that have another candidate in the first map than in the second, where each can have only one.
    changed: usize,
}

/// The candidates of the first map, and behind them those that only the second has; with `one`, these only for keys that
/// the first does not have. `None` where there are too many.
fn merge(have: &MapParts, own: &MapParts, one: bool) -> Result<Option<Merged>> {
    let keys = have.keys.iter().zip(&own.keys).map(|(have, own)| both(have, own));
    let (Some(values), Some(keys)) =
        (both(&have.values, &own.values)?, keys.collect::<Result<Option<Vec<Values>>>>()?)
    else {
        return Ok(None);
    };
    let Some(values) = dictionary::build(&values, MAX_ENTRIES, MAX_BYTES) else { return Ok(None) };
    let numbered = keys.iter().map(|key| dictionary::build(key, MAX_ENTRIES, MAX_BYTES));
    let Some(numbered) = numbered.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(grouped) = group(&numbered) else { return Ok(None) };
    let entries = grouped.keys.first().map_or(0, Values::len);
    if entries > MAX_ENTRIES {
        return Ok(None);
    }
    let (of_have, of_own) = grouped.entries.split_at(have.counts.len());
    let (codes_have, codes_own) = values.codes.split_at(have.values.len());
    let have = Lists::of(have, of_have, codes_have, entries);
    let own = Lists::of(own, of_own, codes_own, entries);
    let mut joined = Joined::new(values.values.len(), own.candidates.len());
    for entry in 0..entries {
        joined.push(have.of_entry(entry).1, own.of_entry(entry), one);
    }
    let Joined { counts, candidates, ranks, changed, .. } = joined;
    // Candidates of the second map that were left out may have left values that nothing has.
    let (candidates, values) =
        if one { used(&candidates, &values.values) } else { (candidates, values.values) };
    let candidates = candidates.iter().map(|code: &u32| code.cast_signed()).collect();
    let parts = MapParts { keys: grouped.keys, counts, candidates, values };
    Ok(Some(Merged { parts, ranks, changed }))
}

/// The candidates of two maps, entry by entry.
struct Joined {
    counts: Vec<i32>,
    candidates: Vec<u32>,
    ranks: Vec<i32>,
    changed: usize,
    /// The rank of each value in the entry at hand; a negative number for one that it does not have.
    rank_of: Vec<i32>,
}

impl Joined {
    fn new(values: usize, candidates: usize) -> Self {
        Self {
            counts: Vec::new(),
            candidates: Vec::new(),
            ranks: vec![0; candidates],
            changed: 0,
            rank_of: vec![-1; values],
        }
    }

    /// Adds an entry: the candidates that the first map has, and where those of the second begin, and these.
    fn push(&mut self, have: &[u32], (place, own): (usize, &[u32]), one: bool) {
        let start = self.candidates.len();
        self.candidates.extend_from_slice(have);
        for (rank, code) in (0i32..).zip(have) {
            set(&mut self.rank_of, *code as usize, rank);
        }
        if one && !have.is_empty() {
            self.changed += usize::from(!own.is_empty() && own.first() != have.first());
        } else {
            for (at, code) in (place..).zip(own) {
                let known = self.rank_of.get(*code as usize).copied().filter(|rank| *rank >= 0);
                let next = i32::try_from(self.candidates.len() - start).unwrap_or(i32::MAX);
                if known.is_none() {
                    self.candidates.push(*code);
                    set(&mut self.rank_of, *code as usize, next);
                }
                set(&mut self.ranks, at, known.unwrap_or(next));
            }
        }
        let list = self.candidates.get(start..).unwrap_or(&[]);
        for code in list {
            set(&mut self.rank_of, *code as usize, -1);
        }
        self.counts.push(i32::try_from(list.len()).unwrap_or(i32::MAX));
    }
}

/// The values that candidates have, and the candidates as their numbers.
fn used(candidates: &[u32], values: &Values) -> (Vec<u32>, Values) {
    let mut wanted: Vec<u32> = candidates.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let number = |code: &u32| {
        wanted.binary_search(code).ok().and_then(|at| u32::try_from(at).ok()).unwrap_or(0)
    };
    (candidates.iter().map(number).collect(), pick(values, &wanted))
}

fn set(numbers: &mut [i32], at: usize, number: i32) {
    if let Some(place) = numbers.get_mut(at) {
        *place = number;
    }
}

/// The values of both; `None` where they are too many to be one column.
fn both(a: &Values, b: &Values) -> Result<Option<Values>> {
    let budget = Budget::new(u64::MAX);
    let parts = vec![DecodedValues::Flat(a.clone()), DecodedValues::Flat(b.clone())];
    join(parts, &budget).and_then(|both| both.into_flat(&budget)).within_limits()
}

/// The candidates of a map by the entries of a larger one.
struct Lists {
    /// Where the candidates of each entry of the larger map begin and end.
    places: Vec<(usize, usize)>,
    /// As numbers of the larger map's values.
    candidates: Vec<u32>,
}

impl Lists {
    fn of(parts: &MapParts, entries: &[u32], codes: &[u32], all: usize) -> Self {
        let mut places = vec![(0, 0); all];
        let mut start = 0;
        for (entry, count) in entries.iter().zip(&parts.counts) {
            let end = start + count.cast_unsigned() as usize;
            if let Some(place) = places.get_mut(*entry as usize) {
                *place = (start, end);
            }
            start = end;
        }
        let number = |code: &i32| codes.get(code.cast_unsigned() as usize).copied().unwrap_or(0);
        Self { places, candidates: parts.candidates.iter().map(number).collect() }
    }

    /// Where an entry's candidates begin, and these.
    fn of_entry(&self, entry: usize) -> (usize, &[u32]) {
        let (start, end) = self.places.get(entry).copied().unwrap_or_default();
        (start, self.candidates.get(start..end).unwrap_or(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Profile;

    /// A map from integers to candidates.
    fn parts(entries: &[(i64, &[i16])]) -> MapParts {
        let values: Vec<i16> = entries.iter().flat_map(|(_, list)| list.iter().copied()).collect();
        let built = dictionary::build(&Values::I16(values.into()), 1 << 16, 1 << 16).unwrap();
        MapParts {
            keys: vec![Values::I64(entries.iter().map(|(key, _)| *key).collect())],
            counts: entries.iter().map(|(_, list)| i32::try_from(list.len()).unwrap()).collect(),
            candidates: built.codes.iter().map(|code| code.cast_signed()).collect(),
            values: built.values,
        }
    }

    fn lists(parts: &MapParts) -> Vec<(i64, Vec<i16>)> {
        let (Values::I64(keys), Values::I16(values)) = (&parts.keys[0], &parts.values) else {
            panic!("{parts:?}");
        };
        let mut left = parts.candidates.iter().map(|code| values[usize::try_from(*code).unwrap()]);
        let take = |count: &i32| left.by_ref().take(usize::try_from(*count).unwrap()).collect();
        keys.iter().copied().zip(parts.counts.iter().map(take)).collect()
    }

    #[test]
    fn candidates_keep_their_ranks() {
        let have = parts(&[(3, &[50, 10]), (7, &[20])]);
        let own = parts(&[(1, &[5]), (3, &[10, 60, 50]), (9, &[20, 10])]);
        let merged = merge(&have, &own, false).unwrap().unwrap();
        let want: Vec<(i64, Vec<i16>)> =
            vec![(1, vec![5]), (3, vec![50, 10, 60]), (7, vec![20]), (9, vec![20, 10])];
        assert_eq!(lists(&merged.parts), want);
        assert_eq!(merged.ranks, [0, 1, 2, 0, 0, 1]);
        // One candidate a key: the one that the key has already; values that only others have go.
        let have = parts(&[(3, &[50]), (7, &[20])]);
        let merged = merge(&have, &parts(&[(3, &[99]), (7, &[20]), (8, &[1])]), true);
        let Merged { parts, ranks, changed } = merged.unwrap().unwrap();
        assert_eq!(lists(&parts), [(3, vec![50]), (7, vec![20]), (8, vec![1])]);
        assert_eq!((parts.values.len(), ranks, changed), (3, vec![0; 3], 1));
    }

    #[test]
    fn a_map_grows_only_by_what_mostly_is_in_it() {
        let options = EncodeOptions { profile: Profile::Balanced, force: None };
        let relation = Relation::Map { keys: vec![0] };
        let many = |keys: std::ops::Range<i64>| {
            let lists: Vec<(i64, [i16; 1])> =
                keys.map(|key| (key, [i16::try_from(key % 50).unwrap()])).collect();
            parts(&lists.iter().map(|(key, list)| (*key, list.as_slice())).collect::<Vec<_>>())
        };
        let begun = GrownMap::begin(&relation, &many(0..100), &options).unwrap().unwrap();
        assert!(begun.fresh && begun.bytes > 0);
        let join = |map: &GrownMap, own: &MapParts| map.join(&relation, own, &options).unwrap();
        let (same, ranks) = join(&begun.grown, &many(20..70)).unwrap();
        assert_eq!((same.fresh, same.bytes, ranks), (false, 0, vec![0; 50]));
        assert!(join(&begun.grown, &many(20..69)).is_none(), "the block needs less than half");
        let (grown, _) = join(&begun.grown, &many(50..149)).unwrap();
        assert!(!grown.fresh && grown.bytes > 0 && grown.bytes < begun.bytes);
        let page = grown.grown.page(&options).unwrap();
        assert!(grown.grown.is_stored_as(&page.bytes).unwrap());
        let of_begun = begun.grown.page(&options).unwrap().bytes;
        assert!(begun.grown.is_stored_as(&of_begun).unwrap());
        assert!(!grown.grown.is_stored_as(&of_begun).is_ok_and(|same| same));
        let read = MapParts::decode(&page.bytes, 149, &Budget::new(1 << 20)).unwrap();
        assert_eq!(lists(&read), lists(&many(0..149)));
        assert!(join(&begun.grown, &many(60..200)).is_none(), "mostly new");
        // Each block may add half of its own, but not forever.
        let mut map = begun.grown.clone();
        let mut joined = 0;
        while let Some((next, _)) = join(&map, &many(40 * joined..40 * joined + 100)) {
            map = next.grown;
            joined += 1;
        }
        assert_eq!(joined, 3, "blocks from 0, 40 and 80 leave 180 pairs, one more 220");
        let other = Relation::Map { keys: vec![1] };
        assert!(begun.grown.join(&other, &many(0..100), &options).unwrap().is_none());
        // A product's factors that are others now are as good as new ones.
        let factors = |from: i64, changed: i64| {
            let of_key = |key: i64| if key < changed { [1i16] } else { [0] };
            let lists: Vec<(i64, [i16; 1])> = (from..100).map(|key| (key, of_key(key))).collect();
            parts(&lists.iter().map(|(key, list)| (*key, list.as_slice())).collect::<Vec<_>>())
        };
        let product = Relation::Product(crate::relations::Product {
            factor: 1,
            other: crate::relations::Other::Map(vec![0]),
            divisor: 1,
        });
        let begun = GrownMap::begin(&product, &factors(0, 0), &options).unwrap().unwrap();
        let join = |changed| begun.grown.join(&product, &factors(0, changed), &options).unwrap();
        assert!(join(50).is_some() && join(51).is_none());
    }

    #[test]
    fn what_readers_would_refuse_is_not_grown_to() {
        // Entries repeat a long string beside a number that is theirs alone.
        let many = |entries: std::ops::Range<i64>, letters: usize| {
            let text = "x".repeat(letters);
            MapParts {
                counts: entries.clone().map(|_| 1).collect(),
                candidates: entries.clone().map(|_| 0).collect(),
                values: Values::I64(vec![7].into()),
                keys: vec![
                    Values::Bytes(entries.clone().map(|_| text.as_bytes()).collect()),
                    Values::I64(entries.collect()),
                ],
            }
        };
        let options = EncodeOptions { profile: Profile::Fast, force: None };
        let relation = Relation::Map { keys: vec![0, 1] };
        for (letters, fits) in [(150, true), (700, false)] {
            let begun = GrownMap::begin(&relation, &many(0..80_000, letters), &options);
            let begun = begun.unwrap().unwrap().grown;
            let joined = begun.join(&relation, &many(40_000..120_000, letters), &options).unwrap();
            assert_eq!(joined.is_some(), fits, "{letters}");
            if let Some((joined, _)) = joined {
                let page = joined.grown.page(&options).unwrap();
                assert!(joined.grown.is_stored_as(&page.bytes).unwrap());
            }
        }
    }
}
