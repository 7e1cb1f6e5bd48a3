//! Key maps: values of a column as 64-bit codes in the order of `ncf_core::ordering`.
//!
//! A map never falls: a smaller value has no greater code. It may give several values one code (long strings,
//! wide decimals), so a code decides only what has another code; [`Located::exact`] says where it decides all.
//!
//! | column | code |
//! |---|---|
//! | integers, dates, timestamps, decimals of up to 18 digits | the number with its sign bit flipped |
//! | float, double | the bits, all flipped below zero, else the sign bit; −0.0 as 0.0; NaN as the greatest code |
//! | decimals of more digits | (number − base) >> shift |
//! | strings, binary | up to 64 bytes, without a common prefix, as digits: 0 ends, then the bytes that occur |
//! | strings, binary of one length | the same without a digit that ends: of decimal digits the number itself |

use ncf_core::ordering::{canonical_f32, canonical_f64};
use ncf_core::{DataType, Scalar, Values};

/// Bytes of a string that count: those of a bound in statistics.
pub const TEXT_BYTES: usize = 64;

/// From values to codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyMap {
    /// Numbers of up to 64 bits.
    Number,
    /// 128-bit numbers.
    Wide {
        /// Has the code 0, as all below.
        base: i128,
        shift: u8,
    },
    /// Byte strings.
    Text(TextMap),
}

/// How byte strings become numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextMap {
    /// What all strings begin with, those out of order left out.
    pub(super) prefix: Vec<u8>,
    /// The bytes that occur after it, ascending; two or more where strings have one length.
    pub(super) alphabet: Vec<u8>,
    /// Strings are expected to have one length: none of the digits says that a string ends, which leaves even numbers even.
    pub(super) one_length: bool,
}

/// The code of a value that is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) code: u64,
    /// Whether stored values with this code are equal to it. Those with other codes are less or greater as
    /// their codes are.
    pub(super) exact: bool,
}

impl KeyMap {
    /// The code of a stored value; `None` where values and map do not fit.
    pub(super) fn code_of(&self, values: &Values, row: usize) -> Option<u64> {
        match (self, values) {
            (Self::Number, values) => number(values, row),
            (Self::Wide { base, shift }, Values::I128(v)) => {
                Some(wide(*v.get(row)?, *base, *shift))
            }
            (Self::Text(map), Values::Bytes(v)) => (row < v.len()).then(|| map.code(v.get(row))),
            _ => None,
        }
    }

    /// The code of a literal, of a type that the column `stored` can be read as.
    pub(super) fn locate(&self, literal: &Scalar, stored: DataType) -> Option<Located> {
        let inexact = |code| Located { code, exact: false };
        match self {
            Self::Text(map) => text_of(literal).map(|text| inexact(map.code(text))),
            Self::Wide { base, shift } => {
                let (value, _) = integer(literal, stored)?;
                Some(inexact(wide(value, *base, *shift)))
            }
            Self::Number => match stored {
                DataType::Float32 => single(literal),
                DataType::Float64 => match literal {
                    Scalar::Double(v) => Some(Located { code: code_f64(*v), exact: true }),
                    _ => None,
                },
                _ => {
                    let (value, exact) = integer(literal, stored)?;
                    let stored = i64::try_from(value);
                    let nearest = stored.unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
                    Some(Located { code: flip(nearest), exact: exact && stored.is_ok() })
                }
            },
        }
    }
}

