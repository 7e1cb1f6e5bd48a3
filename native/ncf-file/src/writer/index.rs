//! Which columns of a file get an index: those whose rows are in order, within a budget.

use ncf_core::{Column, DataType, Field, FieldPath, Result, Role, TYPE_KEY};
use ncf_index::Learner;

use crate::constants::{INDEX_BYTES, INDEX_LEAST, INDEX_SHARE, PieceKind};
use crate::directory::{Packed, pack_record};

/// Whether a stored column of a field may have an index: it has a value a row, in an order of bytes or numbers.
pub(crate) fn is_indexed(column: &Column, field: &Field) -> bool {
    let mut names = column.path.iter().cloned();
    let path = FieldPath::new(names.next().unwrap_or_default(), names.collect());
    let collated = path.find(field).is_some_and(is_collated);
    column.repeated_by.is_none()
        && column.role == Role::Values
        && column.data_type != DataType::Boolean
        && !collated
}

/// Whether the strings of a field are compared by other rules than their bytes.
pub(crate) fn is_collated(field: &Field) -> bool {
    field.metadata.get(TYPE_KEY).is_some_and(|name| name.starts_with("string collate"))
}

/// How long the bytes of an index, or of a part of one, are when they are stored.
pub(crate) fn stored_index_bytes(bytes: &[u8]) -> u64 {
    let packed = pack_record(PieceKind::Index, bytes.to_vec());
    packed.map_or(bytes.len(), |packed| packed.stored.len()) as u64
}

/// The sections of a file whose pages take `bytes`, by column: the smallest first, until the budget is used.
pub(super) fn sections(learners: Vec<(u32, Learner)>, bytes: u64) -> Result<Vec<(u32, Packed)>> {
    let mut found: Vec<(u32, Packed)> = Vec::new();
    for (column, learner) in learners {
        let section = learner.finish(&stored_index_bytes).map(|index| index.encode());
        if let Some(section) = section.filter(|section| section.len() <= INDEX_BYTES) {
            found.push((column, pack_record(PieceKind::Index, section)?));
        }
    }
    found.sort_unstable_by_key(|(column, packed)| (packed.stored.len(), *column));
    let mut left = (bytes / INDEX_SHARE).max(INDEX_LEAST);
    found.retain(|(_, packed)| match left.checked_sub(packed.stored.len() as u64) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    found.sort_unstable_by_key(|(column, _)| *column);
    Ok(found)
}
