//! Columns that follow from others: every relation gives back every bit, over data that fits it and data that does not.

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, ErrorKind, Interruption, PhysicalType, Values};

use super::*;
use crate::tests::data::{Random, column, definite};
use crate::tests::pages;
use crate::*;

const INTEGERS: [PhysicalType; 4] =
    [PhysicalType::I8, PhysicalType::I16, PhysicalType::I32, PhysicalType::I64];
const KEYS: [PhysicalType; 8] = [
    PhysicalType::I8,
    PhysicalType::I16,
    PhysicalType::I32,
    PhysicalType::I64,
    PhysicalType::I128,
    PhysicalType::F32,
    PhysicalType::F64,
    PhysicalType::Bytes,
];

fn encode(
    values: &Values,
    validity: Option<&BooleanBuffer>,
    relation: &Relation,
    references: &[&Values],
    profile: Profile,
) -> Option<EncodedChunk> {
    encode_with(values, validity, relation, references, (profile, None))
}

fn encode_with(
    values: &Values,
    validity: Option<&BooleanBuffer>,
    relation: &Relation,
    references: &[&Values],
    (profile, known): (Profile, Option<&GrownMap>),
) -> Option<EncodedChunk> {
    let pages = pages(values.len(), 3000);
    let interruption = &Interruption::default();
    let numbering = &Numbering::default();
    let input = ChunkInput { values, validity, pages: &pages, numbering, interruption };
    let numberings: Vec<Numbering> = references.iter().map(|_| Numbering::default()).collect();
    let references = crate::tests::referenced(references, &numberings);
    let options = EncodeOptions { profile, force: None };
    let name = |number: u32| format!("c{number}");
    let state = &mut ChooserState::default();
    encode_related(&input, relation, &references, &name, &options, (known, state)).unwrap()
}

fn shared_of(chunk: &EncodedChunk, physical: PhysicalType) -> ncf_core::Result<SharedPages> {
    chunk.shared_pages(physical, &Budget::new(1 << 28))
}

/// Several forms of a column's rows, as pages that are referred to may come.
fn forms(values: &Values) -> Vec<DecodedValues> {
    let mut forms = vec![DecodedValues::Flat(values.clone())];
    if let Some(built) = crate::encodings::dictionary::build(values, 1 << 16, 1 << 20) {
        let codes = built.codes;
        forms.push(DecodedValues::Dictionary { codes, values: built.values.into() });
    }
    let ends: Vec<u32> = (1..=u32::try_from(values.len()).unwrap()).collect();
    forms.push(DecodedValues::Runs { ends: ends.into(), values: values.clone() });
    forms
}

fn check(
    values: &Values,
    validity: Option<&BooleanBuffer>,
    relation: &Relation,
    references: &[&Values],
) {
    // The long columns in one profile only: choosing takes most of the time.
    let profiles = [Profile::Balanced, Profile::Compact];
    for profile in profiles.into_iter().take(if values.len() > 2000 { 1 } else { 2 }) {
        let types: Vec<PhysicalType> = references.iter().map(|values| values.physical()).collect();
        let fits = relation.fits(values.physical(), &types);
        let chunk = encode(values, validity, relation, references, profile);
        assert_eq!(chunk.is_some(), fits, "{relation:?} of {types:?}");
        let Some(chunk) = chunk else { return };
        comes_back(&chunk, values, validity, relation, references);
        // Again with a map that the first three quarters of the rows began.
        let begun = values.len() / 4 * 3;
        let part = |values: &Values| values.slice(0, begun);
        let of_part: Vec<Values> = references.iter().map(|values| part(values)).collect();
        let of_part: Vec<&Values> = of_part.iter().collect();
        let valid = validity.map(|validity| validity.slice(0, begun));
        let first = encode(&part(values), valid.as_ref(), relation, &of_part, profile);
        if let Some(map) = first.and_then(|chunk| chunk.map) {
            let known = Some(&map.grown);
            let chunk = encode_with(values, validity, relation, references, (profile, known));
            comes_back(&chunk.unwrap(), values, validity, relation, references);
        }
    }
}

