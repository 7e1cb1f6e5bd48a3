//! What planning leaves of files, and scans of just these rows.

use std::ops::Range;

use super::*;
use crate::plan_rows;

/// A column in one of the orders that indexes are made for, or nearly, with nulls before or behind all values.
fn ordered(random: &mut Random, len: usize) -> Column {
    let step = 1 + random.below(40);
    let mut value = 0;
    let mut rows: Vec<Option<Scalar>> = (0..len)
        .map(|_| {
            value += random.below(step);
            Some(Scalar::Int(i32::try_from(value).unwrap()))
        })
        .collect();
    let nulls = random.pick(&[0, 0, 1, 9000]).min(len);
    let nulls_first = random.below(2) == 0;
    let of_nulls = if nulls_first { 0..nulls } else { len - nulls..len };
    rows[of_nulls].fill(None);
    if random.below(2) == 0 {
        rows.reverse();
    }
    // Late rows.
    for _ in 0..random.pick(&[0, 0, 1, 3]) {
        let (a, b) = (random.below(len), random.below(len));
        rows.swap(a, b);
    }
    rows
}

fn ordered_sample(random: &mut Random) -> Sample {
    let len = 20_000 + random.below(60_000);
    let rows =
        vec![ordered(random, len), column(random, DataType::Int32, len), ordered(random, len)];
    let block_rows = random.pick(&[9000, 16_384, 30_000, 1 << 20]);
    Sample::write(vec![DataType::Int32; 3], rows, block_rows)
}

/// A comparison with a value of the column or one beside it.
fn near(random: &mut Random, sample: &Sample) -> Predicate {
    let column = random.pick(&[0, 0, 1, 2]);
    let row = random.below(sample.len());
    let value = match &sample.rows[column][row] {
        Some(Scalar::Int(value)) => value.saturating_add(random.pick(&[0, 0, 1, -1])),
        _ => random.pick(&[0, -1, i32::MAX]),
    };
    let ops = [CompareOp::Eq, CompareOp::Lt, CompareOp::GtEq, CompareOp::Gt, CompareOp::NotEq];
    Predicate::compare(name(column).as_str(), random.pick(&ops), Scalar::Int(value))
}

fn near_tree(random: &mut Random, sample: &Sample, depth: usize) -> Predicate {
    let parts = |random: &mut Random| {
        (0..2 + random.below(2)).map(|_| near_tree(random, sample, depth - 1)).collect()
    };
    match random.below(if depth == 0 { 2 } else { 5 }) {
        0 | 1 => near(random, sample),
        2 => Predicate::And(parts(random)),
        3 => Predicate::Or(parts(random)),
        _ => Predicate::Not(Box::new(near_tree(random, sample, depth - 1))),
    }
}

/// The planned rows as runs of the file's, with the plan's bytes.
fn planned(sample: &Sample, predicate: &Predicate) -> Vec<Range<u64>> {
    let planned = plan_rows(&sample.reader, &sample.columns(), predicate).unwrap();
    let keep = prune_blocks(&sample.reader, &sample.columns(), predicate).unwrap();
    let mut runs = Vec::new();
    for ((info, rows), keep) in sample.reader.blocks().iter().zip(&planned.blocks).zip(keep) {
        assert!(keep || rows.is_empty(), "a block that bounds leave out");
        assert!(rows.len() <= 16);
        runs.extend(rows.iter().map(|run| {
            assert!(!run.is_empty() && run.end <= info.rows as usize);
            info.first_row + run.start as u64..info.first_row + run.end as u64
        }));
    }
    assert!(runs.is_sorted_by(|a, b| a.end <= b.start));
    runs
}

fn inside(runs: &[Range<u64>], row: usize) -> bool {
    runs.iter().any(|run| run.contains(&(row as u64)))
}

#[test]
fn no_row_that_matches_is_left_out_and_none_outside_is_read() {
    let mut random = Random(0x05ee_d0f9_1a11);
    let (mut all, mut left) = (0, 0);
    for round in 0..24 {
        let is_ordered = round % 3 > 0;
        let sample =
            if is_ordered { ordered_sample(&mut random) } else { random_sample(&mut random) };
        let projected: Vec<usize> = (0..sample.types.len()).collect();
        for _ in 0..20 {
            let predicate = if is_ordered {
                near_tree(&mut random, &sample, 2)
            } else {
                predicate(&mut random, &sample.types, 3)
            };
            let what = predicate.to_string();
            let expected = sample.expected(&predicate);
            let runs = planned(&sample, &predicate);
            let missed = expected.iter().find(|row| !inside(&runs, **row));
            assert!(missed.is_none(), "row {missed:?} of {what}");
            let scan = sample.scan().filter(predicate).row_runs(runs.clone());
            sample.check(&mut scan.build().unwrap(), &projected, &expected, &what);
            if is_ordered {
                all += sample.len() as u64;
                left += runs.iter().map(|run| run.end - run.start).sum::<u64>();
            }
        }
    }
    println!("{left} of {all} rows planned");
    assert!(left * 10 < all * 7, "{left} of {all}");
}

