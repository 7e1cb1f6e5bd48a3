//! The bytes of one version: JSON lines between a header and a checksum.
//!
//! ```text
//! {"ncf":1,"v":42,"txn":"<uuid>","prev":"<blake3 of v41>","ts":1763700000123,"read":40,"op":"APPEND","iso":"ws","app":["id",17]}
//! {"add":{…}}                                   one action a line, each line ≤ 1 MiB
//! {"end":{"n":2,"crc32c":"9ae0daaf"}}           n = lines above, CRC32C of all bytes above
//! ```

use ncf_core::{Error, ErrorKind, Result, json};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::action::{Action, IGNORABLE_ACTIONS};
use crate::unique;

/// Version of the record's form, `ncf` in the header.
pub const RECORD_VERSION: u32 = 1;
/// Bytes of the longest line, its newline not counted.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Bytes of the longest record.
pub const MAX_RECORD_BYTES: usize = 1 << 26;
/// Actions of a record: short lines take many times their bytes in memory.
pub const MAX_ACTIONS: usize = 1 << 20;
/// Entries of statistics in all lines of a record.
pub const MAX_STATISTICS: usize = 1 << 20;
/// The isolation level `iso` that this build writes: write-serializable.
pub const ISOLATION: &str = "ws";

/// The first line of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`RECORD_VERSION`].
    pub ncf: u32,
    /// The version that this record makes.
    pub v: u64,
    /// UUID of the transaction; tells one's own record from another's.
    pub txn: String,
    /// BLAKE3 of the bytes of the record of `v − 1`, 64 lower-case hex digits; `None` in version 0.
    #[serde(deserialize_with = "unique::nullable")]
    pub prev: Option<String>,
    /// Milliseconds since the epoch, greater than that of `v − 1`.
    pub ts: i64,
    /// The version that the transaction planned on; `None` when there was no table.
    #[serde(deserialize_with = "unique::nullable")]
    pub read: Option<u64>,
    /// What was done, such as `APPEND`; for people.
    pub op: String,
    /// Isolation level.
    pub iso: String,
    /// Application id and its version, for exactly-once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<(String, i64)>,
}

/// One version of a table, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitRecord {
    /// The first line.
    pub header: Header,
    /// The lines between header and trailer.
    pub actions: Vec<Action>,
}

impl CommitRecord {
    /// The record's bytes. `LimitExceeded` when a line, the record or a count in it is over its limit.
    pub fn encode(&self) -> Result<Vec<u8>> {
        check_counts(self.actions.len(), self.actions.iter().map(statistics).sum())?;
        let mut bytes = Vec::new();
        push_line(&mut bytes, "the commit header", &self.header)?;
        for action in &self.actions {
            match action {
                Action::Add(add) => push_add(&mut bytes, add)?,
                other => push_line(&mut bytes, "the table's metadata", other)?,
            }
        }
        let trailer = trailer(self.actions.len() + 1, &bytes);
        bytes.extend_from_slice(trailer.as_bytes());
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the commit of {} actions takes {} bytes, over the limit of {MAX_RECORD_BYTES}; commit fewer files at once",
                    self.actions.len(),
                    bytes.len()
                ),
            ));
        }
        Ok(bytes)
    }

    /// Parses a record after checking its checksum: `Corrupt` when damaged, `Unsupported` when of a
    /// newer form, `LimitExceeded` when it has too many actions. Says nothing about the log around it.
    ///
    /// Actions that readers skip are not kept, and of those that they do not know only the first.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let body = checked_body(bytes)?;
        let mut lines = body.split(|byte| *byte == b'\n').enumerate();
        let (_, first) = lines.next().ok_or_else(|| damaged("it has no header"))?;
        let header = decode_header(first)?;
        let mut actions = Vec::new();
        let (mut entries, mut unknown) = (0, false);
        for (at, line) in lines {
            check_length(line, at)?;
            let action = json::from_slice(line)
                .map_err(|error| damaged(&format!("line {} is not an action: {error}", at + 1)))?;
            entries += statistics(&action);
            check_counts(at, entries)?;
            if let Action::Unknown(kind) = &action
                && (IGNORABLE_ACTIONS.contains(&kind.as_str())
                    || std::mem::replace(&mut unknown, true))
            {
                continue;
            }
            actions.push(action);
        }
        Ok(Self { header, actions })
    }
}