/// Checks what a chunk decodes to.
fn comes_back(
    chunk: &EncodedChunk,
    values: &Values,
    validity: Option<&BooleanBuffer>,
    relation: &Relation,
    references: &[&Values],
) {
    let physical = values.physical();
    let shared = shared_of(chunk, physical).unwrap();
    assert_eq!(shared.references(), relation.columns());
    let budget = Budget::new(1 << 28);
    for (range, page) in pages(values.len(), 3000).iter().zip(&chunk.pages) {
        let slice = |values: &&Values| forms(&values.slice(range.start, range.len()));
        let of_references: Vec<Vec<DecodedValues>> = references.iter().map(slice).collect();
        for form in 0..3 {
            let pick = |forms: &Vec<DecodedValues>| forms[form % forms.len()].clone();
            let given: Vec<DecodedValues> = of_references.iter().map(pick).collect();
            let rows = range.len();
            let decoded =
                decode_related(&page.bytes, physical, rows, false, &shared, &given, &budget)
                    .unwrap_or_else(|error| panic!("{}: {error}", page.tree));
            let valid = validity.map(|validity| validity.slice(range.start, rows));
            let none = valid.is_some_and(|valid| valid.count_set_bits() == 0);
            let flat = decoded.values.into_flat(&budget).unwrap();
            let want = values.slice(range.start, rows);
            assert!(none || flat.bits_equal(&want), "{} of {physical:?}", page.tree);
        }
    }
}

/// Validity of no, some and many null rows, whole pages among them.
fn validities(len: usize) -> Vec<Option<BooleanBuffer>> {
    let some = |row: usize| !row.is_multiple_of(7) && row % 5000 > 20;
    let few = |row: usize| row.is_multiple_of(11) && !(3000..6000).contains(&row);
    let none = |row: usize| row > 2;
    vec![
        None,
        Some(BooleanBuffer::collect_bool(len, some)),
        Some(BooleanBuffer::collect_bool(len, few)),
        Some(BooleanBuffer::collect_bool(len, none)),
    ]
}

const LENGTHS: [usize; 5] = [0, 1, 2, 1025, 6100];

#[test]
fn maps_of_every_type() {
    for (at, key) in KEYS.into_iter().enumerate() {
        for target in KEYS {
            for (len, shapes) in LENGTHS.into_iter().zip([(0, 1), (1, 2), (4, 6), (3, 4), (4, 7)]) {
                let (a, b) = (column(key, len, shapes.0), column(PhysicalType::I32, len, 3));
                for validity in validities(len).into_iter().skip(at % 2).step_by(2) {
                    let values = definite(&column(target, len, shapes.1), validity.as_ref());
                    let one = Relation::Map { keys: vec![4] };
                    check(&values, validity.as_ref(), &one, &[&a]);
                    let two = Relation::Map { keys: vec![4, 9] };
                    check(&values, validity.as_ref(), &two, &[&a, &b]);
                }
            }
        }
    }
}

#[test]
fn equality_of_every_type() {
    for physical in KEYS {
        for len in LENGTHS {
            for shape in [1, 4, 7] {
                let reference = column(physical, len, shape);
                for validity in validities(len) {
                    let same = definite(&reference, validity.as_ref());
                    let other = definite(&column(physical, len, 3), validity.as_ref());
                    let relation = Relation::Equality { column: 1 };
                    check(&same, validity.as_ref(), &relation, &[&reference]);
                    check(&other, validity.as_ref(), &relation, &[&reference]);
                }
            }
        }
    }
    let (ints, floats) = (column(PhysicalType::I64, 9, 2), column(PhysicalType::F64, 9, 2));
    let relation = Relation::Equality { column: 1 };
    assert!(encode(&ints, None, &relation, &[&floats], Profile::Balanced).is_none());
}

