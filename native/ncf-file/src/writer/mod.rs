//! Writing a file: rows are collected until a block is full, its columns are encoded (in parallel
//! when threads allow), and pages go to the sink in column order. Memory is bounded by one block.

mod block;
mod buffer;
mod clustering;
mod filter;
mod index;
mod maps;
mod output;
mod pages;
mod relations;
mod shred;
mod work;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use ncf_core::{
    Column, ColumnBounds, Error, Interruption, MemoryConsumer, MemoryReservation, Result,
    ResultExt, Role, Schema, SortKey,
};
use ncf_encoding::{ChooserState, EncodingId, Profile, Relation};
use ncf_index::Learner;
use serde::{Deserialize, Serialize};

use crate::checksum::PieceId;
use crate::clustering::OrderCheck;
use crate::column_meta::{ColumnMeta, PageMeta, SharedPageMeta};
use crate::constants::{BLOCK_ROWS, NONE, PAGE_ALIGNMENT, PieceKind};
use crate::filters::{FilterPage, Filters};
use crate::sink::ByteSink;
use crate::statistics::{ChunkStatistics, ColumnStatistics};
use crate::wire::to_u32;
use crate::{block as block_record, schema_record};

pub(crate) use index::is_collated;

use block::EncodedColumn;
use buffer::{RowBuffer, Slice};
use maps::Maps;
use relations::Relations;
use work::{Job, Work};

pub(crate) use index::{is_indexed, stored_index_bytes};
pub(crate) use output::{Ending, Output};

/// Most raw bytes of a block: the strings of a column are joined under 32-bit offsets.
pub(crate) const MAX_BLOCK_BYTES: usize = 1 << 30;

/// How a file is written. The same rows, options and uuid give the same bytes on any number of threads,
/// as long as all memory is granted that is asked for.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// What the encodings are chosen for.
    pub profile: Profile,
    /// Rows after which a block is closed; 1 to [`BLOCK_ROWS`].
    pub block_rows: usize,
    /// Raw bytes that a block has at most, unless one row alone has more; 1 B to 1 GiB.
    pub block_bytes: usize,
    /// Identity of the file; random when absent.
    pub file_uuid: Option<[u8; 16]>,
    /// Outermost encoding by column name, instead of the chooser's.
    pub encodings: BTreeMap<String, EncodingId>,
    /// Columns that follow from others, by the number of the stored column: instead of what the writer finds
    /// itself. Neither these columns nor those that they refer to may be nested.
    pub relations: BTreeMap<u32, Relation>,
    /// Whether columns whose rows are in order get an index, and some others a filter that nobody asked for.
    pub index: bool,
    /// Columns that get a filter for point look-ups, whatever it takes; some others get one where it takes little.
    pub filter_columns: Vec<String>,
    /// The order that the rows will come in, where the writer's caller knows one. The file says so when all of them did; an
    /// order by columns that files cannot be ordered by counts up to the first of these.
    pub sorted_by: Vec<SortKey>,
    /// Threads that encode; 1 uses the caller's only.
    pub threads: usize,
    /// Decode and compare every page before it is written.
    pub verify: bool,
    /// Holds the rows of a block, with what encoding them takes. A block ends early, at 8192 rows or
    /// more, rather than take more memory than is granted.
    pub memory: MemoryConsumer,
    /// Asked before each page is encoded, compared or written; the file cannot be finished afterwards.
    pub interruption: Interruption,
    /// What tests do to pages before they are verified.
    #[cfg(test)]
    pub(crate) damage: tests::Damage,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            block_rows: BLOCK_ROWS,
            block_bytes: 256 << 20,
            file_uuid: None,
            encodings: BTreeMap::new(),
            relations: BTreeMap::new(),
            index: true,
            filter_columns: Vec::new(),
            sorted_by: Vec::new(),
            threads: 1,
            verify: true,
            memory: MemoryConsumer::default(),
            interruption: Interruption::default(),
            #[cfg(test)]
            damage: tests::Damage::default(),
        }
    }
}

/// What a finished file is, for a table's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileSummary {
    /// Identity, 32 hex digits.
    pub uuid: String,
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Blocks.
    pub blocks: u32,
    /// BLAKE3 of directory and trailer, hex: through their checksums it names every byte of the file.
    pub digest: String,
    /// Bounds of each column, by field id.
    pub statistics: BTreeMap<u32, ColumnBounds>,
}

