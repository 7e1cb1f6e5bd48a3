//! Types of fields: one value, or values made of values.

use std::fmt;

use arrow_schema::{DataType as ArrowType, Field as ArrowField, Fields};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schema::Field;
use crate::types::DataType;

/// What a field holds. In JSON a value's type is its DDL text, a nested type an object:
/// `"int"`, `{"array": FIELD}`, `{"map": [KEY, VALUE]}`, `{"struct": [FIELD, …]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// One value.
    Value(DataType),
    /// Any number of elements, in order. The field is called `element`.
    Array(Box<Field>),
    /// Any number of entries: a `key`, never null, and a `value`. Keys may repeat.
    Map(Box<[Field; 2]>),
    /// One value of each of some fields.
    Struct(Vec<Field>),
}

impl From<DataType> for FieldType {
    fn from(data_type: DataType) -> Self {
        Self::Value(data_type)
    }
}

/// A comparison with the type of a value, as tests and rules write it.
impl PartialEq<DataType> for FieldType {
    fn eq(&self, other: &DataType) -> bool {
        matches!(self, Self::Value(have) if have == other)
    }
}

impl FieldType {
    /// The type of the one value, unless the type is nested.
    pub fn value(&self) -> Option<DataType> {
        match self {
            Self::Value(data_type) => Some(*data_type),
            _ => None,
        }
    }

    /// The fields that the type is made of; none for a value.
    pub fn parts(&self) -> &[Field] {
        match self {
            Self::Value(_) => &[],
            Self::Array(element) => std::slice::from_ref(element),
            Self::Map(entry) => entry.as_slice(),
            Self::Struct(fields) => fields,
        }
    }

    /// As [`FieldType::parts`], to change them.
    pub fn parts_mut(&mut self) -> &mut [Field] {
        match self {
            Self::Value(_) => &mut [],
            Self::Array(element) => std::slice::from_mut(element),
            Self::Map(entry) => entry.as_mut_slice(),
            Self::Struct(fields) => fields,
        }
    }

    /// Whether both are the same but for ids, metadata and nullability, at every level.
    pub fn same_values(&self, other: &Self) -> bool {
        let parts = || self.parts().iter().zip(other.parts());
        let shape = match (self, other) {
            (Self::Value(a), Self::Value(b)) => a == b,
            (Self::Array(_), Self::Array(_)) | (Self::Map(_), Self::Map(_)) => true,
            (Self::Struct(a), Self::Struct(b)) => {
                a.len() == b.len() && parts().all(|(a, b)| a.name == b.name)
            }
            _ => false,
        };
        shape && parts().all(|(a, b)| a.field_type.same_values(&b.field_type))
    }

    /// The Arrow type that readers return.
    pub fn to_arrow(&self) -> ArrowType {
        match self {
            Self::Value(data_type) => data_type.to_arrow(),
            Self::Array(element) => ArrowType::List(element.to_arrow().into()),
            Self::Map(entry) => {
                let fields: Fields = entry.iter().map(Field::to_arrow).collect();
                let entries = ArrowField::new("entries", ArrowType::Struct(fields), false);
                ArrowType::Map(entries.into(), false)
            }
            Self::Struct(fields) => ArrowType::Struct(fields.iter().map(Field::to_arrow).collect()),
        }
    }

    /// The type that stores an Arrow type; ids count up from `next`. `Unsupported`, naming the type,
    /// where there is none.
    pub fn from_arrow(arrow: &ArrowType, next: &mut u32) -> Result<Self> {
        Ok(match arrow {
            ArrowType::List(element) | ArrowType::LargeList(element) => {
                Self::Array(Box::new(part("element", element, next)?))
            }
            ArrowType::Map(entries, _) => match entries.data_type() {
                ArrowType::Struct(fields) => match &**fields {
                    [key, value] => {
                        let key = Field { nullable: false, ..part("key", key, next)? };
                        Self::Map(Box::new([key, part("value", value, next)?]))
                    }
                    _ => return Err(Error::unsupported(format!("type {arrow} is no map"))),
                },
                _ => return Err(Error::unsupported(format!("type {arrow} is no map"))),
            },
            ArrowType::Struct(fields) => Self::Struct(
                fields
                    .iter()
                    .map(|field| part(field.name(), field, next))
                    .collect::<Result<_>>()?,
            ),
            value => Self::Value(DataType::from_arrow(value)?),
        })
    }
}

