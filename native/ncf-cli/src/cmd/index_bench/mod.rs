//! `ncf index-bench`: what the learned index of a sorted column takes and gives, beside other indexes.

mod counting;
mod nearly;
mod report;
mod rivals;
mod shapes;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use clap::{Args, ValueEnum};
use ncf::index::learned::{Search, VECTOR_ROWS, WINDOW, Wanted};
use ncf::index::{Description, Index};
use ncf::{
    ByteSink, CompareOp, DataType, Error, Field, FileReader, FileWriter, LocalSink, MemorySink,
    MmapSource, Profile, ReadOptions, Result, Scalar, Schema, WriterOptions, to_arrow_schema,
};

use crate::progress;
use nearly::{NEARLY, Nearly};
use report::{Limit, Row};
use rivals::BTree;
use shapes::{Keys, Random, SHAPES};
use tables::{Measured, Order};

/// Keys of a batch that is written.
const BATCH: usize = 65_536;
/// More keys than this are not looked up in trees: these would not fit in memory.
const MOST_LOOKED_UP: usize = 50_000_000;
/// Rounds in which a file is written with an index and without.
const WRITES: usize = 21;
/// Columns beside the keys of a table that is no index alone.
const BESIDE: usize = 7;

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Sizes and look-ups in memory, of sorted keys of many shapes.
    Shapes,
    /// What two envelopes would tell of nearly sorted keys, beside zone maps.
    Nearly,
    /// What a look-up reads of a sorted table of 100 files.
    Sorted,
    /// What a look-up reads of a table of unique keys in no order, with filters.
    Unsorted,
}

