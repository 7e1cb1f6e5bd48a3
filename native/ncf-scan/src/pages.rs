//! The page of each column that a scan stands in. Windows move forward only, so one decoded page a
//! column is all that is kept.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
use ncf_core::{Column, DataType, Error, Limits, MemoryReservation, Result, ResultExt, Values};
use ncf_encoding::{DecodedPage, DecodedValues};
use ncf_file::{ColumnMeta, FileReader, PageMeta, PageRef, PagesRead};

use crate::batch::Dictionary;
use crate::filter::Rows;
use crate::metrics::ScanMetrics;
use crate::slots::SlotColumn;
use crate::widen::Widening;

/// The stored columns of a scan.
pub(crate) struct Pages {
    reader: Arc<FileReader>,
    /// By slot.
    columns: Vec<ColumnPages>,
    /// Of the loaded pages.
    memory: MemoryReservation,
}

/// One stored column.
pub(crate) struct ColumnPages {
    reader: Arc<FileReader>,
    file_column: usize,
    /// Type of the values of loaded pages.
    pub(crate) data_type: DataType,
    /// How they came to have it, when they are stored as another.
    widening: Option<Widening>,
    meta: Arc<ColumnMeta>,
    loaded: Option<Loaded>,
    /// The block whose shared pages were counted as read, and where the map is that was.
    shared_of: Option<usize>,
    map_at: Option<u64>,
    /// The Arrow form of the dictionary used last.
    pub(crate) dictionary: Option<Dictionary>,
}

/// A decoded page.
pub(crate) struct Loaded {
    block: usize,
    number: usize,
    first_row: usize,
    /// Rows, which have any number of values below arrays and maps.
    pub(crate) rows: usize,
    pub(crate) page: DecodedPage,
    /// The Arrow form of the whole page, when the page is flat and was asked for.
    pub(crate) array: Option<ArrayRef>,
}

impl Pages {
    /// Reads where the pages of the slots are.
    pub(crate) fn new(reader: Arc<FileReader>, slots: &[SlotColumn]) -> Result<Self> {
        let column = |slot: &SlotColumn| {
            let stored = reader.stored().get(slot.column);
            let stored = stored.ok_or_else(|| Error::internal("a slot has no stored column"))?;
            Ok(ColumnPages {
                reader: reader.clone(),
                file_column: slot.column,
                data_type: slot.data_type,
                widening: Widening::new(stored.data_type, slot.data_type),
                meta: reader.column(slot.column)?,
                loaded: None,
                shared_of: None,
                map_at: None,
                dictionary: None,
            })
        };
        let columns = slots.iter().map(column).collect::<Result<_>>()?;
        Ok(Self { memory: reader.memory().reservation(), reader, columns })
    }

    /// The first row after `row` at which a page of some column ends, at most `limit`.
    pub(crate) fn boundary(&self, block: usize, row: usize, limit: usize) -> Result<usize> {
        let mut end = limit;
        for column in &self.columns {
            let (_, page) = column.find(block, row)?;
            end = end.min(page.first_row as usize + page.rows as usize);
        }
        Ok(end)
    }

    /// Number of pages that hold some of the rows of a block, over all columns.
    pub(crate) fn count(&self, block: usize, rows: &Range<usize>) -> Result<u64> {
        let row = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        let mut count = 0;
        for column in &self.columns {
            let chunk = column.meta.chunk(block)?;
            count += chunk.pages_of(row(rows.start)..row(rows.end)).len() as u64;
        }
        Ok(count)
    }

