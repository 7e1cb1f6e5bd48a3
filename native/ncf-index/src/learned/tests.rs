//! Searches against a scan of the rows, over keys of every shape: no row may be missed, whatever is looked for.

use arrow_buffer::BooleanBuffer;
use ncf_core::hash::hash_u64;
use ncf_core::{ByteValues, CompareOp, DataType, Scalar, Values};

use super::*;

/// A generator of numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        let next = hash_u64(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        next
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// A seed that is new in every run, and printed with what fails.
fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = now.as_nanos() as u64;
    println!("seed {seed}");
    seed
}

/// Keys that never fall, of many shapes.
fn shapes(random: &mut Random, rows: usize) -> Vec<(&'static str, Vec<i64>)> {
    let mut sums = |step: &mut dyn FnMut(&mut Random) -> u64| {
        let mut key = 0i64;
        let keys = (0..rows).map(|_| {
            key = key.saturating_add(i64::try_from(step(random) >> 1).unwrap());
            key
        });
        keys.collect::<Vec<i64>>()
    };
    let mut found = vec![
        ("sequence with gaps", sums(&mut |r| 2 + 2 * u64::from(r.below(100) == 0) * r.below(50))),
        ("seconds with duplicates", sums(&mut |r| 2 * u64::from(r.below(20) == 0))),
        ("heavy tail", sums(&mut |r| 1u64 << (r.below(40)))),
        ("zigzag", {
            let mut at = 0;
            sums(&mut |_| {
                at += 1;
                if (at / 3073) % 2 == 0 { 2 } else { 4000 }
            })
        }),
        ("two values", (0..rows).map(|row| i64::from(row > rows / 3)).collect()),
        ("staircase at the extremes", {
            (0..rows).map(|row| [i64::MIN, 0, i64::MAX - 1, i64::MAX][row * 4 / rows]).collect()
        }),
    ];
    let mut uniform: Vec<i64> = (0..rows).map(|_| random.next().cast_signed()).collect();
    uniform.sort_unstable();
    found.push(("uniform", uniform));
    let mut few: Vec<i64> = (0..rows).map(|_| random.below(300).cast_signed()).collect();
    few.sort_unstable();
    found.push(("few values", few));
    found
}

fn learn(values: &Values, validity: Option<&BooleanBuffer>, data_type: DataType) -> Option<Index> {
    let mut learner = Learner::new(data_type);
    // Chunks of whole vectors, as blocks are but for the last one.
    let rows = values.len();
    for start in (0..rows).step_by(20 * VECTOR_ROWS) {
        let len = (rows - start).min(20 * VECTOR_ROWS);
        let valid = validity.map(|validity| validity.slice(start, len));
        learner.add(ChunkOrder::of(&values.slice(start, len), valid.as_ref()));
    }
    let index = learner.finish(&|bytes| bytes.len() as u64)?;
    let vectors = rows.div_ceil(VECTOR_ROWS) as u64;
    let back = Index::decode(&index.encode(), data_type, vectors).unwrap().unwrap();
    assert_eq!(back, index);
    let mut proof = IndexProof::default();
    proof.add(&index, values, validity);
    assert!(proof.holds(&index), "{index:?}");
    Some(index)
}

/// Every row that matches is in a vector that the index names, and every check holds.
fn check_search(
    index: &Index,
    values: &Values,
    validity: Option<&BooleanBuffer>,
    wanted: Wanted<'_>,
    matches: &dyn Fn(usize) -> bool,
) -> u64 {
    let Some(search) = index.search(wanted) else { return 0 };
    let rows = values.len();
    let valid = |row: usize| validity.is_none_or(|validity| validity.value(row));
    for row in (0..rows).filter(|row| valid(*row) && matches(*row)) {
        let vector = (row / VECTOR_ROWS) as u64;
        assert!(
            search.vectors.iter().any(|run| run.contains(&vector)),
            "row {row} is missed by {wanted:?}: {search:?}"
        );
    }
    for check in &search.checks {
        let start = check.vector as usize * VECTOR_ROWS;
        let len = (rows - start).min(VECTOR_ROWS);
        let valid = validity.map(|validity| validity.slice(start, len));
        let held = index.holds(check, &values.slice(start, len), valid.as_ref());
        assert_ne!(held, Some(false), "{check:?} of {wanted:?}");
    }
    search.vectors.iter().map(|run| run.end - run.start).sum()
}

