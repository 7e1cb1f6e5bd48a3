//! Soundness against a naive evaluator on random rows, and that the obvious cases do prune.

use std::cmp::Ordering;

use ncf_core::{ColumnBounds, CompareOp, Expression, FieldPath, Predicate, Scalar, TextOp};

use super::{Outcomes, certainly_all_match, certainly_no_match, outcomes};

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Double,
    Text,
}

const COLUMNS: [(&str, Kind); 5] = [
    ("i", Kind::Int),
    ("j", Kind::Int),
    ("d", Kind::Double),
    ("e", Kind::Double),
    ("s", Kind::Text),
];

type Row = Vec<Option<Scalar>>;

fn scalar(random: &mut Random, kind: Kind) -> Scalar {
    match kind {
        Kind::Int => Scalar::Int(i32::try_from(random.below(6)).unwrap()),
        Kind::Double => {
            Scalar::Double(random.pick(&[-0.0, 0.0, 1.5, -2.0, f64::NAN, f64::INFINITY, -f64::NAN]))
        }
        Kind::Text => Scalar::String(random.pick(&["", "a", "ab", "abc", "b", "é", "ba"]).into()),
    }
}

/// Rows over few distinct values, sometimes all null or all NaN, so that every rule is reached.
fn rows(random: &mut Random) -> Vec<Row> {
    let count = 1 + random.below(4);
    let null_of_8: Vec<_> = COLUMNS.iter().map(|_| random.pick(&[0, 0, 2, 8])).collect();
    let nan_only = random.below(6) == 0;
    (0..count)
        .map(|_| {
            let values = COLUMNS.iter().zip(&null_of_8).map(|((_, kind), nulls)| {
                let value = match kind {
                    Kind::Double if nan_only => Scalar::Double(f64::NAN),
                    kind => scalar(random, *kind),
                };
                (random.below(8) >= *nulls).then_some(value)
            });
            values.collect()
        })
        .collect()
}

/// Bounds as a writer makes them, then weakened at random as truncation and old writers do.
fn bounds_of(rows: &[Row], column: usize, random: &mut Random) -> Option<ColumnBounds> {
    let values: Vec<_> = rows.iter().filter_map(|row| row[column].clone()).collect();
    let ordinary: Vec<_> = values.iter().filter(|value| !value.is_nan()).cloned().collect();
    let extreme = |keep: Ordering| {
        ordinary.iter().cloned().reduce(|a, b| if a.compare(&b) == Some(keep) { a } else { b })
    };
    let mut bounds = ColumnBounds {
        min: extreme(Ordering::Less),
        max: extreme(Ordering::Greater),
        nulls: Some((rows.len() - values.len()) as u64),
        nans: Some((values.len() - ordinary.len()) as u64),
        exact: true,
    };
    match random.below(10) {
        0 => return None,
        1 => bounds.min = None,
        2 => bounds.max = None,
        3 => bounds.nulls = None,
        4 => bounds.nans = None,
        5 => {
            bounds.exact = false;
            if let (Some(Scalar::String(min)), Some(Scalar::String(max))) =
                (&mut bounds.min, &mut bounds.max)
            {
                min.pop();
                max.push('z');
            }
        }
        _ => {}
    }
    Some(bounds)
}

