//! Arrow's types through NCF and back: the same type, the same values, the same metadata.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, Float16Builder, MapBuilder, StringBuilder};
use arrow_array::types::{Float32Type, Int8Type, Int32Type};
use arrow_array::*;
use arrow_buffer::{ArrowNativeType, NullBuffer, i256};
use arrow_cast::cast;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{BAD_DATA, Folder, fails, good};

const ROWS: usize = 10_000;

/// Every seventh row is null.
fn sparse<T>(value: impl Fn(usize) -> T) -> impl Iterator<Item = Option<T>> {
    (0..ROWS).map(move |row| (row % 7 != 3).then(|| value(row)))
}

fn nulls() -> NullBuffer {
    (0..ROWS).map(|row| row % 7 != 3).collect()
}

fn list_type(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

fn lists() -> ListArray {
    let lists = sparse(|row| (0..row % 4).map(|at| Some((row + at) as f32)).collect::<Vec<_>>());
    ListArray::from_iter_primitive::<Float32Type, _, _>(lists)
}

fn vectors(width: i32, elements: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let field = Field::new("x", elements.data_type().clone(), elements.null_count() > 0);
    Arc::new(FixedSizeListArray::new(Arc::new(field), width, elements, nulls))
}

fn flat_columns() -> Vec<(&'static str, ArrayRef)> {
    let mut bytes = FixedSizeBinaryBuilder::new(3);
    let mut halves = Float16Builder::new();
    for row in 0..ROWS {
        if row % 7 == 3 {
            bytes.append_null();
            halves.append_null();
        } else {
            bytes.append_value([row as u8, 0, 255]).unwrap();
            halves.append_value(half(row));
        }
    }
    let text =
        |row: usize| format!("a text that is long enough to be no inline view {}", row % 300);
    let zone = |unit| DataType::Timestamp(unit, Some("Europe/Paris".into()));
    let instants: ArrayRef = Arc::new(sparse(|row| row as i64 * 1000).collect::<Int64Array>());
    let decimals = sparse(|row| i256::from_i128(row as i128)).collect::<Decimal256Array>();
    vec![
        ("u8", Arc::new(sparse(|row| row as u8).collect::<UInt8Array>())),
        ("u16", Arc::new(sparse(|row| u16::MAX - row as u16).collect::<UInt16Array>())),
        ("u32", Arc::new(sparse(|row| u32::MAX - row as u32).collect::<UInt32Array>())),
        ("u64", Arc::new(sparse(|row| u64::MAX - row as u64).collect::<UInt64Array>())),
        ("s", Arc::new(sparse(|row| row as i32).collect::<Time32SecondArray>())),
        ("ms", Arc::new(sparse(|row| row as i32).collect::<Time32MillisecondArray>())),
        ("us", Arc::new(sparse(|row| row as i64).collect::<Time64MicrosecondArray>())),
        ("ns", Arc::new(sparse(|row| row as i64).collect::<Time64NanosecondArray>())),
        ("bytes", Arc::new(bytes.finish())),
        ("half", Arc::new(halves.finish())),
        ("view", Arc::new(sparse(text).collect::<StringViewArray>())),
        ("bytes_view", Arc::new(sparse(text).collect::<BinaryViewArray>())),
        ("large", Arc::new(sparse(text).collect::<LargeStringArray>())),
        ("large_bytes", Arc::new(sparse(text).collect::<LargeBinaryArray>())),
        ("seconds", cast(&instants, &zone(TimeUnit::Second)).unwrap()),
        ("nanos", cast(&instants, &zone(TimeUnit::Nanosecond)).unwrap()),
        ("millis", cast(&instants, &DataType::Timestamp(TimeUnit::Millisecond, None)).unwrap()),
        ("days", Arc::new(sparse(|row| row as i64 * 86_400_000).collect::<Date64Array>())),
        ("wide", Arc::new(decimals.with_precision_and_scale(38, 3).unwrap())),
        ("none", Arc::new(NullArray::new(ROWS))),
        ("codes", Arc::new(sparse(|row| row as u32).collect::<UInt32Array>())),
    ]
}

fn half(row: usize) -> <arrow_array::types::Float16Type as ArrowPrimitiveType>::Native {
    ArrowNativeType::usize_as(row % 100)
}

fn folded_columns() -> Vec<(&'static str, ArrayRef)> {
    let texts: Vec<_> = sparse(|row| format!("{}", row / 100)).collect();
    let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
    let plain: ArrayRef = Arc::new(StringArray::from(texts.clone()));
    let numbers: ArrayRef = Arc::new(sparse(|row| (row / 50) as u32).collect::<UInt32Array>());
    let key = |key, value| DataType::Dictionary(Box::new(key), Box::new(value));
    let runs = DataType::RunEndEncoded(
        Arc::new(Field::new("run_ends", DataType::Int32, false)),
        Arc::new(Field::new("values", DataType::Utf8, true)),
    );
    let dictionary: DictionaryArray<Int8Type> = texts.into_iter().collect();
    vec![
        ("dictionary", Arc::new(dictionary)),
        ("large_values", cast(&plain, &key(DataType::UInt16, DataType::LargeUtf8)).unwrap()),
        ("numbers", cast(&numbers, &key(DataType::Int32, DataType::UInt32)).unwrap()),
        ("runs", cast(&plain, &runs).unwrap()),
    ]
}

fn nested_columns() -> Vec<(&'static str, ArrayRef)> {
    let lists: ArrayRef = Arc::new(lists());
    let item = |element| Arc::new(Field::new("item", element, true));
    let bytes = cast(&lists, &list_type(DataType::UInt32)).unwrap();
    let floats: ArrayRef =
        Arc::new((0..ROWS * 32).map(|at| Some(at as f32)).collect::<Float32Array>());
    let pairs: ArrayRef =
        Arc::new((0..ROWS * 2).map(|at| Some(at as u16)).collect::<UInt16Array>());
    let mut maps = MapBuilder::new(None, StringBuilder::new(), builder::UInt16Builder::new());
    for row in 0..ROWS {
        maps.keys().append_value("k");
        maps.values().append_value(row as u16);
        maps.append(row % 7 != 3).unwrap();
    }
    let unit = HashMap::from([("unit".to_string(), "m".to_string())]);
    let parts: Fields = vec![
        Field::new("a", DataType::UInt16, true).with_metadata(unit),
        Field::new("b", DataType::Time32(TimeUnit::Second), true),
    ]
    .into();
    let seconds: ArrayRef = Arc::new(sparse(|row| row as i32).collect::<Time32SecondArray>());
    let shorts: ArrayRef = Arc::new(sparse(|row| row as u16).collect::<UInt16Array>());
    let structs = StructArray::new(parts, vec![shorts, seconds], Some(nulls()));
    vec![
        ("list", bytes),
        ("large_list", cast(&lists, &DataType::LargeList(item(DataType::UInt32))).unwrap()),
        ("list_view", cast(&lists, &DataType::ListView(item(DataType::Float32))).unwrap()),
        ("embedding", vectors(32, Arc::clone(&floats), None)),
        ("sparse", vectors(32, floats, Some(nulls()))),
        ("pairs", vectors(2, pairs, Some(nulls()))),
        ("map", Arc::new(maps.finish())),
        ("struct", Arc::new(structs)),
    ]
}

fn batch() -> RecordBatch {
    let mut columns = flat_columns();
    columns.extend(folded_columns());
    columns.extend(nested_columns());
    let comment = HashMap::from([("comment".to_string(), "of the test".to_string())]);
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            let nullable = array.is_nullable() || *array.data_type() == DataType::Null;
            Field::new(*name, array.data_type().clone(), nullable).with_metadata(comment.clone())
        })
        .collect();
    let metadata = HashMap::from([("made by".to_string(), "a test".to_string())]);
    let schema = Schema::new(fields).with_metadata(metadata);
    let columns = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn write_arrow(path: &str, batch: &RecordBatch) {
    let mut writer = FileWriter::try_new(File::create(path).unwrap(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
}

fn read_arrow(path: &str) -> (SchemaRef, Vec<RecordBatch>) {
    let reader = FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    (reader.schema(), reader.map(Result::unwrap).collect())
}

fn write_parquet(path: &str, batch: &RecordBatch) {
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn read_parquet(path: &str) -> (SchemaRef, Vec<RecordBatch>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let reader = builder.with_batch_size(ROWS).build().unwrap();
    (schema, reader.map(Result::unwrap).collect())
}

/// Dictionaries and runs may be cut otherwise; what they stand for may not.
fn plain(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values).unwrap(),
        DataType::RunEndEncoded(_, values) => cast(array, values.data_type()).unwrap(),
        _ => Arc::clone(array),
    }
}

#[track_caller]
fn same(found: &(SchemaRef, Vec<RecordBatch>), schema: &SchemaRef, batch: &RecordBatch) {
    for (found, wanted) in found.0.fields().iter().zip(schema.fields()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(&found.0, schema);
    let mut row = 0;
    for part in &found.1 {
        let wanted = batch.slice(row, part.num_rows());
        for (at, (found, wanted)) in part.columns().iter().zip(wanted.columns()).enumerate() {
            let (found, wanted) = (plain(found), plain(wanted));
            assert!(*found == *wanted, "{} from row {row}: {found:?} {wanted:?}", schema.field(at));
        }
        row += part.num_rows();
    }
    assert_eq!(row, batch.num_rows());
}

#[test]
fn arrow_types_come_back_from_arrow_files() {
    let folder = Folder::new();
    let (from, file, to) = (folder.path("a.arrow"), folder.path("a.ncf"), folder.path("b.arrow"));
    let batch = batch();
    write_arrow(&from, &batch);
    good(&["convert", &from, &file]);
    good(&["verify", &file]);
    good(&["convert", &file, &to]);
    same(&read_arrow(&to), &batch.schema(), &batch);
    // Sorted rows and NCF again keep everything as well.
    good(&["convert", &file, &folder.path("c.ncf"), "--sort-by", "u64"]);
    good(&["convert", &folder.path("c.ncf"), &to]);
    assert_eq!(read_arrow(&to).0, batch.schema());
}

#[test]
fn arrow_types_come_back_from_parquet_files() {
    let folder = Folder::new();
    let (from, file) = (folder.path("a.parquet"), folder.path("a.ncf"));
    let to = folder.path("b.parquet");
    let batch = batch();
    write_parquet(&from, &batch);
    good(&["convert", &from, &file]);
    good(&["convert", &file, &to]);
    let (schema, batches) = read_parquet(&from);
    same(&read_parquet(&to), &schema, &batches[0]);
    assert_eq!(schema.field(0).data_type(), &DataType::UInt8);
    assert_eq!(schema.field(0).metadata()["comment"], "of the test");
}

#[test]
fn text_and_conditions_know_times_and_unsigned_numbers() {
    let folder = Folder::new();
    let (from, file) = (folder.path("a.arrow"), folder.path("a.ncf"));
    write_arrow(&from, &batch());
    good(&["convert", &from, &file]);
    let cat = |condition: &str| {
        good(&[
            "cat",
            &file,
            "--columns",
            "u8,u64,s,ns,struct",
            "--format",
            "jsonl",
            "--where",
            condition,
        ])
    };
    assert_eq!(
        cat("s = '00:01:40'"),
        "{\"u8\":100,\"u64\":18446744073709551515,\"s\":\"00:01:40\",\"ns\":\"00:00:00.000000100\",\
         \"struct\":{\"a\":100,\"b\":\"00:01:40\"}}\n"
    );
    // 18446744073709551615 is above, not below zero.
    assert_eq!(cat("u64 >= 18446744073709551614").lines().count(), 2);
    assert_eq!(
        cat("u8 > 250 AND u16 > 60000").lines().count(),
        cat("u8 > 250 AND u16 > 60000 AND u8 < 256").lines().count()
    );
    assert_eq!(cat("ns < '00:00:00.000000002'").lines().count(), 2);
    assert!(fails(2, &["cat", &file, "--where", "s = '25:00'"]).contains("hh:mm"));
    assert!(good(&["info", &file]).contains("uint8"));
}

#[test]
fn hints_that_do_not_fit_are_left_alone_and_times_of_no_day_refused() {
    let folder = Folder::new();
    let (from, file) = (folder.path("a.arrow"), folder.path("a.ncf"));
    let times: ArrayRef = Arc::new(Time32SecondArray::from(vec![86_400]));
    write_arrow(&from, &RecordBatch::try_from_iter([("t", times)]).unwrap());
    assert!(fails(BAD_DATA, &["convert", &from, &file]).contains("column t"));
    let metadata = [("ncf.arrow", "UInt8"), ("ncf.type", "uint64")];
    let metadata = metadata.map(|(key, value)| (key.to_string(), value.to_string()));
    let field = Field::new("n", DataType::Int16, false).with_metadata(HashMap::from(metadata));
    let numbers: ArrayRef = Arc::new(Int16Array::from(vec![-1]));
    let schema = Arc::new(Schema::new(vec![field]));
    write_arrow(&from, &RecordBatch::try_new(schema, vec![numbers]).unwrap());
    let back = folder.path("b.arrow");
    good(&["convert", &from, &file]);
    good(&["convert", &file, &back]);
    assert_eq!(read_arrow(&back).0.field(0), &Field::new("n", DataType::Int16, false));
}

#[test]
fn field_ids_of_parquet_are_kept() {
    let folder = Folder::new();
    let (from, file) = (folder.path("a.parquet"), folder.path("a.ncf"));
    let with_id = |field: Field, id: u32| {
        let key = parquet::arrow::PARQUET_FIELD_ID_META_KEY.to_string();
        field.with_metadata(HashMap::from([(key, id.to_string())]))
    };
    let element = Arc::new(with_id(Field::new("element", DataType::Int32, true), 30));
    let fields = vec![
        with_id(Field::new("list", DataType::List(element), true), 9),
        with_id(Field::new("n", DataType::Int32, true), 4),
    ];
    let lists: ListArray =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    let lists = cast(&(Arc::new(lists) as ArrayRef), fields[0].data_type()).unwrap();
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![lists, numbers]).unwrap();
    write_parquet(&from, &batch);
    good(&["convert", &from, &file]);
    let info: serde_json::Value = serde_json::from_str(&good(&["info", &file, "--json"])).unwrap();
    assert_eq!((&info["columns"][0]["id"], &info["columns"][1]["id"]), (&9.into(), &4.into()));
    let again = folder.path("b.parquet");
    good(&["convert", &file, &again]);
    assert_eq!(read_parquet(&again).0, read_parquet(&from).0);
}
