//! The learned index in files: no row is missed whatever is looked for, few rows are looked at, and an index
//! that is wrong costs time and nothing else. Arrow's own kernels say which rows are right.
//!
//! Every run has a new seed, which what fails names; the environment variable `NCF_TEST_SEED` sets it.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Datum, Decimal128Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, Scalar as ArrowScalar, TimestampMicrosecondArray,
};
use arrow_buffer::NullBuffer;
use arrow_ord::cmp;
use ncf::file::{scalar_at, to_values};
use ncf::{
    ByteSource, CompareOp, DataType, Expression, Field, FileReader, MemorySource, Predicate,
    ScanMetrics, Schema, TextOp, WriterOptions, to_arrow_schema,
};
use ncf_tests::reseal::{parts, reseal};
use ncf_tests::{Random, all_columns, open, scan_all, write_file};

const ROWS: usize = 70_001;
const BLOCK_ROWS: usize = 30_000;
const INDEX: u32 = 17;
/// The first byte of a zstd frame.
const ZSTD: u8 = 0x28;

const OPS: [CompareOp; 7] = [
    CompareOp::Eq,
    CompareOp::NotEq,
    CompareOp::NullSafeEq,
    CompareOp::Lt,
    CompareOp::LtEq,
    CompareOp::Gt,
    CompareOp::GtEq,
];

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let given = std::env::var("NCF_TEST_SEED").ok().map(|text| text.parse().expect("a number"));
    let seed = given.unwrap_or(now.as_nanos() as u64);
    println!("NCF_TEST_SEED={seed}");
    seed
}

