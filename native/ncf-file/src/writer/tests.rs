//! Writers decode what they have encoded and compare it, before any of it counts as written: pages that are damaged in
//! between are found, wherever they come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use ncf_core::hash::hash_u64;
use ncf_core::{DataType, Error, ErrorKind, Field, Schema};
use ncf_encoding::{EncodedChunk, EncodingId, Profile, Relation, SharedKind, SharedPage};

use super::relations::is_related;
use super::{FileWriter, WriterOptions};
use crate::sink::MemorySink;
use crate::to_arrow_schema;

/// Rows of a block: two pages of the profile `point`, one of others.
const ROWS: usize = 16_384;
/// Blocks after which a relation is compared with encoding alone again.
const RECHECKED: usize = 8;

/// What happens to pages between their encoding and their verification.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Damage {
    /// To a chunk of a column, which is given by its number.
    chunk: fn(u32, &mut EncodedChunk),
    /// To the page of a map that blocks share.
    map: fn(&mut SharedPage),
}

impl Default for Damage {
    fn default() -> Self {
        Self { chunk: |_, _| (), map: |_| () }
    }
}

impl Damage {
    pub(super) fn chunk(&self, column: u32, mut chunk: EncodedChunk) -> EncodedChunk {
        (self.chunk)(column, &mut chunk);
        chunk
    }

    pub(super) fn map(&self, mut page: SharedPage) -> SharedPage {
        (self.map)(&mut page);
        page
    }
}

const NUMBER: u32 = 0;
const WORD: u32 = 1;
const GAPS: u32 = 2;
const COPY: u32 = 3;
const KEY: u32 = 4;
const NAME: u32 = 5;

fn schema() -> Schema {
    Schema::new(vec![
        Field::new(1, "number", DataType::Int64, false),
        Field::new(2, "word", DataType::String, false),
        Field::new(3, "gaps", DataType::Int64, true),
        Field::new(4, "copy", DataType::Int64, false),
        Field::new(5, "key", DataType::Int64, false),
        Field::new(6, "name", DataType::Int64, false),
    ])
    .unwrap()
}

/// The rows of a block: numbers in no order and a copy of them, words, sevens and nulls, keys and what follows from them.
fn rows(block: usize) -> RecordBatch {
    let mixed = |value: usize| hash_u64(value as u64).cast_signed();
    let number = |row: usize| mixed(block * ROWS + row);
    // A fifth of the keys is new in each block.
    let key = |row: usize| (block as i64 * 100) + (mixed(row) & 511);
    let numbers = || Arc::new(Int64Array::from_iter_values((0..ROWS).map(number)));
    let words = (0..ROWS).map(|row| ["ash", "birch", "cedar", "elm"][row * row % 37 % 4]);
    let null = |row: usize| (row % 8192).is_multiple_of(2 + row / 8192);
    let gap = |row: usize| (!null(row)).then_some(7);
    let names = (0..ROWS).map(|row| mixed(key(row) as usize));
    let columns: Vec<ArrayRef> = vec![
        numbers(),
        Arc::new(StringArray::from_iter_values(words)),
        Arc::new(Int64Array::from_iter((0..ROWS).map(gap))),
        numbers(),
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(key))),
        Arc::new(Int64Array::from_iter_values(names)),
    ];
    RecordBatch::try_new(Arc::new(to_arrow_schema(&schema())), columns).unwrap()
}

fn options(profile: Profile) -> WriterOptions {
    let encodings = [("number", EncodingId::PLAIN), ("word", EncodingId::DICTIONARY)];
    let encodings = encodings.map(|(name, id)| (name.to_string(), id));
    WriterOptions { profile, block_rows: ROWS, encodings: encodings.into(), ..Default::default() }
}

/// As told, and nothing else.
fn told(column: u32, relation: Relation) -> WriterOptions {
    let relations = BTreeMap::from([(column, relation)]);
    WriterOptions { relations, ..options(Profile::Fast) }
}

/// Writes blocks of which those from number `clean` on are damaged.
fn write(options: WriterOptions, clean: usize, damage: Damage) -> Result<(), Error> {
    let mut writer = FileWriter::new(Box::new(MemorySink::new()), schema(), options).unwrap();
    for block in 0..=clean {
        if block == clean {
            writer.options.damage = damage;
        }
        writer.write(&rows(block))?;
    }
    writer.finish().map(|_| ())
}