/// Measures the learned index on sorted keys of many shapes, beside B+trees, fences and zone maps.
///
/// Of each shape a file is written; sizes are those of the index in the file and of the others as they would be
/// stored. A million keys, present and absent, are searched for, and every one must be where the index says. Then
/// two tables of 100 files, a sorted one and one in no order with filters, tell what a look-up reads. Nearly sorted keys
/// get no index; beside their zone maps stands what one of two envelopes would tell.
#[derive(Debug, Args)]
pub(crate) struct IndexBench {
    /// Keys of each shape; each table has ten times as many.
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    keys: usize,
    /// Only this part; may be repeated.
    #[arg(long, value_name = "PART", value_enum)]
    only: Vec<Part>,
    /// Only these shapes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    shapes: Vec<String>,
    /// Seed of the keys; new in every run unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Where files are written, one or one table at a time; the directory for temporary files unless given.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Writes the report there as Markdown, too.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl IndexBench {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let fresh = now.map_or(0, |now| now.as_secs());
        let seed = self.seed.unwrap_or(fresh);
        let folder = self.directory.clone().unwrap_or_else(std::env::temp_dir);
        let file = folder.join(format!("ncf-index-bench-{}.ncf", std::process::id()));
        let (mut text, mut limits, mut missed) = (report::head(&self.command(seed)), Vec::new(), 0);
        if self.wants(Part::Shapes) {
            missed += self.measure_shapes(seed, &file, &mut text, &mut limits)?;
        }
        if self.wants(Part::Nearly) {
            let rows = self.measure_nearly(seed, &file)?;
            report::nearly(&mut text, &rows, self.keys);
        }
        if self.wants(Part::Sorted) || self.wants(Part::Unsorted) {
            report::about_lookups(&mut text);
        }
        for (part, order) in [(Part::Sorted, Order::Sorted), (Part::Unsorted, Order::Random)] {
            if self.wants(part) {
                let measured = self.measure_table(order, seed, &file.with_extension(""))?;
                missed += measured.violations;
                report::lookups(&mut text, &mut limits, &measured);
            }
        }
        report::limits(&mut text, &limits);
        print!("{text}");
        if let Some(path) = &self.write {
            std::fs::write(path, &text)
                .map_err(|error| Error::io("cannot write the report", error))
                .map_err(|error| error.with("file", path.display()))?;
        }
        match missed {
            0 => Ok(()),
            missed => Err(Error::internal(format!("{missed} keys were not where an index said"))),
        }
    }

    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// What repeats the run.
    fn command(&self, seed: u64) -> String {
        let mut command = format!("ncf index-bench --keys {} --seed {seed}", self.keys);
        for name in self.only.iter().filter_map(ValueEnum::to_possible_value) {
            command.push_str(&format!(" --only {}", name.get_name()));
        }
        if !self.shapes.is_empty() {
            command.push_str(&format!(" --shapes {}", self.shapes.join(",")));
        }
        command
    }

    /// The part on shapes; the number of keys that were not where an index said.
    fn measure_shapes(
        &self,
        seed: u64,
        file: &Path,
        text: &mut String,
        limits: &mut Vec<Limit>,
    ) -> Result<u64> {
        let wanted: Vec<&str> = match self.shapes.is_empty() {
            true => SHAPES.iter().map(|(name, _)| *name).collect(),
            false => self.shapes.iter().map(String::as_str).collect(),
        };
        let bar = progress::bar(Some(wanted.len() as u64), "index-bench", "shapes");
        let (mut rows, mut without) = (Vec::new(), Vec::new());
        for shape in wanted {
            let row = self.measure(shape, seed, file);
            // Best effort: the file is of no use to anyone.
            let _ = std::fs::remove_file(file);
            match row? {
                Some(row) => rows.push(row),
                None => without.push(shape),
            }
            bar.inc(1);
        }
        let learning = [self.learning(seed, 0)?, self.learning(seed, BESIDE)?];
        bar.finish_and_clear();
        report::shapes(text, limits, &rows, &without, learning, self.keys);
        Ok(rows.iter().map(|row| row.violations).sum())
    }

    /// The part on nearly sorted keys.
    fn measure_nearly(&self, seed: u64, file: &Path) -> Result<Vec<Nearly>> {
        let bar = progress::bar(Some(NEARLY.len() as u64), "index-bench", "shapes");
        let measured = NEARLY.map(|(shape, _)| {
            let row = nearly::measure(shape, self.keys.max(1), seed, file);
            // Best effort: the file is of no use to anyone.
            let _ = std::fs::remove_file(file);
            bar.inc(1);
            row
        });
        bar.finish_and_clear();
        measured.into_iter().collect()
    }

    /// The part on a table of many files, which is made at `root` and removed.
    fn measure_table(&self, order: Order, seed: u64, root: &Path) -> Result<Measured> {
        let bar = progress::bar(Some(tables::FILES as u64), "index-bench", "files");
        let measured = tables::measure(order, self.keys.saturating_mul(10), root, seed, &bar);
        // Best effort: the table is of no use to anyone.
        let _ = std::fs::remove_dir_all(root);
        bar.finish_and_clear();
        measured
    }

    /// `None` where the file has no index.
    fn measure(&self, shape: &str, seed: u64, path: &Path) -> Result<Option<Row>> {
        let mut random = Random(seed);
        // Text takes several times the memory of numbers.
        let count =
            if matches!(shape, "uuid" | "order-id" | "url") { self.keys / 10 } else { self.keys };
        let keys = shapes::make(shape, count.max(VECTOR_ROWS), &mut random).ok_or_else(|| {
            let known: Vec<&str> = SHAPES.iter().map(|(name, _)| *name).collect();
            Error::invalid_argument(format!(
                "there is no shape {shape}; there are {}",
                known.join(", ")
            ))
        })?;
        write(&keys, Box::new(LocalSink::create_new(path)?), Profile::Fast, true, 0)?;
        let reader = FileReader::open(Arc::new(MmapSource::open(path)?), ReadOptions::default())?;
        let index = reader.index(0)?;
        let Some(index) = index.as_ref() else { return Ok(None) };
        let Description { kind, window, parts, .. } = index.describe();
        let mut row = Row {
            shape: shape.to_string(),
            keys: keys.len() as u64,
            kind,
            parts,
            bytes: reader.index_bytes(0),
            window,
            dense: 0,
            sparse: 0,
            zone_maps: reader.statistics_bytes(0),
            fences: 0,
            file: reader.len(),
            nanos: [None; 4],
            violations: 0,
        };
        // Fences of an index are as far apart as its own; with duplicates a search names some more vectors.
        let apart = if row.kind.starts_with("fences") { WINDOW } else { report::vectors(window) };
        let every = VECTOR_ROWS * apart;
        match &keys {
            Keys::Numbers(keys) => {
                self.measure_numbers(keys, every, index, &mut row, &mut random)?
            }
            Keys::Texts(keys) => measure_texts(keys, every, index, &mut row, &mut random)?,
        }
        Ok(Some(row))
    }

    fn measure_numbers(
        &self,
        keys: &[i64],
        every: usize,
        index: &Index,
        row: &mut Row,
        random: &mut Random,
    ) -> Result<()> {
        let keep = self.keys <= MOST_LOOKED_UP;
        let (dense, sparse) = (BTree::build(keys, 1, keep), BTree::build(keys, VECTOR_ROWS, true));
        (row.dense, row.sparse) = (dense.bytes(), sparse.bytes());
        row.fences = rivals::number_fences(keys, every)?;
        for _ in 0..500_000 {
            let at = usize::try_from(random.below(keys.len() as u64)).unwrap_or(0);
            let present = keys.get(at).copied().unwrap_or_default();
            let absent = random.next().cast_signed() >> random.below(50);
            for key in [present, absent] {
                let range = equal(keys, &key);
                row.violations += u64::from(!holds(&search(index, &Scalar::Bigint(key)), &range));
            }
        }
        let first = |key: i64| {
            let found = search(index, &Scalar::Bigint(key));
            found.vectors.first().map_or(0, |run| run.start)
        };
        row.nanos[0] = Some(rivals::time(keys, random, first));
        row.nanos[2] = Some(rivals::time(keys, random, |key| sparse.find(key)));
        if keep {
            row.nanos[1] = Some(rivals::time(keys, random, |key| dense.find(key)));
            drop(dense);
            row.nanos[3] = Some(rivals::time_map(keys, random));
        }
        Ok(())
    }

    /// How much longer a file takes to write into memory with its index, in percent: the median of pairs. The keys
    /// stand beside so many columns of random numbers.
    fn learning(&self, seed: u64, beside: usize) -> Result<f64> {
        let keys = shapes::make("books", self.keys.min(4_000_000), &mut Random(seed));
        let Some(keys) = keys else { return Ok(0.0) };
        let timed = |index| -> Result<f64> {
            let start = Instant::now();
            let sink = Box::new(MemorySink::new());
            write(&keys, sink, Profile::Balanced, index, beside)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let mut ratios = Vec::with_capacity(WRITES);
        for round in 0..WRITES {
            // Each goes first in turn.
            let first = timed(round % 2 == 0)?;
            let second = timed(round % 2 == 1)?;
            ratios.push(if round % 2 == 0 { first / second } else { second / first });
        }
        ratios.sort_by(f64::total_cmp);
        Ok(ratios.get(WRITES / 2).map_or(0.0, |ratio| (ratio - 1.0) * 100.0))
    }
}

