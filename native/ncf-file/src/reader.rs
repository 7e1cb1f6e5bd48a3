//! Reading a file: one read of the tail opens it, metadata of a column is read when the column is
//! used, and checksums are verified before anything is decoded.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arrow_buffer::Buffer;
use ncf_core::{
    Budget, Column, Error, Interruption, Limits, MemoryConsumer, MemoryReservation, Result,
    ResultExt, Schema, Values, columns,
};
use ncf_encoding::DecodedValues;
use ncf_index::Models;

use crate::block::{self, BlockInfo};
use crate::checksum::{PieceId, verify_piece};
use crate::column_meta::ColumnMeta;
use crate::constants::{HEADER_LEN, NONE, PieceKind, TAIL_READ, TRAILER_LEN};
use crate::directory::{self, Directory, DirectoryRecord, UnknownRecord};
use crate::filters::Filters;
use crate::header::Header;
use crate::indexes::LoadedIndex;
use crate::page_reader::ReferenceCache;
use crate::schema_record;
use crate::shared_pages::SharedCache;
use crate::source::{ByteSource, read_coalesced};
use crate::statistics::ColumnStatistics;
use crate::trailer::Trailer;

/// How a file is read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// What a file may ask for.
    pub limits: Limits,
    /// Whether page checksums are verified; metadata always is.
    pub verify_checksums: bool,
    /// Holds what the reader keeps in memory, and what it needs while it decodes.
    pub memory: MemoryConsumer,
    /// Asked before each page is decoded.
    pub interruption: Interruption,
    /// Gives the models that the caller trusts; indexes that need others are left out of account.
    pub models: Option<Arc<dyn Models>>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            verify_checksums: true,
            memory: MemoryConsumer::default(),
            interruption: Interruption::default(),
            models: None,
        }
    }
}

/// A data page by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRef {
    /// Index among the file's stored columns.
    pub column: usize,
    /// Block number.
    pub block: usize,
    /// Page number in the chunk.
    pub page: usize,
}

/// An open file.
pub struct FileReader {
    pub(crate) source: Arc<dyn ByteSource>,
    pub(crate) options: ReadOptions,
    pub(crate) trailer: Trailer,
    pub(crate) directory: Vec<DirectoryRecord>,
    /// Records that a newer writer made, which nothing here needs.
    pub(crate) unknown: Vec<UnknownRecord>,
    /// Where in the directory the record of a kind and column is.
    pub(crate) records: HashMap<(PieceKind, u32), usize>,
    /// The last 64 KiB of the file, from `tail_start` on: metadata is usually in it.
    tail: Buffer,
    tail_start: u64,
    digest: String,
    schema: Schema,
    stored: Vec<Column>,
    blocks: Vec<BlockInfo>,
    columns: Vec<Cached<ColumnMeta>>,
    statistics: Vec<Cached<ColumnStatistics>>,
    pub(crate) indexes: Vec<Cached<LoadedIndex>>,
    filters: Vec<Cached<Filters>>,
    pub(crate) shared: SharedCache,
    pub(crate) references: ReferenceCache,
    /// Of the tail, the schema and the blocks.
    held: Option<MemoryReservation>,
}

/// Something that is read once, and the memory that it takes.
pub(crate) type Cached<T> = OnceLock<(Arc<T>, Option<MemoryReservation>)>;

impl FileReader {
    /// Opens a file: trailer, directory, schema and blocks are read and verified.
    pub fn open(source: Arc<dyn ByteSource>, options: ReadOptions) -> Result<Self> {
        let name = source.name().to_string();
        Self::open_inner(source, options).at("file", || name)
    }

