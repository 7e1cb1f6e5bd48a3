//! From records to state: each record is checked against the one before it, then applied.

use std::collections::{BTreeMap, HashSet};

use ncf_core::{Error, Result};

use crate::action::{Action, AddFile, IGNORABLE_ACTIONS, Metadata, Protocol};
use crate::layout;
use crate::record::{self, CommitRecord};
use crate::snapshot::Snapshot;

/// State of a table without its files: all that the next record depends on.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) timestamp: i64,
    pub(crate) digest: String,
    pub(crate) metadata: Metadata,
    pub(crate) protocol: Protocol,
    pub(crate) apps: BTreeMap<String, i64>,
    pub(crate) next_row_id: u64,
}

impl From<&Snapshot> for Head {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            version: snapshot.version,
            timestamp: snapshot.timestamp,
            digest: snapshot.digest.clone(),
            metadata: snapshot.metadata.clone(),
            protocol: snapshot.protocol.clone(),
            apps: snapshot.apps.clone(),
            next_row_id: snapshot.next_row_id,
        }
    }
}

fn damaged(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("the log is damaged: {what}; restore the log from a copy of the table"))
}

impl Head {
    /// The head after `record`, whose stored form is `bytes`. `Corrupt` when it does not follow
    /// `before`, `Unsupported` when it needs a newer NCF.
    pub(crate) fn after(before: Option<Self>, record: &CommitRecord, bytes: &[u8]) -> Result<Self> {
        check_place(before.as_ref(), record)?;
        let (mut metadata, mut protocol) = (None, None);
        for action in &record.actions {
            match action {
                Action::Metadata(new) if metadata.is_none() => metadata = Some((**new).clone()),
                Action::Protocol(new) if protocol.is_none() => protocol = Some(new.clone()),
                Action::Metadata(_) | Action::Protocol(_) => {
                    return Err(damaged("a record has two meta or proto lines"));
                }
                _ => {}
            }
        }
        if let Some(protocol) = &protocol {
            protocol.check_read()?;
        }
        check_kinds(record)?;
        let max_field_id = before.as_ref().map_or(0, |head| head.metadata.max_field_id);
        if let Some(metadata) = &metadata {
            metadata.check().map_err(damaged)?;
            if metadata.max_field_id < max_field_id {
                return Err(damaged("maxFieldId goes back"));
            }
        }
        let mut head = match before {
            Some(mut head) => {
                head.metadata = metadata.unwrap_or(head.metadata);
                head.protocol = protocol.unwrap_or(head.protocol);
                head
            }
            None => Self {
                version: 0,
                timestamp: 0,
                digest: String::new(),
                metadata: metadata.ok_or_else(|| damaged("version 0 has no meta line"))?,
                protocol: protocol.ok_or_else(|| damaged("version 0 has no proto line"))?,
                apps: BTreeMap::new(),
                next_row_id: 0,
            },
        };
        head.version = record.header.v;
        head.timestamp = record.header.ts;
        head.digest = record::digest(bytes);
        if let Some((id, version)) = &record.header.app {
            let last = head.apps.entry(id.clone()).or_insert(*version);
            *last = (*last).max(*version);
        }
        head.next_row_id = check_files(&head, record)?;
        Ok(head)
    }
}

fn check_place(before: Option<&Head>, record: &CommitRecord) -> Result<()> {
    let header = &record.header;
    let version = before.map_or(0, |head| head.version + 1);
    if header.v != version {
        return Err(damaged(format!(
            "the record of version {version} says it is version {}",
            header.v
        )));
    }
    if header.prev.as_deref() != before.map(|head| head.digest.as_str()) {
        return Err(damaged(format!(
            "version {version} does not follow from version {} as stored (hash chain broken): one of the two was replaced",
            version.saturating_sub(1)
        )));
    }
    if before.is_some_and(|head| header.ts <= head.timestamp) {
        return Err(damaged(format!("the timestamp of version {version} goes back")));
    }
    if header.read.is_some_and(|read| read >= version) {
        return Err(damaged(format!("version {version} says it read a later one")));
    }
    Ok(())
}

/// `Unsupported` for an action that a reader may not skip.
pub(crate) fn check_kinds(record: &CommitRecord) -> Result<()> {
    for action in &record.actions {
        match action {
            Action::Unknown(kind) if !IGNORABLE_ACTIONS.contains(&kind.as_str()) => {
                return Err(Error::unsupported(format!(
                    "version {} has an action of kind {kind:?}, which this build does not know; read the table with a newer NCF",
                    record.header.v
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks the file actions of `record` and returns the next row id.
fn check_files(head: &Head, record: &CommitRecord) -> Result<u64> {
    let mut rows = Vec::new();
    let mut paths = HashSet::new();
    for action in &record.actions {
        let path = match action {
            Action::Add(add) => {
                check_add(add, &head.metadata).map_err(damaged)?;
                rows.push((add.row0, add.rows, &add.path));
                &add.path
            }
            Action::Remove(remove) => &remove.path,
            _ => continue,
        };
        layout::check_data_path(path).map_err(damaged)?;
        if !paths.insert(path.as_str()) {
            return Err(damaged(format!("version {} names {path} twice", head.version)));
        }
    }
    // The order of lines has no meaning, that of row ids has.
    rows.sort_unstable();
    let mut next = head.next_row_id;
    for (row0, rows, path) in rows {
        if row0 < next {
            return Err(damaged(format!("{path} has row ids that were given before")));
        }
        next = row0.checked_add(rows).ok_or_else(|| damaged("row ids overflow"))?;
    }
    Ok(next)
}

/// Checks what every `add` must keep to; the error says which rule is broken.
pub(crate) fn check_add(add: &AddFile, metadata: &Metadata) -> std::result::Result<(), String> {
    layout::check_data_path(&add.path)?;
    if !is_hex(&add.id, 32) || !is_hex(&add.dig, 64) {
        return Err(format!("{}: id must be 32 and dig 64 lower-case hex digits", add.path));
    }
    let named: Vec<_> = add.pv.keys().collect();
    let mut wanted: Vec<_> = metadata.partition_columns.iter().collect();
    wanted.sort();
    if named != wanted {
        return Err(format!(
            "{} has partition values for {named:?}, the table is partitioned by {wanted:?}",
            add.path
        ));
    }
    Ok(())
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// State of a table with its files, built record by record.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    head: Option<Head>,
    files: BTreeMap<String, AddFile>,
}

impl Replay {
    /// Applies `record`, whose stored form is `bytes`.
    pub(crate) fn apply(&mut self, record: CommitRecord, bytes: &[u8]) -> Result<()> {
        self.head = Some(Head::after(self.head.take(), &record, bytes)?);
        for action in record.actions {
            match action {
                Action::Add(add) => {
                    let path = add.path.clone();
                    if self.files.insert(path.clone(), add).is_some() {
                        return Err(damaged(format!("{path} is added while it is there")));
                    }
                }
                Action::Remove(remove) => {
                    let removed = self.files.remove(&remove.path);
                    removed.ok_or_else(|| {
                        damaged(format!("{} is removed and is not there", remove.path))
                    })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The version that the applied records make; `None` when there were none.
    pub(crate) fn into_snapshot(self) -> Option<Snapshot> {
        let head = self.head?;
        Some(Snapshot {
            version: head.version,
            timestamp: head.timestamp,
            metadata: head.metadata,
            protocol: head.protocol,
            files: self.files.into_values().collect(),
            apps: head.apps,
            digest: head.digest,
            next_row_id: head.next_row_id,
        })
    }
}