/// A column of rows in order, or nearly, and the type that it has.
type Made = (&'static str, DataType, ArrayRef);

fn ascending(random: &mut Random, mut step: impl FnMut(&mut Random, usize) -> u64) -> Vec<i64> {
    let mut key = -1000i64;
    (0..ROWS)
        .map(|row| {
            key = key.saturating_add(i64::try_from(step(random, row) >> 1).unwrap());
            key
        })
        .collect()
}

fn sorted_strings(mut make: impl FnMut(usize) -> String) -> ArrayRef {
    let mut strings: Vec<String> = (0..ROWS).map(&mut make).collect();
    strings.sort();
    let mut builder = StringBuilder::new();
    strings.iter().for_each(|text| builder.append_value(text));
    Arc::new(builder.finish())
}

fn numbers(random: &mut Random) -> Vec<Made> {
    let gaps = ascending(random, |r, _| 2 + 2 * u64::from(r.one_in(100)) * r.below(40));
    let seconds = ascending(random, |r, _| 2 * u64::from(r.one_in(20)));
    let heavy = ascending(random, |r, _| 1 << r.below(44));
    let zigzag = ascending(random, |_, row| if (row / 3073) % 2 == 0 { 2 } else { 4000 });
    let mut uniform: Vec<i64> = (0..ROWS).map(|_| random.next_u64().cast_signed()).collect();
    uniform.sort_unstable();
    let micros = ascending(random, |r, row| 1_000_000 + r.below(1 + row as u64 % 50_000));
    let mut late = micros.clone();
    for _ in 0..4 {
        late[random.below(ROWS as u64) as usize] = random.below(1 << 40).cast_signed();
    }
    let mut one_bad = gaps.clone();
    one_bad[random.below(ROWS as u64) as usize] = random.next_u64().cast_signed();
    let stairs = |row: usize| [i64::MIN, 0, i64::MAX - 1, i64::MAX][row * 4 / ROWS];
    let long = |name, values: Vec<i64>| {
        (name, DataType::Int64, Arc::new(Int64Array::from(values)) as ArrayRef)
    };
    let int = |values: Vec<i64>| Int32Array::from_iter_values(values.iter().map(|v| *v as i32));
    let day =
        |values: Vec<i64>| Date32Array::from_iter_values(values.iter().map(|v| *v as i32 / 7));
    let time = TimestampMicrosecondArray::from(micros.clone());
    vec![
        ("int", DataType::Int32, Arc::new(int(gaps.clone()))),
        ("date", DataType::Date, Arc::new(day(seconds.clone()))),
        ("timestamp_ntz", DataType::TimestampNtz, Arc::new(time)),
        long("sequence with gaps", gaps.clone()),
        long("descending", gaps.into_iter().rev().collect()),
        long("duplicates", seconds),
        long("heavy tail", heavy),
        long("zigzag", zigzag),
        long("uniform", uniform),
        long("late rows", late),
        long("one bad row", one_bad),
        long("two values", (0..ROWS).map(|row| i64::from(row > ROWS / 3)).collect()),
        long("staircase", (0..ROWS).map(stairs).collect()),
    ]
}

fn others(random: &mut Random) -> Vec<Made> {
    let mut floats: Vec<f64> = (0..ROWS)
        .map(|_| match random.below(40) {
            0 => f64::NAN,
            1 => -0.0,
            2 => 0.0,
            3 => f64::INFINITY,
            4 => f64::NEG_INFINITY,
            _ => random.next_u64().cast_signed() as f64 / 1e10,
        })
        .collect();
    floats.sort_by(|a, b| ncf::ordering::compare_f64(*a, *b));
    let mut wide: Vec<i128> = (0..ROWS)
        .map(|_| i128::from(random.next_u64().cast_signed()) * i128::from(random.below(1 << 40)))
        .collect();
    wide.sort_unstable();
    let decimal = DataType::Decimal { precision: 38, scale: 3 };
    let wide = Decimal128Array::from(wide).with_data_type(decimal.to_arrow());
    let mut number = |limit: u64| random.next_u64() % limit;
    vec![
        ("double", DataType::Float64, Arc::new(Float64Array::from(floats))),
        ("wide decimal", decimal, Arc::new(wide)),
        ("uuid", DataType::String, sorted_strings(|_| format!("{:016x}", number(u64::MAX)))),
        ("order", DataType::String, sorted_strings(|row| format!("order-{:010}", row * 3))),
        (
            "url",
            DataType::String,
            sorted_strings(|row| {
                format!("https://www.example.org/a/path/that/is/long/{}", row % 20_011)
            }),
        ),
        ("long", DataType::String, sorted_strings(|row| format!("{}{row:08}", "é".repeat(30)))),
        ("short", DataType::String, sorted_strings(|row| "xyz"[..row % 4].to_string())),
    ]
}

/// A file of one column, with the rows' numbers in another.
struct Case {
    made: Made,
    data: RecordBatch,
    bytes: Vec<u8>,
    reader: Arc<FileReader>,
}

impl Case {
    fn new(made: Made, options: WriterOptions) -> Self {
        let (_, data_type, array) = &made;
        let schema = Schema::new(vec![
            Field::new(1, "key", *data_type, true),
            Field::new(2, "row", DataType::Int64, false),
        ])
        .unwrap();
        let rows: ArrayRef = Arc::new(Int64Array::from_iter_values(0..array.len() as i64));
        let arrow = Arc::new(to_arrow_schema(&schema));
        let data = RecordBatch::try_new(arrow, vec![array.clone(), rows]).unwrap();
        let bytes = write_file(&schema, std::slice::from_ref(&data), options).unwrap();
        let reader = open(bytes.clone()).unwrap();
        Self { made, data, bytes, reader }
    }

    /// The numbers of the rows that the predicate finds.
    fn found(&self, reader: &Arc<FileReader>, predicate: &Predicate) -> (Vec<i64>, ScanMetrics) {
        let scan = scan_all(reader).project(vec!["row".into()]).filter(predicate.clone());
        let mut scan = scan.build().unwrap();
        let mut rows = Vec::new();
        while let Some(batch) = scan.next_batch().unwrap() {
            rows.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
        }
        (rows, scan.metrics().clone())
    }

    /// The numbers of the rows that the predicate finds among those that planning leaves, which nothing but its metadata
    /// tells.
    fn planned(&self, reader: &Arc<FileReader>, predicate: &Predicate) -> Vec<i64> {
        let columns = all_columns(reader);
        let planned = ncf::plan_rows(reader, &columns, predicate).unwrap();
        let runs = reader.blocks().iter().zip(planned.blocks).flat_map(|(info, runs)| {
            let in_file = |row: usize| info.first_row + row as u64;
            runs.into_iter().map(move |run| in_file(run.start)..in_file(run.end))
        });
        let scan = scan_all(reader).project(vec!["row".into()]).filter(predicate.clone());
        let scan = scan.row_runs(runs.collect()).build().unwrap();
        let rows = |batch: ncf::Result<RecordBatch>| {
            batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()
        };
        scan.flat_map(rows).collect()
    }

    /// The rows that Arrow finds.
    fn expected(&self, op: CompareOp, literal: &dyn Datum) -> Vec<i64> {
        let key = canonical(self.data.column(0));
        let mask = match op {
            CompareOp::Eq => cmp::eq(&key, literal),
            CompareOp::NotEq => cmp::neq(&key, literal),
            CompareOp::NullSafeEq => cmp::not_distinct(&key, literal),
            CompareOp::Lt => cmp::lt(&key, literal),
            CompareOp::LtEq => cmp::lt_eq(&key, literal),
            CompareOp::Gt => cmp::gt(&key, literal),
            CompareOp::GtEq => cmp::gt_eq(&key, literal),
        };
        rows_of(&mask.unwrap())
    }

    /// Looks for a value by all operators; gives the metrics of `=`.
    fn check(&self, values: &ArrayRef, row: usize) -> ScanMetrics {
        let (name, data_type, _) = &self.made;
        let literal = to_values(values, *data_type).unwrap();
        let literal = scalar_at(&literal, row, *data_type).unwrap();
        let one = ArrowScalar::new(canonical(&values.slice(row, 1)));
        let mut of_equal = ScanMetrics::default();
        for op in OPS {
            let predicate = Predicate::compare("key", op, literal.clone());
            let (found, metrics) = self.found(&self.reader, &predicate);
            assert!(found == self.expected(op, &one), "{name}: {predicate}");
            assert_eq!(metrics.index_misses, 0, "{name}: {predicate}");
            assert!(self.planned(&self.reader, &predicate) == found, "{name}: {predicate}");
            let not = Predicate::Not(Box::new(predicate.clone()));
            let expected = match op {
                CompareOp::Eq => self.expected(CompareOp::NotEq, &one),
                CompareOp::Lt => self.expected(CompareOp::GtEq, &one),
                CompareOp::Gt => self.expected(CompareOp::LtEq, &one),
                _ => continue,
            };
            assert!(self.found(&self.reader, &not).0 == expected, "{name}: {not}");
            if op == CompareOp::Eq {
                of_equal = metrics;
            }
        }
        of_equal
    }
}

/// Floats as Spark compares them: one NaN, one zero.
fn canonical(array: &ArrayRef) -> ArrayRef {
    match array.as_any().downcast_ref::<Float64Array>() {
        Some(floats) => Arc::new(
            floats.unary::<_, arrow_array::types::Float64Type>(ncf::ordering::canonical_f64),
        ),
        None => array.clone(),
    }
}

fn rows_of(mask: &BooleanArray) -> Vec<i64> {
    let rows = mask.iter().enumerate();
    rows.filter(|(_, found)| *found == Some(true)).map(|(row, _)| row as i64).collect()
}

fn options() -> WriterOptions {
    WriterOptions { block_rows: BLOCK_ROWS, ..WriterOptions::default() }
}

#[test]
fn no_row_is_missed() {
    let mut random = Random::new(seed());
    for made in numbers(&mut random).into_iter().chain(others(&mut random)) {
        let (name, values) = (made.0, made.2.clone());
        let case = Case::new(made, options());
        assert!(case.reader.index(0).unwrap().is_some(), "{name} has no index");
        case.reader.verify().unwrap_or_else(|error| panic!("{name}: {error}"));
        for row in [0, ROWS - 1, 1023, 1024, BLOCK_ROWS - 1, BLOCK_ROWS] {
            case.check(&values, row);
        }
        for _ in 0..6 {
            case.check(&values, random.below(ROWS as u64) as usize);
        }
    }
}

#[test]
fn keys_that_do_not_occur_and_nulls() {
    let mut random = Random::new(seed());
    for (name, data_type, array) in numbers(&mut random) {
        if data_type != DataType::Int64 {
            continue;
        }
        // Nulls in runs, some longer than vectors, one at each end.
        let mut valid = false;
        let nulls: Vec<bool> = (0..ROWS)
            .map(|row| {
                valid ^= random.one_in(if row % 9 == 0 { 2000 } else { 300 });
                valid && row + 3000 < ROWS
            })
            .collect();
        let keys = array.as_primitive::<Int64Type>();
        let nullable = Int64Array::new(keys.values().clone(), Some(NullBuffer::from(nulls)));
        let case = Case::new((name, data_type, Arc::new(nullable)), options());
        case.reader.verify().unwrap();
        assert!(case.reader.index(0).unwrap().is_some(), "{name} has no index");
        let mut wanted = vec![i64::MIN, i64::MIN + 1, -1001, 0, i64::MAX - 1, i64::MAX];
        for _ in 0..4 {
            let key = keys.value(random.below(ROWS as u64) as usize);
            wanted.extend([key.saturating_sub(1), key, key.saturating_add(1)]);
        }
        let wanted: ArrayRef = Arc::new(Int64Array::from(wanted));
        for row in 0..wanted.len() {
            case.check(&wanted, row);
        }
    }
}

#[test]
fn lists_ranges_and_beginnings() {
    let mut random = Random::new(seed());
    let uniform = numbers(&mut random).swap_remove(8);
    let keys = uniform.2.as_primitive::<Int64Type>().clone();
    let case = Case::new(uniform, options());
    let key = |random: &mut Random| keys.value(random.below(ROWS as u64) as usize);
    for count in [1, 3, 20, 200] {
        let listed: Vec<i64> = (0..count).map(|_| key(&mut random)).collect();
        let predicate = Predicate::In {
            expression: Expression::Column("key".into()),
            values: listed.iter().map(|key| ncf::Scalar::Bigint(*key)).collect(),
            has_null: random.one_in(2),
        };
        let expected: Vec<i64> =
            (0..ROWS as i64).filter(|row| listed.contains(&keys.value(*row as usize))).collect();
        let (found, metrics) = case.found(&case.reader, &predicate);
        assert_eq!(found, expected, "{count} values");
        assert!(count > 3 || metrics.rows_scanned <= count * 6 * 1024, "{metrics:?}");
    }
    let (a, b) = (key(&mut random), key(&mut random));
    let compare = |op, key| Predicate::compare("key", op, ncf::Scalar::Bigint(key));
    let (low, high) = (a.min(b), a.max(b));
    let between = Predicate::And(vec![compare(CompareOp::GtEq, low), compare(CompareOp::Lt, high)]);
    let inside = |row: &i64| (low..high).contains(&keys.value(*row as usize));
    let expected: Vec<i64> = (0..ROWS as i64).filter(inside).collect();
    assert_eq!(case.found(&case.reader, &between).0, expected);
    let outside = Predicate::Not(Box::new(between));
    let expected: Vec<i64> = (0..ROWS as i64).filter(|row| !inside(row)).collect();
    assert_eq!(case.found(&case.reader, &outside).0, expected);

    for made in others(&mut random).into_iter().filter(|made| made.1 == DataType::String) {
        let strings = made.2.as_string::<i32>().clone();
        let case = Case::new(made, options());
        for _ in 0..8 {
            let text = strings.value(random.below(ROWS as u64) as usize);
            let length = random.below(1 + text.chars().count() as u64) as usize;
            let prefix: String = text.chars().take(length).collect();
            let predicate = Predicate::Text(
                TextOp::StartsWith,
                Expression::Column("key".into()),
                prefix.clone(),
            );
            let expected: Vec<i64> = (0..ROWS as i64)
                .filter(|row| strings.value(*row as usize).starts_with(&prefix))
                .collect();
            let (found, metrics) = case.found(&case.reader, &predicate);
            assert!(found == expected, "{}: {predicate}", case.made.0);
            assert_eq!(metrics.index_misses, 0);
        }
    }
}

/// Keys near a line: a model of one segment, where fences have differences that do not compress.
fn ids() -> impl Iterator<Item = i64> {
    let mut random = Random::new(77);
    (0..ROWS as i64).map(move |row| row * 1_000_003 + random.below(900_000).cast_signed())
}

#[test]
fn few_rows_are_looked_at() {
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(ids()));
    let case = Case::new(("ids", DataType::Int64, keys.clone()), options());
    let description = case.reader.index(0).unwrap().as_ref().as_ref().unwrap().describe();
    assert_eq!((description.kind.as_str(), description.parts), ("linear", 1));
    for row in (0..ROWS).step_by(4999) {
        let metrics = case.check(&keys, row);
        assert!(metrics.rows_scanned <= 6 * 1024, "row {row}: {metrics:?}");
        assert_eq!(metrics.rows_out, 1);
        assert!(metrics.index_bytes > 0 && metrics.index_bytes < 100);
    }
    let without = Case::new(case.made.clone(), WriterOptions { index: false, ..options() });
    assert!(without.reader.index(0).unwrap().is_none());
    assert!(without.check(&keys, 12_345).rows_scanned >= 8192);
}