    /// Makes the pages that hold `row` available, with one call to the reader.
    pub(crate) fn load(
        &mut self,
        slots: &[usize],
        block: usize,
        row: usize,
        metrics: &mut ScanMetrics,
    ) -> Result<()> {
        let mut wanted = Vec::new();
        for slot in slots {
            let Some(column) = self.columns.get_mut(*slot) else {
                continue;
            };
            let (number, page) = column.find(block, row)?;
            if column
                .loaded
                .as_ref()
                .is_some_and(|have| have.block == block && have.number == number)
                || wanted.iter().any(|(have, ..): &(usize, _, _, _)| have == slot)
            {
                continue;
            }
            let (first_row, rows) = (page.first_row as usize, page.rows as usize);
            metrics.bytes_read += u64::from(page.length);
            // The old page goes before the new one comes.
            column.loaded = None;
            if column.shared_of != Some(block) {
                column.shared_of = Some(block);
                let chunk = column.meta.chunk(block)?;
                metrics.bytes_read += chunk.own_shared().map(|p| u64::from(p.length)).sum::<u64>();
                if let Some(map) = chunk.map().filter(|map| column.map_at != Some(map.offset)) {
                    column.map_at = Some(map.offset);
                    metrics.bytes_read += u64::from(map.length);
                }
            }
            wanted.push((
                *slot,
                PageRef { column: column.file_column, block, page: number },
                first_row,
                rows,
            ));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        // What of the pages before remains.
        self.count_memory()?;
        let start = Instant::now();
        let refs: Vec<_> = wanted.iter().map(|(_, page, ..)| *page).collect();
        let PagesRead { pages, reference_bytes } = self.reader.read_related(&refs)?;
        metrics.bytes_read += reference_bytes;
        metrics.pages_read += pages.len() as u64;
        for ((slot, page_ref, first_row, rows), page) in wanted.into_iter().zip(pages) {
            let Some(column) = self.columns.get_mut(slot) else { continue };
            let page = match &mut column.widening {
                None => page,
                Some(widening) => {
                    let name = || self.reader.stored().get(page_ref.column).map(Column::name);
                    let budget = Limits::DEFAULT.page_budget(rows);
                    widening.page(page, &budget).at("column", || name().unwrap_or_default())?
                }
            };
            let number = page_ref.page;
            column.loaded = Some(Loaded { block, number, first_row, rows, page, array: None });
        }
        metrics.decode_time += u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.count_memory()
    }

    /// The file.
    pub(crate) fn reader(&self) -> &FileReader {
        &self.reader
    }

    /// Some rows of a slot's column as they are stored; `None` where no page holds all of them. The page stays
    /// loaded where the scan wants it as it is.
    pub(crate) fn stored_rows(
        &mut self,
        slot: usize,
        block: usize,
        rows: Range<usize>,
        metrics: &mut ScanMetrics,
    ) -> Result<Option<(Values, Option<BooleanBuffer>)>> {
        let column = self.columns.get(slot).ok_or_else(not_loaded)?;
        let (number, page) = column.find(block, rows.start)?;
        let first = page.first_row as usize;
        if rows.end > first + page.rows as usize {
            return Ok(None);
        }
        let (offset, len) = (rows.start - first, rows.len());
        if column.widening.is_none() {
            self.load(&[slot], block, rows.start, metrics)?;
            let found = self.rows(&[slot], rows.start, len)?.pages.pop();
            let (_, page) = found.ok_or_else(not_loaded)?;
            return Ok(Some((self.flat(slot, page.values)?, page.validity)));
        }
        let wanted = PageRef { column: column.file_column, block, page: number };
        metrics.bytes_read += u64::from(page.length);
        let PagesRead { mut pages, reference_bytes } = self.reader.read_related(&[wanted])?;
        metrics.bytes_read += reference_bytes;
        metrics.pages_read += 1;
        let page = pages.pop().ok_or_else(not_loaded)?;
        let validity = page.validity.as_ref().map(|valid| valid.slice(offset, len));
        Ok(Some((self.reader.flat(wanted, page.values.slice(offset, len))?, validity)))
    }

    /// Decodes the strings of loaded pages that were left as symbols: several readers want them all.
    pub(crate) fn decode_strings(&mut self, slots: &[usize]) -> Result<()> {
        let mut any = false;
        for slot in slots {
            let Some(column) = self.columns.get_mut(*slot) else { continue };
            let Some(loaded) = &column.loaded else { continue };
            let DecodedValues::Symbols(strings) = &loaded.page.values else { continue };
            let values = column.flat(DecodedValues::Symbols(strings.clone()))?;
            if let Some(loaded) = &mut column.loaded {
                loaded.page.values = DecodedValues::Flat(values);
                any = true;
            }
        }
        if any { self.count_memory() } else { Ok(()) }
    }

    fn count_memory(&mut self) -> Result<()> {
        let loaded = self.columns.iter().filter_map(|column| column.loaded.as_ref());
        let bytes = loaded.map(|loaded| loaded.page.byte_len() as u64).sum();
        self.memory.resize("pages", bytes)
    }

    /// Rows `start..start + len` of the block in columns whose pages are loaded.
    pub(crate) fn rows(&self, slots: &[usize], start: usize, len: usize) -> Result<Rows> {
        let cut = |slot: &usize| {
            let loaded = self.loaded(*slot)?;
            let offset = loaded.offset(start, len)?;
            let page = DecodedPage {
                validity: loaded.page.validity.as_ref().map(|valid| valid.slice(offset, len)),
                values: loaded.page.values.slice(offset, len),
            };
            Ok((*slot, page))
        };
        Ok(Rows { len, pages: slots.iter().map(cut).collect::<Result<_>>()? })
    }

    /// The loaded page of a slot.
    pub(crate) fn loaded(&self, slot: usize) -> Result<&Loaded> {
        let column = self.columns.get(slot);
        column.and_then(|column| column.loaded.as_ref()).ok_or_else(not_loaded)
    }

    /// Whether arrays of a slot's page are cut out of it, so that they take no memory of their own.
    pub(crate) fn is_flat(&self, slot: usize) -> bool {
        self.loaded(slot).is_ok_and(|loaded| matches!(loaded.page.values, DecodedValues::Flat(_)))
    }

    /// `Corrupt` unless the loaded pages of all slots begin at one row.
    pub(crate) fn check_aligned(&self, slots: &[usize]) -> Result<()> {
        let mut first = None;
        for slot in slots {
            let row = self.loaded(*slot)?.first_row;
            if *first.get_or_insert(row) != row {
                return Err(Error::corrupt("the pages of a nested column begin at different rows"));
            }
        }
        Ok(())
    }

    /// One value per row, of some rows of a slot's loaded page.
    pub(crate) fn flat(&self, slot: usize, values: DecodedValues) -> Result<Values> {
        self.columns.get(slot).ok_or_else(not_loaded)?.flat(values)
    }

    /// The names of the columns of some slots.
    pub(crate) fn names(&self, slots: &[usize]) -> String {
        let name = |slot: &usize| {
            let column = self.columns.get(*slot)?;
            self.reader.stored().get(column.file_column).map(Column::name)
        };
        slots.iter().filter_map(name).collect::<Vec<_>>().join(", ")
    }

    /// The column of a slot.
    pub(crate) fn column(&mut self, slot: usize) -> Option<&mut ColumnPages> {
        self.columns.get_mut(slot)
    }
}

impl ColumnPages {
    /// One value per row, of some rows of the loaded page.
    pub(crate) fn flat(&self, values: DecodedValues) -> Result<Values> {
        let loaded = self.loaded.as_ref().ok_or_else(not_loaded)?;
        let page = PageRef { column: self.file_column, block: loaded.block, page: loaded.number };
        self.reader.flat(page, values)
    }

