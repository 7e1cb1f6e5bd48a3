//! Maps of a record as stored: serde's own keep the last of repeated keys, which would let two readers
//! see two tables.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A map whose keys do not repeat.
pub(crate) fn map<'de, D, K, V>(input: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    input.deserialize_map(UniqueKeys(PhantomData))
}

/// A value that may be null but not absent.
pub(crate) fn nullable<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(input)
}

struct UniqueKeys<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for UniqueKeys<K, V>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut found = BTreeMap::new();
        while let Some((key, value)) = members.next_entry::<K, V>()? {
            if found.contains_key(&key) {
                return Err(M::Error::custom(format!("the key {key} is repeated")));
            }
            found.insert(key, value);
        }
        Ok(found)
    }
}
