//! Damage that checksums do not show: files are changed, sealed again and read. Every reader must answer
//! with rows or with an error that blames the file, and rows must be sound as Arrow's; when `verify` finds
//! nothing, a filtered scan must give what a filter of the same rows in an undamaged file gives.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use ncf::file::{scalar_at, to_values};
use ncf::index::{ModelId, Models};
use ncf::{
    CompareOp, EncodingId, Error, ErrorKind, Expression, FileReader, MemorySink, MemorySource,
    Predicate, Profile, ReadOptions, Scalar, Schema, TextOp, WriterOptions, to_arrow_schema,
};

use crate::golden;
use crate::models::Function;
use crate::nested::nested_schema;
use crate::reseal::{Parts, parts, reseal};
use crate::{
    Random, flat_schema, open, random_batch, read_all, related_batch, scan_all, write_file,
};

/// Batches that are read of a file that `verify` refuses.
const BATCHES: usize = 50;

/// What is changed, and so which decoder meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The last 128 bytes.
    Trailer,
    /// Where records are.
    Directory,
    /// The schema record.
    Schema,
    /// The blocks record.
    Blocks,
    /// Records of statistics.
    Statistics,
    /// Records of learned indexes, and those of filters with their pages.
    Index,
    /// Records of where pages are.
    ColumnMeta,
    /// Pages of nested columns and dictionaries, which become Arrow arrays in several steps.
    Export,
    /// Pages and statistics, read with filters.
    Filter,
    /// Pages of this encoding.
    Encoding(EncodingId),
}