const OPS: [CompareOp; 6] = [
    CompareOp::Eq,
    CompareOp::NullSafeEq,
    CompareOp::Lt,
    CompareOp::LtEq,
    CompareOp::Gt,
    CompareOp::GtEq,
];

/// All operators with keys that occur, their neighbours, and the extremes.
fn check_keys(name: &str, keys: &[i64], validity: Option<&BooleanBuffer>, random: &mut Random) {
    let values = Values::I64(keys.to_vec().into());
    let index = learn(&values, validity, DataType::Int64);
    let index = index.unwrap_or_else(|| panic!("{name} has no index"));
    let mut wanted = vec![i64::MIN, i64::MIN + 1, 0, i64::MAX - 1, i64::MAX];
    for _ in 0..12 {
        let key = keys[random.below(keys.len() as u64) as usize];
        wanted.extend([key.saturating_sub(1), key, key.saturating_add(1), key / 2]);
    }
    for key in wanted {
        for op in OPS {
            let literal = Scalar::Bigint(key);
            let matches = |row: usize| op.accepts(keys[row].cmp(&key));
            check_search(&index, &values, validity, Wanted::Compared(op, &literal), &matches);
        }
    }
}

#[test]
fn no_row_is_missed_in_any_shape() {
    let mut random = Random(seed());
    for (name, keys) in shapes(&mut random, 60_001) {
        check_keys(name, &keys, None, &mut random);
        let descending: Vec<i64> = keys.iter().rev().copied().collect();
        check_keys(name, &descending, None, &mut random);
        // Nulls anywhere, some vectors long.
        let mut valid = true;
        let validity: BooleanBuffer = (0..keys.len())
            .map(|_| {
                valid ^= random.below(3000) == 0;
                valid
            })
            .collect();
        let mut with_nulls = keys.clone();
        for row in (0..keys.len()).filter(|row| !validity.value(*row)) {
            with_nulls[row] = random.next().cast_signed();
        }
        check_keys(name, &with_nulls, Some(&validity), &mut random);
    }
}

#[test]
fn rows_out_of_order_are_found_too() {
    let mut random = Random(seed());
    for (name, mut keys) in shapes(&mut random, 60_001) {
        let at = random.below(60_001) as usize;
        keys[at] = random.next().cast_signed();
        check_keys(name, &keys, None, &mut random);
    }
    // Late rows: some vectors hold one.
    let mut keys: Vec<i64> = (0..600_000).collect();
    for _ in 0..8 {
        let at = random.below(600_000) as usize;
        keys[at] = random.below(600_000).cast_signed();
    }
    check_keys("late rows", &keys, None, &mut random);
}

#[test]
fn a_search_names_few_vectors() {
    let keys: Vec<i64> = (0..1_000_000).map(|row| row * 1_000_003 + row % 7).collect();
    let values = Values::I64(keys.clone().into());
    let index = learn(&values, None, DataType::Int64).unwrap();
    let Description { kind, bytes, window, .. } = index.describe();
    assert_eq!(kind, "linear");
    assert!(bytes < 100 && window <= 5.0, "{bytes} {window}");
    for row in (0..keys.len()).step_by(29_989) {
        let literal = Scalar::Bigint(keys[row]);
        let wanted = Wanted::Compared(CompareOp::Eq, &literal);
        let vectors = check_search(&index, &values, None, wanted, &|other| other == row);
        assert!(vectors <= 6, "{vectors} vectors for row {row}");
    }
}

#[test]
fn columns_in_no_order_short_ones_and_those_of_one_value_have_none() {
    let mut random = Random(7);
    let shuffled: Vec<i64> = (0..100_000).map(|_| random.next().cast_signed()).collect();
    assert!(learn(&Values::I64(shuffled.into()), None, DataType::Int64).is_none());
    let short: Vec<i64> = (0..10_000).collect();
    assert!(learn(&Values::I64(short.into()), None, DataType::Int64).is_none());
    let one = vec![42; 100_000];
    assert!(learn(&Values::I64(one.into()), None, DataType::Int64).is_none());
    let flags: BooleanBuffer = (0..100_000).map(|row| row > 5).collect();
    assert!(learn(&Values::Bool(flags), None, DataType::Boolean).is_none());
}

