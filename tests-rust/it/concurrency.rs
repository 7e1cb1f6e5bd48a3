//! Many processes append to one table; a killed writer leaves the old version whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ncf::dataset::{
    CommitFile, CommitRequest, Dataset, DatasetOptions, ScanRequest, SplitReader, commit,
};
use ncf::table::{Operation, PosixLogStore};
use ncf::{FileWriter, LocalSink, Schema, WriterOptions};
use ncf_tests::{Random, flat_schema, random_batch};

const PROCESSES: usize = 8;
const APPENDS: usize = 100;

fn schema() -> Schema {
    let fields = flat_schema().fields.into_iter().take(4).collect();
    Schema { fields, ..Schema::default() }
}

fn append(root: &Path, name: &str, rows: usize) {
    let path = format!("data/{name}.ncf");
    let sink = LocalSink::create_new(root.join(&path)).unwrap();
    let mut writer = FileWriter::new(Box::new(sink), schema(), WriterOptions::default()).unwrap();
    writer.write(&random_batch(&schema(), rows, &mut Random::new(1))).unwrap();
    let summary = writer.finish().unwrap();
    let request = CommitRequest {
        operation: Operation::Append,
        schema: schema(),
        partition_columns: Vec::new(),
        files: vec![CommitFile { path, summary, partition_values: BTreeMap::new() }],
        read_version: None,
        app: None,
        properties: None,
        partition: BTreeMap::new(),
    };
    commit(root, request).unwrap();
}

/// Not a test of its own: what each process of the tests below runs, told by the environment.
#[test]
fn worker() {
    let Ok(root) = std::env::var("NCF_TEST_WORKER_ROOT") else { return };
    let name = std::env::var("NCF_TEST_WORKER_NAME").unwrap();
    let appends: usize = std::env::var("NCF_TEST_WORKER_APPENDS").unwrap().parse().unwrap();
    for number in 0..appends {
        append(Path::new(&root), &format!("{name}-{number}"), 1);
    }
}

fn start_worker(root: &Path, name: &str, appends: usize) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "concurrency::worker", "--test-threads=1"])
        .env("NCF_TEST_WORKER_ROOT", root)
        .env("NCF_TEST_WORKER_NAME", name)
        .env("NCF_TEST_WORKER_APPENDS", appends.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn eight_processes_lose_no_append_and_repeat_none() {
    let root = tempfile::tempdir().unwrap();
    let start = |n| start_worker(root.path(), &format!("w{n}"), APPENDS);
    let workers: Vec<_> = (0..PROCESSES).map(start).collect();
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    let mut names: Vec<_> = dataset.files().iter().map(|file| file.path.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), PROCESSES * APPENDS);
    assert_eq!(dataset.rows(), Some((PROCESSES * APPENDS) as u64));
    let last = (PROCESSES * APPENDS - 1) as u64;
    assert!(matches!(dataset.kind(), ncf::dataset::Kind::Table { version, .. } if version == last));
}

fn version(root: &Path) -> u64 {
    ncf::table::latest_version(&PosixLogStore::new(root)).unwrap().unwrap()
}

#[test]
fn a_killed_writer_leaves_the_table_whole() {
    let root = tempfile::tempdir().unwrap();
    append(root.path(), "before", 1000);
    for round in 0..12u64 {
        let before = version(root.path());
        let mut worker = start_worker(root.path(), &format!("k{round}"), 100_000);
        // A worker that was killed before it wrote anything would prove nothing.
        let start = Instant::now();
        while version(root.path()) < before + 2 {
            assert!(start.elapsed() < Duration::from_secs(60), "the worker does not commit");
            assert!(worker.try_wait().unwrap().is_none(), "the worker ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(round * 7));
        worker.kill().unwrap();
        let end = worker.wait().unwrap();
        assert_eq!(end.code(), None, "killed, not ended by itself");
        let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
        let request = ScanRequest::default();
        let mut rows = 0;
        for split in dataset.plan(&request).unwrap().splits {
            let scan = SplitReader::default().open(&split, dataset.schema(), &request).unwrap();
            rows += scan.map(|batch| batch.unwrap().num_rows()).sum::<usize>();
        }
        assert_eq!(Some(rows as u64), dataset.rows(), "round {round}");
        assert!(rows >= 1000);
    }
}
