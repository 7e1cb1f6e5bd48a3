//! The rows that discovery looks at: a uniform sample of the block, and samples that hold all rows
//! of some keys.

use ncf_core::{ByteValues, Values};
use xxhash_rust::xxh3::xxh3_64;

use super::super::terms::{power_of_ten, scaled};
use super::cost::{kinds, log2};
use super::groups::{Groups, number};
use super::{MIN_BITS, MIN_BYTES, MIN_ROWS, Sampled};

/// Rows of a uniform sample, at least and at most.
const SAMPLE: (usize, usize) = (2048, 8192);

/// Rows of a block for one of its sample.
const STRIDE: usize = 96;

/// Columns times rows of a sample, at most, as long as it keeps the fewest rows.
const SAMPLED_VALUES: usize = 144_000;

/// Most digits after the point of a decimal that is stored as a float.
const MAX_DIGITS: u8 = 6;

/// The share of a float column's values that must be decimals.
const DECIMALS: f64 = 0.98;

/// A block, as far as it has been looked at.
pub(super) struct View<'a> {
    pub(super) columns: Vec<Column<'a>>,
    /// Rows of the block.
    pub(super) rows: usize,
    /// The rows of the uniform sample.
    pub(super) sample: Vec<usize>,
}

/// A column and its sample.
pub(super) struct Column<'a> {
    pub(super) sampled: &'a Sampled<'a>,
    /// Whether relations for it are looked for.
    pub(super) wanted: bool,
    /// Rows of the block that are not null.
    pub(super) valid_rows: f64,
    /// Which rows of the sample are not null, where some are.
    pub(super) valid: Option<Vec<bool>>,
    /// Bits of the sample's values.
    pub(super) bits: Vec<u64>,
    /// Dense numbers of the sample's values.
    pub(super) ids: Vec<u32>,
    /// The sample's rows by value.
    pub(super) groups: Groups,
    /// Different values in the block, estimated.
    pub(super) distinct: f64,
    /// The sample's values, of integers of at most 64 bits.
    pub(super) integers: Option<Vec<i64>>,
    /// Digits after the point, of doubles that are decimals.
    pub(super) digits: Option<u8>,
    /// Different values that the column could have between its least and its greatest; for what has
    /// no order that helps, a small multiple of those that it has.
    pub(super) span: f64,
    /// Bits of a value in a table.
    pub(super) value_bits: f64,
}

/// Spreads the bits of `key` over all bits.
pub(super) fn mix(key: u64) -> u64 {
    let mixed = (key ^ (key >> 32) ^ 0x5851_F42D_4C95_7F2D).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 32)
}

impl<'a> View<'a> {
    pub(super) fn new(columns: &'a [Sampled<'a>], rows: usize) -> Self {
        let most = (SAMPLED_VALUES / columns.len().max(1)).clamp(SAMPLE.0, SAMPLE.1);
        let sample = uniform(rows, (rows / STRIDE).clamp(SAMPLE.0, most));
        let columns = columns.iter().map(|column| Column::new(column, rows, &sample)).collect();
        Self { columns, rows, sample }
    }

    /// Whether the sample is the block.
    pub(super) fn complete(&self) -> bool {
        self.sample.len() == self.rows
    }

    /// The columns that relations are looked for, and their places.
    pub(super) fn targets(&self) -> impl Iterator<Item = (usize, &Column<'a>)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.wanted)
    }

    /// The columns that others may refer to, those that always have the same value aside, and their
    /// places.
    pub(super) fn references(&self) -> impl Iterator<Item = (usize, &Column<'a>)> {
        let varied = |column: &Column<'_>| column.sampled.reference && column.groups.len() > 1;
        self.columns.iter().enumerate().filter(move |(_, column)| varied(column))
    }
}

impl<'a> Column<'a> {
    fn new(sampled: &'a Sampled<'a>, rows: usize, sample: &[usize]) -> Self {
        let values = sampled.values;
        let bits = bits(values, sample);
        let (ids, seen) = number(bits.iter().copied());
        let groups = Groups::new(&ids, seen);
        let (once, twice) = groups.rare();
        let distinct =
            if sample.len() == rows { seen as f64 } else { kinds(seen, once, twice, rows as f64) };
        let valid: Option<Vec<bool>> = sampled.validity.map(|validity| {
            sample.iter().map(|row| *row < validity.len() && validity.value(*row)).collect()
        });
        let valid_rows = sampled.validity.map_or(rows, |validity| validity.count_set_bits()) as f64;
        let integers = integers(values, &bits);
        let digits = match values {
            Values::F64(_) => digits(&bits, valid.as_deref()),
            _ => None,
        };
        let (span, value_bits) = spread(values, sample, integers.as_deref(), digits, distinct);
        let wanted = sampled.target
            && sampled.bytes >= MIN_BYTES
            && valid_rows >= MIN_ROWS as f64
            && seen > 1
            && sampled.bytes as f64 * 8.0 >= MIN_BITS * rows as f64
            && !matches!(values, Values::Bool(_));
        Self {
            sampled,
            wanted,
            valid_rows,
            valid,
            bits,
            ids,
            groups,
            distinct,
            integers,
            digits,
            span,
            value_bits,
        }
    }

    /// Whether row `place` of the sample is not null.
    pub(super) fn is_valid(&self, place: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid.get(place) == Some(&true))
    }
}

