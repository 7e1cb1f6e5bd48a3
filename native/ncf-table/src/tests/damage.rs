//! Damaged logs: always an error of the right kind, never a wrong table.

use ncf_core::ErrorKind;

use super::{append, create, file, paths, read, schema};
use crate::action::{Action, Protocol, RemoveFile};
use crate::layout::record_path;
use crate::record::CommitRecord;
use crate::{LogStore, MemoryLogStore, Operation, Transaction, latest_version, open};

/// A table with versions 0 to 3.
fn table() -> MemoryLogStore {
    let store = MemoryLogStore::new("some/table");
    create(&store);
    append(&store, "a");
    append(&store, "b");
    let snapshot = read(&store);
    Transaction::new(Some(&snapshot))
        .operation(Operation::Overwrite)
        .add_file(file("c", 1))
        .commit(&store)
        .unwrap();
    store
}

fn bytes(store: &MemoryLogStore, version: u64) -> Vec<u8> {
    store.read(&record_path(version), u64::MAX).unwrap().unwrap()
}

fn error(store: &MemoryLogStore) -> ncf_core::Error {
    open(store).unwrap_err()
}

/// Changes the last record of `table()` and seals it again.
fn resealed(edit: impl FnOnce(&mut CommitRecord)) -> ncf_core::Error {
    let store = table();
    let mut record = CommitRecord::decode(&bytes(&store, 3)).unwrap();
    edit(&mut record);
    store.overwrite(&record_path(3), &record.encode().unwrap());
    error(&store)
}

#[test]
fn every_bit_and_every_truncation_of_every_record() {
    let store = table();
    for version in 0..4 {
        let good = bytes(&store, version);
        let path = record_path(version);
        let check = |damaged: &[u8], what: String| {
            store.overwrite(&path, damaged);
            let error = error(&store);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "version {version}, {what}: {error}");
            let text = error.to_string();
            assert!(text.contains("table some/table") && text.contains(&path), "{text}");
        };
        for bit in 0..good.len() * 8 {
            let mut damaged = good.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            check(&damaged, format!("bit {bit}"));
        }
        for length in 0..good.len() {
            check(&good[..length], format!("length {length}"));
        }
        store.overwrite(&path, &good);
    }
    assert_eq!(paths(&read(&store)), ["data/c.ncf"]);
}

#[test]
fn a_hole_names_the_missing_version() {
    for version in 0..3 {
        let store = table();
        store.delete(&record_path(version)).unwrap();
        for error in [error(&store), latest_version(&store).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains(&format!("version {version} is missing")), "{error}");
        }
    }
    // A record far beyond: the next folder has a first version and this one an end.
    let store = table();
    store.overwrite(&record_path(4096), b"x");
    assert!(error(&store).message().contains("version 4 is missing"));
    let store = table();
    store.overwrite(&record_path(4097), b"x");
    assert!(error(&store).message().contains("version 4096 is missing"));
}

#[test]
fn a_writer_does_not_fill_a_hole() {
    for (lost, left) in [(2..3, 3), (2..4096, 4096)] {
        let store = table();
        let old = crate::open_version(&store, 1).unwrap();
        for version in lost {
            store.delete(&record_path(version)).unwrap();
        }
        store.overwrite(&record_path(left), b"x");
        let error = Transaction::new(Some(&old))
            .schema(&schema())
            .add_file(file("late", 1))
            .commit(&store)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("version 2 is missing"), "{error}");
        assert!(!store.exists(&record_path(2)).unwrap());
    }
}

#[test]
fn the_order_of_lines_has_no_meaning() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let base = read(&store);
    let two = Transaction::new(Some(&base)).schema(&schema());
    two.add_file(file("a", 3)).add_file(file("b", 4)).commit(&store).unwrap();
    let wanted = read(&store);
    let mut record = CommitRecord::decode(&bytes(&store, 1)).unwrap();
    record.actions.reverse();
    store.overwrite(&record_path(1), &record.encode().unwrap());
    let found = read(&store);
    assert_eq!((&found.files, found.next_row_id), (&wanted.files, 7));
}

#[test]
fn strangers_in_the_folders_are_ignored_and_misplaced_records_are_not() {
    let store = table();
    for path in [
        "_ncf/log/0000000000/.x.tmp",
        "_ncf/log/0000000000/3.json",
        "_ncf/log/readme/x",
        "_ncf/log/0000000009/.x.tmp",
    ] {
        store.overwrite(path, b"x");
    }
    assert_eq!(read(&store).version, 3);
    store.overwrite("_ncf/log/0000000000/00000000000000005000.json", b"x");
    assert!(error(&store).message().contains("wrong folder"));
}

