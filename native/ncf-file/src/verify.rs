//! Reads everything and checks everything: header, every record, that pages tile the file, every
//! checksum, every decoder, and that the statistics hold every value.

use ncf_core::{Budget, Column, ColumnBounds, DataType, Error, Result, ResultExt, Role};
use serde::Serialize;

use crate::constants::{HEADER_LEN, NONE, PieceKind};
use crate::reader::{FileReader, PageRef};
use crate::nested::element_offsets;
use crate::statistics::{ChunkStatistics, chunk_statistics, scalar_at};

/// What a verification read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Rows of the file.
    pub rows: u64,
    /// Blocks.
    pub blocks: usize,
    /// Data and shared pages.
    pub pages: usize,
    /// Bytes of the file; all were read.
    pub bytes: u64,
}

impl FileReader {
    /// Reads the whole file and fails with the first damage found, naming its place.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_with(|_| {})
    }

    /// As [`FileReader::verify`], telling `progress` the bytes done after each column chunk.
    pub fn verify_with(&self, mut progress: impl FnMut(u64)) -> Result<VerifyReport> {
        self.check_header().at("file", || self.name())?;
        self.check_records().at("file", || self.name())?;
        let mut pages = 0;
        let mut extents = Vec::new();
        for block in 0..self.blocks().len() {
            for column in 0..self.stored().len() {
                let meta = self.column(column)?;
                let chunk = meta.chunk(block)?;
                pages += chunk.shared.len() + chunk.pages.len();
                let shared = chunk.shared.iter().map(|p| (p.offset, p.length));
                extents.extend(shared.chain(chunk.pages.iter().map(|p| (p.offset, p.length))));
                self.verify_chunk(column, block, chunk.pages.len())?;
                progress(chunk.bytes());
            }
        }
        self.check_tiling(extents).at("file", || self.name())?;
        let (rows, blocks, bytes) = (self.rows(), self.blocks().len(), self.len());
        Ok(VerifyReport { rows, blocks, pages, bytes })
    }

    /// Reads and checks all metadata and no page: what a writer does before it reports a file as written.
    pub fn verify_metadata(&self) -> Result<()> {
        self.check_header().and_then(|()| self.check_records()).at("file", || self.name())?;
        for (index, column) in self.stored().iter().enumerate() {
            self.column(index)?;
            if column.repeated_by.is_none() {
                self.statistics(index)?;
            }
        }
        Ok(())
    }

    /// Every record must be one that the schema asks for, or be an index or model.
    fn check_records(&self) -> Result<()> {
        let columns = self.stored().len() as u64;
        for record in &self.directory {
            self.record(record.kind, record.column)?;
            let of_column = matches!(
                record.kind,
                PieceKind::Statistics | PieceKind::ColumnMeta | PieceKind::Index
            );
            let known = if of_column {
                u64::from(record.column) < columns
            } else {
                record.column == NONE
                    && matches!(
                        record.kind,
                        PieceKind::Schema | PieceKind::Blocks | PieceKind::Model
                    )
            };
            if !known {
                return Err(Error::corrupt(format!(
                    "a {} record belongs to nothing",
                    record.kind.name()
                )));
            }
        }
        Ok(())
    }

    fn verify_chunk(&self, column: usize, block: usize, pages: usize) -> Result<()> {
        let Some(stored) = self.stored().get(column) else { return Ok(()) };
        let statistics = match stored.repeated_by {
            None => Some(self.statistics(column)?),
            Some(_) => None,
        };
        let expected = statistics.as_ref().map(|statistics| {
            statistics.block(block).ok_or_else(|| {
                Error::corrupt("a block has no statistics").with("file", self.name())
            })
        });
        let expected = expected.transpose()?;
        if stored.role != Role::Values {
            self.check_pages_align(stored.field, block)?;
        }
        let mut nulls = 0u64;
        let bounds = expected.map(|expected| expected.bounds());
        for page in 0..pages {
            for decoded in self.read_pages(&[PageRef { column, block, page }])? {
                let validity = decoded.validity;
                let budget = Budget::new(self.options.limits.page_bytes);
                let values = decoded.values.into_flat(&budget)?;
                if stored.role == Role::Lengths {
                    let offsets = element_offsets(&values, validity.as_ref())
                        .map_err(|error| error.with("column", stored.name()))?;
                    let elements = offsets.last().copied().unwrap_or_default();
                    self.check_elements(column, block, page, elements.cast_unsigned() as usize)?;
                }
                let Some(bounds) = &bounds else { continue };
                let found = chunk_statistics(&values, validity.as_ref(), stored.data_type);
                nulls += found.zones.nulls.iter().map(|count| u64::from(*count)).sum::<u64>();
                if !holds(bounds, &found, stored.data_type) {
                    return Err(self.lying(column, block).with("page", page));
                }
            }
        }
        if bounds.and_then(|bounds| bounds.nulls).is_some_and(|stored| stored != nulls) {
            return Err(self.lying(column, block));
        }
        Ok(())
    }

    fn lying(&self, column: usize, block: usize) -> Error {
        let name = self.stored().get(column).map(Column::name).unwrap_or_default();
        Error::corrupt(
            "the statistics do not hold the values; the writer was faulty, rewrite the file",
        )
        .with("block", block)
        .with("column", name)
        .with("file", self.name())
    }

    /// Pages must cover the file from the header to the metadata without gap or overlap.
    fn check_tiling(&self, mut extents: Vec<(u64, u32)>) -> Result<()> {
        extents.sort_unstable();
        let mut next = HEADER_LEN as u64;
        for (offset, length) in extents {
            if offset != next {
                return Err(Error::corrupt(format!("bytes {next}..{offset} belong to no page")));
            }
            next += u64::from(length);
        }
        if next == self.len() - self.trailer.metadata_len {
            return Ok(());
        }
        Err(Error::corrupt("bytes before the metadata belong to no page"))
    }
}

/// Whether every zone that was found lies within `bounds`.
fn holds(bounds: &ColumnBounds, found: &ChunkStatistics, data_type: DataType) -> bool {
    (0..found.zones.flags.len()).all(|zone| {
        found.zones.flags.get(zone) == Some(&0) || {
            let low = scalar_at(&found.zones.min, zone, data_type);
            let high = scalar_at(&found.zones.max, zone, data_type);
            not_above(&bounds.min, &low) && not_above(&high, &bounds.max)
        }
    })
}

/// Whether `low ≤ high`, or one of them is unknown.
fn not_above(low: &Option<ncf_core::Scalar>, high: &Option<ncf_core::Scalar>) -> bool {
    match (low, high) {
        (Some(low), Some(high)) => low.compare(high).is_some_and(std::cmp::Ordering::is_le),
        _ => true,
    }
}