fn predicate(random: &mut Random, depth: usize) -> Predicate {
    let parts = |random: &mut Random| {
        (0..random.below(4)).map(|_| predicate(random, depth - 1)).collect::<Vec<_>>()
    };
    if depth > 0 {
        match random.below(6) {
            0 => return Predicate::And(parts(random)),
            1 => return Predicate::Or(parts(random)),
            2 => return Predicate::Not(Box::new(predicate(random, depth - 1))),
            _ => {}
        }
    }
    let (name, kind) = random.pick(&COLUMNS);
    let column = Expression::Column(name.into());
    match random.below(7) {
        0 => Predicate::IsNull(column),
        1 => Predicate::IsNotNull(column),
        2 => Predicate::In {
            expression: column,
            values: (0..random.below(3)).map(|_| scalar(random, kind)).collect(),
            has_null: random.below(3) == 0,
        },
        3 => Predicate::Text(
            random.pick(&[TextOp::StartsWith, TextOp::EndsWith, TextOp::Contains]),
            Expression::Column("s".into()),
            random.pick(&["", "a", "ab", "b", "é", "z"]).into(),
        ),
        4 => Predicate::Always(random.pick(&[None, Some(true), Some(false)])),
        other => {
            let op = random.pick(&CompareOp::ALL);
            let same: Vec<_> = COLUMNS.iter().filter(|(_, k)| *k == kind).collect();
            let right = if other == 5 {
                Expression::Column(random.pick(&same).0.into())
            } else {
                Expression::Literal(scalar(random, kind))
            };
            if random.below(2) == 0 {
                Predicate::Compare(op, column, right)
            } else {
                Predicate::Compare(op, right, column)
            }
        }
    }
}

fn position(path: &FieldPath) -> usize {
    COLUMNS.iter().position(|(name, _)| *name == path.column()).unwrap()
}

#[test]
fn never_rules_out_what_happens() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let (mut skipped, mut skippable, mut whole) = (0, 0, 0);
    for case in 0..60_000 {
        let rows = rows(&mut random);
        let bounds: Vec<_> =
            (0..COLUMNS.len()).map(|column| bounds_of(&rows, column, &mut random)).collect();
        let predicate = predicate(&mut random, 3);
        let found = outcomes(&predicate, rows.len() as u64, &|path| bounds[position(path)].clone());
        let results: Vec<_> = rows
            .iter()
            .map(|row| predicate.evaluate(&|path| row[position(path)].clone()))
            .collect();
        let allowed = results.iter().all(|result| match result {
            Some(true) => found.can_true,
            Some(false) => found.can_false,
            None => found.can_null,
        });
        assert!(allowed, "case {case}: {predicate} over {rows:?} with {bounds:?} gave {found:?}");
        skipped += usize::from(found.no_match());
        whole += usize::from(found.all_match());
        skippable += usize::from(!results.contains(&Some(true)));
    }
    assert!(skipped * 2 > skippable, "only {skipped} of {skippable} empty runs were skipped");
    assert!(whole > 2000, "only {whole} full runs were proven");
}

fn ints(min: i32, max: i32, nulls: u64) -> ColumnBounds {
    ColumnBounds {
        min: Some(Scalar::Int(min)),
        max: Some(Scalar::Int(max)),
        nulls: Some(nulls),
        nans: Some(0),
        exact: true,
    }
}

fn over(predicate: &Predicate, bounds: &ColumnBounds) -> Outcomes {
    outcomes(predicate, 100, &|_| Some(bounds.clone()))
}

#[test]
fn prunes_comparisons() {
    let bounds = ints(10, 20, 0);
    let test = |op, literal| over(&Predicate::compare("a", op, Scalar::Int(literal)), &bounds);
    assert!(test(CompareOp::Eq, 9).no_match());
    assert!(test(CompareOp::Eq, 21).no_match());
    assert!(!test(CompareOp::Eq, 10).no_match());
    assert!(test(CompareOp::Lt, 10).no_match());
    assert!(test(CompareOp::LtEq, 20).all_match());
    assert!(!test(CompareOp::Lt, 20).all_match());
    assert!(test(CompareOp::Gt, 20).no_match());
    assert!(test(CompareOp::GtEq, 10).all_match());
    assert!(test(CompareOp::NotEq, 5).all_match());
    assert!(test(CompareOp::NullSafeEq, 5).no_match());
    let not = Predicate::Not(Box::new(Predicate::compare("a", CompareOp::LtEq, Scalar::Int(20))));
    assert!(over(&not, &bounds).no_match());
    // A null is not a match, and makes `all` unprovable.
    assert!(
        !over(&Predicate::compare("a", CompareOp::LtEq, Scalar::Int(20)), &ints(10, 20, 1))
            .all_match()
    );
}