/// Bytes of a section before its keys: three, and four varints.
fn head_bytes(section: &[u8]) -> usize {
    let ends = section.iter().enumerate().skip(3).filter(|(_, byte)| **byte < 0x80);
    ends.map(|(at, _)| at + 1).nth(3).unwrap()
}

#[test]
fn a_wrong_model_costs_time_and_no_row() {
    let mut random = Random::new(seed());
    let mut misses = 0;
    for made in numbers(&mut random) {
        let (name, values) = (made.0, made.2.clone());
        let case = Case::new(made, options());
        let records = parts(&case.bytes).records;
        let section = records.iter().find(|(kind, _)| *kind == INDEX).expect("an index").1.clone();
        // Those that compress are left to the fuzzer: here each byte shall mean something.
        if case.bytes[section.start] == ZSTD {
            continue;
        }
        // All but the head and the number of exceptions: what says where keys are.
        let model = section.start + head_bytes(&case.bytes[section.clone()])..section.end - 1;
        if case.reader.index(0).unwrap().as_ref().as_ref().unwrap().describe().exceptions > 0 {
            continue;
        }
        for _ in 0..30 {
            let mut bytes = case.bytes.clone();
            let at = model.start + random.below(model.len() as u64) as usize;
            bytes[at] = random.next_u64() as u8;
            reseal(&mut bytes);
            let reader = open(bytes).unwrap();
            let Ok(index) = reader.index(0) else { continue };
            // Exceptions are stated, not proven.
            if index.as_ref().as_ref().is_none_or(|index| index.describe().exceptions > 0) {
                continue;
            }
            for row in [random.below(ROWS as u64) as usize, ROWS / 2] {
                let literal = to_values(&values, case.made.1).unwrap();
                let literal = scalar_at(&literal, row, case.made.1).unwrap();
                let one = ArrowScalar::new(canonical(&values.slice(row, 1)));
                for op in [CompareOp::Eq, CompareOp::Lt, CompareOp::Gt] {
                    let predicate = Predicate::compare("key", op, literal.clone());
                    let (found, metrics) = case.found(&reader, &predicate);
                    assert!(found == case.expected(op, &one), "{name}: {predicate}, byte {at}");
                    assert!(case.planned(&reader, &predicate) == found, "{name}: {predicate}");
                    misses += metrics.index_misses;
                }
            }
        }
    }
    assert!(misses > 0, "no index was wrong enough to be found out");
}

