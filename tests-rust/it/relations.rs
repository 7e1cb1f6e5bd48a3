//! Columns that follow from others, as files have them: found, read alone and together, over pages that are cut at other
//! rows and over several blocks; and files that lie about them.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use ncf::encoding::SharedKind;
use ncf::encoding::relations::{Linear, Relation, Term, Transform};
use ncf::{
    DataType, EncodingId, ErrorKind, Field, FileReader, MemoryConsumer, MemorySink, PageRef,
    Profile, Schema, WriterOptions, to_arrow_schema,
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

/// Rows of a key, and of a string that the key decides; the key's values begin at `first` of each block.
fn keyed(block_rows: usize, firsts: &[i64]) -> (Schema, RecordBatch) {
    let schema = Schema::new(vec![
        Field::new(1, "key", DataType::Int64, false),
        Field::new(2, "name", DataType::String, true),
        Field::new(3, "row", DataType::Int64, false),
    ])
    .unwrap();
    let mut random = Random::new(3);
    let keys: Vec<i64> = firsts
        .iter()
        .flat_map(|first| vec![*first; block_rows])
        .map(|first| first + random.below(2000) as i64)
        .collect();
    // Some keys have two names, and some rows none.
    let name = |row: usize| {
        let key = keys[row] * 2 + i64::from(keys[row] % 10 == 0 && row.is_multiple_of(3));
        (row % 50 != 7).then(|| format!("{:x}", key.wrapping_mul(0x1e37_79b9_7f4a_7c15)))
    };
    let names: StringArray = (0..keys.len()).map(name).collect();
    let rows = Int64Array::from_iter_values(0..keys.len() as i64);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(keys.clone())), Arc::new(names), Arc::new(rows)];
    let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns).unwrap();
    (schema, batch)
}

/// The file of such rows, and the place of the map that each block has.
fn with_maps(firsts: &[i64]) -> (Vec<u8>, Vec<u64>) {
    let (schema, batch) = keyed(20_000, firsts);
    let options = |threads| WriterOptions {
        threads,
        block_rows: 20_000,
        file_uuid: Some([5; 16]),
        ..WriterOptions::default()
    };
    let bytes = write_file(&schema, std::slice::from_ref(&batch), options(1)).unwrap();
    let more = write_file(&schema, std::slice::from_ref(&batch), options(2)).unwrap();
    assert!(bytes == more, "threads change the bytes");
    let reader = open(bytes.clone()).unwrap();
    reader.verify().unwrap();
    let all = read_all(scan_all(&reader).build().unwrap()).unwrap();
    assert!(concat_batches(&all[0].schema(), &all).unwrap() == batch);
    let meta = reader.column(1).unwrap();
    let places = meta.blocks.iter().map(|chunk| chunk.map().unwrap().offset).collect();
    // Each block by itself, so that none finds a map that another one read.
    for block in 0..meta.blocks.len() {
        let reader = open(bytes.clone()).unwrap();
        let alone = read_all(scan_all(&reader).blocks(block..block + 1).build().unwrap()).unwrap();
        let alone = concat_batches(&alone[0].schema(), &alone).unwrap();
        assert!(alone == batch.slice(block * 20_000, 20_000));
    }
    (bytes, places)
}

/// Numbers of the different maps, in the order of the blocks.
fn numbered(places: &[u64]) -> Vec<usize> {
    let mut seen: Vec<u64> = Vec::new();
    let mut number = |place: &u64| {
        seen.iter().position(|have| have == place).unwrap_or_else(|| {
            seen.push(*place);
            seen.len() - 1
        })
    };
    places.iter().map(&mut number).collect()
}

#[test]
fn blocks_share_a_map_while_it_is_theirs() {
    let (shared, places) = with_maps(&[0, 0, 0, 0]);
    assert_eq!(numbered(&places), [0, 0, 0, 0]);
    let (apart, places) = with_maps(&[0, 5_000, 10_000, 15_000]);
    assert_eq!(numbered(&places), [0, 1, 2, 3]);
    assert!(shared.len() + 30_000 < apart.len(), "{} and {}", shared.len(), apart.len());
    // A map grows by what is new, to twice of what it was; then another one begins.
    let (_, places) = with_maps(&[0, 500, 1_000, 2_500, 2_600]);
    assert_eq!(numbered(&places), [0, 0, 0, 1, 1]);
    // A block in between may have a map of its own; none goes back to an earlier one.
    let (_, places) = with_maps(&[0, 9_000, 0]);
    assert_eq!(numbered(&places), [0, 1, 2]);
}

#[test]
fn maps_are_written_where_later_blocks_have_no_memory_for_them() {
    let (schema, batch) = keyed(20_000, &[0, 0, 0, 0]);
    let write = |limit: u64| {
        let memory = MemoryConsumer::new("writer", limit, None);
        let block_rows = 20_000;
        let options =
            WriterOptions { memory: memory.clone(), block_rows, ..WriterOptions::default() };
        let bytes = write_file(&schema, std::slice::from_ref(&batch), options).ok()?;
        assert_eq!(memory.held(), 0, "something is still counted");
        let reader = open(bytes).unwrap();
        reader.verify().unwrap();
        let all = read_all(scan_all(&reader).build().unwrap()).unwrap();
        assert!(concat_batches(&all[0].schema(), &all).unwrap() == batch);
        Some((reader.column(1).unwrap().maps().len(), memory.peak()))
    };
    let (maps, peak) = write(u64::MAX).unwrap();
    assert_eq!(maps, 1);
    // With some amount of memory a block and the map do not fit together.
    let mut less = (10..100).rev().filter_map(|percent| write(peak / 100 * percent));
    assert!(less.any(|(maps, _)| maps > 1), "less memory, the same map");
}

