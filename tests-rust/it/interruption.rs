//! Work that nobody wants any more ends before its next page, reading and writing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ncf::{
    ErrorKind, FileReader, FileWriter, Interruption, MemorySink, MemorySource, Profile,
    ReadOptions, ScanBuilder, WriterOptions,
};
use ncf_tests::{Random, flat_schema, random_batch, scan_all};

/// Several pages of each column.
const ROWS: usize = 150_000;

/// Says no as often as told and yes from then on; counts how often it was asked.
fn after(questions: usize) -> (Interruption, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let interruption =
        Interruption::new(move || count.fetch_add(1, Ordering::Relaxed) >= questions);
    (interruption, asked)
}

fn write(interruption: Interruption) -> (ncf::Result<u64>, Vec<u8>) {
    let schema = flat_schema();
    let batch = random_batch(&schema, ROWS, &mut Random::new(5));
    let sink = MemorySink::new();
    let options =
        WriterOptions { profile: Profile::Fast, interruption, ..WriterOptions::default() };
    let mut writer = FileWriter::new(Box::new(sink.clone()), schema, options).unwrap();
    writer.write(&batch).unwrap();
    (writer.finish().map(|summary| summary.rows), sink.take())
}

fn pages(reader: &FileReader) -> usize {
    let pages_of = |column| reader.column(column).unwrap().chunk(0).unwrap().pages.len();
    (0..reader.stored().len()).map(pages_of).sum()
}

fn scan(bytes: &[u8], interruption: Interruption) -> ncf::Result<usize> {
    let options = ReadOptions { interruption, ..ReadOptions::default() };
    let source = MemorySource::new("test", bytes.to_vec());
    let reader = Arc::new(FileReader::open(Arc::new(source), options)?);
    let builder: ScanBuilder = scan_all(&reader);
    let batches = builder.build()?.collect::<ncf::Result<Vec<_>>>()?;
    Ok(batches.iter().map(arrow_array::RecordBatch::num_rows).sum())
}

#[test]
fn a_scan_asks_before_every_page() {
    let bytes = write(Interruption::default()).1;
    let (never, asked) = after(usize::MAX);
    assert_eq!(scan(&bytes, never).unwrap(), ROWS);
    let reader = ncf_tests::open(bytes.clone()).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), pages(&reader));
    for questions in [0, 1, pages(&reader) / 2, pages(&reader) - 1] {
        let (interruption, asked) = after(questions);
        let error = scan(&bytes, interruption).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert_eq!(asked.load(Ordering::Relaxed), questions + 1);
    }
}

#[test]
fn a_writer_asks_before_every_page_is_encoded_compared_and_written() {
    let (never, asked) = after(usize::MAX);
    let (rows, bytes) = write(never);
    assert_eq!(rows.unwrap(), ROWS as u64);
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked >= 3 * pages(&ncf_tests::open(bytes).unwrap()));
    for questions in [0, 1, asked / 2, asked - 1] {
        let (interruption, again) = after(questions);
        assert_eq!(write(interruption).0.unwrap_err().kind(), ErrorKind::Interrupted);
        assert_eq!(again.load(Ordering::Relaxed), questions + 1);
    }
}
