//! Collecting statistics while a chunk is written.

use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::hash::{ValueHash, hash_bytes};
use ncf_core::ordering::{canonical_f32, canonical_f64};
use ncf_core::{ByteValues, DataType, Values};
use ncf_encoding::Numbered;
use ncf_index::ChunkOrder;

use super::{ChunkStatistics, EXACT, HAS_BOUNDS, Sketch, Zones};
use crate::constants::{BOUND_BYTES, VECTOR_ROWS, ZONE_ROWS};

/// What is known of the values of a chunk already.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Strings are compared and values hashed once for each distinct one.
    pub(crate) numbered: Option<&'a Numbered>,
    /// Of rows in order the first and the last are looked at.
    pub(crate) order: Option<&'a ChunkOrder>,
}

/// Statistics of a chunk. `validity` is true where a row is not null.
pub(crate) fn chunk_statistics(
    values: &Values,
    validity: Option<&BooleanBuffer>,
    data_type: DataType,
    known: Known<'_>,
) -> ChunkStatistics {
    let fits = |numbered: &&Numbered| {
        numbered.codes.len() == values.len() && numbered.values.physical() == values.physical()
    };
    let numbered = known.numbered.filter(fits);
    let rows = values.len();
    let mut out = Collector::new(validity, known.order);
    let (min, max) = match values {
        Values::Bool(v) => {
            let (min, max) = out.zones(rows, false, |row| v.value(row), |_, b| b, |_| false);
            (Values::Bool(min.into_iter().collect()), Values::Bool(max.into_iter().collect()))
        }
        Values::I8(v) => integers(&mut out, v, Values::I8),
        Values::I16(v) => integers(&mut out, v, Values::I16),
        Values::I32(v) => integers(&mut out, v, Values::I32),
        Values::I64(v) => integers(&mut out, v, Values::I64),
        Values::I128(v) => integers(&mut out, v, Values::I128),
        Values::F32(v) => {
            let (min, max) =
                out.zones(rows, 0.0f32, |row| at(v, row), |_, x| canonical_f32(x), f32::is_nan);
            (Values::F32(min.into()), Values::F32(max.into()))
        }
        Values::F64(v) => {
            let (min, max) =
                out.zones(rows, 0.0f64, |row| at(v, row), |_, x| canonical_f64(x), f64::is_nan);
            (Values::F64(min.into()), Values::F64(max.into()))
        }
        Values::Bytes(v) => byte_strings(&mut out, v, data_type == DataType::String, numbered),
    };
    let zones = Zones { nulls: out.nulls, nans: out.nans, flags: out.flags, min, max };
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    ChunkStatistics { rows, sketch: sketch(values, validity, numbered), zones }
}

/// The sketch of the values of valid rows.
fn sketch(
    values: &Values,
    validity: Option<&BooleanBuffer>,
    numbered: Option<&Numbered>,
) -> Sketch {
    let mut sketch = Sketch::default();
    let valid = |row: usize| validity.is_none_or(|validity| validity.value(row));
    match numbered {
        None => add_all(values, valid, &mut sketch),
        Some(Numbered { values: distinct, .. }) if validity.is_none() => {
            add_all(distinct, |_| true, &mut sketch);
        }
        Some(Numbered { values: distinct, codes }) => {
            // Null rows have values too, some of them maybe none that a valid row has.
            let mut shown = vec![false; distinct.len()];
            for (_, code) in codes.iter().enumerate().filter(|(row, _)| valid(*row)) {
                if let Some(shown) = shown.get_mut(*code as usize) {
                    *shown = true;
                }
            }
            add_all(distinct, |code| at(&shown, code), &mut sketch);
        }
    }
    sketch
}

/// Adds the values of some rows.
fn add_all(values: &Values, shown: impl Fn(usize) -> bool, sketch: &mut Sketch) {
    fn fixed<T: ValueHash + PartialEq>(
        values: &[T],
        shown: impl Fn(usize) -> bool,
        sketch: &mut Sketch,
    ) {
        // What is like the value before it adds nothing.
        let mut last = None;
        for (row, value) in values.iter().enumerate() {
            if last != Some(*value) && shown(row) {
                last = Some(*value);
                sketch.add(value.value_hash());
            }
        }
    }
    match values {
        Values::Bool(v) => (0..v.len())
            .filter(|row| shown(*row))
            .for_each(|row| sketch.add(i8::from(v.value(row)).value_hash())),
        Values::I8(v) => fixed(v, shown, sketch),
        Values::I16(v) => fixed(v, shown, sketch),
        Values::I32(v) => fixed(v, shown, sketch),
        Values::I64(v) => fixed(v, shown, sketch),
        Values::I128(v) => fixed(v, shown, sketch),
        Values::F32(v) => fixed(v, shown, sketch),
        Values::F64(v) => fixed(v, shown, sketch),
        Values::Bytes(v) => (0..v.len())
            .filter(|row| shown(*row))
            .for_each(|row| sketch.add(hash_bytes(v.get(row)))),
    }
}

