//! The values of an `IN` list, which may be very many: sorted once, shared by those that hold them.

use std::cmp::Ordering;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::scalar::Scalar;

/// Values in the order of [`Scalar::compare`], none of them twice. Values that do not compare stay as
/// they were given: no column fits such a list, and whoever checks it will say so.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Vec<Scalar>")]
pub struct ValueList {
    values: Arc<[Scalar]>,
    sorted: bool,
}

impl ValueList {
    /// The values that decide how the list compares with a run of rows of which none but NaNs is above
    /// `max` and none is below `min`: if any value can be equal to one of a row, or must be, one of
    /// these is such a value. They are the first one that is not below `min`, and the last, which may
    /// be a NaN.
    pub fn deciding(&self, min: Option<&Scalar>) -> impl Iterator<Item = &Scalar> {
        let below =
            |value: &Scalar| min.is_some_and(|min| value.compare(min).is_some_and(Ordering::is_lt));
        let (some, rest) = if self.sorted {
            (self.values.get(self.values.partition_point(below)), self.values.last())
        } else {
            (None, None)
        };
        let all: &[Scalar] = if self.sorted { &[] } else { &self.values };
        some.into_iter().chain(rest).chain(all)
    }
}

impl From<Vec<Scalar>> for ValueList {
    fn from(mut values: Vec<Scalar>) -> Self {
        let sorted = match values.first() {
            Some(first) => values.iter().all(|value| value.compare(first).is_some()),
            None => true,
        };
        if sorted {
            values.sort_unstable_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
            values.dedup();
        }
        Self { values: values.into(), sorted }
    }
}

impl FromIterator<Scalar> for ValueList {
    fn from_iter<I: IntoIterator<Item = Scalar>>(values: I) -> Self {
        values.into_iter().collect::<Vec<_>>().into()
    }
}

impl Deref for ValueList {
    type Target = [Scalar];

    fn deref(&self) -> &[Scalar] {
        &self.values
    }
}

impl Serialize for ValueList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: &[i32]) -> ValueList {
        values.iter().map(|value| Scalar::Int(*value)).collect()
    }

    #[test]
    fn values_are_sorted_and_told_apart_once() {
        assert_eq!(ints(&[3, 1, 3, 2]), ints(&[1, 2, 3]));
        let list: ValueList =
            [f64::NAN, 0.0, -0.0, -1.0, f64::NAN].map(Scalar::Double).into_iter().collect();
        assert_eq!(*list, [-1.0, 0.0, f64::NAN].map(Scalar::Double));
        let json = serde_json::to_string(&ints(&[2, 1])).unwrap();
        assert_eq!(json, r#"[{"int":1},{"int":2}]"#);
        assert_eq!(serde_json::from_str::<ValueList>(&json).unwrap(), ints(&[1, 2]));
    }

    #[test]
    fn two_values_decide() {
        let deciding = |list: &ValueList, min: Option<i32>| {
            list.deciding(min.map(Scalar::Int).as_ref()).cloned().collect::<Vec<_>>()
        };
        let list = ints(&[1, 3, 5, 7]);
        let values = |values: &[i32]| values.iter().map(|v| Scalar::Int(*v)).collect::<Vec<_>>();
        assert_eq!(deciding(&list, Some(3)), values(&[3, 7]));
        assert_eq!(deciding(&list, Some(4)), values(&[5, 7]));
        assert_eq!(deciding(&list, Some(8)), values(&[7]));
        assert_eq!(deciding(&list, None), values(&[1, 7]));
        assert_eq!(deciding(&ints(&[]), Some(1)), values(&[]));
    }

    #[test]
    fn values_of_several_types_keep_their_places() {
        let mixed = vec![Scalar::Int(2), Scalar::Boolean(true), Scalar::Int(1)];
        let list = ValueList::from(mixed.clone());
        assert_eq!(*list, *mixed);
        assert_eq!(list.deciding(Some(&Scalar::Int(9))).count(), 3);
    }
}
