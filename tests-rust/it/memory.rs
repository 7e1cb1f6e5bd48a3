//! What scans and writers hold in memory: counted, limited, given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_select::concat::concat_batches;
use ncf::{
    Aggregate, Aggregation, Computation, DataType, ErrorKind, Expression, Field, FileReader,
    MemoryConsumer, MemoryPool, MemorySource, Profile, ReadOptions, Schema, WriterOptions,
};
use ncf_tests::nested::{nested_schema, random_values};
use ncf_tests::{Random, flat_schema, random_batch, read_all, scan_all, write_file};

fn file(batch: &RecordBatch, schema: &Schema) -> Vec<u8> {
    let options = WriterOptions { block_rows: 50_000, ..WriterOptions::default() };
    write_file(schema, std::slice::from_ref(batch), options).unwrap()
}

fn open(bytes: &[u8], memory: &MemoryConsumer) -> ncf::Result<Arc<FileReader>> {
    let source = Arc::new(MemorySource::new("in memory", bytes.to_vec()));
    let options = ReadOptions { memory: memory.clone(), ..ReadOptions::default() };
    FileReader::open(source, options).map(Arc::new)
}

/// Reads everything within `limit`; answers the most that was held.
fn peak(bytes: &[u8], limit: u64) -> ncf::Result<u64> {
    let memory = MemoryConsumer::new("scan", limit, None);
    let read = open(bytes, &memory).and_then(|reader| {
        let rows = reader.rows();
        let batches = read_all(scan_all(&reader).build()?)?;
        assert_eq!(batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), rows);
        Ok(memory.peak())
    });
    assert_eq!(memory.held(), 0, "something is still counted");
    assert!(memory.peak() <= limit);
    read
}

#[test]
fn a_scan_stays_within_its_limit_or_says_what_it_lacks() {
    let mut random = Random::new(41);
    let flat = flat_schema();
    let nested = nested_schema(4, 3, &mut random);
    let columns = nested.fields.iter().map(|field| random_values(field, 20_000, &mut random));
    let arrow = Arc::new(ncf::to_arrow_schema(&nested));
    let nested_batch = RecordBatch::try_new(arrow, columns.collect()).unwrap();
    for (schema, batch) in
        [(&flat, random_batch(&flat, 120_000, &mut random)), (&nested, nested_batch)]
    {
        let bytes = file(&batch, schema);
        let needed = peak(&bytes, u64::MAX).unwrap();
        assert!(needed > 1 << 20, "{needed}");
        assert_eq!(peak(&bytes, needed).unwrap(), needed);
        for limit in [0, 1000, 70_000, needed / 4, needed / 2, needed - 1] {
            let error = peak(&bytes, limit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LimitExceeded);
            let text = error.to_string();
            let limit = format!("memoryLimit is {limit}: raise it");
            assert!(text.contains(&limit) && text.contains("file in memory"), "{text}");
        }
    }
}

#[test]
fn more_blocks_do_not_take_more_memory() {
    let schema = flat_schema();
    let batch = random_batch(&schema, 50_000, &mut Random::new(42));
    let of_blocks = |blocks: usize| {
        let batches = vec![batch.clone(); blocks];
        let options = WriterOptions { block_rows: 50_000, ..WriterOptions::default() };
        peak(&write_file(&schema, &batches, options).unwrap(), u64::MAX).unwrap()
    };
    let (few, many) = (of_blocks(4), of_blocks(12));
    // Where pages are is known of all of them, and a few dictionaries are kept.
    assert!(many < few + few / 4, "{few} bytes for 4 blocks, {many} for 12");
}

fn texts(rows: usize) -> (Schema, RecordBatch) {
    let schema = Schema::new(vec![
        Field::new(1, "a", DataType::Int64, true),
        Field::new(2, "s", DataType::String, true),
    ])
    .unwrap();
    let batch = random_batch(&schema, rows, &mut Random::new(43));
    (schema, batch)
}

