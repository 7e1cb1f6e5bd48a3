//! Generators, fixtures and oracles for the integration tests.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests choose values that fit; a panic here is a failed test"
)]

pub mod fuzz;
pub mod golden;
pub mod models;
pub mod nested;
pub mod oracle;
pub mod predicates;
pub mod reseal;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Date32Builder, Decimal64Builder, Decimal128Builder,
    Float32Builder, Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array};
use ncf::{
    DataType, Field, FileReader, FileWriter, MemorySink, MemorySource, Result, Scan, ScanBuilder,
    ScanColumn, Schema, WriterOptions, to_arrow_schema,
};

/// The repository's root.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// xorshift64*: small, fixed, the same everywhere.
pub struct Random(u64);

impl Random {
    /// A generator; equal seeds give equal numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next_u64() % limit.max(1)
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// One column of each flat type, all nullable.
pub fn flat_schema() -> Schema {
    let types = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal { precision: 9, scale: 2 },
        DataType::Decimal { precision: 38, scale: 10 },
        DataType::String,
        DataType::Binary,
        DataType::Date,
        DataType::Timestamp,
        DataType::TimestampNtz,
    ];
    let field = |(index, data_type): (usize, DataType)| {
        let id = u32::try_from(index).unwrap_or(0) + 1;
        Field::new(id, format!("c{index}_{}", base_name(data_type)), data_type, true)
    };
    Schema { fields: types.into_iter().enumerate().map(field).collect(), ..Schema::default() }
}

fn base_name(data_type: DataType) -> String {
    data_type.to_string().chars().take_while(|c| *c != '(').collect()
}

/// Random rows of a schema: nulls, extremes, NaN, both zeros, empty and non-ASCII strings, in runs,
/// small domains and noise.
pub fn random_batch(schema: &Schema, rows: usize, random: &mut Random) -> RecordBatch {
    let column = |f: &Field| match f.field_type.value() {
        Some(data_type) => random_column(data_type, rows, !f.nullable, random),
        None => nested::random_values(f, rows, random),
    };
    let columns = schema.fields.iter().map(column).collect();
    match RecordBatch::try_new(Arc::new(to_arrow_schema(schema)), columns) {
        Ok(batch) => batch,
        Err(error) => unreachable!("generated columns fit their schema: {error}"),
    }
}

/// As [`random_batch`], and in every other batch columns follow from others.
pub fn related_batch(schema: &Schema, rows: usize, random: &mut Random) -> RecordBatch {
    let batch = random_batch(schema, rows, random);
    if random.one_in(2) {
        return batch;
    }
    let mut columns = batch.columns().to_vec();
    relate(&mut columns, schema, random);
    match RecordBatch::try_new(batch.schema(), columns) {
        Ok(batch) => batch,
        Err(error) => unreachable!("columns that follow from others fit their schema: {error}"),
    }
}

/// Makes columns follow from others: of one type, and then the same but for some rows or a little more; or of any types,
/// and then with a value that belongs to that of the other.
fn relate(columns: &mut [ArrayRef], schema: &Schema, random: &mut Random) {
    let rows = columns.first().map_or(0, |column| column.len());
    for _ in 0..columns.len() {
        let [from, to] = [0; 2].map(|_| random.below(columns.len() as u64) as usize);
        let (Some(a), Some(b)) = (columns.get(from).cloned(), columns.get(to).cloned()) else {
            return;
        };
        if from == to || rows == 0 || schema.fields[from].nullable != schema.fields[to].nullable {
            continue;
        }
        if random.one_in(2) {
            let few = 1 + random.below(30);
            let picked: Vec<u32> =
                (0..rows).map(|_| random.below(few.min(rows as u64)) as u32).collect();
            let picked = UInt32Array::from(picked);
            let pick = |array: &ArrayRef| arrow_select::take::take(array, &picked, None);
            if let (Ok(a), Ok(b)) = (pick(&a), pick(&b)) {
                (columns[from], columns[to]) = (a, b);
            }
        } else if let Some(lines) = b.as_string_opt::<i32>().and_then(|b| lines(&a, b, random)) {
            columns[to] = lines;
        } else if a.data_type() == b.data_type() {
            let rarely = 2 + random.below(1000);
            let source: Vec<(usize, usize)> =
                (0..rows).map(|row| (usize::from(random.one_in(rarely)), row)).collect();
            if let Ok(mixed) = arrow_select::interleave::interleave(&[&*a, &*b], &source) {
                columns[to] = mixed;
            }
            if let Some(longs) = columns[to].as_primitive_opt::<Int64Type>() {
                let more = 1 + random.below(50);
                let longs = longs.iter().map(|long| {
                    let more = random.below(more) as i64;
                    long.map(|long| long.wrapping_add(more))
                });
                columns[to] = Arc::new(longs.collect::<Int64Array>());
            }
        }
    }
}

/// Strings in which those of another column stand, or its integers.
fn lines(a: &ArrayRef, b: &StringArray, random: &mut Random) -> Option<ArrayRef> {
    let (numbers, texts) = (a.as_primitive_opt::<Int64Type>(), a.as_string_opt::<i32>());
    if (numbers.is_none() && texts.is_none()) || random.one_in(3) {
        return None;
    }
    let (width, kinds) = (random.below(8) as usize, 1 + random.below(20));
    let line = |(row, text): (usize, Option<&str>)| {
        let number = numbers.map(|numbers| format!("{:0width$}", numbers.value(row)));
        let part = number.unwrap_or_else(|| texts.map_or("", |texts| texts.value(row)).to_owned());
        text.map(|text| match random.below(kinds) {
            0 => text.to_owned(),
            kind => format!("line {kind} {part}/{text}"),
        })
    };
    Some(Arc::new(b.iter().enumerate().map(line).collect::<StringArray>()))
}

