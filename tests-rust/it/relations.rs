//! Columns that follow from others, as files have them: found, read alone and together, over pages that are cut at other
//! rows and over several blocks; and files that lie about them.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use ncf::encoding::SharedKind;
use ncf::encoding::relations::{Linear, Relation, Term, Transform};
use ncf::{
    DataType, ErrorKind, Field, FileReader, PageRef, Profile, Schema, WriterOptions,
    to_arrow_schema,
};
use ncf_tests::reseal::reseal;
use ncf_tests::{Random, open, read_all, scan_all, write_file};

fn schema() -> Schema {
    let field = |id, name: &str, data_type| Field::new(id, name, data_type, true);
    Schema::new(vec![
        field(1, "city", DataType::String),
        field(2, "zone", DataType::Int32),
        field(3, "start", DataType::Int64),
        field(4, "end", DataType::Int64),
        field(5, "copy", DataType::String),
        field(6, "noise", DataType::Int64),
    ])
    .unwrap()
}

/// Strings of about `letters` bytes, so that their pages end before those of numbers.
fn rows(rows: usize, letters: usize) -> RecordBatch {
    let mut random = Random::new(11);
    let cities: Vec<String> = (0..300)
        .map(|_| (0..letters / 16).map(|_| format!("{:016x}", random.next_u64())).collect())
        .collect();
    let zones: Vec<i32> = (0..300).map(|_| random.below(1 << 30) as i32).collect();
    let picked: Vec<usize> = (0..rows).map(|_| random.below(300) as usize).collect();
    let starts: Vec<i64> = (0..rows).map(|_| random.below(1 << 40) as i64).collect();
    let null = |row: usize| row % 17 == 3 || row % 13 == 4 || (90_000..91_000).contains(&row);
    let city = |row: usize| (row % 17 != 3).then(|| cities[picked[row]].as_str());
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..rows).map(city).collect::<StringArray>()),
        Arc::new(
            (0..rows).map(|row| (!null(row)).then(|| zones[picked[row]])).collect::<Int32Array>(),
        ),
        Arc::new(Int64Array::from(starts.clone())),
        Arc::new(
            (0..rows).map(|row| (!null(row)).then(|| starts[row] + 7)).collect::<Int64Array>(),
        ),
        Arc::new(
            (0..rows)
                .map(|row| if row % 999 == 5 { Some("else") } else { city(row) })
                .collect::<StringArray>(),
        ),
        Arc::new((0..rows).map(|_| Some(random.next_u64() as i64)).collect::<Int64Array>()),
    ];
    RecordBatch::try_new(Arc::new(to_arrow_schema(&schema())), columns).unwrap()
}

fn follows(reader: &FileReader, column: usize) -> bool {
    let meta = reader.column(column).unwrap();
    meta.blocks
        .iter()
        .all(|chunk| chunk.shared.iter().any(|page| page.kind == SharedKind::References))
}

#[test]
fn what_follows_is_found_and_comes_back() {
    let batch = rows(140_000, 200);
    for profile in [Profile::Balanced, Profile::Compact] {
        let options = |threads| WriterOptions {
            profile,
            threads,
            block_rows: 70_000,
            file_uuid: Some([5; 16]),
            ..WriterOptions::default()
        };
        let bytes = write_file(&schema(), std::slice::from_ref(&batch), options(1)).unwrap();
        let more = write_file(&schema(), std::slice::from_ref(&batch), options(3)).unwrap();
        assert!(bytes == more, "threads change the bytes");
        let reader = open(bytes.clone()).unwrap();
        reader.verify().unwrap();
        let found: Vec<bool> = (0..6).map(|column| follows(&reader, column)).collect();
        assert_eq!(found, [false, true, false, true, true, false], "{profile}");
        let first = |column: usize| reader.column(column).unwrap().blocks[0].pages[0].rows;
        assert!(first(0) < first(1), "pages are cut at other rows");
        let trees = reader.column(3).unwrap().trees.clone();
        assert!(trees.iter().any(|tree| tree.ends_with(" of start + 7")), "{trees:?}");
        let all = read_all(scan_all(&reader).build().unwrap()).unwrap();
        assert!(concat_batches(&all[0].schema(), &all).unwrap() == batch, "{profile}");
        // Each alone, page by page and backwards, so that nothing is read for others before.
        for column in 0..6 {
            let reader = open(bytes.clone()).unwrap();
            for block in (0..2).rev() {
                let count = reader.column(column).unwrap().blocks[block].pages.len();
                for page in (0..count).rev() {
                    let page = PageRef { column, block, page };
                    let decoded = reader.read_pages(&[page]).unwrap().remove(0);
                    let rows = decoded.values.len();
                    assert_eq!(reader.flat(page, decoded.values).unwrap().len(), rows);
                }
            }
        }
    }
}