/// Damage is found, and told with its place; without verification nobody would know.
fn is_found(options: &WriterOptions, clean: usize, damage: Damage, what: &str, place: &str) {
    let error = write(options.clone(), clean, damage);
    let error = error.expect_err(place);
    assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
    assert!(error.message().starts_with(what), "{error}");
    assert!(error.message().contains("does not decode to what was written"), "{error}");
    assert!(error.to_string().ends_with(place), "{error}");
    let unverified = WriterOptions { verify: false, ..options.clone() };
    write(unverified, clean, damage).unwrap();
}

/// Another bit of the last value.
fn flip(bytes: &mut [u8]) {
    *bytes.last_mut().unwrap() ^= 1;
}

/// Another page in a chunk of the column that refers to others.
fn flip_related(column: u32, wanted: u32, chunk: &mut EncodedChunk) {
    if column == wanted && is_related(chunk) {
        flip(&mut chunk.pages[0].bytes);
    }
}

#[test]
fn damaged_data_pages_are_found() {
    let place = "[block 1, column number]";
    let other_value = Damage {
        chunk: |column, chunk| {
            if column == NUMBER {
                flip(&mut chunk.pages[0].bytes);
            }
        },
        ..Damage::default()
    };
    let cut = Damage {
        chunk: |column, chunk| {
            if column == NUMBER {
                chunk.pages[0].bytes.truncate(100);
            }
        },
        ..Damage::default()
    };
    for profile in [Profile::Fast, Profile::Balanced, Profile::Point] {
        for damage in [other_value, cut] {
            is_found(&options(profile), 1, damage, "a page encoded as plain", place);
        }
        let threads = WriterOptions { threads: 2, ..options(profile) };
        is_found(&threads, 1, other_value, "a page encoded as plain", place);
    }
    // Both pages hold sevens; their nulls differ.
    let swapped = Damage {
        chunk: |column, chunk| {
            if column == GAPS {
                chunk.pages.swap(0, 1);
            }
        },
        ..Damage::default()
    };
    is_found(&options(Profile::Point), 0, swapped, "a page encoded as ", "[block 0, column gaps]");
}

#[test]
fn damaged_shared_pages_are_found() {
    let place = "[block 0, column word]";
    fn dictionary(chunk: &mut EncodedChunk) -> Option<&mut SharedPage> {
        chunk.shared.iter_mut().find(|page| page.kind == SharedKind::Dictionary)
    }
    let other_letter = |column, chunk: &mut EncodedChunk| {
        if column == WORD {
            flip(&mut dictionary(chunk).unwrap().bytes);
        }
    };
    let cut = |column, chunk: &mut EncodedChunk| {
        if column == WORD {
            dictionary(chunk).unwrap().bytes.truncate(3);
        }
    };
    let damage = Damage { chunk: other_letter, ..Damage::default() };
    is_found(&options(Profile::Fast), 0, damage, "a page encoded as dictionary", place);
    let damage = Damage { chunk: cut, ..Damage::default() };
    is_found(&options(Profile::Fast), 0, damage, "a shared page", place);
}

#[test]
fn damaged_pages_of_columns_that_follow_are_found() {
    let copy = |column, chunk: &mut EncodedChunk| flip_related(column, COPY, chunk);
    let name = |column, chunk: &mut EncodedChunk| flip_related(column, NAME, chunk);
    let (copy, name) =
        (Damage { chunk: copy, ..Damage::default() }, Damage { chunk: name, ..Damage::default() });
    // Where it is found, in the next block, and where it is compared with encoding alone again.
    for block in [0, 1, RECHECKED] {
        for (damage, column) in [(copy, "copy"), (name, "name")] {
            let place = format!("[block {block}, column {column}]");
            is_found(&options(Profile::Balanced), block, damage, "a page encoded as ", &place);
        }
    }
    let equality = told(COPY, Relation::Equality { column: NUMBER });
    is_found(&equality, 0, copy, "a page encoded as ", "[block 0, column copy]");
    let map = told(NAME, Relation::Map { keys: vec![KEY] });
    is_found(&map, 1, name, "a page encoded as ", "[block 1, column name]");
}

#[test]
fn damaged_shared_maps_are_found() {
    let damage = Damage { map: |page| flip(&mut page.bytes), ..Damage::default() };
    let map = told(NAME, Relation::Map { keys: vec![KEY] });
    // As the first block began it, and grown.
    for options in [&map, &options(Profile::Balanced)] {
        for block in [0, 1] {
            is_found(options, block, damage, "a map", "[column name]");
        }
    }
}

#[test]
fn what_is_not_stored_is_not_verified() {
    let alone = |column, chunk: &mut EncodedChunk| {
        if column == COPY && !is_related(chunk) {
            flip(&mut chunk.pages[0].bytes);
        }
    };
    write(options(Profile::Balanced), 0, Damage { chunk: alone, ..Damage::default() }).unwrap();
}
