//! Whole scans of files in memory against the row-at-a-time oracle.

mod planned;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{Field as ArrowField, Schema as ArrowSchema};
use ncf_core::{
    CompareOp, DataType, ErrorKind, Expression, Field, FieldPath, Predicate, Scalar, Schema,
    SortKey, TextOp, Top,
};
use ncf_encoding::EncodingId;
use ncf_file::{
    FileReader, FileWriter, MemorySink, MemorySource, ReadOptions, WriterOptions, scalar_at,
    to_array, to_values,
};

use crate::coded::plain;
use crate::filter::random::{Random, dense, name, predicate, scalar, validity};
use crate::{ColumnSource, Scan, ScanBuilder, ScanColumn, prune_blocks};

type Column = Vec<Option<Scalar>>;

/// A file in memory and what it holds.
struct Sample {
    types: Vec<DataType>,
    rows: Vec<Column>,
    reader: Arc<FileReader>,
}

impl Sample {
    fn write(types: Vec<DataType>, rows: Vec<Column>, block_rows: usize) -> Self {
        Self::write_as(types, rows, block_rows, BTreeMap::new())
    }

    /// As [`Sample::write`], with encodings of columns.
    fn write_as(
        types: Vec<DataType>,
        rows: Vec<Column>,
        block_rows: usize,
        encodings: BTreeMap<String, EncodingId>,
    ) -> Self {
        let field = |(index, t): (usize, &DataType)| {
            Field::new(u32::try_from(index + 1).unwrap(), name(index), *t, true)
        };
        let schema = Schema::new(types.iter().enumerate().map(field).collect()).unwrap();
        let sink = MemorySink::new();
        let options = WriterOptions { block_rows, encodings, ..WriterOptions::default() };
        let mut writer = FileWriter::new(Box::new(sink.clone()), schema, options).unwrap();
        let fields = types.iter().enumerate();
        let fields = fields.map(|(index, t)| ArrowField::new(name(index), t.to_arrow(), true));
        let arrow = Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()));
        let arrays = types.iter().zip(&rows).map(|(data_type, rows)| {
            to_array(dense(rows, *data_type), validity(rows), *data_type).unwrap()
        });
        writer.write(&RecordBatch::try_new(arrow, arrays.collect()).unwrap()).unwrap();
        writer.finish().unwrap();
        let source = Arc::new(MemorySource::new("sample.ncf", sink.take()));
        let reader = Arc::new(FileReader::open(source, ReadOptions::default()).unwrap());
        Self { types, rows, reader }
    }

    fn len(&self) -> usize {
        self.rows[0].len()
    }

    fn columns(&self) -> Vec<ScanColumn> {
        let field = |(index, t): (usize, &DataType)| ScanColumn {
            field: Field::new(u32::try_from(index + 1).unwrap(), name(index), *t, true),
            source: ColumnSource::File(index),
        };
        self.types.iter().enumerate().map(field).collect()
    }

    fn scan(&self) -> ScanBuilder {
        ScanBuilder::new(self.reader.clone(), self.columns())
    }

    /// Rows that make the predicate true.
    fn expected(&self, predicate: &Predicate) -> Vec<usize> {
        let column = |path: &FieldPath| path.column()[1..].parse::<usize>().unwrap();
        (0..self.len())
            .filter(|row| {
                predicate.evaluate(&|path| self.rows[column(path)][*row].clone()) == Some(true)
            })
            .collect()
    }

    /// Checks that a scan that projects the columns `projected` gives exactly these rows.
    fn check(&self, scan: &mut Scan, projected: &[usize], expected: &[usize], what: &str) {
        let mut next = expected.iter();
        for batch in scan.by_ref() {
            let batch = batch.unwrap();
            let rows: Vec<usize> = next.by_ref().take(batch.num_rows()).copied().collect();
            assert_eq!(rows.len(), batch.num_rows(), "too many rows: {what}");
            for (position, index) in projected.iter().enumerate() {
                let (array, data_type) = (batch.column(position), self.types[*index]);
                let array = &plain(array).unwrap();
                let values = to_values(array, data_type).unwrap();
                for (at, row) in rows.iter().enumerate() {
                    let given =
                        (!array.is_null(at)).then(|| scalar_at(&values, at, data_type).unwrap());
                    assert_eq!(given, self.rows[*index][*row], "row {row} of {index}: {what}");
                }
            }
        }
        assert_eq!(next.len(), 0, "too few rows: {what}");
        assert_eq!(scan.metrics().rows_out, expected.len() as u64);
    }
}

