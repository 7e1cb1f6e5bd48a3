//! Giving a column's files an index whose positions a model predicts: what it is worth, and the files written anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ncf_core::{Error, Result, ResultExt, Schema, find_name};
use ncf_file::{FileReader, FileSummary, ReadOptions};
use ncf_index::{Engine, Index, ModelId, Predictor};
use ncf_table::{AddFile, Committed, Operation, Transaction};
use uuid::Uuid;

use super::models::{model_id, store};
use super::transaction::directories;
use super::{DataFile, Dataset, Kind};

/// Look-ups of which the mean is taken, at most.
const LOOK_UPS: usize = 2000;

/// Hex digits that end the names of files that were written anew.
const MARK: usize = 12;

/// What an index costs and gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// `fences`, `linear` or `onnx`, as [`ncf_index::Description::kind`].
    pub kind: String,
    /// Bytes as they are stored; with those of the model, where it stands outside.
    pub bytes: u64,
    /// Vectors that a search for a stored key names, on average.
    pub window: f64,
    /// Nanoseconds of a look-up in memory; `None` where keys are strings, or a model is not at hand.
    pub nanos: Option<f64>,
}

/// A model tried on a file.
#[derive(Debug)]
pub struct FileTrial {
    /// The file.
    pub path: PathBuf,
    /// The index that it has, if any that this version knows.
    pub present: Option<Measured>,
    /// Fences.
    pub fences: Measured,
    /// Lines.
    pub linear: Measured,
    /// The model.
    pub model: Measured,
    column: usize,
    index: Index,
}

impl FileTrial {
    /// Whether the model needs fewer bytes than each of the others and names no more vectors.
    pub fn is_better(&self) -> bool {
        let present = self.present.iter().filter(|present| !present.kind.starts_with("onnx"));
        present
            .chain([&self.fences, &self.linear])
            .all(|other| self.model.bytes < other.bytes && self.model.window <= other.window)
    }
}

/// A model tried on all files of a dataset.
#[derive(Debug)]
pub struct ModelTrial {
    /// The model.
    pub model: ModelId,
    /// Files that can have such an index.
    pub files: Vec<FileTrial>,
    /// Files that cannot: without the column, with rows in no order, or with too few.
    pub without: Vec<PathBuf>,
    bytes: Vec<u8>,
}

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Files that have the new index.
    pub files: usize,
    /// The table's version that they are in; `None` for what is no table.
    pub version: Option<u64>,
}

impl Dataset {
    /// Tries a model on a column of every file. Each file's column is read.
    ///
    /// # Errors
    /// `InvalidArgument` where there is no such column, those of the engine, and those of reading.
    pub fn try_model(
        &self,
        column: &str,
        model: Vec<u8>,
        engine: &Arc<dyn Engine>,
    ) -> Result<ModelTrial> {
        self.schema().field(column)?;
        if self.partition_columns().iter().any(|partition| partition == column) {
            return Err(Error::invalid_argument(
                "a partition column is not stored in files, so it has no index",
            )
            .with("column", column));
        }
        let id = model_id(&model);
        let predictor = engine.open(&model)?;
        let mut trial =
            ModelTrial { model: id, files: Vec::new(), without: Vec::new(), bytes: model };
        for file in self.files() {
            let found = self
                .try_on_file(file, column, id, &predictor)
                .at("column", || column)
                .at("file", || file.path.display())?;
            match found {
                Some(found) => trial.files.push(found),
                None => trial.without.push(file.path.clone()),
            }
        }
        Ok(trial)
    }

    fn try_on_file(
        &self,
        file: &DataFile,
        column: &str,
        id: ModelId,
        predictor: &Arc<dyn Predictor>,
    ) -> Result<Option<FileTrial>> {
        let reader = self.open_file_of(file)?;
        let Some(column) = stored_column(reader.schema(), &reader, column) else { return Ok(None) };
        let Some(learner) = reader.learner(column)? else { return Ok(None) };
        let stored = FileReader::stored_index_bytes;
        let trial = learner.try_model(id, predictor.clone(), &stored)?;
        let Some(trial) = trial else { return Ok(None) };
        let step = trial.keys.len().div_ceil(LOOK_UPS).max(1);
        let keys: Vec<u64> = trial.keys.iter().copied().step_by(step).collect();
        let measured = |index: &Index| measure(index, stored(&index.encode()), &keys);
        let bytes = reader.index_bytes(column);
        let left_out = reader.index_left_out(column)?;
        let present = match (reader.index(column)?.as_ref(), left_out) {
            (Some(index), _) => Some(measure(index, bytes, &keys)),
            // Its model is not at hand, so it cannot be timed.
            (None, Some(left)) => Some(measure(&left.index, bytes, &[])),
            (None, None) => None,
        };
        Ok(Some(FileTrial {
            path: file.path.clone(),
            present,
            fences: measured(&trial.fences),
            linear: measured(&trial.linear),
            model: measured(&trial.model),
            column,
            index: trial.model,
        }))
    }

