//! Which index a column gets, if any: the writer's rule.
//!
//! 1. A column gets one when, of its vectors, nearly all are in order and follow one another in it. Those that
//!    do not are the exceptions of the index, and few.
//! 2. Keys of numbers are codes. Strings have two forms: codes, and the strings themselves; the strings are
//!    taken where codes tell too few apart.
//! 3. Fences every [`WINDOW`] vectors and a piecewise-linear model of the same window are made; the model is
//!    taken when it needs at most half of the fences' bytes, as they are stored. Both sizes are kept.

use ncf_core::DataType;

use super::fences::Fences;
use super::key::{KeyMap, TextMap, wide};
use super::linear::Linear;
use super::order::{ChunkOrder, Keys, Vector};
use super::{Exception, Form, Index, Key, MIN_VECTORS, Sizes};

/// Vectors that a search has to look at: the distance of fences.
pub const WINDOW: usize = 4;
/// How far the model may be off, in rows: (WINDOW − 1) / 2 vectors.
pub const EPSILON: u32 = 1536;
/// What keeping lines from falling may add to that on both sides together.
const SLACK: u64 = 512;
/// Keys that are looked for to measure a window, at most.
const SAMPLE: usize = 1024;
/// Exceptions that an index has at most, beside one in [`EXCEPTION`] vectors.
const EXCEPTIONS: u64 = 4;
const EXCEPTION: u64 = 64;

/// Exceptions that an index of so many vectors may have.
pub(super) fn most_exceptions(vectors: u64) -> u64 {
    EXCEPTIONS + vectors / EXCEPTION
}

/// Learns the index of a column from its chunks.
#[derive(Debug)]
pub struct Learner {
    data_type: DataType,
    /// `None` once a chunk is out of order.
    chunks: Option<Vec<ChunkOrder>>,
}

impl Learner {
    /// Has seen no chunk of a column of this type.
    pub fn new(data_type: DataType) -> Self {
        Self { data_type, chunks: Some(Vec::new()) }
    }

    /// Adds the next chunk's order.
    pub fn add(&mut self, chunk: Option<ChunkOrder>) {
        match (chunk, &mut self.chunks) {
            (Some(chunk), Some(chunks)) => chunks.push(chunk),
            _ => self.chunks = None,
        }
    }

    /// The index, where there is one to be had. `stored` says how long bytes are when they are stored, compressed maybe.
    pub fn finish(self, stored: &dyn Fn(&[u8]) -> u64) -> Option<Index> {
        let data_type = self.data_type;
        match self.joined()? {
            Keys::Text(vectors) => text(data_type, &vectors, stored),
            numbers => Some(Coded::of(data_type, numbers)?.choose(stored)),
        }
    }

    /// The sequence of codes that an index would stand for.
    pub(super) fn coded(self) -> Option<Coded> {
        Coded::of(self.data_type, self.joined()?)
    }

    /// The vectors of all chunks.
    fn joined(self) -> Option<Keys> {
        let mut chunks = self.chunks?.into_iter().map(|chunk| chunk.0);
        let mut all = chunks.next()?;
        for chunk in chunks {
            match (&mut all, chunk) {
                (Keys::Codes(all), Keys::Codes(more)) => all.extend(more),
                (Keys::Wide(all), Keys::Wide(more)) => all.extend(more),
                (Keys::Text(all), Keys::Text(more)) => all.extend(more),
                _ => return None,
            }
        }
        Some(all)
    }
}

fn mapped<K>(vectors: &[Vector<K>], code: impl Fn(&K) -> u64) -> Vec<Vector<u64>> {
    let map = |vector: &Vector<K>| Vector {
        bounds: vector.bounds.as_ref().map(|(least, most)| (code(least), code(most))),
        ascends: vector.ascends,
        descends: vector.descends,
    };
    vectors.iter().map(map).collect()
}

