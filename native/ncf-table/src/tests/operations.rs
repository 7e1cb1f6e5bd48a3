//! Create, append, overwrite; time travel; changes; exactly-once.

use std::collections::BTreeMap;

use ncf_core::{DataType, ErrorKind, Field, Schema};

use super::{append, create, file, paths, read, schema};
use crate::{
    AddFile, LogStore, MemoryLogStore, Operation, Snapshot, Transaction, changes, find_transaction,
    latest_version, open, open_timestamp, open_version,
};

fn overwrite(store: &dyn LogStore, name: &str) -> Transaction {
    Transaction::new(Some(&read(store))).operation(Operation::Overwrite).add_file(file(name, 1))
}

#[test]
fn there_is_no_table_before_the_first_commit() {
    let store = MemoryLogStore::new("t");
    assert_eq!(open(&store).unwrap(), None);
    assert_eq!(latest_version(&store).unwrap(), None);
    assert_eq!(find_transaction(&store, "x").unwrap(), None);
    for error in [
        open_version(&store, 0).unwrap_err(),
        open_timestamp(&store, 0).unwrap_err(),
        changes(&store, None, 0).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("[table t]"), "{error}");
    }
}

#[test]
fn create_append_overwrite_and_back_in_time() {
    let store = MemoryLogStore::new("t");
    create(&store);
    assert_eq!(append(&store, "b").version, 1);
    assert_eq!(append(&store, "a").version, 2);
    let two = read(&store);
    assert_eq!(paths(&two), ["data/a.ncf", "data/b.ncf"]);
    assert_eq!((two.rows(), two.bytes(), two.next_row_id), (20, 2000, 20));
    assert_eq!(two.file("data/a.ncf").unwrap().row0, 10);
    assert_eq!(two.file("data/c.ncf"), None);
    overwrite(&store, "c").commit(&store).unwrap();
    let three = read(&store);
    assert_eq!(paths(&three), ["data/c.ncf"]);
    assert_eq!(three.metadata, two.metadata, "an overwrite without a schema keeps the definition");
    assert_eq!(three.file("data/c.ncf").unwrap().row0, 20, "row ids are never given twice");

    assert_eq!(open_version(&store, 2).unwrap(), two);
    assert!(paths(&open_version(&store, 0).unwrap()).is_empty());
    assert_eq!(open_version(&store, 4).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(open_timestamp(&store, two.timestamp).unwrap(), two);
    assert_eq!(open_timestamp(&store, i64::MAX).unwrap(), three);
    let before = open_version(&store, 0).unwrap().timestamp - 1;
    assert_eq!(open_timestamp(&store, before).unwrap_err().kind(), ErrorKind::InvalidArgument);

    let all = changes(&store, None, 3).unwrap();
    assert_eq!(
        all.iter().map(|c| c.op.as_str()).collect::<Vec<_>>(),
        ["CREATE", "APPEND", "APPEND", "OVERWRITE"]
    );
    assert!(all[0].metadata_changed && !all[3].metadata_changed);
    assert_eq!(all[3].removes, ["data/a.ncf", "data/b.ncf"]);
    assert_eq!(changes(&store, Some(2), 3).unwrap(), all[3..]);
    assert!(changes(&store, Some(3), 3).unwrap().is_empty());
    assert!(changes(&store, Some(1), 4).is_err() && changes(&store, Some(3), 2).is_err());
    assert_eq!(find_transaction(&store, &all[1].txn).unwrap(), Some(1));
    assert_eq!(latest_version(&store).unwrap(), Some(3));
}

#[test]
fn the_first_append_or_overwrite_makes_the_table() {
    for operation in [Operation::Append, Operation::Overwrite] {
        let store = MemoryLogStore::new("t");
        let properties = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        let done = Transaction::new(None)
            .operation(operation)
            .schema(&schema())
            .properties(properties.clone())
            .add_file(file("a", 2))
            .commit(&store)
            .unwrap();
        assert_eq!((done.version, done.already), (0, false));
        let made = read(&store);
        assert_eq!((made.metadata.properties, made.metadata.schema), (properties, schema()));
    }
}

#[test]
fn create_fails_when_the_table_exists_and_nothing_works_without_a_schema() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let again = Transaction::new(None).operation(Operation::Create).schema(&schema());
    let error = again.commit(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("already exists"));
    for operation in [Operation::Create, Operation::Append, Operation::Overwrite] {
        let bare = Transaction::new(None).operation(operation).commit(&MemoryLogStore::new("t"));
        assert_eq!(bare.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    assert_eq!(latest_version(&store).unwrap(), Some(0));
}

#[test]
fn an_append_that_does_not_fit_says_why_and_changes_nothing() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let other = Schema::new(vec![
        Field::new(1, "a", DataType::Int32, false),
        Field::new(2, "c", DataType::String, true),
    ])
    .unwrap();
    let error = Transaction::new(Some(&read(&store))).schema(&other).commit(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    for part in
        ["column a is bigint in the table and int in the data", "column c", "column b", "table t"]
    {
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = Transaction::new(Some(&read(&store)))
        .schema(&schema())
        .partition_columns(vec!["b".into()])
        .commit(&store)
        .unwrap_err();
    assert!(error.message().contains("partitioned by"), "{error}");
    assert_eq!(latest_version(&store).unwrap(), Some(0));
}

#[test]
fn columns_in_another_order_are_matched_by_name() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let swapped = Schema::new(vec![
        Field::new(1, "b", DataType::String, true),
        Field::new(2, "a", DataType::Int64, false),
    ])
    .unwrap();
    let mut add = file("x", 1);
    let bounds = add.st.remove(&1).unwrap();
    add.st.insert(2, bounds.clone());
    Transaction::new(Some(&read(&store)))
        .schema(&swapped)
        .add_file(add.clone())
        .commit(&store)
        .unwrap();
    let stored = read(&store);
    assert_eq!(stored.files[0].st, BTreeMap::from([(1, bounds)]), "under the table's id of a");
    add.st = BTreeMap::from([(9, Default::default())]);
    add.path = "data/y.ncf".into();
    let error =
        Transaction::new(Some(&stored)).schema(&swapped).add_file(add).commit(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn an_overwrite_may_bring_another_schema_and_partitioning() {
    let store = MemoryLogStore::new("t");
    create(&store);
    append(&store, "a");
    let new = Schema::new(vec![
        Field::new(1, "p", DataType::String, true),
        Field::new(2, "a", DataType::Int64, true),
        Field::new(3, "b", DataType::Int32, true),
    ])
    .unwrap();
    let mut add = file("p=x/f", 4);
    add.pv = BTreeMap::from([("p".into(), Some("x".into()))]);
    add.st = BTreeMap::from([(2, Default::default())]);
    let base = read(&store);
    let replace = |add| {
        Transaction::new(Some(&base))
            .operation(Operation::Overwrite)
            .schema(&new)
            .partition_columns(vec!["p".into()])
            .add_file(add)
    };
    replace(add).commit(&store).unwrap();
    let now = read(&store);
    let ids: Vec<_> = now.metadata.schema.fields.iter().map(|f| (f.name.as_str(), f.id)).collect();
    assert_eq!(ids, [("p", 3), ("a", 1), ("b", 4)], "a kept its id, b changed its type");
    assert_eq!(now.metadata.partition_columns, ["p"]);
    assert_eq!(now.files[0].st.keys().collect::<Vec<_>>(), [&1]);
    assert_eq!(now.metadata.id, base.metadata.id);
    // Planned on the old definition: a conflict for both.
    let error = replace(file("q", 1)).commit(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "no value of p: {error}");
    let late = Transaction::new(Some(&base)).schema(&schema()).add_file(file("late", 1));
    assert_eq!(late.commit(&store).unwrap_err().kind(), ErrorKind::Conflict);
    let late = Transaction::new(Some(&base)).operation(Operation::Overwrite);
    assert_eq!(late.commit(&store).unwrap_err().kind(), ErrorKind::Conflict);
}

/// A file in the partition `b = <value>`.
fn partitioned(name: &str, value: Option<&str>) -> AddFile {
    let pv = BTreeMap::from([("b".to_owned(), value.map(str::to_owned))]);
    AddFile { pv, ..file(name, 1) }
}

fn replace(base: Option<&Snapshot>, value: Option<&str>) -> Transaction {
    Transaction::new(base)
        .operation(Operation::Replace)
        .schema(&schema())
        .partition(partitioned("", value).pv)
}

#[test]
fn a_replacement_removes_one_partition_and_what_came_into_it_in_between() {
    let store = MemoryLogStore::new("t");
    let made = Transaction::new(None).schema(&schema()).partition_columns(vec!["b".into()]);
    let files = [("x", Some("x")), ("y", Some("y")), ("null", None), ("empty", Some(""))];
    let add = |made: Transaction, (name, value)| made.add_file(partitioned(name, value));
    files.into_iter().fold(made, add).commit(&store).unwrap();
    let base = read(&store);
    let late = |name, value| {
        let late = Transaction::new(Some(&base)).schema(&schema());
        late.add_file(partitioned(name, value)).commit(&store).unwrap()
    };
    late("x late", Some("x"));
    late("y late", Some("y"));
    replace(Some(&base), Some("x")).add_file(partitioned("new", Some("x"))).commit(&store).unwrap();
    let kept = ["data/empty.ncf", "data/new.ncf", "data/null.ncf", "data/y late.ncf", "data/y.ncf"];
    assert_eq!(paths(&read(&store)), kept);
    replace(Some(&base), None).commit(&store).unwrap();
    replace(Some(&base), Some("none such")).commit(&store).unwrap();
    assert_eq!(paths(&read(&store)), [kept[0], kept[1], kept[3], kept[4]]);
    let last = changes(&store, Some(3), 5).unwrap();
    assert_eq!((last[0].op.as_str(), &last[0].removes[..]), ("REPLACE", &[kept[2].to_owned()][..]));
    assert!(last[1].removes.is_empty());
    assert_eq!(read(&store).metadata, base.metadata);
}

#[test]
fn a_replacement_names_values_of_partition_columns_and_fits_the_table() {
    let store = MemoryLogStore::new("t");
    let first = replace(None, Some("x")).partition_columns(vec!["b".into()]);
    first.add_file(partitioned("x", Some("x"))).commit(&store).unwrap();
    let base = read(&store);
    assert_eq!(paths(&base), ["data/x.ncf"], "the first replacement makes the table");
    let of = |column: &str| BTreeMap::from([(column.to_owned(), Some("1".to_owned()))]);
    let append = Transaction::new(Some(&base)).schema(&schema());
    let other = Schema::new(vec![Field::new(1, "b", DataType::Int64, true)]).unwrap();
    for (wrong, why) in [
        (replace(Some(&base), None).partition(of("a")), "a is not a partition column"),
        (replace(Some(&base), None).partition(BTreeMap::new()), "takes the values"),
        (append.partition(of("b")), "a replacement, and nothing else"),
        (replace(Some(&base), None).schema(&other), "does not fit the table"),
    ] {
        let error = wrong.commit(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(why), "{error}");
    }
    assert_eq!(latest_version(&store).unwrap(), Some(0));
}

#[test]
fn an_overwrite_removes_what_came_in_between() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let replace = overwrite(&store, "new");
    let other = overwrite(&store, "other");
    append(&store, "a");
    other.commit(&store).unwrap();
    append(&store, "b");
    replace.commit(&store).unwrap();
    assert_eq!(paths(&read(&store)), ["data/new.ncf"]);
}

#[test]
fn the_same_application_version_commits_once() {
    let store = MemoryLogStore::new("t");
    let run = |name: &str, version| {
        let snapshot = open(&store).unwrap();
        Transaction::new(snapshot.as_ref())
            .schema(&schema())
            .add_file(file(name, 1))
            .app("query", version)
            .commit(&store)
            .unwrap()
    };
    assert!(!run("a", 5).already);
    assert!(run("b", 5).already);
    assert!(run("c", 4).already);
    assert!(!run("d", 6).already);
    assert_eq!(paths(&read(&store)), ["data/a.ncf", "data/d.ncf"]);
    assert_eq!(read(&store).apps, BTreeMap::from([("query".to_owned(), 6)]));
    // A create that ran before is a success too, not "already exists".
    let create =
        Transaction::new(None).operation(Operation::Create).schema(&schema()).app("query", 6);
    assert!(create.commit(&store).unwrap().already);
}

#[test]
fn files_that_are_there_already_are_never_reported_as_deletable() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let base = read(&store);
    append(&store, "a");
    for base in [base, read(&store)] {
        let again = Transaction::new(Some(&base)).schema(&schema()).add_file(file("a", 10));
        assert_eq!(again.commit(&store).unwrap_err().kind(), ErrorKind::CommitStateUnknown);
    }
    assert_eq!(latest_version(&store).unwrap(), Some(1));
}

#[test]
fn bad_files_are_refused_before_anything_is_stored() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let base = read(&store);
    let refused = |edit: fn(&mut crate::AddFile)| {
        let mut add = file("a", 1);
        edit(&mut add);
        let error = Transaction::new(Some(&base))
            .schema(&schema())
            .add_file(add)
            .commit(&store)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    };
    refused(|add| add.path = "../x".into());
    refused(|add| add.path = "/data/x".into());
    refused(|add| add.id = "X".into());
    refused(|add| add.dig = "AB".repeat(32));
    refused(|add| add.pv = BTreeMap::from([("a".into(), None)]));
    let twice = Transaction::new(Some(&base))
        .schema(&schema())
        .add_file(file("a", 1))
        .add_file(file("a", 1));
    assert_eq!(twice.commit(&store).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let mut huge = file("a", u64::MAX);
    huge.path = "data/huge.ncf".into();
    append(&store, "b");
    let overflow = Transaction::new(Some(&read(&store))).schema(&schema()).add_file(huge);
    assert_eq!(overflow.commit(&store).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(latest_version(&store).unwrap(), Some(1));
}

fn rewrite(base: &Snapshot, removed: &[&str]) -> Transaction {
    let removed = removed.iter().map(|name| format!("data/{name}.ncf")).collect();
    Transaction::new(Some(base)).operation(Operation::Rewrite).remove_files(removed)
}

#[test]
fn a_rewrite_replaces_the_files_that_it_names() {
    let store = MemoryLogStore::new("t");
    create(&store);
    append(&store, "a");
    append(&store, "b");
    let base = read(&store);
    append(&store, "late");
    rewrite(&base, &["a"]).add_file(file("a2", 10)).commit(&store).unwrap();
    let after = read(&store);
    assert_eq!(paths(&after), ["data/a2.ncf", "data/b.ncf", "data/late.ncf"]);
    assert_eq!((&after.metadata, after.rows()), (&base.metadata, 30));
    let last = changes(&store, Some(3), 4).unwrap();
    assert_eq!(
        (last[0].op.as_str(), &last[0].removes[..]),
        ("REWRITE", &["data/a.ncf".to_owned()][..])
    );
    // The file is gone; nobody takes it away twice.
    let late = rewrite(&base, &["a", "b"]).add_file(file("c", 10)).add_file(file("d", 10));
    let error = late.commit(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let base = read(&store);
    overwrite(&store, "new").commit(&store).unwrap();
    let late = rewrite(&base, &["b"]).add_file(file("b2", 10)).commit(&store).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict, "{late}");
    assert_eq!(paths(&read(&store)), ["data/new.ncf"]);
}

#[test]
fn a_rewrite_names_files_of_the_table_and_keeps_their_rows() {
    let store = MemoryLogStore::new("t");
    create(&store);
    append(&store, "a");
    let base = read(&store);
    let other = Transaction::new(None).operation(Operation::Rewrite).schema(&schema());
    for bad in [
        rewrite(&base, &["none"]).add_file(file("x", 10)),
        rewrite(&base, &["a"]),
        rewrite(&base, &["a"]).add_file(file("x", 10)).add_file(file("y", 10)),
        rewrite(&base, &[]).add_file(file("x", 10)),
        rewrite(&base, &["a"]).operation(Operation::Append).schema(&schema()),
        other.remove_files(["data/a.ncf".to_owned()].into()),
    ] {
        let error = bad.commit(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    assert_eq!(read(&store), base);
}
