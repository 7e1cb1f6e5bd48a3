//! Nearly sorted keys, and what two envelopes would tell of them beside zone maps: for each vector the greatest key so
//! far, and the least to come. NCF has no such index; `docs/spec/index.md` says why, and this says what it would give.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ncf::file::constants::{PAGE_ROWS, VECTOR_ROWS, ZONE_ROWS};
use ncf::index::learned::Wanted;
use ncf::index::{ChunkOrder, Index, Learner};
use ncf::{
    CompareOp, DataType, Error, FileReader, LocalSink, MmapSource, Profile, ReadOptions, Result,
    Scalar, Values,
};

use super::shapes::{Keys, Random};
use super::write;

/// Keys that are looked for, at most.
const SAMPLE: usize = 1024;
/// Microseconds of a second.
const SECOND: u64 = 1_000_000;
/// Microseconds between two events, on average.
const GAP: u64 = 50_000;
/// Vectors of a zone, and of a page.
const ZONE: u64 = (ZONE_ROWS / VECTOR_ROWS) as u64;
const PAGE: u64 = (PAGE_ROWS / VECTOR_ROWS) as u64;

/// A shape by name, and what it is like.
pub(super) const NEARLY: [(&str, &str); 5] = [
    ("second", "up to a second late"),
    ("minute", "up to a minute late"),
    ("ten-minutes", "up to ten minutes late"),
    ("day", "one in a thousand up to a day late"),
    ("shuffled", "in order, but for the rows within each vector"),
];

/// Times of events in microseconds, in the order in which they arrive: a twentieth of a second apart, on average.
fn make(shape: &str, count: usize, random: &mut Random) -> Result<Vec<i64>> {
    let mut now = 0u64;
    let mut keys = Vec::with_capacity(count);
    for _ in 0..count {
        now += random.below(2 * GAP);
        let late = match shape {
            "second" => random.below(SECOND),
            "minute" => random.below(60 * SECOND),
            "ten-minutes" => random.below(600 * SECOND),
            "day" if random.below(1000) == 0 => random.below(86_400 * SECOND),
            "day" | "shuffled" => 0,
            other => {
                return Err(Error::internal(format!("there is no nearly sorted shape {other}")));
            }
        };
        keys.push(now.cast_signed() - late.cast_signed());
    }
    if shape == "shuffled" {
        for vector in keys.chunks_mut(VECTOR_ROWS) {
            for left in (1..vector.len()).rev() {
                let other = random.below(left as u64 + 1);
                vector.swap(left, usize::try_from(other).unwrap_or(0));
            }
        }
    }
    Ok(keys)
}

/// What was measured of a shape; vectors and pages are means of the keys that were looked for.
pub(super) struct Nearly {
    pub(super) shape: &'static str,
    /// What the file has: kind, bytes and window.
    pub(super) index: Option<(String, u64, f64)>,
    /// Bytes of the file's own statistics of the column.
    pub(super) zone_maps: u64,
    /// Vectors of the zones that can hold a key, and pages with such a zone.
    pub(super) zones: [f64; 2],
    /// Kinds of the envelopes; none where the keys are too few.
    pub(super) kinds: String,
    /// Bytes of both.
    pub(super) envelopes: u64,
    /// Vectors that they name, and pages with one.
    pub(super) named: [f64; 2],
    /// Vectors that they name and no zone rules out.
    pub(super) kept: f64,
    /// Vectors that they leave out and no zone rules out.
    pub(super) unproven: f64,
}