fn measure_texts(
    keys: &[String],
    every: usize,
    index: &Index,
    row: &mut Row,
    random: &mut Random,
) -> Result<()> {
    // A B+tree of strings holds each string and eight bytes of its row, in pages that are full.
    let bytes: u64 = keys.iter().map(|key| key.len() as u64 + 8).sum();
    let sparse: u64 = keys.iter().step_by(VECTOR_ROWS).map(|key| key.len() as u64 + 8).sum();
    (row.dense, row.sparse) = (bytes, sparse);
    row.fences = rivals::text_fences(keys, every)?;
    for _ in 0..100_000 {
        let at = usize::try_from(random.below(keys.len() as u64)).unwrap_or(0);
        let present = keys.get(at).cloned().unwrap_or_default();
        let absent = format!("{present}!");
        for key in [present, absent] {
            let range = equal(keys, &key);
            row.violations += u64::from(!holds(&search(index, &Scalar::String(key)), &range));
        }
    }
    Ok(())
}

/// The rows of a key.
fn equal<K: Ord>(keys: &[K], key: &K) -> std::ops::Range<usize> {
    keys.partition_point(|have| have < key)..keys.partition_point(|have| have <= key)
}

fn search(index: &Index, key: &Scalar) -> Search {
    index.search(Wanted::Compared(CompareOp::Eq, key)).unwrap_or_default()
}

/// Whether a search names the vectors of all rows.
fn holds(search: &Search, rows: &std::ops::Range<usize>) -> bool {
    let vector = |row: usize| (row / VECTOR_ROWS) as u64;
    rows.is_empty()
        || search
            .vectors
            .iter()
            .any(|run| run.start <= vector(rows.start) && vector(rows.end - 1) < run.end)
}

/// Writes a file of keys, and of so many columns of random numbers beside them.
fn write(
    keys: &Keys,
    sink: Box<dyn ByteSink>,
    profile: Profile,
    index: bool,
    beside: usize,
) -> Result<()> {
    let data_type = match keys {
        Keys::Numbers(_) => DataType::Int64,
        Keys::Texts(_) => DataType::String,
    };
    let mut fields = vec![Field::new(1, "key", data_type, false)];
    fields.extend(
        (2..).take(beside).map(|id| Field::new(id, format!("c{id}"), DataType::Int32, false)),
    );
    let schema = Schema::new(fields)?;
    let arrow = Arc::new(to_arrow_schema(&schema));
    let options = WriterOptions { profile, index, ..WriterOptions::default() };
    let mut writer = FileWriter::new(sink, schema, options)?;
    let mut random = Random(1);
    for start in (0..keys.len()).step_by(BATCH) {
        let rows = start..keys.len().min(start + BATCH);
        let mut columns: Vec<ArrayRef> = vec![match keys {
            Keys::Numbers(keys) => {
                Arc::new(Int64Array::from(keys.get(rows.clone()).unwrap_or_default().to_vec()))
            }
            Keys::Texts(keys) => {
                Arc::new(StringArray::from_iter_values(keys.get(rows.clone()).unwrap_or_default()))
            }
        }];
        for _ in 0..beside {
            let numbers = rows.clone().map(|_| i32::try_from(random.below(1_000_000)).unwrap_or(0));
            columns.push(Arc::new(Int32Array::from_iter_values(numbers)));
        }
        let batch = RecordBatch::try_new(arrow.clone(), columns)
            .map_err(|error| Error::internal(format!("keys are no batch: {error}")))?;
        writer.write(&batch)?;
    }
    writer.finish().map(|_| ())
}
