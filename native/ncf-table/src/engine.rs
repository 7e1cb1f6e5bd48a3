//! The commit algorithm without I/O: events in, requests out. The driver in `transaction.rs`, other
//! drivers and the simulator of the tests share it.
//!
//! ```text
//! Reading(v)     ─ record ─▶ check the chain, look for conflicts ─▶ Reading(v + 1)
//!                ─ absent ─▶ encode ─▶ Putting(v)
//! Putting(v)     ─ created ─▶ done
//!                ─ exists or unknown ─▶ ReadingBack(v)
//! ReadingBack(v) ─ mine ─▶ done · another's ─▶ a race lost: wait, Reading(v + 1)
//!                ─ absent or unreadable ─▶ wait, Putting(v) with the same bytes
//! ```
//!
//! While the record at *v* may still become this transaction's, the engine never moves to *v + 1*: a
//! put that lands late then meets its own bytes, or another's record, and does no harm.

use std::collections::BTreeSet;
use std::sync::Arc;

use ncf_core::{Error, ErrorKind, Result, ResultExt};

use crate::action::{Action, AddFile, Metadata, Protocol, RemoveFile};
use crate::conflict;
use crate::definition;
use crate::layout;
use crate::record::{CommitRecord, Header, ISOLATION, RECORD_VERSION};
use crate::replay::{self, Head};
use crate::schema;
use crate::snapshot::Snapshot;
use crate::store::Put;
use crate::transaction::{Committed, Operation, Transaction, no_schema};

/// Puts of one version whose outcome stays open before the engine gives up.
pub const MAX_UNKNOWN: u32 = 10;
/// Lost races before the engine gives up.
pub const MAX_RACES: u32 = 1000;
/// Reads that fail in a row before the engine gives up.
pub const MAX_FAILED_READS: u32 = 5;

/// What the engine wants done next.
#[derive(Debug)]
pub enum Request {
    /// Read the record of `version`; answer with [`Event::Read`].
    Read {
        /// The version.
        version: u64,
    },
    /// Put `bytes` as the record of `version` if absent; answer with [`Event::Put`].
    Put {
        /// The version.
        version: u64,
        /// The record.
        bytes: Arc<[u8]>,
    },
    /// Wait a random time that grows with `round`, from 0; answer with [`Event::Waited`].
    Wait {
        /// How often in a row.
        round: u32,
    },
    /// The transaction is over.
    Done(Result<Committed>),
}

/// What became of a request.
#[derive(Debug)]
pub enum Event {
    /// Of [`Request::Read`], as [`crate::read_next`]: the record's bytes, `None` when it and all
    /// later ones are absent, `Corrupt` when only it is.
    Read(Result<Option<Vec<u8>>>),
    /// Of [`Request::Put`], as [`crate::LogStore::put_if_absent`].
    Put(Result<Put>),
    /// Of [`Request::Wait`].
    Waited,
}

/// A put whose outcome is not known yet.
#[derive(Debug)]
struct Attempt {
    version: u64,
    bytes: Arc<[u8]>,
    /// Whether a put of these bytes may have had an effect that was not seen.
    open: bool,
    /// Puts whose outcome was looked for in vain.
    rounds: u32,
    /// What the last such put ran into.
    cause: Option<Error>,
}

#[derive(Debug)]
enum Phase {
    Reading { version: u64, failures: u32 },
    Putting(Attempt),
    ReadingBack(Attempt),
    WaitingToRead { version: u64, failures: u32 },
    WaitingToPut(Attempt),
    Over,
}

/// One transaction on its way into the log.
#[derive(Debug)]
pub struct Engine {
    transaction: Transaction,
    base: Option<Metadata>,
    head: Option<Head>,
    /// Paths that this transaction adds.
    own: BTreeSet<String>,
    /// Paths of the table at `head` that the transaction removes.
    live: BTreeSet<String>,
    /// A path of this transaction that the table holds already.
    taken: Option<String>,
    races: u32,
    phase: Phase,
}