#[test]
fn doubles_are_searched_as_spark_orders_them() {
    let mut random = Random(seed());
    let mut keys: Vec<f64> = (0..60_000)
        .map(|_| match random.below(50) {
            0 => f64::NAN,
            1 => -0.0,
            2 => 0.0,
            3 => f64::NEG_INFINITY,
            4 => f64::INFINITY,
            _ => random.next().cast_signed() as f64 / 1e12,
        })
        .collect();
    keys.sort_by(|a, b| ncf_core::ordering::compare_f64(*a, *b));
    let values = Values::F64(keys.clone().into());
    let index = learn(&values, None, DataType::Float64).unwrap();
    let special = [f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e-310];
    let some = (0..50).map(|_| keys[random.below(60_000) as usize]).collect::<Vec<_>>();
    for key in special.into_iter().chain(some) {
        for op in OPS {
            let literal = Scalar::Double(key);
            let matches = |row: usize| op.accepts(ncf_core::ordering::compare_f64(keys[row], key));
            check_search(&index, &values, None, Wanted::Compared(op, &literal), &matches);
        }
    }
}

#[test]
fn wide_decimals_are_searched() {
    let mut random = Random(seed());
    let mut keys: Vec<i128> = (0..60_000)
        .map(|_| i128::from(random.next().cast_signed()) * i128::from(random.below(1 << 50)))
        .collect();
    keys.sort_unstable();
    let values = Values::I128(keys.clone().into());
    let stored = DataType::Decimal { precision: 38, scale: 2 };
    let index = learn(&values, None, stored).unwrap();
    for _ in 0..60 {
        let key = keys[random.below(60_000) as usize] + i128::from(random.below(3)) - 1;
        for op in OPS {
            let literal = Scalar::Decimal { unscaled: key, precision: 38, scale: 2 };
            let matches = |row: usize| op.accepts(keys[row].cmp(&key));
            check_search(&index, &values, None, Wanted::Compared(op, &literal), &matches);
        }
    }
}

/// Strings of eight kinds.
fn texts(random: &mut Random, rows: usize) -> Vec<(&'static str, Vec<String>)> {
    let mut of = |text: &mut dyn FnMut(&mut Random) -> String| {
        let mut strings: Vec<String> = (0..rows).map(|_| text(random)).collect();
        strings.sort();
        strings
    };
    vec![
        ("uuid", of(&mut |r| format!("{:016x}-{:016x}", r.next(), r.next()))),
        (
            "url",
            of(&mut |r| {
                let (site, page) = (r.below(9), r.below(99_999));
                format!(
                    "https://www.example{site}.org/a/rather/long/path/that/all/share/item/{page}?q={}",
                    r.below(4)
                )
            }),
        ),
        ("e-mail", of(&mut |r| format!("user{}.{}@mail.example", r.below(5000), r.below(99)))),
        ("prefix of 40 bytes", of(&mut |r| format!("{}{:08}", "p".repeat(40), r.below(1 << 20)))),
        ("longer than counts", of(&mut |r| format!("{}{:08}", "q".repeat(61), r.below(1 << 20)))),
        ("empty and short", of(&mut |r| "xyz".get(..r.below(4) as usize).unwrap().to_string())),
        (
            "highest characters",
            of(&mut |r| {
                let last = char::from_u32(0x10_FFFF - r.below(3) as u32).unwrap();
                format!("{last}{last}{}", r.below(1 << 16))
            }),
        ),
        (
            "many bytes",
            of(&mut |r| {
                ["é", "ß", "日", "本", "a", "Z", "𝄞"]
                    .iter()
                    .cycle()
                    .skip(r.below(7) as usize)
                    .step_by(1 + r.below(6) as usize)
                    .take(9)
                    .copied()
                    .collect()
            }),
        ),
    ]
}

