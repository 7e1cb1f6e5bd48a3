//! Aggregates of every form of page against row-at-a-time sums.

use std::collections::BTreeMap;

use arrow_array::Array;
use ncf_core::{ArithmeticOp, Computation, NumberRange, Scalar};
use ncf_file::{scalar_at, to_values};

use super::*;
use crate::compute::random::{RESULTS, proven};
use crate::filter::random::{Random, name, types};
use crate::filter::tests::{Column, by_position, column, scan_columns};
use crate::resolve::ColumnSource;

/// A random value to aggregate, of any type or of numbers only.
fn computation(random: &mut Random, all: &[DataType], numbers: bool) -> Computation {
    let summed = |t: &DataType| {
        matches!(t, DataType::Float32 | DataType::Float64) || NumberRange::of(*t).is_some()
    };
    let results: Vec<_> = RESULTS.into_iter().filter(|t| !numbers || summed(t)).collect();
    if !numbers && !random.one_in(3) {
        return Computation::column(name(random.below(all.len())));
    }
    let wanted = random.pick(&results);
    let depth = random.below(3);
    proven(random, all, wanted, depth)
}

fn aggregation(random: &mut Random, all: &[DataType]) -> Aggregation {
    let group_by = (0..random.below(4)).map(|_| computation(random, all, false)).collect();
    let aggregate = |random: &mut Random| match random.below(5) {
        0 => Aggregate::CountRows,
        1 => Aggregate::Count(computation(random, all, false)),
        2 => Aggregate::Min(computation(random, all, false)),
        3 => Aggregate::Max(computation(random, all, false)),
        _ => Aggregate::Sum(computation(random, all, true)),
    };
    Aggregation {
        group_by,
        aggregates: (0..1 + random.below(4)).map(|_| aggregate(random)).collect(),
    }
}

/// A value as exact number or float.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Number(i128),
    Float(f64),
    Other(Scalar),
}

fn value(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Tinyint(v) => Value::Number(v.into()),
        Scalar::Smallint(v) => Value::Number(v.into()),
        Scalar::Int(v) => Value::Number(v.into()),
        Scalar::Bigint(v) => Value::Number(v.into()),
        Scalar::Decimal { unscaled, .. } => Value::Number(unscaled),
        Scalar::Float(v) => Value::Float(v.into()),
        Scalar::Double(v) => Value::Float(v),
        other => Value::Other(other),
    }
}