impl Engine {
    /// The engine for `transaction` and its first request. `InvalidArgument` when the transaction
    /// contradicts itself or the version it was planned on.
    pub fn start(mut transaction: Transaction) -> Result<(Self, Request)> {
        let read = transaction.read.take();
        let base = read.as_ref().map(|read| read.metadata.clone());
        definition::validate(&transaction, base.as_ref())?;
        check_rewrite(&transaction, read.as_ref())?;
        let taken = read.as_ref().and_then(|read| {
            let mut paths = transaction.adds.iter().map(|add| &add.path);
            paths.find(|path| read.file(path).is_some()).cloned()
        });
        let mut engine = Self {
            base,
            head: read.as_ref().map(Head::from),
            own: transaction.adds.iter().map(|add| add.path.clone()).collect(),
            live: read
                .into_iter()
                .flat_map(|read| read.files)
                .filter(|file| transaction.removes(file))
                .map(|file| file.path)
                .collect(),
            taken,
            races: 0,
            phase: Phase::Over,
            transaction,
        };
        let request = engine.read(engine.next_version(), 0);
        Ok((engine, request))
    }

    /// Takes the answer to the last request and says what to do next. `now`: milliseconds since the
    /// epoch.
    pub fn step(&mut self, event: Event, now: i64) -> Request {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        match (phase, event) {
            (Phase::Reading { version, failures }, Event::Read(read)) => {
                self.has_read(version, failures, read, now)
            }
            (Phase::Putting(attempt), Event::Put(put)) => self.has_put(attempt, put),
            (Phase::ReadingBack(attempt), Event::Read(read)) => self.has_read_back(attempt, read),
            (Phase::WaitingToRead { version, failures }, Event::Waited) => {
                self.read(version, failures)
            }
            (Phase::WaitingToPut(attempt), Event::Waited) => self.put(attempt),
            (phase, event) => Request::Done(Err(Error::internal(format!(
                "the commit engine got {event:?} in {phase:?}; please report this"
            )))),
        }
    }