fn formulas() -> Vec<Linear> {
    let term = |column, transform, coefficient| Term { column, transform, coefficient };
    let days = 86_400_000_000;
    vec![
        Linear { terms: vec![term(0, Transform::Identity, 1)], constant: 0, shift: 0, scale: 0 },
        Linear {
            terms: vec![term(0, Transform::ClockMinutes, 1), term(1, Transform::ClockMinutes, -1)],
            constant: -7,
            shift: 0,
            scale: 0,
        },
        Linear {
            terms: vec![
                term(0, Transform::Year { divisor: days }, i64::MAX),
                term(1, Transform::Month { divisor: 1 }, i64::MIN),
                term(0, Transform::Day { divisor: days }, 3),
                term(1, Transform::Part { divisor: 60, modulus: 24 }, 77_777),
            ],
            constant: i64::MIN,
            shift: 62,
            scale: 0,
        },
    ]
}

#[test]
fn sums_of_integers() {
    for target in INTEGERS {
        for references in INTEGERS {
            for (len, shape) in LENGTHS.into_iter().zip([0, 1, 6, 1, 5]) {
                let (a, b) = (column(references, len, shape), column(references, len, 2));
                for validity in validities(len) {
                    let values = definite(&column(target, len, 6), validity.as_ref());
                    for formula in formulas() {
                        let relation = Relation::Linear(formula);
                        let both = [&a, &b];
                        let given = &both[..relation.columns().len()];
                        check(&values, validity.as_ref(), &relation, given);
                    }
                }
            }
        }
    }
}

#[test]
fn sums_of_decimals_in_floats() {
    let scaled =
        |column| Term { column, transform: Transform::Scaled { digits: 2 }, coefficient: 1 };
    let whole = Term { column: 2, transform: Transform::Identity, coefficient: 100 };
    let relation = Relation::Linear(Linear {
        terms: vec![scaled(0), scaled(1), whole],
        constant: 0,
        shift: 0,
        scale: 2,
    });
    let cents = |seed: u64| {
        let mut random = Random::new(seed);
        Values::F64((0..7000).map(|_| random.below(100_000) as f64 / 100.0).collect())
    };
    let (a, b) = (cents(1), cents(2));
    let c = column(PhysicalType::I32, 7000, 3);
    let (Values::F64(x), Values::F64(y), Values::I32(z)) = (&a, &b, &c) else { unreachable!() };
    let sums = (0..7000).map(|row| {
        let cents = (x[row] * 100.0).round() + (y[row] * 100.0).round() + f64::from(z[row]) * 100.0;
        match row % 1000 {
            3 => f64::from_bits(0x7ff8_0000_dead_beef),
            4 => -0.0,
            5 => f64::INFINITY,
            6 => 1e300,
            _ => cents / 100.0,
        }
    });
    let sums = Values::F64(sums.collect());
    for validity in validities(7000) {
        let sums = definite(&sums, validity.as_ref());
        check(&sums, validity.as_ref(), &relation, &[&a, &b, &c]);
        let noise = definite(&column(PhysicalType::F64, 7000, 7), validity.as_ref());
        check(&noise, validity.as_ref(), &relation, &[&a, &b, &c]);
    }
    let chunk = encode(&sums, None, &relation, &[&a, &b, &c], Profile::Balanced).unwrap();
    assert!(chunk.byte_len() < 2000, "{}", chunk.byte_len());
    assert!(chunk.pages[0].tree.contains("scaled(c0, 2) + scaled(c1, 2) + 100 * c2"));
}