#[test]
fn prunes_nulls_nans_lists_and_prefixes() {
    let all_null = ColumnBounds { nulls: Some(100), nans: Some(0), ..ColumnBounds::default() };
    let column = || Expression::Column("a".into());
    assert!(over(&Predicate::IsNotNull(column()), &all_null).no_match());
    assert!(over(&Predicate::IsNull(column()), &all_null).all_match());
    assert!(over(&Predicate::compare("a", CompareOp::NotEq, Scalar::Int(1)), &all_null).no_match());
    assert!(over(&Predicate::IsNull(column()), &ints(1, 2, 0)).no_match());

    let doubles = |nans| ColumnBounds {
        min: Some(Scalar::Double(1.0)),
        max: Some(Scalar::Double(2.0)),
        nulls: Some(0),
        nans,
        exact: true,
    };
    let above = Predicate::compare("a", CompareOp::Gt, Scalar::Double(5.0));
    assert!(over(&above, &doubles(Some(0))).no_match());
    assert!(!over(&above, &doubles(Some(1))).no_match(), "NaN is above everything");
    assert!(!over(&above, &doubles(None)).no_match());
    assert!(
        over(&above, &ColumnBounds { nans: Some(100), nulls: Some(0), ..ColumnBounds::default() })
            .all_match()
    );

    let list = |values: &[i32], has_null| Predicate::In {
        expression: column(),
        values: values.iter().map(|v| Scalar::Int(*v)).collect(),
        has_null,
    };
    assert!(over(&list(&[1, 30], false), &ints(10, 20, 0)).no_match());
    assert!(over(&list(&[1, 7], true), &ints(7, 7, 0)).all_match());
    assert!(over(&Predicate::Not(Box::new(list(&[1], true))), &ints(10, 20, 0)).no_match());

    let strings = ColumnBounds {
        min: Some(Scalar::String("PROMO A".into())),
        max: Some(Scalar::String("PROMO Z".into())),
        nulls: Some(0),
        nans: None,
        exact: false,
    };
    let prefix = |p: &str| Predicate::Text(TextOp::StartsWith, column(), p.into());
    assert!(over(&prefix("PROMO"), &strings).all_match());
    assert!(over(&prefix("Q"), &strings).no_match());
    assert!(over(&prefix("ECONOMY"), &strings).no_match());
    assert!(!over(&prefix("PROMO B"), &strings).no_match());
}

#[test]
fn damaged_or_missing_bounds_prove_nothing() {
    let equal = Predicate::compare("a", CompareOp::Eq, Scalar::Int(5));
    assert!(!over(&equal, &ints(20, 10, 0)).no_match());
    assert!(!over(&equal, &ints(10, 20, 101)).no_match());
    assert!(
        !over(&Predicate::compare("a", CompareOp::Eq, Scalar::Bigint(5)), &ints(10, 20, 0))
            .no_match()
    );
    assert!(!certainly_no_match(&equal, 100, &|_| None));
    assert!(!certainly_all_match(&equal, 100, &|_| None));
    assert!(certainly_no_match(&equal, 0, &|_| None));
}

#[test]
fn columns_against_columns() {
    let less = Predicate::Compare(
        CompareOp::Lt,
        Expression::Column("a".into()),
        Expression::Column("b".into()),
    );
    let bounds =
        |path: &FieldPath| Some(if path.column() == "a" { ints(1, 5, 0) } else { ints(6, 9, 0) });
    assert!(certainly_all_match(&less, 100, &bounds));
    let swapped =
        |path: &FieldPath| Some(if path.column() == "b" { ints(1, 5, 0) } else { ints(5, 9, 3) });
    assert!(certainly_no_match(&less, 100, &swapped));
    let same = Predicate::Compare(
        CompareOp::NotEq,
        Expression::Column("a".into()),
        Expression::Column("a".into()),
    );
    assert!(certainly_no_match(&same, 100, &|_| None));
}
