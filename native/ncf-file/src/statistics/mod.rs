//! Statistics of a column: bounds, null and NaN counts by zone, and a distinct-count sketch by
//! block. `docs/spec/format.md` fixes what they mean; they describe original values, whatever the
//! encoding.

mod compute;
mod record;
mod sketch;

use ncf_core::{ColumnBounds, DataType, Scalar, Values};

pub(crate) use compute::{Known, chunk_statistics};
pub use sketch::Sketch;

use crate::constants::ZONE_ROWS;

/// A zone's flag: it has bounds.
pub(crate) const HAS_BOUNDS: u8 = 1;
/// A zone's flag: both bounds are values of the zone.
pub(crate) const EXACT: u8 = 2;

/// Statistics of one column chunk, as the writer collects them.
#[derive(Debug, Clone)]
pub(crate) struct ChunkStatistics {
    pub(crate) rows: u32,
    pub(crate) sketch: Sketch,
    pub(crate) zones: Zones,
}

/// Zone statistics as arrays; one entry a zone.
#[derive(Debug, Clone)]
pub(crate) struct Zones {
    pub(crate) nulls: Vec<u32>,
    pub(crate) nans: Vec<u32>,
    pub(crate) flags: Vec<u8>,
    pub(crate) min: Values,
    pub(crate) max: Values,
}

/// Statistics of one column of a file.
#[derive(Debug, Clone)]
pub struct ColumnStatistics {
    pub(crate) data_type: DataType,
    pub(crate) blocks: Vec<BlockEntry>,
    pub(crate) zones: Zones,
}

#[derive(Debug, Clone)]
pub(crate) struct BlockEntry {
    pub(crate) rows: u32,
    pub(crate) first_zone: usize,
    pub(crate) sketch: Sketch,
}

/// Statistics of one column of one block.
#[derive(Clone, Copy)]
pub struct BlockStatistics<'a> {
    column: &'a ColumnStatistics,
    entry: &'a BlockEntry,
}

impl ColumnStatistics {
    /// Statistics of a block, if there is such a block.
    pub fn block(&self, block: usize) -> Option<BlockStatistics<'_>> {
        self.blocks.get(block).map(|entry| BlockStatistics { column: self, entry })
    }

    /// Bounds of the whole column.
    pub fn bounds(&self) -> ColumnBounds {
        let parts = (0..self.blocks.len()).filter_map(|block| self.block(block));
        merge_all(parts.map(|block| (block.bounds(), u64::from(block.entry.rows))))
    }

    /// Estimate of the number of distinct values of the column.
    pub fn ndv_estimate(&self) -> u64 {
        let mut all = Sketch::default();
        self.blocks.iter().for_each(|block| all.merge(&block.sketch));
        all.estimate()
    }

    /// The sketch of the whole column, to be merged with other files' sketches.
    pub fn sketch(&self) -> Sketch {
        let mut all = Sketch::default();
        self.blocks.iter().for_each(|block| all.merge(&block.sketch));
        all
    }

    fn zone_bounds(&self, zone: usize) -> ColumnBounds {
        let flags = self.zones.flags.get(zone).copied().unwrap_or(0);
        let bound = |values| {
            (flags & HAS_BOUNDS != 0).then(|| scalar_at(values, zone, self.data_type)).flatten()
        };
        ColumnBounds {
            min: bound(&self.zones.min),
            max: bound(&self.zones.max),
            nulls: self.zones.nulls.get(zone).map(|count| u64::from(*count)),
            nans: Some(self.zones.nans.get(zone).map_or(0, |count| u64::from(*count))),
            exact: flags & EXACT != 0,
        }
    }
}

impl BlockStatistics<'_> {
    /// Rows of the block.
    pub fn rows(&self) -> u64 {
        self.entry.rows.into()
    }

    /// Number of zones.
    pub fn zones(&self) -> usize {
        (self.entry.rows as usize).div_ceil(ZONE_ROWS)
    }

    /// Bounds of a zone, counted from the block's first.
    pub fn zone_bounds(&self, zone: usize) -> ColumnBounds {
        self.column.zone_bounds(self.entry.first_zone + zone)
    }

    /// Rows of a zone.
    pub fn zone_rows(&self, zone: usize) -> u64 {
        (self.entry.rows as usize).saturating_sub(zone * ZONE_ROWS).min(ZONE_ROWS) as u64
    }

    /// Bounds of the block.
    pub fn bounds(&self) -> ColumnBounds {
        merge_all((0..self.zones()).map(|zone| (self.zone_bounds(zone), self.zone_rows(zone))))
    }

    /// The sketch of the block, to be merged with those of others.
    pub fn sketch(&self) -> &Sketch {
        &self.entry.sketch
    }

    /// Estimate of the number of distinct values of the block.
    pub fn ndv_estimate(&self) -> u64 {
        self.entry.sketch.estimate()
    }
}

/// Bounds of runs of rows together; each comes with its number of rows.
pub fn merge_all(parts: impl Iterator<Item = (ColumnBounds, u64)>) -> ColumnBounds {
    let mut all: Option<(ColumnBounds, bool)> = None;
    for (bounds, rows) in parts {
        let empty = bounds.nulls.zip(bounds.nans).is_some_and(|(nulls, nans)| nulls + nans == rows);
        all = Some(match all {
            None => (bounds, empty),
            Some((have, have_empty)) => {
                let mut merged = have.merge(&bounds, have_empty, empty);
                merged.nulls = have.nulls.zip(bounds.nulls).map(|(a, b)| a + b);
                merged.nans = have.nans.zip(bounds.nans).map(|(a, b)| a + b);
                (merged, have_empty && empty)
            }
        });
    }
    all.map_or_else(
        || ColumnBounds { nulls: Some(0), nans: Some(0), ..ColumnBounds::default() },
        |(bounds, _)| bounds,
    )
}

/// Value `index` as a scalar of the column's type; `None` when it is not one.
pub fn scalar_at(values: &Values, index: usize, data_type: DataType) -> Option<Scalar> {
    Some(match (values, data_type) {
        (Values::Bool(v), DataType::Boolean) if index < v.len() => Scalar::Boolean(v.value(index)),
        (Values::I8(v), DataType::Int8) => Scalar::Tinyint(*v.get(index)?),
        (Values::I16(v), DataType::Int16) => Scalar::Smallint(*v.get(index)?),
        (Values::I32(v), DataType::Int32) => Scalar::Int(*v.get(index)?),
        (Values::I32(v), DataType::Date) => Scalar::Date(*v.get(index)?),
        (Values::I64(v), DataType::Int64) => Scalar::Bigint(*v.get(index)?),
        (Values::I64(v), DataType::Timestamp) => Scalar::Timestamp(*v.get(index)?),
        (Values::I64(v), DataType::TimestampNtz) => Scalar::TimestampNtz(*v.get(index)?),
        (Values::I64(v), DataType::Decimal { precision, scale }) => {
            Scalar::Decimal { unscaled: i128::from(*v.get(index)?), precision, scale }
        }
        (Values::I128(v), DataType::Decimal { precision, scale }) => {
            Scalar::Decimal { unscaled: *v.get(index)?, precision, scale }
        }
        (Values::F32(v), DataType::Float32) => Scalar::Float(*v.get(index)?),
        (Values::F64(v), DataType::Float64) => Scalar::Double(*v.get(index)?),
        (Values::Bytes(v), DataType::String) if index < v.len() => {
            Scalar::String(String::from_utf8(v.get(index).to_vec()).ok()?)
        }
        (Values::Bytes(v), DataType::Binary) if index < v.len() => {
            Scalar::Binary(v.get(index).to_vec())
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