/// Puts two partial results together, as Spark does.
fn merge(aggregate: &Aggregate, a: Option<Value>, b: Option<Value>) -> Option<Value> {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (one, other) => return one.or(other),
    };
    let order = match (&a, &b) {
        (Value::Number(a), Value::Number(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => ncf_core::ordering::compare_f64(*a, *b),
        (Value::Other(a), Value::Other(b)) => a.compare(b).unwrap(),
        _ => panic!("{a:?} and {b:?}"),
    };
    Some(match aggregate {
        Aggregate::Min(_) => {
            if order.is_le() {
                a
            } else {
                b
            }
        }
        Aggregate::Max(_) => {
            if order.is_ge() {
                a
            } else {
                b
            }
        }
        _ => match (a, b) {
            (Value::Number(a), Value::Number(b)) => Value::Number(a + b),
            (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
            other => panic!("{other:?}"),
        },
    })
}

type Found = BTreeMap<String, Vec<Option<Value>>>;

fn add(found: &mut Found, aggregation: &Aggregation, key: String, row: Vec<Option<Value>>) {
    let have = found.entry(key).or_insert_with(|| vec![None; row.len()]);
    for ((have, new), aggregate) in have.iter_mut().zip(row).zip(&aggregation.aggregates) {
        *have = merge(aggregate, have.take(), new);
    }
}

/// Equal floats may be of different bits; sums of floats depend on the order.
fn key(values: &[Option<Value>]) -> String {
    let canonical = |value: &Option<Value>| match value {
        Some(Value::Float(v)) => format!("{:x}", ncf_core::ordering::canonical_f64(*v).to_bits()),
        other => format!("{other:?}"),
    };
    values.iter().map(canonical).collect::<Vec<_>>().join(" | ")
}

fn expected(
    aggregation: &Aggregation,
    columns: &[ScanColumn],
    data: &[(Column, ncf_encoding::DecodedPage)],
    len: usize,
    found: &mut Found,
) {
    for row in 0..len {
        let of_column = |path: &FieldPath| {
            let index = columns.iter().position(|c| c.field.name == path.column()).unwrap();
            match &columns[index].source {
                ColumnSource::Constant(value) => value.clone(),
                ColumnSource::File(_) => data[index].0[row].clone(),
            }
        };
        let of = |computation: &Computation| computation.evaluate(&of_column).map(value);
        let keys: Vec<_> = aggregation.group_by.iter().map(of).collect();
        let values = aggregation.aggregates.iter().map(|aggregate| match aggregate {
            Aggregate::CountRows => Some(Value::Number(1)),
            Aggregate::Count(input) => Some(Value::Number(of(input).is_some().into())),
            other => of(other.input().unwrap()),
        });
        let values = values.collect();
        add(found, aggregation, key(&keys), values);
    }
}

fn given(aggregation: &Aggregation, batch: &RecordBatch, types: &[DataType], found: &mut Found) {
    for row in 0..batch.num_rows() {
        let at = |index: usize| {
            let array = batch.column(index);
            let values = to_values(array, types[index]).unwrap();
            (!array.is_null(row)).then(|| value(scalar_at(&values, row, types[index]).unwrap()))
        };
        let groups = aggregation.group_by.len();
        let keys: Vec<_> = (0..groups).map(at).collect();
        let values = (groups..types.len()).map(at).collect();
        add(found, aggregation, key(&keys), values);
    }
}

fn check_same(given: &Found, expected: &Found, what: &str) {
    assert_eq!(
        given.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "groups: {what}"
    );
    for (key, row) in expected {
        for (given, expected) in given[key].iter().zip(row) {
            let same = match (given, expected) {
                (Some(Value::Float(a)), Some(Value::Float(b))) => {
                    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-12 * b.abs()
                        // Far larger numbers that cancel out leave a rest that depends on the order.
                        || (a - b).abs() <= 1e292
                }
                (a, b) => a == b,
            };
            assert!(same, "{given:?} instead of {expected:?} in group {key}: {what}");
        }
    }
}

#[test]
fn agrees_with_sums_of_single_rows() {
    let mut random = Random(0xa66a_0001_5eed);
    let types = types();
    let mut most = 0;
    for case in 0..4000 {
        let columns = scan_columns(&mut random, &types);
        let aggregation = aggregation(&mut random, &types);
        let mut aggregator =
            Aggregator::new(&aggregation, &columns, &mut Compiler::new(&mut by_position(&columns)))
                .unwrap();
        let result_types: Vec<_> = aggregator
            .schema()
            .fields()
            .iter()
            .map(|field| DataType::from_arrow(field.data_type()).unwrap())
            .collect();
        let mut cache = Cache::default();
        let (mut wanted, mut found) = (Found::new(), Found::new());
        if aggregation.group_by.is_empty() {
            // One row even for no rows.
            let nothing = |aggregate: &Aggregate| match aggregate {
                Aggregate::CountRows | Aggregate::Count(_) => Some(Value::Number(0)),
                _ => None,
            };
            wanted.insert(String::new(), aggregation.aggregates.iter().map(nothing).collect());
        }
        for _ in 0..random.below(4) {
            let len = random.pick(&[1, 7, 64, 65, 300]);
            let data: Vec<_> = types.iter().map(|t| column(&mut random, *t, len)).collect();
            let slots = aggregator.slots().to_vec();
            let pages = slots.iter().map(|slot| (*slot, data[*slot].1.clone())).collect();
            aggregator.update(&Rows { len, pages }, &mut cache).unwrap();
            expected(&aggregation, &columns, &data, len, &mut wanted);
            if random.one_in(3) {
                given(&aggregation, &aggregator.take().unwrap(), &result_types, &mut found);
            }
        }
        given(&aggregation, &aggregator.take().unwrap(), &result_types, &mut found);
        most = most.max(found.len());
        check_same(&found, &wanted, &format!("case {case}: {aggregation:?}"));
    }
    assert!(most > 80, "the cases must have many groups: {most}");
}

#[test]
fn a_sum_that_its_type_cannot_hold_comes_in_pieces() {
    let short = DataType::Decimal { precision: 2, scale: 0 };
    let columns = vec![ScanColumn {
        field: ncf_core::Field::new(1, "a", short, true),
        source: ColumnSource::Constant(Some(Scalar::Decimal {
            unscaled: -99,
            precision: 2,
            scale: 0,
        })),
    }];
    let sum = Aggregate::Sum(Computation::column("a"));
    let aggregation = Aggregation { group_by: vec![], aggregates: vec![sum, Aggregate::CountRows] };
    let mut aggregator =
        Aggregator::new(&aggregation, &columns, &mut Compiler::new(&mut by_position(&columns)))
            .unwrap();
    aggregator.update(&Rows { len: 3, pages: vec![] }, &mut Cache::default()).unwrap();
    let batch = aggregator.take().unwrap();
    let mut found = Found::new();
    given(&aggregation, &batch, &[short, DataType::Int64], &mut found);
    assert_eq!(batch.num_rows(), 3);
    assert_eq!(found[""], [Some(Value::Number(-297)), Some(Value::Number(3))]);
}

#[test]
fn numbers_that_leave_their_type_are_reported() {
    let columns = vec![ScanColumn {
        field: ncf_core::Field::new(1, "a", DataType::Int64, true),
        source: ColumnSource::Constant(Some(Scalar::Bigint(i64::MAX))),
    }];
    let column = || Box::new(Computation::column("a"));
    let twice = Computation::Arithmetic {
        op: ArithmeticOp::Add,
        left: column(),
        right: column(),
        data_type: DataType::Int64,
    };
    let aggregation = Aggregation { group_by: vec![], aggregates: vec![Aggregate::Max(twice)] };
    let mut aggregator =
        Aggregator::new(&aggregation, &columns, &mut Compiler::new(&mut by_position(&columns)))
            .unwrap();
    let rows = Rows { len: 2, pages: vec![] };
    let error = aggregator.update(&rows, &mut Cache::default()).unwrap_err();
    assert_eq!(error.kind(), ncf_core::ErrorKind::Corrupt);
}
