//! Filters of columns whose rows are in no order: which values a block certainly does not hold.
//!
//! The distinct values of a block become hashes, the hashes parts of about 16 Ki, and each part a
//! [`FuseFilter`], a page of its own: a look-up reads one page a block, whatever the block holds.

mod fuse;

use arrow_buffer::BooleanBuffer;
use ncf_core::hash::{ValueHash, hash_bytes};
use ncf_core::{
    CompareOp, DataType, Expression, FieldPath, PhysicalType, Predicate, Result, Scalar, Values,
};

pub use fuse::FuseFilter;

use crate::learned::{integer, nearest_single};

/// Hashes of a part, about.
const PART: usize = 16_384;
/// Values of an `IN` list that are looked up, at most.
const MOST_VALUES: usize = 16;

/// The hashes of the values that rows have, ascending, each once. `validity` is true where a row is not null.
pub fn hashes(values: &Values, validity: Option<&BooleanBuffer>) -> Vec<u64> {
    let rows = (0..values.len()).filter(|row| validity.is_none_or(|valid| valid.value(*row)));
    fn of<T: ValueHash>(values: &[T], rows: impl Iterator<Item = usize>, found: &mut Vec<u64>) {
        found.extend(rows.filter_map(|row| values.get(row).map(|value| value.value_hash())));
    }
    let mut found = Vec::with_capacity(values.len());
    match values {
        Values::Bool(_) => {}
        Values::I8(v) => of(v, rows, &mut found),
        Values::I16(v) => of(v, rows, &mut found),
        Values::I32(v) => of(v, rows, &mut found),
        Values::I64(v) => of(v, rows, &mut found),
        Values::I128(v) => of(v, rows, &mut found),
        Values::F32(v) => of(v, rows, &mut found),
        Values::F64(v) => of(v, rows, &mut found),
        Values::Bytes(v) => found.extend(rows.map(|row| hash_bytes(v.get(row)))),
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The filters of hashes that ascend, one a part; `None` where one cannot be made. Every hash was looked up.
pub fn parts(hashes: &[u64]) -> Option<Vec<FuseFilter>> {
    let count = hashes.len().div_ceil(PART).max(1) as u64;
    let mut rest = hashes;
    (0..count)
        .map(|part| {
            let end = rest.partition_point(|hash| part_of(*hash, count) <= part);
            let (own, others) = rest.split_at_checked(end)?;
            rest = others;
            let filter = FuseFilter::new(own)?;
            own.iter().all(|hash| filter.may_contain(*hash)).then_some(filter)
        })
        .collect()
}

/// The part of so many that a hash belongs to.
pub fn part_of(hash: u64, parts: u64) -> u64 {
    u64::try_from((u128::from(hash) * u128::from(parts)) >> 64).unwrap_or(0)
}

/// Bytes that the filters of so many distinct values take, about.
pub fn expected_bytes(distinct: u64) -> u64 {
    distinct.saturating_mul(4) / 3
}

/// What a filter of a column can say of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// Look this hash up.
    Hash(u64),
    /// No stored value is equal to it.
    Nothing,
    /// Nothing is known.
    Unknown,
}

/// What to look up for a literal in a column that is stored as `stored`.
pub fn sought(literal: &Scalar, stored: DataType) -> Sought {
    let hash = match (literal, stored) {
        (Scalar::String(text), DataType::String) => Some(hash_bytes(text.as_bytes())),
        (Scalar::Binary(bytes), DataType::Binary) => Some(hash_bytes(bytes)),
        (Scalar::Double(v), DataType::Float64) => Some(v.value_hash()),
        (_, DataType::Float32) => {
            let Some((single, equal)) = nearest_single(literal) else { return Sought::Unknown };
            equal.then(|| single.value_hash())
        }
        (_, DataType::Boolean | DataType::String | DataType::Binary | DataType::Float64) => {
            return Sought::Unknown;
        }
        _ => {
            let Some((integer, equal)) = integer(literal, stored) else { return Sought::Unknown };
            match stored.physical() {
                _ if !equal => None,
                PhysicalType::I128 => Some(integer.value_hash()),
                _ => i64::try_from(integer).ok().map(ValueHash::value_hash),
            }
        }
    };
    hash.map_or(Sought::Nothing, Sought::Hash)
}

/// Whether a predicate can be true in some row, by look-ups of what columns may hold: `holds` says whether a
/// column or field may hold any of some values.
///
/// # Errors
/// Those of `holds`.
pub fn may_match(
    predicate: &Predicate,
    holds: &mut dyn FnMut(&FieldPath, &[Scalar]) -> Result<bool>,
) -> Result<bool> {
    match predicate {
        Predicate::Compare(
            CompareOp::Eq | CompareOp::NullSafeEq,
            Expression::Column(path),
            Expression::Literal(literal),
        )
        | Predicate::Compare(
            CompareOp::Eq | CompareOp::NullSafeEq,
            Expression::Literal(literal),
            Expression::Column(path),
        ) => holds(path, std::slice::from_ref(literal)),
        Predicate::In { expression: Expression::Column(path), values, .. }
            if values.len() <= MOST_VALUES =>
        {
            holds(path, values)
        }
        Predicate::And(parts) => {
            for part in parts {
                if !may_match(part, holds)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Predicate::Or(parts) => {
            for part in parts {
                if may_match(part, holds)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_block_is_found_in_its_part() {
        let values = Values::I64((0..100_000i64).map(|row| row * 7919 % 60_000).collect());
        let hashes = hashes(&values, None);
        assert_eq!(hashes.len(), 60_000);
        let parts = parts(&hashes).unwrap();
        assert_eq!(parts.len(), 4);
        let holds = |hash: u64| parts[part_of(hash, 4) as usize].may_contain(hash);
        assert!(hashes.iter().all(|hash| holds(*hash)));
        let bytes: usize = parts.iter().map(|part| part.encode().len()).sum();
        assert!(bytes as u64 <= expected_bytes(60_000), "{bytes}");
    }

    #[test]
    fn literals_are_looked_up_as_stored_values() {
        let decimal = |unscaled, scale| Scalar::Decimal { unscaled, precision: 30, scale };
        let of = |value: i64| Sought::Hash(value.value_hash());
        assert_eq!(sought(&Scalar::Int(-7), DataType::Int32), of(-7));
        assert_eq!(sought(&Scalar::Bigint(5), DataType::Int16), of(5));
        assert_eq!(sought(&decimal(500, 2), DataType::Int64), of(5));
        assert_eq!(sought(&decimal(501, 2), DataType::Int64), Sought::Nothing);
        assert_eq!(sought(&decimal(i128::MAX, 0), DataType::Int64), Sought::Nothing);
        assert_eq!(sought(&Scalar::Double(2.0), DataType::Int32), of(2));
        assert_eq!(sought(&Scalar::Double(2.5), DataType::Int32), Sought::Nothing);
        assert_eq!(sought(&Scalar::Double(f64::NAN), DataType::Int32), Sought::Nothing);
        assert_eq!(sought(&Scalar::TimestampNtz(86_400_000_000), DataType::Date), of(1));
        assert_eq!(sought(&Scalar::TimestampNtz(1), DataType::Date), Sought::Nothing);
        let zero = Sought::Hash(0.0f64.value_hash());
        assert_eq!(sought(&Scalar::Double(-0.0), DataType::Float64), zero);
        assert_eq!(sought(&Scalar::Double(0.1), DataType::Float32), Sought::Nothing);
        assert_eq!(
            sought(&Scalar::Double(f64::NAN), DataType::Float32),
            Sought::Hash(f32::NAN.value_hash())
        );
        assert_eq!(sought(&Scalar::String("a".into()), DataType::Int32), Sought::Unknown);
        assert_eq!(sought(&Scalar::Boolean(true), DataType::Boolean), Sought::Unknown);
        assert_eq!(sought(&Scalar::Timestamp(1), DataType::Date), Sought::Unknown);
    }

    #[test]
    fn only_what_must_be_equal_is_looked_up() {
        let equal = |value| Predicate::compare("a", CompareOp::Eq, Scalar::Int(value));
        let less = Predicate::compare("a", CompareOp::Lt, Scalar::Int(3));
        let only_seven = |predicate: &Predicate| {
            may_match(predicate, &mut |_, values| Ok(values.contains(&Scalar::Int(7)))).unwrap()
        };
        assert!(only_seven(&equal(7)) && !only_seven(&equal(8)) && only_seven(&less));
        assert!(!only_seven(&Predicate::And(vec![less.clone(), equal(8)])));
        assert!(only_seven(&Predicate::Or(vec![equal(8), less])));
        assert!(!only_seven(&Predicate::Or(vec![equal(8), equal(9)])));
        assert!(only_seven(&Predicate::Not(Box::new(equal(8)))));
        let listed = Predicate::In {
            expression: Expression::Column("a".into()),
            values: [8, 7].into_iter().map(Scalar::Int).collect(),
            has_null: true,
        };
        assert!(only_seven(&listed));
    }
}