#[test]
fn products_with_columns_and_maps() {
    for target in INTEGERS {
        for other in [Other::Column(1), Other::Map(vec![1]), Other::Map(vec![1, 2])] {
            for (len, shape) in LENGTHS.into_iter().zip([0, 1, 6, 1, 5]) {
                let references = [
                    column(PhysicalType::I32, len, shape),
                    column(PhysicalType::I64, len, 3),
                    column(PhysicalType::I8, len, 2),
                ];
                for divisor in [1, 100, i64::MAX.cast_unsigned()] {
                    let product = Product { factor: 0, other: other.clone(), divisor };
                    let relation = Relation::Product(product);
                    let given: Vec<&Values> =
                        references.iter().take(relation.columns().len()).collect();
                    for validity in validities(len) {
                        let values = definite(&column(target, len, 6), validity.as_ref());
                        check(&values, validity.as_ref(), &relation, &given);
                    }
                }
            }
        }
    }
}

#[test]
fn exact_relations_take_next_to_nothing() {
    let mut random = Random::new(5);
    let n = 100_000;
    let parts: Vec<i64> = (0..n).map(|_| i64::try_from(random.below(2000)).unwrap()).collect();
    let prices: Vec<i64> =
        (0..2000).map(|_| 90_000 + i64::try_from(random.below(100_000)).unwrap()).collect();
    let quantity: Vec<i64> =
        (0..n).map(|_| 100 * (1 + i64::try_from(random.below(50)).unwrap())).collect();
    let total: Vec<i64> = parts
        .iter()
        .zip(&quantity)
        .map(|(part, quantity)| prices[usize::try_from(*part).unwrap()] * quantity / 100)
        .collect();
    let [parts, quantity, total] = [parts, quantity, total].map(|v| Values::I64(v.into()));
    let product = Product { factor: 0, other: Other::Map(vec![1]), divisor: 100 };
    let relation = Relation::Product(product);
    let chunk = encode(&total, None, &relation, &[&quantity, &parts], Profile::Balanced).unwrap();
    assert!(chunk.byte_len() < 10_000, "{}", chunk.byte_len());
    assert!(chunk.pages[0].tree.ends_with(" of c0 * map[c1] / 100"), "{}", chunk.pages[0].tree);
    check(&total, None, &relation, &[&quantity, &parts]);
}

/// Strings in which the values of two columns stand, and some in which they do not.
fn composed(len: usize) -> [Values; 3] {
    let number = |row: usize| (row as i64 * 7919 % 1000 - 20) * i64::from(row % 50 != 3);
    let name =
        |row: usize| ["", "Ann", "b", "a name of more than thirty-two bytes", "né"][row * 7 % 5];
    let line = |row: usize| match row % 23 {
        4 => String::new(),
        9 => format!("{} before {:03}", name(row), number(row).unsigned_abs()),
        _ => format!("{}/{:03}", name(row), number(row).abs()),
    };
    let numbers = (0..len).map(|row| i32::try_from(number(row)).unwrap()).collect::<Vec<_>>();
    let names = Values::Bytes((0..len).map(name).collect());
    [Values::Bytes((0..len).map(line).collect()), Values::I32(numbers.into()), names]
}

#[test]
fn concatenations_of_columns() {
    let part = |column, digits| Part { column, digits };
    for len in LENGTHS {
        let [lines, numbers, names] = composed(len);
        let noise = [0, 3, 5].map(|shape| column(PhysicalType::Bytes, len, shape));
        for parts in [
            vec![part(4, 3)],
            vec![part(4, 1), part(5, 0)],
            vec![part(5, 0), part(4, 3)],
            vec![part(5, 0), part(4, 18), part(5, 0)],
            vec![part(5, 1), part(4, 0)],
            vec![part(4, 19)],
        ] {
            let relation = Relation::Concatenation(parts);
            let of = |column: &u32| if *column == 4 { &numbers } else { &names };
            let references: Vec<&Values> = relation.columns().iter().map(of).collect();
            for validity in validities(len) {
                for values in std::iter::once(&lines).chain(&noise) {
                    let values = definite(values, validity.as_ref());
                    check(&values, validity.as_ref(), &relation, &references);
                }
            }
        }
    }
    let marked = Values::Bytes(["a \u{1b}", "\u{1b}b\u{1b}", "\u{1b}"].iter().collect());
    let names = Values::Bytes(["a", "b", "\u{1b}"].iter().collect());
    check(&marked, None, &Relation::Concatenation(vec![part(4, 0)]), &[&names]);
}