    fn find(&self, block: usize, row: usize) -> Result<(usize, &PageMeta)> {
        let pages = &self.meta.chunk(block)?.pages;
        let number = pages.partition_point(|page| (page.first_row as usize) <= row).wrapping_sub(1);
        pages
            .get(number)
            .filter(|page| row < page.first_row as usize + page.rows as usize)
            .map(|page| (number, page))
            .ok_or_else(|| Error::corrupt(format!("no page holds row {row} of block {block}")))
    }

    /// The loaded page and the type it has.
    pub(crate) fn loaded(&mut self) -> Result<&mut Loaded> {
        self.loaded.as_mut().ok_or_else(not_loaded)
    }
}

impl Loaded {
    /// Where row `start` of the block is in the page, which must hold `len` rows from there.
    pub(crate) fn offset(&self, start: usize, len: usize) -> Result<usize> {
        let rows = self.page.values.len();
        let whole = self.page.validity.as_ref().is_none_or(|valid| valid.len() == rows);
        start
            .checked_sub(self.first_row)
            .filter(|offset| whole && offset.checked_add(len).is_some_and(|end| end <= rows))
            .ok_or_else(|| Error::corrupt("a page holds other rows than its column says"))
    }
}

fn not_loaded() -> Error {
    Error::internal("a page was used before it was read")
}