    /// Writes the files in which the model is better, or with `force` all, anew with the new index, and stores the
    /// model beside them. Those of a table become part of it with one commit; others are replaced one by one.
    ///
    /// # Errors
    /// `Unsupported` where the model is better in none, and nothing was written; those of reading, writing and
    /// committing.
    pub fn store_model(&self, trial: &ModelTrial, force: bool) -> Result<Stored> {
        let wanted: Vec<&FileTrial> =
            trial.files.iter().filter(|file| force || file.is_better()).collect();
        if wanted.is_empty() {
            return Err(Error::unsupported(match trial.files.len() {
                0 => "in no file are the column's rows in order, or there are too few: no index was made".to_string(),
                some => format!(
                    "the model is not better in any of {some} files: it must need fewer bytes than the index there, fences and lines, at no larger window; nothing was written"
                ),
            }));
        }
        match self.kind {
            Kind::Table { version, .. } => self.rewrite_table(trial, &wanted, version),
            Kind::Directory | Kind::File => self.rewrite_files(trial, &wanted),
        }
    }

    fn rewrite_table(
        &self,
        trial: &ModelTrial,
        wanted: &[&FileTrial],
        version: u64,
    ) -> Result<Stored> {
        let storage = &*self.storage;
        let log = &*storage.log(&self.root);
        let snapshot = ncf_table::open_version(log, version)?;
        store(storage, &self.model_folder(), &trial.bytes)?;
        let mut new = NewFiles { dataset: self, paths: Vec::new() };
        let mut transaction = Transaction::new(Some(&snapshot)).operation(Operation::Rewrite);
        let mut removed = BTreeSet::new();
        for file in wanted {
            let old = snapshot.files.iter().find(|add| self.root.join(&add.path) == file.path);
            let old =
                old.ok_or_else(|| Error::internal("a file of the table is not in its log"))?;
            let uuid = Uuid::new_v4();
            let path = new_name(&old.path, uuid);
            let summary = new.write(file, &self.root.join(&path), uuid)?;
            removed.insert(old.path.clone());
            transaction = transaction.add_file(AddFile {
                path,
                id: summary.uuid,
                size: summary.bytes,
                rows: summary.rows,
                dig: summary.digest,
                ..old.clone()
            });
        }
        let paths: Vec<String> = new.names();
        storage.sync_directories(&directories(&self.root, paths.iter().map(String::as_str)))?;
        let Committed { version, .. } = match transaction.remove_files(removed).commit(log) {
            Err(error) if error.kind() == ncf_core::ErrorKind::CommitStateUnknown => {
                new.keep();
                return Err(error);
            }
            committed => committed?,
        };
        new.keep();
        Ok(Stored { files: wanted.len(), version: Some(version) })
    }

    fn rewrite_files(&self, trial: &ModelTrial, wanted: &[&FileTrial]) -> Result<Stored> {
        let storage = &*self.storage;
        for file in wanted {
            let folder = file.path.parent().unwrap_or(Path::new(""));
            if let Some(table) = storage.table_around(folder) {
                return Err(Error::invalid_argument(format!(
                    "the file belongs to the table {}, whose log says what it holds; train the index of the table",
                    table.display()
                ))
                .with("file", file.path.display()));
            }
        }
        store(storage, &self.model_folder(), &trial.bytes)?;
        for file in wanted {
            let uuid = Uuid::new_v4();
            let name = file.path.file_name().unwrap_or_default().to_string_lossy();
            let temporary = file.path.with_file_name(format!(".{name}.{uuid}.tmp"));
            let mut new = NewFiles { dataset: self, paths: Vec::new() };
            new.write(file, &temporary, uuid)?;
            storage.replace(&temporary, &file.path)?;
            new.keep();
        }
        Ok(Stored { files: wanted.len(), version: None })
    }

