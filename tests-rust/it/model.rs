//! Indexes whose positions a model predicts: hostile models are refused before ONNX Runtime sees them, a model that is
//! wrong costs time and no rows, one that nobody trusts is never opened, and a table gets such an index with one commit.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use ncf::dataset::{
    CommitFile, CommitRequest, Dataset, DatasetOptions, Kind, MODEL_DIRECTORY, ModelTrial,
    ScanRequest, SplitReader, commit,
};
use ncf::index::{Engine, Models};
use ncf::table::Operation;
use ncf::{
    CompareOp, DataType, ErrorKind, Field, FileReader, FileSource, FileWriter, LocalSink,
    Predicate, ReadOptions, Scalar, Schema, WriterOptions,
};
use ncf_model::{OnnxRuntime, check};
use ncf_tests::Random;
use ncf_tests::models::{
    Function, bent, bytes, graph, line, model, node, number, port, tensor, varint,
};

const ROWS: i64 = 50_001;
const FILES: i64 = 3;
const OPS: [CompareOp; 5] =
    [CompareOp::Eq, CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq];

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let given = std::env::var("NCF_TEST_SEED").ok().map(|text| text.parse().expect("a number"));
    let seed = given.unwrap_or(now.as_nanos() as u64);
    println!("NCF_TEST_SEED={seed}");
    seed
}

fn schema() -> Schema {
    let field = |id, name| Field::new(id, name, DataType::Int64, false);
    Schema::new(vec![field(1, "key"), field(2, "row")]).unwrap()
}

/// Keys of a file, ascending, with duplicates and gaps of all sizes.
fn keys(random: &mut Random) -> Vec<i64> {
    let mut key = -1000;
    (0..ROWS)
        .map(|_| {
            let most = 1 << random.below(12);
            key += if random.one_in(5) { random.below(most) as i64 } else { 0 };
            key
        })
        .collect()
}

fn write(path: &Path, keys: &[i64], first: i64) -> ncf::FileSummary {
    let sink = Box::new(LocalSink::create_new(path).unwrap());
    let options = WriterOptions {
        block_rows: 20_480,
        filter_columns: vec!["row".into()],
        ..WriterOptions::default()
    };
    let mut writer = FileWriter::new(sink, schema(), options).unwrap();
    let rows = Int64Array::from_iter_values((first..).take(keys.len()));
    let columns: [(&str, ArrayRef); 2] =
        [("key", Arc::new(Int64Array::from(keys.to_vec()))), ("row", Arc::new(rows))];
    writer.write(&RecordBatch::try_from_iter(columns).unwrap()).unwrap();
    writer.finish().unwrap()
}

/// A table of some files, and the keys of its rows.
fn table(root: &Path, random: &mut Random) -> Vec<i64> {
    let mut all = Vec::new();
    let mut files = Vec::new();
    for file in 0..FILES {
        let path = format!("data/f{file}.ncf");
        let keys = keys(random);
        let summary = write(&root.join(&path), &keys, all.len() as i64);
        all.extend(keys);
        files.push(CommitFile { path, summary, partition_values: Default::default() });
    }
    let request = CommitRequest {
        operation: Operation::Create,
        schema: schema(),
        partition_columns: Vec::new(),
        files,
        read_version: None,
        app: None,
        properties: None,
        partition: Default::default(),
    };
    commit(root, request).unwrap();
    all
}

fn open(root: &Path) -> Dataset {
    Dataset::open(root, &DatasetOptions::default()).unwrap()
}

/// The rows that a filter finds, in order, and how often an index missed.
fn rows(dataset: &Dataset, filter: &Predicate, models: Option<Arc<dyn Models>>) -> (Vec<i64>, u64) {
    let request = ScanRequest {
        columns: Some(vec!["row".into()]),
        filter: Some(filter.clone()),
        ..ScanRequest::default()
    };
    let (mut found, mut misses) = (Vec::new(), 0);
    for split in dataset.plan(&request).unwrap().splits {
        let reader = SplitReader { models: models.clone(), ..SplitReader::default() };
        let mut scan = reader.open(&split, dataset.schema(), &request).unwrap();
        while let Some(batch) = scan.next_batch().unwrap() {
            found.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
        }
        misses += scan.metrics().index_misses;
    }
    found.sort_unstable();
    (found, misses)
}