/// A column that is random, clustered, sparse in nulls or without any, at random.
fn column(random: &mut Random, data_type: DataType, len: usize) -> Column {
    let (runs, null_of_16) = (random.pick(&[1, 1, 40, 6000]), random.pick(&[0, 0, 1, 15]));
    let mut rows = Column::with_capacity(len);
    while rows.len() < len {
        let run = (1 + random.below(runs)).min(len - rows.len());
        let value = (random.below(16) >= null_of_16).then(|| scalar(random, data_type));
        rows.extend(std::iter::repeat_n(value, run));
    }
    rows
}

fn types() -> Vec<DataType> {
    vec![
        DataType::Int32,
        DataType::Int32,
        DataType::Float64,
        DataType::String,
        DataType::String,
        DataType::Boolean,
        DataType::Decimal { precision: 12, scale: 2 },
        DataType::Decimal { precision: 30, scale: 2 },
    ]
}

fn random_sample(random: &mut Random) -> Sample {
    let len = random.pick(&[1, 1000, 20_000, 30_000]);
    let types = types();
    let rows = types.iter().map(|t| column(random, *t, len)).collect();
    let block_rows = random.pick(&[3000, 9000, 16_384, 1 << 20]);
    // Of its own accord no column of random strings would be encoded so.
    let strings = types.iter().enumerate().filter(|(_, t)| **t == DataType::String);
    let fsst = strings.filter(|_| random.below(3) == 0).map(|(i, _)| (name(i), EncodingId::FSST));
    let encodings = fsst.collect();
    Sample::write_as(types, rows, block_rows, encodings)
}

#[test]
fn random_scans_agree_with_the_oracle() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    for _ in 0..8 {
        let sample = random_sample(&mut random);
        for _ in 0..12 {
            let predicate = predicate(&mut random, &sample.types, 3);
            let count = random.below(4);
            let projected: Vec<usize> =
                (0..count).map(|_| random.below(sample.types.len())).collect();
            let names = projected.iter().map(|index| name(*index)).collect();
            let batch_rows = random.pick(&[1000, 8192, 100_000]);
            let builder = sample.scan().filter(predicate.clone()).batch_rows(batch_rows);
            let builder = builder.keep_dictionaries(random.below(2) == 0);
            let expected = sample.expected(&predicate);
            let what = predicate.to_string();
            // A column may be projected twice, or none at all.
            let mut scan = builder.project(names).build().unwrap();
            sample.check(&mut scan, &projected, &expected, &what);
        }
    }
}

#[test]
fn constants_rows_blocks_and_limits() {
    let mut random = Random(42);
    let rows = vec![
        column(&mut random, DataType::Int32, 25_000),
        column(&mut random, DataType::String, 25_000),
    ];
    let sample = Sample::write(vec![DataType::Int32, DataType::String], rows, 10_000);
    let all: Vec<usize> = (0..25_000).collect();
    let check = |builder: ScanBuilder, expected: &[usize]| {
        sample.check(&mut builder.build().unwrap(), &[0, 1], expected, "ranges");
    };
    check(sample.scan(), &all);
    check(sample.scan().rows(123..20_001), &all[123..20_001]);
    check(sample.scan().blocks(1..2), &all[10_000..20_000]);
    check(sample.scan().blocks(1..2).rows(15_000..25_000), &all[15_000..20_000]);
    check(sample.scan().limit(7), &all[..7]);
    check(sample.scan().limit(0), &[]);
    check(sample.scan().limit(1 << 40), &all);
    let predicate = Predicate::IsNotNull(Expression::Column("c0".into()));
    let expected = sample.expected(&predicate);
    check(sample.scan().filter(predicate).limit(11_000), &expected[..expected.len().min(11_000)]);

    let mut columns = sample.columns();
    let day = Field::new(9, "day", DataType::Date, true);
    let gone = Field::new(10, "gone", DataType::String, true);
    columns.push(ScanColumn { field: day, source: ColumnSource::Constant(Some(Scalar::Date(3))) });
    columns.push(ScanColumn { field: gone, source: ColumnSource::Constant(None) });
    let build =
        |predicate| ScanBuilder::new(sample.reader.clone(), columns.clone()).filter(predicate);
    let on_day = build(Predicate::compare("day", CompareOp::Eq, Scalar::Date(3))).project(vec![
        "gone".into(),
        "day".into(),
        "c0".into(),
    ]);
    let batches: Vec<_> = on_day.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 25_000);
    assert!(batches.iter().all(|batch| batch.column(0).null_count() == batch.num_rows()));
    for predicate in [
        Predicate::compare("day", CompareOp::Gt, Scalar::Date(3)),
        Predicate::compare("gone", CompareOp::Eq, Scalar::String("x".into())),
    ] {
        let mut scan = build(predicate).build().unwrap();
        assert!(scan.next().is_none());
        assert_eq!((scan.metrics().blocks_pruned, scan.metrics().pages_read), (3, 0));
    }
}

