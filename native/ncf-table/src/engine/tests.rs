//! Transitions of the engine, driven by hand.

use super::*;
use crate::record::CommitRecord;
use crate::tests::{append, create, file, read, schema};
use crate::{LogStore, MemoryLogStore};

fn io() -> Error {
    Error::new(ErrorKind::Io, "timeout")
}

fn record(store: &MemoryLogStore, version: u64) -> Vec<u8> {
    store.read(&layout::record_path(version), u64::MAX).unwrap().unwrap()
}

/// An append to a table at version 0, asked to put version 1.
fn putting() -> (MemoryLogStore, Engine, Arc<[u8]>) {
    let store = MemoryLogStore::new("t");
    create(&store);
    let transaction =
        Transaction::new(Some(&read(&store))).schema(&schema()).add_file(file("mine", 5));
    let (mut engine, request) = Engine::start(transaction).unwrap();
    assert!(matches!(request, Request::Read { version: 1 }));
    match engine.step(Event::Read(Ok(None)), 0) {
        Request::Put { version: 1, bytes } => (store, engine, bytes),
        other => panic!("{other:?}"),
    }
}

fn result(request: Request) -> Result<Committed> {
    match request {
        Request::Done(result) => result,
        other => panic!("{other:?}"),
    }
}

fn kind(request: Request) -> ErrorKind {
    result(request).unwrap_err().kind()
}

#[test]
fn a_put_that_is_created_is_done_and_its_time_goes_forward() {
    let (store, mut engine, bytes) = putting();
    let made = CommitRecord::decode(&bytes).unwrap();
    let before = CommitRecord::decode(&record(&store, 0)).unwrap();
    assert_eq!(made.header.ts, before.header.ts + 1, "the clock said 0");
    let done = result(engine.step(Event::Put(Ok(Put::Created)), 0)).unwrap();
    assert_eq!(done, Committed { version: 1, already: false });
}

#[test]
fn a_lost_acknowledgement_is_found_by_reading_back() {
    for answer in [Ok(Put::Exists), Ok(Put::Unknown(io()))] {
        let (_, mut engine, bytes) = putting();
        let request = engine.step(Event::Put(answer), 0);
        assert!(matches!(request, Request::Read { version: 1 }));
        let done = result(engine.step(Event::Read(Ok(Some(bytes.to_vec()))), 0)).unwrap();
        assert_eq!(done.version, 1);
    }
}