#[test]
fn verify_finds_an_index_that_lies() {
    let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(ids()));
    let case = Case::new(("ids", DataType::Int64, keys), options());
    let records = parts(&case.bytes).records;
    let section = records.iter().find(|(kind, _)| *kind == INDEX).unwrap().1.clone();
    let mut bytes = case.bytes.clone();
    // The slope of the only segment.
    bytes[section.end - 3] ^= 0x55;
    reseal(&mut bytes);
    let error = open(bytes).unwrap().verify().unwrap_err().to_string();
    assert!(error.contains("the index does not find the values"), "{error}");
}

#[test]
fn equal_rows_give_equal_indexes_on_any_number_of_threads() {
    let mut random = Random::new(3);
    let made = numbers(&mut random).swap_remove(8);
    let of = |threads| {
        let options = WriterOptions { threads, file_uuid: Some([9; 16]), ..options() };
        Case::new(made.clone(), options).bytes
    };
    assert!(of(1) == of(2));
    let made = shuffled(&mut random).swap_remove(0);
    let filtered = |threads| {
        let filter_columns = vec!["key".to_string()];
        let options =
            WriterOptions { threads, filter_columns, file_uuid: Some([9; 16]), ..options() };
        Case::new(made.clone(), options).bytes
    };
    assert!(filtered(1) == filtered(2));
    // What a reader opens is what was written, through any source.
    let source: Arc<dyn ByteSource> = Arc::new(MemorySource::new("again.ncf", of(1)));
    let reader = FileReader::open(source, Default::default()).unwrap();
    assert!(reader.index(0).unwrap().is_some());
}

