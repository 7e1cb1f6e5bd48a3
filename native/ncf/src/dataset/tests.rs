//! Datasets of every kind, made in a temporary directory.

mod lookups;
mod order;
mod planning;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use ncf_core::{CompareOp, DataType, ErrorKind, Field, Predicate, Result, Scalar, Schema};
use ncf_file::{ByteSink, ByteSource, FileSummary, FileWriter, LocalSink, WriterOptions};
use ncf_table::{LogStore, Operation};

use super::{
    CommitFile, CommitRequest, Dataset, DatasetOptions, Kind, ScanRequest, SplitReader, commit,
    commit_in, holds_files,
};
use crate::storage::{LocalStorage, Stat, Storage};

fn schema() -> Schema {
    Schema::new(vec![
        Field::new(1, "n", DataType::Int32, true),
        Field::new(2, "s", DataType::String, true),
    ])
    .unwrap()
}

fn write(path: &Path, numbers: std::ops::Range<i32>) -> FileSummary {
    write_as(path, numbers, None)
}

fn write_as(
    path: &Path,
    numbers: std::ops::Range<i32>,
    file_uuid: Option<[u8; 16]>,
) -> FileSummary {
    write_to(Box::new(LocalSink::create_new(path).unwrap()), numbers, file_uuid)
}

fn write_to(
    sink: Box<dyn ByteSink>,
    numbers: std::ops::Range<i32>,
    file_uuid: Option<[u8; 16]>,
) -> FileSummary {
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values(numbers.clone().map(|n| n.to_string())));
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(numbers));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap();
    let options = WriterOptions { block_rows: 1000, file_uuid, ..WriterOptions::default() };
    let mut writer = FileWriter::new(sink, schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap()
}

fn append(root: &Path, name: &str, numbers: std::ops::Range<i32>, operation: Operation) -> u64 {
    let path = format!("data/{name}.ncf");
    let summary = write(&root.join(&path), numbers);
    let files = vec![CommitFile { path, summary, partition_values: Default::default() }];
    commit(root, CommitRequest { operation, ..request(files) }).unwrap().version
}

fn request(files: Vec<CommitFile>) -> CommitRequest {
    CommitRequest {
        operation: Operation::Append,
        schema: schema(),
        partition_columns: Vec::new(),
        files,
        read_version: None,
        app: None,
        properties: None,
        partition: Default::default(),
    }
}

fn numbers(dataset: &Dataset, request: &ScanRequest) -> Vec<i32> {
    numbers_in(&SplitReader::default().storage, dataset, request)
}

fn numbers_in(storage: &Arc<dyn Storage>, dataset: &Dataset, request: &ScanRequest) -> Vec<i32> {
    let mut all = Vec::new();
    for split in dataset.plan(request).unwrap().splits {
        let reader = SplitReader { storage: storage.clone(), ..SplitReader::default() };
        let scan = reader.open(&split, dataset.schema(), request).unwrap();
        for batch in scan {
            let batch = batch.unwrap();
            let column = batch.column_by_name("n").unwrap();
            let column = column.as_any().downcast_ref::<Int32Array>().unwrap();
            all.extend(column.values().iter());
        }
    }
    all.sort_unstable();
    all
}

#[test]
fn tables_have_versions_and_prune_files_and_blocks() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(append(root.path(), "a", 0..5000, Operation::Append), 0);
    assert_eq!(append(root.path(), "b", 5000..6000, Operation::Append), 1);
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    assert!(matches!(dataset.kind(), Kind::Table { version: 1, .. }));
    assert_eq!(numbers(&dataset, &ScanRequest::default()), (0..6000).collect::<Vec<_>>());
    let filter = Predicate::compare("n", CompareOp::Lt, Scalar::Int(1500));
    let request = ScanRequest { filter: Some(filter), ..ScanRequest::default() };
    let plan = dataset.plan(&request).unwrap();
    assert_eq!((plan.files_planned, plan.files_pruned), (1, 1));
    assert_eq!((plan.blocks_planned, plan.blocks_pruned), (2, 3));
    assert_eq!(numbers(&dataset, &request), (0..1500).collect::<Vec<_>>());
    append(root.path(), "c", 7..8, Operation::Overwrite);
    let now = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    assert_eq!(numbers(&now, &ScanRequest::default()), [7]);
    let old = DatasetOptions { version: Some(0), ..DatasetOptions::default() };
    let old = Dataset::open(root.path(), &old).unwrap();
    assert_eq!(numbers(&old, &ScanRequest::default()).len(), 5000);
}