#[test]
fn samples_come_before_filters_and_limits_and_spare_pages() {
    let mut random = Random(77);
    let rows = vec![
        column(&mut random, DataType::Int32, 30_000),
        column(&mut random, DataType::String, 30_000),
    ];
    let sample = Sample::write(vec![DataType::Int32, DataType::String], rows, 1000);
    let part = |of_10000: u64| {
        let upper = u64::try_from((u128::from(of_10000) << 53) / 10_000).unwrap();
        ncf_core::Sample { lower: 0, upper, seed: 5 }.of_file("any")
    };
    let filter = Predicate::IsNotNull(Expression::Column("c0".into()));
    let passing = sample.expected(&filter);
    for of_10000 in [0, 100, 5000, 10_000] {
        let taken = part(of_10000);
        let expected: Vec<usize> =
            passing.iter().copied().filter(|row| taken.takes(*row as u64)).collect();
        let scan = || sample.scan().filter(filter.clone()).sample(taken);
        sample.check(&mut scan().build().unwrap(), &[0, 1], &expected, "filter");
        let mut middle = scan().rows(7000..21_500).build().unwrap();
        let inside: Vec<usize> =
            expected.iter().copied().filter(|row| (7000..21_500).contains(row)).collect();
        sample.check(&mut middle, &[0, 1], &inside, "rows");
        let first = &expected[..expected.len().min(9)];
        sample.check(&mut scan().limit(9).build().unwrap(), &[0, 1], first, "limit");
    }
    let few = part(1);
    let taken: Vec<usize> = (0..30_000).filter(|row| few.takes(*row as u64)).collect();
    let blocks: HashSet<usize> = taken.iter().map(|row| row / 1000).collect();
    assert!(!blocks.is_empty() && blocks.len() < 12, "{blocks:?}");
    let mut scan = sample.scan().sample(few).build().unwrap();
    sample.check(&mut scan, &[0, 1], &taken, "few");
    let metrics = scan.metrics();
    assert_eq!(metrics.pages_read, 2 * blocks.len() as u64);
    assert_eq!(metrics.pages_read + metrics.pages_pruned, 60);
}