impl Target {
    /// The targets that are no encoding, with their names.
    const NAMED: [(Self, &'static str); 9] = [
        (Self::Trailer, "trailer"),
        (Self::Directory, "directory"),
        (Self::Schema, "schema"),
        (Self::Blocks, "blocks"),
        (Self::Statistics, "statistics"),
        (Self::Index, "index"),
        (Self::ColumnMeta, "column_meta"),
        (Self::Export, "export"),
        (Self::Filter, "filter"),
    ];

    /// Every target.
    pub fn all() -> Vec<Self> {
        let encodings = EncodingId::NAMES.map(|(id, _)| Self::Encoding(id));
        Self::NAMED.into_iter().map(|(target, _)| target).chain(encodings).collect()
    }

    /// Whether damage of this kind in the file says something about the target.
    fn takes(self, name: &str) -> bool {
        match self {
            Self::Encoding(id) => {
                name.starts_with(&format!("{id} ")) || name == format!("golden {id}")
            }
            Self::Index => matches!(name, "sorted" | "predicted"),
            Self::Export => {
                ["nested", "dictionary", "aligned", "golden"].iter().any(|w| name.contains(w))
            }
            _ => true,
        }
    }

    /// The bytes to change.
    fn region(self, parts: &Parts, len: usize, random: &mut Random) -> std::ops::Range<usize> {
        let records = |kind: u32| -> Vec<_> {
            let of_kind = parts.records.iter().filter(|(have, _)| *have == kind);
            of_kind.map(|(_, range)| range.clone()).collect()
        };
        let places = match self {
            Self::Trailer => return len - 128..len - 8,
            Self::Directory => return parts.directory.clone(),
            Self::Schema => records(20),
            Self::Blocks => records(21),
            Self::ColumnMeta => records(19),
            Self::Statistics => records(16),
            Self::Index if random.one_in(3) => records(17),
            Self::Index if random.one_in(3) => records(23),
            Self::Index => parts.filters.clone(),
            Self::Filter if random.one_in(3) => records(16),
            Self::Export | Self::Filter | Self::Encoding(_) => parts.pages.clone(),
        };
        let number = random.below(places.len() as u64) as usize;
        places.get(number).cloned().unwrap_or(parts.directory.clone())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, Self::NAMED.iter().find(|(target, _)| target == self)) {
            (_, Some((_, name))) => f.write_str(name),
            (Self::Encoding(id), None) => write!(f, "encoding_{id}"),
            (other, None) => write!(f, "{other:?}"),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(encoding) = text.strip_prefix("encoding_") {
            return Ok(Self::Encoding(encoding.parse()?));
        }
        let named = Self::NAMED.iter().find(|(_, name)| *name == text);
        named.map(|(target, _)| *target).ok_or_else(|| Error::invalid_argument(text))
    }
}

/// A case to be kept: target, seed file, seed of the damage.
pub type Case = (Target, String, u64);

/// Changes files for a while; panics, naming the seed of the case, when a reader misbehaves. Returns the
/// number of cases and, for every different answer, the first case that got it.
pub fn fuzz(target: Target, seed: u64, time: Duration) -> (u64, BTreeMap<String, Case>) {
    let files: Vec<_> = seeds().iter().filter(|(name, _)| target.takes(name)).collect();
    let start = Instant::now();
    let (mut cases, mut answers) = (0, BTreeMap::new());
    while start.elapsed() < time {
        let case = seed.wrapping_add(cases);
        let (name, bytes) = files[(case % files.len() as u64) as usize];
        let answer = run(target, case, name, bytes);
        answers.entry(answer).or_insert((target, name.clone(), case));
        cases += 1;
    }
    (cases, answers)
}

/// One case: the same seed does the same. The answer is the error without its numbers, or "rows".
pub fn run(target: Target, seed: u64, name: &str, bytes: &[u8]) -> String {
    let mut random = Random::new(seed);
    let mut damaged = bytes.to_vec();
    let found = parts(bytes);
    for _ in 0..1 + random.below(4) {
        change(&mut damaged, &target.region(&found, bytes.len(), &mut random), &mut random);
    }
    reseal(&mut damaged);
    let what = format!("{target} of {name}, seed {seed}");
    // Of indexes with models, half of all cases see the model, and half of these a wrong one.
    let models: Option<Arc<dyn Models>> = match seed % 4 {
        0 => Some(Arc::new(Function::new(|x| x))),
        1 => Some(Arc::new(Function::new(|x| (x * 1e6).sin()))),
        _ => None,
    };
    let options = ReadOptions { models, ..ReadOptions::default() };
    let reader = match FileReader::open(Arc::new(MemorySource::new("test.ncf", damaged)), options)
        .map(Arc::new)
    {
        Ok(reader) => reader,
        Err(error) => return blame(&error, &what),
    };
    // As scans meet it, whatever `verify` would say.
    if let Ok(scan) = scan_all(&reader).build() {
        for batch in scan.take(BATCHES) {
            match batch {
                Ok(batch) => sound(&batch, &reader, &what),
                Err(error) => drop(blame(&error, &what)),
            }
        }
    }
    match reader.verify() {
        Ok(_) => check(&reader, target, &mut random, &what),
        Err(error) => blame(&error, &what),
    }
}

/// Offsets, lengths, nulls and text are what Arrow asks for, so that nobody reads past a buffer.
fn sound(batch: &RecordBatch, reader: &FileReader, what: &str) {
    assert_eq!(*batch.schema(), to_arrow_schema(reader.schema()), "{what}");
    for column in batch.columns() {
        let valid = column.to_data().validate_full();
        valid.unwrap_or_else(|error| panic!("{what}: an array is not sound: {error}"));
    }
}

/// A file that `verify` accepts is read without an error, and filtered as any other.
fn check(reader: &Arc<FileReader>, target: Target, random: &mut Random, what: &str) -> String {
    let rows = match scan_all(reader).build().and_then(read_all) {
        Ok(rows) => rows,
        Err(error) => panic!("{what}: verified, yet not readable: {error}"),
    };
    let filters = if target == Target::Filter { 6 } else { 1 };
    let Some(first) = rows.first() else { return "no rows".into() };
    let all = concat_batches(&first.schema(), &rows).expect("of one schema");
    let again = write_file(reader.schema(), std::slice::from_ref(&all), WriterOptions::default());
    let again = again.and_then(open).unwrap_or_else(|error| panic!("{what}: {error}"));
    for _ in 0..filters {
        let Some(filter) = random_predicate(reader.schema(), &all, 2, random) else { break };
        let found =
            filtered(reader, &filter).unwrap_or_else(|error| panic!("{what}: {filter}: {error}"));
        let wanted =
            filtered(&again, &filter).unwrap_or_else(|error| panic!("{what}: {filter}: {error}"));
        assert!(found == wanted, "{what}: {filter}: rows lost or invented");
    }
    "rows".into()
}

fn filtered(reader: &Arc<FileReader>, filter: &Predicate) -> Result<Option<RecordBatch>, Error> {
    let rows = scan_all(reader).filter(filter.clone()).build().and_then(read_all)?;
    Ok(rows.first().map(|first| concat_batches(&first.schema(), &rows).expect("of one schema")))
}

/// A condition on values of the columns that are not nested; `None` where there are none.
fn random_predicate(
    schema: &Schema,
    rows: &RecordBatch,
    depth: u32,
    random: &mut Random,
) -> Option<Predicate> {
    if depth > 0 && random.one_in(3) {
        let parts = (0..2).map(|_| random_predicate(schema, rows, depth - 1, random));
        let parts: Vec<_> = parts.collect::<Option<_>>()?;
        return Some(match random.below(3) {
            0 => Predicate::And(parts),
            1 => Predicate::Or(parts),
            _ => Predicate::Not(Box::new(Predicate::Or(parts))),
        });
    }
    let flat = schema.fields.iter().enumerate().filter(|(_, f)| f.field_type.value().is_some());
    let flat: Vec<_> = flat.collect();
    let (index, field) = *flat.get(random.below(flat.len() as u64) as usize)?;
    let data_type = field.field_type.value()?;
    let column = || Expression::Column(field.name.as_str().into());
    let values = to_values(rows.column(index), data_type).ok()?;
    let mut literal = || -> Option<Scalar> {
        scalar_at(&values, random.below(values.len() as u64) as usize, data_type)
    };
    let (one, two) = (literal(), literal());
    Some(match (random.below(10), one, two) {
        (0, ..) | (_, None, _) => Predicate::IsNull(column()),
        (1, Some(one), Some(two)) => Predicate::In {
            expression: column(),
            values: vec![one, two].into(),
            has_null: random.one_in(2),
        },
        (2, Some(Scalar::String(text)), _) => {
            let start: String = text.chars().take(3).collect();
            let op =
                [TextOp::StartsWith, TextOp::EndsWith, TextOp::Contains][random.below(3) as usize];
            Predicate::Text(op, column(), start)
        }
        (_, Some(one), _) => {
            use CompareOp as C;
            let ops = [C::Eq, C::NotEq, C::NullSafeEq, C::Lt, C::LtEq, C::Gt, C::GtEq];
            Predicate::compare(field.name.as_str(), ops[random.below(7) as usize], one)
        }
    })
}

/// What the reader says; it must be the file that is to blame.
fn blame(error: &Error, what: &str) -> String {
    let kinds = [ErrorKind::Corrupt, ErrorKind::LimitExceeded, ErrorKind::Unsupported];
    assert!(kinds.contains(&error.kind()), "{what}: {error}");
    error.message().chars().filter(|c| !c.is_ascii_digit()).collect()
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

/// The golden files, and larger ones with every encoding, type and structure.
pub fn seeds() -> &'static [(String, Vec<u8>)] {
    static SEEDS: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let golden = golden::all().into_iter();
        let kept = golden.map(|file| (format!("golden {}", file.name), file.stored()));
        generated().into_iter().chain(kept).collect()
    })
}