/// Looks for keys that occur, their neighbours and the extremes, by all operators; gives the misses.
fn check_rows(
    dataset: &Dataset,
    keys: &[i64],
    models: Option<Arc<dyn Models>>,
    random: &mut Random,
) -> u64 {
    let mut wanted = vec![i64::MIN, -1000, 0, i64::MAX];
    for _ in 0..12 {
        let key = keys[random.below(keys.len() as u64) as usize];
        wanted.extend([key - 1, key, key + 1]);
    }
    let mut misses = 0;
    for key in wanted {
        for op in OPS {
            let filter = Predicate::compare("key", op, Scalar::Bigint(key));
            let (found, missed) = rows(dataset, &filter, models.clone());
            let expected: Vec<i64> = (0..)
                .zip(keys)
                .filter(|(_, have)| op.accepts((*have).cmp(&key)))
                .map(|(row, _)| row)
                .collect();
            assert!(found == expected, "{filter}: {} rows, not {}", found.len(), expected.len());
            misses += missed;
        }
    }
    misses
}

fn train(dataset: &Dataset, model: &[u8], engine: &Arc<dyn Engine>) -> ModelTrial {
    dataset.try_model("key", model.to_vec(), engine).unwrap()
}

fn trusting(dataset: &Dataset, trial: &ModelTrial, engine: Arc<dyn Engine>) -> Arc<dyn Models> {
    dataset.models(engine, BTreeSet::from([trial.model.sha256]))
}

/// The reader of each file.
fn readers(dataset: &Dataset, models: Option<Arc<dyn Models>>) -> Vec<FileReader> {
    let open = |file: &ncf::dataset::DataFile| {
        let options = ReadOptions { models: models.clone(), ..ReadOptions::default() };
        FileReader::open(Arc::new(FileSource::open(&file.path).unwrap()), options).unwrap()
    };
    dataset.files().iter().map(open).collect()
}

#[test]
fn a_table_gets_the_index_with_one_commit_and_loses_no_row() {
    let mut random = Random::new(seed());
    let folder = tempfile::tempdir().unwrap();
    let keys = table(folder.path(), &mut random);
    let before = open(folder.path());
    let honest = Function::new(|x| x + 0.004 * (40.0 * x).sin());
    let engine: Arc<dyn Engine> = Arc::new(honest.clone());
    let trial = train(&before, b"any bytes", &engine);
    assert_eq!((trial.files.len(), trial.without.len()), (FILES as usize, 0));
    let refused = before.store_model(&trial, false).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported, "{refused}");
    assert!(!folder.path().join(MODEL_DIRECTORY).exists(), "nothing is written");
    let stored = before.store_model(&trial, true).unwrap();
    assert_eq!((stored.files, stored.version), (FILES as usize, Some(1)));
    let after = open(folder.path());
    assert!(matches!(after.kind(), Kind::Table { version: 1, .. }));
    let models = trusting(&after, &trial, engine.clone());
    let (old, new) = (readers(&before, None), readers(&after, Some(models.clone())));
    for (old, new) in old.iter().zip(&new) {
        assert_ne!(old.uuid(), new.uuid());
        let report = new.verify().unwrap();
        assert_eq!(report.rows, old.rows());
        assert_eq!(report.pages, old.verify().unwrap().pages);
        assert!(new.index(0).unwrap().as_ref().as_ref().unwrap().describe().kind == "onnx");
        assert_eq!(new.index(1).unwrap(), old.index(1).unwrap(), "other indexes are kept");
    }
    for (old, new) in before.files().iter().zip(after.files()) {
        assert_eq!((&old.statistics, old.rows), (&new.statistics, new.rows));
    }
    assert_eq!(check_rows(&after, &keys, Some(models), &mut random), 0);
    // Whoever planned on the version before is told so, and leaves nothing behind.
    let files = std::fs::read_dir(folder.path().join("data")).unwrap().count();
    let late = before.store_model(&trial, true).unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict, "{late}");
    assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), files);
    check_rows(&before, &keys, None, &mut random);
}

#[test]
fn a_model_that_is_better_needs_no_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cubes.ncf");
    // Lines need many segments where the curve is steep, and fences have long differences.
    let keys: Vec<i64> = (0..400_000).map(|row: i64| row * row * row).collect();
    write(&path, &keys, 0);
    let engine: Arc<dyn Engine> = Arc::new(Function::new(f64::cbrt));
    let dataset = open(&path);
    let trial = train(&dataset, b"model", &engine);
    let file = &trial.files[0];
    println!("{:?}\n{:?}\n{:?}\n{:?}", file.present, file.fences, file.linear, file.model);
    assert!(file.is_better(), "{file:?}");
    assert_eq!(dataset.store_model(&trial, false).unwrap().files, 1);
    let dataset = open(&path);
    let models = trusting(&dataset, &trial, engine);
    let mut random = Random::new(seed());
    assert_eq!(check_rows(&dataset, &keys, Some(models), &mut random), 0);
}

