//! What files say of the order of their rows, and what a plan makes of it.

use ncf_core::SortKey;

use super::*;
use crate::dataset::CommonOrder;

fn key(column: &str, descending: bool) -> SortKey {
    SortKey { column: column.into(), descending, nulls_first: !descending }
}

/// Writes numbers, with the text of each, as a file that is said to be in an order.
fn write_sorted(
    root: &Path,
    name: &str,
    numbers: Vec<Option<i32>>,
    sorted_by: Vec<SortKey>,
) -> CommitFile {
    let path = format!("data/{name}.ncf");
    let sink = Box::new(LocalSink::create_new(root.join(&path)).unwrap());
    let texts: ArrayRef = Arc::new(StringArray::from_iter(
        numbers.iter().map(|number| number.map(|number| format!("{number:05}"))),
    ));
    let numbers: ArrayRef = Arc::new(Int32Array::from(numbers));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("s", texts)]).unwrap();
    let options = WriterOptions { block_rows: 1000, sorted_by, ..WriterOptions::default() };
    let mut writer = FileWriter::new(sink, schema(), options).unwrap();
    // In pieces that do not end where blocks do.
    for start in (0..batch.num_rows()).step_by(700) {
        writer.write(&batch.slice(start, 700.min(batch.num_rows() - start))).unwrap();
    }
    CommitFile { path, summary: writer.finish().unwrap(), partition_values: Default::default() }
}

fn opened(root: &Path, files: Vec<CommitFile>) -> Dataset {
    commit(root, CommitRequest { operation: Operation::Create, ..request(files) }).unwrap();
    Dataset::open(root, &DatasetOptions::default()).unwrap()
}

fn planned(dataset: &Dataset, columns: &[&str]) -> CommonOrder {
    let columns = Some(columns.iter().map(|name| (*name).to_owned()).collect());
    let wanted = ScanRequest { columns, with_order: true, ..ScanRequest::default() };
    CommonOrder::of(&dataset.plan(&wanted).unwrap())
}

fn numbers_of(range: std::ops::Range<i32>) -> Vec<Option<i32>> {
    range.map(Some).collect()
}

#[test]
fn a_file_says_that_it_is_in_order_only_where_all_rows_are() {
    let root = tempfile::tempdir().unwrap();
    let keys = vec![key("n", false), key("s", true)];
    let mut nulls_first = vec![None; 1500];
    nulls_first.extend(numbers_of(0..2500));
    let mut late = numbers_of(0..4000);
    late.swap(2999, 3000);
    let mut nulls_last = nulls_first.clone();
    nulls_last.rotate_left(1500);
    let cases = [
        ("sorted", numbers_of(0..4000), keys.clone(), 2),
        ("equal", vec![Some(7); 2100], keys.clone(), 2),
        ("nulls", nulls_first, keys.clone(), 2),
        ("late", late, keys.clone(), 0),
        ("nulls last", nulls_last, keys.clone(), 0),
        ("descending", (0..2000).rev().map(Some).collect(), vec![key("s", true)], 1),
        ("other way", (0..2000).rev().map(Some).collect(), keys, 0),
        ("nothing said", numbers_of(0..2000), Vec::new(), 0),
        ("no rows", Vec::new(), vec![key("n", false)], 0),
    ];
    for (name, numbers, keys, known) in cases {
        let file = write_sorted(root.path(), name, numbers, keys.clone());
        let path = root.path().join(&file.path);
        let reader = super::super::open_reader(&LocalStorage, &path).unwrap();
        assert_eq!(reader.clustering().unwrap(), keys[..known], "{name}");
        reader.verify().unwrap();
    }
    let unknown = WriterOptions { sorted_by: vec![key("x", false)], ..WriterOptions::default() };
    let sink = Box::new(ncf_file::MemorySink::new());
    assert!(FileWriter::new(sink, schema(), unknown).is_err());
}

#[test]
fn the_order_of_a_plan_is_what_all_its_files_and_columns_have() {
    let root = tempfile::tempdir().unwrap();
    let both = vec![key("n", false), key("s", false)];
    let files = vec![
        write_sorted(root.path(), "a", numbers_of(0..2000), both.clone()),
        write_sorted(root.path(), "b", numbers_of(5000..7000), both.clone()),
    ];
    let dataset = opened(root.path(), files);
    assert_eq!(planned(&dataset, &["s", "n"]).keys, both);
    assert_eq!(planned(&dataset, &["n"]).keys, both[..1]);
    assert_eq!(planned(&dataset, &["s"]).keys, []);
    let order = planned(&dataset, &["n"]);
    let splits = dataset.plan(&ScanRequest::default()).unwrap().splits;
    let [a, b] = splits.as_slice() else { panic!("{splits:?}") };
    let (a, b) = if a.file.ends_with("a.ncf") { (a, b) } else { (b, a) };
    assert!(order.follows(a, b) && !order.follows(b, a));
    // A column that is read as another type is in no order that is known.
    let mut wider = schema();
    wider.fields[0].field_type = DataType::Int64.into();
    let wanted = ScanRequest { schema: Some(wider), with_order: true, ..ScanRequest::default() };
    assert_eq!(CommonOrder::of(&dataset.plan(&wanted).unwrap()).keys, []);

    // One file in no order, unless it is left out.
    let more = vec![write_sorted(root.path(), "c", numbers_of(9000..9500), Vec::new())];
    commit(root.path(), request(more)).unwrap();
    let dataset = Dataset::open(root.path(), &DatasetOptions::default()).unwrap();
    assert_eq!(planned(&dataset, &["n"]).keys, []);
    let filter = Some(Predicate::compare("n", CompareOp::Lt, Scalar::Int(6000)));
    let wanted = ScanRequest { filter, with_order: true, ..ScanRequest::default() };
    assert_eq!(CommonOrder::of(&dataset.plan(&wanted).unwrap()).keys, both);
}
