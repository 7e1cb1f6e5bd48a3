//! The statistics record of a column.
//!
//! ```text
//! 0  blocks u32 · zones u32 (of all blocks)
//! …  sketches, 256 bytes a block
//! …  zone nulls u32[] · zone NaNs u32[] (floats only) · zone flags u8[]
//! …  zone minima: length u32 · encoded values · zone maxima: the same
//! ```
//! Flags: 1 = the zone has bounds, 2 = both bounds are values of the zone.

use ncf_core::{Budget, DataType, Error, Result, Values};
use ncf_encoding::{EncodeOptions, decode_values, encode_values};

use super::{BlockEntry, ChunkStatistics, ColumnStatistics, EXACT, HAS_BOUNDS, Sketch, Zones};
use crate::block::BlockInfo;
use crate::constants::{SKETCH_REGISTERS, ZONE_ROWS};
use crate::wire::{Cursor, Put, to_u32};

fn has_nans(data_type: DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

impl ColumnStatistics {
    /// Joins the statistics of a column's chunks.
    pub(crate) fn from_chunks(data_type: DataType, chunks: Vec<ChunkStatistics>) -> Result<Self> {
        let mut blocks = Vec::with_capacity(chunks.len());
        let (mut nulls, mut nans, mut flags) = (Vec::new(), Vec::new(), Vec::new());
        let (mut mins, mut maxs) = (Vec::new(), Vec::new());
        for chunk in chunks {
            blocks.push(BlockEntry {
                rows: chunk.rows,
                first_zone: nulls.len(),
                sketch: chunk.sketch,
            });
            nulls.extend(chunk.zones.nulls);
            nans.extend(chunk.zones.nans);
            flags.extend(chunk.zones.flags);
            mins.push(chunk.zones.min);
            maxs.push(chunk.zones.max);
        }
        let (min, max) = (concat(mins, data_type)?, concat(maxs, data_type)?);
        Ok(Self { data_type, blocks, zones: Zones { nulls, nans, flags, min, max } })
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        out.put_u32(to_u32("blocks", self.blocks.len())?);
        out.put_u32(to_u32("zones", self.zones.nulls.len())?);
        self.blocks.iter().for_each(|block| out.extend_from_slice(&block.sketch.registers));
        self.zones.nulls.iter().for_each(|count| out.put_u32(*count));
        if has_nans(self.data_type) {
            self.zones.nans.iter().for_each(|count| out.put_u32(*count));
        }
        out.extend_from_slice(&self.zones.flags);
        let options =
            EncodeOptions { profile: ncf_encoding::Profile::Fast, ..EncodeOptions::default() };
        for values in [&self.zones.min, &self.zones.max] {
            let bytes = encode_values(values, &options)?;
            out.put_u32(to_u32("zone bounds", bytes.len())?);
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// Reads a verified record.
    pub(crate) fn decode(
        bytes: &[u8],
        data_type: DataType,
        blocks: &[BlockInfo],
        budget: &Budget,
    ) -> Result<Self> {
        let mut cursor = Cursor::new("a statistics record", bytes);
        let (block_count, zone_count) = (cursor.len_u32()?, cursor.len_u32()?);
        let zones_of = |block: &BlockInfo| (block.rows as usize).div_ceil(ZONE_ROWS);
        if block_count != blocks.len() || zone_count != blocks.iter().map(zones_of).sum::<usize>() {
            return Err(Error::corrupt(
                "a statistics record has another number of blocks or zones",
            ));
        }
        budget.take("sketches", (block_count * SKETCH_REGISTERS) as u64)?;
        let mut entries = Vec::with_capacity(block_count);
        let mut first_zone = 0;
        for block in blocks {
            let sketch = Sketch { registers: cursor.array()? };
            entries.push(BlockEntry { rows: block.rows, first_zone, sketch });
            first_zone += zones_of(block);
        }
        let nulls = cursor.u32s(zone_count, budget)?;
        let nans = if has_nans(data_type) { cursor.u32s(zone_count, budget)? } else { Vec::new() };
        let flags = cursor.take(zone_count)?.to_vec();
        let mut bound = || -> Result<Values> {
            let len = cursor.len_u32()?;
            decode_values(cursor.take(len)?, data_type.physical(), zone_count, budget)
        };
        let (min, max) = (bound()?, bound()?);
        cursor.finish()?;
        let zones = Zones { nulls, nans, flags, min, max };
        check(&zones, &entries)?;
        Ok(Self { data_type, blocks: entries, zones })
    }
}

/// Counts must fit their zones and flags must be known; bounds that lie are caught nowhere, which
/// is why they stand under a checksum.
fn check(zones: &Zones, blocks: &[BlockEntry]) -> Result<()> {
    let rows = blocks.iter().flat_map(|block| {
        let rows = block.rows as usize;
        (0..rows).step_by(ZONE_ROWS).map(move |start| (rows - start).min(ZONE_ROWS))
    });
    for (zone, rows) in rows.enumerate() {
        let count = |counts: &[u32]| counts.get(zone).copied().unwrap_or(0);
        if count(&zones.nulls).saturating_add(count(&zones.nans)) as usize > rows {
            return Err(Error::corrupt("a zone has more nulls than rows"));
        }
    }
    if zones.flags.iter().any(|flags| flags & !(HAS_BOUNDS | EXACT) != 0) {
        return Err(Error::corrupt("a zone has unknown flags"));
    }
    Ok(())
}

fn concat(parts: Vec<Values>, data_type: DataType) -> Result<Values> {
    macro_rules! numbers {
        ($variant:ident) => {{
            let mut all = Vec::new();
            for part in &parts {
                if let Values::$variant(values) = part {
                    all.extend_from_slice(values);
                }
            }
            Values::$variant(all.into())
        }};
    }
    use ncf_core::PhysicalType as P;
    let total: usize = parts.iter().map(Values::len).sum();
    let joined = match data_type.physical() {
        P::Bool => Values::Bool(parts.iter().flat_map(bits).collect()),
        P::I8 => numbers!(I8),
        P::I16 => numbers!(I16),
        P::I32 => numbers!(I32),
        P::I64 => numbers!(I64),
        P::I128 => numbers!(I128),
        P::F32 => numbers!(F32),
        P::F64 => numbers!(F64),
        P::Bytes => {
            let strings = parts.iter().flat_map(|part| match part {
                Values::Bytes(values) => values.iter().collect::<Vec<_>>(),
                _ => Vec::new(),
            });
            Values::Bytes(strings.collect())
        }
    };
    if joined.len() == total {
        Ok(joined)
    } else {
        Err(Error::internal("chunks of one column have different types"))
    }
}

fn bits(part: &Values) -> Vec<bool> {
    match part {
        Values::Bool(values) => values.iter().collect(),
        _ => Vec::new(),
    }
}