    fn next_version(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.version + 1)
    }

    fn read(&mut self, version: u64, failures: u32) -> Request {
        self.phase = Phase::Reading { version, failures };
        Request::Read { version }
    }

    fn put(&mut self, attempt: Attempt) -> Request {
        let (version, bytes) = (attempt.version, attempt.bytes.clone());
        self.phase = Phase::Putting(attempt);
        Request::Put { version, bytes }
    }

    fn has_read(
        &mut self,
        version: u64,
        failures: u32,
        read: Result<Option<Vec<u8>>>,
        now: i64,
    ) -> Request {
        match read {
            Ok(None) => match self.decide(now) {
                Ok(Decision::Already(version)) => done(version, true),
                Ok(Decision::Put(attempt)) => self.put(attempt),
                Err(error) => Request::Done(Err(error)),
            },
            Ok(Some(bytes)) => match self.observe(version, &bytes) {
                Ok(true) => done(version, false),
                Ok(false) => self.read(self.next_version(), 0),
                Err(error) => Request::Done(Err(error)),
            },
            Err(error) if error.kind() == ErrorKind::Io && failures + 1 < MAX_FAILED_READS => {
                self.phase = Phase::WaitingToRead { version, failures: failures + 1 };
                Request::Wait { round: failures }
            }
            Err(error) => Request::Done(Err(error)),
        }
    }

    fn has_put(&mut self, mut attempt: Attempt, put: Result<Put>) -> Request {
        match put {
            Ok(Put::Created) => done(attempt.version, false),
            // A store that tries again by itself may answer so to one's own success.
            Ok(Put::Exists) => {
                attempt.open = true;
                self.read_back(attempt)
            }
            Ok(Put::Unknown(error)) => {
                attempt.open = true;
                attempt.cause = Some(error);
                self.read_back(attempt)
            }
            Ok(Put::NotDurable(error)) => self.unknown(attempt.version, error),
            // Provably without effect, but what of the puts before it?
            Err(error) if attempt.open => self.unknown(attempt.version, error),
            Err(error) => Request::Done(Err(error)),
        }
    }

    fn read_back(&mut self, attempt: Attempt) -> Request {
        let version = attempt.version;
        self.phase = Phase::ReadingBack(attempt);
        Request::Read { version }
    }

    fn has_read_back(&mut self, mut attempt: Attempt, read: Result<Option<Vec<u8>>>) -> Request {
        match read {
            Ok(Some(bytes)) => match self.observe(attempt.version, &bytes) {
                Ok(true) => done(attempt.version, false),
                Ok(false) => self.lost_race(),
                Err(error) if error.kind() != ErrorKind::Unsupported => {
                    self.unknown(attempt.version, error)
                }
                Err(error) => Request::Done(Err(error)),
            },
            // The same bytes at the same version again: harmless should an earlier put land late.
            other => {
                attempt.rounds += 1;
                if attempt.rounds >= MAX_UNKNOWN {
                    let cause = attempt.cause.or_else(|| other.err()).unwrap_or_else(|| {
                        Error::new(ErrorKind::Io, "the store neither takes nor shows the record")
                    });
                    return self.unknown(attempt.version, cause);
                }
                let round = attempt.rounds - 1;
                self.phase = Phase::WaitingToPut(attempt);
                Request::Wait { round }
            }
        }
    }

    fn lost_race(&mut self) -> Request {
        self.races += 1;
        if self.races >= MAX_RACES {
            return Request::Done(Err(conflict::conflict(format!(
                "other transactions were faster {MAX_RACES} times; retry when fewer write to the table"
            ))));
        }
        self.phase = Phase::WaitingToRead { version: self.next_version(), failures: 0 };
        Request::Wait { round: self.races - 1 }
    }

    fn unknown(&self, version: u64, cause: Error) -> Request {
        let txn = &self.transaction.txn;
        Request::Done(Err(Error::new(
            ErrorKind::CommitStateUnknown,
            format!(
                "the commit of transaction {txn} as version {version} may or may not have been stored ({cause}); delete none of its files, and look for the transaction in the log before retrying"
            ),
        )
        .with_source(cause)))
    }

    /// Takes the record of `version` into the head. `Ok(true)` when it is this transaction's own.
    fn observe(&mut self, version: u64, bytes: &[u8]) -> Result<bool> {
        let mut take = || {
            let record = CommitRecord::decode(bytes)?;
            if record.header.v == version && record.header.txn == self.transaction.txn {
                return Ok(true);
            }
            self.head = Some(Head::after(self.head.clone(), &record, bytes)?);
            for action in record.actions {
                match action {
                    Action::Add(add) => {
                        if self.own.contains(&add.path) {
                            self.taken = Some(add.path.clone());
                        }
                        if self.transaction.removes(&add) {
                            self.live.insert(add.path);
                        }
                    }
                    Action::Remove(remove) => {
                        self.live.remove(&remove.path);
                    }
                    _ => {}
                }
            }
            Ok(false)
        };
        take().at("file", || layout::record_path(version))
    }

    /// What to put after the head, now that nothing follows it.
    fn decide(&self, now: i64) -> Result<Decision> {
        let transaction = &self.transaction;
        if let (Some((id, wanted)), Some(head)) = (&transaction.app, &self.head)
            && head.apps.get(id).is_some_and(|have| have >= wanted)
        {
            return Ok(Decision::Already(head.version));
        }
        if let Some(path) = &self.taken {
            return Err(Error::new(
                ErrorKind::CommitStateUnknown,
                format!(
                    "{path} is part of the table already: an earlier commit of the same files was stored; delete none of them"
                ),
            ));
        }
        if transaction.operation == Operation::Rewrite
            && self.live.len() != transaction.removed.len()
        {
            return Err(conflict::conflict(
                "another transaction removed a file that this one replaces; read the table again and retry",
            ));
        }
        let head = self.head.as_ref().map(|head| &head.metadata);
        conflict::check(
            transaction.operation,
            self.base.as_ref(),
            head,
            transaction.schema.as_ref(),
            transaction.partition_columns.as_deref(),
        )?;
        if let Some(head) = &self.head {
            head.protocol.check_write()?;
        }
        let record = self.record(now)?;
        let bytes = record.encode()?.into();
        Ok(Decision::Put(Attempt {
            version: record.header.v,
            bytes,
            open: false,
            rounds: 0,
            cause: None,
        }))
    }

    fn record(&self, now: i64) -> Result<CommitRecord> {
        let transaction = &self.transaction;
        let head = self.head.as_ref();
        let v = self.next_version();
        if v > layout::MAX_VERSION {
            return Err(Error::invalid_argument(
                "the table has used all versions; start a new table",
            ));
        }
        let after = match head {
            Some(head) => head.timestamp.checked_add(1).ok_or_else(|| {
                Error::corrupt(
                    "the table's last timestamp is the end of time; restore the log from a copy",
                )
            })?,
            None => i64::MIN,
        };
        let ts = now.max(after);
        let header = Header {
            ncf: RECORD_VERSION,
            v,
            txn: transaction.txn.clone(),
            prev: head.map(|head| head.digest.clone()),
            ts,
            read: transaction.read_version,
            op: transaction.operation.name().to_owned(),
            iso: ISOLATION.to_owned(),
            app: transaction.app.clone(),
        };
        Ok(CommitRecord { header, actions: self.actions(ts)? })
    }

    fn actions(&self, ts: i64) -> Result<Vec<Action>> {
        let head = self.head.as_ref();
        let mut actions = Vec::new();
        let new = definition::after(&self.transaction, head.map(|head| &head.metadata), ts)?;
        let metadata = match (&new, head) {
            (Some(new), _) => new,
            (None, Some(head)) => &head.metadata,
            (None, None) => return Err(no_schema(self.transaction.operation)),
        };
        if head.is_none() {
            actions.push(Action::Protocol(Protocol::current()));
        }
        actions.extend(new.clone().map(|new| Action::Metadata(Box::new(new))));
        actions
            .extend(self.live.iter().map(|path| Action::Remove(RemoveFile { path: path.clone() })));
        let mut row0 = head.map_or(0, |head| head.next_row_id);
        let written = self.transaction.schema.as_ref().unwrap_or(&metadata.schema);
        for add in &self.transaction.adds {
            let add = schema::with_table_ids(add, written, &metadata.schema)?;
            replay::check_add(&add, metadata).map_err(Error::invalid_argument)?;
            let next = row0.checked_add(add.rows).ok_or_else(|| {
                Error::invalid_argument("the table has used all row ids; start a new table")
            })?;
            actions.push(Action::Add(AddFile { row0, ..add }));
            row0 = next;
        }
        Ok(actions)
    }
}

/// Checks that a rewrite replaces files of the version that it was planned on, by as many rows.
fn check_rewrite(transaction: &Transaction, read: Option<&Snapshot>) -> Result<()> {
    if transaction.operation != Operation::Rewrite {
        return Ok(());
    }
    let mut rows = 0u64;
    for path in &transaction.removed {
        let file = read.and_then(|read| read.file(path)).ok_or_else(|| {
            Error::invalid_argument(format!(
                "{path} is no file of the table, so nothing replaces it"
            ))
        })?;
        rows = rows.saturating_add(file.rows);
    }
    let added = transaction.adds.iter().fold(0u64, |sum, add| sum.saturating_add(add.rows));
    if added == rows {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "a rewrite replaces {rows} rows by {added}; it must not change how many there are"
    )))
}

enum Decision {
    Already(u64),
    Put(Attempt),
}

fn done(version: u64, already: bool) -> Request {
    Request::Done(Ok(Committed { version, already }))
}

#[cfg(test)]
mod tests;
