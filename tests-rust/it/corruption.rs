//! Damage is found: every flipped bit and every truncation of the golden files, zeroed stretches, pages and
//! blocks swapped within a file and between files, trailing bytes, a file that took another's place.

use std::collections::BTreeSet;
use std::ops::Range;

use ncf::dataset::{
    CommitFile, CommitRequest, Dataset, DatasetOptions, ScanRequest, SplitReader, commit,
};
use ncf::table::Operation;
use ncf::{
    DataType, EncodingId, ErrorKind, Field, FileReader, FileWriter, LocalSink, PhysicalType,
    Profile, Schema, WriterOptions,
};
use ncf_tests::golden::{self, Golden};
use ncf_tests::{
    Random, flat_schema, open, random_batch, read_all, repository, scan_all, write_file,
};

/// Bytes of the largest golden file.
const MOST_BYTES: usize = 64 << 10;

#[test]
fn golden_files_are_what_the_writer_makes_and_come_back() {
    let files = golden::all();
    assert!(files.len() >= 12);
    for file in &files {
        let made = file.made();
        if std::env::var_os("NCF_REGENERATE").is_some() {
            std::fs::write(file.path(), &made).unwrap();
        }
        let (name, stored) = (file.name, file.stored());
        assert!(stored == made, "{name}.ncf is no longer what the writer makes");
        assert!(stored.len() <= MOST_BYTES, "{name}.ncf has {} bytes", stored.len());
        let reader = open(stored).unwrap();
        reader.verify().unwrap();
        let batches = read_all(scan_all(&reader).build().unwrap()).unwrap();
        let mut row = 0;
        for batch in &batches {
            for (column, found) in batch.columns().iter().enumerate() {
                let wanted = file.rows().column(column).slice(row, batch.num_rows());
                assert!(*found == wanted, "{name}: column {column} from row {row}");
            }
            row += batch.num_rows();
        }
        assert_eq!(row, file.rows().num_rows(), "{name}");
    }
    let names: BTreeSet<_> = files.iter().map(|file| file.path()).collect();
    let folder = std::fs::read_dir(repository().join("tests-rust/fixtures/v1")).unwrap();
    assert_eq!(
        folder
            .map(|entry| entry.unwrap().path().file_name().map(ToOwned::to_owned))
            .collect::<BTreeSet<_>>(),
        names.iter().map(|path| path.file_name().map(ToOwned::to_owned)).collect()
    );
}

/// The encoding at the root of a page's values: `b` of `b(…)` and of `nullable(…, b(…))`.
fn root(tree: &str) -> &str {
    let tree = tree.split(" of ").next().unwrap();
    let values = match tree.strip_prefix("nullable(").and_then(|rest| rest.strip_suffix(')')) {
        None => tree,
        Some(both) => {
            let mut depth = 0;
            let comma = both.bytes().position(|byte| {
                depth += i32::from(byte == b'(') - i32::from(byte == b')');
                byte == b',' && depth == 0
            });
            both[comma.unwrap() + 1..].trim()
        }
    };
    values.split('(').next().unwrap()
}

#[test]
fn golden_files_have_every_encoding_over_every_type_it_accepts() {
    let mut found = BTreeSet::new();
    for file in golden::all() {
        let reader = open(file.stored()).unwrap();
        for (index, column) in reader.stored().iter().enumerate() {
            for tree in &reader.column(index).unwrap().trees {
                found.insert((root(tree).to_owned(), column.data_type.physical()));
            }
        }
    }
    for encoding in ncf::encoding::all() {
        for physical in PhysicalType::ALL.into_iter().filter(|p| encoding.accepts(*p)) {
            let pair = (encoding.name().to_owned(), physical);
            assert!(found.contains(&pair), "no golden file has {pair:?}");
        }
    }
}

/// Opens, verifies and reads everything; true when some step said that the file is damaged.
fn is_refused(bytes: &[u8], what: &str) -> bool {
    let result = open(bytes.to_vec()).and_then(|reader| {
        reader.verify()?;
        read_all(scan_all(&reader).build()?)
    });
    match result {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
            true
        }
    }
}