/// The digest that the next record's `prev` names: BLAKE3 in lower-case hex.
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn damaged(what: &str) -> Error {
    Error::corrupt(format!(
        "the commit record is damaged: {what}; restore the file from a copy of the table"
    ))
}

fn trailer(lines: usize, above: &[u8]) -> String {
    format!("{{\"end\":{{\"n\":{lines},\"crc32c\":\"{:08x}\"}}}}\n", crc32c::crc32c(above))
}

/// The bytes above the trailer without their last newline, once the trailer is exactly what they ask for.
fn checked_body(bytes: &[u8]) -> Result<&[u8]> {
    let complete = bytes.strip_suffix(b"\n").ok_or_else(|| damaged("it ends in mid-line"))?;
    let start = complete
        .iter()
        .rposition(|byte| *byte == b'\n')
        .ok_or_else(|| damaged("it has one line"))?;
    let (above, found) = bytes.split_at_checked(start + 1).ok_or_else(|| damaged("no trailer"))?;
    let lines = above.iter().filter(|byte| **byte == b'\n').count();
    if trailer(lines, above).as_bytes() != found {
        return Err(damaged("its checksum or number of lines differs"));
    }
    above.strip_suffix(b"\n").ok_or_else(|| damaged("no trailer"))
}

fn decode_header(line: &[u8]) -> Result<Header> {
    #[derive(Deserialize)]
    struct Form {
        ncf: u32,
    }
    check_length(line, 0)?;
    let bad = |error: serde_json::Error| damaged(&format!("its header is not readable: {error}"));
    let form: Form = json::from_slice(line).map_err(bad)?;
    if form.ncf != RECORD_VERSION {
        return Err(Error::unsupported(format!(
            "the commit record has form {}, this build reads form {RECORD_VERSION}; use a newer NCF",
            form.ncf
        )));
    }
    let header: Header = json::from_slice(line).map_err(bad)?;
    if Uuid::parse_str(&header.txn).is_err() {
        return Err(damaged("its transaction id is not a UUID"));
    }
    Ok(header)
}

/// Entries of statistics of an action.
fn statistics(action: &Action) -> usize {
    match action {
        Action::Add(add) => add.st.len(),
        _ => 0,
    }
}

fn check_counts(actions: usize, entries: usize) -> Result<()> {
    for (what, count, most) in
        [("actions", actions, MAX_ACTIONS), ("statistics entries", entries, MAX_STATISTICS)]
    {
        if count > most {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "a commit record has {count} {what} or more, over the limit of {most}; commit fewer files at once"
                ),
            ));
        }
    }
    Ok(())
}

fn check_length(line: &[u8], at: usize) -> Result<()> {
    if line.len() > MAX_LINE_BYTES {
        return Err(damaged(&format!("line {} is over {MAX_LINE_BYTES} bytes", at + 1)));
    }
    Ok(())
}

fn push_line(bytes: &mut Vec<u8>, what: &str, line: &impl Serialize) -> Result<()> {
    let line = to_json(line)?;
    if line.len() > MAX_LINE_BYTES {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "{what} takes {} bytes, over the limit of {MAX_LINE_BYTES} for one line; use fewer columns or shorter names and properties",
                line.len()
            ),
        ));
    }
    bytes.extend_from_slice(&line);
    bytes.push(b'\n');
    Ok(())
}

/// Writes an `add`; statistics that do not fit into a line are left out, the columns with the
/// greatest ids first: they only save work.
fn push_add(bytes: &mut Vec<u8>, add: &crate::action::AddFile) -> Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        add: &'a crate::action::AddFile,
    }
    if to_json(&Line { add })?.len() <= MAX_LINE_BYTES || add.st.is_empty() {
        return push_line(bytes, "the entry of a data file", &Line { add });
    }
    let mut add = add.clone();
    let keep = add.st.len() / 2;
    add.st = add.st.into_iter().take(keep).collect();
    push_add(bytes, &add)
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Error::internal("a commit action has no JSON form").with_source(error))
}

#[cfg(test)]
mod tests;