/// Which blocks of a column follow from others.
fn blocks_that_follow(reader: &FileReader, column: usize) -> Vec<bool> {
    let blocks = &reader.column(column).unwrap().blocks;
    let refers = |chunk: &ncf::file::ChunkMeta| {
        chunk.shared.iter().any(|page| page.kind == SharedKind::References)
    };
    blocks.iter().map(refers).collect()
}

#[test]
fn what_follows_still_does_while_more_is_searched() {
    const BLOCK: usize = 4000;
    let field = |id, name: &str| Field::new(id, name, DataType::Int64, false);
    let schema = Schema::new(vec![field(1, "base"), field(2, "next"), field(3, "copy")]).unwrap();
    let mut random = Random::new(7);
    let base: Vec<i64> = (0..4 * BLOCK).map(|_| random.below(1 << 50) as i64).collect();
    let next: Vec<i64> = base.iter().map(|base| base + 7).collect();
    // Other numbers in the second block: what followed there is lost, and found again in the third.
    let other =
        |(row, base): (usize, &i64)| if row / BLOCK == 1 { base.rotate_left(9) } else { base + 1 };
    let copy: Vec<i64> = base.iter().enumerate().map(other).collect();
    let columns = [base, next, copy].map(|column| Arc::new(Int64Array::from(column)) as ArrayRef);
    let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns.into()).unwrap();
    let options =
        WriterOptions { profile: Profile::Balanced, block_rows: BLOCK, ..WriterOptions::default() };
    let reader = open(write_file(&schema, &[batch], options).unwrap()).unwrap();
    reader.verify().unwrap();
    assert_eq!(blocks_that_follow(&reader, 1), [true; 4]);
    assert_eq!(blocks_that_follow(&reader, 2), [true, false, true, true]);
}

#[test]
fn long_blocks_are_never_larger_than_fast_ones() {
    let rows = 300_000;
    let field = |id, name: &str| Field::new(id, name, DataType::Int64, true);
    let schema = Schema::new(vec![field(1, "event"), field(2, "session")]).unwrap();
    let mut random = Random::new(3);
    // Too many sessions for a dictionary of a part, few enough for one of the block; events lie near them.
    let starts: Vec<i64> = (0..30_000).map(|_| random.below(1 << 45) as i64).collect();
    let session: Vec<Option<i64>> = (0..rows)
        .map(|_| (random.below(9) > 0).then(|| starts[random.below(30_000) as usize]))
        .collect();
    let event: Vec<Option<i64>> = session
        .iter()
        .map(|start| start.map(|start| start + random.below(1 << 27) as i64))
        .collect();
    let columns = [event, session].map(|column| Arc::new(Int64Array::from(column)) as ArrayRef);
    let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns.into()).unwrap();
    let size = |profile, encoding: Option<EncodingId>| {
        let encodings = encoding.map(|id| ("session".to_string(), id)).into_iter().collect();
        let options = WriterOptions { profile, encodings, ..WriterOptions::default() };
        let bytes = write_file(&schema, std::slice::from_ref(&batch), options).unwrap();
        let all = read_all(scan_all(&open(bytes.clone()).unwrap()).build().unwrap()).unwrap();
        assert!(concat_batches(&all[0].schema(), &all).unwrap() == batch);
        bytes.len()
    };
    let (balanced, fast) = (size(Profile::Balanced, None), size(Profile::Fast, None));
    assert!(balanced <= fast, "{balanced} {fast}");
    // By force, what every page can hold.
    size(Profile::Balanced, Some(EncodingId::NULL_FILL));
}

#[test]
fn damage_to_a_shared_map_is_found_in_every_block() {
    let (bytes, places) = with_maps(&[0, 0, 0]);
    let at = places[0] as usize + 40;
    let mut damaged = bytes.clone();
    damaged[at] ^= 1;
    let reader = open(damaged.clone()).unwrap();
    for block in 0..3 {
        let error = reader.read_pages(&[PageRef { column: 1, block, page: 0 }]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("name"), "{error}");
    }
    assert!(reader.verify().is_err());
    // Under checksums that fit, no reader panics.
    for bit in 0..200 {
        let mut lying = bytes.clone();
        lying[places[0] as usize + bit * 7 % 1500] ^= 1 << (bit % 8);
        reseal(&mut lying);
        let reader = open(lying).unwrap();
        for block in 0..3 {
            let page = PageRef { column: 1, block, page: 0 };
            if let Err(error) = reader.read_pages(&[page]) {
                assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
            }
        }
    }
}

#[test]
fn a_file_with_maps_can_get_another_index() {
    let (bytes, _) = with_maps(&[0, 0, 9_000]);
    let reader = open(bytes).unwrap();
    let index = reader.index(2).unwrap();
    let sink = MemorySink::new();
    let index = Option::as_ref(&*index).expect("rows in order have an index");
    reader.rewrite_index(2, index, [9; 16], Box::new(sink.clone())).unwrap();
    let again = open(sink.take()).unwrap();
    again.verify().unwrap();
    let rows = |reader: &Arc<FileReader>| read_all(scan_all(reader).build().unwrap()).unwrap();
    assert!(rows(&again) == rows(&reader));
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
