//! Ranges of exact numbers, and what they prove about computations.

use super::arithmetic::ArithmeticOp;
use crate::types::DataType;

/// The least and greatest number that a computation can give, unscaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Least.
    pub min: i128,
    /// Greatest.
    pub max: i128,
}

impl Range {
    /// All integers or unscaled decimals of a type; `None` for types without either.
    pub fn of(data_type: DataType) -> Option<Self> {
        let symmetric = |max: i128| Self { min: -max, max };
        Some(match data_type {
            DataType::Int8 => Self { min: i8::MIN.into(), max: i8::MAX.into() },
            DataType::Int16 => Self { min: i16::MIN.into(), max: i16::MAX.into() },
            DataType::Int32 => Self { min: i32::MIN.into(), max: i32::MAX.into() },
            DataType::Int64 => Self { min: i64::MIN.into(), max: i64::MAX.into() },
            DataType::Decimal { precision, .. } => symmetric(pow10(precision.into())? - 1),
            _ => return None,
        })
    }

    /// The greatest distance from 0.
    pub fn magnitude(self) -> u128 {
        self.min.unsigned_abs().max(self.max.unsigned_abs())
    }

    /// Whether every number of `self` is one of `other`.
    pub fn within(self, other: Self) -> bool {
        other.min <= self.min && self.max <= other.max
    }

    /// All results of an operation; `None` when they pass 128 bits.
    pub fn apply(self, op: ArithmeticOp, other: Self) -> Option<Self> {
        let bounds = |a: Option<i128>, b: Option<i128>| Some(Self { min: a?, max: b? });
        match op {
            ArithmeticOp::Add => {
                bounds(self.min.checked_add(other.min), self.max.checked_add(other.max))
            }
            ArithmeticOp::Subtract => {
                bounds(self.min.checked_sub(other.max), self.max.checked_sub(other.min))
            }
            ArithmeticOp::Multiply => {
                let corners = [
                    self.min.checked_mul(other.min)?,
                    self.min.checked_mul(other.max)?,
                    self.max.checked_mul(other.min)?,
                    self.max.checked_mul(other.max)?,
                ];
                bounds(corners.into_iter().min(), corners.into_iter().max())
            }
            // The sign is that of the left side; a divisor of 0 has no result.
            ArithmeticOp::Remainder if other.min <= 0 && other.max >= 0 => None,
            ArithmeticOp::Remainder => {
                let most = i128::try_from(other.magnitude()).ok()?.checked_sub(1)?;
                let min = if self.min < 0 { self.min.max(-most) } else { 0 };
                let max = if self.max > 0 { self.max.min(most) } else { 0 };
                Some(Self { min, max })
            }
            ArithmeticOp::Divide => None,
        }
    }

    /// All numbers times a positive factor.
    pub(super) fn scaled(self, factor: i128) -> Option<Self> {
        Some(Self { min: self.min.checked_mul(factor)?, max: self.max.checked_mul(factor)? })
    }

    /// The numbers that a function which never falls makes of these.
    pub(super) fn map(self, rising: impl Fn(i128) -> i128) -> Self {
        Self { min: rising(self.min), max: rising(self.max) }
    }

    /// All numbers of both.
    pub(super) fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The numbers with the other sign; `None` when they pass 128 bits.
    pub(super) fn negated(self) -> Option<Self> {
        Some(Self { min: self.max.checked_neg()?, max: self.min.checked_neg()? })
    }

    /// The distances from 0; `None` when they pass 128 bits.
    pub(super) fn absolute(self) -> Option<Self> {
        let max = i128::try_from(self.magnitude()).ok()?;
        let crosses = self.min <= 0 && self.max >= 0;
        let min = if crosses { 0 } else { self.min.checked_abs()?.min(self.max.checked_abs()?) };
        Some(Self { min, max })
    }
}

/// Whether a computation can leave the types of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It may: overflow has to be expected.
    Open,
    /// It cannot: it is of floats, which have no such limits, or computes nothing.
    Unlimited,
    /// It cannot: all numbers that it gives are known to be in a range.
    Within(Range),
}

impl Proof {
    /// What is known of a result that must stay inside a type.
    pub(super) fn of(found: Option<Range>, data_type: DataType) -> Self {
        match (found, Range::of(data_type)) {
            (Some(range), Some(whole)) if range.within(whole) => Self::Within(range),
            _ => Self::Open,
        }
    }

    /// What is known of a value that is one of two.
    pub(super) fn either(self, other: Self) -> Self {
        match (self, other) {
            (Self::Open, _) | (_, Self::Open) => Self::Open,
            (Self::Within(a), Self::Within(b)) => Self::Within(a.union(b)),
            _ => Self::Unlimited,
        }
    }
}

/// 10 to a power, while it fits.
pub fn pow10(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}