#[test]
fn damaged_pages_and_maps_are_errors_or_other_values() {
    let mut random = Random::new(77);
    let (a, b) = (column(PhysicalType::I32, 2000, 4), column(PhysicalType::Bytes, 2000, 4));
    let values = column(PhysicalType::I64, 2000, 3);
    let strings = column(PhysicalType::Bytes, 2000, 3);
    let linear = Relation::Linear(formulas().swap_remove(0));
    let product = Product { factor: 0, other: Other::Map(vec![1]), divisor: 10 };
    let [lines, numbers, names] = composed(2000);
    let parts = vec![Part { column: 0, digits: 3 }, Part { column: 1, digits: 0 }];
    let cases = [
        (Relation::Map { keys: vec![0, 1] }, &strings, vec![&a, &b]),
        (Relation::Map { keys: vec![1] }, &values, vec![&b]),
        (Relation::Equality { column: 1 }, &strings, vec![&b]),
        (linear, &values, vec![&a]),
        (Relation::Product(product), &values, vec![&a, &b]),
        (Relation::Concatenation(parts), &lines, vec![&numbers, &names]),
    ];
    for (relation, values, references) in cases {
        let chunk = encode(values, None, &relation, &references, Profile::Compact).unwrap();
        let given: Vec<DecodedValues> =
            references.iter().map(|values| DecodedValues::Flat((*values).clone())).collect();
        let options = EncodeOptions { profile: Profile::Compact, force: None };
        let map = chunk.map.as_ref().map(|map| map.grown.page(&options).unwrap());
        for _ in 0..4000 {
            let mut damaged = chunk.clone();
            damaged.shared.extend(map.clone());
            let pages = damaged.shared.iter_mut().map(|page| &mut page.bytes);
            let mut pages: Vec<_> =
                pages.chain(damaged.pages.iter_mut().map(|page| &mut page.bytes)).collect();
            let which = random.below(pages.len());
            let bytes = &mut pages[which];
            for _ in 0..=random.below(3) {
                let reach = if random.below(2) == 0 { bytes.len().min(64) } else { bytes.len() };
                let at = random.below(reach);
                bytes[at] = [random.next().to_le_bytes()[0], 0xff, bytes[at] ^ 1][random.below(3)];
            }
            let judge = |error: ncf_core::Error| {
                let kinds = [ErrorKind::Corrupt, ErrorKind::LimitExceeded, ErrorKind::Unsupported];
                assert!(kinds.contains(&error.kind()), "{error}");
            };
            let budget = Budget::new(64 << 20);
            damaged.map = None;
            let decoded = shared_of(&damaged, values.physical()).and_then(|shared| {
                let (bytes, physical) = (&damaged.pages[0].bytes, values.physical());
                decode_related(bytes, physical, 2000, true, &shared, &given, &budget)
            });
            match decoded {
                Ok(page) => assert_eq!(page.values.len(), 2000),
                Err(error) => judge(error),
            }
        }
    }
}

#[test]
fn a_page_without_its_references_is_corrupt() {
    let (a, values) = (column(PhysicalType::I64, 100, 2), column(PhysicalType::I64, 100, 6));
    let relation = Relation::Linear(formulas().swap_remove(0));
    let chunk = encode(&values, None, &relation, &[&a], Profile::Balanced).unwrap();
    let shared = shared_of(&chunk, PhysicalType::I64).unwrap();
    let budget = Budget::new(1 << 20);
    let short = DecodedValues::Flat(a.slice(0, 99));
    for given in [vec![], vec![short]] {
        let bytes = &chunk.pages[0].bytes;
        let error = decode_related(bytes, PhysicalType::I64, 100, false, &shared, &given, &budget);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