fn part(name: &str, arrow: &ArrowField, next: &mut u32) -> Result<Field> {
    let id = *next;
    *next = next.checked_add(1).ok_or_else(|| Error::unsupported("too many fields"))?;
    let field_type = FieldType::from_arrow(arrow.data_type(), next)
        .map_err(|error| error.with("field", arrow.name()))?;
    Ok(Field::new(id, name, field_type, arrow.is_nullable()))
}

impl Field {
    /// The Arrow field that readers return, without metadata.
    pub fn to_arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.field_type.to_arrow(), self.nullable)
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(data_type) => fmt::Display::fmt(data_type, f),
            Self::Array(element) => write!(f, "array<{}>", element.field_type),
            Self::Map(entry) => {
                let [key, value] = &**entry;
                write!(f, "map<{}, {}>", key.field_type, value.field_type)
            }
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, field) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, field.field_type)?;
                }
                f.write_str(">")
            }
        }
    }
}

/// The JSON form of a nested type.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Nested {
    Array(Box<Field>),
    Map(Box<[Field; 2]>),
    Struct(Vec<Field>),
}

/// The JSON form of any type.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Json {
    Text(String),
    Nested(Nested),
}

impl Serialize for FieldType {
    fn serialize<S: serde::Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        match self.clone() {
            Self::Value(data_type) => Json::Text(data_type.to_string()),
            Self::Array(element) => Json::Nested(Nested::Array(element)),
            Self::Map(entry) => Json::Nested(Nested::Map(entry)),
            Self::Struct(fields) => Json::Nested(Nested::Struct(fields)),
        }
        .serialize(out)
    }
}

impl<'de> Deserialize<'de> for FieldType {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> std::result::Result<Self, D::Error> {
        use serde::de::Error as _;
        Ok(match Json::deserialize(input)? {
            Json::Text(text) => Self::Value(text.parse().map_err(D::Error::custom)?),
            Json::Nested(Nested::Array(element)) => Self::Array(element),
            Json::Nested(Nested::Map(entry)) => Self::Map(entry),
            Json::Nested(Nested::Struct(fields)) => Self::Struct(fields),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> FieldType {
        let point = FieldType::Struct(vec![
            Field::new(3, "x", DataType::Float64, false),
            Field::new(
                4,
                "tags",
                FieldType::Array(Box::new(Field::new(5, "element", DataType::String, true))),
                true,
            ),
        ]);
        FieldType::Map(Box::new([
            Field::new(1, "key", DataType::String, false),
            Field::new(2, "value", point, true),
        ]))
    }

    #[test]
    fn json_text_and_arrow_forms_round_trip() {
        let nested = nested();
        assert_eq!(nested.to_string(), "map<string, struct<x: double, tags: array<string>>>");
        let json = serde_json::to_string(&nested).unwrap();
        assert!(
            json.starts_with(r#"{"map":[{"id":1,"name":"key","type":"string","nullable":false}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<FieldType>(&json).unwrap(), nested);
        let back = FieldType::from_arrow(&nested.to_arrow(), &mut 1).unwrap();
        assert_eq!(back, nested);
        assert!(serde_json::from_str::<FieldType>(r#"{"set":[]}"#).is_err());
        assert!(serde_json::from_str::<FieldType>(r#""array<int>""#).is_err());
    }

    #[test]
    fn values_are_the_same_whatever_ids_and_nulls() {
        let mut other = nested();
        other.parts_mut()[1].id = 9;
        other.parts_mut()[1].nullable = false;
        assert!(nested().same_values(&other));
        other.parts_mut()[1].field_type.parts_mut()[0].name = "y".into();
        assert!(!nested().same_values(&other));
    }
}
