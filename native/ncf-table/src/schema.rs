//! Field ids of a table, and whether written columns fit it.

use std::collections::BTreeMap;

use ncf_core::{ColumnBounds, Error, Field, Result, Schema};

use crate::action::{AddFile, Metadata};

/// `wanted` with the field ids that a table gives its columns: a column with the name and type of an
/// existing one keeps its id, every other gets a new one above all that were ever used.
///
/// Call it before writing files, so that their schema and statistics carry the table's ids.
/// `existing` is the metadata of the table's current version, `None` for a new table. The ids in
/// `wanted` are not looked at. Fails with `InvalidArgument` when names repeat or ids run out.
pub fn assign_field_ids(existing: Option<&Metadata>, wanted: &Schema) -> Result<Schema> {
    Ok(assign(existing, wanted)?.0)
}

/// As [`assign_field_ids`], with the greatest id used then.
pub(crate) fn assign(existing: Option<&Metadata>, wanted: &Schema) -> Result<(Schema, u32)> {
    let mut last = existing.map_or(0, |metadata| metadata.max_field_id);
    let mut schema = wanted.clone();
    for field in &mut schema.fields {
        let old = existing
            .and_then(|metadata| metadata.schema.fields.iter().find(|old| old.name == field.name))
            .filter(|old| old.field_type.same_values(&field.field_type));
        match old {
            Some(old) => copy_ids(old, field),
            None => field.walk_mut(&mut |part| {
                last = last.checked_add(1).ok_or_else(|| {
                    Error::invalid_argument("the table has used all field ids; start a new table")
                })?;
                part.id = last;
                Ok(())
            })?,
        }
    }
    schema.validate()?;
    Ok((schema, last))
}

/// Gives a field, and those inside it, the ids of one with the same structure.
fn copy_ids(old: &Field, field: &mut Field) {
    field.id = old.id;
    let parts = field.field_type.parts_mut().iter_mut();
    parts.zip(old.field_type.parts()).for_each(|(part, old)| copy_ids(old, part));
}

/// How `written` differs from `table` in ways that an append does not allow; one sentence each, with
/// the remedy. The order of columns is free. `may_lack` says which columns of the table may be absent.
pub(crate) fn differences(
    table: &Schema,
    written: &Schema,
    may_lack: impl Fn(&Field) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for field in &written.fields {
        let name = &field.name;
        let Some(have) = table.fields.iter().find(|have| have.name == *name) else {
            found.push(format!(
                "column {name} is not in the table (drop it, or overwrite the table with the new schema)"
            ));
            continue;
        };
        let (old, new) = (&have.field_type, &field.field_type);
        if !old.same_values(new) {
            found.push(format!(
                "column {name} is {old} in the table and {new} in the data (cast it to {old})"
            ));
        }
        if field.nullable && !have.nullable {
            found.push(format!(
                "column {name} may not be null in the table and may be null in the data (filter or fill the nulls)"
            ));
        }
    }
    for field in &table.fields {
        if written.index_of(&field.name).is_none() && !may_lack(field) {
            found.push(format!(
                "column {} {} of the table is not in the data (add it)",
                field.name, field.field_type
            ));
        }
    }
    found
}

/// `add` with its statistics under the ids that `table` gives the columns of `written`.
pub(crate) fn with_table_ids(add: &AddFile, written: &Schema, table: &Schema) -> Result<AddFile> {
    let mut st: BTreeMap<u32, ColumnBounds> = BTreeMap::new();
    for (id, bounds) in &add.st {
        let field = written.fields.iter().find(|field| field.id == *id).ok_or_else(|| {
            Error::invalid_argument(format!(
                "the statistics of {} name the field id {id}, which the written schema does not have",
                add.path
            ))
        })?;
        if let Some(have) = table.fields.iter().find(|have| have.name == field.name) {
            st.insert(have.id, bounds.clone());
        }
    }
    Ok(AddFile { st, ..add.clone() })
}

#[cfg(test)]
mod tests {
    use ncf_core::DataType;

    use super::*;

    fn schema(columns: &[(u32, &str, DataType, bool)]) -> Schema {
        Schema::new(
            columns.iter().map(|(id, name, t, null)| Field::new(*id, *name, *t, *null)).collect(),
        )
        .unwrap()
    }

    fn table(schema: Schema, max_field_id: u32) -> Metadata {
        Metadata {
            id: String::new(),
            schema,
            partition_columns: vec![],
            properties: BTreeMap::new(),
            created_ts: 0,
            max_field_id,
        }
    }

    #[test]
    fn ids_stay_with_name_and_type_and_are_never_given_twice() {
        let wanted = schema(&[(7, "b", DataType::Int64, true), (9, "a", DataType::Int32, true)]);
        let first = assign_field_ids(None, &wanted).unwrap();
        assert_eq!(first.fields.iter().map(|field| field.id).collect::<Vec<_>>(), [1, 2]);
        let old =
            table(schema(&[(1, "a", DataType::Int32, true), (3, "b", DataType::Int32, true)]), 8);
        let (next, last) = assign(Some(&old), &wanted).unwrap();
        // b changed its type: a new id above 8, though 2 is free.
        assert_eq!(next.fields.iter().map(|field| field.id).collect::<Vec<_>>(), [9, 1]);
        assert_eq!(last, 9);
        let full = table(Schema::default(), u32::MAX);
        assert!(assign(Some(&full), &wanted).is_err());
    }

    #[test]
    fn each_difference_is_named_with_its_remedy() {
        let table = schema(&[
            (1, "a", DataType::Int32, false),
            (2, "b", DataType::String, true),
            (3, "c", DataType::Int64, true),
        ]);
        let same = schema(&[
            (1, "c", DataType::Int64, false),
            (2, "b", DataType::String, true),
            (3, "a", DataType::Int32, false),
        ]);
        assert!(differences(&table, &same, |_| false).is_empty());
        let other = schema(&[
            (1, "a", DataType::Int32, true),
            (2, "b", DataType::Int64, true),
            (4, "d", DataType::Int64, true),
        ]);
        let found = differences(&table, &other, |_| false);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].contains("column a") && found[0].contains("null"));
        assert!(found[1].contains("cast it to string"));
        assert!(found[2].contains("column d"));
        assert!(found[3].contains("column c bigint"));
        assert_eq!(differences(&table, &other, |field| field.name == "c").len(), 3);
    }
}