#[test]
fn a_writer_ends_blocks_early_to_stay_within_its_limit() {
    let (schema, batch) = texts(200_000);
    let write = |limit: u64, threads: usize| {
        let memory = MemoryConsumer::new("writer", limit, None);
        let options = WriterOptions { memory: memory.clone(), threads, ..WriterOptions::default() };
        let bytes = write_file(&schema, std::slice::from_ref(&batch), options);
        assert_eq!(memory.held(), 0, "something is still counted");
        assert!(memory.peak() <= limit);
        bytes.map(|bytes| (bytes, memory.peak()))
    };
    for threads in [1, 2] {
        let (whole, needed) = write(u64::MAX, threads).unwrap();
        let blocks = |bytes: &[u8]| ncf_tests::open(bytes.to_vec()).unwrap().blocks().len();
        assert_eq!(blocks(&whole), 1);
        let (cut, _) = write(needed / 5, threads).unwrap();
        assert!((5..=12).contains(&blocks(&cut)), "{} blocks", blocks(&cut));
        let reader = ncf_tests::open(cut).unwrap();
        reader.verify().unwrap();
        let read = read_all(scan_all(&reader).build().unwrap()).unwrap();
        assert_eq!(concat_batches(&batch.schema(), &read).unwrap(), batch);
        let error = write(needed / 50, threads).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        let text = error.to_string();
        assert!(text.contains("the writer holds 0 bytes") && text.contains("a block"), "{text}");
    }
}

/// A pool that has `left` bytes.
struct Pool {
    left: Arc<AtomicU64>,
}

impl MemoryPool for Pool {
    fn acquire(&self, bytes: u64) -> ncf::Result<u64> {
        let granted = bytes.min(self.left.load(Ordering::Relaxed));
        self.left.fetch_sub(granted, Ordering::Relaxed);
        Ok(granted)
    }

    fn release(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }

    fn advice(&self) -> &'static str {
        "ask for a larger pool"
    }
}

#[test]
fn a_pool_gets_back_what_it_granted_whatever_happens() {
    let (schema, batch) = texts(100_000);
    let total = 3 << 20;
    let left = Arc::new(AtomicU64::new(total));
    let consumer =
        |name| MemoryConsumer::new(name, u64::MAX, Some(Box::new(Pool { left: left.clone() })));
    let options = WriterOptions {
        memory: consumer("writer"),
        profile: Profile::Fast,
        ..WriterOptions::default()
    };
    let bytes = write_file(&schema, std::slice::from_ref(&batch), options).unwrap();
    assert_eq!(left.load(Ordering::Relaxed), total);
    assert!(ncf_tests::open(bytes.clone()).unwrap().blocks().len() > 1);

    // To the end, given up, and at every amount of memory up to what is enough.
    let mut enough = false;
    for total in (0..40u64).map(|step| step << 18) {
        left.store(total, Ordering::Relaxed);
        let scan = open(&bytes, &consumer("scan")).and_then(|reader| scan_all(&reader).build());
        match scan.and_then(|mut scan| {
            scan.next_batch()?;
            read_all(scan)
        }) {
            Ok(_) => enough = true,
            Err(error) => assert!(error.to_string().contains("ask for a larger pool"), "{error}"),
        }
        assert_eq!(left.load(Ordering::Relaxed), total);
    }
    assert!(enough);
}

#[test]
fn groups_come_out_early_when_they_get_no_more_memory() {
    let (schema, batch) = texts(100_000);
    let bytes = file(&batch, &schema);
    let rows_of = |limit: u64| {
        let memory = MemoryConsumer::new("scan", limit, None);
        let reader = open(&bytes, &memory)?;
        let text = Computation::Value(Expression::Column("s".into()));
        let longest = Aggregation {
            group_by: vec![Computation::Value(Expression::Column("a".into()))],
            aggregates: vec![Aggregate::Max(text), Aggregate::CountRows],
        };
        let scan = scan_all(&reader).aggregate(longest).build()?;
        let batches = read_all(scan)?;
        let counted = |batch: &RecordBatch| {
            let counts = batch.column(2).as_primitive::<Int64Type>();
            counts.values().iter().sum::<i64>()
        };
        let counts: i64 = batches.iter().map(counted).sum();
        let groups: usize = batches.iter().map(RecordBatch::num_rows).sum();
        Ok::<_, ncf::Error>((counts, groups, memory.peak()))
    };
    let (counts, groups, peak) = rows_of(u64::MAX).unwrap();
    assert_eq!(counts, 100_000);
    let (same, more, less) = rows_of(peak - (1 << 20)).unwrap();
    assert_eq!(same, 100_000);
    assert!(more >= groups && less < peak, "{more} of {groups} groups, {less} of {peak} bytes");
}
