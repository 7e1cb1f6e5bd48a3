//! Schemas: named, typed columns with ids that never change.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::types::DataType;

/// A column of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Identity of the column across renames and files of a table; unique in a schema, from 1.
    pub id: u32,
    /// Name, unique in a schema.
    pub name: String,
    /// Type, in Spark's DDL.
    #[serde(rename = "type", with = "data_type_text")]
    pub data_type: DataType,
    /// Whether values may be null.
    pub nullable: bool,
    /// What the user attached to the column, such as a comment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Field {
    /// A field without metadata.
    pub fn new(id: u32, name: impl Into<String>, data_type: DataType, nullable: bool) -> Self {
        Self { id, name: name.into(), data_type, nullable, metadata: BTreeMap::new() }
    }
}

/// The columns of a file or table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Schema {
    /// Columns in order.
    pub fields: Vec<Field>,
    /// What the user attached to the schema.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Schema {
    /// A schema; names and ids must be unique.
    pub fn new(fields: Vec<Field>) -> Result<Self> {
        let schema = Self { fields, metadata: BTreeMap::new() };
        schema.validate()?;
        Ok(schema)
    }

    /// Checks that names and ids are unique and ids are not 0.
    pub fn validate(&self) -> Result<()> {
        let mut names = HashSet::new();
        let mut ids = HashSet::new();
        for field in &self.fields {
            if !names.insert(field.name.as_str()) {
                return Err(Error::invalid_argument(format!(
                    "column {} appears twice; rename one of them",
                    field.name
                )));
            }
            if field.id == 0 || !ids.insert(field.id) {
                return Err(Error::invalid_argument(format!(
                    "field id {} of column {} is 0 or used twice",
                    field.id, field.name
                )));
            }
        }
        Ok(())
    }

    /// Position of the column called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The column called `name`, or an error that lists the columns there are.
    pub fn field(&self, name: &str) -> Result<&Field> {
        self.fields.iter().find(|field| field.name == name).ok_or_else(|| {
            let names: Vec<_> = self.fields.iter().map(|field| field.name.as_str()).collect();
            Error::invalid_argument(format!(
                "there is no column {name}; the columns are {}",
                names.join(", ")
            ))
        })
    }
}

/// Which of `names` stands for `name`: itself, else, as in Spark by default, the only one that differs
/// from it by nothing but case.
pub fn find_name<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    names.clone().find(|have| *have == name).or_else(|| {
        let folded = name.to_lowercase();
        let mut alike = names.filter(|have| have.to_lowercase() == folded);
        alike.next().filter(|_| alike.next().is_none())
    })
}

mod data_type_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::types::DataType;

    pub(super) fn serialize<S: Serializer>(value: &DataType, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<DataType, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_double_names_and_serialises_types_as_ddl() {
        let field = Field::new(1, "a", DataType::Decimal { precision: 12, scale: 2 }, true);
        assert!(Schema::new(vec![field.clone(), Field { id: 2, ..field.clone() }]).is_err());
        let json = serde_json::to_string(&field).unwrap();
        assert_eq!(json, r#"{"id":1,"name":"a","type":"decimal(12,2)","nullable":true}"#);
        assert_eq!(serde_json::from_str::<Field>(&json).unwrap(), field);
    }
}