const FLOATS: [f64; 8] =
    [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, -2.25, f64::MIN_POSITIVE];
const STRINGS: [&str; 6] = ["", "a", "ä€𝄞", "hello world", "HELLO", "a\u{0}b"];

/// How the numbers of a column are spread.
enum Shape {
    Noise,
    Small(u64),
    Runs(u64),
    Rising(u64),
}

struct Numbers {
    shape: Shape,
    last: u64,
    nulls: u64,
}

impl Numbers {
    fn new(random: &mut Random) -> Self {
        let shape = match random.below(4) {
            0 => Shape::Noise,
            1 => Shape::Small(1 + random.below(20)),
            2 => Shape::Runs(2 + random.below(200)),
            _ => Shape::Rising(1 + random.below(5)),
        };
        let nulls = [0, 2, 10, 1000].get(random.below(4) as usize).copied().unwrap_or(0);
        Self { shape, last: random.next_u64(), nulls }
    }

    /// The next number; `None` = null.
    fn next(&mut self, random: &mut Random) -> Option<u64> {
        self.last = match self.shape {
            Shape::Noise => random.next_u64(),
            Shape::Small(domain) => random.below(domain),
            Shape::Runs(length) if !random.one_in(length) => self.last,
            Shape::Runs(_) => random.next_u64(),
            Shape::Rising(step) => self.last.wrapping_add(random.below(step)),
        };
        if self.nulls > 0 && random.one_in(self.nulls) { None } else { Some(self.last) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "random bits cut to the column's width")]
fn random_column(
    data_type: DataType,
    rows: usize,
    required: bool,
    random: &mut Random,
) -> ArrayRef {
    let mut numbers = Numbers::new(random);
    if required {
        numbers.nulls = 0;
    }
    macro_rules! column {
        ($builder:expr, $map:expr) => {{
            let mut builder = $builder;
            for _ in 0..rows {
                builder.append_option(numbers.next(random).map($map));
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    let float = |n: u64| match FLOATS.get((n % 16) as usize) {
        Some(special) => *special,
        None => (n % 100_000) as f64 / 100.0,
    };
    let text = |n: u64| match STRINGS.get((n % 12) as usize) {
        Some(special) => (*special).to_string(),
        None => format!("value-{}", n % 5000),
    };
    match data_type {
        DataType::Boolean => column!(BooleanBuilder::new(), |n| n % 2 == 0),
        DataType::Int8 => column!(Int8Builder::new(), |n| n as i8),
        DataType::Int16 => column!(Int16Builder::new(), |n| n as i16),
        DataType::Int32 => column!(Int32Builder::new(), |n| n as i32),
        DataType::Int64 => column!(Int64Builder::new(), |n| n as i64),
        DataType::Float32 => column!(Float32Builder::new(), |n| float(n) as f32),
        DataType::Float64 => column!(Float64Builder::new(), float),
        DataType::Decimal { precision, scale } if precision <= 18 => column!(
            Decimal64Builder::new()
                .with_data_type(DataType::Decimal { precision, scale }.to_arrow()),
            |n| (n as i64) % 1_000_000_000
        ),
        DataType::Decimal { .. } => column!(
            Decimal128Builder::new().with_data_type(data_type.to_arrow()),
            |n| i128::from(n as i64) * 1_000_000_007
        ),
        DataType::String => column!(StringBuilder::new(), text),
        DataType::Binary => {
            column!(BinaryBuilder::new(), |n| n.to_le_bytes()[..(n % 9) as usize].to_vec())
        }
        DataType::Date => column!(Date32Builder::new(), |n| (n % 40_000) as i32 - 10_000),
        DataType::Timestamp | DataType::TimestampNtz => {
            column!(TimestampMicrosecondBuilder::new().with_data_type(data_type.to_arrow()), |n| (n
                % 4_000_000_000_000_000)
                as i64
                - 1_000_000_000_000_000)
        }
    }
}

/// The bytes of a file that holds `batches`.
pub fn write_file(
    schema: &Schema,
    batches: &[RecordBatch],
    options: WriterOptions,
) -> Result<Vec<u8>> {
    let sink = MemorySink::new();
    let mut writer = FileWriter::new(Box::new(sink.clone()), schema.clone(), options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    Ok(sink.take())
}

/// Opens bytes as a file.
pub fn open(bytes: Vec<u8>) -> Result<Arc<FileReader>> {
    FileReader::open(Arc::new(MemorySource::new("test.ncf", bytes)), Default::default())
        .map(Arc::new)
}

/// A scan of all columns of a file, to be narrowed further.
pub fn scan_all(reader: &Arc<FileReader>) -> ScanBuilder {
    ScanBuilder::new(reader.clone(), all_columns(reader))
}

/// The columns of a file as it has them.
pub fn all_columns(reader: &FileReader) -> Vec<ScanColumn> {
    let source = |(index, field): (usize, &Field)| ScanColumn {
        field: field.clone(),
        source: ncf::ColumnSource::File(index),
    };
    reader.schema().fields.iter().enumerate().map(source).collect()
}

/// All rows of a scan.
pub fn read_all(scan: Scan) -> Result<Vec<RecordBatch>> {
    scan.collect()
}
