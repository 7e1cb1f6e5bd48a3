//! Tests of the record's bytes.

use std::collections::BTreeMap;

use ncf_core::{ColumnBounds, Scalar};

use super::*;
use crate::action::{Protocol, RemoveFile};

fn record() -> CommitRecord {
    let add = crate::tests::file("a", 3);
    CommitRecord {
        header: Header {
            ncf: 1,
            v: 42,
            txn: "0190163d-8694-739b-aea5-966c26f8ad91".into(),
            prev: Some("ab".repeat(32)),
            ts: 1_763_700_000_123,
            read: Some(40),
            op: "APPEND".into(),
            iso: "ws".into(),
            app: Some(("q\"é\n".into(), 17)),
        },
        actions: vec![
            Action::Protocol(Protocol::current()),
            Action::Remove(RemoveFile { path: "data/old".into() }),
            Action::Add(add),
        ],
    }
}

/// `lines` with a trailer that fits them.
fn sealed(lines: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
    let trailer = trailer(lines.len(), &bytes);
    bytes.extend_from_slice(trailer.as_bytes());
    bytes
}

#[test]
fn the_bytes_are_pinned_and_round_trip() {
    let record = record();
    let bytes = record.encode().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        format!(
            r#"{{"ncf":1,"v":42,"txn":"0190163d-8694-739b-aea5-966c26f8ad91","prev":"{}","ts":1763700000123,"read":40,"op":"APPEND","iso":"ws","app":["q\"é\n",17]}}"#,
            "ab".repeat(32)
        )
    );
    assert_eq!(lines[1], r#"{"proto":{"r":["core1"],"w":["core1"]}}"#);
    assert_eq!(lines[2], r#"{"rm":{"p":"data/old"}}"#);
    assert!(lines[4].starts_with(r#"{"end":{"n":4,"crc32c":""#), "{}", lines[4]);
    assert_eq!(lines.len(), 5);
    assert_eq!(CommitRecord::decode(&bytes).unwrap(), record);
    assert_eq!(digest(b""), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
}

#[test]
fn every_flipped_bit_and_every_truncation_is_found() {
    let bytes = record().encode().unwrap();
    for at in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        let error = CommitRecord::decode(&damaged).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {at}: {error}");
    }
    for length in 0..bytes.len() {
        let error = CommitRecord::decode(&bytes[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "length {length}: {error}");
    }
    for extra in [&b"\n"[..], b" ", b"\0", b"{}\n", &bytes] {
        let longer = [&bytes, extra].concat();
        assert_eq!(CommitRecord::decode(&longer).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn resealed_nonsense_is_corrupt_and_newer_forms_are_unsupported() {
    let header = serde_json::to_string(&record().header).unwrap();
    CommitRecord::decode(&sealed(&[&header])).unwrap();
    let deep = format!("{{\"rm\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(MAX_LINE_BYTES));
    let wrong: [Vec<&str>; 9] = [
        vec![],
        vec!["{}"],
        vec!["not json"],
        vec![&header, ""],
        vec![&header, "{}"],
        vec![&header, r#"{"add":{"p":1}}"#],
        vec![&header, &deep],
        vec![&header, &long],
        vec![&header, "{\"rm\":{\"p\":\"\\ud800\"}}"],
    ];
    for lines in wrong {
        let error = CommitRecord::decode(&sealed(&lines)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{lines:?}: {error}");
    }
    let newer = header.replace(r#""ncf":1"#, r#""ncf":2"#);
    let error = CommitRecord::decode(&sealed(&[&newer])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let odd = header.replace("0190163d-", "");
    assert_eq!(CommitRecord::decode(&sealed(&[&odd])).unwrap_err().kind(), ErrorKind::Corrupt);
    let with_more = header.replace(r#""ncf":1"#, r#""ncf":1,"later":{"x":[1]}"#);
    CommitRecord::decode(&sealed(&[&with_more, r#"{"later":{}}"#])).unwrap();
}

#[test]
fn a_record_says_all_that_it_must_and_keeps_nothing_that_is_skipped() {
    let header = serde_json::to_string(&record().header).unwrap();
    for key in [format!(r#""prev":"{}","#, "ab".repeat(32)), r#""read":40,"#.to_owned()] {
        let less = header.replace(&key, "");
        assert_ne!(less, header);
        let error = CommitRecord::decode(&sealed(&[&less])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{key}");
    }
    let lines =
        [header.as_str(), r#"{"gc":{"minRead":3}}"#, r#"{"dv":1}"#, r#"{"sig":{}}"#, r#"{"x":1}"#];
    let kept = CommitRecord::decode(&sealed(&lines)).unwrap().actions;
    assert_eq!(kept, [Action::Unknown("dv".into())], "the first unknown kind names the culprit");
}

#[test]
fn counts_have_limits() {
    let header = serde_json::to_string(&record().header).unwrap();
    let mut lines = vec![header.as_str()];
    lines.resize(MAX_ACTIONS + 1, r#"{"gc":1}"#);
    CommitRecord::decode(&sealed(&lines)).unwrap();
    lines.push(r#"{"gc":1}"#);
    let error = CommitRecord::decode(&sealed(&lines)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    assert_eq!(check_counts(0, MAX_STATISTICS + 1).unwrap_err().kind(), ErrorKind::LimitExceeded);
    let entries: Vec<String> = (1..=60_000).map(|id| format!("\"{id}\":{{}}")).collect();
    let mut wide = crate::tests::file("a", 3);
    wide.st.clear();
    let line = serde_json::to_string(&Action::Add(wide)).unwrap();
    let line = line.replace(r#""st":{}"#, &format!(r#""st":{{{}}}"#, entries.join(",")));
    let mut lines = vec![header.as_str()];
    lines.resize(19, &line);
    let error = CommitRecord::decode(&sealed(&lines)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}

#[test]
fn statistics_give_way_to_the_line_limit_and_the_rest_fails() {
    let mut wide = crate::tests::file("wide", 1);
    let bounds =
        ColumnBounds { min: Some(Scalar::String("x".repeat(1000))), ..ColumnBounds::default() };
    wide.st = (1..=3000).map(|id| (id, bounds.clone())).collect();
    let mut record = record();
    record.actions = vec![Action::Add(wide.clone())];
    let back = CommitRecord::decode(&record.encode().unwrap()).unwrap();
    let [Action::Add(kept)] = &back.actions[..] else { panic!("{back:?}") };
    assert_eq!(kept.st.len(), 750);
    assert_eq!(kept.st.keys().copied().max(), Some(750));
    wide.st = BTreeMap::new();
    wide.pv = BTreeMap::from([("p".into(), Some("x".repeat(MAX_LINE_BYTES)))]);
    record.actions = vec![Action::Add(wide)];
    let error = record.encode().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
}
