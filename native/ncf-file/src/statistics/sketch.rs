//! Distinct-count sketch: HyperLogLog with 256 registers (Flajolet et al. 2007), standard error
//! about 6.5 %. The hash of fixed-width values is splitmix64 of their canonical bits (floats: one
//! zero, one NaN), of byte strings XXH3-64.

use crate::constants::SKETCH_REGISTERS;

/// A mergeable estimate of how many distinct values were seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Sketch {
    pub(crate) registers: [u8; SKETCH_REGISTERS],
}

impl Default for Sketch {
    fn default() -> Self {
        Self { registers: [0; SKETCH_REGISTERS] }
    }
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sketch(≈{})", self.estimate())
    }
}

impl Sketch {
    /// Adds a hash.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a count of at most 64 zeros")]
    pub(crate) fn add(&mut self, hash: u64) {
        let register = (hash >> 56) as u8;
        let rank = ((hash << 8) | 0x80).leading_zeros() as u8 + 1;
        if let Some(slot) = self.registers.get_mut(usize::from(register)) {
            *slot = (*slot).max(rank);
        }
    }

    /// Adds everything that `other` saw.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(other.registers) {
            *mine = (*mine).max(theirs);
        }
    }

    /// The estimate.
    pub fn estimate(&self) -> u64 {
        let m = SKETCH_REGISTERS as f64;
        let sum: f64 = self.registers.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let zeros = self.registers.iter().filter(|rank| **rank == 0).count();
        let estimate = if raw <= 2.5 * m && zeros > 0 { m * (m / zeros as f64).ln() } else { raw };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let rounded = estimate.round() as u64;
        rounded
    }
}
