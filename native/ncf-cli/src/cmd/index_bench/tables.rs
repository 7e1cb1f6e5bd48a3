//! Look-ups of single keys in tables of many files, and what they read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use indicatif::ProgressBar;
use ncf::dataset::{
    CommitFile, CommitRequest, Dataset, DatasetOptions, ScanRequest, SplitReader, commit,
};
use ncf::hash::hash_u64;
use ncf::index::learned::VECTOR_ROWS;
use ncf::table::Operation;
use ncf::{
    CompareOp, DataType, Error, Field, FileReader, FileWriter, LocalSink, MmapSource, Predicate,
    ReadOptions, Result, Scalar, Schema, Storage, WriterOptions, to_arrow_schema,
};

use super::BATCH;
use super::counting::Counting;
use super::shapes::Random;

/// Files of a table.
pub(super) const FILES: usize = 100;
/// Keys of each file that are looked up, with as many that are absent.
const SORTED_LOOKUPS: usize = 5;
/// The same where every file is opened for every look-up.
const RANDOM_LOOKUPS: usize = 1;

/// In which order keys stand in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// They rise through all files, by gaps of 1 to 100.
    Sorted,
    /// None: unique random numbers of 64 bits, with filters.
    Random,
}

/// What one look-up, or a scan, has read.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cost {
    pub(super) rows: u64,
    /// Footers, one for each time that a file was opened.
    pub(super) footers: u64,
    /// Data pages that were read, and blocks that these stand in.
    pub(super) pages: u64,
    pub(super) blocks: u64,
    /// Vectors that neither bounds nor indexes ruled out, by the scan's own count.
    pub(super) vectors: u64,
    /// Bytes asked of files and log.
    pub(super) bytes: u64,
    /// Opening the table included.
    pub(super) seconds: f64,
}

/// What was measured of a table.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) order: Order,
    pub(super) keys: u64,
    /// Stored bytes of all files.
    pub(super) bytes: u64,
    pub(super) blocks: u64,
    pub(super) scan: Cost,
    pub(super) present: Vec<Cost>,
    pub(super) absent: Vec<Cost>,
    /// Look-ups that did not find exactly the rows that they should.
    pub(super) violations: u64,
}

/// A table on disk.
struct Table {
    root: PathBuf,
    keys: u64,
    /// Keys that are there, and some that are not.
    present: Vec<i64>,
    absent: Vec<i64>,
    pages: BTreeMap<PathBuf, Pages>,
}

/// The data pages of a file.
struct Pages {
    /// Bytes of the file.
    end: u64,
    /// Where each page is, in order, and in which block.
    pages: Vec<(Range<u64>, usize)>,
}

/// Writes a table of `keys` keys to the folder `root`, which must not exist, and looks keys up in it.
pub(super) fn measure(
    order: Order,
    keys: usize,
    root: &Path,
    seed: u64,
    bar: &ProgressBar,
) -> Result<Measured> {
    if keys < FILES {
        let message =
            format!("a table of {FILES} files needs a key in each; give --keys 10 or more");
        return Err(Error::invalid_argument(message));
    }
    let table = Table::write(order, keys / FILES, root, seed, bar)?;
    let mut violations = 0;
    let mut look_up = |keys: &[i64], rows: u64| -> Result<Vec<Cost>> {
        let costs = keys.iter().map(|key| table.read(Some(*key))).collect::<Result<Vec<_>>>()?;
        violations += costs.iter().filter(|cost| cost.rows != rows).count() as u64;
        Ok(costs)
    };
    let present = look_up(&table.present, 1)?;
    let absent = look_up(&table.absent, 0)?;
    let scan = table.read(None)?;
    violations += u64::from(scan.rows != table.keys);
    Ok(Measured {
        order,
        keys: table.keys,
        bytes: table.bytes()?,
        blocks: table.blocks(),
        scan,
        present,
        absent,
        violations,
    })
}

