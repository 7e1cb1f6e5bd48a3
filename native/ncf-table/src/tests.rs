//! Tests of the whole crate: operations, damage, a simulator, threads, the specification.

mod damage;
mod operations;
mod simulator;
mod spec;
mod threads;

use std::collections::BTreeMap;

use ncf_core::{ColumnBounds, DataType, Field, Scalar, Schema};

use crate::{AddFile, Committed, LogStore, Operation, Snapshot, Transaction, open};

/// `a bigint not null, b string`.
pub(crate) fn schema() -> Schema {
    Schema::new(vec![
        Field::new(1, "a", DataType::Int64, false),
        Field::new(2, "b", DataType::String, true),
    ])
    .unwrap()
}

/// A file at `data/<name>.ncf` with `rows` rows.
pub(crate) fn file(name: &str, rows: u64) -> AddFile {
    let bounds = ColumnBounds {
        min: Some(Scalar::Bigint(-3)),
        max: Some(Scalar::Bigint(i64::MAX)),
        nulls: Some(0),
        nans: Some(0),
        exact: true,
    };
    AddFile {
        path: format!("data/{name}.ncf"),
        id: "0123456789abcdef".repeat(2),
        size: 1000,
        rows,
        dig: "0123456789abcdef".repeat(4),
        row0: 0,
        pv: BTreeMap::new(),
        st: BTreeMap::from([(1, bounds)]),
    }
}

pub(crate) fn read(store: &dyn LogStore) -> Snapshot {
    open(store).unwrap().unwrap()
}

pub(crate) fn create(store: &dyn LogStore) -> Committed {
    Transaction::new(None).operation(Operation::Create).schema(&schema()).commit(store).unwrap()
}

pub(crate) fn append(store: &dyn LogStore, name: &str) -> Committed {
    Transaction::new(Some(&read(store)))
        .schema(&schema())
        .add_file(file(name, 10))
        .commit(store)
        .unwrap()
}

pub(crate) fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.files.iter().map(|file| file.path.as_str()).collect()
}
