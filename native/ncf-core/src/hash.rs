//! Hashes of values, the same on every machine.

use crate::ordering::{canonical_f32, canonical_f64};

/// splitmix64's finaliser (Steele et al. 2014).
#[inline]
pub fn hash_u64(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A hash of bytes.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// Values that have a hash independent of how they are stored: equal values have equal hashes.
pub trait ValueHash: Copy {
    /// splitmix64 of the value's canonical bits, signs extended to 64.
    fn value_hash(self) -> u64;
}

macro_rules! integer_hash {
    ($($type:ty),*) => {$(
        impl ValueHash for $type {
            #[inline]
            fn value_hash(self) -> u64 {
                hash_u64(i64::from(self).cast_unsigned())
            }
        }
    )*};
}
integer_hash!(i8, i16, i32, i64);

impl ValueHash for i128 {
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
    fn value_hash(self) -> u64 {
        hash_u64((self >> 64) as u64 ^ hash_u64(self as u64))
    }
}

impl ValueHash for f32 {
    fn value_hash(self) -> u64 {
        let bits = if self.is_nan() { 0x7FC0_0000 } else { canonical_f32(self).to_bits() };
        hash_u64(bits.into())
    }
}

impl ValueHash for f64 {
    fn value_hash(self) -> u64 {
        let bits = if self.is_nan() { 0x7FF8 << 48 } else { canonical_f64(self).to_bits() };
        hash_u64(bits)
    }
}
