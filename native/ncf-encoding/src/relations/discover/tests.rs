//! Tests of discovery: blocks made up so that it is known what follows from what.

use arrow_buffer::BooleanBuffer;
use ncf_core::Values;

use super::super::{Other, Part, Product, Relation};
use super::{Found, Sampled, discover};

/// Pseudo-random numbers, the same each time.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound.cast_unsigned()).cast_signed()
    }

    pub(super) fn many(&mut self, rows: usize, bound: i64) -> Vec<i64> {
        (0..rows).map(|_| self.below(bound)).collect()
    }
}

fn at(values: &[i64], place: i64) -> i64 {
    values[usize::try_from(place).unwrap()]
}

pub(super) fn ints(values: Vec<i64>) -> Values {
    Values::I64(values.into())
}

pub(super) fn strings(values: impl Iterator<Item = String>) -> Values {
    Values::Bytes(values.collect())
}

/// What is found for columns of so many bytes alone, numbered from 10 on.
pub(super) fn found(columns: &[(&Values, usize)]) -> Vec<Found> {
    found_with(columns, None)
}

/// The same, with nulls in the first column.
pub(super) fn found_with(
    columns: &[(&Values, usize)],
    nulls: Option<&BooleanBuffer>,
) -> Vec<Found> {
    let columns: Vec<Sampled<'_>> = columns
        .iter()
        .zip(10..)
        .map(|((values, bytes), number)| Sampled {
            number,
            values,
            validity: nulls.filter(|_| number == 10),
            bytes: *bytes,
            target: true,
            reference: true,
        })
        .collect();
    let found = discover(&columns);
    assert_eq!(found, discover(&columns));
    found
}

/// The best proposal for a column.
pub(super) fn best(found: &[Found], target: u32) -> &Found {
    let of = found.iter().filter(|found| found.target == target);
    of.min_by_key(|found| found.bytes).unwrap_or_else(|| panic!("nothing for {target}: {found:?}"))
}

fn map(keys: &[u32]) -> Relation {
    Relation::Map { keys: keys.to_vec() }
}

#[test]
fn functions_of_one_column() {
    let mut random = Random(1);
    let keys = random.many(100_000, 500);
    let of: Vec<i64> = random.many(500, 1 << 40);
    let values = ints(keys.iter().map(|key| at(&of, *key)).collect());
    let names = strings(keys.iter().map(|key| format!("name {}", key / 3)));
    let keys = ints(keys);
    let found = found(&[(&values, 110_000), (&keys, 112_000), (&names, 95_000)]);
    let value = best(&found, 10);
    assert!(value.bytes < 6_000, "{found:?}");
    assert_eq!(best(&found, 12).relation, map(&[11]));
    assert!(best(&found, 12).bytes < 10_000);
}

#[test]
fn few_values_of_many_keys() {
    let mut random = Random(2);
    let rows = 1 << 20;
    let keys = random.many(rows, 200_000);
    let values = keys.iter().map(|key| (key * 7_919 + random.below(4) * 2_503) % 10_007).collect();
    let found = found(&[(&ints(values), 1_745_000), (&ints(keys), 2_300_000)]);
    let value = best(&found, 10);
    assert_eq!(value.relation, map(&[11]));
    // 3.1 of 4 candidates of each key come up, which take 15 bits each; ranks take 1.7 bits a row.
    assert!((1_250_000..1_550_000).contains(&value.bytes), "{found:?}");
}

#[test]
fn functions_of_two_columns() {
    let mut random = Random(3);
    let rows = 400_000;
    let (from, to) = (random.many(rows, 60), random.many(rows, 60));
    let of = random.many(3600, 2500);
    let distance = from.iter().zip(&to).map(|(a, b)| at(&of, a * 60 + b)).collect();
    let codes = |of: &[i64]| strings(of.iter().map(|code| format!("A{code:02}")));
    let columns = [(&ints(distance), 560_000), (&codes(&from), 295_000), (&codes(&to), 295_000)];
    let value = found(&columns);
    let value = best(&value, 10);
    assert!([map(&[11, 12]), map(&[12, 11])].contains(&value.relation), "{value:?}");
    assert!(value.bytes < 20_000);
}

#[test]
fn equal_strings_with_exceptions() {
    let mut random = Random(4);
    let names: Vec<String> =
        (0..50_000).map(|_| format!("customer {}", random.below(1 << 30))).collect();
    let others = strings(names.iter().enumerate().map(|(row, name)| match row % 50 {
        0 => format!("other {row}"),
        _ => name.clone(),
    }));
    let names = strings(names.into_iter());
    let found = found(&[(&names, 300_000), (&others, 300_000)]);
    assert_eq!(best(&found, 10).relation, Relation::Equality { column: 11 });
    assert_eq!(best(&found, 11).relation, Relation::Equality { column: 10 });
}