/// A column whose keys are codes, ready to be indexed.
pub(super) struct Coded {
    data_type: DataType,
    map: KeyMap,
    descending: bool,
    /// The first keys of vectors, in the order of the search.
    pub(super) keys: Vec<u64>,
    exceptions: Vec<Exception>,
}

impl Coded {
    fn of(data_type: DataType, keys: Keys) -> Option<Self> {
        match keys {
            Keys::Codes(vectors) => Self::mapped(data_type, KeyMap::Number, &vectors),
            Keys::Wide(vectors) => {
                let bounds = || vectors.iter().filter_map(|vector| vector.bounds);
                let base = bounds().map(|(least, _)| least).min()?;
                let most = bounds().map(|(_, greatest)| greatest).max()?;
                // A multiple of 1, so that 64 bits hold the difference.
                let bits = 128 - most.abs_diff(base).leading_zeros();
                let shift = u8::try_from(bits.saturating_sub(64)).ok()?;
                let codes = mapped(&vectors, |key| wide(*key, base, shift));
                Self::mapped(data_type, KeyMap::Wide { base, shift }, &codes)
            }
            Keys::Text(vectors) => Self::of_text(data_type, &vectors, sequence(&vectors).as_ref()),
        }
    }

    /// Strings as codes; `sequence` is that of the strings themselves, where they have one.
    fn of_text(
        data_type: DataType,
        vectors: &[Vector<Vec<u8>>],
        sequence: Option<&Sequence<Vec<u8>>>,
    ) -> Option<Self> {
        let bounds = || vectors.iter().filter_map(|vector| vector.bounds.as_ref());
        let (first, last) = match sequence {
            Some(sequence) => (sequence.keys.first()?, sequence.keys.last()?),
            None => {
                (bounds().map(|(least, _)| least).min()?, bounds().map(|(_, most)| most).max()?)
            }
        };
        let samples = bounds().flat_map(|(least, most)| [least.as_slice(), most.as_slice()]);
        let map = TextMap::learn(first, last, samples);
        let codes = mapped(vectors, |key| map.code(key));
        Self::mapped(data_type, KeyMap::Text(map), &codes)
    }

    fn mapped(data_type: DataType, map: KeyMap, vectors: &[Vector<u64>]) -> Option<Self> {
        let descending = descends(vectors);
        let turned: Vec<Vector<u64>>;
        let vectors = if descending {
            turned = vectors.iter().map(turn).collect();
            turned.as_slice()
        } else {
            vectors
        };
        let Sequence { keys, exceptions } = sequence(vectors)?;
        let exception = |(vector, least, most)| Exception { vector, bounds: Some((least, most)) };
        let exceptions = exceptions.into_iter().map(exception).collect();
        Some(Self { data_type, map, descending, keys, exceptions })
    }

    /// Fences, or the model of the same window where it needs at most half of their bytes.
    fn choose(&self, stored: &dyn Fn(&[u8]) -> u64) -> Index {
        let (fences, fence_bytes) = Fences::shortest(&self.keys, WINDOW, stored);
        let linear = Linear::learn(&self.keys, EPSILON);
        let fits = linear.below + linear.above <= 2 * u64::from(EPSILON) + SLACK;
        let linear_bytes = if fits { stored_linear(&linear, stored) } else { 0 };
        let sizes = Sizes { fences: fence_bytes, linear: linear_bytes };
        let map = self.map.clone();
        let form = match fits && 2 * sizes.linear <= sizes.fences {
            true => Form::Linear(map, linear),
            false => Form::Fences(map, fences),
        };
        self.measured(form, sizes)
    }

    /// Both kinds, whichever is chosen: fences and the model, which need not be of their window.
    pub(super) fn both(&self, stored: &dyn Fn(&[u8]) -> u64) -> [Index; 2] {
        let (fences, fence_bytes) = Fences::shortest(&self.keys, WINDOW, stored);
        let linear = Linear::learn(&self.keys, EPSILON);
        let sizes = Sizes { fences: fence_bytes, linear: stored_linear(&linear, stored) };
        let form = |form: &dyn Fn(KeyMap) -> Form| self.measured(form(self.map.clone()), sizes);
        [
            form(&|map| Form::Fences(map, fences.clone())),
            form(&|map| Form::Linear(map, linear.clone())),
        ]
    }