struct Collector<'a> {
    validity: Option<&'a BooleanBuffer>,
    order: Option<&'a ChunkOrder>,
    nulls: Vec<u32>,
    nans: Vec<u32>,
    flags: Vec<u8>,
}

impl<'a> Collector<'a> {
    fn new(validity: Option<&'a BooleanBuffer>, order: Option<&'a ChunkOrder>) -> Self {
        Self { validity, order, nulls: Vec::new(), nans: Vec::new(), flags: Vec::new() }
    }

    /// The rows that hold the least and the greatest value of a zone without nulls, among others: the ends of its
    /// vectors. `None` where the rows of one are not in order, or not known to be.
    fn ends(&self, zone: Range<usize>, nulls: u32) -> Option<Vec<usize>> {
        let order = self.order.filter(|_| nulls == 0)?;
        let starts = || zone.clone().step_by(VECTOR_ROWS);
        let known = starts().all(|start| order.is_ordered(start / VECTOR_ROWS));
        let ends = |start: usize| [start, zone.end.min(start + VECTOR_ROWS) - 1];
        known.then(|| starts().flat_map(ends).collect())
    }

    /// Walks the zones: `get` gives a row's value, `map` its canonical form, `nan` whether it is
    /// left out of the bounds. Returns the bounds of every zone, `none` where there are none.
    fn zones<T: Copy + PartialOrd>(
        &mut self,
        rows: usize,
        none: T,
        get: impl Fn(usize) -> T,
        map: impl Fn(usize, T) -> T,
        nan: impl Fn(T) -> bool,
    ) -> (Vec<T>, Vec<T>) {
        let (mut mins, mut maxs) = (Vec::new(), Vec::new());
        for start in (0..rows).step_by(ZONE_ROWS) {
            let end = (start + ZONE_ROWS).min(rows);
            let nulls = self.count_nulls(start, end);
            // NaN is at an end of what is in order, and counted.
            let ends = self.ends(start..end, nulls);
            let ends = ends.filter(|rows| rows.iter().all(|row| !nan(get(*row))));
            let mut nans = 0u32;
            let mut bounds: Option<(T, T)> = None;
            let mut add = |row: usize| {
                if nulls > 0 && self.is_null(row) {
                    return;
                }
                let value = get(row);
                if nan(value) {
                    nans += 1;
                    return;
                }
                let value = map(row, value);
                bounds = Some(bounds.map_or((value, value), |(min, max)| {
                    (if value < min { value } else { min }, if value > max { value } else { max })
                }));
            };
            match ends {
                Some(rows) => rows.into_iter().for_each(&mut add),
                None => (start..end).for_each(&mut add),
            }
            self.push(nulls, nans, if bounds.is_some() { HAS_BOUNDS | EXACT } else { 0 });
            let (min, max) = bounds.unwrap_or((none, none));
            mins.push(min);
            maxs.push(max);
        }
        (mins, maxs)
    }

    fn push(&mut self, nulls: u32, nans: u32, flags: u8) {
        self.nulls.push(nulls);
        self.nans.push(nans);
        self.flags.push(flags);
    }

    fn is_null(&self, row: usize) -> bool {
        self.validity.is_some_and(|validity| !validity.value(row))
    }

    fn count_nulls(&self, start: usize, end: usize) -> u32 {
        let len = end - start;
        let valid = self.validity.map_or(len, |v| v.slice(start, len).count_set_bits());
        u32::try_from(len - valid).unwrap_or(u32::MAX)
    }
}

fn at<T: Copy + Default>(values: &[T], row: usize) -> T {
    values.get(row).copied().unwrap_or_default()
}

fn integers<T>(
    out: &mut Collector<'_>,
    values: &arrow_buffer::ScalarBuffer<T>,
    wrap: fn(arrow_buffer::ScalarBuffer<T>) -> Values,
) -> (Values, Values)
where
    T: Ord + Default + arrow_buffer::ArrowNativeType,
{
    let (mut mins, mut maxs) = (Vec::new(), Vec::new());
    for (zone, chunk) in values.chunks(ZONE_ROWS).enumerate() {
        let start = zone * ZONE_ROWS;
        let nulls = out.count_nulls(start, start + chunk.len());
        let bounds = if let Some(rows) = out.ends(start..start + chunk.len(), nulls) {
            let ends = || rows.iter().map(|row| at(values, *row));
            ends().min().zip(ends().max())
        } else if nulls == 0 {
            chunk.iter().copied().min().zip(chunk.iter().copied().max())
        } else {
            let valid = || {
                chunk
                    .iter()
                    .enumerate()
                    .filter(|(row, _)| !out.is_null(start + row))
                    .map(|(_, v)| *v)
            };
            valid().min().zip(valid().max())
        };
        out.push(nulls, 0, if bounds.is_some() { HAS_BOUNDS | EXACT } else { 0 });
        let (min, max) = bounds.unwrap_or_default();
        mins.push(min);
        maxs.push(max);
    }
    (wrap(mins.into()), wrap(maxs.into()))
}

