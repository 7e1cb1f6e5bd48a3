//! Times of day: nanoseconds since midnight in NCF, of any unit in Arrow.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
};
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType as ArrowType, TimeUnit};
use ncf::{Error, Result};

const DAY_NANOS: i64 = 86_400_000_000_000;

fn unit_nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Arrow times as nanoseconds. `Unsupported` when one is not of a day.
pub(super) fn to_nanos(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let counts: Int64Array = match unit {
        TimeUnit::Second => array.as_primitive::<Time32SecondType>().unary(i64::from),
        TimeUnit::Millisecond => array.as_primitive::<Time32MillisecondType>().unary(i64::from),
        TimeUnit::Microsecond => array.as_primitive::<Time64MicrosecondType>().unary(|time| time),
        TimeUnit::Nanosecond => array.as_primitive::<Time64NanosecondType>().unary(|time| time),
    };
    let nanos = unit_nanos(unit);
    if let Some(wrong) =
        counts.iter().flatten().find(|count| !(0..DAY_NANOS / nanos).contains(count))
    {
        return Err(Error::unsupported(format!(
            "the time {wrong} {unit} after midnight is not of the day; repair the column first"
        )));
    }
    // Null rows may hold anything.
    Ok(Arc::new(counts.unary::<_, Int64Type>(|count| count.wrapping_mul(nanos))))
}

/// Nanoseconds as Arrow times. `Unsupported` when one is not a whole number of the unit in a day.
pub(super) fn from_nanos(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let times = array.as_primitive::<Int64Type>();
    let nanos = unit_nanos(unit);
    let fits = |time: i64| (0..DAY_NANOS).contains(&time) && time % nanos == 0;
    if let Some(wrong) = times.iter().flatten().find(|time| !fits(*time)) {
        return Err(Error::unsupported(format!(
            "{wrong} ns is not a time of the day in {unit}; write the column as bigint"
        )));
    }
    let narrow = |time: i64| i32::try_from(time / nanos).unwrap_or_default();
    Ok(match unit {
        TimeUnit::Second => Arc::new(times.unary::<_, Time32SecondType>(narrow)),
        TimeUnit::Millisecond => Arc::new(times.unary::<_, Time32MillisecondType>(narrow)),
        TimeUnit::Microsecond => {
            Arc::new(times.unary::<_, Time64MicrosecondType>(|time| time / nanos))
        }
        TimeUnit::Nanosecond => Arc::new(times.unary::<_, Time64NanosecondType>(|time| time)),
    })
}

/// The unit of an Arrow type of times.
pub(super) fn unit_of(arrow: &ArrowType) -> Option<TimeUnit> {
    match arrow {
        ArrowType::Time32(unit) | ArrowType::Time64(unit) => Some(*unit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Time32SecondArray, Time64MicrosecondArray};

    use super::*;

    #[test]
    fn times_are_of_a_day_or_refused() {
        let times: ArrayRef = Arc::new(Time32SecondArray::from(vec![Some(0), None, Some(86_399)]));
        let nanos = to_nanos(&times, TimeUnit::Second).unwrap();
        assert_eq!(nanos.as_primitive::<Int64Type>().value(2), 86_399_000_000_000);
        assert_eq!(&from_nanos(&nanos, TimeUnit::Second).unwrap(), &times);
        for wrong in [-1, 86_400_000_000, i64::MAX] {
            let times: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![wrong]));
            assert!(to_nanos(&times, TimeUnit::Microsecond).is_err(), "{wrong}");
        }
        let fine: ArrayRef = Arc::new(Int64Array::from(vec![1_500]));
        assert!(from_nanos(&fine, TimeUnit::Microsecond).is_err());
        assert!(from_nanos(&fine, TimeUnit::Nanosecond).is_ok());
    }
}