#[test]
fn sorted_data_is_pruned_and_late_columns_stay_unread() {
    let len = 200_000;
    let ints: Column = (0..len).map(|i| Some(Scalar::Int(i))).collect();
    let texts: Column =
        (0..len).map(|i| Some(Scalar::String(format!("text {}", i % 1000)))).collect();
    let sample = Sample::write(vec![DataType::Int32, DataType::String], vec![ints, texts], 100_000);
    let equal = |value| Predicate::compare("c0", CompareOp::Eq, Scalar::Int(value));

    let mut scan = sample.scan().filter(equal(150_000)).build().unwrap();
    sample.check(&mut scan, &[0, 1], &[150_000], "point");
    let metrics = scan.metrics();
    assert_eq!((metrics.blocks_planned, metrics.blocks_pruned), (2, 1));
    assert_eq!((metrics.pages_read, metrics.pages_pruned), (2, 2), "{metrics:?}");
    assert!(metrics.rows_scanned <= 8192 && metrics.bytes_read > 0 && metrics.decode_time > 0);

    // Possible by the bounds, but no row matches: the projected column is never read.
    let none = Predicate::And(vec![
        Predicate::compare("c0", CompareOp::GtEq, Scalar::Int(5)),
        Predicate::Text(TextOp::Contains, Expression::Column("c1".into()), "text 777x".into()),
    ]);
    let mut scan = sample.scan().filter(none).project(vec!["c0".into()]).build().unwrap();
    sample.check(&mut scan, &[0], &[], "none");
    assert_eq!(scan.metrics().pages_read, 4 + 1, "{:?}", scan.metrics());

    // Bounds prove every row: nothing is read for a count.
    let whole = Predicate::compare("c0", CompareOp::GtEq, Scalar::Int(0));
    let mut scan = sample.scan().filter(whole).project(vec![]).build().unwrap();
    let rows: usize = scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!((rows, scan.metrics().pages_read), (200_000, 0));

    let keep = prune_blocks(&sample.reader, &sample.columns(), &equal(5)).unwrap();
    assert_eq!(keep, [true, false]);
}

#[test]
fn pages_of_different_columns_need_not_align() {
    // 1 KiB strings close their pages every 8192 rows; the integers' page has 64 Ki rows.
    let len = 40_000;
    let ints: Column = (0..len).map(|i| (i % 11 != 0).then_some(Scalar::Int(i % 300))).collect();
    let pad = "x".repeat(1024);
    let texts: Column =
        (0..len).map(|i| (i % 7 != 0).then(|| Scalar::String(format!("{i} {pad}")))).collect();
    let sample = Sample::write(vec![DataType::Int32, DataType::String], vec![ints, texts], 1 << 20);
    let predicates = [
        Predicate::compare("c0", CompareOp::Eq, Scalar::Int(299)),
        Predicate::Text(TextOp::StartsWith, Expression::Column("c1".into()), "399".into()),
        Predicate::And(vec![
            Predicate::compare("c0", CompareOp::Lt, Scalar::Int(5)),
            Predicate::Text(TextOp::Contains, Expression::Column("c1".into()), "3 x".into()),
        ]),
    ];
    for predicate in predicates {
        let expected = sample.expected(&predicate);
        assert!(!expected.is_empty());
        let mut scan = sample.scan().filter(predicate).build().unwrap();
        sample.check(&mut scan, &[0, 1], &expected, "unaligned");
    }
    let all: Vec<usize> = (0..40_000).collect();
    sample.check(&mut sample.scan().build().unwrap(), &[0, 1], &all, "all");
}

#[test]
fn mistakes_are_named() {
    let sample = Sample::write(vec![DataType::Int32], vec![vec![Some(Scalar::Int(1))]], 10);
    let kind = |builder: ScanBuilder| builder.build().err().map(|error| error.kind());
    let invalid = Some(ErrorKind::InvalidArgument);
    assert_eq!(kind(sample.scan().project(vec!["zz".into()])), invalid);
    assert_eq!(
        kind(sample.scan().filter(Predicate::compare("zz", CompareOp::Eq, Scalar::Int(1)))),
        invalid
    );
    assert_eq!(kind(sample.scan().blocks(0..2)), invalid);
    assert_eq!(kind(sample.scan().rows(0..2)), invalid);
    assert_eq!(kind(sample.scan().batch_rows(0)), invalid);
    let mut columns = sample.columns();
    columns[0].field.field_type = DataType::Int16.into();
    let other_type = ScanBuilder::new(sample.reader.clone(), columns);
    assert_eq!(kind(other_type), Some(ErrorKind::Unsupported));
}

