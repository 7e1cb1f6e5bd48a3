//! Planning where opening a file is mostly waiting: many at a time, and whatever happens nothing stays open.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use arrow_buffer::Buffer;
use ncf_core::Error;
use ncf_table::LogStore;

use super::*;

const FILES: i32 = 64;
const ROUND_TRIP: Duration = Duration::from_millis(30);

/// What sources that are far away have in common.
#[derive(Debug, Default)]
struct Far {
    open: AtomicUsize,
    reading: AtomicUsize,
    most_reading: AtomicUsize,
    fails: AtomicBool,
}

#[derive(Debug, Default)]
struct FarStorage(Arc<Far>);

struct FarSource(Arc<dyn ByteSource>, Arc<Far>);

impl ByteSource for FarSource {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        let reading = self.1.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.1.most_reading.fetch_max(reading, Ordering::SeqCst);
        std::thread::sleep(ROUND_TRIP);
        self.1.reading.fetch_sub(1, Ordering::SeqCst);
        if self.1.fails.load(Ordering::SeqCst) && self.name().contains("/7.ncf") {
            return Err(Error::internal("the connection was lost"));
        }
        self.0.read_ranges(ranges)
    }
}

impl Drop for FarSource {
    fn drop(&mut self) {
        self.1.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Storage for FarStorage {
    fn stat(&self, path: &Path) -> Result<Option<Stat>> {
        LocalStorage.stat(path)
    }

    fn list(&self, directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>> {
        LocalStorage.list(directory, wanted)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>> {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(FarSource(LocalStorage.open(path)?, self.0.clone())))
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
        true
    }
}

fn table(root: &Path) {
    let file = |number: i32| {
        let path = format!("data/{number}.ncf");
        let summary = write(&root.join(&path), number * 100..number * 100 + 2000);
        CommitFile { path, summary, partition_values: Default::default() }
    };
    let files = (0..FILES).map(file).collect();
    commit(root, CommitRequest { operation: Operation::Create, ..request(files) }).unwrap();
}

#[test]
fn sixty_four_files_take_few_round_trips_and_none_stays_open() {
    let root = tempfile::tempdir().unwrap();
    table(root.path());
    let far = Arc::new(Far::default());
    let storage: Arc<dyn Storage> = Arc::new(FarStorage(far.clone()));
    let dataset = Dataset::open_in(&storage, root.path(), &DatasetOptions::default()).unwrap();
    let filter = Predicate::compare("n", CompareOp::GtEq, Scalar::Int(0));
    let wanted = ScanRequest { filter: Some(filter), threads: Some(64), ..ScanRequest::default() };
    let start = Instant::now();
    let plan = dataset.plan(&wanted).unwrap();
    let took = start.elapsed();
    assert_eq!(plan.files_planned, u64::from(FILES.cast_unsigned()));
    let most = far.most_reading.load(Ordering::SeqCst);
    println!("{FILES} files in {took:?}, {most} at a time");
    assert!(most >= 48, "{most} reads at a time");
    assert!(took < ROUND_TRIP * FILES.cast_unsigned() / 4, "{took:?}");
    assert_eq!(far.open.load(Ordering::SeqCst), 0);

    far.fails.store(true, Ordering::SeqCst);
    let error = dataset.plan(&wanted).unwrap_err();
    assert!(error.to_string().contains("the connection was lost"), "{error}");
    assert_eq!(far.open.load(Ordering::SeqCst), 0);
    assert_eq!(far.reading.load(Ordering::SeqCst), 0);
}
