//! Functions: their types and the numbers that they can give.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::arithmetic::is_integer;
use super::cast::divide_half_up;
use super::range::{Proof, Range, pow10};
use super::zone::Zone;
use crate::error::{Error, Result};
use crate::types::DataType;

/// A function of values. Null when an argument is null, unless said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// The year of a date.
    Year,
    /// The quarter of a date, from 1.
    Quarter,
    /// The month of a date, from 1.
    Month,
    /// The ISO week of a date, from 1.
    Week,
    /// The day of the month of a date, from 1.
    Day,
    /// The day of the week of a date, from Monday = 1.
    DayOfWeek,
    /// The day of the year of a date, from 1.
    DayOfYear,
    /// The year that a date's ISO week belongs to.
    YearOfWeek,
    /// The local date of a timestamp.
    Date(Zone),
    /// The local hour of a timestamp.
    Hour(Zone),
    /// The local minute of a timestamp.
    Minute(Zone),
    /// The local second of a timestamp.
    Second(Zone),
    /// A date, and the `int` days that are added to it; wraps around.
    DateAdd,
    /// The days from the second date to the first one; wraps around.
    DateDiff,
    /// A part of a string, in characters.
    Substring {
        /// The first character, counted from 1; below 0 from the end; 0 is as 1.
        start: i32,
        /// Characters; `None` = all to the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length: Option<i32>,
    },
    /// A string in capital letters, by Unicode's full mapping.
    Upper,
    /// A string in small letters, by Unicode's full mapping.
    Lower,
    /// A string's characters.
    CharLength,
    /// A string's bits.
    BitLength,
    /// Strings after each other.
    Concat,
    /// A string without the characters at its ends that are among `characters`.
    Trim {
        /// At which ends.
        side: TrimSide,
        /// What is taken away.
        characters: String,
    },
    /// The distance from 0.
    Abs,
    /// The number with the other sign.
    Negate,
    /// The least integer that is not below. A double gives a `bigint`, NaN 0, numbers beyond the
    /// greatest `bigint` that one.
    Ceiling,
    /// The greatest integer that is not above; as [`Function::Ceiling`].
    Floor,
    /// A decimal with so many digits after the point, halves away from 0.
    Round {
        /// Digits.
        digits: u8,
    },
    /// The first argument that is not null.
    Coalesce,
    /// The greatest argument that is not null.
    Greatest,
    /// The least argument that is not null.
    Least,
}

/// The ends of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrimSide {
    /// The start.
    Leading,
    /// The end.
    Trailing,
    /// Both.
    Both,
}

