//! `ncf info`: what a path holds, without reading rows.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use ncf::dataset::{DataFile, Dataset, Kind};
use ncf::index::Models;
use ncf::{Error, FieldType, FileReader, MmapSource, ReadOptions, Result, TYPE_KEY, find_name};
use serde::Serialize;

use super::explain::{Alternative, alternatives};
use crate::io::NcfInput;
use crate::progress;
use crate::trust::Trust;

/// Version of the JSON form; raised when a member changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// Shows schema, rows, blocks, and bytes and encodings of each column.
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// An .ncf file, a folder of them, or a table.
    path: PathBuf,
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
    /// Encode a page of each column in every way, and show what each needs.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema_version: u32,
    path: String,
    #[serde(flatten)]
    kind: Kind,
    rows: u64,
    blocks: u64,
    /// Bytes of all files.
    bytes: u64,
    /// Bytes of all files that are not pages: statistics, page locations, schema.
    metadata_bytes: u64,
    partition_columns: Vec<String>,
    properties: BTreeMap<String, String>,
    columns: Vec<Column>,
    files: Vec<File>,
}

#[derive(Serialize)]
struct Column {
    id: u32,
    name: String,
    #[serde(rename = "type", serialize_with = "as_text")]
    field_type: FieldType,
    nullable: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    /// Stored bytes of the pages.
    bytes: u64,
    /// Encoding tree → data pages.
    encodings: BTreeMap<String, u64>,
    /// The learned index, of those files that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<IndexOfColumn>,
    /// Stored bytes of its filters.
    #[serde(skip_serializing_if = "is_zero")]
    filter_bytes: u64,
    /// Ways to store a page, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
}

/// The learned indexes of a column in all files.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct IndexOfColumn {
    /// Files that have one.
    files: u64,
    bytes: u64,
    /// Segments or fences.
    parts: u64,
    /// Rows that a model may be off, at most.
    epsilon: u64,
    /// Vectors of 1,024 rows that a search for a stored key names, on average, in the worst file.
    window: f64,
    /// Vectors out of order.
    exceptions: u64,
    /// Kind, and why it is that, in the first file.
    kind: String,
    reason: String,
    /// Why readers leave it out of account, in the first file where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File {
    path: String,
    uuid: String,
    bytes: u64,
    rows: u64,
    blocks: usize,
    /// What its rows are in the order of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sorted_by: Vec<String>,
}

impl Info {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        let input = NcfInput::open(&self.path)?;
        let models = self.trust.models(input.dataset())?;
        let path = self.path.display().to_string();
        let report = Report::of(path, input.dataset(), self.explain, models)?;
        let text = if self.json {
            let json = serde_json::to_string_pretty(&report);
            json.map_err(|error| Error::internal(format!("JSON failed: {error}")))? + "\n"
        } else {
            report.text()
        };
        let mut out = stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| Error::io("cannot write the output", error))
    }
}

