//! Whether the rows of a file come in the order that its writer was told: only then does the file say so.

use ncf_core::{Result, Schema, SortKey};

use super::block::Prepared;
use crate::clustering::{KeyRows, OrderCheck, encode, numbered};

/// The check of an order.
///
/// # Errors
/// `InvalidArgument` for a column that the schema lacks.
pub(super) fn check(sorted_by: &[SortKey], schema: &Schema) -> Result<OrderCheck> {
    Ok(OrderCheck::new(numbered(sorted_by, schema, &ncf_core::columns(schema))?))
}

/// Adds the rows of a block.
pub(super) fn add(order: &mut OrderCheck, columns: &[Prepared]) {
    if order.keys().is_empty() || !order.holds() {
        return;
    }
    let rows = |number: u32| {
        let column = columns.iter().find(|column| column.number == number)?;
        Some((column.values.clone(), column.validity.clone()))
    };
    let rows: Vec<KeyRows> = order.keys().iter().filter_map(|key| rows(key.column)).collect();
    order.add(&rows);
}

/// The record of a file; `None` where its rows are in no order that is known.
pub(super) fn record(order: &OrderCheck) -> Result<Option<Vec<u8>>> {
    let known = order.holds() && order.has_rows() && !order.keys().is_empty();
    known.then(|| encode(order.keys())).transpose()
}