/// About `wanted` rows, spread over the block: one of each stratum.
fn uniform(rows: usize, wanted: usize) -> Vec<usize> {
    if rows <= wanted {
        return (0..rows).collect();
    }
    let start = |stratum: usize| stratum * rows / wanted;
    (0..wanted)
        .map(|stratum| {
            let (from, to) = (start(stratum), start(stratum + 1));
            #[expect(clippy::cast_possible_truncation, reason = "any bits do")]
            let random = mix(stratum as u64 + 1) as usize;
            from + random % (to - from).max(1)
        })
        .collect()
}

/// The bits of the values at `rows`; for what is wider than 64 bits, a hash.
pub(super) fn bits(values: &Values, rows: &[usize]) -> Vec<u64> {
    fn of<T: Copy>(values: &[T], rows: &[usize], bits: impl Fn(T) -> u64) -> Vec<u64> {
        rows.iter().map(|row| values.get(*row).map_or(0, |value| bits(*value))).collect()
    }
    match values {
        Values::Bool(v) => {
            rows.iter().map(|row| u64::from(*row < v.len() && v.value(*row))).collect()
        }
        Values::I8(v) => of(v, rows, |value| i64::from(value).cast_unsigned()),
        Values::I16(v) => of(v, rows, |value| i64::from(value).cast_unsigned()),
        Values::I32(v) => of(v, rows, |value| i64::from(value).cast_unsigned()),
        Values::I64(v) => of(v, rows, i64::cast_unsigned),
        Values::I128(v) => of(v, rows, folded),
        Values::F32(v) => of(v, rows, |value| u64::from(value.to_bits())),
        Values::F64(v) => of(v, rows, f64::to_bits),
        Values::Bytes(v) => rows.iter().map(|row| xxh3_64(v.get(*row))).collect(),
    }
}

/// A hash of each value's bits.
pub(super) fn hashes(values: &Values) -> Vec<u32> {
    fn of<T: Copy>(values: &[T], bits: impl Fn(T) -> u64) -> Vec<u32> {
        values.iter().map(|value| high(mix(bits(*value)))).collect()
    }
    match values {
        Values::Bool(v) => v.iter().map(|bit| high(mix(u64::from(bit)))).collect(),
        Values::I8(v) => of(v, |value| i64::from(value).cast_unsigned()),
        Values::I16(v) => of(v, |value| i64::from(value).cast_unsigned()),
        Values::I32(v) => of(v, |value| i64::from(value).cast_unsigned()),
        Values::I64(v) => of(v, i64::cast_unsigned),
        Values::I128(v) => of(v, folded),
        Values::F32(v) => of(v, |value| u64::from(value.to_bits())),
        Values::F64(v) => of(v, f64::to_bits),
        Values::Bytes(v) => v.iter().map(|value| high(xxh3_64(value))).collect(),
    }
}

fn high(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "a hash")]
fn folded(value: i128) -> u64 {
    let value = value.cast_unsigned();
    mix((value >> 64) as u64 ^ 0x5851_F42D).wrapping_add(value as u64)
}

/// The integers whose bits these are.
pub(super) fn integers(values: &Values, bits: &[u64]) -> Option<Vec<i64>> {
    let integers =
        matches!(values, Values::I8(_) | Values::I16(_) | Values::I32(_) | Values::I64(_));
    integers.then(|| bits.iter().map(|bits| bits.cast_signed()).collect())
}

/// The fewest digits after the point with which most of the doubles are decimals.
fn digits(bits: &[u64], valid: Option<&[bool]>) -> Option<u8> {
    let valid = |place: usize| valid.is_none_or(|valid| valid.get(place) == Some(&true));
    let floats: Vec<f64> = (0..)
        .zip(bits)
        .filter(|(place, _)| valid(*place))
        .map(|(_, bits)| f64::from_bits(*bits))
        .collect();
    (0..=MAX_DIGITS).find(|digits| {
        let most = floats.len() as f64 * (1.0 - DECIMALS);
        let mut others = 0;
        floats.iter().all(|float| {
            others += usize::from(decimal(*float, *digits).is_none());
            others as f64 <= most
        })
    })
}

/// `value · 10^digits`, where `value` is a decimal of so many digits.
pub(super) fn decimal(value: f64, digits: u8) -> Option<i64> {
    let integer = scaled(value, digits);
    let back = integer as f64 / power_of_ten(digits);
    (back.to_bits() == value.to_bits()).then_some(integer)
}

/// A column's span and the bits of a value in a table.
fn spread(
    values: &Values,
    sample: &[usize],
    integers: Option<&[i64]>,
    digits: Option<u8>,
    distinct: f64,
) -> (f64, f64) {
    if let Some(integers) = integers {
        let least = integers.iter().copied().min().unwrap_or(0);
        let most = integers.iter().copied().max().unwrap_or(0);
        let span = most.wrapping_sub(least).cast_unsigned() as f64 + 1.0;
        return (span, log2(span) + 1.0);
    }
    let bits = match (values, digits) {
        (Values::Bytes(strings), _) => 8.0 + 5.0 * average_length(strings, sample),
        (Values::F64(floats), Some(digits)) => {
            let most =
                sample.iter().filter_map(|row| floats.get(*row)).fold(0.0, |most: f64, float| {
                    if float.is_finite() { most.max(float.abs()) } else { most }
                });
            log2(most * power_of_ten(digits)) + 2.0
        }
        _ => values.physical().width().unwrap_or(8) as f64 * 8.0,
    };
    (distinct * 4.0, bits)
}

fn average_length(strings: &ByteValues, sample: &[usize]) -> f64 {
    let bytes: usize = sample.iter().map(|row| strings.get(*row).len()).sum();
    bytes as f64 / sample.len().max(1) as f64
}
