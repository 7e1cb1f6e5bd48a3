//! Reads everything and checks everything: header, every record, that pages tile the file, every
//! checksum, every decoder, that the statistics hold every value, and that indexes find it.

use arrow_buffer::BooleanBuffer;
use ncf_core::{Column, ColumnBounds, DataType, Error, Result, ResultExt, Role, Scalar, Values};
use ncf_index::filter::{FuseFilter, hashes, part_of};
use ncf_index::{Index, IndexProof};
use serde::Serialize;
use std::sync::Arc;

use crate::checksum::checksum_of;
use crate::constants::{HEADER_LEN, NONE, PieceKind, VECTOR_ROWS, ZONE_ROWS};
use crate::filters::FilterPage;
use crate::nested::element_offsets;
use crate::reader::{FileReader, PageRef};
use crate::source::read_coalesced;
use crate::statistics::{BlockStatistics, ColumnStatistics, Known, chunk_statistics, merge_all};

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
        // All of it: a file without blocks has metadata as well.
        self.verify_metadata()?;
        let mut pages = 0;
        let mut extents = Vec::new();
        let proof = |column| {
            Ok(Proof {
                index: self.index(column)?,
                rows: IndexProof::default(),
                aligned: true,
                filters: Vec::new(),
            })
        };
        let mut proofs = (0..self.stored().len()).map(proof).collect::<Result<Vec<_>>>()?;
        for block in 0..self.blocks().len() {
            for (column, proof) in proofs.iter_mut().enumerate() {
                let meta = self.column(column)?;
                let chunk = meta.chunk(block)?;
                pages += chunk.own_shared().count() + chunk.pages.len();
                let shared = chunk.own_shared().map(|p| (p.offset, p.length));
                extents.extend(shared.chain(chunk.pages.iter().map(|p| (p.offset, p.length))));
                let filters = self.filters(column)?;
                let filters = filters.blocks.get(block).map(Vec::as_slice).unwrap_or_default();
                pages += filters.len();
                extents.extend(filters.iter().map(|page| (page.offset, page.length)));
                proof.filters = self.block_filters(column, block, filters)?;
                self.verify_chunk(column, block, chunk.pages.len(), proof)?;
                progress(chunk.bytes());
            }
        }
        for column in 0..self.stored().len() {
            let meta = self.column(column)?;
            let maps = meta.maps();
            pages += maps.len();
            extents.extend(maps.iter().map(|map| (map.offset, map.length)));
        }
        self.check_tiling(extents).at("file", || self.name())?;
        if let Some(column) = proofs.iter().position(|proof| !proof.holds()) {
            return Err(self.lying("the index does not find the values", column));
        }
        self.verify_order()?;
        let (rows, blocks, bytes) = (self.rows(), self.blocks().len(), self.len());
        Ok(VerifyReport { rows, blocks, pages, bytes })
    }

    /// Reads and checks all metadata and no page: what a writer does before it reports a file as written.
    pub fn verify_metadata(&self) -> Result<()> {
        self.check_header()
            .and_then(|()| self.check_records())
            .and_then(|()| self.check_unknown())
            .at("file", || self.name())?;
        self.cluster_keys()?;
        for (index, column) in self.stored().iter().enumerate() {
            self.column(index)?;
            self.index(index)?;
            self.filters(index)?;
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
                PieceKind::Statistics
                    | PieceKind::ColumnMeta
                    | PieceKind::Index
                    | PieceKind::Filters
            );
            let known = if of_column {
                u64::from(record.column) < columns
            } else {
                record.column == NONE
                    && matches!(
                        record.kind,
                        PieceKind::Schema
                            | PieceKind::Blocks
                            | PieceKind::Model
                            | PieceKind::Clustering
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

    /// What records of unknown kinds hold is unknown; their bytes are under their checksums all the same.
    fn check_unknown(&self) -> Result<()> {
        for record in &self.unknown {
            let stored = read_coalesced(&*self.source, std::slice::from_ref(&record.range))?.pop();
            let stored = stored.ok_or_else(|| Error::internal("a byte source returned nothing"))?;
            let place = [record.kind, record.column, NONE, NONE];
            if checksum_of(&self.trailer.uuid, place, &stored) != record.crc {
                return Err(Error::corrupt(format!(
                    "the checksum of a record of the unknown kind {} differs; the file is damaged, restore it \
                     from a copy",
                    record.kind
                )));
            }
        }
        Ok(())
    }

    /// The filter of a block of a column.
    fn block_filters(
        &self,
        column: usize,
        block: usize,
        pages: &[FilterPage],
    ) -> Result<Vec<Option<FuseFilter>>> {
        let read = |(at, page): (usize, &FilterPage)| {
            let range = page.offset..page.offset + u64::from(page.length);
            let stored = read_coalesced(&*self.source, std::slice::from_ref(&range));
            let stored = stored.at("file", || self.name())?.pop();
            let stored = stored.ok_or_else(|| Error::internal("a byte source returned nothing"))?;
            self.filter_page(column, block, at, page, &stored)
        };
        pages.iter().enumerate().map(read).collect()
    }

    fn verify_chunk(
        &self,
        column: usize,
        block: usize,
        pages: usize,
        proof: &mut Proof,
    ) -> Result<()> {
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
        let mut zones =
            expected.map(|expected| (Zones::new(stored.data_type, expected.zones()), expected));
        for page in 0..pages {
            for decoded in self.read_pages(&[PageRef { column, block, page }])? {
                let validity = decoded.validity;
                let values = self.flat(PageRef { column, block, page }, decoded.values)?;
                self.check_nulls(column, block, page, &values, validity.as_ref())?;
                if stored.role == Role::Lengths {
                    let offsets = element_offsets(&values, validity.as_ref())
                        .map_err(|error| error.with("column", stored.name()))?;
                    let elements = offsets.last().cast_unsigned() as usize;
                    self.check_elements(column, block, page, elements)?;
                }
                if let Some(index) = proof.index.as_ref() {
                    proof.rows.add(index, &values, validity.as_ref());
                    let last = page + 1 == pages;
                    proof.aligned &= last || values.len().is_multiple_of(VECTOR_ROWS);
                }
                if !proof.filters_hold(&values, validity.as_ref()) {
                    let what = "the filter does not hold the values";
                    return Err(self.lying(what, column).with("block", block));
                }
                if let Some((zones, _)) = &mut zones {
                    zones.add(&values, validity.as_ref())?;
                }
            }
        }
        match zones.is_none_or(|(zones, expected)| zones.are_held_by(&expected)) {
            true => Ok(()),
            false => {
                let what = "the statistics do not hold the values";
                Err(self.lying(what, column).with("block", block))
            }
        }
    }

    fn lying(&self, what: &str, column: usize) -> Error {
        let name = self.stored().get(column).map(Column::name).unwrap_or_default();
        Error::corrupt(format!("{what}; the writer was faulty, rewrite the file"))
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

/// The rows of a column beside its index.
struct Proof {
    index: Arc<Option<Index>>,
    rows: IndexProof,
    /// Whether pages end where vectors do.
    aligned: bool,
    /// The filter of the block that is read, in parts.
    filters: Vec<Option<FuseFilter>>,
}

impl Proof {
    /// Whether the filter of the block holds these values.
    fn filters_hold(&self, values: &Values, validity: Option<&BooleanBuffer>) -> bool {
        let parts = self.filters.len() as u64;
        let holds = |hash: u64| {
            let part = usize::try_from(part_of(hash, parts)).ok();
            part.and_then(|part| self.filters.get(part))
                .is_some_and(|filter| filter.as_ref().is_none_or(|filter| filter.may_contain(hash)))
        };
        parts == 0 || hashes(values, validity).into_iter().all(holds)
    }

    fn holds(&self) -> bool {
        self.index.as_ref().as_ref().is_none_or(|index| self.aligned && self.rows.holds(index))
    }
}

/// What the zones of a block really hold, found page by page.
struct Zones {
    data_type: DataType,
    rows: usize,
    /// For each zone, the facts about each run of its rows that lay in one page.
    parts: Vec<Vec<(ColumnBounds, u64)>>,
}

impl Zones {
    fn new(data_type: DataType, zones: usize) -> Self {
        Self { data_type, rows: 0, parts: vec![Vec::new(); zones] }
    }

    /// Adds the next page.
    fn add(&mut self, values: &Values, validity: Option<&BooleanBuffer>) -> Result<()> {
        let mut start = 0;
        while start < values.len() {
            let rows = (ZONE_ROWS - self.rows % ZONE_ROWS).min(values.len() - start);
            let valid = validity.map(|validity| validity.slice(start, rows));
            let part = values.slice(start, rows);
            let part = chunk_statistics(&part, valid.as_ref(), self.data_type, Known::default());
            let bounds = ColumnStatistics::from_chunks(self.data_type, vec![part])?.bounds();
            if let Some(zone) = self.parts.get_mut(self.rows / ZONE_ROWS) {
                zone.push((bounds, rows as u64));
            }
            self.rows += rows;
            start += rows;
        }
        Ok(())
    }

    /// Whether the stored statistics count what was found, and bound it; exactly where they say so.
    fn are_held_by(self, stored: &BlockStatistics<'_>) -> bool {
        self.parts.into_iter().enumerate().all(|(zone, parts)| {
            let found = merge_all(parts.into_iter());
            let stored = stored.zone_bounds(zone);
            let exact = !stored.exact || (stored.min == found.min && stored.max == found.max);
            stored.nulls == found.nulls
                && stored.nans == found.nans
                && exact
                && not_above(&stored.min, &found.min)
                && not_above(&found.max, &stored.max)
        })
    }
}

/// Whether `low ≤ high`, or one of them is unknown.
fn not_above(low: &Option<Scalar>, high: &Option<Scalar>) -> bool {
    match (low, high) {
        (Some(low), Some(high)) => low.compare(high).is_some_and(std::cmp::Ordering::is_le),
        _ => true,
    }
}