#[test]
fn nothing_follows_from_what_costs_too_much_to_read() {
    let batch = rows(70_000, 1200);
    let options = WriterOptions { block_bytes: 1 << 30, ..WriterOptions::default() };
    let reader = open(write_file(&schema(), &[batch], options).unwrap()).unwrap();
    reader.verify().unwrap();
    assert!(!follows(&reader, 1), "a map of 80 MB of strings a page");
    assert!(follows(&reader, 3));
}

fn told(relations: &[(u32, Relation)]) -> ncf::Result<Vec<u8>> {
    let options = WriterOptions {
        relations: relations.iter().cloned().collect(),
        ..WriterOptions::default()
    };
    write_file(&schema(), &[rows(3000, 64)], options)
}

fn sum(column: u32, shift: u8) -> Relation {
    let term = Term { column, transform: Transform::Identity, coefficient: 1 };
    Relation::Linear(Linear { terms: vec![term], constant: 0, shift, scale: 0 })
}

#[test]
fn relations_that_cannot_be_are_refused() {
    for relations in [
        vec![(3, Relation::Equality { column: 1 })],
        vec![(3, sum(3, 0))],
        vec![(3, sum(2, 63))],
        vec![(3, sum(0, 0))],
        vec![(0, sum(2, 0))],
        vec![(3, sum(99, 0))],
        vec![(99, sum(2, 0))],
        vec![(3, sum(2, 0)), (2, sum(5, 0))],
        vec![(3, Relation::Map { keys: vec![] })],
        vec![(3, Relation::Map { keys: vec![0, 1, 2, 4] })],
    ] {
        let error = told(&relations).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{relations:?}: {error}");
    }
}

/// A file in which a page that refers to one column says another.
fn lying(columns: &[(usize, u32)]) -> Vec<u8> {
    let relations = [(3, sum(2, 0)), (5, sum(2, 0))];
    let mut bytes = told(&relations).unwrap();
    let reader = open(bytes.clone()).unwrap();
    for (column, says) in columns {
        let shared = reader.column(*column).unwrap().blocks[0].shared.clone();
        let page = shared.iter().find(|page| page.kind == SharedKind::References).unwrap();
        // Version, flags and the node's header stand before the number.
        let at = page.offset as usize + 8;
        assert_eq!(bytes[at..at + 4], 2u32.to_le_bytes());
        bytes[at..at + 4].copy_from_slice(&says.to_le_bytes());
    }
    reseal(&mut bytes);
    bytes
}

#[test]
fn files_that_lie_about_references_are_corrupt() {
    // Itself, one that refers to others, none of the file's; and two that refer to each other.
    for lie in [vec![(3, 3)], vec![(3, 5)], vec![(3, 77)], vec![(3, 5), (5, 3)]] {
        let reader = open(lying(&lie)).unwrap();
        for order in [vec![3], vec![3, 5], vec![5, 3]] {
            let pages: Vec<PageRef> =
                order.iter().map(|column| PageRef { column: *column, block: 0, page: 0 }).collect();
            let error = reader.read_pages(&pages).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{lie:?}: {error}");
            assert!(error.to_string().contains("end") || error.to_string().contains("noise"));
        }
    }
    // A string where an integer belongs.
    let reader = open(lying(&[(3, 0)])).unwrap();
    let error = reader.read_pages(&[PageRef { column: 3, block: 0, page: 0 }]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
