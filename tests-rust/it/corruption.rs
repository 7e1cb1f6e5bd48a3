//! Damage is found: every flipped bit and every truncation of the golden files, pages swapped
//! within a file and between files, trailing bytes.

use ncf::{ErrorKind, Profile, WriterOptions};
use ncf_tests::{
    Random, flat_schema, open, random_batch, read_all, repository, scan_all, write_file,
};

/// Small files that never change, one a line: rows, profile, blocks. `NCF_REGENERATE=1` writes
/// them; a format change that alters one breaks every file written before.
const GOLDEN: [(&str, usize, Profile, usize); 6] = [
    ("empty", 0, Profile::Balanced, 1000),
    ("one_row", 1, Profile::Balanced, 1000),
    ("fast", 60, Profile::Fast, 1000),
    ("balanced", 90, Profile::Balanced, 1000),
    ("blocks", 40, Profile::Fast, 15),
    ("runs", 130, Profile::Balanced, 100),
];

fn golden(index: usize) -> (String, Vec<u8>) {
    let (name, rows, profile, block_rows) = GOLDEN[index];
    let path = repository().join(format!("tests-rust/fixtures/v1/{name}.ncf"));
    let schema = flat_schema();
    let batch = random_batch(&schema, rows, &mut Random::new(index as u64 + 1));
    let file_uuid = Some([index as u8 + 1; 16]);
    let options = WriterOptions { profile, block_rows, file_uuid, ..WriterOptions::default() };
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

#[test]
fn every_flipped_bit_is_found() {
    for index in 0..GOLDEN.len() {
        let (name, bytes) = golden(index);
        assert!(!is_refused(&bytes, &name), "{name} is good");
        let mut damaged = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(is_refused(&damaged, &name), "{name}: bit {bit} flipped and not found");
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
    }
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

#[test]
fn swapped_and_foreign_pages_are_found() {
    let (_, bytes) = golden(4);
    let reader = open(bytes.clone()).unwrap();
    let meta = reader.column(0).unwrap();
    let first = meta.blocks[0].pages[0].clone();
    let second = meta.blocks[1].pages[0].clone();
    assert_eq!(first.length, second.length);
    let page = |p: &ncf::file::PageMeta| p.offset as usize..p.offset as usize + p.length as usize;
    let mut swapped = bytes.clone();
    swapped[page(&first)].copy_from_slice(&bytes[page(&second)]);
    swapped[page(&second)].copy_from_slice(&bytes[page(&first)]);
    assert!(swapped == bytes || is_refused(&swapped, "swapped"));

    let schema = flat_schema();
    let batch = random_batch(&schema, 40, &mut Random::new(5));
    let make = |uuid: u8| {
        let file_uuid = Some([uuid; 16]);
        let options = WriterOptions { file_uuid, block_rows: 15, ..WriterOptions::default() };
        write_file(&schema, &[batch.clone()], options).unwrap()
    };
    let (ours, theirs) = (make(1), make(2));
    let mut mixed = ours.clone();
    mixed[page(&first)].copy_from_slice(&theirs[page(&first)]);
    assert!(is_refused(&mixed, "a page with the same rows from another file"));
}