fn flip_every_bit(name: &str, bytes: &[u8]) {
    assert!(!is_refused(bytes, name), "{name} is good");
    let mut damaged = bytes.to_vec();
    for bit in 0..bytes.len() * 8 {
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(is_refused(&damaged, name), "{name}: bit {bit} flipped and not found");
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let files = golden::all();
    std::thread::scope(|scope| {
        for file in &files {
            scope.spawn(|| flip_every_bit(file.name, &file.stored()));
        }
    });
}

#[test]
fn every_truncation_and_any_trailing_byte_is_found() {
    for file in golden::all() {
        let (name, bytes) = (file.name, file.stored());
        for len in 0..bytes.len() {
            assert!(is_refused(&bytes[..len], name), "{name} cut to {len} bytes");
        }
        for extra in [1, 7, 64, 4096] {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + extra, 0);
            assert!(is_refused(&longer, name), "{name} with {extra} bytes more");
        }
    }
}

#[test]
fn zeroed_stretches_are_found() {
    for file in golden::all() {
        let (name, bytes) = (file.name, file.stored());
        for size in [512, 4096] {
            for start in (0..bytes.len()).step_by(size) {
                let stretch = start..(start + size).min(bytes.len());
                let mut damaged = bytes.clone();
                damaged[stretch.clone()].fill(0);
                // Padding is zero anyhow.
                assert!(
                    damaged == bytes || is_refused(&damaged, name),
                    "{name}: zeros at {stretch:?}"
                );
            }
        }
    }
}

/// Every data page of a file.
fn pages(bytes: &[u8]) -> Vec<Range<usize>> {
    let reader = open(bytes.to_vec()).unwrap();
    let columns = 0..reader.schema().fields.len();
    let metas = columns.map(|column| reader.column(column).unwrap());
    metas
        .flat_map(|meta| meta.blocks.clone())
        .flat_map(|block| block.pages)
        .map(|page| page.offset as usize..page.offset as usize + page.length as usize)
        .collect()
}

/// Puts each page of `from` in the place of each page of `into` that has as many bytes, but others.
fn misplace(from: &[u8], into: &[u8], what: &str) {
    let mut tried = 0;
    let pages_of_from = pages(from);
    for place in pages(into) {
        for page in &pages_of_from {
            if page.len() != place.len() || from[page.clone()] == into[place.clone()] {
                continue;
            }
            let mut damaged = into.to_vec();
            damaged[place.clone()].copy_from_slice(&from[page.clone()]);
            assert!(is_refused(&damaged, what), "{what}: {page:?} at {place:?}");
            tried += 1;
        }
    }
    assert!(tried > 20, "{what}: only {tried} pages fit");
}

#[test]
fn swapped_and_foreign_pages_are_found() {
    let files = golden::all();
    let bytes = files.iter().find(|file| file.name == "blocks").map(Golden::stored).unwrap();
    misplace(&bytes, &bytes, "a page of the same file");

    let schema = flat_schema();
    let make = |seed: u8| {
        let batch = random_batch(&schema, 40, &mut Random::new(u64::from(seed)));
        let file_uuid = Some([seed; 16]);
        let options = WriterOptions { file_uuid, block_rows: 15, ..WriterOptions::default() };
        write_file(&schema, &[batch], options).unwrap()
    };
    misplace(&make(1), &make(2), "a page of another file");
}

/// A file of four blocks that take the same bytes each.
fn even_blocks(uuid: u8, seed: u64) -> Vec<u8> {
    let types = [DataType::Int32, DataType::Float64];
    let field = |(at, t): (usize, DataType)| Field::new(at as u32 + 1, format!("c{at}"), t, false);
    let schema = Schema::new(types.into_iter().enumerate().map(field).collect()).unwrap();
    let batch = random_batch(&schema, 400, &mut Random::new(seed));
    let encodings = schema.fields.iter().map(|f| (f.name.clone(), EncodingId::PLAIN)).collect();
    let options = WriterOptions {
        profile: Profile::Fast,
        block_rows: 100,
        file_uuid: Some([uuid; 16]),
        encodings,
        ..WriterOptions::default()
    };
    write_file(&schema, &[batch], options).unwrap()
}