impl Table {
    fn write(order: Order, rows: usize, root: &Path, seed: u64, bar: &ProgressBar) -> Result<Self> {
        let schema = Schema::new(vec![
            Field::new(1, "key", DataType::Int64, false),
            Field::new(2, "value", DataType::Int32, false),
        ])?;
        let (mut files, mut pages) = (Vec::new(), BTreeMap::new());
        let mut keys = Keys::new(order, rows, seed);
        for number in 0..FILES {
            let path = format!("data/{number:03}.ncf");
            let file = root.join(&path);
            let options = WriterOptions {
                threads: available_parallelism().map_or(1, usize::from),
                filter_columns: match order {
                    Order::Sorted => Vec::new(),
                    Order::Random => vec!["key".into()],
                },
                ..WriterOptions::default()
            };
            let sink = Box::new(LocalSink::create_new(&file)?);
            let mut writer = FileWriter::new(sink, schema.clone(), options)?;
            keys.write_file(number, &schema, &mut writer)?;
            let summary = writer.finish()?;
            files.push(CommitFile { path, summary, partition_values: BTreeMap::new() });
            pages.insert(file.clone(), pages_of(&file)?);
            bar.inc(1);
        }
        let request = CommitRequest {
            operation: Operation::Create,
            schema,
            partition_columns: Vec::new(),
            files,
            read_version: None,
            app: None,
            properties: None,
            partition: BTreeMap::new(),
        };
        commit(root, request)?;
        Ok(Self {
            root: root.to_path_buf(),
            keys: (rows * FILES) as u64,
            present: keys.present,
            absent: keys.absent,
            pages,
        })
    }

    /// Both columns of the rows with a key, or of all, through the layers that connectors use.
    fn read(&self, key: Option<i64>) -> Result<Cost> {
        let counting = Counting::default();
        let storage: Arc<dyn Storage> = Arc::new(counting.clone());
        let start = Instant::now();
        let dataset = Dataset::open_in(&storage, &self.root, &DatasetOptions::default())?;
        let filter = key.map(|key| Predicate::compare("key", CompareOp::Eq, Scalar::Bigint(key)));
        let request = ScanRequest {
            columns: Some(vec!["key".into(), "value".into()]),
            filter,
            ..ScanRequest::default()
        };
        let mut cost = Cost::default();
        for split in dataset.plan(&request)?.splits {
            let reader = SplitReader { storage: storage.clone(), ..SplitReader::default() };
            let mut scan = reader.open(&split, dataset.schema(), &request)?;
            while let Some(batch) = scan.next_batch()? {
                cost.rows += batch.num_rows() as u64;
            }
            cost.vectors += scan.metrics().rows_scanned.div_ceil(VECTOR_ROWS as u64);
        }
        cost.seconds = start.elapsed().as_secs_f64();
        let (files, log) = counting.take();
        cost.bytes = log;
        for (path, reads) in files {
            cost.footers += reads.opened;
            cost.bytes += reads.ranges.iter().map(|range| range.end - range.start).sum::<u64>();
            let (pages, blocks) = self.touched(&path, &reads.ranges);
            cost.pages += pages;
            cost.blocks += blocks;
        }
        Ok(cost)
    }

    /// Data pages of a file that lie in one of the ranges, and the blocks of these. Ranges up to the end of the file are
    /// its footer's, whatever they hold of what stands before it.
    fn touched(&self, path: &Path, ranges: &[Range<u64>]) -> (u64, u64) {
        let Some(Pages { end, pages }) = self.pages.get(path) else { return (0, 0) };
        let mut touched = BTreeSet::new();
        for range in ranges.iter().filter(|range| range.end < *end) {
            let first = pages.partition_point(|(page, _)| page.start < range.start);
            let inside = pages.get(first..).unwrap_or_default();
            let inside = inside.iter().take_while(|(page, _)| page.end <= range.end);
            touched.extend(inside.map(|(page, block)| (page.start, *block)));
        }
        let blocks: BTreeSet<usize> = touched.iter().map(|(_, block)| *block).collect();
        (touched.len() as u64, blocks.len() as u64)
    }

