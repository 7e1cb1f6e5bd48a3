//! Division by one number over and over: a multiplication and a shift (T. Granlund, P. L. Montgomery: Division by
//! invariant integers using multiplication, 1994).

/// Divides by a positive number and rounds down, exactly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Divider {
    magic: u64,
    shift: u32,
}

impl Divider {
    /// `None` unless the divisor is at least 1 and fits a 64-bit integer with a sign.
    pub(crate) fn new(divisor: u64) -> Option<Self> {
        i64::try_from(divisor).ok().filter(|divisor| *divisor > 0)?;
        // With 2^bits ≥ divisor > 2^(bits − 1) the magic number has 64 bits, and times the divisor it exceeds
        // 2^(63 + bits) by at most the divisor, hence by at most 2^bits: no dividend below 2^63 notices.
        let bits = u64::BITS - (divisor - 1).leading_zeros();
        let shift = 63 + bits;
        let magic = (1u128 << shift) / u128::from(divisor) + 1;
        Some(Self { magic: u64::try_from(magic).ok()?, shift })
    }

    /// `value ÷ divisor`, rounded down.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a quotient of 63 bits by at least 1")]
    pub(crate) fn floor(self, value: i64) -> i64 {
        // The quotient of −n − 1, which is not negative, is as far below −1 as that of n would be above 0.
        let sign = value >> 63;
        let dividend = (value ^ sign).cast_unsigned();
        let quotient = (u128::from(self.magic) * u128::from(dividend)) >> self.shift;
        (quotient as u64).cast_signed() ^ sign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_the_machine() {
        let edges = |around: i64| (-3..=3).map(move |near| around.wrapping_add(near));
        let powers = (0..63).map(|bits| 1i64 << bits);
        let mut divisors: Vec<i64> = powers.clone().flat_map(edges).chain(1..=1000).collect();
        divisors.extend([i64::MAX, i64::MAX / 3, 86_400_000_000, 3_600_000_000]);
        divisors.retain(|divisor| *divisor > 0);
        let mut noise = 1u64;
        for divisor in divisors {
            let divider = Divider::new(divisor.cast_unsigned()).unwrap();
            noise = noise.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
            let multiple = divisor.wrapping_mul(noise.cast_signed() >> 40);
            let values =
                powers.clone().chain([0, i64::MIN, i64::MAX, noise.cast_signed(), multiple]);
            for value in values.flat_map(edges).flat_map(|value| [value, value.wrapping_neg()]) {
                assert_eq!(divider.floor(value), value.div_euclid(divisor), "{value} / {divisor}");
            }
        }
        assert!(Divider::new(0).is_none() && Divider::new(1 << 63).is_none());
    }
}
