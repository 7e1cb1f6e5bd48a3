//! Data that encodings find hard.

use arrow_buffer::BooleanBuffer;
use ncf_core::{PhysicalType, Values};

/// A small deterministic generator (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap() % limit
    }
}

const LENGTHS: [usize; 9] = [0, 1, 2, 63, 1023, 1024, 1025, 4096, 10_000];

/// Named columns of a type: every length, and shapes from constant to random.
pub(crate) fn columns(physical: PhysicalType) -> Vec<Values> {
    let mut out = Vec::new();
    for len in LENGTHS {
        for shape in 0..8 {
            out.push(column(physical, len, shape));
        }
    }
    out
}

/// One column. Shapes: 0 constant, 1 alternating extremes, 2 ascending, 3 runs, 4 few distinct, 5 small with
/// rare outliers, 6 random bits, 7 all different and hostile.
#[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
pub(crate) fn column(physical: PhysicalType, len: usize, shape: usize) -> Values {
    let mut random = Random::new(len as u64 * 31 + shape as u64);
    let raw: Vec<u64> = (0..len)
        .map(|row| match shape {
            0 => 42,
            1 => [u64::MAX, 0, 1 << 63, (1 << 63) - 1][row % 4],
            2 => row as u64 * 3,
            3 => (row / 37) as u64 % 5,
            4 => [7, 1000, 70_000, 1 << 40][random.below(4)],
            5 if random.below(50) > 0 => random.next() % 16,
            _ => random.next(),
        })
        .collect();
    match physical {
        PhysicalType::Bool => {
            Values::Bool(raw.iter().map(|v| v % 2 == 1).collect::<BooleanBuffer>())
        }
        PhysicalType::I8 => Values::I8(raw.iter().map(|v| *v as i8).collect()),
        PhysicalType::I16 => Values::I16(raw.iter().map(|v| *v as i16).collect()),
        PhysicalType::I32 => Values::I32(raw.iter().map(|v| *v as i32).collect()),
        PhysicalType::I64 => Values::I64(raw.iter().map(|v| v.cast_signed()).collect()),
        PhysicalType::I128 => Values::I128(raw.iter().map(|v| wide(*v, shape)).collect()),
        PhysicalType::F32 => Values::F32(raw.iter().map(|v| float(*v, shape) as f32).collect()),
        PhysicalType::F64 => Values::F64(raw.iter().map(|v| float(*v, shape)).collect()),
        PhysicalType::Bytes => Values::Bytes(raw.iter().map(|v| string(*v, shape)).collect()),
    }
}

fn wide(value: u64, shape: usize) -> i128 {
    match shape {
        1 => [i128::MIN, i128::MAX, 0, -1][usize::try_from(value % 4).unwrap()],
        6 | 7 => i128::from(value).wrapping_mul(i128::from(value.rotate_left(17))),
        _ => i128::from(value.cast_signed()),
    }
}

/// Floats that are decimals, specials with NaN payloads and −0.0, or any bits.
fn float(value: u64, shape: usize) -> f64 {
    const SPECIAL: [f64; 6] =
        [f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE, f64::MAX];
    match shape {
        1 => match value % 8 {
            7 => f64::from_bits(0x7ff8_0000_dead_beef),
            6 => f64::from_bits(0xfff0_0000_0000_0001),
            other => SPECIAL[usize::try_from(other).unwrap()],
        },
        6 => f64::from_bits(value),
        7 if value.is_multiple_of(3) => SPECIAL[usize::try_from(value % 6).unwrap()],
        _ => (value % 1_000_000) as f64 / 100.0,
    }
}

fn string(value: u64, shape: usize) -> Vec<u8> {
    match shape {
        0 => b"the same".to_vec(),
        1 => vec![b'x'; usize::try_from(value % 3).unwrap() * 300],
        6 => value.to_le_bytes()[..usize::try_from(value % 9).unwrap()].to_vec(),
        7 => "é漢字🦀".repeat(usize::try_from(value % 20).unwrap()).into_bytes(),
        _ => format!("value {value}").into_bytes(),
    }
}

/// The values with definite ones at null rows, as the writer of files makes them: numbers repeat the last valid
/// value (the first one before it), strings are empty, booleans false.
pub(crate) fn definite(values: &Values, validity: Option<&BooleanBuffer>) -> Values {
    let Some(validity) = validity else { return values.clone() };
    macro_rules! numbers {
        ($v:expr, $variant:ident) => {{
            let first = validity.set_indices().next().map(|row| $v[row]);
            let mut last = first.unwrap_or_default();
            let rows = $v.iter().zip(validity).map(|(value, valid)| {
                last = if valid { *value } else { last };
                last
            });
            Values::$variant(rows.collect())
        }};
    }
    match values {
        Values::Bool(v) => Values::Bool(v & validity),
        Values::I8(v) => numbers!(v, I8),
        Values::I16(v) => numbers!(v, I16),
        Values::I32(v) => numbers!(v, I32),
        Values::I64(v) => numbers!(v, I64),
        Values::I128(v) => numbers!(v, I128),
        Values::F32(v) => numbers!(v, F32),
        Values::F64(v) => numbers!(v, F64),
        Values::Bytes(v) => {
            let rows = v.iter().zip(validity).map(|(v, valid)| if valid { v } else { &[] });
            Values::Bytes(rows.collect())
        }
    }
}

/// Validity with every shape of nulls.
pub(crate) fn validity(len: usize, shape: usize) -> Option<BooleanBuffer> {
    let mut random = Random::new(len as u64 + 5);
    Some(match shape {
        0 => return None,
        6 => BooleanBuffer::collect_bool(len, |row| row % 50 == 49),
        1 => BooleanBuffer::new_unset(len),
        2 => BooleanBuffer::new_set(len),
        3 => BooleanBuffer::collect_bool(len, |row| row % 3 != 0),
        4 => BooleanBuffer::collect_bool(len, |row| row / 100 % 2 == 0),
        _ => BooleanBuffer::collect_bool(len + 3, |_| random.below(10) > 0).slice(3, len),
    })
}