/// Values in no order: nearly all distinct, some null.
fn shuffled(random: &mut Random) -> Vec<Made> {
    let mut keys: Vec<u64> = (0..ROWS).map(|_| random.next_u64() >> 1).collect();
    keys[5] = 0;
    let longs =
        Int64Array::from_iter(keys.iter().map(|key| (key % 10 > 0).then_some(key.cast_signed())));
    let ints = Int32Array::from_iter_values(keys.iter().map(|key| *key as i32));
    let floats = Float64Array::from_iter_values(keys.iter().enumerate().map(|(row, key)| {
        match row % 1000 {
            1 => f64::NAN,
            2 => -0.0,
            _ => *key as f64 / 3.0,
        }
    }));
    let decimal = DataType::Decimal { precision: 38, scale: 3 };
    let wide = keys.iter().map(|key| i128::from(*key) * 1_000_003 - (1 << 70));
    let wide = Decimal128Array::from_iter_values(wide).with_data_type(decimal.to_arrow());
    let mut strings = StringBuilder::new();
    keys.iter().for_each(|key| strings.append_value(format!("user-{key:x}")));
    vec![
        ("bigint", DataType::Int64, Arc::new(longs)),
        ("int", DataType::Int32, Arc::new(ints)),
        ("double", DataType::Float64, Arc::new(floats)),
        ("wide decimal", decimal, Arc::new(wide)),
        ("string", DataType::String, Arc::new(strings.finish())),
    ]
}

