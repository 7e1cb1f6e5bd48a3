//! What is written is read back, bit for bit, whatever the options.

use arrow_array::{RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use ncf::{DataType, Field, Profile, Schema, WriterOptions};
use ncf_tests::{
    Random, flat_schema, open, random_batch, read_all, related_batch, scan_all, write_file,
};

fn options(profile: Profile, block_rows: usize, threads: usize) -> WriterOptions {
    let file_uuid = Some([3; 16]);
    WriterOptions { profile, block_rows, threads, file_uuid, ..WriterOptions::default() }
}

fn joined(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&batches[0].schema(), batches).unwrap()
}

#[test]
fn random_rows_of_every_type_come_back() {
    let schema = flat_schema();
    for seed in 0..18 {
        let mut random = Random::new(seed);
        let rows = [0, 1, 1023, 1025, 8193, 30_000, 70_000][random.below(7) as usize];
        let batch = related_batch(&schema, rows, &mut random);
        let profiles = [Profile::Fast, Profile::Balanced, Profile::Compact];
        let profile = profiles[seed as usize % profiles.len()];
        let block_rows = 1 + random.below(80_000) as usize;
        let bytes =
            write_file(&schema, std::slice::from_ref(&batch), options(profile, block_rows, 1))
                .unwrap();
        let reader = open(bytes).unwrap();
        assert_eq!(reader.rows(), rows as u64);
        reader.verify().unwrap();
        let batches = read_all(scan_all(&reader).build().unwrap()).unwrap();
        if rows > 0 {
            // Arrow compares floats by bits, so NaN payloads and −0.0 count.
            assert_eq!(joined(&batches), batch, "seed {seed}");
        }
    }
}

#[test]
fn pages_without_a_value_beside_pages_with_values() {
    let schema = flat_schema();
    let values = random_batch(&schema, 10_000, &mut Random::new(8));
    let nulls = RecordBatch::try_new(
        values.schema(),
        values
            .columns()
            .iter()
            .map(|c| arrow_array::new_null_array(c.data_type(), 70_000))
            .collect(),
    )
    .unwrap();
    for batches in [[values.clone(), nulls.clone(), values.clone()], [nulls.clone(), values, nulls]]
    {
        let expected = joined(&batches);
        let bytes = write_file(&schema, &batches, options(Profile::Balanced, 1 << 20, 1)).unwrap();
        let reader = open(bytes).unwrap();
        reader.verify().unwrap();
        assert_eq!(joined(&read_all(scan_all(&reader).build().unwrap()).unwrap()), expected);
    }
}

#[test]
fn blocks_are_cut_by_bytes_wherever_batches_begin() {
    let field = Field::new(1, "s", DataType::String, true);
    let schema = Schema::new(vec![field]).unwrap();
    let text = StringArray::from_iter_values((0..5000).map(|row| format!("{row}").repeat(50)));
    let batch = RecordBatch::try_new(
        std::sync::Arc::new(ncf::to_arrow_schema(&schema)),
        vec![std::sync::Arc::new(text)],
    )
    .unwrap();
    let write = |rows: usize| {
        let options = WriterOptions { block_bytes: 100_000, ..options(Profile::Fast, 1 << 20, 1) };
        let starts = (0..batch.num_rows()).step_by(rows);
        let pieces: Vec<_> =
            starts.map(|at| batch.slice(at, rows.min(batch.num_rows() - at))).collect();
        write_file(&schema, &pieces, options).unwrap()
    };
    let whole = write(5000);
    assert!(open(whole.clone()).unwrap().blocks().len() > 8);
    for rows in [1, 7, 1000, 4999] {
        assert!(write(rows) == whole, "batches of {rows} rows");
    }
}