#[test]
fn only_rows_of_the_runs_are_read_whatever_else_is_asked() {
    let mut random = Random(99);
    for _ in 0..6 {
        let sample = random_sample(&mut random);
        let projected: Vec<usize> = (0..sample.types.len()).collect();
        for _ in 0..8 {
            let mut bounds: Vec<u64> =
                (0..2 * random.below(12)).map(|_| random.below(sample.len() + 1) as u64).collect();
            bounds.sort_unstable();
            let runs: Vec<Range<u64>> = bounds.chunks(2).map(|pair| pair[0]..pair[1]).collect();
            let all: Vec<usize> = (0..sample.len()).filter(|row| inside(&runs, *row)).collect();
            let scan = || sample.scan().row_runs(runs.clone());
            sample.check(&mut scan().build().unwrap(), &projected, &all, "all");
            let some = random.below(all.len() + 2);
            let first = &all[..some.min(all.len())];
            let limited = scan().limit(some as u64).build();
            sample.check(&mut limited.unwrap(), &projected, first, "limit");
            let filter = predicate(&mut random, &sample.types, 2);
            let passing = sample.expected(&filter);
            let passing: Vec<usize> =
                passing.into_iter().filter(|row| inside(&runs, *row)).collect();
            let filtered = scan().filter(filter.clone()).build();
            sample.check(&mut filtered.unwrap(), &projected, &passing, &filter.to_string());
            let half = ncf_core::Sample { lower: 0, upper: 1 << 52, seed: 3 }.of_file("any");
            let taken: Vec<usize> =
                passing.iter().copied().filter(|row| half.takes(*row as u64)).collect();
            let sampled = scan().filter(filter.clone()).sample(half).build();
            sample.check(&mut sampled.unwrap(), &projected, &taken, "sample");
            // Groups and first rows see no others either.
            let count = ncf_core::Aggregation {
                group_by: Vec::new(),
                aggregates: vec![ncf_core::Aggregate::CountRows],
            };
            let batches = scan().filter(filter).aggregate(count).build().unwrap();
            let counted: i64 = batches
                .map(|batch| {
                    let column = batch.unwrap().column(0).clone();
                    let values = to_values(&column, DataType::Int64).unwrap();
                    let row = |row| match scalar_at(&values, row, DataType::Int64) {
                        Some(Scalar::Bigint(count)) => count,
                        other => panic!("{other:?}"),
                    };
                    (0..values.len()).map(row).sum::<i64>()
                })
                .sum();
            assert_eq!(counted, i64::try_from(passing.len()).unwrap());
        }
    }
}

#[test]
fn first_rows_are_of_the_runs() {
    let mut random = Random(5);
    let sample = ordered_sample(&mut random);
    let runs = vec![5000..5001, 9000..14_000, 19_000..20_000];
    let key = SortKey { column: "c1".into(), descending: true, nulls_first: false };
    let top = Top { keys: vec![key], limit: 20 };
    let scan = sample.scan().row_runs(runs.clone()).top(top).project(vec!["c1".into()]);
    let mut found = Vec::new();
    for batch in scan.build().unwrap() {
        let batch = batch.unwrap();
        let values = to_values(&plain(batch.column(0)).unwrap(), DataType::Int32).unwrap();
        let valid = |row: &usize| !batch.column(0).is_null(*row);
        found.extend(
            (0..values.len())
                .filter(valid)
                .map(|row| scalar_at(&values, row, DataType::Int32).unwrap()),
        );
    }
    let mut best: Vec<Scalar> = (0..sample.len())
        .filter(|row| inside(&runs, *row))
        .filter_map(|row| sample.rows[1][row].clone())
        .collect();
    let descending = |a: &Scalar, b: &Scalar| b.compare(a).unwrap();
    best.sort_by(descending);
    best.truncate(20);
    found.sort_by(descending);
    found.truncate(20);
    assert_eq!(found, best);
}

#[test]
fn runs_that_overlap_or_lie_outside_are_refused() {
    let sample = Sample::write(vec![DataType::Int32], vec![vec![None; 100]], 60);
    let refused = |runs: Vec<Range<u64>>| {
        sample.scan().row_runs(runs).build().err().map(|error| error.kind())
            == Some(ErrorKind::InvalidArgument)
    };
    assert!(
        refused(vec![5..9, 8..10]) && refused(vec![8..10, 5..6]) && refused(vec![9..10, 90..101])
    );
    assert!(!refused(Vec::new()) && !refused(vec![5..5, 5..9, 9..100]));
}