/// Writes one file.
pub struct FileWriter {
    output: Output,
    schema: Schema,
    options: WriterOptions,
    buffer: RowBuffer,
    /// Of the block that is being filled.
    memory: MemoryReservation,
    /// Of the maps that later blocks may use.
    maps_memory: MemoryReservation,
    /// The stored columns and what was written of each.
    columns: Vec<(Column, ColumnState)>,
    /// Their names.
    names: Vec<String>,
    /// What the chooser remembers of each.
    choosers: Vec<ChooserState>,
    relations: Relations,
    /// Whether rows come in the order that was said.
    order: OrderCheck,
    block_rows: Vec<u32>,
    pool: Option<rayon::ThreadPool>,
    /// A block was lost to an error: the file cannot be finished.
    failed: bool,
}

/// What was written of a column.
struct ColumnState {
    meta: ColumnMeta,
    statistics: Vec<ChunkStatistics>,
    learner: Learner,
    filters: Filters,
    maps: Maps,
}

impl ColumnState {
    fn new(column: &Column) -> Self {
        let learner = Learner::new(column.data_type);
        let (meta, filters) = (ColumnMeta::default(), Filters::default());
        Self { meta, statistics: Vec::new(), learner, filters, maps: Maps::default() }
    }
}

impl FileWriter {
    /// Starts a file: writes the header.
    pub fn new(sink: Box<dyn ByteSink>, schema: Schema, options: WriterOptions) -> Result<Self> {
        schema.validate()?;
        let bytes_fit = (1..=MAX_BLOCK_BYTES).contains(&options.block_bytes);
        if !(1..=BLOCK_ROWS).contains(&options.block_rows) || !bytes_fit {
            return Err(Error::invalid_argument(format!(
                "blockRows must be 1 to {BLOCK_ROWS} and blockBytes 1 to {MAX_BLOCK_BYTES}, \
                 not {} and {}",
                options.block_rows, options.block_bytes
            )));
        }
        for name in options.encodings.keys() {
            schema.field(name).map_err(|error| error.with("option", format!("encoding.{name}")))?;
        }
        for name in &options.filter_columns {
            schema.field(name).and_then(filter::check).at("option", || "filterColumns")?;
        }
        let uuid = options.file_uuid.unwrap_or_else(|| uuid::Uuid::new_v4().into_bytes());
        let pool = (options.threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(options.threads).build())
            .transpose()
            .map_err(|error| Error::internal(format!("cannot start threads: {error}")))?;
        let output = Output::begin(sink, uuid)?;
        let columns: Vec<_> = ncf_core::columns(&schema)
            .into_iter()
            .map(|column| {
                let state = ColumnState::new(&column);
                (column, state)
            })
            .collect();
        relations::check(&options.relations, &columns)?;
        let order = clustering::check(&options.sorted_by, &schema)?;
        let names = columns.iter().map(|(column, _)| column.name()).collect();
        let choosers = vec![ChooserState::default(); columns.len()];
        let buffer = RowBuffer::new(schema.fields.len());
        let (memory, maps_memory) = (options.memory.reservation(), options.memory.reservation());
        let block_rows = Vec::new();
        let failed = false;
        Ok(Self {
            output,
            schema,
            options,
            buffer,
            memory,
            maps_memory,
            columns,
            names,
            choosers,
            relations: Relations::default(),
            order,
            block_rows,
            pool,
            failed,
        })
    }