    /// An index of this form and of a window that is not known yet.
    pub(super) fn index(&self, form: impl FnOnce(KeyMap) -> Form, sizes: Sizes) -> Index {
        Index {
            data_type: self.data_type,
            vectors: self.keys.len() as u64,
            descending: self.descending,
            form: form(self.map.clone()),
            exceptions: self.exceptions.clone(),
            sizes,
            window: 0,
        }
    }

    fn measured(&self, form: Form, sizes: Sizes) -> Index {
        let mut index = self.index(|_| form, sizes);
        index.window = index.mean_window(sampled(self.keys.len(), self.inner()).map(Key::Code));
        index
    }

    /// Keys within vectors: those that begin one are few.
    pub(super) fn inner(&self) -> impl Iterator<Item = u64> + '_ {
        self.keys.windows(2).filter_map(|pair| match pair {
            [key, next] => Some(key + (next - key) / 2),
            _ => None,
        })
    }
}

fn stored_linear(linear: &Linear, stored: &dyn Fn(&[u8]) -> u64) -> u64 {
    let mut bytes = Vec::new();
    linear.encode(&mut bytes);
    stored(&bytes)
}

/// Keys out of `count`, evenly spaced, by which a window is measured. The step is odd, so that they are not all as far from
/// a fence.
fn sampled<K>(count: usize, keys: impl Iterator<Item = K>) -> impl Iterator<Item = K> {
    keys.step_by(count.div_ceil(SAMPLE) | 1)
}

/// An index over strings.
fn text(
    data_type: DataType,
    vectors: &[Vector<Vec<u8>>],
    stored: &dyn Fn(&[u8]) -> u64,
) -> Option<Index> {
    let sequence = sequence(vectors);
    let coded = Coded::of_text(data_type, vectors, sequence.as_ref());
    let coded = coded.map(|coded| coded.choose(stored));
    let Some(Sequence { keys, exceptions }) = sequence else { return coded };
    let fences = Fences::of(&keys, WINDOW);
    let mut bytes = Vec::new();
    fences.encode(&mut bytes);
    let exceptions =
        exceptions.into_iter().map(|(vector, ..)| Exception { vector, bounds: None }).collect();
    let mut index = Index {
        data_type,
        vectors: vectors.len() as u64,
        descending: false,
        form: Form::Text(fences),
        exceptions,
        sizes: Sizes { fences: stored(&bytes), linear: 0 },
        window: 0,
    };
    // Keys within vectors: the least strings above those that begin them.
    index.window = index.mean_window(sampled(keys.len(), keys.iter()).map(|key| {
        let mut key = key.clone();
        key.push(0);
        Key::Text(key)
    }));
    // Codes that tell strings apart nearly as well, in fewer bytes.
    let good = |coded: &Index| {
        coded.window <= index.window + index.window / 4
            && stored(&coded.encode()) <= stored(&index.encode())
    };
    Some(coded.filter(good).unwrap_or(index))
}

/// Whether more vectors descend than ascend; where as many do, whether the last is below the first.
fn descends(vectors: &[Vector<u64>]) -> bool {
    let count =
        |ordered: &dyn Fn(&Vector<u64>) -> bool| vectors.iter().filter(|v| ordered(v)).count();
    let (up, down) = (count(&|v| v.ascends), count(&|v| v.descends));
    let mut bounds = vectors.iter().filter_map(|vector| vector.bounds);
    let mut falls =
        || bounds.next().zip(bounds.next_back()).is_some_and(|(first, last)| last < first);
    if up == down { falls() } else { down > up }
}

fn turn(vector: &Vector<u64>) -> Vector<u64> {
    Vector {
        bounds: vector.bounds.map(|(least, most)| (!most, !least)),
        ascends: vector.descends,
        descends: vector.ascends,
    }
}