/// Writes a file of keys of a shape, and looks keys up in what is known of it.
pub(super) fn measure(shape: &'static str, count: usize, seed: u64, path: &Path) -> Result<Nearly> {
    let keys = Keys::Numbers(make(shape, count, &mut Random(seed))?);
    write(&keys, Box::new(LocalSink::create_new(path)?), Profile::Fast, true, 0)?;
    let reader = FileReader::open(Arc::new(MmapSource::open(path)?), ReadOptions::default())?;
    let zones = zones(&reader)?;
    let index = reader.index(0)?.as_ref().as_ref().map(|index| {
        let described = index.describe();
        (described.kind, reader.index_bytes(0), described.window)
    });
    let Keys::Numbers(keys) = keys else { return Err(Error::internal("keys are text")) };
    let envelopes = Envelopes::of(&keys);
    let all = 0..keys.len().div_ceil(VECTOR_ROWS) as u64;
    let mut found = Nearly {
        shape,
        index,
        zone_maps: reader.statistics_bytes(0),
        zones: [0.0; 2],
        kinds: envelopes.as_ref().map(Envelopes::kinds).unwrap_or_default(),
        envelopes: envelopes.as_ref().map_or(0, Envelopes::bytes),
        named: [0.0; 2],
        kept: 0.0,
        unproven: 0.0,
    };
    let mut sums = [0u64; 6];
    let mut looked_up = 0;
    // An odd step, so that the keys are not all at one place of their vectors.
    for key in keys.iter().step_by(keys.len().div_ceil(SAMPLE) | 1) {
        let named = envelopes.as_ref().map_or(all.clone(), |envelopes| envelopes.window(*key));
        let may_hold: Vec<u64> = holding(&zones, *key).collect();
        let Checked { kept, unproven } = check(&named, &may_hold, all.end);
        let pages = |vectors: &Range<u64>| vectors.end.div_ceil(PAGE) - vectors.start / PAGE;
        let mut of_zones: Vec<u64> = may_hold.iter().map(|zone| zone * ZONE / PAGE).collect();
        of_zones.dedup();
        let vectors: u64 = may_hold.iter().map(|zone| vectors(*zone, all.end)).sum();
        let of_key = [
            vectors,
            of_zones.len() as u64,
            named.end - named.start,
            pages(&named),
            kept,
            unproven,
        ];
        sums.iter_mut().zip(of_key).for_each(|(sum, one)| *sum += one);
        looked_up += 1;
    }
    let [zones, zone_pages, named, pages, kept, unproven] =
        sums.map(|sum| super::report::ratio(sum, looked_up));
    (found.zones, found.named) = ([zones, zone_pages], [named, pages]);
    (found.kept, found.unproven) = (kept, unproven);
    Ok(found)
}

/// Bounds of the zones of a file's only column, of all blocks: those that are full hold whole zones.
fn zones(reader: &FileReader) -> Result<Vec<(i64, i64)>> {
    let statistics = reader.statistics(0)?;
    let blocks = (0..reader.blocks().len()).filter_map(|block| statistics.block(block));
    let zones = blocks.flat_map(|block| (0..block.zones()).map(move |at| block.zone_bounds(at)));
    let of_zone = |bounds: ncf::ColumnBounds| match (bounds.min, bounds.max) {
        (Some(Scalar::Bigint(least)), Some(Scalar::Bigint(most))) => Ok((least, most)),
        _ => Err(Error::internal("a zone of keys has no bounds")),
    };
    zones.map(of_zone).collect()
}

/// The zones that can hold a key.
fn holding(zones: &[(i64, i64)], key: i64) -> impl Iterator<Item = u64> + '_ {
    let may = move |(_, (least, most)): &(u64, &(i64, i64))| (*least..=*most).contains(&key);
    (0..).zip(zones).filter(may).map(|(zone, _)| zone)
}

/// Vectors of a zone, where there are so many in all.
fn vectors(zone: u64, all: u64) -> u64 {
    all.min((zone + 1) * ZONE).saturating_sub(zone * ZONE)
}

/// Vectors that have to be read.
struct Checked {
    /// Because they are named, and no zone rules them out.
    kept: u64,
    /// Because nothing proves that the envelopes are right to leave them out.
    unproven: u64,
}

/// What is left to be read where envelopes name vectors and `may_hold` are the zones whose bounds do not rule a key out.
/// An envelope that is wrong leaves out rows that it should name. They can be anywhere, for it stands for all rows before
/// or behind: so every vector that it leaves out is read, unless its zone proves that it may be left out.
fn check(named: &Range<u64>, may_hold: &[u64], all: u64) -> Checked {
    let mut checked = Checked { kept: 0, unproven: 0 };
    for zone in may_hold {
        for vector in (zone * ZONE..).take(usize::try_from(vectors(*zone, all)).unwrap_or(0)) {
            match named.contains(&vector) {
                true => checked.kept += 1,
                false => checked.unproven += 1,
            }
        }
    }
    checked
}

/// The envelopes of a column of keys, each as the index of a column that is sorted would be.
struct Envelopes {
    /// Of the greatest key up to the end of each vector.
    upper: Index,
    /// Of the least key from the beginning of each vector on.
    lower: Index,
}