#[test]
fn filters_leave_out_blocks_and_no_row() {
    let mut random = Random::new(seed());
    for made in shuffled(&mut random) {
        let (name, data_type, values) = (made.0, made.1, made.2.clone());
        let filter_columns = vec!["key".to_string()];
        let options =
            WriterOptions { block_rows: 3000, filter_columns, ..WriterOptions::default() };
        let case = Case::new(made, options);
        case.reader.verify().unwrap_or_else(|error| panic!("{name}: {error}"));
        let blocks = case.reader.blocks().len() as u64;
        let (mut planned, mut pruned) = (0, 0);
        for row in (0..40).map(|_| random.below(ROWS as u64) as usize).chain([1, 2, 1001, 1002]) {
            if values.is_null(row) {
                continue;
            }
            let literal =
                scalar_at(&to_values(&values, data_type).unwrap(), row, data_type).unwrap();
            let one = ArrowScalar::new(canonical(&values.slice(row, 1)));
            let predicate = Predicate::compare("key", CompareOp::Eq, literal);
            let (found, metrics) = case.found(&case.reader, &predicate);
            assert!(found == case.expected(CompareOp::Eq, &one), "{name}: {predicate}");
            if found.len() == 1 {
                planned += blocks - 1;
                pruned += metrics.blocks_pruned;
            }
            assert!(metrics.index_bytes > 0);
        }
        assert!(pruned * 100 >= planned * 97, "{name}: {pruned} of {planned}");
        // Values that occur nowhere, between those that do: one block in 256 is looked at.
        if data_type == DataType::Int64 {
            let (mut planned, mut pruned) = (0, 0);
            for _ in 0..40 {
                let absent = (random.next_u64() >> 1).cast_signed();
                let listed = Predicate::In {
                    expression: Expression::Column("key".into()),
                    values: [ncf::Scalar::Bigint(absent)].into_iter().collect(),
                    has_null: random.one_in(2),
                };
                let (found, metrics) = case.found(&case.reader, &listed);
                assert!(found.is_empty());
                planned += metrics.blocks_planned;
                pruned += metrics.blocks_pruned;
            }
            assert!(pruned * 100 >= planned * 98, "{pruned} of {planned}");
        }
    }
}