/// The first keys of vectors in order, and the vectors that are not: number, least and greatest key.
struct Sequence<K> {
    keys: Vec<K>,
    exceptions: Vec<(u64, K, K)>,
}

/// The sequence that an index stands for. A vector that is no part of the order has the key of the next that
/// is: it lies between the two, wherever a search looks.
fn sequence<K: Ord + Clone>(vectors: &[Vector<K>]) -> Option<Sequence<K>> {
    if vectors.len() < MIN_VECTORS {
        return None;
    }
    let in_order = chain(vectors);
    let mut exceptions = Vec::new();
    let mut keys = Vec::with_capacity(vectors.len());
    let ordered = || vectors.iter().zip(&in_order).filter(|(_, in_order)| **in_order);
    let (_, last) = ordered().next_back()?.0.bounds.clone()?;
    let mut next = last;
    for ((number, vector), in_order) in vectors.iter().enumerate().zip(&in_order).rev() {
        match &vector.bounds {
            Some((least, _)) if *in_order => next = least.clone(),
            Some((least, most)) => exceptions.push((number as u64, least.clone(), most.clone())),
            None => {}
        }
        keys.push(next.clone());
    }
    if exceptions.len() as u64 > most_exceptions(vectors.len() as u64) {
        return None;
    }
    // One value: every search for it names all vectors, and zone maps know the others.
    if ordered().all(|(vector, _)| {
        vector.bounds.as_ref().is_some_and(|(low, high)| low == high && *high == next)
    }) {
        return None;
    }
    keys.reverse();
    exceptions.reverse();
    Some(Sequence { keys, exceptions })
}

/// The longest chain of vectors of which each is in order and none begins below the end of the one before, as
/// the longest ascending subsequence is found (Fredman, 1975).
fn chain<K: Ord>(vectors: &[Vector<K>]) -> Vec<bool> {
    let mut before: Vec<Option<usize>> = Vec::with_capacity(vectors.len());
    // The vector with the least end among the chains of each length.
    let mut ends: Vec<usize> = Vec::new();
    let end_of = |at: usize| vectors.get(at).and_then(|v| v.bounds.as_ref()).map(|(_, most)| most);
    for (at, vector) in vectors.iter().enumerate() {
        let bounds = vector.bounds.as_ref().filter(|_| vector.ascends);
        let Some((least, most)) = bounds else {
            before.push(None);
            continue;
        };
        let length = ends.partition_point(|end| end_of(*end).is_some_and(|end| end <= least));
        before.push(length.checked_sub(1).and_then(|last| ends.get(last)).copied());
        match ends.get_mut(length) {
            None => ends.push(at),
            Some(end) if end_of(*end).is_none_or(|have| most < have) => *end = at,
            Some(_) => {}
        }
    }
    let mut taken = vec![false; vectors.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        if let Some(taken) = taken.get_mut(at) {
            *taken = true;
        }
        next = before.get(at).copied().flatten();
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(least: u64, most: u64) -> Vector<u64> {
        Vector { bounds: Some((least, most)), ascends: true, descends: false }
    }

    #[test]
    fn one_vector_out_of_order_does_not_end_the_chain() {
        // The third reaches far beyond the rest, the fifth is late.
        let vectors = [(0, 9), (10, 19), (20, 900), (20, 29), (3, 4), (30, 30), (30, 35)];
        let vectors: Vec<_> = vectors.map(|(least, most)| vector(least, most)).to_vec();
        assert_eq!(chain(&vectors), [true, true, false, true, false, true, true]);
        let mut many: Vec<_> = (0..100).map(|i| vector(i * 10, i * 10 + 9)).collect();
        many[40] = vector(7, 5000);
        many[41].bounds = None;
        let Sequence { keys, exceptions } = sequence(&many).unwrap();
        assert_eq!(exceptions, [(40, 7, 5000)]);
        assert_eq!(keys[39..43], [390, 420, 420, 420]);
        assert!(keys.is_sorted());
    }
}
