//! The tables of `docs/spec/table.md` against the constants of the code.

use std::collections::BTreeMap;

use ncf_core::ErrorKind;

use crate::{action, engine, layout, record, store};

const SPEC: &str = include_str!("../../../../docs/spec/table.md");

/// Rows of the table whose header row starts with `| <head> |`: first cell → second cell, without
/// back-quotes.
fn table(head: &str) -> BTreeMap<String, String> {
    let start = format!("| {head} |");
    let rows: BTreeMap<_, _> = SPEC
        .lines()
        .skip_while(|line| !line.starts_with(&start))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = line.split('|').skip(1).map(|cell| cell.trim().replace('`', ""));
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    assert!(!rows.is_empty(), "no table {head:?} in the specification");
    rows
}

#[test]
fn constants_are_those_of_the_code() {
    let code = [
        ("log folder", layout::LOG_DIRECTORY.to_owned()),
        ("data folder", layout::DATA_PREFIX.to_owned()),
        ("versions per folder", layout::VERSIONS_PER_DIRECTORY.to_string()),
        ("greatest version", layout::MAX_VERSION.to_string()),
        ("longest path", layout::MAX_PATH_BYTES.to_string()),
        ("record form", record::RECORD_VERSION.to_string()),
        ("longest line", record::MAX_LINE_BYTES.to_string()),
        ("longest record", record::MAX_RECORD_BYTES.to_string()),
        ("most actions", record::MAX_ACTIONS.to_string()),
        ("most statistics entries", record::MAX_STATISTICS.to_string()),
        ("isolation", record::ISOLATION.to_owned()),
        ("reader features", action::READER_FEATURES.join(" ")),
        ("writer features", action::WRITER_FEATURES.join(" ")),
        ("ignorable actions", action::IGNORABLE_ACTIONS.join(" ")),
        ("open outcomes", engine::MAX_UNKNOWN.to_string()),
        ("lost races", engine::MAX_RACES.to_string()),
        ("failed reads", engine::MAX_FAILED_READS.to_string()),
    ];
    let code: BTreeMap<_, _> = code.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(table("constant"), code);
}

#[test]
fn every_error_kind_has_its_java_class() {
    let spec = table("kind");
    let code: BTreeMap<_, _> = ErrorKind::ALL
        .map(|kind| (kind.name().to_owned(), format!("Ncf{}Exception", kind.name())))
        .into();
    assert_eq!(spec, code);
}

#[test]
fn the_example_record_of_the_specification_is_a_record() {
    let start = SPEC.find("{\"ncf\":1,").unwrap();
    let example = &SPEC[start..start + SPEC[start..].find("```").unwrap()];
    let record = record::CommitRecord::decode(example.as_bytes()).unwrap();
    let store = store::MemoryLogStore::new("t");
    store.overwrite(&layout::record_path(0), example.as_bytes());
    let snapshot = crate::open(&store).unwrap().unwrap();
    assert_eq!(snapshot.files.len(), 1);
    assert_eq!(record.encode().unwrap(), example.as_bytes(), "as this build writes it");
}