#[test]
fn a_model_that_is_wrong_costs_no_rows_and_is_counted() {
    let mut random = Random::new(seed());
    let folder = tempfile::tempdir().unwrap();
    let keys = table(folder.path(), &mut random);
    let honest: Arc<dyn Engine> = Arc::new(Function::new(|x| x));
    let dataset = open(folder.path());
    let trial = train(&dataset, b"model", &honest);
    dataset.store_model(&trial, true).unwrap();
    let dataset = open(folder.path());
    let lies: [(&str, Function); 6] = [
        ("falling", Function::new(|x| 1.0 - x)),
        ("constant", Function::new(|_| 0.5)),
        ("too far", Function::new(|x| x * 0.3)),
        ("not a number", Function::new(|_| f64::NAN)),
        ("infinite", Function::new(|x| f64::INFINITY * (x - 0.5))),
        ("noise", Function::new(|x| (x * 1e9).sin())),
    ];
    for (name, lie) in lies {
        let models = trusting(&dataset, &trial, Arc::new(lie.clone()));
        let misses = check_rows(&dataset, &keys, Some(models), &mut random);
        println!("{name}: {misses} misses");
        assert!(misses > 0 && lie.opened() == 1, "{name}: {misses} misses");
    }
}

#[test]
fn a_model_that_nobody_trusts_is_never_opened() {
    let mut random = Random::new(seed());
    let folder = tempfile::tempdir().unwrap();
    let keys = table(folder.path(), &mut random);
    let function = Function::new(|x| x);
    let engine: Arc<dyn Engine> = Arc::new(function.clone());
    let dataset = open(folder.path());
    let trial = train(&dataset, b"model", &engine);
    dataset.store_model(&trial, true).unwrap();
    let dataset = open(folder.path());
    let file = folder.path().join(MODEL_DIRECTORY).join(format!("{}.onnx", trial.model));
    assert_eq!(std::fs::read(&file).unwrap(), b"model");
    let others = || dataset.models(engine.clone(), BTreeSet::from([[7; 32]]));
    let why = |models| {
        let reader = readers(&dataset, models).swap_remove(0);
        assert!(reader.index(0).unwrap().is_none());
        reader.verify().unwrap();
        reader.index_left_out(0).unwrap().unwrap().reason
    };
    // A folder in the file's place: whoever opened it would fail.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    for models in [None, Some(others())] {
        check_rows(&dataset, &keys, models.clone(), &mut random);
        assert!(why(models).contains("not trusted"));
    }
    std::fs::remove_dir(&file).unwrap();
    let trusted = || Some(trusting(&dataset, &trial, engine.clone()));
    assert!(why(trusted()).contains("not there"));
    std::fs::write(&file, "modem").unwrap();
    assert!(why(trusted()).contains("another one than its name says"));
    check_rows(&dataset, &keys, trusted(), &mut random);
    assert_eq!(function.opened(), 1, "when it was tried");
    std::fs::write(&file, "model").unwrap();
    assert!(readers(&dataset, trusted()).swap_remove(0).index(0).unwrap().is_some());
}

#[test]
fn single_files_are_replaced_unless_a_table_knows_them() {
    let mut random = Random::new(seed());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.ncf");
    let keys = keys(&mut random);
    write(&path, &keys, 0);
    let engine: Arc<dyn Engine> = Arc::new(Function::new(|x| x));
    let dataset = open(&path);
    let trial = train(&dataset, b"model", &engine);
    assert_eq!(dataset.store_model(&trial, true).unwrap().version, None);
    let dataset = open(&path);
    let models = trusting(&dataset, &trial, engine.clone());
    check_rows(&dataset, &keys, Some(models), &mut random);
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, BTreeSet::from([MODEL_DIRECTORY.into(), "one.ncf".into()]));
    let again = train(&dataset, b"model", &engine);
    dataset.store_model(&again, true).unwrap();
    let root = tempfile::tempdir().unwrap();
    table(root.path(), &mut random);
    let inside = open(&root.path().join("data/f0.ncf"));
    let error = inside.store_model(&train(&inside, b"model", &engine), true).unwrap_err();
    assert!(error.message().contains("belongs to the table"), "{error}");
    let error = open(&path).try_model("nothing", b"model".to_vec(), &engine).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