    fn open_inner(source: Arc<dyn ByteSource>, options: ReadOptions) -> Result<Self> {
        let len = source.len();
        if len < (HEADER_LEN + TRAILER_LEN) as u64 {
            return Err(Error::corrupt(format!(
                "this is not a whole NCF file: it has {len} bytes, the smallest file has {}",
                HEADER_LEN + TRAILER_LEN
            )));
        }
        let tail_start = len.saturating_sub(TAIL_READ);
        let tail = read_one(&*source, tail_start..len)?;
        let trailer_at = tail.len().saturating_sub(TRAILER_LEN);
        let trailer = Trailer::decode(tail.get(trailer_at..).unwrap_or_default())?;
        let metadata = trailer.metadata(len, &options.limits)?;
        let directory_range = trailer.directory_offset..metadata.end;
        let stored = match tail_part(&tail, tail_start, &directory_range)? {
            Some(stored) => Buffer::from(stored),
            None => read_one(&*source, directory_range)?,
        };
        let id = PieceId::record(PieceKind::Directory, NONE);
        verify_piece(&trailer.uuid, id, &stored, trailer.directory_crc)?;
        let range = metadata.start..trailer.directory_offset;
        let Directory { records: directory, unknown } =
            directory::decode(&stored, range, &options.limits)?;
        let digest = crate::digest(&stored, &trailer.encode());
        if let Some(header) = tail_part(&tail, tail_start, &(0..HEADER_LEN as u64))? {
            check_header(header, &trailer)?;
        }
        let mut records = HashMap::with_capacity(directory.len());
        for (index, record) in directory.iter().enumerate() {
            if records.insert((record.kind, record.column), index).is_some() {
                let kind = record.kind.name();
                return Err(Error::corrupt(format!("the file has two {kind} records of a column")));
            }
        }
        let mut reader = Self {
            source,
            options,
            trailer,
            directory,
            unknown,
            records,
            tail,
            tail_start,
            digest,
            schema: Schema::default(),
            stored: Vec::new(),
            blocks: Vec::new(),
            columns: Vec::new(),
            statistics: Vec::new(),
            indexes: Vec::new(),
            filters: Vec::new(),
            shared: SharedCache::default(),
            references: ReferenceCache::default(),
            held: None,
        };
        let limits = reader.options.limits.clone();
        let budget = reader.metadata_budget();
        budget.take("the end of a file", reader.tail.len() as u64)?;
        let bytes = reader.record(PieceKind::Schema, NONE)?;
        reader.schema = schema_record::decode(&bytes, &limits, &budget)?;
        let bytes = reader.record(PieceKind::Blocks, NONE)?;
        reader.blocks = block::decode(&bytes, reader.trailer.rows, &limits, &budget)?;
        reader.stored = columns(&reader.schema);
        reader.columns.resize_with(reader.stored.len(), OnceLock::new);
        reader.statistics.resize_with(reader.stored.len(), OnceLock::new);
        reader.indexes.resize_with(reader.stored.len(), OnceLock::new);
        reader.filters.resize_with(reader.stored.len(), OnceLock::new);
        reader.held = budget.into_reservation();
        Ok(reader)
    }

    /// Who holds the reader's memory.
    pub fn memory(&self) -> &MemoryConsumer {
        &self.options.memory
    }

    /// The file's columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The columns that store the schema's fields. Their positions are the column numbers of all other
    /// functions; they are those of the fields where no field is nested.
    pub fn stored(&self) -> &[Column] {
        &self.stored
    }