#[test]
fn strings_are_searched_by_bytes() {
    let mut random = Random(seed());
    for (name, texts) in texts(&mut random, 40_000) {
        let bytes: ByteValues = texts.iter().map(String::as_bytes).collect();
        let values = Values::Bytes(bytes);
        let index = learn(&values, None, DataType::String);
        let index = index.unwrap_or_else(|| panic!("{name} has no index"));
        let mut wanted = vec![String::new(), "zzzz".into(), "\u{10FFFF}".repeat(4), "p".into()];
        for _ in 0..8 {
            let text = &texts[random.below(40_000) as usize];
            let shorter: String = text.chars().take(text.chars().count() / 2).collect();
            wanted.extend([text.clone(), format!("{text}!"), shorter]);
        }
        for key in wanted {
            for op in OPS {
                let literal = Scalar::String(key.clone());
                let matches = |row: usize| op.accepts(texts[row].cmp(&key));
                check_search(&index, &values, None, Wanted::Compared(op, &literal), &matches);
            }
            let matches = |row: usize| texts[row].starts_with(&key);
            check_search(&index, &values, None, Wanted::Prefix(&key), &matches);
        }
    }
}

#[test]
fn damaged_sections_are_errors_and_unknown_kinds_none() {
    let keys: Vec<i64> = (0..300_000).map(|row| row * 3).collect();
    let index = learn(&Values::I64(keys.into()), None, DataType::Int64).unwrap();
    let bytes = index.encode();
    let decode = |bytes: &[u8], vectors| Index::decode(bytes, DataType::Int64, vectors);
    assert!(decode(&bytes, 293).unwrap().is_some());
    assert!(decode(&bytes, 294).is_err());
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len], 293).is_err(), "{len} bytes");
    }
    // Those of layouts before the first release, too.
    for kind in [0, 1, 2, 3, 4, 8, 9] {
        let mut other = bytes.clone();
        other[0] = kind;
        assert_eq!(decode(&other, 293).unwrap(), None);
    }
    assert!(Index::decode(&bytes, DataType::String, 293).is_err());
    // Any byte may be another: an error, or an index that may be wrong but answers.
    let mut random = Random(seed());
    for _ in 0..5000 {
        let mut damaged = bytes.clone();
        let at = random.below(bytes.len() as u64) as usize;
        damaged[at] = random.next() as u8;
        if let Ok(Some(index)) = decode(&damaged, 293) {
            let literal = Scalar::Bigint(random.below(900_000).cast_signed());
            let found = index.search(Wanted::Compared(CompareOp::Eq, &literal)).unwrap();
            assert!(found.vectors.iter().all(|run| run.end <= 293));
            assert!(found.checks.iter().all(|check| check.vector < 293));
        }
    }
}

/// A function that stands for a model.
struct Function(fn(f64) -> f64);

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Function")
    }
}

impl Predictor for Function {
    fn predict(&self, inputs: &[f64]) -> ncf_core::Result<Vec<f64>> {
        assert!(inputs.len() <= MODEL_BATCH && inputs.iter().all(|x| (0.0..=1.0).contains(x)));
        Ok(inputs.iter().map(|x| self.0(*x)).collect())
    }
}

const SOMEBODYS: ModelId = ModelId { sha256: [5; 32], bytes: 77 };

fn predicted(values: &Values, data_type: DataType, model: fn(f64) -> f64) -> Option<Index> {
    let mut learner = Learner::new(data_type);
    learner.add(ChunkOrder::of(values, None));
    let stored = |bytes: &[u8]| bytes.len() as u64;
    let trial = learner.try_model(SOMEBODYS, std::sync::Arc::new(Function(model)), &stored);
    let trial = trial.unwrap()?;
    assert_eq!((trial.model.model(), trial.fences.model()), (Some(SOMEBODYS), None));
    let vectors = values.len().div_ceil(VECTOR_ROWS) as u64;
    let back = Index::decode(&trial.model.encode(), data_type, vectors).unwrap().unwrap();
    assert_eq!(back, trial.model);
    Some(trial.model)
}