/// A file of small blocks, in which every column is in order and has a filter, and nearly every one an index.
fn sorted() -> Vec<u8> {
    let schema = flat_schema();
    let batch = random_batch(&schema, 700, &mut Random::new(17));
    let columns = batch.columns().iter().map(|column| {
        let order = arrow_ord::sort::sort(column, None);
        order.expect("flat columns have an order")
    });
    let batch = RecordBatch::try_new(batch.schema(), columns.collect()).expect("the same columns");
    let names = schema.fields.iter().map(|field| field.name.clone());
    let filter_columns = names.filter(|name| !name.contains("boolean")).collect();
    let options = WriterOptions {
        block_rows: 20,
        file_uuid: Some([7; 16]),
        filter_columns,
        ..WriterOptions::default()
    };
    let bytes = write_file(&schema, &[batch], options).expect("sorted columns can be stored");
    let kinds: Vec<u32> = parts(&bytes).records.iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.contains(&17) && kinds.contains(&23), "{kinds:?}");
    bytes
}

/// The same with indexes whose positions a model predicts, wherever a column can have one.
fn predicted(sorted: &[u8]) -> Vec<u8> {
    let model = Function::new(|x| x);
    let id = ModelId { sha256: [9; 32], bytes: 5 };
    let mut bytes = sorted.to_vec();
    for column in 0..flat_schema().fields.len() {
        let reader = open(bytes.clone()).expect("a whole file");
        let Some(learner) = reader.learner(column).expect("readable") else { continue };
        let stored = |bytes: &[u8]| bytes.len() as u64;
        let trial = learner.try_model(id, Arc::new(model.clone()), &stored).expect("a function");
        let Some(trial) = trial else { continue };
        let sink = MemorySink::new();
        let written = reader.rewrite_index(column, &trial.model, [8; 16], Box::new(sink.clone()));
        written.expect("a file can be written anew");
        bytes = sink.take();
    }
    assert!(bytes != sorted, "some column can have one");
    bytes
}

fn generated() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut add = |name: String, schema: &Schema, rows: usize, options: WriterOptions| {
        let mut random = Random::new(files.len() as u64 + 1);
        let batch = related_batch(schema, rows, &mut random);
        let options = WriterOptions { file_uuid: Some([7; 16]), ..options };
        // An encoding that cannot hold a column is no seed.
        if let Ok(bytes) = write_file(schema, &[batch], options) {
            files.push((name, bytes));
        }
    };
    for profile in [Profile::Fast, Profile::Balanced, Profile::Compact] {
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
    let sorted = sorted();
    files.push(("predicted".into(), predicted(&sorted)));
    files.push(("sorted".into(), sorted));
    for file in golden::related(1100) {
        files.push((format!("{} related", file.name), file.made()));
    }
    files
}