#[test]
fn wider_columns_prune_files_and_blocks_too() {
    let root = tempfile::tempdir().unwrap();
    append(root.path(), "a", 0..5000, Operation::Append);
    append(root.path(), "b", 5000..6000, Operation::Append);
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    let read = |data_type: DataType, filter: Predicate| {
        let mut wanted = schema();
        wanted.fields[0].field_type = data_type.into();
        let schema = Some(wanted);
        let request = ScanRequest { filter: Some(filter), schema, ..ScanRequest::default() };
        let plan = dataset.plan(&request)?;
        let rows = plan.splits.iter().map(|split| {
            let scan = SplitReader::default().open(split, dataset.schema(), &request).unwrap();
            scan.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
        });
        Ok::<_, ncf_core::Error>((plan.files_pruned, plan.blocks_pruned, rows.sum::<usize>()))
    };
    let bigint = |op, value| Predicate::compare("n", op, Scalar::Bigint(value));
    assert_eq!(read(DataType::Int64, bigint(CompareOp::Lt, 1500)).unwrap(), (1, 3, 1500));
    assert_eq!(read(DataType::Int64, bigint(CompareOp::Gt, 1 << 40)).unwrap(), (2, 0, 0));
    let cents = Scalar::Decimal { unscaled: 599_950, precision: 12, scale: 2 };
    let filter = Predicate::compare("n", CompareOp::GtEq, cents);
    let decimal = DataType::Decimal { precision: 12, scale: 2 };
    assert_eq!(read(decimal, filter).unwrap(), (2, 0, 0));
    let error = read(DataType::Int16, Predicate::Always(Some(true))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for part in ["column n", "stored as int", "read as smallint", ".ncf"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn bare_directories_discover_partitions() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("p=1/k=x%2Fy/a.ncf"), 0..10);
    write(&root.path().join("p=2/k=__HIVE_DEFAULT_PARTITION__/b.ncf"), 10..30);
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    assert_eq!(dataset.kind(), Kind::Directory);
    assert_eq!(dataset.partition_columns(), ["p", "k"]);
    let filter = Predicate::compare("p", CompareOp::Eq, Scalar::Int(2));
    let request = ScanRequest { filter: Some(filter), ..ScanRequest::default() };
    assert_eq!(dataset.plan(&request).unwrap().files_pruned, 1);
    assert_eq!(numbers(&dataset, &request), (10..30).collect::<Vec<_>>());
}

#[test]
fn an_empty_log_hides_the_files_of_writers_and_no_others() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("data/old.ncf"), 0..10);
    write(&root.path().join("r0-x.ncf"), 10..20);
    std::fs::create_dir_all(root.path().join("_ncf/log")).unwrap();
    let name = "data/p=1/r0-01a214ad-468b-7d94-8231-909c714b0c70-0-0-0.ncf";
    write(&root.path().join(name), 20..30);
    let open = || Dataset::open_if_exists(root.path(), &DatasetOptions::default()).unwrap();
    let dataset = open().unwrap();
    assert_eq!((dataset.kind(), dataset.files().len()), (Kind::Directory, 2));
    assert_eq!(numbers(&dataset, &ScanRequest::default()), (0..20).collect::<Vec<_>>());
    for old in ["data/old.ncf", "r0-x.ncf"] {
        std::fs::remove_file(root.path().join(old)).unwrap();
    }
    assert!(open().is_none());
    std::fs::remove_dir_all(root.path().join("_ncf")).unwrap();
    assert_eq!(open().unwrap().partition_columns(), ["p"]);
}

