//! What a look-up of one key reads of a table of many files, counted where bytes come from.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_buffer::Buffer;
use ncf_table::LogStore;

use super::*;

const FILES: i32 = 100;
const ROWS: i32 = 70_000;

/// Local files, with what was read of them.
#[derive(Debug, Default)]
struct Counting {
    bytes: Arc<AtomicU64>,
    opened: Mutex<BTreeSet<PathBuf>>,
}

struct CountingSource(Arc<dyn ByteSource>, Arc<AtomicU64>);

impl ByteSource for CountingSource {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        let bytes = ranges.iter().map(|range| range.end - range.start).sum();
        self.1.fetch_add(bytes, Ordering::Relaxed);
        self.0.read_ranges(ranges)
    }
}

impl Storage for Counting {
    fn stat(&self, path: &Path) -> Result<Option<Stat>> {
        LocalStorage.stat(path)
    }

    fn list(&self, directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>> {
        LocalStorage.list(directory, wanted)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>> {
        self.opened.lock().unwrap().insert(path.to_path_buf());
        Ok(Arc::new(CountingSource(LocalStorage.open(path)?, self.bytes.clone())))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn ByteSink>> {
        LocalStorage.create(path)
    }

    fn log(&self, table: &Path) -> Box<dyn LogStore> {
        LocalStorage.log(table)
    }

    fn delete(&self, path: &Path) -> Result<()> {
        LocalStorage.delete(path)
    }

    fn is_remote(&self) -> bool {
        false
    }
}

/// A table of many files, each of a range of keys in order.
fn sorted_table(root: &Path) {
    let mut files = Vec::new();
    for number in 0..FILES {
        let path = format!("data/{number}.ncf");
        let sink = Box::new(LocalSink::create_new(root.join(&path)).unwrap());
        // Gaps, so that keys are no arithmetic progression, which would take no bytes.
        let keys = (0..ROWS).map(|row| (number * ROWS + row) * 50 + row * 7919 % 47);
        let mut keys: Vec<i32> = keys.collect();
        keys.sort_unstable();
        let texts = StringArray::from_iter_values(keys.iter().map(|key| (key % 1009).to_string()));
        let keys: ArrayRef = Arc::new(Int32Array::from(keys));
        let batch =
            RecordBatch::try_from_iter([("n", keys), ("s", Arc::new(texts) as ArrayRef)]).unwrap();
        let mut writer = FileWriter::new(sink, schema(), WriterOptions::default()).unwrap();
        writer.write(&batch).unwrap();
        let summary = writer.finish().unwrap();
        files.push(CommitFile { path, summary, partition_values: Default::default() });
    }
    commit(root, CommitRequest { operation: Operation::Create, ..request(files) }).unwrap();
}

#[test]
fn a_key_of_a_sorted_table_is_found_with_one_footer_and_two_pages() {
    let root = tempfile::tempdir().unwrap();
    sorted_table(root.path());
    let all: u64 = std::fs::read_dir(root.path().join("data"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    let (mut most_bytes, mut found) = (0, 0);
    for row in [0, 12_345, 34_999, ROWS - 1] {
        for number in [0, 41, FILES - 1] {
            let counting = Arc::new(Counting::default());
            let storage: Arc<dyn Storage> = counting.clone();
            let dataset =
                Dataset::open_in(&storage, root.path(), &DatasetOptions::default()).unwrap();
            let key = (number * ROWS + row) * 50 + row * 7919 % 47;
            let filter = Predicate::compare("n", CompareOp::Eq, Scalar::Int(key));
            let wanted = ScanRequest {
                filter: Some(filter),
                columns: Some(vec!["n".into(), "s".into()]),
                ..ScanRequest::default()
            };
            let plan = dataset.plan(&wanted).unwrap();
            assert_eq!(plan.files_planned + plan.files_pruned, FILES as u64);
            // Rows of the zone that holds the key, and of one beside it where bounds prove nothing.
            assert!(plan.splits.len() <= 2 && plan.row_runs <= 2, "{plan:?}");
            assert!(plan.splits.iter().all(|split| split.rows <= 2 * 8192), "{plan:?}");
            // Of the two pages of a column one.
            let bytes: u64 = plan.splits.iter().map(|split| split.bytes).sum();
            assert!(0 < bytes && bytes < plan.bytes, "{plan:?}");
            let vectors = plan.vectors_planned + plan.vectors_pruned;
            assert_eq!(
                vectors,
                plan.blocks_planned * u64::from(ROWS.cast_unsigned()).div_ceil(1024)
            );
            assert!(plan.vectors_planned <= 16 && plan.index_bytes > 0, "{plan:?}");
            let mut pages = 0;
            for split in &plan.splits {
                let reader = SplitReader { storage: storage.clone(), ..SplitReader::default() };
                let mut scan = reader.open(split, dataset.schema(), &wanted).unwrap();
                while let Some(batch) = scan.next_batch().unwrap() {
                    found += batch.num_rows();
                }
                let metrics = scan.metrics();
                pages += metrics.pages_read;
                assert!(metrics.rows_scanned <= 6 * 1024, "{metrics:?}");
                assert_eq!(metrics.index_misses, 0);
            }
            assert!(pages <= 2, "{pages} pages");
            assert!(counting.opened.lock().unwrap().len() <= 2);
            most_bytes = most_bytes.max(counting.bytes.load(Ordering::Relaxed));
        }
    }
    assert_eq!(found, 12);
    println!("{all} bytes in all, at most {most_bytes} for a key");
    assert!(most_bytes * 20 <= all, "{most_bytes} of {all}");
}
