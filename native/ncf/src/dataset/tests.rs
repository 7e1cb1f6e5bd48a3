//! Datasets of every kind, made in a temporary directory.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use ncf_core::{CompareOp, DataType, ErrorKind, Field, Predicate, Scalar, Schema};
use ncf_file::{FileSummary, FileWriter, LocalSink, WriterOptions};
use ncf_table::Operation;

use super::{
    CommitFile, CommitRequest, Dataset, DatasetOptions, Kind, ScanRequest, SplitReader, commit,
    holds_files,
};

fn schema() -> Schema {
    Schema::new(vec![
        Field::new(1, "n", DataType::Int32, true),
        Field::new(2, "s", DataType::String, true),
    ])
    .unwrap()
}

fn write(path: &Path, numbers: std::ops::Range<i32>) -> FileSummary {
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values(numbers.clone().map(|n| n.to_string())));
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(numbers));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap();
    let options = WriterOptions { block_rows: 1000, ..WriterOptions::default() };
    let sink = LocalSink::create_new(path).unwrap();
    let mut writer = FileWriter::new(Box::new(sink), schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap()
}

fn append(root: &Path, name: &str, numbers: std::ops::Range<i32>, operation: Operation) -> u64 {
    let path = format!("data/{name}.ncf");
    let summary = write(&root.join(&path), numbers);
    let request = CommitRequest {
        operation,
        schema: schema(),
        partition_columns: Vec::new(),
        files: vec![CommitFile { path, summary, partition_values: Default::default() }],
        read_version: None,
        app: None,
        properties: Default::default(),
    };
    commit(root, request).unwrap().version
}

fn numbers(dataset: &Dataset, request: &ScanRequest) -> Vec<i32> {
    let mut all = Vec::new();
    for split in dataset.plan(request).unwrap().splits {
        let scan = SplitReader::default().open(&split, dataset.schema(), request).unwrap();
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
    let job = ncf_table::new_job_id();
    let name = ncf_table::data_file_path(&[("p", Some("1"))], None, &job, 0, 0, 0).unwrap();
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
    assert!(!holds_files(root.path()).unwrap());
    std::fs::write(root.path().join("a/b/report.csv"), "x").unwrap();
    assert!(holds_files(root.path()).unwrap());
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
