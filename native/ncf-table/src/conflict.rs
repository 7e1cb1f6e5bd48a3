//! Whether a transaction that planned on one version may be put after another: the conflict matrix
//! of `docs/spec/table.md`.
//!
//! Only the table's definition matters for the operations that exist: what a blind append adds needs
//! columns that mean the same, and an overwrite or a replacement removes whatever it finds. A rewrite needs the
//! files that it replaces as well, which the engine looks after.

use ncf_core::{Error, ErrorKind, Result, Schema};

use crate::action::Metadata;
use crate::schema;
use crate::transaction::Operation;

/// A conflict: another transaction won, nothing was stored.
pub(crate) fn conflict(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, message)
}

/// Checks `operation`, planned on `base`, against `head`, the metadata that the commit would follow.
/// `written` is the schema of the data, where given.
pub(crate) fn check(
    operation: Operation,
    base: Option<&Metadata>,
    head: Option<&Metadata>,
    written: Option<&Schema>,
    partition_columns: Option<&[String]>,
) -> Result<()> {
    let Some(head) = head else { return Ok(()) };
    match (operation, base) {
        (Operation::Create, _) => Err(conflict(
            "the table already exists; append to it, overwrite it, or choose another path",
        )),
        // Each brings a whole definition: as if it had come first, and the overwrite after it.
        (Operation::Overwrite, None) => Ok(()),
        (Operation::Overwrite, Some(base)) if base == head => Ok(()),
        (Operation::Overwrite, Some(_)) => Err(conflict(
            "another transaction changed the table's schema, partition columns or properties in the meantime; read the table again and retry",
        )),
        (Operation::Append | Operation::Replace | Operation::Rewrite, Some(base)) => {
            append_after_change(base, head)
        }
        (Operation::Append | Operation::Replace | Operation::Rewrite, None) => {
            append_after_create(head, written, partition_columns)
        }
    }
}

/// An append survives changes that only add nullable columns or change properties.
fn append_after_change(base: &Metadata, head: &Metadata) -> Result<()> {
    let kept = base.schema.fields.iter().all(|old| {
        head.schema.fields.iter().any(|new| {
            new.id == old.id
                && new.name == old.name
                && new.field_type.same_values(&old.field_type)
                && (new.nullable || !old.nullable)
        })
    });
    let added_nullable = head
        .schema
        .fields
        .iter()
        .all(|new| new.nullable || base.schema.fields.iter().any(|old| old.id == new.id));
    if kept && added_nullable && base.partition_columns == head.partition_columns {
        return Ok(());
    }
    Err(conflict(
        "another transaction changed the table's schema or partition columns in the meantime; read the table again and retry",
    ))
}

/// An append to a new path, when another transaction created the table first.
fn append_after_create(
    head: &Metadata,
    written: Option<&Schema>,
    partition_columns: Option<&[String]>,
) -> Result<()> {
    let mut found = written
        .map_or_else(Vec::new, |written| schema::differences(&head.schema, written, |_| false));
    if partition_columns.unwrap_or_default() != head.partition_columns {
        found.push(format!("the table is partitioned by ({})", head.partition_columns.join(", ")));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(conflict(format!(
        "another transaction created the table in the meantime, and the data does not fit it: {}",
        found.join("; ")
    )))
}

#[cfg(test)]
mod tests;