    /// Stored columns of the field at a position of the schema.
    pub fn stored_of(&self, field: usize) -> Range<usize> {
        let start = self.stored.partition_point(|column| column.field < field);
        start..self.stored.partition_point(|column| column.field <= field)
    }

    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.trailer.rows
    }

    /// Identity of the file, 32 hex digits.
    pub fn uuid(&self) -> String {
        crate::hex(&self.trailer.uuid)
    }

    /// The file's blocks.
    pub fn blocks(&self) -> &[BlockInfo] {
        &self.blocks
    }

    /// The file's name for messages.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// Bytes of the file.
    pub fn len(&self) -> u64 {
        self.source.len()
    }

    /// Whether the file has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// BLAKE3 of directory and trailer, hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Bytes of metadata, trailer included.
    pub fn metadata_bytes(&self) -> u64 {
        self.trailer.metadata_len
    }

    /// Where the pages of a column are; read once.
    pub fn column(&self, index: usize) -> Result<Arc<ColumnMeta>> {
        self.cached(&self.columns, index, |column, budget| {
            let bytes = self.record(PieceKind::ColumnMeta, column)?;
            let data_end = self.source.len() - self.trailer.metadata_len;
            let limits = &self.options.limits;
            let repeated = self.stored_column(index)?.repeated_by.is_some();
            ColumnMeta::decode(&bytes, repeated, &self.blocks, data_end, limits, budget)
        })
    }

    /// Statistics of a column; read once. Columns below arrays and maps have none: `InvalidArgument`.
    pub fn statistics(&self, index: usize) -> Result<Arc<ColumnStatistics>> {
        let column = self.stored_column(index)?;
        if column.repeated_by.is_some() {
            return Err(Error::invalid_argument(
                "columns below arrays and maps have no statistics",
            )
            .with("column", column.name()));
        }
        let data_type = column.data_type;
        self.cached(&self.statistics, index, |column, budget| {
            let bytes = self.record(PieceKind::Statistics, column)?;
            ColumnStatistics::decode(&bytes, data_type, &self.blocks, budget)
        })
    }

    /// Where the filter pages of a column are; read once.
    pub(crate) fn filters(&self, column: usize) -> Result<Arc<Filters>> {
        self.cached(&self.filters, column, |number, budget| {
            if !self.records.contains_key(&(PieceKind::Filters, number)) {
                return Ok(Filters::default());
            }
            let bytes = self.record(PieceKind::Filters, number)?;
            let data_end = self.source.len() - self.trailer.metadata_len;
            Filters::decode(&bytes, self.blocks.len(), data_end, budget)
        })
    }

    /// Stored bytes of the statistics of a column.
    pub fn statistics_bytes(&self, column: usize) -> u64 {
        self.record_bytes(PieceKind::Statistics, column)
    }

    pub(crate) fn record_bytes(&self, kind: PieceKind, column: usize) -> u64 {
        let record = self.records.get(&(kind, to_id(column)));
        record.and_then(|index| self.directory.get(*index)).map_or(0, |record| record.length)
    }

    /// One value per row of a page that was read, or of some of its rows.
    ///
    /// # Errors
    /// As those of reading it: strings may not have been decoded then.
    pub fn flat(&self, page: PageRef, values: DecodedValues) -> Result<Values> {
        let budget = self.page_budget(values.len());
        values.into_flat(&budget).map_err(|error| self.in_page(error, page))
    }

    pub(crate) fn page_budget(&self, rows: usize) -> Budget {
        self.options.limits.page_budget(rows).held_by(self.memory())
    }

    pub(crate) fn in_page(&self, error: Error, page: PageRef) -> Error {
        error
            .with("page", page.page)
            .with("block", page.block)
            .with("column", self.column_name(page.column))
            .with("file", self.name())
    }

    /// The bytes of a metadata record, verified and decompressed.
    pub(crate) fn record(&self, kind: PieceKind, column: u32) -> Result<Vec<u8>> {
        let index = self.records.get(&(kind, column));
        let Some(record) = index.and_then(|index| self.directory.get(*index)) else {
            return Err(Error::corrupt(format!("the file has no {} record", kind.name())));
        };
        let id = PieceId::record(kind, column);
        let unpack = |stored: &[u8]| {
            verify_piece(&self.trailer.uuid, id, stored, record.crc)?;
            record.unpack(stored, &self.metadata_budget())
        };
        match tail_part(&self.tail, self.tail_start, &record.range())? {
            Some(stored) => unpack(stored),
            None => unpack(&read_one(&*self.source, record.range())?),
        }
    }

    /// Checks the file's first bytes.
    pub(crate) fn check_header(&self) -> Result<()> {
        let bytes = read_one(&*self.source, 0..HEADER_LEN as u64)?;
        check_header(&bytes, &self.trailer)
    }

    pub(crate) fn verify_page(&self, id: PieceId, bytes: &[u8], crc: u32) -> Result<()> {
        if !self.options.verify_checksums {
            return Ok(());
        }
        verify_piece(&self.trailer.uuid, id, bytes, crc)
            .map_err(|error| {
                let column = self.column_name(id.column as usize);
                let places = [("page", id.page), ("block", id.block)];
                let fresh = Error::new(error.kind(), error.message());
                places
                    .into_iter()
                    .filter(|(_, number)| *number != NONE)
                    .fold(fresh, |error, (key, value)| error.with(key, value))
                    .with("column", column)
            })
            .at("file", || self.name())
    }

    pub(crate) fn cached<T>(
        &self,
        cells: &[Cached<T>],
        index: usize,
        read: impl FnOnce(u32, &Budget) -> Result<T>,
    ) -> Result<Arc<T>> {
        let cell = cells.get(index).ok_or_else(|| {
            Error::invalid_argument(format!("there is no column {index} in the file"))
        })?;
        if let Some((have, _)) = cell.get() {
            return Ok(have.clone());
        }
        let budget = self.metadata_budget();
        let value = read(to_id(index), &budget)
            .at("column", || self.column_name(index))
            .at("file", || self.name())?;
        let (value, _) = cell.get_or_init(|| (Arc::new(value), budget.into_reservation()));
        Ok(value.clone())
    }

    pub(crate) fn stored_column(&self, index: usize) -> Result<&Column> {
        self.stored.get(index).ok_or_else(|| {
            Error::invalid_argument(format!("there is no column {index} in the file"))
        })
    }

    pub(crate) fn column_name(&self, index: usize) -> String {
        self.stored.get(index).map_or_else(|| index.to_string(), Column::name)
    }

    fn metadata_budget(&self) -> Budget {
        Budget::new(self.options.limits.metadata_bytes).held_by(self.memory())
    }
}

/// Numbers of columns, blocks and pages are 32 bits in the file; larger ones match no checksum.
pub(crate) fn to_id(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

fn read_one(source: &dyn ByteSource, range: Range<u64>) -> Result<Buffer> {
    read_coalesced(source, &[range])?
        .pop()
        .ok_or_else(|| Error::internal("a byte source returned nothing"))
}

/// The bytes of a range that lies in the tail; `None` when it begins before.
fn tail_part<'a>(
    tail: &'a Buffer,
    tail_start: u64,
    range: &Range<u64>,
) -> Result<Option<&'a [u8]>> {
    let Some(start) = range.start.checked_sub(tail_start) else {
        return Ok(None);
    };
    let outside = || Error::corrupt("a metadata record lies outside the metadata");
    let end = range.end.checked_sub(tail_start).ok_or_else(outside)?;
    let (start, end) = (
        usize::try_from(start).map_err(|_| outside())?,
        usize::try_from(end).map_err(|_| outside())?,
    );
    tail.as_slice().get(start..end).map(Some).ok_or_else(outside)
}

fn check_header(bytes: &[u8], trailer: &Trailer) -> Result<()> {
    let header = Header::decode(bytes)?;
    if header.uuid == trailer.uuid {
        return Ok(());
    }
    Err(Error::corrupt("header and trailer belong to different files"))
}