impl Envelopes {
    /// `None` where there are too few vectors for an index.
    fn of(keys: &[i64]) -> Option<Self> {
        let bounds =
            |vector: &[i64]| vector.iter().min().copied().zip(vector.iter().max().copied());
        let bounds: Vec<(i64, i64)> = keys.chunks(VECTOR_ROWS).filter_map(bounds).collect();
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        let mut most = i64::MIN;
        for (_, greatest) in &bounds {
            most = most.max(*greatest);
            upper.push(most);
        }
        let mut least = i64::MAX;
        for (smallest, _) in bounds.iter().rev() {
            least = least.min(*smallest);
            lower.push(least);
        }
        lower.reverse();
        Some(Self { upper: learn(&upper)?, lower: learn(&lower)? })
    }

    /// Vectors in which a key can be: an upper envelope is below it before the first, a lower one above it after the last.
    fn window(&self, key: i64) -> Range<u64> {
        let search = |index: &Index, op| {
            index.search(Wanted::Compared(op, &Scalar::Bigint(key))).unwrap_or_default().vectors
        };
        let from = search(&self.upper, CompareOp::GtEq).first().map_or(0, |run| run.start);
        let end = search(&self.lower, CompareOp::LtEq).last().map_or(0, |run| run.end);
        // Of a column a search names the vector before, too, which may end with the key: here that one is below it.
        let from = if from == 0 { 0 } else { from + 1 };
        from..end.max(from)
    }

    fn kinds(&self) -> String {
        let (upper, lower) = (self.upper.describe().kind, self.lower.describe().kind);
        if upper == lower { upper } else { format!("{upper}, {lower}") }
    }

    /// Bytes of both, as a file would store them.
    fn bytes(&self) -> u64 {
        [&self.upper, &self.lower]
            .map(|index| FileReader::stored_index_bytes(&index.encode()))
            .iter()
            .sum()
    }
}

/// The index of a column whose vectors each hold one key.
fn learn(sequence: &[i64]) -> Option<Index> {
    let mut learner = Learner::new(DataType::Int64);
    for block in sequence.chunks(VECTOR_ROWS) {
        let rows = block.iter().flat_map(|key| std::iter::repeat_n(*key, VECTOR_ROWS));
        learner.add(ChunkOrder::of(&Values::I64(rows.collect()), None));
    }
    learner.finish(&FileReader::stored_index_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_of_a_key_is_outside_of_what_is_named() {
        for (shape, _) in NEARLY {
            for count in [20_000, 50_123] {
                let keys = make(shape, count, &mut Random(7)).unwrap();
                let envelopes = Envelopes::of(&keys).unwrap();
                let zones =
                    |zone: &[i64]| (*zone.iter().min().unwrap(), *zone.iter().max().unwrap());
                let zones: Vec<(i64, i64)> = keys.chunks(ZONE_ROWS).map(zones).collect();
                let all = keys.len().div_ceil(VECTOR_ROWS) as u64;
                let (first, last) = (*keys.iter().min().unwrap(), *keys.iter().max().unwrap());
                let sample = keys.iter().step_by(499).flat_map(|key| [*key, key + 1]);
                for key in sample.chain([first, last, first - 1, last + 1]) {
                    let named = envelopes.window(key);
                    let rows = keys.iter().enumerate().filter(|(_, have)| **have == key);
                    let mut rows = rows.map(|(row, _)| (row / VECTOR_ROWS) as u64);
                    assert!(rows.all(|vector| named.contains(&vector)), "{shape} {key} {named:?}");
                    // What has to be read is what zones name, however few vectors the envelopes do.
                    let may_hold: Vec<u64> = holding(&zones, key).collect();
                    let Checked { kept, unproven } = check(&named, &may_hold, all);
                    let of_zones = (0..all).filter(|vector| may_hold.contains(&(vector / ZONE)));
                    assert_eq!(kept + unproven, of_zones.count() as u64, "{shape} {key}");
                }
            }
        }
    }

    #[test]
    fn envelopes_name_few_vectors_where_rows_are_little_late() {
        let mean = |shape: &str| {
            let keys = make(shape, 100_000, &mut Random(7)).unwrap();
            let envelopes = Envelopes::of(&keys).unwrap();
            let windows = keys.iter().step_by(101).map(|key| envelopes.window(*key));
            windows.map(|window| window.end - window.start).sum::<u64>() / 991
        };
        assert!(mean("second") <= 5 && mean("shuffled") <= 5);
        assert!((12..40).contains(&mean("ten-minutes")), "{}", mean("ten-minutes"));
        assert!(mean("day") > 40, "a late row is behind most others");
    }
}
