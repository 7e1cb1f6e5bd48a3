//! Reading the log: the latest version, snapshots now and then, and what changed between two.

use std::collections::BTreeSet;

use ncf_core::{Error, Result, ResultExt};

use crate::action::{Action, AddFile};
use crate::layout::{self, VERSIONS_PER_DIRECTORY};
use crate::record::{self, CommitRecord, MAX_RECORD_BYTES};
use crate::replay::{self, Replay};
use crate::snapshot::Snapshot;
use crate::store::LogStore;

/// What one version changed.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitInfo {
    /// The version.
    pub version: u64,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// UUID of the transaction.
    pub txn: String,
    /// What was done, such as `APPEND`.
    pub op: String,
    /// Application id and its version.
    pub app: Option<(String, i64)>,
    /// Files added.
    pub adds: Vec<AddFile>,
    /// Paths removed.
    pub removes: Vec<String>,
    /// Whether schema, partition columns or properties were set.
    pub metadata_changed: bool,
}

/// The latest version; `None` when there is no table. `Corrupt`, naming the version, when the
/// newest log folder has a hole.
pub fn latest_version(store: &dyn LogStore) -> Result<Option<u64>> {
    find_latest(store).at("table", || store.table())
}

/// The table now; `None` when there is none.
///
/// Errors: `Corrupt` for a damaged record or a missing version, `Unsupported` for a table that needs
/// a newer NCF, `Io` when the store fails.
pub fn open(store: &dyn LogStore) -> Result<Option<Snapshot>> {
    let read = || match find_latest(store)? {
        None => Ok(None),
        Some(latest) => replay_log(store, latest, i64::MAX),
    };
    read().at("table", || store.table())
}

/// The table at `version`. Errors as [`open`], and `InvalidArgument` when there is no such version.
pub fn open_version(store: &dyn LogStore, version: u64) -> Result<Snapshot> {
    let read = || {
        let latest = find_latest(store)?.ok_or_else(no_table)?;
        if version > latest {
            return Err(Error::invalid_argument(format!(
                "version {version} does not exist; the table has versions 0 to {latest}"
            )));
        }
        replay_log(store, version, i64::MAX)?.ok_or_else(no_table)
    };
    read().at("table", || store.table())
}

/// The table as it was at `timestamp`, in milliseconds since the epoch: the last version that is not
/// younger. Errors as [`open`], and `InvalidArgument` when the table is younger.
pub fn open_timestamp(store: &dyn LogStore, timestamp: i64) -> Result<Snapshot> {
    let read = || {
        let latest = find_latest(store)?.ok_or_else(no_table)?;
        if let Some(snapshot) = replay_log(store, latest, timestamp)? {
            return Ok(snapshot);
        }
        let (first, _) = read_record(store, 0)?;
        Err(Error::invalid_argument(format!(
            "the table did not exist at {timestamp} ms since the epoch; its first version is of {} ms",
            first.header.ts
        )))
    };
    read().at("table", || store.table())
}

/// What each version after `from` up to and with `to` changed, ascending; `from` = `None` starts with
/// version 0. `InvalidArgument` when `to` does not exist; other errors as [`open`].
pub fn changes(store: &dyn LogStore, from: Option<u64>, to: u64) -> Result<Vec<CommitInfo>> {
    let read = || {
        let latest = find_latest(store)?.ok_or_else(no_table)?;
        if to > latest || from.is_some_and(|from| from > to) {
            return Err(Error::invalid_argument(format!(
                "there are no changes from version {from:?} to {to}; the table has versions 0 to {latest}"
            )));
        }
        let mut before =
            from.map(|from| read_record(store, from)).transpose()?.map(|(_, bytes)| bytes);
        let mut infos = Vec::new();
        for version in from.map_or(0, |from| from + 1)..=to {
            let (record, bytes) = read_record(store, version)?;
            if record.header.prev != before.as_deref().map(record::digest) {
                return Err(broken_chain(version));
            }
            infos.push(info(record)?);
            before = Some(bytes);
        }
        Ok(infos)
    };
    read().at("table", || store.table())
}

/// The version that the transaction `txn` made, searched from the latest backwards; `None` when it
/// is not in the log. Answers, later, what `CommitStateUnknown` left open.
pub fn find_transaction(store: &dyn LogStore, txn: &str) -> Result<Option<u64>> {
    let read = || {
        let Some(latest) = find_latest(store)? else {
            return Ok(None);
        };
        for version in (0..=latest).rev() {
            if read_record(store, version)?.0.header.txn == txn {
                return Ok(Some(version));
            }
        }
        Ok(None)
    };
    read().at("table", || store.table())
}

fn no_table() -> Error {
    Error::invalid_argument("there is no table here; check the path")
}