/// A model of one node, with attributes.
fn with_node(operator: &str, more: &[u8]) -> Vec<u8> {
    let node = [node(operator, &["x"], "y"), more.to_vec()].concat();
    model(&graph(&[node], &[]))
}

fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let external = [
        number(1, 1),
        number(2, 1),
        bytes(8, "w"),
        bytes(13, [bytes(1, "location"), bytes(2, "../../etc/passwd")].concat()),
        number(14, 1),
    ];
    let wide = [number(1, 1_000_000_000), number(1, 1), number(2, 1), bytes(8, "w")].concat();
    let product =
        |constant: Vec<u8>| model(&graph(&[node("MatMul", &["x", "w"], "y")], &[constant]));
    let good = line(1.0, 0.0);
    let attribute = |name: &str, value: Vec<u8>| bytes(5, [bytes(1, name), value].concat());
    let ports = |input: Vec<u8>, output: Vec<u8>| {
        let relu = bytes(1, node("Relu", &["x"], "y"));
        model(&[relu, bytes(11, input), bytes(12, output)].concat())
    };
    let column = [None, Some(1)];
    let other_domain = [bytes(1, "com.microsoft"), number(2, 1)].concat();
    let many = vec![node("Relu", &["x"], "y"); 65];
    vec![
        ("external_data", product(external.concat()), "external_data"),
        ("10^9 dims", product(wide), "a dimension of the tensor w"),
        (
            "dims that wrap",
            product([number(1, 1 << 63), number(1, 2), number(2, 1)].concat()),
            "dimension",
        ),
        ("values missing", product(tensor("w", &[1, 200], &[1.0])), "200 values"),
        ("rank 3", product(tensor("w", &[1, 1, 1], &[1.0])), "3 dimensions"),
        ("loop", with_node("Loop", &attribute("body", bytes(6, graph(&[], &[])))), "Loop_of_y"),
        ("graph in relu", with_node("Relu", &attribute("body", bytes(6, b""))), "holds a graph"),
        ("graphs", with_node("Relu", &attribute("bodies", bytes(11, b""))), "holds a graph"),
        ("operator", with_node("Conv", &[]), "Conv"),
        ("custom domain", with_node("Gemm", &bytes(7, "evil")), "domain evil"),
        ("custom set", [good.clone(), bytes(8, other_domain)].concat(), "com.microsoft"),
        ("function", [good.clone(), bytes(25, b"")].concat(), "functions"),
        ("training", [good.clone(), bytes(20, b"")].concat(), "field 20"),
        ("two graphs", [good.clone(), bytes(7, graph(&[], &[]))].concat(), "two graphs"),
        ("65 nodes", model(&graph(&many, &[])), "nodes of the model"),
        ("no constant", model(&graph(&[node("MatMul", &["x", "x"], "y")], &[])), "no constant"),
        (
            "targets",
            with_node("TreeEnsembleRegressor", &attribute("n_targets", number(3, 1 << 40))),
            "n_targets",
        ),
        (
            "transposed",
            {
                let gemm =
                    [node("Gemm", &["x", "w"], "y"), attribute("transA", number(3, 1))].concat();
                model(&graph(&[gemm], &[tensor("w", &[1, 1], &[1.0])]))
            },
            "transA",
        ),
        ("fixed batch", ports(port("x", 1, &[Some(4)]), port("y", 1, &column)), "[4]"),
        ("two dimensions", ports(port("x", 1, &[None, None]), port("y", 1, &column)), "[any, any]"),
        ("of strings", ports(port("x", 8, &column), port("y", 1, &column)), "type 8"),
        ("whole numbers", ports(port("x", 1, &column), port("y", 7, &column)), "type 7"),
        ("no input", model(&bytes(12, port("y", 1, &column))), "0 inputs"),
        ("100 MB", vec![0; 100_000_000], "65536"),
        ("an .ort file", [b"\0\0\0\0ORTM".to_vec(), good.clone()].concat(), ".ort"),
        ("empty", Vec::new(), "no graph"),
        ("a group", vec![7 << 3 | 3], "wire type 3"),
        ("endless length", [varint(7 << 3 | 2), varint(u64::MAX)].concat(), "ends early"),
    ]
}

