//! Damage is found: every flipped bit and every truncation of the golden files, pages swapped
//! within a file and between files, trailing bytes.

use std::collections::BTreeMap;

use ncf::{DataType, EncodingId, ErrorKind, Profile, Schema, WriterOptions};
use ncf_tests::{
    Random, flat_schema, open, random_batch, read_all, repository, scan_all, write_file,
};

/// Small files that never change, one a line: rows, profile, blocks. `NCF_REGENERATE=1` writes
/// them; a format change that alters one breaks every file written before.
const GOLDEN: [(&str, usize, Profile, usize); 8] = [
    ("empty", 0, Profile::Balanced, 1000),
    ("one_row", 1, Profile::Balanced, 1000),
    ("fast", 60, Profile::Fast, 1000),
    ("balanced", 90, Profile::Balanced, 1000),
    ("blocks", 40, Profile::Fast, 15),
    ("runs", 130, Profile::Balanced, 100),
    ("records", 85, Profile::Fast, 4),
    ("forced", 50, Profile::Point, 1000),
];

/// Of every type; `records` has so many blocks that its statistics are compressed, and few columns.
fn golden_schema(name: &str) -> Schema {
    let mut schema = flat_schema();
    if name == "records" {
        schema.fields.truncate(3);
    }
    schema
}

/// `forced` has the encodings that the chooser leaves out of so few rows.
fn golden_encodings(name: &str, schema: &Schema) -> BTreeMap<String, EncodingId> {
    let of = |data_type| match data_type {
        DataType::Int32 | DataType::Date => EncodingId::DELTA,
        DataType::Int64 => EncodingId::SEQUENCE,
        DataType::String | DataType::Binary => EncodingId::FSST,
        DataType::Decimal { precision: 38, .. } => EncodingId::DECIMAL_PARTS,
        DataType::Timestamp => EncodingId::TIMESTAMP_PARTS,
        _ => EncodingId::NULL_FILL,
    };
    let fields = schema.fields.iter().filter(|_| name == "forced");
    fields.map(|field| (field.name.clone(), of(field.data_type().unwrap()))).collect()
}

fn golden(index: usize) -> (String, Vec<u8>) {
    let (name, rows, profile, block_rows) = GOLDEN[index];
    let path = repository().join(format!("tests-rust/fixtures/v1/{name}.ncf"));
    let schema = golden_schema(name);
    let batch = random_batch(&schema, rows, &mut Random::new(index as u64 + 1));
    let file_uuid = Some([index as u8 + 1; 16]);
    let encodings = golden_encodings(name, &schema);
    let options =
        WriterOptions { profile, block_rows, file_uuid, encodings, ..WriterOptions::default() };
    let made = write_file(&schema, &[batch], options).unwrap();
    if std::env::var_os("NCF_REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let stored = std::fs::read(&path).unwrap();
    assert!(stored == made, "{name}.ncf is no longer what the writer makes");
    (name.to_string(), stored)
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
    std::thread::scope(|scope| {
        for index in 0..GOLDEN.len() {
            scope.spawn(move || {
                let (name, bytes) = golden(index);
                flip_every_bit(&name, &bytes);
            });
        }
    });
}

#[test]
fn every_truncation_and_any_trailing_byte_is_found() {
    for index in 0..GOLDEN.len() {
        let (name, bytes) = golden(index);
        for len in 0..bytes.len() {
            assert!(is_refused(&bytes[..len], &name), "{name} cut to {len} bytes");
        }
        for extra in [1, 7, 64, 4096] {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + extra, 0);
            assert!(is_refused(&longer, &name), "{name} with {extra} bytes more");
        }
    }
}

/// Every data page of a file.
fn pages(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
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
    let (_, bytes) = golden(4);
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
