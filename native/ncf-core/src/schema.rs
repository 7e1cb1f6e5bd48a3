//! Schemas: named, typed columns with ids that never change.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::field_type::FieldType;
use crate::limits::Limits;
use crate::types::DataType;

/// A column of a schema, or a part of a nested one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Identity of the column across renames and files of a table; unique in a schema, parts of nested
    /// columns included, from 1.
    pub id: u32,
    /// Name, unique in a schema, or in the struct that it is a part of.
    pub name: String,
    /// Type. In JSON, a value's type is Spark's DDL.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether values may be null.
    pub nullable: bool,
    /// What the user attached to the column, such as a comment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Field {
    /// A field without metadata.
    pub fn new(
        id: u32,
        name: impl Into<String>,
        field_type: impl Into<FieldType>,
        nullable: bool,
    ) -> Self {
        let (name, field_type) = (name.into(), field_type.into());
        Self { id, name, field_type, nullable, metadata: BTreeMap::new() }
    }

    /// The type of a field that is not nested, or an error that names the field.
    pub fn data_type(&self) -> Result<DataType> {
        self.field_type.value().ok_or_else(|| {
            Error::invalid_argument(format!(
                "column {} is {}, a nested type, which has no one value; name another column",
                self.name, self.field_type
            ))
        })
    }

    /// The field, then every field inside it, each before those inside it, with its depth from 1.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self, usize) -> Result<()>) -> Result<()> {
        self.walk_from(1, visit)
    }

    fn walk_from<'a>(
        &'a self,
        depth: usize,
        visit: &mut impl FnMut(&'a Self, usize) -> Result<()>,
    ) -> Result<()> {
        visit(self, depth)?;
        self.field_type.parts().iter().try_for_each(|part| part.walk_from(depth + 1, visit))
    }

    /// As [`Field::walk`], to change fields.
    pub fn walk_mut(&mut self, visit: &mut impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        visit(self)?;
        self.field_type.parts_mut().iter_mut().try_for_each(|part| part.walk_mut(visit))
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

    /// Checks that names and ids are unique, ids are not 0, and types nest at most 64 deep.
    pub fn validate(&self) -> Result<()> {
        let mut ids = HashSet::new();
        check_names(&self.fields)?;
        for column in &self.fields {
            column.walk(&mut |field, depth| {
                if depth as u64 > Limits::DEFAULT.depth {
                    return Err(Error::limit_exceeded(
                        "depth of nesting",
                        depth as u64,
                        Limits::DEFAULT.depth,
                    )
                    .with("column", &column.name));
                }
                if field.id == 0 || !ids.insert(field.id) {
                    return Err(Error::invalid_argument(format!(
                        "field id {} of column {} is 0 or used twice",
                        field.id, field.name
                    )));
                }
                if let FieldType::Struct(parts) = &field.field_type {
                    check_names(parts).map_err(|error| error.with("column", &column.name))?;
                }
                Ok(())
            })?;
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

fn check_names(fields: &[Field]) -> Result<()> {
    let mut names = HashSet::new();
    match fields.iter().find(|field| !names.insert(field.name.as_str())) {
        None => Ok(()),
        Some(twice) => Err(Error::invalid_argument(format!(
            "column {} appears twice; rename one of them",
            twice.name
        ))),
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