#[test]
fn hostile_models_are_refused_before_anything_runs_them() {
    for (name, model, why) in hostile() {
        let error = check(&model).expect_err(name);
        assert!(error.to_string().contains(why), "{name}: {error}");
        let kinds = [ErrorKind::Corrupt, ErrorKind::Unsupported, ErrorKind::LimitExceeded];
        assert!(kinds.contains(&error.kind()), "{name}: {error}");
        // The engine answers the same, with or without ONNX Runtime's library.
        let refused = OnnxRuntime.open(&model).expect_err(name);
        assert_eq!(refused.to_string(), error.to_string());
    }
    let good = bent(&[(0.0, 0.0), (0.3, 0.7), (1.0, 1.0)]);
    check(&good).unwrap();
    for len in 0..good.len() {
        // Cut between fields, what is left may be a whole model of fewer texts; else it is refused.
        let _ = check(&good[..len]);
    }
    assert!(check(&good[..good.len() / 2]).is_err());
    let mut random = Random::new(seed());
    for _ in 0..20_000 {
        let mut damaged = good.clone();
        let at = random.below(damaged.len() as u64) as usize;
        damaged[at] = random.next_u64() as u8;
        let _ = check(&damaged);
    }
}

/// Runs an ignored test of this binary in a process of its own.
fn alone(test: &str, library: &str) -> std::process::Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("ORT_DYLIB_PATH", library);
    command.output().unwrap()
}

#[test]
fn without_the_library_an_error_says_what_to_do() {
    let output = alone("model::says_what_is_missing", "/nowhere/libonnxruntime.so");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn says_what_is_missing() {
    let error = OnnxRuntime.open(&line(1.0, 0.0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for part in ["/nowhere/libonnxruntime.so", "ORT_DYLIB_PATH", "Install"] {
        assert!(error.message().contains(part), "{error}");
    }
    // All else works.
    let mut random = Random::new(seed());
    let folder = tempfile::tempdir().unwrap();
    let keys = table(folder.path(), &mut random);
    let dataset = open(folder.path());
    let trial =
        train(&dataset, &line(1.0, 0.0), &(Arc::new(Function::new(|x| x)) as Arc<dyn Engine>));
    dataset.store_model(&trial, true).unwrap();
    let dataset = open(folder.path());
    let models = trusting(&dataset, &trial, Arc::new(OnnxRuntime));
    check_rows(&dataset, &keys, Some(models), &mut random);
}

/// A table whose index real models predict in ONNX Runtime.
#[test]
#[ignore = "needs ONNX Runtime's library: tools/test.sh onnx"]
fn models_run_in_onnx_runtime() {
    let library = std::env::var("ORT_DYLIB_PATH").expect("ORT_DYLIB_PATH names the library");
    assert!(Path::new(&library).is_file(), "{library} is not there");
    let mut random = Random::new(seed());
    let engine: Arc<dyn Engine> = Arc::new(OnnxRuntime);
    let folder = tempfile::tempdir().unwrap();
    let keys = table(folder.path(), &mut random);
    // Bends where the keys of the first file do.
    let first = &keys[..ROWS as usize];
    let (low, high) = (first[0] as f32, first[first.len() - 1] as f32);
    let points = (0..=32usize).map(|at| {
        let row = at * (first.len() - 1) / 32;
        ((first[row] as f32 - low) / (high - low), row as f32 / first.len() as f32)
    });
    let mut points: Vec<(f32, f32)> = points.collect();
    points.dedup_by(|next, last| next.0 <= last.0);
    let mut windows = Vec::new();
    for model in [line(1.0, 0.0), bent(&points)] {
        let dataset = open(folder.path());
        let trial = train(&dataset, &model, &engine);
        for file in &trial.files {
            println!("{:?}\n{:?}\n{:?}\n{:?}", file.present, file.fences, file.linear, file.model);
        }
        windows.push(trial.files[0].model.window);
        dataset.store_model(&trial, true).unwrap();
        let dataset = open(folder.path());
        let models = trusting(&dataset, &trial, engine.clone());
        for reader in readers(&dataset, Some(models.clone())) {
            reader.verify().unwrap();
            assert!(reader.index(0).unwrap().is_some());
        }
        assert_eq!(check_rows(&dataset, &keys, Some(models), &mut random), 0);
        check_rows(&dataset, &keys, None, &mut random);
        // Bounds were taken with one model; another one in its place is found out.
        let lying = Function::new(|x| 0.9 - 0.8 * x);
        let lying = trusting(&dataset, &trial, Arc::new(lying));
        assert!(check_rows(&dataset, &keys, Some(lying), &mut random) > 0);
    }
    println!("windows: a line {:.2}, bends {:.2} vectors", windows[0], windows[1]);
    // What ONNX Runtime itself refuses is an error as well: an input that no node gives.
    let broken = model(&graph(&[node("Relu", &["nothing"], "y")], &[]));
    assert!(engine.open(&broken).unwrap_err().message().contains("does not take the model"));
}