#[test]
fn metrics_have_spark_names() {
    let json = serde_json::to_value(crate::ScanMetrics::default()).unwrap();
    let mut names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    names.sort();
    let mut expected = vec![
        "blocksPlanned",
        "blocksPruned",
        "pagesRead",
        "pagesPruned",
        "bytesRead",
        "rowsScanned",
        "rowsOut",
        "decodeTime",
        "indexMisses",
        "indexBytes",
        "peakMemory",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

/// The order of two values under a sort key.
fn key_order(key: &SortKey, a: Option<&Scalar>, b: Option<&Scalar>) -> std::cmp::Ordering {
    match (a, b) {
        (Some(a), Some(b)) => {
            let order = a.compare(b).unwrap();
            if key.descending { order.reverse() } else { order }
        }
        (None, None) => std::cmp::Ordering::Equal,
        (a, _) => {
            if a.is_none() == key.nulls_first {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            }
        }
    }
}

#[test]
fn first_rows_are_those_of_a_full_sort() {
    let mut random = Random(0x7090_0001);
    let mut pruned = 0;
    for case in 0..60 {
        let mut types = types();
        let len = random.pick(&[1, 1000, 20_000]);
        let mut rows: Vec<Column> = types.iter().map(|t| column(&mut random, *t, len)).collect();
        types.push(DataType::Int64);
        rows.push((0..len).map(|row| Some(Scalar::Bigint(i64::try_from(row).unwrap()))).collect());
        let sample = Sample::write(types, rows, random.pick(&[3000, 9000, 1 << 20]));
        let id = sample.types.len() - 1;
        for _ in 0..4 {
            let key = |random: &mut Random| random.below(sample.types.len());
            let chosen: Vec<usize> = (0..1 + random.below(2)).map(|_| key(&mut random)).collect();
            let keys: Vec<SortKey> = chosen
                .iter()
                .map(|index| SortKey {
                    column: name(*index).into(),
                    descending: random.one_in(2),
                    nulls_first: random.one_in(2),
                })
                .collect();
            let limit = random.pick(&[1, 3, 10, 500]);
            let predicate = predicate(&mut random, &sample.types[..id], 2);
            let mut projection: Vec<String> = chosen.iter().map(|index| name(*index)).collect();
            projection.push(name(id));
            let top = Top { keys: keys.clone(), limit };
            let scan = sample.scan().project(projection).filter(predicate.clone()).top(top);
            let mut scan = scan.build().unwrap();
            let mut found = Vec::new();
            for batch in scan.by_ref() {
                let batch = batch.unwrap();
                let ids = to_values(batch.column(chosen.len()), DataType::Int64).unwrap();
                found.extend((0..batch.num_rows()).map(|row| {
                    let Some(Scalar::Bigint(id)) = scalar_at(&ids, row, DataType::Int64) else {
                        panic!("no id")
                    };
                    usize::try_from(id).unwrap()
                }));
            }
            pruned += scan.metrics().pages_pruned;
            let order = |a: &usize, b: &usize| {
                let value = |index: usize, row: usize| sample.rows[index][row].as_ref();
                let each = chosen.iter().zip(&keys);
                each.map(|(index, key)| key_order(key, value(*index, *a), value(*index, *b)))
                    .find(|order| order.is_ne())
                    .unwrap_or(std::cmp::Ordering::Equal)
            };
            let mut expected = sample.expected(&predicate);
            let all = expected.clone();
            expected.sort_by(order);
            expected.truncate(limit);
            let what = format!("case {case}: {keys:?} first {limit} of {predicate}");
            assert_eq!(found.len(), expected.len(), "{what}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(order(found, expected).is_eq(), "row {found}, not {expected}: {what}");
                assert!(all.contains(found), "row {found}: {what}");
            }
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.len(), expected.len(), "twice: {what}");
        }
    }
    assert!(pruned > 50, "{pruned} pages were left out");
}

#[test]
fn the_best_rows_so_far_leave_out_blocks() {
    let numbers = (0..50_000).map(|row| Some(Scalar::Int(row))).collect();
    let sample = Sample::write(vec![DataType::Int32], vec![numbers], 5000);
    let key = SortKey { column: name(0).into(), descending: true, nulls_first: false };
    let mut scan = sample.scan().top(Top { keys: vec![key], limit: 10 }).build().unwrap();
    let expected: Vec<usize> = (49_990..50_000).rev().collect();
    sample.check(&mut scan, &[0], &expected, "the greatest ten");
    assert_eq!((scan.metrics().pages_read, scan.metrics().blocks_pruned), (1, 9));
}