    fn blocks(&self) -> u64 {
        let of_file = |Pages { pages, .. }: &Pages| {
            pages.iter().map(|(_, block)| block).collect::<BTreeSet<_>>().len() as u64
        };
        self.pages.values().map(of_file).sum()
    }

    fn bytes(&self) -> Result<u64> {
        Ok(Dataset::open(&self.root, &DatasetOptions::default())?.bytes())
    }
}

fn pages_of(file: &Path) -> Result<Pages> {
    let reader = FileReader::open(Arc::new(MmapSource::open(file)?), ReadOptions::default())?;
    let mut found = Vec::new();
    for column in 0..reader.stored().len() {
        for (block, chunk) in reader.column(column)?.blocks.iter().enumerate() {
            let range = |offset: u64, length: u32| offset..offset + u64::from(length);
            found.extend(chunk.pages.iter().map(|page| (range(page.offset, page.length), block)));
        }
    }
    found.sort_by_key(|(page, _)| page.start);
    Ok(Pages { end: reader.len(), pages: found })
}

/// Makes the keys of a table, one file after the other.
struct Keys {
    order: Order,
    /// Rows of a file.
    rows: usize,
    seed: u64,
    random: Random,
    /// The last one of those in order.
    last: i64,
    present: Vec<i64>,
    absent: Vec<i64>,
}

impl Keys {
    fn new(order: Order, rows: usize, seed: u64) -> Self {
        let (present, absent) = (Vec::new(), Vec::new());
        Self { order, rows, seed, random: Random(seed), last: 0, present, absent }
    }

    fn write_file(
        &mut self,
        number: usize,
        schema: &Schema,
        writer: &mut FileWriter,
    ) -> Result<()> {
        let arrow = Arc::new(to_arrow_schema(schema));
        let lookups = match self.order {
            Order::Sorted => SORTED_LOOKUPS,
            Order::Random => RANDOM_LOOKUPS,
        };
        let row = |random: &mut Random| random.below(self.rows as u64);
        let looked_up: BTreeSet<u64> = (0..lookups).map(|_| row(&mut self.random)).collect();
        for start in (0..self.rows).step_by(BATCH) {
            let rows = start..self.rows.min(start + BATCH);
            let mut keys = Vec::with_capacity(rows.len());
            for row in rows.clone() {
                let row = row as u64;
                let (key, absent) = self.next((number * self.rows) as u64 + row);
                if looked_up.contains(&row) {
                    self.present.push(key);
                    self.absent.push(absent);
                }
                keys.push(key);
            }
            let values = rows.map(|_| i32::try_from(self.random.below(1_000_000)).unwrap_or(0));
            let values: ArrayRef = Arc::new(Int32Array::from_iter_values(values));
            let keys: ArrayRef = Arc::new(Int64Array::from(keys));
            let batch = RecordBatch::try_new(arrow.clone(), vec![keys, values])
                .map_err(|error| Error::internal(format!("keys are no batch: {error}")))?;
            writer.write(&batch)?;
        }
        Ok(())
    }

    /// The key of a row, and one that is not in the table.
    fn next(&mut self, row: u64) -> (i64, i64) {
        match self.order {
            // Gaps are 1 to 100, of which the last number is a key.
            Order::Sorted => {
                let gap = 1 + self.random.below(100).cast_signed();
                self.last += gap;
                let absent = if gap > 1 { self.last - 1 } else { -self.last };
                (self.last, absent)
            }
            // The hash is a bijection, so that no two rows have the same.
            Order::Random => {
                let key = |row: u64| hash_u64(self.seed.wrapping_add(row)).cast_signed();
                (key(row), key(row + (1 << 40)))
            }
        }
    }
}