#[test]
fn columns_with_filters_are_read_as_wider_types() {
    let mut random = Random::new(seed());
    let keys: Vec<i32> = (0..ROWS).map(|_| random.next_u64() as i32 / 2).collect();
    let ints: ArrayRef = Arc::new(Int32Array::from(keys.clone()));
    let filter_columns = vec!["key".to_string()];
    let options = WriterOptions { block_rows: 3000, filter_columns, ..WriterOptions::default() };
    let case = Case::new(("int", DataType::Int32, ints), options);
    let decimal = DataType::Decimal { precision: 20, scale: 2 };
    for row in (0..30).map(|_| random.below(ROWS as u64) as usize) {
        let key = keys[row];
        let wide = |unscaled| ncf::Scalar::Decimal { unscaled, precision: 20, scale: 2 };
        let literals = [
            (DataType::Int64, ncf::Scalar::Bigint(key.into()), true),
            (DataType::Float64, ncf::Scalar::Double(key.into()), true),
            (DataType::Float64, ncf::Scalar::Double(f64::from(key) + 0.5), false),
            (decimal, wide(i128::from(key) * 100), true),
            (decimal, wide(i128::from(key) * 100 + 1), false),
        ];
        for (data_type, literal, occurs) in literals {
            let fields = [
                Field::new(1, "key", data_type, true),
                Field::new(2, "row", DataType::Int64, false),
            ];
            let source =
                |(index, field)| ncf::ScanColumn { field, source: ncf::ColumnSource::File(index) };
            let columns = fields.into_iter().enumerate().map(source).collect();
            let scan = ncf::ScanBuilder::new(case.reader.clone(), columns)
                .project(vec!["row".into()])
                .filter(Predicate::compare("key", CompareOp::NullSafeEq, literal));
            let found: usize = scan.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
            let expected = keys.iter().filter(|other| occurs && **other == key).count();
            assert_eq!(found, expected, "{key} as {data_type}");
        }
    }
}

#[test]
fn damaged_and_lying_filters_are_found() {
    let mut random = Random::new(5);
    let made = shuffled(&mut random).swap_remove(1);
    let filter_columns = vec!["key".to_string()];
    let options = WriterOptions { block_rows: 9000, filter_columns, ..WriterOptions::default() };
    let case = Case::new(made, options);
    let predicate = Predicate::compare("key", CompareOp::Eq, ncf::Scalar::Int(12));
    let pages = parts(&case.bytes).filters;
    assert_eq!(pages.len(), ROWS.div_ceil(9000));
    for page in &pages {
        let mut bytes = case.bytes.clone();
        bytes[page.start + 20] ^= 1;
        let reader = open(bytes.clone()).unwrap();
        let scan = scan_all(&reader).filter(predicate.clone()).build();
        let error = scan.and_then(|scan| scan.collect::<ncf::Result<Vec<_>>>()).unwrap_err();
        assert_eq!(error.kind(), ncf::ErrorKind::Corrupt);
        assert!(reader.verify().is_err());
    }
    // Other fingerprints, with a checksum that fits.
    let mut bytes = case.bytes.clone();
    let fingerprints = pages[1].start + 16..pages[1].end - 64;
    bytes[fingerprints].iter_mut().for_each(|byte| *byte ^= 0x5A);
    reseal(&mut bytes);
    let error = open(bytes).unwrap().verify().unwrap_err().to_string();
    assert!(error.contains("the filter does not hold the values"), "{error}");
}

