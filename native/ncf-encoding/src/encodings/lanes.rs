//! Bit-packing kernels: 1024 values in the FastLanes order for full vectors, plain sequential bits for
//! the last, shorter one.

use fastlanes::FoR;
use ncf_core::{Error, Result};

/// Values of one vector.
pub(super) const VECTOR: usize = 1024;

/// An unsigned integer that FastLanes packs.
pub(super) trait Lane: Copy + Default + Ord {
    /// Bits of one value.
    const BITS: usize;
    /// The low bits of a 64-bit integer.
    fn low_bits(wide: u64) -> Self;
    /// Appends the `width`-bit packing of a full vector; higher bits are cut off.
    fn pack(width: usize, vector: &[Self; VECTOR], out: &mut Vec<u8>);
    /// Unpacks `128 * width` bytes, adding `reference` to each value.
    fn unpack(width: usize, packed: &[u8], reference: Self, out: &mut [Self; VECTOR])
    -> Result<()>;
}

macro_rules! lane {
    ($type:ident, $bits:literal, $($width:literal)+) => {
        impl Lane for $type {
            const BITS: usize = $bits;

            #[allow(
                clippy::cast_possible_truncation,
                clippy::unnecessary_cast,
                reason = "the low bits are what is asked for; for u64 these are all"
            )]
            fn low_bits(wide: u64) -> Self {
                wide as $type
            }

            fn pack(width: usize, vector: &[Self; VECTOR], out: &mut Vec<u8>) {
                match width {
                    $($width => {
                        const WORDS: usize = VECTOR * $width / $bits;
                        let mut words = [0; WORDS];
                        <$type as FoR>::for_pack::<$width, WORDS>(vector, 0, &mut words);
                        for word in words {
                            out.extend_from_slice(&word.to_le_bytes());
                        }
                    })+
                    // Widths come from `bits_of`, which never gives more than the type has.
                    _ => {}
                }
            }

            fn unpack(
                width: usize,
                packed: &[u8],
                reference: Self,
                out: &mut [Self; VECTOR],
            ) -> Result<()> {
                let (chunks, _) = packed.as_chunks::<{ $bits / 8 }>();
                match width {
                    $($width => {
                        const WORDS: usize = VECTOR * $width / $bits;
                        let chunks = chunks.first_chunk::<WORDS>().ok_or_else(few_bytes)?;
                        let mut words = [0; WORDS];
                        for (word, chunk) in words.iter_mut().zip(chunks) {
                            *word = $type::from_le_bytes(*chunk);
                        }
                        <$type as FoR>::unfor_pack::<$width, WORDS>(&words, reference, out);
                        Ok(())
                    })+
                    _ => Err(bad_width(width, $bits)),
                }
            }
        }
    };
}

lane!(u8, 8, 0 1 2 3 4 5 6 7 8);
lane!(u16, 16, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
lane!(u32, 32, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
    17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
lane!(u64, 64, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
    17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
    33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48
    49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64);

#[cold]
fn few_bytes() -> Error {
    Error::corrupt("a packed vector has too few bytes")
}

fn bad_width(width: usize, bits: usize) -> Error {
    Error::corrupt(format!("a bit width of {width} in {bits}-bit values"))
}

/// Bytes of a packed vector of `count` values.
pub(super) fn packed_bytes(count: usize, width: usize) -> usize {
    (count * width).div_ceil(8)
}

/// Appends `width` bits of each value, the first at the least significant bit of the first byte.
pub(super) fn pack_sequential(values: &[u64], width: usize, out: &mut Vec<u8>) {
    let (mut pending, mut held) = (0u128, 0usize);
    let mask = (1u128 << width) - 1;
    for value in values {
        pending |= (u128::from(*value) & mask) << held;
        held += width;
        while held >= 8 {
            out.push(pending.to_le_bytes()[0]);
            pending >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(pending.to_le_bytes()[0]);
    }
}

/// Calls `each` with `count` values of `width` bits. `packed` holds `packed_bytes(count, width)` bytes.
pub(super) fn unpack_sequential(
    packed: &[u8],
    count: usize,
    width: usize,
    mut each: impl FnMut(u64),
) {
    let mut bytes = packed.iter();
    let (mut pending, mut held) = (0u128, 0usize);
    let mask = if width >= 64 { u64::MAX } else { (1u64 << width) - 1 };
    for _ in 0..count {
        while held < width {
            pending |= u128::from(bytes.next().copied().unwrap_or(0)) << held;
            held += 8;
        }
        each(low_half(pending) & mask);
        pending >>= width;
        held -= width;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is asked for")]
fn low_half(wide: u128) -> u64 {
    wide as u64
}

/// Bits that hold `value`.
pub(super) fn bits_of(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(width: usize) -> Vec<u64> {
        let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
        let mut state = 7u64;
        (0..VECTOR)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
                (state ^ (state >> 29)) & mask
            })
            .collect()
    }

    fn check<L: Lane + PartialEq + std::fmt::Debug>(plus: impl Fn(L, L) -> L) {
        for width in 0..=L::BITS {
            let values: Vec<L> = vector(width).into_iter().map(L::low_bits).collect();
            let array: &[L; VECTOR] = values.as_slice().try_into().unwrap();
            let mut packed = Vec::new();
            L::pack(width, array, &mut packed);
            assert_eq!(packed.len(), packed_bytes(VECTOR, width));
            let mut out = [L::default(); VECTOR];
            L::unpack(width, &packed, L::low_bits(5), &mut out).unwrap();
            for (value, got) in values.iter().zip(out) {
                assert_eq!(plus(*value, L::low_bits(5)), got);
            }
        }
        let mut out = [L::default(); VECTOR];
        assert!(L::unpack(L::BITS + 1, &[], L::default(), &mut out).is_err());
    }

    #[test]
    fn every_width_of_every_lane_round_trips() {
        check(u8::wrapping_add);
        check(u16::wrapping_add);
        check(u32::wrapping_add);
        check(u64::wrapping_add);
    }

    #[test]
    fn sequential_bits_round_trip() {
        for width in 0..=64 {
            let values: Vec<u64> = vector(width).into_iter().take(37).collect();
            let mut packed = Vec::new();
            pack_sequential(&values, width, &mut packed);
            assert_eq!(packed.len(), packed_bytes(37, width));
            let mut out = Vec::new();
            unpack_sequential(&packed, 37, width, |value| out.push(value));
            assert_eq!(values, out);
        }
    }
}