/// The bytes of each block.
fn blocks(reader: &FileReader) -> Vec<Range<usize>> {
    let of_block = |block: usize| {
        let columns = (0..reader.stored().len()).map(|column| reader.column(column).unwrap());
        let chunks = columns.map(|meta| meta.chunk(block).unwrap().pages.clone());
        let pages: Vec<_> =
            chunks.flatten().map(|p| (p.offset, p.offset + u64::from(p.length))).collect();
        let start = pages.iter().map(|page| page.0).min().unwrap();
        let end = pages.iter().map(|page| page.1).max().unwrap();
        start as usize..end as usize
    };
    (0..reader.blocks().len()).map(of_block).collect()
}

#[test]
fn swapped_and_foreign_blocks_and_parts_are_found() {
    let (bytes, same_uuid, other) = (even_blocks(1, 1), even_blocks(1, 2), even_blocks(2, 2));
    let ranges = blocks(&open(bytes.clone()).unwrap());
    assert_eq!(ranges.len(), 4);
    for a in &ranges {
        assert_eq!(a.len(), ranges[0].len());
        for b in &ranges {
            if a != b {
                let mut damaged = bytes.clone();
                damaged[a.clone()].copy_from_slice(&bytes[b.clone()]);
                damaged[b.clone()].copy_from_slice(&bytes[a.clone()]);
                assert!(is_refused(&damaged, "blocks"), "{a:?} and {b:?} swapped");
            }
            for from in [&same_uuid, &other] {
                let mut damaged = bytes.clone();
                damaged[a.clone()].copy_from_slice(&from[b.clone()]);
                assert!(is_refused(&damaged, "foreign blocks"), "{b:?} of another file at {a:?}");
            }
        }
    }
    // All pages of one file under the metadata of another.
    let end = ranges.last().unwrap().end;
    for from in [&same_uuid, &other] {
        let mixed = [&from[..end], &bytes[end..]].concat();
        assert!(is_refused(&mixed, "foreign metadata"));
    }
}

#[test]
fn an_older_file_at_the_path_of_a_newer_one_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let path = "data/a.ncf";
    let schema = Schema { fields: flat_schema().fields[..4].to_vec(), ..Schema::default() };
    let write = |seed| {
        let _ = std::fs::remove_file(root.path().join(path));
        let sink = LocalSink::create_new(root.path().join(path)).unwrap();
        let options = WriterOptions { file_uuid: Some([5; 16]), ..WriterOptions::default() };
        let mut writer = FileWriter::new(Box::new(sink), schema.clone(), options).unwrap();
        writer.write(&random_batch(&schema, 100, &mut Random::new(seed))).unwrap();
        writer.finish().unwrap()
    };
    write(1);
    let older = std::fs::read(root.path().join(path)).unwrap();
    let files = vec![CommitFile {
        path: path.into(),
        summary: write(2),
        partition_values: Default::default(),
    }];
    let request = CommitRequest {
        operation: Operation::Append,
        schema: schema.clone(),
        partition_columns: Vec::new(),
        files,
        read_version: None,
        app: None,
        partition: std::collections::BTreeMap::new(),
        properties: None,
    };
    commit(root.path(), request).unwrap();
    let read = || {
        let dataset = Dataset::open(root.path(), &DatasetOptions::default())?;
        let request = ScanRequest::default();
        for split in dataset.plan(&request)?.splits {
            read_all(SplitReader::default().open(&split, dataset.schema(), &request)?)?;
        }
        Ok(())
    };
    read().unwrap();
    std::fs::write(root.path().join(path), &older).unwrap();
    let error: ncf::Error = read().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("a.ncf"), "{error}");
}