#[test]
fn an_open_outcome_puts_the_same_bytes_at_the_same_version_again() {
    let (_, mut engine, bytes) = putting();
    for round in 0..3 {
        let request = engine.step(Event::Put(Ok(Put::Unknown(io()))), 0);
        assert!(matches!(request, Request::Read { version: 1 }));
        let seen = if round == 1 { Err(io()) } else { Ok(None) };
        let request = engine.step(Event::Read(seen), 0);
        assert!(matches!(request, Request::Wait { .. }), "{request:?}");
        match engine.step(Event::Waited, 99) {
            Request::Put { version: 1, bytes: again } => assert_eq!(again, bytes),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_outcome_that_stays_open_ends_as_unknown() {
    let (_, mut engine, _) = putting();
    let mut put = 0;
    let last = loop {
        put += 1;
        let request = engine.step(Event::Put(Ok(Put::Unknown(io()))), 0);
        assert!(matches!(request, Request::Read { version: 1 }));
        match engine.step(Event::Read(Ok(None)), 0) {
            Request::Wait { .. } => {}
            other => break other,
        }
        assert!(matches!(engine.step(Event::Waited, 0), Request::Put { .. }));
    };
    assert_eq!(put, MAX_UNKNOWN);
    let error = result(last).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CommitStateUnknown);
    assert!(error.message().contains("delete none"), "{error}");
}

#[test]
fn a_certain_failure_is_certain_only_when_nothing_is_open() {
    let (_, mut engine, _) = putting();
    assert_eq!(kind(engine.step(Event::Put(Err(io())), 0)), ErrorKind::Io);
    let (_, mut engine, _) = putting();
    engine.step(Event::Put(Ok(Put::Unknown(io()))), 0);
    engine.step(Event::Read(Ok(None)), 0);
    engine.step(Event::Waited, 0);
    assert_eq!(kind(engine.step(Event::Put(Err(io())), 0)), ErrorKind::CommitStateUnknown);
    let (_, mut engine, _) = putting();
    let request = engine.step(Event::Put(Ok(Put::NotDurable(io()))), 0);
    assert_eq!(kind(request), ErrorKind::CommitStateUnknown);
}

#[test]
fn a_lost_race_rebases_onto_the_winner() {
    let (store, mut engine, _) = putting();
    append(&store, "theirs");
    engine.step(Event::Put(Ok(Put::Exists)), 0);
    let request = engine.step(Event::Read(Ok(Some(record(&store, 1)))), 0);
    assert!(matches!(request, Request::Wait { round: 0 }));
    assert!(matches!(engine.step(Event::Waited, 0), Request::Read { version: 2 }));
    let Request::Put { version: 2, bytes } = engine.step(Event::Read(Ok(None)), 0) else {
        panic!()
    };
    let made = CommitRecord::decode(&bytes).unwrap();
    assert_eq!(made.header.read, Some(0), "what it was planned on");
    assert_eq!(made.header.prev, Some(crate::record::digest(&record(&store, 1))));
    let [Action::Add(add)] = &made.actions[..] else { panic!("{made:?}") };
    assert_eq!(add.row0, 10, "after the winner's rows");
}

#[test]
fn reads_are_tried_again_and_then_given_up() {
    let (store, _, _) = putting();
    let transaction = Transaction::new(Some(&read(&store))).schema(&schema());
    let (mut engine, _) = Engine::start(transaction).unwrap();
    for round in 0..MAX_FAILED_READS - 1 {
        let request = engine.step(Event::Read(Err(io())), 0);
        assert!(matches!(request, Request::Wait { round: r } if r == round));
        assert!(matches!(engine.step(Event::Waited, 0), Request::Read { version: 1 }));
    }
    assert_eq!(kind(engine.step(Event::Read(Err(io())), 0)), ErrorKind::Io);
    let misuse = engine.step(Event::Waited, 0);
    assert_eq!(kind(misuse), ErrorKind::Internal);
}

#[test]
fn a_damaged_rival_may_be_mine() {
    for answer in [Put::Exists, Put::Unknown(io())] {
        let (_, mut engine, bytes) = putting();
        let torn = bytes[..bytes.len() / 2].to_vec();
        engine.step(Event::Put(Ok(answer)), 0);
        let request = engine.step(Event::Read(Ok(Some(torn))), 0);
        assert_eq!(kind(request), ErrorKind::CommitStateUnknown);
    }
}

#[test]
fn races_end() {
    let store = MemoryLogStore::new("t");
    create(&store);
    let transaction = Transaction::new(Some(&read(&store))).schema(&schema());
    let (mut engine, mut request) = Engine::start(transaction).unwrap();
    let mut races = 0;
    let end = loop {
        request = match request {
            Request::Read { version } => {
                engine.step(Event::Read(store.read(&layout::record_path(version), u64::MAX)), 0)
            }
            Request::Put { version, .. } => {
                // A rival that knows the head is always faster.
                let head = engine.head.clone().unwrap();
                let header = Header {
                    v: version,
                    txn: uuid::Uuid::new_v4().to_string(),
                    prev: Some(head.digest),
                    ts: head.timestamp + 1,
                    ncf: 1,
                    read: None,
                    op: String::new(),
                    iso: String::new(),
                    app: None,
                };
                let bytes = CommitRecord { header, actions: vec![] }.encode().unwrap();
                store.overwrite(&layout::record_path(version), &bytes);
                races += 1;
                engine.step(Event::Put(Ok(Put::Exists)), 0)
            }
            Request::Wait { .. } => engine.step(Event::Waited, 0),
            Request::Done(result) => break result,
        };
    };
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(races, MAX_RACES);
}
