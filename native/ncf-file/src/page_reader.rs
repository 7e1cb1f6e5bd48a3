//! Reading data pages, and with them the pages of other columns that they refer to.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_buffer::Buffer;
use ncf_core::{Budget, DataType, Error, MemoryReservation, PhysicalType, Result, ResultExt};
use ncf_encoding::{DecodedPage, DecodedValues, SharedPages, decode_related, join};

use crate::checksum::PieceId;
use crate::column_meta::{ColumnMeta, PageMeta};
use crate::constants::PieceKind;
use crate::reader::{FileReader, PageRef, to_id};
use crate::source::read_coalesced;

/// Bytes of pages that are kept because others refer to them.
const KEPT_BYTES: usize = 4 << 20;
/// How many pages that are at most.
const KEPT_PAGES: usize = 16;

/// Pages that were read, in the order in which they were asked for.
#[derive(Debug)]
pub struct PagesRead {
    /// The pages.
    pub pages: Vec<DecodedPage>,
    /// Stored bytes of other pages, which had to be read for them.
    pub reference_bytes: u64,
}

/// Pages that are to be read, and where each of them is among these.
#[derive(Default)]
struct AllWanted {
    pages: Vec<Wanted>,
    places: HashMap<PageRef, usize>,
}

/// A page that is to be read.
struct Wanted {
    page: PageRef,
    meta: Arc<ColumnMeta>,
    shared: SharedPages,
    /// Stored bytes, once they are read.
    stored: Option<Buffer>,
    decoded: Option<DecodedPage>,
}

impl Wanted {
    fn meta(&self) -> Result<&PageMeta> {
        let chunk = self.meta.chunk(self.page.block)?;
        chunk
            .pages
            .get(self.page.page)
            .ok_or_else(|| Error::invalid_argument(format!("there is no page {}", self.page.page)))
    }

    /// Bytes of the decoded page, with the dictionary that it holds on to.
    fn byte_len(&self) -> usize {
        let Some(decoded) = &self.decoded else { return 0 };
        let dictionary = match &decoded.values {
            DecodedValues::Dictionary { values, .. } => values.byte_len(),
            _ => 0,
        };
        decoded.byte_len() + dictionary
    }
}

impl FileReader {
    /// Reads, verifies and decodes pages, with as few reads as possible.
    pub fn read_pages(&self, pages: &[PageRef]) -> Result<Vec<DecodedPage>> {
        Ok(self.read_related(pages)?.pages)
    }

    /// As [`FileReader::read_pages`], with what was read beside them.
    pub fn read_related(&self, pages: &[PageRef]) -> Result<PagesRead> {
        let mut all = AllWanted::default();
        for page in pages {
            all.places.entry(*page).or_insert(all.pages.len());
            all.pages.push(self.wanted(*page)?);
        }
        for at in 0..pages.len() {
            self.add_references(at, &mut all)?;
        }
        let mut memory = self.memory().reservation();
        let reference_bytes = self.load(&mut all.pages, pages.len(), &mut memory)?;
        self.decode_all(&mut all, pages.len(), &mut memory)?;
        for one in all.pages.iter().skip(pages.len()) {
            self.references.keep(one, self.memory().reservation())?;
        }
        let missing = || Error::internal("a page was not read");
        let decoded = all.pages.into_iter().take(pages.len());
        let pages = decoded.map(|one| one.decoded.ok_or_else(missing)).collect::<Result<_>>()?;
        Ok(PagesRead { pages, reference_bytes })
    }

