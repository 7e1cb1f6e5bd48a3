//! Aggregates of groups of rows. They travel as JSON, like [`crate::computation`].

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounds::ColumnBounds;
use crate::computation::{Computation, Proof, Range};
use crate::error::{Error, Result};
use crate::path::FieldPath;
use crate::types::DataType;

/// An aggregate over the rows of a group. What several scans find for one group is put together by
/// the caller, so each may give a group more than one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Number of rows.
    CountRows,
    /// Number of rows where the value is not null.
    Count(Computation),
    /// The sum of the values that are not null; null when there is none. Integers give a `bigint`,
    /// floats a `double`. Decimals keep their type: a sum that does not fit is handed over in pieces.
    Sum(Computation),
    /// As `Sum` over integers, for an average that is computed in doubles: allowed only where no sum
    /// can reach 2^53.
    ExactSum(Computation),
    /// The least value that is not null.
    Min(Computation),
    /// The greatest value that is not null; NaN is above all others.
    Max(Computation),
}

/// Groups and what is wanted of each. Without group expressions all rows are one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aggregation {
    /// The values that the rows of a group share; null is a value like any other here.
    pub group_by: Vec<Computation>,
    /// What is wanted of each group.
    pub aggregates: Vec<Aggregate>,
}

/// Sums that would be handed over in more pieces than this are left to the caller.
const MOST_PIECES: u128 = 4096;

impl Aggregate {
    /// What is aggregated; `None` = whole rows.
    pub fn input(&self) -> Option<&Computation> {
        match self {
            Self::CountRows => None,
            Self::Count(input)
            | Self::Sum(input)
            | Self::ExactSum(input)
            | Self::Min(input)
            | Self::Max(input) => Some(input),
        }
    }

    /// The greatest number that one piece of a sum may have.
    fn piece_limit(&self, of_column: &dyn Fn(&FieldPath) -> Result<DataType>) -> Result<u128> {
        let whole = Range::of(self.data_type(of_column)?);
        Ok(whole.map_or(u128::MAX, |range| range.max.unsigned_abs()))
    }

    /// The type of the result.
    ///
    /// # Errors
    /// Those of [`Computation::data_type`], and `InvalidArgument` for a sum of something else than numbers.
    pub fn data_type(
        &self,
        of_column: &dyn Fn(&FieldPath) -> Result<DataType>,
    ) -> Result<DataType> {
        let not_a_number = |t| Error::invalid_argument(format!("{self}: {t} cannot be summed"));
        match self {
            Self::CountRows => Ok(DataType::Int64),
            Self::Count(input) => input.data_type(of_column).map(|_| DataType::Int64),
            Self::Min(input) | Self::Max(input) => input.data_type(of_column),
            Self::ExactSum(input) => match input.data_type(of_column)? {
                DataType::Decimal { .. } => Err(not_a_number("a decimal".to_owned())),
                other if Range::of(other).is_some() => Ok(DataType::Int64),
                other => Err(not_a_number(other.to_string())),
            },
            Self::Sum(input) => match input.data_type(of_column)? {
                DataType::Float32 | DataType::Float64 => Ok(DataType::Float64),
                decimal @ DataType::Decimal { .. } => Ok(decimal),
                other if Range::of(other).is_some() => Ok(DataType::Int64),
                other => Err(not_a_number(other.to_string())),
            },
        }
    }
}

/// The greatest distance from 0 of a sum of `rows` numbers.
fn sum_of(range: Range, rows: u64) -> Option<u128> {
    range.magnitude().checked_mul(u128::from(rows))
}

impl Aggregation {
    /// Names of the columns that are read.
    pub fn columns(&self) -> BTreeSet<&str> {
        let inputs = self.aggregates.iter().filter_map(Aggregate::input);
        self.group_by.iter().chain(inputs).flat_map(Computation::columns).collect()
    }

    /// Whether no row among `rows` can make a step leave its type, so that the rows may be computed
    /// in any order, and Spark, which would report such a row, would not.
    ///
    /// # Errors
    /// `InvalidArgument` when types do not fit.
    pub fn is_proven(
        &self,
        rows: u64,
        of_column: &dyn Fn(&FieldPath) -> Result<DataType>,
        bounds: &dyn Fn(&FieldPath) -> Option<ColumnBounds>,
    ) -> Result<bool> {
        for group in &self.group_by {
            if group.proof(of_column, bounds)? == Proof::Open {
                return Ok(false);
            }
        }
        for aggregate in &self.aggregates {
            aggregate.data_type(of_column)?;
            let Some(input) = aggregate.input() else { continue };
            let sum_stays = match (aggregate, input.proof(of_column, bounds)?) {
                (_, Proof::Open) => false,
                (Aggregate::ExactSum(_), Proof::Within(range)) => {
                    sum_of(range, rows).is_some_and(|sum| sum < 1 << 53)
                }
                (Aggregate::Sum(_), Proof::Within(range)) => {
                    let limit = aggregate.piece_limit(of_column)?;
                    sum_of(range, rows).is_some_and(|sum| sum / limit <= MOST_PIECES)
                }
                _ => true,
            };
            if !sum_stays {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CountRows => f.write_str("COUNT(*)"),
            Self::Count(input) => write!(f, "COUNT({input})"),
            Self::Sum(input) | Self::ExactSum(input) => write!(f, "SUM({input})"),
            Self::Min(input) => write!(f, "MIN({input})"),
            Self::Max(input) => write!(f, "MAX({input})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(aggregate: fn(Computation) -> Aggregate) -> Aggregation {
        let aggregates = vec![aggregate(Computation::column("a"))];
        Aggregation { group_by: vec![Computation::column("b")], aggregates }
    }

    #[test]
    fn averages_of_integers_need_small_sums() {
        let proven = |rows| {
            let average = sum(Aggregate::ExactSum);
            average.is_proven(rows, &|_| Ok(DataType::Int32), &|_| None).unwrap()
        };
        assert!(proven((1 << 22) - 1));
        assert!(!proven(1 << 22));
    }

    #[test]
    fn sums_of_short_decimals_must_not_fall_into_pieces() {
        let proven = |rows| {
            let short = |_: &FieldPath| Ok(DataType::Decimal { precision: 2, scale: 1 });
            sum(Aggregate::Sum).is_proven(rows, &short, &|_| None).unwrap()
        };
        assert!(proven(1000));
        assert!(!proven(1_000_000));
    }

    #[test]
    fn only_numbers_are_summed() {
        let sum = Aggregate::Sum(Computation::column("a"));
        assert!(sum.data_type(&|_| Ok(DataType::String)).is_err());
        assert_eq!(sum.data_type(&|_| Ok(DataType::Int8)).unwrap(), DataType::Int64);
        assert_eq!(sum.data_type(&|_| Ok(DataType::Float32)).unwrap(), DataType::Float64);
        assert_eq!(sum.to_string(), "SUM(a)");
    }
}
