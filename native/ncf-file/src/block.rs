//! The blocks record: `count u32 · rows u32[]`.

use ncf_core::{Budget, Error, Limits, Result};

use crate::wire::{Cursor, Put, to_u32};

/// A horizontal slice of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockInfo {
    /// Rows of the block.
    pub rows: u32,
    /// First row, counted from the file's first.
    pub first_row: u64,
}

pub(crate) fn encode(rows: &[u32]) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(4 + rows.len() * 4);
    out.put_u32(to_u32("blocks", rows.len())?);
    rows.iter().for_each(|rows| out.put_u32(*rows));
    Ok(out)
}

/// Reads a verified record; the rows must add up to the file's.
pub(crate) fn decode(
    bytes: &[u8],
    file_rows: u64,
    limits: &Limits,
    budget: &Budget,
) -> Result<Vec<BlockInfo>> {
    let mut cursor = Cursor::new("the blocks record", bytes);
    let count = cursor.len_u32()?;
    if count as u64 > limits.blocks {
        return Err(Error::limit_exceeded("blocks", count as u64, limits.blocks));
    }
    let rows = cursor.u32s(count, budget)?;
    cursor.finish()?;
    let mut first_row = 0;
    let mut blocks = budget.vec("blocks", count)?;
    for rows in rows {
        if rows == 0 || u64::from(rows) > limits.block_rows {
            return Err(Error::limit_exceeded("rows of a block", rows.into(), limits.block_rows));
        }
        blocks.push(BlockInfo { rows, first_row });
        first_row += u64::from(rows);
    }
    if first_row != file_rows {
        return Err(Error::corrupt("the rows of the blocks do not add up to those of the file"));
    }
    Ok(blocks)
}
