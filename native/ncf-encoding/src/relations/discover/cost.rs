//! Estimates of what things cost, in bits.

/// A share of one value from which on it is a residual's middle.
const COMMON: f64 = 0.3;

/// `log2`, of what is below 1: 0. Made of additions, products and quotients alone, which give the
/// same everywhere: right to 8 digits.
pub(super) fn log2(value: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = value.max(1.0).to_bits();
    let mut exponent = (bits >> 52) as f64 - 1023.0;
    let mut mantissa = f64::from_bits(bits & MANTISSA | 1f64.to_bits());
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        exponent += 1.0;
    }
    // The series of the area hyperbolic tangent, of at most 0.172.
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square / 9.0)));
    exponent + 2.0 * ratio * series * std::f64::consts::LOG2_E
}

/// A float as a number of things.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate"
)]
pub(super) fn whole(value: f64) -> usize {
    value as usize
}

/// The integer nearest to a float.
#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
pub(super) fn nearest(value: f64) -> i64 {
    value.round() as i64
}

/// How many kinds there are where a sample shows `seen`, `once` of them a single time and `twice`
/// two times (A. Chao, 1984), and at most `most`.
pub(super) fn kinds(seen: usize, once: usize, twice: usize, most: f64) -> f64 {
    let once = once as f64;
    let unseen = match twice {
        0 => once * (once - 1.0).max(0.0) / 2.0,
        twice => once * once / (2.0 * twice as f64),
    };
    (seen as f64 + unseen).min(most).max(seen as f64)
}

/// What the residuals of a sample say of all rows.
pub(super) struct Residual {
    /// Bits of all rows.
    pub(super) bits: f64,
    /// The value around which they lie.
    pub(super) middle: i64,
}

/// The cost of residuals for `rows` rows, of which these are a sample. Sorts them.
pub(super) fn residual(residuals: &mut [i64], rows: f64) -> Residual {
    residuals.sort_unstable();
    let count = residuals.len() as f64;
    let (Some(first), Some(last)) = (residuals.first(), residuals.last()) else {
        return Residual { bits: 0.0, middle: 0 };
    };
    let span = last.wrapping_sub(*first).cast_unsigned() as f64 + 1.0;
    let median = residuals.get(residuals.len() / 2).copied().unwrap_or(0);
    let (mut sum, mut once, mut several) = (0.0f64, 0.0f64, 0.0f64);
    let mut largest = (0.0, median);
    let mut magnitudes = 0.0;
    for run in residuals.chunk_by(|a, b| a == b) {
        let length = run.len() as f64;
        let value = run.first().copied().unwrap_or(0);
        magnitudes += length * log2(1.0 + 2.0 * value.abs_diff(median) as f64);
        if run.len() == 1 {
            once += 1.0;
            continue;
        }
        several += 1.0;
        sum += length * log2(count / length);
        if length > largest.0 {
            largest = (length, value);
        }
    }
    // Values seen once are an escape and their bits.
    if once > 0.0 {
        sum += once * (log2(count / once) + log2(span) + 1.0);
    }
    let coded = sum / count * rows + several * (log2(span / several.max(1.0)) + 2.0);
    let plain = (magnitudes / count + 2.0) * rows;
    let middle = if largest.0 >= COMMON * count { largest.1 } else { median };
    Residual { bits: coded.min(plain), middle }
}

/// Bits a row that tell which rows belong to a share of them.
pub(super) fn entropy_of_share(share: f64) -> f64 {
    let part = |share: f64| if share > 0.0 { share * log2(1.0 / share) } else { 0.0 };
    part(share) + part(1.0 - share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms() {
        for value in [1.0, 1.4, 1.5, 3.0, 1e6, 1e18, 1e300] {
            assert!((log2(value) - value.log2()).abs() < 1e-7, "{value}");
        }
        assert_eq!([log2(0.0), log2(-3.0), log2(0.99)], [0.0; 3]);
    }

    #[test]
    fn residuals() {
        let mut constant = vec![7; 1000];
        let same = residual(&mut constant, 1e6);
        assert!(same.bits < 10.0 && same.middle == 7);
        let mut uniform: Vec<i64> = (0..4096).map(|place| place * 7_919 % 1_000_003).collect();
        // 20 bits a row.
        let bits = residual(&mut uniform, 1e6).bits;
        assert!((1.8e7..2.4e7).contains(&bits), "{bits}");
        let mut few: Vec<i64> = (0..4096).map(|place| place % 8 * 1_000).collect();
        let bits = residual(&mut few, 1e6).bits;
        assert!((2.9e6..3.2e6).contains(&bits), "{bits}");
    }

    #[test]
    fn kinds_of_samples() {
        assert_eq!(kinds(5, 0, 0, 100.0), 5.0);
        assert_eq!(kinds(100, 100, 0, 1000.0), 1000.0);
        assert_eq!(kinds(100, 50, 25, 1000.0), 150.0);
    }
}