#[test]
fn records_that_do_not_belong_here_break_the_chain() {
    let (store, other) = (table(), table());
    store.overwrite(&record_path(2), &bytes(&other, 2));
    assert!(error(&store).message().contains("hash chain"));
    let store = table();
    store.overwrite(&record_path(2), &bytes(&store, 1));
    assert!(error(&store).message().contains("says it is version 1"));
    assert_eq!(crate::changes(&other, Some(1), 3).unwrap().len(), 2, "the other table is whole");
    other.overwrite(&record_path(2), &bytes(&table(), 2));
    assert_eq!(crate::changes(&other, Some(1), 3).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn resealed_records_that_contradict_the_table_are_corrupt() {
    type Edit = fn(&mut CommitRecord);
    let edits: [(&str, Edit); 15] = [
        ("hash chain", |r| r.header.prev = None),
        ("timestamp", |r| r.header.ts = 0),
        ("it read a later one", |r| r.header.read = Some(3)),
        ("twice", |r| r.actions.push(r.actions[0].clone())),
        ("is removed and is not there", |r| {
            r.actions.push(Action::Remove(RemoveFile { path: "data/x".into() }));
        }),
        ("twice", |r| r.actions.push(Action::Add(file("c", 1)))),
        ("is added while it is there", |r| {
            r.actions = vec![Action::Add(crate::AddFile { row0: 20, ..file("a", 1) })];
        }),
        ("is longer than", |r| {
            let path = format!("data/{}", "a".repeat(2000));
            r.actions = vec![Action::Remove(RemoveFile { path })];
        }),
        ("segment", |r| {
            let path = "data/../x".to_owned();
            r.actions.push(Action::Add(crate::AddFile { path, row0: 21, ..file("d", 1) }));
        }),
        ("id must be 32", |r| {
            r.actions =
                vec![Action::Add(crate::AddFile { id: "x".into(), row0: 20, ..file("d", 1) })]
        }),
        ("row ids that were given before", |r| r.actions = vec![Action::Add(file("d", 1))]),
        ("row ids overflow", |r| {
            r.actions = vec![Action::Add(crate::AddFile { row0: u64::MAX, ..file("d", 1) })];
        }),
        ("partition values", |r| {
            let pv = [("z".to_owned(), None)].into();
            r.actions = vec![Action::Add(crate::AddFile { pv, row0: 20, ..file("d", 1) })];
        }),
        ("two meta or proto lines", |r| r.actions = vec![Action::Protocol(Protocol::current()); 2]),
        ("nowhere", |r| {
            let mut metadata = read(&table()).metadata;
            metadata.partition_columns = vec!["nowhere".into()];
            r.actions = vec![Action::Metadata(Box::new(metadata))];
        }),
    ];
    for (what, edit) in edits {
        let error = resealed(edit);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}");
        assert!(error.message().contains(what), "{what}: {error}");
    }
}

#[test]
fn a_first_record_needs_its_definition() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let whole = CommitRecord::decode(&bytes(&store, 0)).unwrap();
    for left_out in 0..2 {
        let mut record = whole.clone();
        record.actions.remove(left_out);
        store.overwrite(&record_path(0), &record.encode().unwrap());
        assert_eq!(error(&store).kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn newer_tables_are_refused_by_name_and_older_versions_stay_readable() {
    let with = |reader: &[&str], writer: &[&str], unknown: &str| {
        let store = table();
        let mut record = CommitRecord::decode(&bytes(&store, 3)).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        record.actions.push(Action::Protocol(Protocol {
            reader_features: names(reader),
            writer_features: names(writer),
        }));
        let mut sealed = record.encode().unwrap();
        if !unknown.is_empty() {
            // Unknown kinds have no JSON form of their own: rename one that has.
            let text =
                String::from_utf8(sealed).unwrap().replace("\"rm\"", &format!("\"{unknown}\""));
            let body_end = text.rfind("{\"end\"").unwrap();
            let body = &text[..body_end];
            let lines = body.lines().count();
            let crc = crc32c::crc32c(body.as_bytes());
            sealed = format!("{body}{{\"end\":{{\"n\":{lines},\"crc32c\":\"{crc:08x}\"}}}}\n")
                .into_bytes();
        }
        store.overwrite(&record_path(3), &sealed);
        store
    };
    let reader = with(&["core1", "dv"], &["core1", "dv"], "dv");
    let error = error(&reader);
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for part in ["reader feature dv", "newer NCF", "table some/table"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(crate::open_version(&reader, 2).unwrap().version, 2);

    let writer = with(&["core1"], &["core1", "gcfence"], "");
    let snapshot = read(&writer);
    let error = Transaction::new(Some(&snapshot)).schema(&schema()).commit(&writer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("writer feature gcfence"), "{error}");

    let unknown = with(&["core1"], &["core1"], "move");
    assert_eq!(self::error(&unknown).kind(), ErrorKind::Unsupported);
    assert!(crate::changes(&unknown, Some(2), 3).is_err());
    let ignorable = with(&["core1"], &["core1"], "gc");
    assert_eq!(paths(&read(&ignorable)), ["data/a.ncf", "data/b.ncf", "data/c.ncf"]);
}