#[test]
fn columns_without_an_order_get_filters_where_these_take_little() {
    // A wide row, so that ten bits for an id are little.
    let schema = Schema::new(vec![
        Field::new(1, "id", DataType::Int64, false),
        Field::new(2, "text", DataType::String, false),
        Field::new(3, "few", DataType::Int64, false),
    ])
    .unwrap();
    let mut random = Random::new(11);
    let ids: ArrayRef =
        Arc::new(Int64Array::from_iter_values((0..20_000).map(|_| random.next_u64() as i64)));
    let mut text = StringBuilder::new();
    for _ in 0..20_000 {
        let noise: String = (0..12).map(|_| format!("{:016x}", random.next_u64())).collect();
        text.append_value(noise);
    }
    let few: ArrayRef =
        Arc::new(Int64Array::from_iter_values((0..20_000).map(|row| row * 7 % 150)));
    let arrow = Arc::new(to_arrow_schema(&schema));
    let batch = RecordBatch::try_new(arrow, vec![ids, Arc::new(text.finish()), few]).unwrap();
    let reader = open(write_file(&schema, &[batch], WriterOptions::default()).unwrap()).unwrap();
    let filtered: Vec<bool> = (0..3).map(|column| reader.has_filter(column, 0).unwrap()).collect();
    // There is room for one of the two whose values do not come back.
    assert!(filtered[0] != filtered[1] && !filtered[2], "{filtered:?}");
    let bytes: u64 = (0..3).map(|column| reader.filter_bytes(column).unwrap()).sum();
    assert!(bytes * 50 <= reader.len(), "{bytes} of {}", reader.len());
}

#[test]
fn columns_read_as_wider_types_and_parts_of_a_file() {
    let mut random = Random::new(seed());
    let days: Vec<i32> = (0..ROWS as i32).map(|row| row / 3).collect();
    let ints: ArrayRef = Arc::new(Int32Array::from(days.clone()));
    let case = Case::new(("int", DataType::Int32, ints), options());
    let decimal = DataType::Decimal { precision: 20, scale: 2 };
    for _ in 0..30 {
        let day = days[random.below(ROWS as u64) as usize];
        let halves = i128::from(day) * 100 + [0, 50, -50][random.below(3) as usize];
        let literals = [
            (DataType::Int64, ncf::Scalar::Bigint(i64::from(day))),
            (DataType::Float64, ncf::Scalar::Double(halves as f64 / 100.0)),
            (decimal, ncf::Scalar::Decimal { unscaled: halves, precision: 20, scale: 2 }),
        ];
        for (data_type, literal) in literals {
            let hundredths = match &literal {
                ncf::Scalar::Bigint(v) => i128::from(*v) * 100,
                _ => halves,
            };
            for op in OPS {
                let predicate = Predicate::compare("key", op, literal.clone());
                let field = Field::new(1, "key", data_type, true);
                let row = Field::new(2, "row", DataType::Int64, false);
                let source = |(index, field)| ncf::ScanColumn {
                    field,
                    source: ncf::ColumnSource::File(index),
                };
                let columns = [field, row].into_iter().enumerate().map(source).collect();
                let blocks = random.below(2) as usize..2 + random.below(2) as usize;
                let scan = ncf::ScanBuilder::new(case.reader.clone(), columns)
                    .project(vec!["row".into()])
                    .filter(predicate.clone())
                    .blocks(blocks.clone());
                let mut scan = scan.build().unwrap();
                let mut found = Vec::new();
                while let Some(batch) = scan.next_batch().unwrap() {
                    found.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
                }
                assert_eq!(scan.metrics().index_misses, 0, "{predicate}");
                let order = |day: i32| (i128::from(day) * 100).cmp(&hundredths);
                let expected: Vec<i64> = (blocks.start * BLOCK_ROWS
                    ..ROWS.min(blocks.end * BLOCK_ROWS))
                    .filter(|row| op.accepts(order(days[*row])))
                    .map(|row| row as i64)
                    .collect();
                assert!(found == expected, "{predicate} as {data_type} in blocks {blocks:?}");
            }
        }
    }
}