    /// Opens a file, which must be the one that the dataset knows.
    fn open_file_of(&self, file: &DataFile) -> Result<FileReader> {
        let reader = FileReader::open(self.storage.open(&file.path)?, ReadOptions::default())?;
        super::check_identity(&reader, file.uuid.as_deref(), file.digest.as_deref())?;
        Ok(reader)
    }
}

/// Files that nobody knows yet: removed, best effort, unless they are kept.
struct NewFiles<'a> {
    dataset: &'a Dataset,
    paths: Vec<PathBuf>,
}

impl NewFiles<'_> {
    /// Writes a file anew, which must still be the one that was tried.
    fn write(&mut self, file: &FileTrial, path: &Path, uuid: Uuid) -> Result<FileSummary> {
        let known = self.dataset.files().iter().find(|known| known.path == file.path);
        let known =
            known.ok_or_else(|| Error::internal("a file of a trial is not the dataset's"))?;
        let reader = self.dataset.open_file_of(known)?;
        let sink = self.dataset.storage.create(path)?;
        self.paths.push(path.to_path_buf());
        let summary = reader.rewrite_index(file.column, &file.index, uuid.into_bytes(), sink)?;
        // What was written is read once more before anything refers to it.
        let written = self.dataset.storage.open(path)?;
        FileReader::open(written, ReadOptions::default())?.verify_metadata()?;
        Ok(summary)
    }

    /// Paths relative to the dataset.
    fn names(&self) -> Vec<String> {
        let relative = |path: &PathBuf| {
            let path = path.strip_prefix(&self.dataset.root).unwrap_or(path);
            path.to_string_lossy().into_owned()
        };
        self.paths.iter().map(relative).collect()
    }

    fn keep(&mut self) {
        self.paths.clear();
    }
}

impl Drop for NewFiles<'_> {
    fn drop(&mut self) {
        for path in &self.paths {
            // Garbage that no log names: failing to remove it loses nothing.
            let _ = self.dataset.storage.delete(path);
        }
    }
}

/// A name that sorts as the old one does, so that rows stay in their order.
fn new_name(old: &str, uuid: Uuid) -> String {
    let stem = old.strip_suffix(".ncf").unwrap_or(old);
    let is_own = |mark: &str| mark.len() == MARK && mark.bytes().all(|b| b.is_ascii_hexdigit());
    let stem = match stem.rsplit_once("-x") {
        Some((stem, mark)) if is_own(mark) => stem,
        _ => stem,
    };
    let mark: String = uuid.simple().to_string().chars().take(MARK).collect();
    format!("{stem}-x{mark}.ncf")
}

/// The stored column of a field that is one value a row.
fn stored_column(schema: &Schema, reader: &FileReader, name: &str) -> Option<usize> {
    let names = schema.fields.iter().map(|field| field.name.as_str());
    let field = schema.index_of(find_name(name, names)?)?;
    let columns = reader.stored_of(field);
    (columns.len() == 1).then_some(columns.start)
}

fn measure(index: &Index, bytes: u64, keys: &[u64]) -> Measured {
    let found = index.describe();
    let start = Instant::now();
    let first = |key: &u64| index.look_up(*key).map(|vectors| vectors.start);
    let firsts: Option<u64> = keys.iter().map(first).sum();
    let spent = start.elapsed();
    #[allow(clippy::cast_precision_loss, reason = "times are short and keys few")]
    let nanos = spent.as_nanos() as f64 / keys.len().max(1) as f64;
    let model = index.model().map_or(0, |model| model.bytes);
    Measured {
        kind: found.kind,
        bytes: bytes + model,
        window: found.window,
        nanos: std::hint::black_box(firsts).filter(|_| !keys.is_empty()).map(|_| nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_sort_as_the_old_ones_and_do_not_grow() {
        let once = new_name("data/p=1/r0-a.ncf", Uuid::from_bytes([0xAB; 16]));
        assert_eq!(once, "data/p=1/r0-a-xabababababab.ncf");
        let twice = new_name(&once, Uuid::from_bytes([1; 16]));
        assert_eq!(twice, "data/p=1/r0-a-x010101010101.ncf");
        assert_eq!(new_name("data/a-xyz.ncf", Uuid::nil()), "data/a-xyz-x000000000000.ncf");
    }
}
