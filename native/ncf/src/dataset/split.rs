//! Runs of rows of one file: what one task reads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ncf_core::{Error, Interruption, MemoryConsumer, Result, ResultExt, Schema, find_name};
use ncf_file::{ByteSource, FileReader, MmapSource, ReadOptions};
use ncf_index::Models;
use ncf_scan::{ColumnSource, Scan, ScanBuilder, ScanColumn, check_readable};
use serde::{Deserialize, Serialize};

use super::ScanRequest;
use super::partition::parse_partition_value;
use super::plan::{PlannedBlock, projected_columns};
use crate::storage::{LocalStorage, Storage};

/// Rows of a file, with what is needed to read them without the dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Split {
    /// Path of the file.
    pub file: String,
    /// Identity that the file must have.
    pub uuid: String,
    /// Digest that the file must have, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Blocks that hold the rows to read, and those between them.
    pub blocks: Range<usize>,
    /// Rows to read, counted from the file's first, in order and apart. No others can match.
    pub row_runs: Vec<Range<u64>>,
    /// How many these are.
    pub rows: u64,
    /// Rows of the blocks that hold them.
    pub block_rows: u64,
    /// Stored bytes of the pages of the projected columns that hold them.
    pub bytes: u64,
    /// Partition values of the file.
    pub partition_values: BTreeMap<String, Option<String>>,
}

/// How a split is read.
#[derive(Debug, Clone)]
pub struct SplitReader {
    /// Where the file is.
    pub storage: Arc<dyn Storage>,
    /// Rows of a batch.
    pub batch_rows: usize,
    /// Whether strings may come as dictionary arrays: see [`ScanBuilder::keep_dictionaries`].
    pub keep_dictionaries: bool,
    /// Whether page checksums are verified.
    pub verify_checksums: bool,
    /// Memory-map the file, which is local, instead of reading by position.
    pub memory_map: bool,
    /// Most rows wanted.
    pub limit: Option<u64>,
    /// Holds the memory of the scan.
    pub memory: MemoryConsumer,
    /// Asked before each page is decoded.
    pub interruption: Interruption,
    /// The models that the caller trusts: see [`Dataset::models`](super::Dataset::models).
    pub models: Option<Arc<dyn Models>>,
}

impl Default for SplitReader {
    fn default() -> Self {
        Self {
            storage: Arc::new(LocalStorage),
            batch_rows: 8192,
            keep_dictionaries: false,
            verify_checksums: true,
            memory_map: false,
            limit: None,
            memory: MemoryConsumer::default(),
            interruption: Interruption::default(),
            models: None,
        }
    }
}

impl SplitReader {
    /// Starts reading. `schema` is the dataset's; `request` the one that was planned.
    pub fn open(&self, split: &Split, schema: &Schema, request: &ScanRequest) -> Result<Scan> {
        let source: Arc<dyn ByteSource> = if self.memory_map {
            Arc::new(MmapSource::open(&split.file)?)
        } else {
            self.storage.open(Path::new(&split.file))?
        };
        let options = ReadOptions {
            verify_checksums: self.verify_checksums,
            memory: self.memory.clone(),
            interruption: self.interruption.clone(),
            models: self.models.clone(),
            ..ReadOptions::default()
        };
        let reader = Arc::new(FileReader::open(source, options)?);
        split.check_identity(&reader)?;
        let expected = request.schema.as_ref().unwrap_or(schema);
        let projection = projected_columns(expected, request)?;
        let columns = scan_columns(&reader, split, expected, &projection)?;
        let builder = ScanBuilder::new(reader.clone(), columns);
        let mut builder = match &request.aggregation {
            Some(aggregation) => builder.aggregate(aggregation.clone()),
            None => builder.project(projection),
        };
        builder = builder
            .blocks(split.blocks.clone())
            .row_runs(split.row_runs.clone())
            .batch_rows(self.batch_rows)
            .keep_dictionaries(self.keep_dictionaries);
        if let Some(top) = &request.top {
            builder = builder.top(top.clone());
        }
        if let Some(sample) = &request.sample {
            builder = builder.sample(sample.of_file(&reader.uuid()));
        }
        if let Some(filter) = &request.filter {
            let schema = request.filter_schema.as_ref().unwrap_or(expected);
            let columns = scan_columns(&reader, split, schema, &request.filter_names())?;
            builder = builder.filter(filter.clone()).filter_columns(columns);
        }
        if let Some(limit) = self.limit {
            builder = builder.limit(limit);
        }
        builder.build().at("file", || &split.file)
    }
}