#[test]
fn many_blocks_and_long_strings_make_compressed_records() {
    let schema = flat_schema();
    let batch = random_batch(&schema, 3000, &mut Random::new(5));
    let bytes =
        write_file(&schema, std::slice::from_ref(&batch), options(Profile::Balanced, 20, 1))
            .unwrap();
    let reader = open(bytes).unwrap();
    reader.verify().unwrap();
    let sketches = schema.fields.len() * 3000 / 20 * 256;
    assert!(reader.metadata_bytes() < sketches as u64, "{} bytes", reader.metadata_bytes());
    assert_eq!(joined(&read_all(scan_all(&reader).build().unwrap()).unwrap()), batch);
}

#[test]
fn threads_and_batch_sizes_do_not_change_a_byte() {
    let schema = flat_schema();
    let batch = related_batch(&schema, 40_000, &mut Random::new(99));
    let one =
        write_file(&schema, std::slice::from_ref(&batch), options(Profile::Balanced, 15_000, 1))
            .unwrap();
    let many =
        write_file(&schema, std::slice::from_ref(&batch), options(Profile::Balanced, 15_000, 4))
            .unwrap();
    assert!(one == many, "threads change the bytes");
    let pieces: Vec<_> = (0..40).map(|i| batch.slice(i * 1000, 1000)).collect();
    let pieces = write_file(&schema, &pieces, options(Profile::Balanced, 15_000, 1)).unwrap();
    assert!(one == pieces, "batch sizes change the bytes");
}

/// Rows of two notes, each in one row of eight, put together of phrases.
fn notes(rows: usize) -> (Schema, RecordBatch) {
    let mut random = Random::new(5);
    let mut letters = |count: u64| -> String {
        (0..count).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
    };
    let phrases: Vec<String> =
        (0..300).map(|_| format!("{} {} {} ", letters(9), letters(4), letters(8))).collect();
    let mut random = Random::new(6);
    let mut note = || {
        random.one_in(8).then(|| -> String {
            (0..3).map(|_| phrases[random.below(300) as usize].as_str()).collect()
        })
    };
    let field = |number, name: &str| Field::new(number, name, DataType::String, true);
    let schema = Schema::new(vec![field(1, "note"), field(2, "reply")]).unwrap();
    let columns = (0..2).map(|_| -> arrow_array::ArrayRef {
        std::sync::Arc::new((0..rows).map(|_| note()).collect::<StringArray>())
    });
    let columns = columns.collect();
    let arrow = std::sync::Arc::new(ncf::to_arrow_schema(&schema));
    let batch = RecordBatch::try_new(arrow, columns).unwrap();
    (schema, batch)
}

#[test]
fn dictionaries_of_frames_are_the_same_on_any_number_of_threads() {
    let (schema, batch) = notes(200_000);
    let write = |profile, threads| {
        let options = options(profile, 80_000, threads);
        write_file(&schema, std::slice::from_ref(&batch), options).unwrap()
    };
    let one = write(Profile::Point, 1);
    assert!(one == write(Profile::Point, 4), "threads change the bytes");
    assert!(one.len() * 10 < write(Profile::Fast, 1).len() * 9, "{} bytes", one.len());
    let reader = open(one).unwrap();
    for column in 0..2 {
        let trees = &reader.column(column).unwrap().trees;
        assert!(trees.iter().all(|tree| tree.contains("zstd_dictionary(")), "{trees:?}");
        // All blocks have their own; a reader counts what it keeps of them.
        let bytes: Vec<usize> =
            (0..3).map(|block| reader.shared(column, block).unwrap().byte_len()).collect();
        assert!(bytes.iter().all(|bytes| *bytes > 10_000), "{bytes:?}");
    }
    reader.verify().unwrap();
    assert_eq!(joined(&read_all(scan_all(&reader).build().unwrap()).unwrap()), batch);
}

#[test]
fn balanced_is_never_larger_than_fast() {
    let schema = flat_schema();
    for seed in 20..24 {
        let batch = related_batch(&schema, 20_000, &mut Random::new(seed));
        let size = |profile| {
            write_file(&schema, std::slice::from_ref(&batch), options(profile, 1 << 20, 1))
                .unwrap()
                .len()
        };
        assert!(size(Profile::Balanced) <= size(Profile::Fast), "seed {seed}");
    }
}