fn byte_strings(
    out: &mut Collector<'_>,
    values: &ByteValues,
    utf8: bool,
    numbered: Option<&Numbered>,
) -> (Values, Values) {
    let rows = values.len();
    let (mut mins, mut maxs) = (Vec::new(), Vec::new());
    for start in (0..rows).step_by(ZONE_ROWS) {
        let end = (start + ZONE_ROWS).min(rows);
        let nulls = out.count_nulls(start, end);
        let valid = || (start..end).filter(|row| nulls == 0 || !out.is_null(*row));
        let ends = out.ends(start..end, nulls);
        let bounds = match numbered {
            _ if ends.is_some() => extremes(ends.iter().flatten().map(|row| values.get(*row))),
            None => extremes(valid().map(|row| values.get(row))),
            // Numbers ascend as their values do.
            Some(Numbered { values: Values::Bytes(distinct), codes }) => {
                let codes = || valid().map(|row| at(codes, row));
                let bounds = codes().min().zip(codes().max());
                bounds.map(|(min, max)| (distinct.get(min as usize), distinct.get(max as usize)))
            }
            Some(_) => None,
        };
        let (min, max, flags) = match bounds {
            None => (Vec::new(), Some(Vec::new()), 0),
            Some((min, max)) => {
                let low = truncate(min, utf8).to_vec();
                let high = round_up(max, utf8);
                let exact = low.len() == min.len() && max.len() <= BOUND_BYTES;
                let flags =
                    if high.is_none() { 0 } else { HAS_BOUNDS } | if exact { EXACT } else { 0 };
                (low, high, flags)
            }
        };
        out.push(nulls, 0, flags);
        mins.push(min);
        maxs.push(max.unwrap_or_default());
    }
    (Values::Bytes(mins.iter().collect()), Values::Bytes(maxs.iter().collect()))
}

/// The least and the greatest string.
fn extremes<'a>(strings: impl Iterator<Item = &'a [u8]>) -> Option<(&'a [u8], &'a [u8])> {
    // Most strings differ from the extremes in their first bytes, which one comparison of integers tells.
    let mut bounds: Option<[(u64, &[u8]); 2]> = None;
    for string in strings {
        let own = (first_bytes(string), string);
        match &mut bounds {
            None => bounds = Some([own, own]),
            Some([min, max]) => {
                if own < *min {
                    *min = own;
                }
                if own > *max {
                    *max = own;
                }
            }
        }
    }
    bounds.map(|[(_, min), (_, max)]| (min, max))
}

/// The first bytes as a number that is greater where they are; zeros stand for those that there are not.
fn first_bytes(string: &[u8]) -> u64 {
    match string.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first.iter_mut().zip(string).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(first)
        }
    }
}

/// The first bytes of a string, cut between characters when it is text: a lower bound.
fn truncate(bytes: &[u8], utf8: bool) -> &[u8] {
    if bytes.len() <= BOUND_BYTES {
        return bytes;
    }
    let mut end = BOUND_BYTES;
    while utf8 && end > 0 && bytes.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end -= 1;
    }
    bytes.get(..end).unwrap_or_default()
}

/// A short upper bound: the string itself, or its beginning with the last character (or byte) that
/// can grow made one greater. `None` when nothing can grow.
fn round_up(bytes: &[u8], utf8: bool) -> Option<Vec<u8>> {
    if bytes.len() <= BOUND_BYTES {
        return Some(bytes.to_vec());
    }
    let mut prefix = truncate(bytes, utf8).to_vec();
    if !utf8 {
        while let Some(last) = prefix.pop() {
            if last < u8::MAX {
                prefix.push(last + 1);
                return Some(prefix);
            }
        }
        return None;
    }
    let mut text = String::from_utf8(prefix).ok()?;
    while let Some(last) = text.pop() {
        // The next scalar value; byte order of UTF-8 is code point order.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        // A longer character could make the bound too long: then an earlier one grows.
        if let Some(next) = next.filter(|next| text.len() + next.len_utf8() <= BOUND_BYTES) {
            text.push(next);
            return Some(text.into_bytes());
        }
    }
    None
}