    /// The first `requested` pages, and before them what they refer to.
    fn decode_all(
        &self,
        all: &mut AllWanted,
        requested: usize,
        memory: &mut MemoryReservation,
    ) -> Result<()> {
        let mut beside = 0;
        let mut held: u64 =
            all.pages.iter().filter_map(|one| one.stored.as_ref()).map(bytes_of).sum();
        // What others refer to comes first; it refers to nothing itself.
        let refers = |one: &Wanted| !one.shared.references().is_empty();
        let mut order: Vec<usize> = (0..all.pages.len()).collect();
        order.sort_by_key(|at| all.pages.get(*at).is_some_and(refers));
        for at in order {
            let Some(one) = all.pages.get(at).filter(|one| one.decoded.is_none()) else { continue };
            self.options.interruption.check()?;
            let decoded = self.decode(one, all).map_err(|error| self.in_page(error, one.page))?;
            held += decoded.byte_len() as u64;
            self.hold(memory, "pages", held)?;
            if at >= requested {
                beside += decoded.byte_len() as u64;
                let limit = self.options.limits.rows_bytes.saturating_mul(requested as u64);
                if beside > limit {
                    let what = "pages that others refer to";
                    return Err(self.in_page(Error::limit_exceeded(what, beside, limit), one.page));
                }
            }
            if let Some(one) = all.pages.get_mut(at) {
                one.decoded = Some(decoded);
            }
        }
        Ok(())
    }

    /// Makes a reservation `bytes` long, if need be with the memory of pages that were kept.
    fn hold(&self, memory: &mut MemoryReservation, what: &str, bytes: u64) -> Result<()> {
        if !memory.try_resize(bytes)? {
            self.references.clear();
            memory.resize(what, bytes).at("file", || self.name())?;
        }
        Ok(())
    }

    fn wanted(&self, page: PageRef) -> Result<Wanted> {
        let one = Wanted {
            page,
            meta: self.column(page.column)?,
            shared: self.shared(page.column, page.block)?,
            stored: None,
            decoded: self.references.get(page),
        };
        one.meta()?;
        Ok(one)
    }

    /// Adds the pages of other columns that hold the rows of a page that refers to them.
    fn add_references(&self, at: usize, all: &mut AllWanted) -> Result<()> {
        let Some(one) = all.pages.get(at).filter(|one| one.decoded.is_none()) else {
            return Ok(());
        };
        let (page, columns) = (one.page, one.shared.references().to_vec());
        if columns.is_empty() {
            return Ok(());
        }
        let rows = rows_of(one.meta()?);
        for column in columns {
            let column = column as usize;
            let usable = self.stored().get(column).is_some_and(|stored| {
                stored.repeated_by.is_none() && stored.data_type.physical() != PhysicalType::Bool
            });
            if !usable || !self.shared(column, page.block)?.references().is_empty() {
                let error = Error::corrupt(format!(
                    "a page refers to column {column}, which is boolean, nested, none of the file's, or refers to \
                     others itself"
                ));
                return Err(self.in_page(error, page));
            }
            for number in self.column(column)?.chunk(page.block)?.pages_of(rows.clone()) {
                let reference = PageRef { column, block: page.block, page: number };
                if !all.places.contains_key(&reference) {
                    all.places.insert(reference, all.pages.len());
                    all.pages.push(self.wanted(reference)?);
                }
            }
        }
        Ok(())
    }

    /// Reads what is not decoded yet, and answers how many bytes of that are of pages beyond the first `requested`.
    fn load(
        &self,
        wanted: &mut [Wanted],
        requested: usize,
        memory: &mut MemoryReservation,
    ) -> Result<u64> {
        let mut ranges = Vec::with_capacity(wanted.len());
        let mut beside = 0;
        for (at, one) in wanted.iter().enumerate().filter(|(_, one)| one.decoded.is_none()) {
            let meta = one.meta()?;
            ranges.push(meta.offset..meta.offset + u64::from(meta.length));
            beside += if at < requested { 0 } else { u64::from(meta.length) };
        }
        let stored = ranges.iter().map(|range| range.end - range.start).sum();
        self.hold(memory, "stored pages", stored)?;
        let buffers = read_coalesced(&*self.source, &ranges).at("file", || self.name())?;
        let missing = wanted.iter_mut().filter(|one| one.decoded.is_none());
        for (one, buffer) in missing.zip(buffers) {
            one.stored = Some(buffer);
        }
        Ok(beside)
    }

