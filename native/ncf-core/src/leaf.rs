//! The columns that a field is stored as: one for a value, several for a nested type.
//!
//! ```text
//! value      values                                  one per row
//! struct     presence, then the columns of each field
//! array      lengths, then the columns of the element
//! map        lengths, then those of the key, those of the value
//! ```
//! A presence is true where the struct is not null. A length is null where the array or map is. Below
//! a null struct every field is null; below a null array or map there is nothing. The columns below
//! an array or map have as many values as its lengths add up to.

use crate::field_type::FieldType;
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// What the values of a stored column say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// They are the field's own.
    Values,
    /// Whether a struct is there.
    Presence,
    /// How many elements or entries there are.
    Lengths,
}

impl Role {
    /// What the first stored column of a field of this type says, and the type of its values.
    pub fn of(field_type: &FieldType) -> (Self, DataType) {
        match field_type {
            FieldType::Value(data_type) => (Self::Values, *data_type),
            FieldType::Struct(_) => (Self::Presence, DataType::Boolean),
            FieldType::Array(_) | FieldType::Map(_) => (Self::Lengths, DataType::Int32),
        }
    }
}

/// A stored column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Names from the top-level field down to the one that the column belongs to.
    pub path: Vec<String>,
    /// Id of that field.
    pub id: u32,
    /// What its values say.
    pub role: Role,
    /// Type of its values: `boolean` for a presence, `int` for lengths.
    pub data_type: DataType,
    /// Whether the field may be null where those around it are there.
    pub nullable: bool,
    /// Position of the top-level field.
    pub field: usize,
    /// The column of the field around this one.
    pub parent: Option<usize>,
    /// The lengths that say how many values there are; `None` = one per row.
    pub repeated_by: Option<usize>,
}

impl Column {
    /// The path in one text, for messages: `a.b`.
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

/// The columns that store a schema, those of each field together, in its order.
pub fn columns(schema: &Schema) -> Vec<Column> {
    let mut out = Vec::new();
    for (index, field) in schema.fields.iter().enumerate() {
        add(field, index, &mut Vec::new(), (None, None), &mut out);
    }
    out
}

fn add(
    field: &Field,
    top: usize,
    path: &mut Vec<String>,
    (parent, repeated_by): (Option<usize>, Option<usize>),
    out: &mut Vec<Column>,
) {
    let (role, data_type) = Role::of(&field.field_type);
    path.push(field.name.clone());
    let this = Some(out.len());
    let inner = if role == Role::Lengths { this } else { repeated_by };
    out.push(Column {
        path: path.clone(),
        id: field.id,
        role,
        data_type,
        nullable: field.nullable,
        field: top,
        parent,
        repeated_by,
    });
    for part in field.field_type.parts() {
        add(part, top, path, (this, inner), out);
    }
    path.pop();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;

    #[test]
    fn nested_fields_are_stored_as_several_columns() -> Result<()> {
        let element = |id, t: FieldType| Box::new(Field::new(id, "element", t, true));
        let inner = FieldType::Array(element(5, DataType::String.into()));
        let point = FieldType::Struct(vec![
            Field::new(3, "x", DataType::Float64, false),
            Field::new(4, "tags", inner, true),
        ]);
        let schema = Schema::new(vec![
            Field::new(1, "a", DataType::Int32, true),
            Field::new(2, "p", FieldType::Array(element(6, point)), true),
            Field::new(7, "b", DataType::Date, true),
        ])?;
        let found = columns(&schema);
        let texts: Vec<_> = found
            .iter()
            .map(|c| format!("{} {:?} {:?} {}", c.name(), c.role, c.repeated_by, c.field))
            .collect();
        assert_eq!(
            texts,
            [
                "a Values None 0",
                "p Lengths None 1",
                "p.element Presence Some(1) 1",
                "p.element.x Values Some(1) 1",
                "p.element.tags Lengths Some(1) 1",
                "p.element.tags.element Values Some(4) 1",
                "b Values None 2",
            ]
        );
        Ok(())
    }
}