/// Looks for many keys in an index of these keys; gives how many searches found out that the model was wrong. Where
/// they did not, every row is where they say.
fn misses(index: &Index, keys: &[i64], random: &mut Random) -> u64 {
    let values = Values::I64(keys.to_vec().into());
    let mut missed = 0;
    for _ in 0..3 {
        let near = keys[random.below(keys.len() as u64) as usize];
        for key in [near.saturating_sub(1), near, near.saturating_add(1), near / 2, i64::MAX] {
            for op in OPS {
                let literal = Scalar::Bigint(key);
                let search = index.search(Wanted::Compared(op, &literal)).unwrap();
                let held = search.checks.iter().all(|check| {
                    let start = check.vector as usize * VECTOR_ROWS;
                    let len = (keys.len() - start).min(VECTOR_ROWS);
                    index.holds(check, &values.slice(start, len), None) == Some(true)
                });
                if held {
                    let matches = |row: usize| op.accepts(keys[row].cmp(&key));
                    check_search(index, &values, None, Wanted::Compared(op, &literal), &matches);
                }
                missed += u64::from(!held);
            }
        }
    }
    missed
}

#[test]
fn a_model_of_others_is_found_out_or_right_in_any_shape() {
    let mut random = Random(seed());
    for (name, keys) in shapes(&mut random, 60_001) {
        for turned in [false, true] {
            let keys: Vec<i64> = match turned {
                true => keys.iter().rev().copied().collect(),
                false => keys.clone(),
            };
            let values = Values::I64(keys.clone().into());
            let models: [fn(f64) -> f64; 4] =
                [|x| x, |x| x.sqrt(), |x| 1.0 - x, |x| (x * 1e7).sin()];
            for model in models {
                let index = predicted(&values, DataType::Int64, model);
                let index = index.unwrap_or_else(|| panic!("{name} has no index"));
                misses(&index, &keys, &mut random);
            }
            // One that rises is right between fences as well.
            let rising = predicted(&values, DataType::Int64, |x| x).unwrap();
            assert_eq!(misses(&rising, &keys, &mut random), 0, "{name}");
            let mut proof = IndexProof::default();
            proof.add(&rising, &values, None);
            assert!(proof.holds(&rising), "{name}");
            // Another model with the bounds of the first.
            let lies: [fn(f64) -> f64; 3] = [|_| f64::NAN, |x| 1.0 - x, |x| x * 0.1];
            for lie in lies {
                let lying = rising.clone().with_predictor(std::sync::Arc::new(Function(lie)));
                misses(&lying, &keys, &mut random);
            }
        }
    }
    let even: Vec<i64> = (0..200_000).collect();
    let index = predicted(&Values::I64(even.clone().into()), DataType::Int64, |x| x).unwrap();
    assert!(index.describe().window < 5.0, "{:?}", index.describe());
    let lying = index.with_predictor(std::sync::Arc::new(Function(|x| 1.0 - x)));
    assert!(misses(&lying, &even, &mut random) > 0);
}

#[test]
fn damaged_models_of_others_are_errors() {
    let keys: Vec<i64> = (0..300_000).map(|row| row * 3).collect();
    let values = Values::I64(keys.into());
    let index = predicted(&values, DataType::Int64, |x| x).unwrap();
    let bytes = index.encode();
    let decode = |bytes: &[u8]| Index::decode(bytes, DataType::Int64, 293);
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "{len} bytes");
    }
    let mut random = Random(seed());
    for _ in 0..5000 {
        let mut damaged = bytes.clone();
        damaged[random.below(bytes.len() as u64) as usize] = random.next() as u8;
        if let Ok(Some(index)) = decode(&damaged) {
            let index = index.with_predictor(std::sync::Arc::new(Function(|x| x)));
            let literal = Scalar::Bigint(random.below(900_000).cast_signed());
            let found = index.search(Wanted::Compared(CompareOp::Eq, &literal)).unwrap();
            assert!(found.vectors.iter().all(|run| run.end <= 293));
            assert!(found.checks.iter().all(|check| check.vector < 293));
        }
    }
    let texts: Vec<String> = (0..40_000).map(|row| format!("{row:09}")).collect();
    let texts: ByteValues = texts.iter().map(String::as_bytes).collect();
    let index = predicted(&Values::Bytes(texts), DataType::String, |x| x).unwrap();
    assert_eq!(index.describe().kind, "onnx of strings");
}
