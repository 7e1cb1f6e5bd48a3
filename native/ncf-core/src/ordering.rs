//! The order of values that statistics and predicates share, as `docs/spec/format.md` fixes it:
//! integers by value, strings by unsigned bytes, floats with −0.0 = 0.0 and every NaN equal and above all.

use std::cmp::Ordering;

/// Order of doubles: −0.0 = 0.0, NaN = NaN, NaN above +∞ (Spark's order).
pub fn compare_f64(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Order of floats, as [`compare_f64`].
pub fn compare_f32(a: f32, b: f32) -> Ordering {
    compare_f64(f64::from(a), f64::from(b))
}

/// The one representative of all doubles that are equal in this order: +0.0 for zeros, one NaN.
pub fn canonical_f64(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value + 0.0 }
}

/// As [`canonical_f64`], for singles.
pub fn canonical_f32(value: f32) -> f32 {
    if value.is_nan() { f32::NAN } else { value + 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_equal_and_nan_is_greatest() {
        assert_eq!(compare_f64(-0.0, 0.0), Ordering::Equal);
        assert_eq!(compare_f64(f64::NAN, -f64::NAN), Ordering::Equal);
        assert_eq!(compare_f64(f64::INFINITY, f64::NAN), Ordering::Less);
        assert_eq!(canonical_f64(-0.0).to_bits(), 0);
        assert_eq!(canonical_f32(-f32::NAN).to_bits(), f32::NAN.to_bits());
    }
}