impl Function {
    /// Name in SQL.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Year => "YEAR",
            Self::Quarter => "QUARTER",
            Self::Month => "MONTH",
            Self::Week => "WEEK",
            Self::Day => "DAY",
            Self::DayOfWeek => "DAY_OF_WEEK",
            Self::DayOfYear => "DAY_OF_YEAR",
            Self::YearOfWeek => "YEAR_OF_WEEK",
            Self::Date(_) => "DATE",
            Self::Hour(_) => "HOUR",
            Self::Minute(_) => "MINUTE",
            Self::Second(_) => "SECOND",
            Self::DateAdd => "DATE_ADD",
            Self::DateDiff => "DATE_DIFF",
            Self::Substring { .. } => "SUBSTRING",
            Self::Upper => "UPPER",
            Self::Lower => "LOWER",
            Self::CharLength => "CHAR_LENGTH",
            Self::BitLength => "BIT_LENGTH",
            Self::Concat => "CONCAT",
            Self::Trim { side: TrimSide::Leading, .. } => "LTRIM",
            Self::Trim { side: TrimSide::Trailing, .. } => "RTRIM",
            Self::Trim { side: TrimSide::Both, .. } => "TRIM",
            Self::Abs => "ABS",
            Self::Negate => "-",
            Self::Ceiling => "CEIL",
            Self::Floor => "FLOOR",
            Self::Round { .. } => "ROUND",
            Self::Coalesce => "COALESCE",
            Self::Greatest => "GREATEST",
            Self::Least => "LEAST",
        }
    }

    /// The type of the result.
    ///
    /// # Errors
    /// `InvalidArgument` when the function does not take such arguments.
    pub fn data_type(&self, arguments: &[DataType]) -> Result<DataType> {
        use DataType::{Date, Int32, Int64, String, Timestamp, TimestampNtz};
        let found = match (self, arguments) {
            (Self::Date(_), [Timestamp | TimestampNtz]) | (Self::DateAdd, [Date, Int32]) => {
                Some(Date)
            }
            (Self::Hour(_) | Self::Minute(_) | Self::Second(_), [Timestamp | TimestampNtz])
            | (Self::DateDiff, [Date, Date])
            | (Self::CharLength | Self::BitLength, [String]) => Some(Int32),
            (part, [Date]) if part.is_part_of_date() => Some(Int32),
            (Self::Substring { .. } | Self::Upper | Self::Lower | Self::Trim { .. }, [String]) => {
                Some(String)
            }
            (Self::Concat, [_, ..]) => {
                arguments.iter().all(|argument| *argument == String).then_some(String)
            }
            (Self::Abs | Self::Negate, [number]) => is_number(*number).then_some(*number),
            (Self::Ceiling | Self::Floor, [DataType::Float64 | Int64]) => Some(Int64),
            (Self::Ceiling | Self::Floor, [DataType::Decimal { precision, scale }]) => {
                decimal(i16::from(*precision) - i16::from(*scale) + 1, 0)
            }
            (Self::Round { digits }, [DataType::Decimal { precision, scale }]) => {
                let kept = *digits.min(scale);
                decimal(i16::from(*precision) - i16::from(*scale) + 1 + i16::from(kept), kept)
            }
            (Self::Coalesce | Self::Greatest | Self::Least, [first, rest @ ..]) => {
                rest.iter().all(|other| other == first).then_some(*first)
            }
            _ => None,
        };
        found.ok_or_else(|| {
            let types: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            Error::invalid_argument(format!("no {} of {}", self.name(), types.join(", ")))
        })
    }

    fn is_part_of_date(&self) -> bool {
        matches!(
            self,
            Self::Year
                | Self::Quarter
                | Self::Month
                | Self::Week
                | Self::Day
                | Self::DayOfWeek
                | Self::DayOfYear
                | Self::YearOfWeek
        )
    }

    /// The zone by which a timestamp is read.
    pub fn zone(&self) -> Option<&Zone> {
        match self {
            Self::Date(zone) | Self::Hour(zone) | Self::Minute(zone) | Self::Second(zone) => {
                Some(zone)
            }
            _ => None,
        }
    }

    /// What is known of the result.
    pub(super) fn proof(&self, arguments: &[Proof], types: &[DataType], result: DataType) -> Proof {
        if arguments.contains(&Proof::Open) {
            return Proof::Open;
        }
        let within = |min, max| Proof::Within(Range { min, max });
        let of = |map: &dyn Fn(Range) -> Option<Range>| match arguments {
            [Proof::Within(range)] => Proof::of(map(*range), result),
            _ => Proof::Unlimited,
        };
        let divisor = match types {
            [DataType::Decimal { scale, .. }] => match self {
                Self::Round { digits } => pow10(scale.saturating_sub(*digits).into()),
                _ => pow10((*scale).into()),
            },
            _ => Some(1),
        };
        match self {
            Self::Quarter => within(1, 4),
            Self::Month => within(1, 12),
            Self::Week => within(1, 53),
            Self::Day => within(1, 31),
            Self::DayOfWeek => within(1, 7),
            Self::DayOfYear => within(1, 366),
            Self::Hour(_) => within(0, 23),
            Self::Minute(_) | Self::Second(_) => within(0, 59),
            Self::CharLength => within(0, i32::MAX.into()),
            Self::Year | Self::YearOfWeek => within(-5_877_641, 5_881_580),
            Self::DateDiff | Self::BitLength => {
                Range::of(result).map_or(Proof::Unlimited, Proof::Within)
            }
            Self::Abs => of(&Range::absolute),
            Self::Negate => of(&Range::negated),
            Self::Ceiling | Self::Floor if types == [DataType::Float64] => {
                Range::of(result).map_or(Proof::Unlimited, Proof::Within)
            }
            Self::Ceiling => of(&|range| divisor.map(|by| range.map(|v| ceiling(v, by)))),
            Self::Floor => of(&|range| divisor.map(|by| range.map(|v| v.div_euclid(by)))),
            Self::Round { .. } => {
                of(&|range| divisor.map(|by| range.map(|v| divide_half_up(v, by))))
            }
            Self::Coalesce | Self::Greatest | Self::Least => {
                arguments.iter().copied().reduce(Proof::either).unwrap_or(Proof::Open)
            }
            _ => Proof::Unlimited,
        }
    }
}

/// The least integer that is not below `value` / `divisor`, which is positive.
pub fn ceiling(value: i128, divisor: i128) -> i128 {
    value.div_euclid(divisor) + i128::from(value.rem_euclid(divisor) != 0)
}

fn is_number(data_type: DataType) -> bool {
    is_integer(data_type)
        || matches!(data_type, DataType::Decimal { .. } | DataType::Float32 | DataType::Float64)
}

/// A decimal type, cut to the most digits that there are.
fn decimal(precision: i16, scale: u8) -> Option<DataType> {
    const MOST_DIGITS: i16 = 38;
    let precision = u8::try_from(precision.min(MOST_DIGITS)).ok()?;
    Some(DataType::Decimal { precision, scale })
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
