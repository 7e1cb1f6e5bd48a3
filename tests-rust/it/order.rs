//! What files say of the order of their rows: any bytes in its place, and orders that are not true.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use ncf::{DataType, ErrorKind, Field, Schema, SortKey, WriterOptions, to_arrow_schema};
use ncf_tests::reseal::{parts, reseal};
use ncf_tests::{Random, open, write_file};

const CLUSTERING: u32 = 24;

fn key(column: &str, descending: bool) -> SortKey {
    SortKey { column: column.into(), descending, nulls_first: !descending }
}

/// A file of several blocks and pages, sorted by a number and, against it, a string.
fn sorted_file() -> Vec<u8> {
    let schema = Schema::new(vec![
        Field::new(1, "noise", DataType::Float64, false),
        Field::new(2, "a", DataType::Int32, true),
        Field::new(3, "b", DataType::String, true),
    ])
    .unwrap();
    let mut random = Random::new(3);
    let mut rows: Vec<(Option<i32>, u64)> = (0..5000)
        .map(|_| {
            let a = (!random.one_in(9)).then(|| random.below(300) as i32 - 100);
            (a, random.below(50))
        })
        .collect();
    rows.sort_unstable_by_key(|(a, b)| (*a, std::cmp::Reverse(*b)));
    let noise: ArrayRef =
        Arc::new(Float64Array::from_iter_values(rows.iter().map(|_| random.below(99) as f64)));
    let a: ArrayRef = Arc::new(Int32Array::from_iter(rows.iter().map(|(a, _)| *a)));
    let b: ArrayRef =
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, b)| format!("{b:02}"))));
    let batch =
        RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), vec![noise, a, b]).unwrap();
    let sorted_by = vec![key("a", false), key("b", true)];
    let options = WriterOptions { block_rows: 1500, sorted_by, ..WriterOptions::default() };
    write_file(&schema, &[batch], options).unwrap()
}

#[test]
fn any_bytes_in_its_place_are_an_error_or_an_order_that_verify_compares() {
    let bytes = sorted_file();
    let reader = open(bytes.clone()).unwrap();
    assert_eq!(reader.clustering().unwrap(), [key("a", false), key("b", true)]);
    reader.verify().unwrap();
    let records = parts(&bytes).records;
    let record = records.iter().find(|(kind, _)| *kind == CLUSTERING).unwrap().1.clone();
    assert_eq!(record.len(), 20);
    let (mut corrupt, mut untrue, mut others) = (0, 0, 0);
    for at in record {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            assert!(open(bytes.clone()).unwrap().clustering().is_err(), "its checksum");
            reseal(&mut bytes);
            let reader = open(bytes).unwrap();
            match reader.clustering() {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt);
                    assert!(reader.verify().is_err());
                    corrupt += 1;
                }
                Ok(_) => match reader.verify() {
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.contains("not in the order that the file says"), "{text}");
                        untrue += 1;
                    }
                    // Nulls of a column that has none may come first or last.
                    Ok(_) => others += 1,
                },
            }
        }
    }
    assert!(corrupt > 100 && untrue >= 5 && others <= 2, "{corrupt}, {untrue}, {others}");
}

#[test]
fn a_reader_that_does_not_know_the_record_skips_it_but_checks_its_bytes() {
    let mut bytes = sorted_file();
    let directory = parts(&bytes).directory;
    let found = (directory.start..directory.end)
        .step_by(40)
        .find(|at| bytes[*at..*at + 4] == CLUSTERING.to_le_bytes())
        .unwrap();
    bytes[found..found + 4].copy_from_slice(&1000u32.to_le_bytes());
    reseal(&mut bytes);
    let reader = open(bytes.clone()).unwrap();
    assert_eq!(reader.clustering().unwrap(), []);
    assert_eq!(reader.verify().unwrap().rows, 5000);
    // Its offset stands behind kind and column.
    let offset = u64::from_le_bytes(bytes[found + 8..found + 16].try_into().unwrap());
    bytes[offset as usize] ^= 1;
    let reader = open(bytes.clone()).unwrap();
    let error = reader.verify().unwrap_err().to_string();
    assert!(error.contains("unknown kind 1000"), "{error}");
    assert_eq!(reader.len(), bytes.len() as u64);
    // Kinds that rows need are all known.
    bytes[found..found + 4].copy_from_slice(&15u32.to_le_bytes());
    reseal(&mut bytes);
    assert_eq!(open(bytes).err().unwrap().kind(), ErrorKind::Corrupt);
}