    fn decode(&self, one: &Wanted, all: &AllWanted) -> Result<DecodedPage> {
        let meta = one.meta()?;
        let stored = one.stored.as_ref().ok_or_else(|| Error::internal("a page was not read"))?;
        let id = PieceId {
            kind: PieceKind::DataPage,
            column: to_id(one.page.column),
            block: to_id(one.page.block),
            page: to_id(one.page.page),
        };
        self.verify_page(id, stored, meta.crc)?;
        let data_type = self.stored_column(one.page.column)?.data_type;
        let (physical, values) = (data_type.physical(), meta.values as usize);
        let utf8 = data_type == DataType::String;
        let budget = self.page_budget(meta.rows as usize);
        let references = self.references_of(one, all, &budget)?;
        decode_related(stored, physical, values, utf8, &one.shared, &references, &budget)
    }

    /// The values of the columns that a page refers to, in its rows.
    fn references_of(
        &self,
        one: &Wanted,
        all: &AllWanted,
        budget: &Budget,
    ) -> Result<Vec<DecodedValues>> {
        let rows = rows_of(one.meta()?);
        let of_column = |column: &u32| {
            let column = *column as usize;
            let meta = self.column(column)?;
            let chunk = meta.chunk(one.page.block)?;
            let mut parts = Vec::new();
            for number in chunk.pages_of(rows.clone()) {
                let page = PageRef { column, block: one.page.block, page: number };
                let have = all.places.get(&page).and_then(|at| all.pages.get(*at));
                let have = have.and_then(|have| Some((have.decoded.as_ref()?, have.meta().ok()?)));
                let (decoded, meta) = have.ok_or_else(|| {
                    Error::corrupt("a page refers to a column that refers to others")
                })?;
                let of_page = rows_of(meta);
                let (start, end) = (of_page.start.max(rows.start), of_page.end.min(rows.end));
                let (offset, len) = (start - of_page.start, end.saturating_sub(start));
                parts.push(decoded.values.slice(offset as usize, len as usize));
            }
            join(parts, budget)
        };
        one.shared.references().iter().map(of_column).collect()
    }
}

fn bytes_of(stored: &Buffer) -> u64 {
    stored.len() as u64
}

/// A page's rows, counted from its block's first.
fn rows_of(meta: &PageMeta) -> Range<u32> {
    meta.first_row..meta.first_row + meta.rows
}

/// Decoded pages to which others refer: whoever scans columns one by one would decode them again and again.
#[derive(Default)]
pub(crate) struct ReferenceCache(Mutex<Vec<Kept>>);

struct Kept {
    page: PageRef,
    decoded: DecodedPage,
    bytes: usize,
    #[expect(dead_code, reason = "counts until the page is dropped")]
    memory: MemoryReservation,
}

impl ReferenceCache {
    fn get(&self, page: PageRef) -> Option<DecodedPage> {
        let mut kept = self.lock();
        let at = kept.iter().position(|kept| kept.page == page)?;
        // The page used last is the last to go.
        let found = kept.remove(at);
        let decoded = found.decoded.clone();
        kept.push(found);
        Some(decoded)
    }

    /// Keeps a page where there is memory for it.
    fn keep(&self, one: &Wanted, mut memory: MemoryReservation) -> Result<()> {
        let (Some(decoded), bytes) = (&one.decoded, one.byte_len()) else { return Ok(()) };
        let mut kept = self.lock();
        if bytes > KEPT_BYTES / 2 || kept.iter().any(|kept| kept.page == one.page) {
            return Ok(());
        }
        while kept.len() == KEPT_PAGES
            || kept.iter().map(|kept| kept.bytes).sum::<usize>() + bytes > KEPT_BYTES
        {
            kept.remove(0);
        }
        if memory.try_resize_sparing(bytes as u64)? {
            kept.push(Kept { page: one.page, decoded: decoded.clone(), bytes, memory });
        }
        Ok(())
    }

    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