    /// Adds rows. Columns are the schema's, in its order, in the Arrow types of
    /// [`ncf_core::DataType::to_arrow`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        buffer::check_batch(batch, &self.schema)?;
        let mut waiting = buffer::slices(batch, &self.schema);
        waiting.reverse();
        while let Some(mut slice) = waiting.pop() {
            let room = self.options.block_rows - self.buffer.rows();
            if slice.rows() > room {
                let (head, tail) = slice.split(room, &self.schema);
                waiting.push(tail);
                slice = head;
            }
            let room = self.options.block_bytes.saturating_sub(self.buffer.bytes());
            if slice.bytes() > room {
                // Cut at the row that fills the block, wherever the batches begin.
                let fitting = slice.rows_within(room, &self.schema);
                let rows = if self.buffer.rows() == 0 { fitting.max(1) } else { fitting };
                let (head, tail) = slice.split(rows, &self.schema);
                self.push(head)?;
                if tail.rows() > 0 {
                    waiting.push(tail);
                }
                self.flush_block()?;
                continue;
            }
            self.push(slice)?;
            if self.buffer.rows() == self.options.block_rows {
                self.flush_block()?;
            }
        }
        Ok(())
    }

    /// Adds a slice to the block, or to the next one where its memory is not granted in this one.
    fn push(&mut self, slice: Slice) -> Result<()> {
        let threads = self.options.threads;
        // Hashes of a column, and the filters of all.
        let filters = match self.options.filter_columns.len() {
            0 => 0,
            columns => 8 + 2 * columns,
        };
        let profile = self.options.profile;
        let scratch = (relations::numbers(&self.options), relations::scratch(profile).max(filters));
        if self.buffer.rows() > 0
            && !self.memory.try_resize(self.buffer.memory_with(&slice, threads, scratch))?
        {
            self.flush_block()?;
        }
        let bytes = self.buffer.memory_with(&slice, threads, scratch);
        if !self.memory.try_resize(bytes)? {
            self.write_maps()?;
            self.memory.resize("a block", bytes)?;
        }
        self.buffer.push(slice);
        Ok(())
    }

    /// Rows given so far.
    pub fn rows(&self) -> u64 {
        let written: u64 = self.block_rows.iter().map(|rows| u64::from(*rows)).sum();
        written + self.buffer.rows() as u64
    }

    /// Bytes sent to the sink so far.
    pub fn bytes(&self) -> u64 {
        self.output.offset()
    }

    /// Writes what is left and the metadata, and makes the file durable.
    pub fn finish(mut self) -> Result<FileSummary> {
        if self.buffer.rows() > 0 || self.failed {
            self.flush_block()?;
        }
        self.write_maps()?;
        let metadata_start = self.output.offset();
        let mut records = Vec::new();
        let mut bounds = BTreeMap::new();
        let columns = std::mem::take(&mut self.columns);
        let mut metas = Vec::with_capacity(columns.len());
        let mut learners = Vec::with_capacity(columns.len());
        for (index, (column, state)) in columns.into_iter().enumerate() {
            let number = to_u32("columns", index)?;
            if column.repeated_by.is_none() {
                let statistics = ColumnStatistics::from_chunks(column.data_type, state.statistics)?;
                if column.role == Role::Values && column.path.len() == 1 {
                    bounds.insert(column.id, statistics.bounds());
                }
                records.push(self.output.record(
                    PieceKind::Statistics,
                    number,
                    statistics.encode()?,
                )?);
            }
            metas.push((number, column.repeated_by.is_some(), state.meta));
            learners.push((number, state.learner));
            if state.filters.blocks.iter().any(|pages| !pages.is_empty()) {
                let filters = state.filters.encode()?;
                records.push(self.output.record(PieceKind::Filters, number, filters)?);
            }
        }
        for (column, section) in index::sections(learners, metadata_start)? {
            records.push(self.output.packed(PieceKind::Index, column, section)?);
        }
        if let Some(clustering) = clustering::record(&self.order)? {
            records.push(self.output.record(PieceKind::Clustering, NONE, clustering)?);
        }
        for (column, repeated, meta) in metas {
            records.push(self.output.record(
                PieceKind::ColumnMeta,
                column,
                meta.encode(repeated)?,
            )?);
        }
        let blocks = block_record::encode(&self.block_rows)?;
        records.push(self.output.record(PieceKind::Blocks, NONE, blocks)?);
        let schema = schema_record::encode(&self.schema)?;
        records.push(self.output.record(PieceKind::Schema, NONE, schema)?);
        let blocks = self.block_rows.len();
        let rows = self.rows();
        self.output.close(Ending { metadata_start, records, rows, blocks, statistics: bounds })
    }

    /// Gives up: removes what was written, best effort.
    pub fn abort(mut self) {
        self.output.discard();
    }

    fn flush_block(&mut self) -> Result<()> {
        if self.failed {
            return Err(Error::invalid_argument(
                "writing this file failed before; start a new file",
            ));
        }
        self.failed = true;
        self.encode_block()?;
        self.failed = false;
        self.memory.resize("a block", 0)?;
        if !self.maps_memory.try_resize_sparing(self.relations.maps_bytes() as u64)? {
            self.write_maps()?;
        }
        self.options.memory.trim();
        Ok(())
    }

    fn encode_block(&mut self) -> Result<()> {
        let number = self.block_rows.len();
        let rows = self.buffer.rows();
        let columns = self.encode_columns(number)?;
        let block = to_u32("blocks", number)?;
        let mut states = std::mem::take(&mut self.columns);
        let mut filters = Vec::with_capacity(columns.len());
        for ((index, (_, state)), mut encoded) in states.iter_mut().enumerate().zip(columns) {
            filters.push(std::mem::take(&mut encoded.filter));
            self.write_chunk(to_u32("columns", index)?, block, encoded, state)?;
        }
        for ((index, (_, state)), parts) in states.iter_mut().enumerate().zip(filters) {
            let column = to_u32("columns", index)?;
            let mut pages = Vec::with_capacity(parts.len());
            for (page, part) in parts.into_iter().enumerate() {
                let page = to_u32("filter pages", page)?;
                let id = PieceId { kind: PieceKind::FilterPage, column, block, page };
                let (offset, length, crc) = self.write_page(id, part)?;
                pages.push(FilterPage { offset, length, crc });
            }
            state.filters.blocks.push(pages);
        }
        self.columns = states;
        self.block_rows.push(to_u32("rows of a block", rows)?);
        Ok(())
    }

    /// Writes the maps that blocks share; later blocks begin others.
    fn write_maps(&mut self) -> Result<()> {
        let mut states = std::mem::take(&mut self.columns);
        for (index, (_, state)) in states.iter_mut().enumerate() {
            self.write_map(to_u32("columns", index)?, state)?;
        }
        self.columns = states;
        self.relations.forget_maps();
        self.maps_memory.resize("maps", 0)
    }

    fn write_map(&mut self, column: u32, state: &mut ColumnState) -> Result<()> {
        let name = || self.names.get(column as usize).cloned().unwrap_or_default();
        if let Some(page) = state.maps.page(&self.options).at("column", name)? {
            let id = PieceId { kind: PieceKind::MapPage, column, block: NONE, page: NONE };
            let (offset, length, crc) = self.write_page(id, page.bytes)?;
            let (kind, count) = (page.kind, page.count);
            let place = SharedPageMeta { offset, length, kind, count, crc };
            state.maps.place(&mut state.meta, &place);
        }
        Ok(())
    }

    /// The columns of the rows that are buffered, encoded.
    fn encode_columns(&mut self, block: usize) -> Result<Vec<EncodedColumn>> {
        let pieces = self.buffer.take();
        let stored: Vec<&Column> = self.columns.iter().map(|(column, _)| column).collect();
        let mut first = 0u32;
        let mut jobs = Vec::with_capacity(pieces.len());
        for ((pieces, field), columns) in pieces
            .into_iter()
            .zip(&self.schema.fields)
            .zip(stored.chunk_by(|a, b| a.field == b.field))
        {
            jobs.push(Job { pieces, field, first, columns });
            first += to_u32("columns", columns.len())?;
        }
        let work = Work { options: &self.options, pool: self.pool.as_ref(), block };
        let learned = (&mut self.choosers, &mut self.relations);
        work.encode(jobs, &self.names, learned, &mut self.order)
    }

    fn write_chunk(
        &mut self,
        column: u32,
        block: u32,
        encoded: EncodedColumn,
        state: &mut ColumnState,
    ) -> Result<()> {
        if let Some(map) = encoded.chunk.map {
            if map.fresh {
                self.write_map(column, state)?;
            }
            state.maps.grow(map.grown, state.meta.blocks.len());
        }
        let mut chunk = crate::column_meta::ChunkMeta::default();
        for (page, shared) in encoded.chunk.shared.into_iter().enumerate() {
            let id = PieceId {
                kind: PieceKind::SharedPage,
                column,
                block,
                page: to_u32("shared pages", page)?,
            };
            let (offset, length, crc) = self.write_page(id, shared.bytes)?;
            let (kind, count) = (shared.kind, shared.count);
            chunk.shared.push(SharedPageMeta { offset, length, kind, count, crc });
        }
        let mut first_row = 0;
        for (page, (data, (rows, values))) in
            encoded.chunk.pages.into_iter().zip(encoded.sizes).enumerate()
        {
            let id =
                PieceId { kind: PieceKind::DataPage, column, block, page: to_u32("pages", page)? };
            let tree = intern(&mut state.meta.trees, data.tree)?;
            let (offset, length, crc) = self.write_page(id, data.bytes)?;
            chunk.pages.push(PageMeta { offset, length, rows, values, first_row, crc, tree });
            first_row += rows;
        }
        state.meta.blocks.push(chunk);
        state.statistics.extend(encoded.statistics);
        state.learner.add(encoded.order);
        Ok(())
    }

    /// Appends a page padded with zeros, which are under its checksum too.
    fn write_page(&mut self, id: PieceId, mut bytes: Vec<u8>) -> Result<(u64, u32, u32)> {
        self.options.interruption.check()?;
        bytes.resize(bytes.len().next_multiple_of(PAGE_ALIGNMENT), 0);
        let (offset, crc) = self.output.piece(id, &bytes)?;
        Ok((offset, to_u32("a page", bytes.len())?, crc))
    }
}

fn intern(trees: &mut Vec<String>, tree: String) -> Result<u16> {
    let index = trees.iter().position(|have| *have == tree).unwrap_or_else(|| {
        trees.push(tree);
        trees.len() - 1
    });
    u16::try_from(index).map_err(|_| Error::internal("too many encoding trees in a column"))
}

#[cfg(test)]
mod tests;