#[test]
fn hidden_names_and_directories_are_not_files() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(root.path().join("a/b")).unwrap();
    std::fs::create_dir_all(root.path().join(".git")).unwrap();
    std::fs::write(root.path().join(".git/config"), "x").unwrap();
    std::fs::write(root.path().join("a/_SUCCESS"), "").unwrap();
    assert!(!holds_files(&LocalStorage, root.path()).unwrap());
    std::fs::write(root.path().join("a/b/report.csv"), "x").unwrap();
    assert!(holds_files(&LocalStorage, root.path()).unwrap());
}

#[test]
fn what_cannot_be_read_is_named() {
    let root = tempfile::tempdir().unwrap();
    let options = DatasetOptions::default();
    assert!(Dataset::open_if_exists(root.path().join("none"), &options).unwrap().is_none());
    assert!(Dataset::open_if_exists(root.path(), &options).unwrap().is_none());
    let error = Dataset::open(root.path(), &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    append(&root.path().join("inner"), "a", 0..1, Operation::Create);
    let error = Dataset::open(root.path(), &options).unwrap_err();
    assert!(error.to_string().contains("inner"), "{error}");
    let text = root.path().join("x.ncf");
    std::fs::write(&text, vec![b'a'; 1000]).unwrap();
    let error = Dataset::open(&text, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("x.ncf"));
}

#[test]
fn a_replaced_file_is_refused() {
    let root = tempfile::tempdir().unwrap();
    append(root.path(), "a", 0..10, Operation::Create);
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    let file = root.path().join("data/a.ncf");
    std::fs::remove_file(&file).unwrap();
    write(&file, 0..10);
    let error = dataset.plan(&ScanRequest::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

/// Files of a folder under the name `far://store`: a path that reaches the local file system is
/// not found there.
#[derive(Debug)]
struct FarStorage {
    folder: PathBuf,
    opened: AtomicUsize,
}

impl FarStorage {
    fn local(&self, path: &Path) -> PathBuf {
        self.folder.join(path.strip_prefix("far://store").unwrap())
    }
}

impl Storage for FarStorage {
    fn stat(&self, path: &Path) -> Result<Option<Stat>> {
        LocalStorage.stat(&self.local(path))
    }

    fn list(&self, path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>> {
        LocalStorage.list(&self.local(path), wanted)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        LocalStorage.open(&self.local(path))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn ByteSink>> {
        LocalStorage.create(&self.local(path))
    }

    fn log(&self, table: &Path) -> Box<dyn LogStore> {
        LocalStorage.log(&self.local(table))
    }

    fn delete(&self, path: &Path) -> Result<()> {
        LocalStorage.delete(&self.local(path))
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// A table partitioned by `p`, of `data_type`, with one file below `p=x` and the value `text`.
fn partitioned(root: &Path, data_type: DataType, text: &str) -> CommitRequest {
    let path = "data/p=x/a.ncf".to_owned();
    let summary = write(&root.join(&path), 0..3);
    let mut schema = schema();
    schema.fields.push(Field::new(3, "p", data_type, true));
    let partition_values = [("p".to_owned(), Some(text.to_owned()))].into();
    CommitRequest {
        operation: Operation::Append,
        schema,
        partition_columns: vec!["p".into()],
        files: vec![CommitFile { path, summary, partition_values }],
        read_version: None,
        app: None,
        properties: None,
        partition: Default::default(),
    }
}

#[test]
fn every_path_goes_through_the_storage() {
    let folder = tempfile::tempdir().unwrap();
    let far = Arc::new(FarStorage { folder: folder.path().to_path_buf(), opened: 0.into() });
    let storage: Arc<dyn Storage> = far.clone();
    let table = Path::new("far://store/t");
    let options = DatasetOptions::default();
    assert!(Dataset::open_if_exists_in(&storage, table, &options).unwrap().is_none());
    for (name, range) in [("p=1/a", 0..10), ("p=2/b", 10..15)] {
        let path = format!("data/{name}.ncf");
        let summary = write_to(storage.create(&table.join(&path)).unwrap(), range, None);
        let request =
            request(vec![CommitFile { path, summary, partition_values: Default::default() }]);
        commit_in(&*storage, table, request).unwrap();
    }
    let read = |path: &str, opens: usize| {
        far.opened.store(0, Ordering::Relaxed);
        let dataset = Dataset::open_in(&storage, path, &options).unwrap();
        let request = ScanRequest { threads: Some(2), ..ScanRequest::default() };
        let rows = numbers_in(&storage, &dataset, &request);
        assert_eq!(far.opened.load(Ordering::Relaxed), opens, "{path}");
        (rows.len(), dataset.kind(), dataset.partition_columns().to_vec())
    };
    // Each file once to plan and once to read, and one for a schema.
    let (rows, kind, _) = read("far://store/t", 4);
    assert!(rows == 15 && matches!(kind, Kind::Table { version: 1, .. }));
    assert_eq!(read("far://store/t/data", 5), (15, Kind::Directory, vec!["p".to_owned()]));
    assert_eq!(read("far://store/t/data/p=1/a.ncf", 3), (10, Kind::File, Vec::new()));
    storage.delete(&table.join("data/p=1/a.ncf")).unwrap();
    storage.delete(&table.join("data/p=1/a.ncf")).unwrap();
    assert!(
        Dataset::open_if_exists_in(&storage, table.join("data/p=1"), &options).unwrap().is_none()
    );
}

#[test]
fn a_table_that_could_not_be_read_is_not_committed() {
    let refused = |data_type, text| {
        let root = tempfile::tempdir().unwrap();
        let error = commit(root.path(), partitioned(root.path(), data_type, text)).unwrap_err();
        let left = Dataset::open_if_exists(root.path(), &DatasetOptions::default()).unwrap();
        assert!(!matches!(left.unwrap().kind(), Kind::Table { .. }), "committed");
        error
    };
    let error = refused(DataType::Int32, "x");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("column p") && error.to_string().contains("p=x/a.ncf"));
    let error = refused(DataType::Binary, "x");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    for (data_type, text) in
        [(DataType::Date, "+10000-01-01"), (DataType::TimestampNtz, "-0001-01-01 00:00:00")]
    {
        let root = tempfile::tempdir().unwrap();
        commit(root.path(), partitioned(root.path(), data_type, text)).unwrap();
        let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
        assert_eq!(numbers(&dataset, &ScanRequest::default()), [0, 1, 2]);
    }
}

#[test]
fn a_partition_to_replace_has_values_that_its_columns_can_have() {
    let root = tempfile::tempdir().unwrap();
    let mut request = partitioned(root.path(), DataType::Int32, "7");
    request.operation = Operation::Replace;
    request.partition = [("p".to_owned(), Some("seven".to_owned()))].into();
    let error = commit(root.path(), request.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    for part in ["'seven' is not a int", "column p", "table"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let mut floats = request.clone();
    floats.schema.fields[2].field_type = DataType::Float64.into();
    floats.partition = [("p".to_owned(), Some("0.0".to_owned()))].into();
    let error = commit(root.path(), floats).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    request.partition = [("p".to_owned(), Some("7".to_owned()))].into();
    commit(root.path(), request.clone()).unwrap();
    let rows = || Dataset::open(root.path(), &DatasetOptions::default()).unwrap().rows();
    assert_eq!(rows(), Some(3));
    let drop = CommitRequest { files: Vec::new(), read_version: Some(0), ..request };
    commit(root.path(), drop).unwrap();
    assert_eq!(rows(), Some(0));
}

#[test]
fn a_partition_value_of_another_type_in_the_log_is_damage() {
    let root = tempfile::tempdir().unwrap();
    let CommitRequest { schema, partition_columns, files, .. } =
        partitioned(root.path(), DataType::Int32, "x");
    let mut transaction =
        ncf_table::Transaction::new(None).schema(&schema).partition_columns(partition_columns);
    for file in files {
        transaction = transaction.add_file(ncf_table::AddFile {
            path: file.path,
            id: file.summary.uuid,
            size: file.summary.bytes,
            rows: file.summary.rows,
            dig: file.summary.digest,
            row0: 0,
            pv: file.partition_values,
            st: Default::default(),
        });
    }
    transaction.commit(&ncf_table::PosixLogStore::new(root.path())).unwrap();
    let error = Dataset::open(root.path(), &DatasetOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    for part in ["'x' is not a int", "column p", "a.ncf", "table"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn directories_of_files_must_be_durable_before_the_commit() {
    let root = tempfile::tempdir().unwrap();
    let mut request = partitioned(root.path(), DataType::Int32, "1");
    request.files[0].path = "data/p=lost/a.ncf".into();
    let error = commit(root.path(), request).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.to_string().contains("p=lost"), "{error}");
    assert!(!root.path().join("_ncf").exists());
}

#[test]
fn a_replaced_file_with_the_same_uuid_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("data/a.ncf");
    let summary = write_as(&file, 0..10, Some([7; 16]));
    let mut request = partitioned(root.path(), DataType::Int32, "1");
    (request.schema, request.partition_columns) = (schema(), Vec::new());
    let path = "data/a.ncf".to_owned();
    request.files = vec![CommitFile { path, summary, partition_values: Default::default() }];
    commit(root.path(), request).unwrap();
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    let request = ScanRequest::default();
    let splits = dataset.plan(&request).unwrap().splits;
    std::fs::remove_file(&file).unwrap();
    write_as(&file, 10..20, Some([7; 16]));
    let late = SplitReader::default().open(&splits[0], dataset.schema(), &request);
    for error in [dataset.plan(&request).unwrap_err(), late.err().unwrap()] {
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("digest"), "{error}");
    }
}

#[test]
fn an_overwrite_keeps_properties_unless_told_otherwise() {
    let root = tempfile::tempdir().unwrap();
    let write = |properties: Option<&str>, read_version| {
        let request = CommitRequest {
            operation: Operation::Overwrite,
            schema: schema(),
            partition_columns: Vec::new(),
            files: Vec::new(),
            read_version,
            app: None,
            properties: properties.map(|value| [("k".to_owned(), value.to_owned())].into()),
            partition: Default::default(),
        };
        commit(root.path(), request).unwrap();
        let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
        dataset.properties().get("k").cloned()
    };
    assert_eq!(write(Some("v"), None).as_deref(), Some("v"));
    assert_eq!(write(None, Some(0)).as_deref(), Some("v"));
    assert_eq!(write(Some("w"), Some(1)).as_deref(), Some("w"));
}

#[test]
fn columns_that_are_not_read_may_have_another_type() {
    let root = tempfile::tempdir().unwrap();
    append(root.path(), "a", 0..3, Operation::Append);
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    let mut other = schema();
    other.fields[1].field_type = DataType::Int32.into();
    let columns = Some(vec!["n".to_owned()]);
    let request = ScanRequest { schema: Some(other), columns, ..ScanRequest::default() };
    assert_eq!(numbers(&dataset, &request), [0, 1, 2]);
}

#[test]
fn a_directory_inside_a_table_is_not_read_past_its_log() {
    let root = tempfile::tempdir().unwrap();
    append(root.path(), "p=1/a", 0..3, Operation::Append);
    for inside in ["data", "data/p=1"] {
        let inside = root.path().join(inside);
        let error = Dataset::open(&inside, &DatasetOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let table = root.path().canonicalize().unwrap();
        assert!(error.to_string().contains(&format!("the table {};", table.display())), "{error}");
        assert!(Dataset::list_files(&inside).is_err());
    }
    assert_eq!(Dataset::list_files(root.path()).unwrap().len(), 1);
    let file = root.path().join("data/p=1/a.ncf");
    Dataset::open(file, &DatasetOptions::default()).unwrap();
}