fn flip(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

fn number(values: &Values, row: usize) -> Option<u64> {
    Some(match values {
        Values::I8(v) => flip((*v.get(row)?).into()),
        Values::I16(v) => flip((*v.get(row)?).into()),
        Values::I32(v) => flip((*v.get(row)?).into()),
        Values::I64(v) => flip(*v.get(row)?),
        Values::F32(v) => code_f32(*v.get(row)?),
        Values::F64(v) => code_f64(*v.get(row)?),
        Values::Bool(_) | Values::I128(_) | Values::Bytes(_) => return None,
    })
}

pub(super) fn code_i64(value: i64) -> u64 {
    flip(value)
}

pub(super) fn code_f32(value: f32) -> u64 {
    if value.is_nan() {
        return u32::MAX.into();
    }
    let bits = canonical_f32(value).to_bits();
    u64::from(if bits >> 31 == 1 { !bits } else { bits | 1 << 31 })
}

pub(super) fn code_f64(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = canonical_f64(value).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The code of a literal among floats. A double between two of them has the code of the lesser.
fn single(literal: &Scalar) -> Option<Located> {
    let (near, exact) = nearest_single(literal)?;
    let above = matches!(literal, Scalar::Double(v) if f64::from(near) > *v);
    let code = code_f32(near);
    Some(Located { code: if above { code.saturating_sub(1) } else { code }, exact })
}

/// The float nearest to a literal, and whether it is equal.
pub(crate) fn nearest_single(literal: &Scalar) -> Option<(f32, bool)> {
    match literal {
        Scalar::Float(v) => Some((*v, true)),
        Scalar::Double(v) => {
            #[allow(clippy::cast_possible_truncation, reason = "what is lost is looked at next")]
            let near = *v as f32;
            Some((near, f64::from(near) == *v || v.is_nan()))
        }
        _ => None,
    }
}

/// The greatest stored integer that is not above a literal, and whether it is equal.
pub(crate) fn integer(literal: &Scalar, stored: DataType) -> Option<(i128, bool)> {
    if let Scalar::Double(v) = literal {
        // NaN is above all numbers.
        if !stored.widens_to(DataType::Float64) {
            return None;
        }
        let whole = v.floor();
        #[allow(clippy::cast_possible_truncation, reason = "an `as` to an integer saturates")]
        return Some(if v.is_nan() { (i128::MAX, false) } else { (whole as i128, whole == *v) });
    }
    let value = match literal {
        Scalar::Tinyint(v) => i128::from(*v),
        Scalar::Smallint(v) => i128::from(*v),
        Scalar::Int(v) | Scalar::Date(v) => i128::from(*v),
        Scalar::Bigint(v) | Scalar::Timestamp(v) | Scalar::TimestampNtz(v) => i128::from(*v),
        Scalar::Decimal { unscaled, .. } => *unscaled,
        _ => return None,
    };
    let wanted = literal.data_type();
    if wanted.compares_with(stored) {
        return Some((value, true));
    }
    let factor = stored.factor(wanted).filter(|factor| *factor > 0)?;
    Some((value.div_euclid(factor), value.rem_euclid(factor) == 0))
}

pub(super) fn wide(value: i128, base: i128, shift: u8) -> u64 {
    let above = if value <= base { 0 } else { value.abs_diff(base) };
    u64::try_from(above >> shift.min(127)).unwrap_or(u64::MAX)
}

pub(super) fn text_of(literal: &Scalar) -> Option<&[u8]> {
    match literal {
        Scalar::String(text) => Some(text.as_bytes()),
        Scalar::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

/// What counts of a string.
pub(super) fn cut(text: &[u8]) -> &[u8] {
    text.get(..TEXT_BYTES).unwrap_or(text)
}

impl TextMap {
    /// A map for strings between `first` and `last` whose bytes are those of `samples`.
    pub(super) fn learn<'a>(
        first: &[u8],
        last: &[u8],
        samples: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let same = first.iter().zip(last).take_while(|(a, b)| a == b).count();
        let prefix = first.get(..same).unwrap_or_default().to_vec();
        let mut occurs = [false; 256];
        let mut one_length = true;
        for sample in samples {
            one_length &= sample.len() == first.len();
            for byte in sample.get(same..).unwrap_or_default() {
                if let Some(occurs) = occurs.get_mut(usize::from(*byte)) {
                    *occurs = true;
                }
            }
        }
        let alphabet = (0..=u8::MAX).zip(occurs).filter(|(_, occurs)| *occurs);
        let alphabet: Vec<u8> = alphabet.map(|(byte, _)| byte).collect();
        Self { prefix, one_length: one_length && alphabet.len() > 1, alphabet }
    }

    /// The code of a string, of which [`TEXT_BYTES`] count.
    ///
    /// Digits are those of the bytes that occur, from 1. A byte that does not occur has the digit of the next
    /// that does, and ends the string: whatever follows it is still below a string with that next byte.
    pub(super) fn code(&self, text: &[u8]) -> u64 {
        let Some(rest) = cut(text).strip_prefix(self.prefix.as_slice()) else {
            let below = cut(text) < self.prefix.as_slice();
            return if below { 0 } else { u64::MAX };
        };
        if self.one_length {
            return self.code_of_one_length(rest);
        }
        let base = self.alphabet.len() as u64 + 2;
        let mut room = u64::MAX;
        let mut code = 0u64;
        let mut bytes = rest.iter();
        let mut ended = false;
        // As many digits as 64 bits hold.
        while room >= base {
            room /= base;
            let digit = match bytes.next().filter(|_| !ended) {
                None => 0,
                Some(byte) => {
                    let place = self.alphabet.partition_point(|have| have < byte);
                    ended = self.alphabet.get(place) != Some(byte);
                    place as u64 + 1
                }
            };
            code = code * base + digit;
        }
        code
    }

    /// The same in digits of as many values as there are bytes, from 0. A string that ends, and one with a byte that does
    /// not occur, have the least code of those that go on, or, where the byte is above all, the greatest.
    fn code_of_one_length(&self, rest: &[u8]) -> u64 {
        let base = (self.alphabet.len() as u64).max(2);
        let mut room = u64::MAX;
        let mut code = 0u64;
        let mut bytes = rest.iter();
        let mut fill = None;
        while room >= base {
            room /= base;
            let digit = fill.unwrap_or_else(|| {
                let Some(byte) = bytes.next() else {
                    fill = Some(0);
                    return 0;
                };
                let place = self.alphabet.partition_point(|have| have < byte);
                match self.alphabet.get(place) {
                    Some(have) if have == byte => {}
                    Some(_) => fill = Some(0),
                    None => {
                        fill = Some(base - 1);
                        return base - 1;
                    }
                }
                place as u64
            });
            code = code * base + digit;
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_their_order() {
        let ascending =
            [f64::NEG_INFINITY, f64::MIN, -1.5, -f64::MIN_POSITIVE, 0.0, 1e-300, 2.0, f64::MAX];
        let ascending: Vec<f64> = ascending.into_iter().chain([f64::INFINITY, f64::NAN]).collect();
        assert!(ascending.windows(2).all(|pair| code_f64(pair[0]) < code_f64(pair[1])));
        assert_eq!(code_f64(-0.0), code_f64(0.0));
        assert_eq!(code_f64(-f64::NAN), u64::MAX);
        #[allow(clippy::cast_possible_truncation, reason = "they stay in order")]
        let singles = ascending.iter().map(|v| code_f32(*v as f32)).collect::<Vec<_>>();
        assert!(singles.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(code_f32(-0.0), code_f32(0.0));
    }

    #[test]
    fn literals_between_stored_values_are_not_exact() {
        let of = |literal: Scalar, stored| {
            let Located { code, exact } = KeyMap::Number.locate(&literal, stored).unwrap();
            ((code ^ (1 << 63)).cast_signed(), exact)
        };
        let decimal = |unscaled, scale| Scalar::Decimal { unscaled, precision: 30, scale };
        assert_eq!(of(Scalar::Int(-7), DataType::Int32), (-7, true));
        assert_eq!(of(decimal(550, 2), DataType::Int32), (5, false));
        assert_eq!(of(decimal(-550, 2), DataType::Int32), (-6, false));
        assert_eq!(of(decimal(500, 2), DataType::Int64), (5, true));
        assert_eq!(of(decimal(i128::MAX, 0), DataType::Int64), (i64::MAX, false));
        assert_eq!(of(Scalar::Double(2.5), DataType::Int16), (2, false));
        assert_eq!(of(Scalar::Double(f64::NAN), DataType::Int32), (i64::MAX, false));
        assert_eq!(of(Scalar::TimestampNtz(86_400_000_001), DataType::Date), (1, false));
        let narrow = DataType::Decimal { precision: 9, scale: 1 };
        assert_eq!(of(decimal(1234, 2), narrow), (123, false));
        let single = |v: f64| KeyMap::Number.locate(&Scalar::Double(v), DataType::Float32).unwrap();
        assert_eq!(single(0.5), Located { code: code_f32(0.5), exact: true });
        let tenth = single(0.1);
        assert!(!tenth.exact && tenth.code < code_f32(0.1) && tenth.code >= code_f32(0.099));
        assert!(KeyMap::Number.locate(&Scalar::String("x".into()), DataType::Int32).is_none());
    }

    #[test]
    fn strings_keep_their_order_whatever_bytes_they_have() {
        let mut strings: Vec<Vec<u8>> = vec![vec![], b"order-".to_vec(), b"order".to_vec()];
        let mut state = 3u64;
        for _ in 0..4000 {
            let mut text = if state.is_multiple_of(11) { Vec::new() } else { b"order-".to_vec() };
            for _ in 0..state % 7 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                let byte = (state >> 33) % 24;
                text.push([b'0', b'1', b'5', b'9', 0, 255, b'a', b'z'][byte as usize % 8]);
            }
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(7) >> 1;
            strings.push(text);
        }
        strings.sort();
        // Only some of the bytes are known to the map.
        let samples = [b"order-0159".as_slice(), b"order-5"];
        let map = TextMap::learn(b"order-0", b"order-9", samples.into_iter());
        assert_eq!(
            (map.prefix.as_slice(), map.alphabet.as_slice()),
            (&b"order-"[..], &b"0159"[..])
        );
        assert!(strings.windows(2).all(|pair| map.code(&pair[0]) <= map.code(&pair[1])));
        let one_length = TextMap { one_length: true, ..map.clone() };
        assert!(strings.windows(2).all(|p| one_length.code(&p[0]) <= one_length.code(&p[1])));
        assert!(map.code(b"order-1") < map.code(b"order-10"));
        assert!(map.code(b"order-15") < map.code(b"order-5"));
    }

    #[test]
    fn codes_of_numbers_as_text_are_as_even_as_they() {
        let texts: Vec<String> = (1000..9000).map(|number| format!("ORD-{number:06}")).collect();
        let bytes = |at: usize| texts[at].as_bytes();
        let map = TextMap::learn(bytes(0), bytes(7999), texts.iter().map(String::as_bytes));
        assert!(map.one_length && map.prefix == b"ORD-00" && map.alphabet == b"0123456789");
        let unit = map.code(bytes(1)) - map.code(bytes(0));
        assert!((1..8000).all(|at| map.code(bytes(at)) - map.code(bytes(at - 1)) == unit));
        // Fifteen hex digits, not sixteen: 16^16 is no number of 64 bits.
        let hex: Vec<String> = (0..256).map(|byte| format!("{byte:02x}").repeat(10)).collect();
        let of = |at: usize| hex[at].as_bytes();
        let map = TextMap::learn(of(0), of(255), hex.iter().map(String::as_bytes));
        assert!(map.one_length && map.prefix.is_empty());
        assert_eq!(map.code(of(0x12)), 0x0121_2121_2121_2121);
        let short = [b"ORD-001000".as_slice(), b"ORD-00200"];
        assert!(!TextMap::learn(short[0], short[1], short.into_iter()).one_length);
        let same = [b"ORD-aa".as_slice(), b"ORD-aa"];
        assert!(!TextMap::learn(b"ORD-aa", b"ORD-aa", same.into_iter()).one_length);
    }

    #[test]
    fn wide_numbers_keep_their_order() {
        let values = [i128::MIN, -5, 0, 7, 1 << 90, i128::MAX];
        for (base, shift) in [(i128::MIN, 64), (0, 30), (0, 0)] {
            assert!(values.windows(2).all(|p| wide(p[0], base, shift) <= wide(p[1], base, shift)));
        }
    }
}