#[test]
fn products_with_a_map() {
    let mut random = Random(5);
    let rows = 500_000;
    let items = random.many(rows, 50_000);
    let quantities: Vec<i64> = (0..rows).map(|_| 100 * (1 + random.below(50))).collect();
    let prices = random.many(50_000, 100_000);
    let totals: Vec<i64> = items
        .iter()
        .zip(&quantities)
        .map(|(item, times)| times * at(&prices, *item) / 100)
        .collect();
    let sums: Vec<i64> = quantities.iter().zip(&items).map(|(a, b)| a * b / 1000).collect();
    let (totals, sums) = (ints(totals), ints(sums));
    let (quantities, items) = (ints(quantities), ints(items));
    let columns =
        [(&totals, 1_300_000), (&quantities, 350_000), (&items, 980_000), (&sums, 1_200_000)];
    let found = found(&columns);
    let product = |other, divisor| Relation::Product(Product { factor: 11, other, divisor });
    let total = best(&found, 10);
    assert_eq!(total.relation, product(Other::Map(vec![12]), 100));
    assert!(total.bytes < 180_000, "{found:?}");
    assert_eq!(best(&found, 13).relation, product(Other::Column(12), 1000));
}

#[test]
fn strings_with_other_columns_in_them() {
    let mut random = Random(9);
    let rows = 60_000;
    let (codes, numbers) = (random.many(rows, 2000), random.many(rows, 5000));
    let host =
        |row: usize| format!("10.{}.{}", at(&codes, row as i64) / 50, at(&codes, row as i64) % 50);
    let line = |row: usize| {
        let number = at(&numbers, row as i64);
        format!("host {} at {} gave {number:06} of {}", host(row), row % 7, number % 9)
    };
    let lines = strings((0..rows).map(line));
    let (hosts, numbers) = (strings((0..rows).map(host)), ints(numbers));
    let noise = ints(random.many(rows, 100_000));
    let columns = [(&lines, 400_000), (&noise, 125_000), (&numbers, 98_000), (&hosts, 85_000)];
    let found = found(&columns);
    let parts = [(13, 0), (12, 6)].map(|(column, digits)| Part { column, digits });
    assert_eq!(best(&found, 10).relation, Relation::Concatenation(parts.to_vec()));
    assert!(best(&found, 10).bytes < 270_000, "{found:?}");
}

#[test]
fn nothing_in_noise() {
    let mut random = Random(6);
    for rows in [3_000usize, 50_000, 1 << 20] {
        let bounds = [2i64, 7, 50, 1000, 20_000, 1 << 20, 1 << 40];
        let columns: Vec<Values> =
            bounds.iter().map(|bound| ints(random.many(rows, *bound))).collect();
        let names = strings((0..rows).map(|_| format!("n{}", random.below(5000))));
        let floats = Values::F64(
            (0..rows).map(|_| random.below(1 << 50) as f64 / 3.0).collect::<Vec<_>>().into(),
        );
        let cost = |bound: f64| super::cost::whole(bound.log2() * rows as f64 / 8.0);
        let mut all: Vec<(&Values, usize)> = columns
            .iter()
            .zip(bounds)
            .map(|(column, bound)| (column, cost(bound as f64)))
            .collect();
        all.extend([(&names, cost(5000.0)), (&floats, cost(1e15))]);
        assert_eq!(found(&all), [], "of {rows} rows");
    }
}

#[test]
fn nothing_in_shuffled_columns() {
    let mut random = Random(7);
    let rows = 200_000;
    let keys = random.many(rows, 40_000);
    let mut of: Vec<i64> = keys.iter().map(|key| key * 31 % 1009).collect();
    for row in (1..rows).rev() {
        of.swap(row, usize::try_from(random.below(row as i64 + 1)).unwrap());
    }
    assert_eq!(found(&[(&ints(of), 249_000), (&ints(keys), 382_000)]), []);
}

#[test]
fn nulls_do_not_count() {
    let mut random = Random(8);
    let rows = 60_000;
    let keys = random.many(rows, 300);
    let valid: Vec<bool> = (0..rows).map(|_| random.below(3) > 0).collect();
    let values =
        keys.iter().zip(&valid).map(|(key, valid)| if *valid { key * key % 691 } else { 0 });
    let values = ints(values.collect());
    let nulls = BooleanBuffer::from(valid);
    let found = found_with(&[(&values, 45_000), (&ints(keys), 62_000)], Some(&nulls));
    assert_eq!(best(&found, 10).relation, map(&[11]));
    assert!(best(&found, 10).bytes < 1_000, "{found:?}");
}

#[test]
fn small_columns_are_left_alone() {
    let values = ints((0..1000).map(|row| row % 10).collect());
    assert_eq!(found(&[(&values, 500), (&values, 500)]), []);
    assert_eq!(discover(&[]), []);
    assert_eq!(found(&[(&ints((0..63).collect()), 9000), (&ints((0..63).collect()), 9000)]), []);
}
