//! Damage that checksums do not show: files are changed, sealed again and read. Every reader must answer
//! with rows or with an error that blames the file; when `verify` finds nothing, a filtered scan must
//! give what a full one and a filter give.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use ncf::{
    CompareOp, EncodingId, ErrorKind, FileReader, Predicate, Profile, Scalar, Schema, WriterOptions,
};

use crate::nested::nested_schema;
use crate::reseal::{Parts, parts, reseal};
use crate::{Random, flat_schema, open, random_batch, read_all, scan_all, write_file};

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The last 128 bytes.
    Trailer,
    /// Where records are.
    Directory,
    /// Schema, blocks, statistics, column meta.
    Records,
    /// Encoded values.
    Pages,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 4] = [Self::Trailer, Self::Directory, Self::Records, Self::Pages];
}

/// Changes files for a while; panics, naming the seed of the case, when a reader misbehaves. Returns
/// the number of cases.
pub fn fuzz(target: Target, seed: u64, time: Duration) -> u64 {
    let files = seeds();
    let start = Instant::now();
    let mut cases = 0;
    while start.elapsed() < time {
        let case = seed.wrapping_add(cases);
        let (name, bytes) = &files[(case % files.len() as u64) as usize];
        run(target, case, name, bytes);
        cases += 1;
    }
    cases
}

/// One case: the same seed does the same.
pub fn run(target: Target, seed: u64, name: &str, bytes: &[u8]) {
    let mut random = Random::new(seed);
    let mut damaged = bytes.to_vec();
    let found = parts(bytes);
    for _ in 0..1 + random.below(4) {
        change(&mut damaged, &region(target, &found, bytes.len(), &mut random), &mut random);
    }
    reseal(&mut damaged);
    let what = format!("{target:?} of {name}, seed {seed}");
    match open(damaged).and_then(|reader| reader.verify().map(|_| reader)) {
        Ok(reader) => check(&reader, &what),
        Err(error) => blame(&error, &what),
    }
}

/// A file that `verify` accepts is read without an error, and pruned without a loss.
fn check(reader: &Arc<FileReader>, what: &str) {
    let rows = match scan_all(reader).build().and_then(read_all) {
        Ok(rows) => rows,
        Err(error) => panic!("{what}: verified, yet not readable: {error}"),
    };
    if reader.schema().fields.first().is_none_or(|field| field.name != "key") {
        return;
    }
    let Some(first) = rows.first() else { return };
    let all = concat_batches(&first.schema(), &rows).expect("of one schema");
    let Some(keys) = all.column(0).as_primitive_opt::<Int32Type>() else { return };
    let literal = keys.iter().flatten().nth(keys.len() / 2).unwrap_or(0);
    let filter = Predicate::compare("key", CompareOp::Lt, Scalar::Int(literal));
    let mask = keys.iter().map(|key| Some(key? < literal)).collect();
    let expected = filter_record_batch(&all, &mask).expect("as many rows");
    let found = scan_all(reader).filter(filter).build().and_then(read_all);
    let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
    let found: usize = found.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(found, expected.num_rows(), "{what}: rows lost or invented by pruning");
}

fn blame(error: &ncf::Error, what: &str) {
    let kinds = [ErrorKind::Corrupt, ErrorKind::LimitExceeded, ErrorKind::Unsupported];
    assert!(kinds.contains(&error.kind()), "{what}: {error}");
}

/// The bytes that are changed.
fn region(
    target: Target,
    parts: &Parts,
    len: usize,
    random: &mut Random,
) -> std::ops::Range<usize> {
    let pick = |count: usize, random: &mut Random| random.below(count.max(1) as u64) as usize;
    match target {
        Target::Trailer => len - 128..len - 8,
        Target::Directory => parts.directory.clone(),
        Target::Records => parts.records[pick(parts.records.len(), random)].1.clone(),
        Target::Pages => match parts.pages.get(pick(parts.pages.len(), random)) {
            Some(page) => page.clone(),
            None => parts.directory.clone(),
        },
    }
}

/// Changes a few bytes: a bit, a number that is special, or bytes of another place.
fn change(bytes: &mut [u8], region: &std::ops::Range<usize>, random: &mut Random) {
    const SPECIAL: [u64; 12] =
        [0, 1, 2, 7, 255, 256, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX];
    if region.is_empty() {
        return;
    }
    // Headers stand first: they are worth more tries.
    let len = if random.one_in(2) { region.len().min(24) } else { region.len() };
    let at = region.start + random.below(len as u64) as usize;
    match random.below(4) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next_u64() as u8,
        2 => {
            let number = SPECIAL[random.below(12) as usize].to_le_bytes();
            let width = [1, 2, 4, 8][random.below(4) as usize].min(region.end - at);
            bytes[at..at + width].copy_from_slice(&number[..width]);
        }
        _ => {
            let from = region.start + random.below(region.len() as u64) as usize;
            let width = (1 + random.below(16) as usize).min(region.end - at).min(region.end - from);
            bytes.copy_within(from..from + width, at);
        }
    }
}

/// Small files with every encoding, type and structure.
pub fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut add = |name: String, schema: &Schema, rows: usize, options: WriterOptions| {
        let mut random = Random::new(files.len() as u64 + 1);
        let batch = random_batch(schema, rows, &mut random);
        let options = WriterOptions { file_uuid: Some([7; 16]), ..options };
        // An encoding that cannot hold a column is no seed.
        if let Ok(bytes) = write_file(schema, &[batch], options) {
            files.push((name, bytes));
        }
    };
    for profile in [Profile::Fast, Profile::Balanced] {
        let options = || WriterOptions { profile, block_rows: 300, ..WriterOptions::default() };
        let mut keyed = flat_schema();
        keyed.fields[3].name = "key".into();
        keyed.fields.swap(0, 3);
        add(format!("{profile}"), &keyed, 700, options());
        for seed in 0..4 {
            let nested = nested_schema(2, 3, &mut Random::new(seed));
            add(format!("{profile} nested {seed}"), &nested, 400, options());
        }
    }
    for (id, name) in EncodingId::NAMES {
        for field in flat_schema().fields {
            let schema = Schema { fields: vec![field.clone()], ..Schema::default() };
            let encodings = [(field.name.clone(), id)].into();
            let options = WriterOptions { encodings, ..WriterOptions::default() };
            add(format!("{name} {}", field.field_type), &schema, 1100, options);
        }
    }
    files
}