fn broken_chain(version: u64) -> Error {
    Error::corrupt(format!(
        "version {version} does not follow from the one before as stored (hash chain broken); restore the log from a copy of the table"
    ))
    .with("file", layout::record_path(version))
}

fn hole(version: u64, beyond: &str) -> Error {
    Error::corrupt(format!(
        "version {version} is missing from the log while {beyond}; restore {} from a copy of the table",
        layout::record_path(version)
    ))
    .with("file", layout::record_path(version))
}

/// Lists log folders from the newest down and takes the greatest version; folders below are checked
/// when their records are read.
fn find_latest(store: &dyn LogStore) -> Result<Option<u64>> {
    let names = store.list(layout::LOG_DIRECTORY)?;
    let folders: BTreeSet<u64> =
        names.iter().filter_map(|name| layout::parse_directory(name)).collect();
    for folder in folders.into_iter().rev() {
        let first = folder * VERSIONS_PER_DIRECTORY;
        let names = store.list(&layout::directory_path(first))?;
        let versions: BTreeSet<u64> =
            names.iter().filter_map(|name| layout::parse_record(name)).collect();
        // A folder is made before its first record.
        let Some(latest) = versions.last().copied() else {
            continue;
        };
        if let Some(stray) =
            versions.iter().find(|version| **version / VERSIONS_PER_DIRECTORY != folder)
        {
            return Err(Error::corrupt(format!(
                "the record of version {stray} lies in the wrong folder {}; move it to {} or remove it",
                layout::directory_path(first),
                layout::record_path(*stray)
            )));
        }
        for version in first..latest {
            // A listing that runs beside a commit may miss a record, `exists` does not.
            if !versions.contains(&version) && !store.exists(&layout::record_path(version))? {
                return Err(hole(version, &format!("version {latest} is there")));
            }
        }
        return Ok(Some(latest));
    }
    Ok(None)
}

/// The bytes of the record of `version`, for a writer that would put it: `None` when nothing is there
/// and nothing beyond it. `Corrupt` when later versions are there: filling the hole would give the
/// readers of the later ones another history.
pub fn read_next(store: &dyn LogStore, version: u64) -> Result<Option<Vec<u8>>> {
    let read = || store.read(&layout::record_path(version), MAX_RECORD_BYTES as u64);
    if let Some(bytes) = read()? {
        return Ok(Some(bytes));
    }
    let mut beyond = None;
    for first in [version, version.saturating_add(VERSIONS_PER_DIRECTORY)] {
        let names = store.list(&layout::directory_path(first))?;
        beyond = beyond.max(names.iter().filter_map(|name| layout::parse_record(name)).max());
    }
    match beyond {
        // Two rivals may have been faster than the listing.
        Some(later) if later > version => match read()? {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(hole(version, &format!("version {later} is there"))),
        },
        _ => Ok(None),
    }
}

fn read_record(store: &dyn LogStore, version: u64) -> Result<(CommitRecord, Vec<u8>)> {
    let path = layout::record_path(version);
    let read = || {
        let bytes = store
            .read(&path, MAX_RECORD_BYTES as u64)?
            .ok_or_else(|| hole(version, "later ones are there"))?;
        let record = CommitRecord::decode(&bytes)?;
        if record.header.v != version {
            return Err(Error::corrupt(format!(
                "the record says it is version {}; restore the file from a copy of the table",
                record.header.v
            )));
        }
        Ok((record, bytes))
    };
    read().at("file", || &path)
}

/// Replays versions 0 to `latest`, or as far as commits are not younger than `timestamp`.
fn replay_log(store: &dyn LogStore, latest: u64, timestamp: i64) -> Result<Option<Snapshot>> {
    let mut replay = Replay::default();
    for version in 0..=latest {
        let (record, bytes) = read_record(store, version)?;
        if record.header.ts > timestamp {
            break;
        }
        replay.apply(record, &bytes).at("file", || layout::record_path(version))?;
    }
    Ok(replay.into_snapshot())
}

fn info(record: CommitRecord) -> Result<CommitInfo> {
    replay::check_kinds(&record)?;
    let mut info = CommitInfo {
        version: record.header.v,
        timestamp: record.header.ts,
        txn: record.header.txn,
        op: record.header.op,
        app: record.header.app,
        adds: Vec::new(),
        removes: Vec::new(),
        metadata_changed: false,
    };
    for action in record.actions {
        match action {
            Action::Add(add) => {
                layout::check_data_path(&add.path).map_err(Error::corrupt)?;
                info.adds.push(add);
            }
            Action::Remove(remove) => info.removes.push(remove.path),
            Action::Metadata(_) => info.metadata_changed = true,
            Action::Protocol(protocol) => protocol.check_read()?,
            Action::Unknown(_) => {}
        }
    }
    Ok(info)
}