impl Report {
    fn of(
        path: String,
        dataset: &Dataset,
        explain: bool,
        models: Option<Arc<dyn Models>>,
    ) -> Result<Self> {
        let columns = dataset.schema().fields.iter().map(|field| Column {
            id: field.id,
            name: field.name.clone(),
            field_type: field.field_type.clone(),
            nullable: field.nullable,
            metadata: field.metadata.clone(),
            bytes: 0,
            encodings: BTreeMap::new(),
            index: None,
            filter_bytes: 0,
            alternatives: Vec::new(),
        });
        let mut report = Self {
            schema_version: SCHEMA_VERSION,
            path,
            kind: dataset.kind(),
            rows: 0,
            blocks: 0,
            bytes: 0,
            metadata_bytes: 0,
            partition_columns: dataset.partition_columns().to_vec(),
            properties: dataset.properties().clone(),
            columns: columns.collect(),
            files: Vec::new(),
        };
        let bar = progress::bar(Some(dataset.files().len() as u64), "info", "files");
        for file in dataset.files() {
            report
                .add(file, explain, models.clone())
                .map_err(|error| error.with("file", file.path.display()))?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(report)
    }

    fn add(
        &mut self,
        file: &DataFile,
        explain: bool,
        models: Option<Arc<dyn Models>>,
    ) -> Result<()> {
        let source = Arc::new(MmapSource::open(&file.path)?);
        let reader = FileReader::open(source, ReadOptions { models, ..ReadOptions::default() })?;
        self.rows = self.rows.saturating_add(reader.rows());
        self.blocks = self.blocks.saturating_add(reader.blocks().len() as u64);
        self.bytes = self.bytes.saturating_add(reader.len());
        self.metadata_bytes = self.metadata_bytes.saturating_add(reader.metadata_bytes());
        self.files.push(File {
            path: file.path.display().to_string(),
            uuid: reader.uuid(),
            bytes: reader.len(),
            rows: reader.rows(),
            blocks: reader.blocks().len(),
            sorted_by: reader.clustering()?.iter().map(ToString::to_string).collect(),
        });
        // By name, as scans do: columns cannot be renamed, and a writer may number them anew.
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        for (index, stored) in reader.schema().fields.iter().enumerate() {
            let name = find_name(&stored.name, names.iter().map(String::as_str));
            let column = self.columns.iter_mut().find(|column| Some(column.name.as_str()) == name);
            let Some(column) = column else { continue };
            let parts = reader.stored_of(index);
            if explain && column.alternatives.is_empty() && parts.len() == 1 {
                column.alternatives = alternatives(&reader, parts.start)?;
            }
            for stored in parts {
                column.add_index(&reader, stored)?;
                let filter = reader.filter_bytes(stored)?;
                column.filter_bytes = column.filter_bytes.saturating_add(filter);
                let meta = reader.column(stored)?;
                let maps: u64 = meta.maps().iter().map(|map| u64::from(map.length)).sum();
                column.bytes = column.bytes.saturating_add(maps);
                for chunk in &meta.blocks {
                    column.bytes = column.bytes.saturating_add(chunk.bytes());
                    for page in &chunk.pages {
                        let tree =
                            meta.trees.get(usize::from(page.tree)).cloned().unwrap_or_default();
                        *column.encodings.entry(tree).or_default() += 1;
                    }
                }
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let kind = match self.kind {
            Kind::Table { version, .. } => format!("table, version {version}"),
            Kind::Directory => "folder of files".to_string(),
            Kind::File => "file".to_string(),
        };
        let mut lines = vec![
            format!("{}: {kind}", self.path),
            format!(
                "{} rows, {} files, {} blocks, {} ({} metadata)",
                HumanCount(self.rows),
                self.files.len(),
                self.blocks,
                HumanBytes(self.bytes),
                HumanBytes(self.metadata_bytes)
            ),
        ];
        if !self.partition_columns.is_empty() {
            lines.push(format!("partitioned by {}", self.partition_columns.join(", ")));
        }
        lines
            .extend(self.properties.iter().map(|(key, value)| format!("property {key} = {value}")));
        lines.extend(self.describe_orders());
        let header = ["column", "type", "bytes", "encodings (data pages)"].map(String::from);
        let mut table = vec![header];
        table.extend(self.columns.iter().map(|column| {
            let null = if column.nullable { "" } else { " not null" };
            [
                column.name.clone(),
                format!("{}{}{null}", column.field_type, column.describe_logical_type()),
                column.bytes.to_string(),
                column.describe_encodings(),
            ]
        }));
        let width = |at: usize| {
            table
                .iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let (name, ty, bytes) = (width(0), width(1), width(2));
        lines.push(String::new());
        lines.extend(
            table.iter().map(|[a, b, c, d]| format!("{a:name$}  {b:ty$}  {c:>bytes$}  {d}")),
        );
        let indexes: Vec<String> = self.columns.iter().filter_map(Column::describe_index).collect();
        let filtered = self.columns.iter().filter(|column| column.filter_bytes > 0);
        let filters = filtered.map(|column| {
            format!("{}: filter for single values, {} bytes", column.name, column.filter_bytes)
        });
        let indexes: Vec<String> = indexes.into_iter().chain(filters).collect();
        lines.extend((!indexes.is_empty()).then(String::new));
        lines.extend(indexes);
        lines.extend(self.columns.iter().flat_map(Column::describe_alternatives));
        lines.push(String::new());
        lines.join("\n")
    }
}

impl Report {
    /// A line for each order that files are in, with how many of them are.
    fn describe_orders(&self) -> Vec<String> {
        let mut orders: BTreeMap<String, usize> = BTreeMap::new();
        for file in self.files.iter().filter(|file| !file.sorted_by.is_empty()) {
            *orders.entry(file.sorted_by.join(", ")).or_default() += 1;
        }
        let all = self.files.len();
        let line = |(order, files)| match files {
            1 if all == 1 => format!("sorted by {order}"),
            _ if files == all => format!("sorted by {order}, each file by itself"),
            some => format!("sorted by {order}: {some} of {all} files"),
        };
        orders.into_iter().map(line).collect()
    }
}

impl Column {
    /// What the values stand for, where that is not what they are stored as.
    fn describe_logical_type(&self) -> String {
        self.metadata.get(TYPE_KEY).map_or_else(String::new, |name| format!(" as {name}"))
    }

    /// Adds the index that a file has of one of the column's parts.
    fn add_index(&mut self, reader: &FileReader, stored: usize) -> Result<()> {
        let index = reader.index(stored)?;
        let left_out = reader.index_left_out(stored)?;
        let index = index.as_ref().as_ref().or(left_out.as_ref().map(|left| &left.index));
        let Some(index) = index else { return Ok(()) };
        let found = index.describe();
        let all = self.index.get_or_insert_with(|| IndexOfColumn {
            kind: found.kind,
            reason: found.reason,
            ..IndexOfColumn::default()
        });
        all.files += 1;
        all.bytes += reader.index_bytes(stored);
        all.parts += found.parts;
        all.epsilon = all.epsilon.max(found.epsilon);
        all.window = all.window.max(found.window);
        all.exceptions += found.exceptions;
        if let Some(left) = left_out {
            all.left_out.get_or_insert(left.reason);
        }
        Ok(())
    }

    /// A line about the learned index.
    fn describe_index(&self) -> Option<String> {
        let index = self.index.as_ref()?;
        let IndexOfColumn {
            files, bytes, parts, epsilon, window, exceptions, kind, reason, ..
        } = index;
        let what = match *epsilon {
            0 => "fences",
            _ if kind.starts_with("onnx") => "model",
            _ => "segments",
        };
        let reach = if *epsilon > 0 { format!(" of ±{epsilon} rows") } else { String::new() };
        let files = if *files > 1 { format!(" in {files} files") } else { String::new() };
        let out = match exceptions {
            0 => String::new(),
            some => format!(", {some} vectors out of order"),
        };
        let name = &self.name;
        let left_out = index.left_out.as_ref().map(|why| format!("; left out of account: {why}"));
        let left_out = left_out.unwrap_or_default();
        Some(format!(
            "{name}: learned index{files}, {kind}: {parts} {what}{reach}, {bytes} bytes, finds a key in {window:.1} vectors of 1,024 rows{out} ({reason}){left_out}"
        ))
    }

    /// The trees, most frequent first.
    fn describe_encodings(&self) -> String {
        let mut trees: Vec<_> = self.encodings.iter().collect();
        trees.sort_by_key(|(tree, pages)| (std::cmp::Reverse(**pages), (*tree).clone()));
        let texts: Vec<_> = trees.iter().map(|(tree, pages)| format!("{tree} ({pages})")).collect();
        if texts.is_empty() { "-".to_string() } else { texts.join(", ") }
    }

    /// A line for each way to store a page, below the column's name.
    fn describe_alternatives(&self) -> Vec<String> {
        if self.alternatives.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![String::new(), format!("{}: a page in other encodings", self.name)];
        lines.extend(self.alternatives.iter().map(|one| {
            let profiles = if one.profiles.is_empty() {
                String::new()
            } else {
                format!("  <- {}", one.profiles.join(", "))
            };
            let (bytes, nanos, tree) = (one.bytes, one.decode_nanos, &one.encoding);
            format!("{bytes:>12} bytes  {nanos:>8.2} ns a value  {tree}{profiles}")
        }));
        lines
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

fn as_text<S: serde::Serializer>(
    value: &FieldType,
    out: S,
) -> std::result::Result<S::Ok, S::Error> {
    out.collect_str(value)
}
