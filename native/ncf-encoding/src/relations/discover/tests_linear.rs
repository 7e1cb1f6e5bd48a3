//! Tests of discovery: sums, differences, parts and slopes.

use arrow_buffer::BooleanBuffer;
use ncf_core::Values;

use super::super::{Linear, Relation, Term, Transform};
use super::tests::{Random, best, found, found_with, ints, strings};

fn term(column: u32, transform: Transform, coefficient: i64) -> Term {
    Term { column, transform, coefficient }
}

/// The terms of a relation, in the order of their columns, and the rest of it.
fn terms(relation: &Relation) -> (Vec<Term>, i64, u8, u8) {
    let Relation::Linear(Linear { terms, constant, shift, scale }) = relation else {
        panic!("not linear: {relation:?}");
    };
    let mut terms = terms.clone();
    terms.sort_by_key(|term| term.column);
    (terms, *constant, *shift, *scale)
}

#[test]
fn differences_of_clock_times() {
    let mut random = Random(11);
    let rows = 100_000;
    let minutes = random.many(rows, 1440);
    let delays: Vec<i64> = (0..rows).map(|_| random.below(90) * random.below(3) - 20).collect();
    let clock = |minutes: i64| minutes / 60 % 24 * 100 + minutes % 60;
    let planned: Vec<i64> = minutes.iter().map(|minutes| clock(*minutes)).collect();
    let actual: Vec<i64> =
        minutes.iter().zip(&delays).map(|(a, b)| clock((a + b).rem_euclid(1440))).collect();
    // Times that are not known.
    let valid: Vec<bool> = (0..rows).map(|_| random.below(40) > 0).collect();
    let delays = delays.iter().zip(&valid).map(|(delay, valid)| if *valid { *delay } else { 7777 });
    let columns = [ints(delays.collect()), ints(actual), ints(planned)];
    let columns = [(&columns[0], 80_000), (&columns[1], 130_000), (&columns[2], 130_000)];
    let found = found_with(&columns, Some(&BooleanBuffer::from(valid)));
    let (sum, constant, shift, _) = terms(&best(&found, 10).relation);
    let clock = Transform::ClockMinutes;
    assert_eq!(sum, [term(11, clock, 1), term(12, clock, -1)], "{found:?}");
    assert_eq!((constant, shift), (0, 0));
}

#[test]
fn sums_of_three() {
    let mut random = Random(12);
    let rows = 50_000;
    let parts: Vec<Vec<i64>> =
        vec![random.many(rows, 90_000), random.many(rows, 4_000), random.many(rows, 700)];
    let sum: Vec<i64> = (0..rows).map(|row| parts.iter().map(|part| part[row]).sum()).collect();
    let other = ints(random.many(rows, 30_000));
    let all: Vec<Values> = [sum.clone()].into_iter().chain(parts.clone()).map(ints).collect();
    let bytes = [105_000, 103_000, 75_000, 60_000];
    let mut columns: Vec<(&Values, usize)> = all.iter().zip(bytes).collect();
    columns.push((&other, 93_000));
    let integers = found(&columns);
    let value = best(&integers, 10);
    let expected = |transform| [11, 12, 13].map(|column| term(column, transform, 1));
    assert_eq!(terms(&value.relation), (expected(Transform::Identity).to_vec(), 0, 0, 0));
    assert!(value.bytes < 200);

    // The same in cents.
    let cents =
        |of: &[i64]| Values::F64(of.iter().map(|of| *of as f64 / 100.0).collect::<Vec<_>>().into());
    let all: Vec<Values> =
        [cents(&sum)].into_iter().chain(parts.iter().map(|part| cents(part))).collect();
    let floats = found(&all.iter().zip(bytes).collect::<Vec<_>>());
    let value = best(&floats, 10);
    let transform = Transform::Scaled { digits: 2 };
    assert_eq!(terms(&value.relation), (expected(transform).to_vec(), 0, 0, 2), "{floats:?}");
    assert!(value.bytes < 200);
}

#[test]
fn sums_with_rare_parts() {
    let mut random = Random(13);
    let rows = 80_000;
    let fare = random.many(rows, 8_000);
    let toll: Vec<i64> = (0..rows)
        .map(|_| if random.below(40) == 0 { 300 + random.below(900) } else { 0 })
        .collect();
    let tip: Vec<i64> =
        (0..rows).map(|_| if random.below(3) == 0 { random.below(500) } else { 0 }).collect();
    let sum = (0..rows).map(|row| fare[row] + toll[row] + tip[row]).collect();
    let columns = [ints(sum), ints(fare), ints(toll), ints(tip)];
    let bytes = [135_000, 130_000, 6_000, 40_000];
    let found = found(&columns.iter().zip(bytes).collect::<Vec<_>>());
    let (sum, ..) = terms(&best(&found, 10).relation);
    assert_eq!(sum, [11, 12, 13].map(|column| term(column, Transform::Identity, 1)), "{found:?}");
}

#[test]
fn parts_of_dates() {
    let mut random = Random(14);
    let rows = 70_000;
    let day = 86_400_000_000;
    let times: Vec<i64> = (0..rows)
        .map(|_| (10_000 + random.below(9_000)) * day + random.below(86_400) * 1_000_000)
        .collect();
    let dates: Vec<i32> = times.iter().map(|time| i32::try_from(time / day).unwrap()).collect();
    let hours = times.iter().map(|time| time % day / 3_600_000_000).collect();
    let mut years = Vec::new();
    let year = Transform::Year { divisor: day.cast_unsigned() };
    year.apply(&ints(times.clone()), &mut years).unwrap();
    let columns = [ints(times), Values::I32(dates.into()), ints(hours), ints(years)];
    let found = found(&columns.iter().zip([420_000, 115_000, 40_000, 40_000]).collect::<Vec<_>>());
    let exact = |target: u32, transform| {
        let of = found.iter().find(|found| {
            found.target == target
                && matches!(&found.relation, Relation::Linear(linear)
                    if linear.terms == [term(10, transform, 1)] && linear.constant == 0)
        });
        assert!(of.is_some_and(|of| of.bytes < 100), "{found:?}");
    };
    exact(11, Transform::Part { divisor: day.cast_unsigned(), modulus: 0 });
    exact(12, Transform::Part { divisor: 3_600_000_000, modulus: 24 });
    exact(13, year);
}

#[test]
fn slopes_with_noise() {
    let mut random = Random(15);
    let rows = 120_000;
    let distance = random.many(rows, 5_000);
    let time = |distance: &i64| 20 + distance * 123 / 1000;
    let times = distance.iter().map(|distance| time(distance) + random.below(9)).collect();
    let names = strings((0..rows).map(|row| format!("{}", row % 17)));
    let columns = [ints(times), ints(distance), names];
    let found = found(&columns.iter().zip([140_000, 185_000, 2_000]).collect::<Vec<_>>());
    let value = best(&found, 10);
    let (terms, _, shift, _) = terms(&value.relation);
    let slope = terms[0].coefficient as f64 / (1u64 << shift) as f64;
    assert!(terms.len() == 1 && (slope - 0.123).abs() < 0.001, "{found:?}");
    // About 3.2 bits a row.
    assert!((44_000..60_000).contains(&value.bytes), "{found:?}");
}
