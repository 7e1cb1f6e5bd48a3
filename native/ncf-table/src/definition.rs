//! What a transaction makes of the table's definition, and whether the two fit.

use std::collections::BTreeSet;

use ncf_core::{Error, Result};

use crate::action::Metadata;
use crate::replay;
use crate::schema;
use crate::transaction::{Operation, Transaction, no_schema};

/// The table's new metadata, when the transaction after `head` sets any.
pub(crate) fn after(
    transaction: &Transaction,
    head: Option<&Metadata>,
    ts: i64,
) -> Result<Option<Metadata>> {
    if head.is_some() && transaction.operation.keeps_definition() {
        return Ok(None);
    }
    let wanted = match (&transaction.schema, head) {
        (Some(schema), _) => schema,
        (None, Some(head)) => &head.schema,
        (None, None) => return Err(no_schema(transaction.operation)),
    };
    let (schema, max_field_id) = schema::assign(head, wanted)?;
    // A transaction that knew of no table inherits nothing from one that came in between.
    let inherited = head.filter(|_| transaction.read_version.is_some());
    let metadata = Metadata {
        id: head.map_or_else(|| transaction.txn.clone(), |head| head.id.clone()),
        schema,
        partition_columns: transaction
            .partition_columns
            .clone()
            .or_else(|| inherited.map(|head| head.partition_columns.clone()))
            .unwrap_or_default(),
        properties: transaction
            .properties
            .clone()
            .or_else(|| inherited.map(|head| head.properties.clone()))
            .unwrap_or_default(),
        created_ts: head.map_or(ts, |head| head.created_ts),
        max_field_id,
    };
    metadata.check().map_err(Error::invalid_argument)?;
    Ok((head != Some(&metadata)).then_some(metadata))
}

/// Checks the transaction against itself and the version that it was planned on.
pub(crate) fn validate(transaction: &Transaction, base: Option<&Metadata>) -> Result<()> {
    let operation = transaction.operation;
    let keeps = matches!(operation, Operation::Overwrite | Operation::Rewrite);
    if transaction.schema.is_none() && (!keeps || base.is_none()) {
        return Err(no_schema(operation));
    }
    if let Some(schema) = &transaction.schema {
        schema.validate()?;
    }
    if let Some(base) = base
        && operation.keeps_definition()
    {
        check_append(transaction, base)?;
    }
    let planned = after(transaction, base, 0)?;
    let metadata = planned.as_ref().or(base);
    check_partition(transaction, metadata)?;
    if (operation == Operation::Rewrite) == transaction.removed.is_empty() {
        return Err(Error::invalid_argument(
            "a rewrite, and nothing else, names the files that it replaces",
        ));
    }
    let mut paths = BTreeSet::new();
    for add in &transaction.adds {
        if let Some(metadata) = metadata {
            replay::check_add(add, metadata).map_err(Error::invalid_argument)?;
            let written = transaction.schema.as_ref().unwrap_or(&metadata.schema);
            schema::with_table_ids(add, written, &metadata.schema)?;
        }
        if !paths.insert(&add.path) {
            return Err(Error::invalid_argument(format!("{} is added twice", add.path)));
        }
    }
    Ok(())
}

/// A partition is named by values of partition columns: any other name would match no file, and none
/// would match all.
fn check_partition(transaction: &Transaction, metadata: Option<&Metadata>) -> Result<()> {
    let columns = metadata.map_or(&[][..], |metadata| &metadata.partition_columns);
    if let Some(name) = transaction.partition.keys().find(|name| !columns.contains(name)) {
        return Err(Error::invalid_argument(format!(
            "{name} is not a partition column; the table is partitioned by ({})",
            columns.join(", ")
        )));
    }
    if (transaction.operation == Operation::Replace) == transaction.partition.is_empty() {
        return Err(Error::invalid_argument(
            "a replacement, and nothing else, takes the values of a partition",
        ));
    }
    Ok(())
}

fn check_append(transaction: &Transaction, base: &Metadata) -> Result<()> {
    let mut found = transaction
        .schema
        .as_ref()
        .map_or_else(Vec::new, |written| schema::differences(&base.schema, written, |_| false));
    if let Some(given) = &transaction.partition_columns
        && *given != base.partition_columns
    {
        found.push(format!(
            "the table is partitioned by ({}), the data by ({}) (leave partitioning out, or overwrite the table)",
            base.partition_columns.join(", "),
            given.join(", ")
        ));
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("the data does not fit the table: {}", found.join("; "))))
}