impl Split {
    /// Adds rows of the block behind the others.
    pub(super) fn push(&mut self, block: PlannedBlock) {
        self.blocks.end += 1;
        self.rows += block.runs.iter().map(|run| run.end - run.start).sum::<u64>();
        self.block_rows = self.block_rows.saturating_add(block.block_rows);
        self.bytes = self.bytes.saturating_add(block.bytes);
        self.push_runs(block.runs);
    }

    /// Adds what another split reads of the same file, behind the rows of this one.
    pub fn append(&mut self, other: Self) {
        self.blocks.end = other.blocks.end;
        self.rows = self.rows.saturating_add(other.rows);
        self.block_rows = self.block_rows.saturating_add(other.block_rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.push_runs(other.row_runs);
    }

    /// Whether `other` reads rows of the same file behind those of this one.
    pub fn continues_in(&self, other: &Self) -> bool {
        self.file == other.file && self.blocks.end <= other.blocks.start
    }

    fn push_runs(&mut self, runs: Vec<Range<u64>>) {
        for run in runs {
            match self.row_runs.last_mut() {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => self.row_runs.push(run),
            }
        }
    }

    /// Refuses a file that is not the one that was planned.
    pub(super) fn check_identity(&self, reader: &FileReader) -> Result<()> {
        let digest = self.digest.as_deref();
        check_identity(reader, Some(&self.uuid), digest).at("file", || &self.file)
    }
}

/// `Corrupt` unless the file has the UUID and digest that the table knows it by. The digest tells two
/// files apart that were written with the same UUID.
pub fn check_identity(reader: &FileReader, uuid: Option<&str>, digest: Option<&str>) -> Result<()> {
    let found = reader.uuid();
    for (what, expected, found) in
        [("UUID", uuid, found.as_str()), ("digest", digest, reader.digest())]
    {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(Error::corrupt(format!(
                "the file at this path is another one than the table's: it should have the {what} \
                 {expected} and has {found}; restore the right file"
            )));
        }
    }
    Ok(())
}

/// Where each wanted column of a file comes from. `expected` gives the types; a column that the file
/// lacks is null.
pub(super) fn scan_columns(
    reader: &FileReader,
    split: &Split,
    expected: &Schema,
    wanted: &[String],
) -> Result<Vec<ScanColumn>> {
    let mut columns = Vec::with_capacity(wanted.len());
    for name in wanted {
        let field = expected.field(name)?.clone();
        let partitions = split.partition_values.keys().map(String::as_str);
        let partition = find(name, partitions, expected);
        let partition = partition.and_then(|key| split.partition_values.get(key));
        let source = if let Some(text) = partition {
            let data_type = field.data_type()?;
            let value = text.as_deref().map(|text| parse_partition_value(text, data_type));
            ColumnSource::Constant(value.transpose().at("column", || name)?)
        } else {
            // By name: columns cannot be renamed yet. When they can, ids decide.
            let stored = reader.schema();
            let names = stored.fields.iter().map(|field| field.name.as_str());
            let index = find(name, names, expected).and_then(|name| stored.index_of(name));
            match index.and_then(|index| Some((index, stored.fields.get(index)?))) {
                None => ColumnSource::Constant(None),
                Some((index, stored)) => {
                    check_readable(&field, stored).at("file", || &split.file)?;
                    ColumnSource::File(index)
                }
            }
        };
        columns.push(ScanColumn { field, source });
    }
    Ok(columns)
}

/// Which of a file's `names` is `name`; a name that `expected` has too stands for itself only.
fn find<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    expected: &Schema,
) -> Option<&'a str> {
    find_name(name, names.filter(|have| *have == name || expected.index_of(have).is_none()))
}

#[cfg(test)]
mod tests {
    use ncf_core::{DataType, Field};

    use super::*;

    #[test]
    fn case_matters_only_where_there_is_a_choice() {
        let expected = |names: &[&str]| {
            let fields =
                (1..).zip(names).map(|(id, name)| Field::new(id, *name, DataType::Int32, true));
            Schema::new(fields.collect()).unwrap()
        };
        let one = expected(&["A"]);
        assert_eq!(find("A", ["b", "a"].into_iter(), &one), Some("a"));
        assert_eq!(find("A", ["a", "A"].into_iter(), &one), Some("A"));
        assert_eq!(find("AB", ["ab", "Ab"].into_iter(), &expected(&["AB"])), None);
        assert_eq!(find("A", ["a"].into_iter(), &expected(&["A", "a"])), None);
    }
}
