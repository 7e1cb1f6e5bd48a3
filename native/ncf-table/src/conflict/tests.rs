//! The conflict matrix, cell by cell.

use std::collections::BTreeMap;

use ncf_core::{DataType, Field};

use super::*;
use crate::tests::schema;

fn table() -> Metadata {
    Metadata {
        id: "t".into(),
        schema: schema(),
        partition_columns: vec!["b".into()],
        properties: BTreeMap::new(),
        created_ts: 0,
        max_field_id: 2,
    }
}

fn verdict(
    operation: Operation,
    base: Option<&Metadata>,
    head: Option<&Metadata>,
) -> Option<ErrorKind> {
    let (schema, partition_columns) = (schema(), vec!["b".to_owned()]);
    check(operation, base, head, Some(&schema), Some(&partition_columns))
        .err()
        .map(|error| error.kind())
}

const CONFLICT: Option<ErrorKind> = Some(ErrorKind::Conflict);

#[test]
fn nothing_conflicts_where_there_is_no_table_or_the_same() {
    let table = table();
    for operation in
        [Operation::Create, Operation::Append, Operation::Overwrite, Operation::Replace]
    {
        assert_eq!(verdict(operation, None, None), None);
    }
    for operation in [Operation::Append, Operation::Overwrite, Operation::Replace] {
        assert_eq!(verdict(operation, Some(&table), Some(&table)), None);
        assert_eq!(verdict(operation, None, Some(&table)), None, "created by another");
    }
    assert_eq!(verdict(Operation::Create, None, Some(&table)), CONFLICT);
    assert_eq!(verdict(Operation::Create, Some(&table), Some(&table)), CONFLICT);
}

#[test]
fn an_append_survives_new_nullable_columns_and_properties_only() {
    let old = table();
    let change = |edit: fn(&mut Metadata)| {
        let mut new = table();
        edit(&mut new);
        let append = verdict(Operation::Append, Some(&old), Some(&new));
        assert_eq!(append, verdict(Operation::Replace, Some(&old), Some(&new)), "as an append");
        (append, verdict(Operation::Overwrite, Some(&old), Some(&new)))
    };
    let ok = (None, CONFLICT);
    let both = (CONFLICT, CONFLICT);
    assert_eq!(change(|m| m.properties = BTreeMap::from([("k".into(), "v".into())])), ok);
    assert_eq!(change(|m| m.schema.fields.push(Field::new(3, "c", DataType::Date, true))), ok);
    assert_eq!(change(|m| m.schema.fields[0].nullable = true), ok);
    assert_eq!(change(|m| m.schema.fields.reverse()), ok);
    assert_eq!(change(|m| m.schema.fields.push(Field::new(3, "c", DataType::Date, false))), both);
    assert_eq!(change(|m| m.schema.fields[1].nullable = false), both);
    assert_eq!(change(|m| m.schema.fields[0].field_type = DataType::Int32.into()), both);
    assert_eq!(change(|m| m.schema.fields[0].name = "x".into()), both);
    assert_eq!(change(|m| m.schema.fields[0].id = 7), both);
    assert_eq!(change(|m| m.schema.fields.truncate(1)), both);
    assert_eq!(change(|m| m.partition_columns.clear()), both);
}

#[test]
fn an_append_to_a_table_that_another_created_must_fit_it() {
    let mut other = table();
    other.schema.fields[0].field_type = DataType::Int32.into();
    let schema = schema();
    let error = check(Operation::Append, None, Some(&other), Some(&schema), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(
        error.message().contains("column a is int")
            && error.message().contains("partitioned by (b)")
    );
}
