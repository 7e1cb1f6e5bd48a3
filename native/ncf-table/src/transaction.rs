//! What a caller wants to change, and the loop that carries it out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ncf_core::{Error, Result, ResultExt, Schema};
use uuid::Uuid;

use crate::action::AddFile;
use crate::engine::{Engine, Event, Request};
use crate::layout;
use crate::log;
use crate::snapshot::Snapshot;
use crate::store::LogStore;

/// First pause after a lost race or an open outcome; doubles to [`MAX_PAUSE_DOUBLINGS`] times.
const PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE_DOUBLINGS: u32 = 6;

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Makes a table that must not exist yet.
    Create,
    /// Adds files, whatever the table holds; makes the table when there is none.
    Append,
    /// Replaces all files, and the definition where a new one is given; makes the table when there is none.
    Overwrite,
    /// Replaces the files of a partition, and is an append in all else.
    Replace,
    /// Replaces files by others that hold the same rows.
    Rewrite,
}

impl Operation {
    /// The name in the log, `op`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Append => "APPEND",
            Self::Overwrite => "OVERWRITE",
            Self::Replace => "REPLACE",
            Self::Rewrite => "REWRITE",
        }
    }

    /// Whether the data must fit the definition of a table that is there.
    pub(crate) fn keeps_definition(self) -> bool {
        matches!(self, Self::Append | Self::Replace | Self::Rewrite)
    }
}

/// A commit that is part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The version that the commit made; with `already`, the table's version at the time.
    pub version: u64,
    /// Nothing was done: the table holds this application version, or a later one, already.
    pub already: bool,
}

/// A change of a table that takes effect as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Transaction {
    pub(crate) txn: String,
    pub(crate) read: Option<Snapshot>,
    pub(crate) read_version: Option<u64>,
    pub(crate) operation: Operation,
    pub(crate) schema: Option<Schema>,
    pub(crate) partition_columns: Option<Vec<String>>,
    pub(crate) properties: Option<BTreeMap<String, String>>,
    pub(crate) partition: BTreeMap<String, Option<String>>,
    pub(crate) adds: Vec<AddFile>,
    pub(crate) removed: BTreeSet<String>,
    pub(crate) app: Option<(String, i64)>,
}

impl Transaction {
    /// A transaction, an append until [`Self::operation`] says otherwise, that was planned on `read`;
    /// `None` when there was no table.
    pub fn new(read: Option<&Snapshot>) -> Self {
        Self {
            txn: Uuid::new_v4().to_string(),
            read: read.cloned(),
            read_version: read.map(|read| read.version),
            operation: Operation::Append,
            schema: None,
            partition_columns: None,
            properties: None,
            partition: BTreeMap::new(),
            adds: Vec::new(),
            removed: BTreeSet::new(),
            app: None,
        }
    }

    /// What to do.
    #[must_use]
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// The schema of the data, partition columns included: names, types, nullability, and the field
    /// ids under which the added files carry their statistics. Take it from
    /// [`crate::assign_field_ids`]; columns are matched by name, so other ids are translated.
    ///
    /// Needed unless an overwrite keeps the table's schema. An append must fit the table; an
    /// overwrite with a different schema replaces the table's.
    #[must_use]
    pub fn schema(mut self, schema: &Schema) -> Self {
        self.schema = Some(schema.clone());
        self
    }

    /// The partition columns. Without: none in a new table, the table's own otherwise.
    #[must_use]
    pub fn partition_columns(mut self, columns: Vec<String>) -> Self {
        self.partition_columns = Some(columns);
        self
    }

    /// The table properties of a new or overwritten table. Without: none, or the table's own. An
    /// append to an existing table leaves them alone.
    #[must_use]
    pub fn properties(mut self, properties: BTreeMap<String, String>) -> Self {
        self.properties = Some(properties);
        self
    }

    /// What an [`Operation::Replace`] replaces: values of partition columns, of one or more, as the
    /// log spells them; `None` = null. Files that have all of these values are removed.
    #[must_use]
    pub fn partition(mut self, values: BTreeMap<String, Option<String>>) -> Self {
        self.partition = values;
        self
    }

    /// The paths of the files that an [`Operation::Rewrite`] replaces, which the version that it was planned on
    /// holds. The added files hold as many rows. Without a schema, they carry their statistics by the table's ids.
    #[must_use]
    pub fn remove_files(mut self, paths: BTreeSet<String>) -> Self {
        self.removed = paths;
        self
    }

    /// Adds a file that is stored and durable already. `row0` is set by the commit; any form of UUID
    /// does as `id`.
    #[must_use]
    pub fn add_file(mut self, mut file: AddFile) -> Self {
        if let Ok(id) = Uuid::parse_str(&file.id) {
            file.id = id.simple().to_string();
        }
        self.adds.push(file);
        self
    }

    /// Commits once for `id`: when the table has seen `version` of it, or a later one, nothing is done.
    #[must_use]
    pub fn app(mut self, id: impl Into<String>, version: i64) -> Self {
        self.app = Some((id.into(), version));
        self
    }

    /// The transaction's UUID, as in the log; [`crate::find_transaction`] looks for it.
    pub fn id(&self) -> &str {
        &self.txn
    }

    /// Whether the commit removes `file` of the version before it.
    pub(crate) fn removes(&self, file: &AddFile) -> bool {
        match self.operation {
            Operation::Create | Operation::Append => false,
            Operation::Overwrite => true,
            Operation::Replace => {
                self.partition.iter().all(|(column, value)| file.pv.get(column) == Some(value))
            }
            Operation::Rewrite => self.removed.contains(&file.path),
        }
    }

    /// Makes the change part of the table, after whatever other transactions put there meanwhile.
    ///
    /// Errors, none of which leaves half a change:
    /// - `InvalidArgument`: the transaction cannot be (schema mismatch, bad path, no schema).
    /// - `Conflict`: another transaction changed what this one relies on; its files may be deleted.
    /// - `CommitStateUnknown`: it may be in the log, now or soon; delete nothing. So too when a file
    ///   is in the table already.
    /// - `Unsupported`: the table, or its file system, needs what this build lacks.
    /// - `Corrupt`, `Io`, `LimitExceeded`: nothing was committed.
    pub fn commit(self, store: &dyn LogStore) -> Result<Committed> {
        drive(self, store).at("table", || store.table())
    }
}

/// Carries out the engine's requests until it is done.
fn drive(transaction: Transaction, store: &dyn LogStore) -> Result<Committed> {
    let (mut engine, mut request) = Engine::start(transaction)?;
    loop {
        let event = match request {
            Request::Read { version } => Event::Read(log::read_next(store, version)),
            Request::Put { version, bytes } => {
                Event::Put(store.put_if_absent(&layout::record_path(version), &bytes))
            }
            Request::Wait { round } => {
                std::thread::sleep(pause(round));
                Event::Waited
            }
            Request::Done(result) => return result,
        };
        request = engine.step(event, now());
    }
}

/// Full jitter: any time up to the round's bound, so that rivals part.
fn pause(round: u32) -> Duration {
    let bound = PAUSE * 2_u32.pow(round.min(MAX_PAUSE_DOUBLINGS));
    let (random, _) = Uuid::new_v4().as_u64_pair();
    let micros = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % micros.max(1))
}

/// Milliseconds since the epoch by this machine's clock.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The schema that `transaction` must bring and does not.
pub(crate) fn no_schema(operation: Operation) -> Error {
    Error::invalid_argument(format!(
        "{} needs the schema of the data; give it to the transaction",
        operation.name()
    ))
}
