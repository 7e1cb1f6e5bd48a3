//! Fields by the names that lead to them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::field_type::FieldType;
use crate::schema::Field;

/// A field by name: a column, then a field of its struct, and so on down. Names stay apart, as they may
/// hold dots; in JSON they are an array: `["s","t"]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct FieldPath {
    column: String,
    fields: Vec<String>,
}

impl FieldPath {
    /// The field that `fields` lead to inside `column`.
    pub fn new(column: impl Into<String>, fields: Vec<String>) -> Self {
        Self { column: column.into(), fields }
    }

    /// Name of the column.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// Names of the fields inside the column, outermost first; none for the column itself.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The field inside `column`, the column of this path; `None` when one of the fields around it is
    /// no struct, or has no field of the name.
    pub fn find<'a>(&self, column: &'a Field) -> Option<&'a Field> {
        self.fields.iter().try_fold(column, |field, name| match &field.field_type {
            FieldType::Struct(parts) => parts.iter().find(|part| part.name == *name),
            _ => None,
        })
    }
}

impl From<&str> for FieldPath {
    fn from(column: &str) -> Self {
        Self::new(column, Vec::new())
    }
}

impl From<String> for FieldPath {
    fn from(column: String) -> Self {
        Self::new(column, Vec::new())
    }
}

impl TryFrom<Vec<String>> for FieldPath {
    type Error = Error;

    fn try_from(names: Vec<String>) -> Result<Self, Error> {
        let mut names = names.into_iter();
        let column = names.next();
        column
            .map(|column| Self::new(column, names.collect()))
            .ok_or_else(|| Error::invalid_argument("a column has at least one name"))
    }
}

impl From<FieldPath> for Vec<String> {
    fn from(path: FieldPath) -> Self {
        std::iter::once(path.column).chain(path.fields).collect()
    }
}

/// `s.t`; a name with a dot or a backquote stands in backquotes.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, name) in std::iter::once(&self.column).chain(&self.fields).enumerate() {
            let dot = if depth == 0 { "" } else { "." };
            if name.contains(['.', '`']) {
                write!(f, "{dot}`{}`", name.replace('`', "``"))?;
            } else {
                write!(f, "{dot}{name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::DataType;

    #[test]
    fn names_stay_apart() {
        let path = FieldPath::new("a.b", vec!["c`d".into(), "e".into()]);
        assert_eq!(path.to_string(), "`a.b`.`c``d`.e");
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(json, r#"["a.b","c`d","e"]"#);
        assert_eq!(serde_json::from_str::<FieldPath>(&json).unwrap(), path);
        assert!(serde_json::from_str::<FieldPath>("[]").is_err());
        assert_ne!(FieldPath::from("a.b"), FieldPath::new("a", vec!["b".into()]));
    }

    #[test]
    fn leads_through_structs_only() {
        let x = Field::new(3, "x", DataType::Int32, true);
        let inner = Field::new(2, "t", FieldType::Struct(vec![x.clone()]), true);
        let array = Field::new(4, "l", FieldType::Array(Box::new(x.clone())), true);
        let column = Field::new(1, "s", FieldType::Struct(vec![inner, array]), true);
        let find = |names: &[&str]| {
            let fields = names.iter().map(ToString::to_string).collect();
            FieldPath::new("s", fields).find(&column).map(|field| field.id)
        };
        assert_eq!(find(&[]), Some(1));
        assert_eq!(find(&["t", "x"]), Some(3));
        assert_eq!(find(&["l"]), Some(4));
        assert_eq!(find(&["l", "x"]), None);
        assert_eq!(find(&["X"]), None);
    }
}
