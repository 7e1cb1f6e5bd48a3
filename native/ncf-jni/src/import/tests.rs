//! Good batches survive the crossing; bad ones are errors.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal64Array, Decimal128Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow_data::ffi::FFI_ArrowArray;
use ncf::{DataType, ErrorKind, Field, Result, Schema};

use super::{MAX_ROWS, RawArray, arrow_schema, import_batch};

mod nested;

fn schema(types: &[DataType]) -> Schema {
    let fields =
        (1..).zip(types).map(|(id, data_type)| Field::new(id, format!("c{id}"), *data_type, true));
    Schema::new(fields.collect()).unwrap()
}

fn batch(schema: &Schema, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(arrow_schema(schema), columns).unwrap()
}

fn all_types() -> (Schema, RecordBatch) {
    let schema = schema(&[
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        DataType::Decimal { precision: 12, scale: 2 },
        DataType::Decimal { precision: 38, scale: 10 },
        DataType::String,
        DataType::Binary,
        DataType::Date,
        DataType::Timestamp,
        DataType::TimestampNtz,
    ]);
    let short = Decimal64Array::from(vec![Some(-5), None, Some(999_999_999_999), Some(0)]);
    let long = Decimal128Array::from(vec![Some(-(10_i128.pow(37))), Some(1), None, Some(0)]);
    let times = TimestampMicrosecondArray::from(vec![Some(-1), None, Some(i64::MAX), Some(0)]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
        Arc::new(Int8Array::from(vec![Some(-128), None, Some(1), Some(127)])),
        Arc::new(Int16Array::from(vec![1, 2, 3, 4])),
        Arc::new(Int32Array::from(vec![None::<i32>, None, None, None])),
        Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(1), Some(i64::MAX)])),
        Arc::new(Float64Array::from(vec![f64::NAN, -0.0, f64::INFINITY, 1.5])),
        Arc::new(short.with_precision_and_scale(12, 2).unwrap()),
        Arc::new(long.with_precision_and_scale(38, 10).unwrap()),
        Arc::new(StringArray::from(vec![Some("äöü"), None, Some(""), Some("𝄞 long enough")])),
        Arc::new(BinaryArray::from(vec![Some(&[0xff_u8, 0][..]), None, Some(&[]), Some(b"x")])),
        Arc::new(Date32Array::from(vec![-1, 0, 1, 20_000])),
        Arc::new(times.clone().with_timezone("UTC")),
        Arc::new(times),
    ];
    let batch = batch(&schema, columns);
    (schema, batch)
}

fn import(array: &FFI_ArrowArray, schema: &Schema) -> Result<RecordBatch> {
    let address = std::ptr::from_ref(array).expose_provenance() as i64;
    // SAFETY: arrow made the struct, or a test made it from valid memory.
    unsafe { import_batch(address, schema, &arrow_schema(schema)) }
}

fn export(batch: &RecordBatch) -> FFI_ArrowArray {
    FFI_ArrowArray::new(&StructArray::from(batch.clone()).into_data())
}

/// NaN equals NaN here: columns are compared by their bytes.
fn assert_same(one: &RecordBatch, other: &RecordBatch) {
    assert_eq!(one.schema(), other.schema());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn every_type_survives() {
    let (schema, batch) = all_types();
    let imported = {
        let exported = export(&batch);
        import(&exported, &schema).unwrap()
    };
    assert_same(&imported, &batch);
}

#[test]
fn slices_survive_with_their_offsets() {
    let (schema, batch) = all_types();
    for offset in 0..=4 {
        for rows in 0..=(4 - offset) {
            let slice = batch.slice(offset, rows);
            assert_same(&import(&export(&slice), &schema).unwrap(), &slice);
        }
    }
}

#[test]
fn a_batch_without_columns_has_rows() {
    let empty = Schema::default();
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(7));
    let batch = RecordBatch::try_new_with_options(arrow_schema(&empty), vec![], &options).unwrap();
    assert_eq!(import(&export(&batch), &empty).unwrap().num_rows(), 7);
}

/// A batch of one column, as structs that a test can spoil.
struct Crafted {
    buffers: [*const u8; 3],
    child: RawArray,
    rows: i64,
}

impl Crafted {
    fn new(rows: i64, buffers: [*const u8; 3], n_buffers: i64) -> Self {
        let child = RawArray {
            length: rows,
            null_count: 0,
            offset: 0,
            n_buffers,
            n_children: 0,
            buffers: std::ptr::null(),
            children: std::ptr::null(),
            dictionary: std::ptr::null(),
            _release: 0,
            _private_data: 0,
        };
        Self { buffers, child, rows }
    }

    fn strings(offsets: &[i32], data: &[u8]) -> Self {
        let rows = offsets.len() as i64 - 1;
        Self::new(rows, [std::ptr::null(), offsets.as_ptr().cast(), data.as_ptr()], 3)
    }

    /// The message of the error that importing gives.
    fn error(
        mut self,
        data_type: DataType,
        spoil: impl FnOnce(&mut RawArray, &mut RawArray),
    ) -> String {
        let schema = schema(&[data_type]);
        self.child.buffers = self.buffers.as_ptr();
        let mut root = RawArray { length: self.rows, n_buffers: 1, n_children: 1, ..self.child };
        let mut child = self.child;
        spoil(&mut root, &mut child);
        let children = [std::ptr::from_ref(&child)];
        if !root.children.is_null() || root.n_children == 1 {
            root.children = children.as_ptr();
        }
        let address = std::ptr::from_ref(&root).expose_provenance() as i64;
        // SAFETY: everything that the structs point to lives until the end of this function.
        let error = unsafe { import_batch(address, &schema, &arrow_schema(&schema)) }.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        error.to_string()
    }
}

#[test]
fn bad_offsets_are_errors() {
    for offsets in [[0, 5, 3], [-1, 2, 3], [3, 2, 1], [0, i32::MIN, 4]] {
        let error = Crafted::strings(&offsets, b"abcdefgh").error(DataType::String, |_, _| {});
        assert!(error.contains("offsets of strings"), "{error}");
        assert!(error.contains("column c1"), "{error}");
    }
}

#[test]
fn text_is_checked() {
    let error = Crafted::strings(&[0, 1, 2], b"\xff\xfe").error(DataType::String, |_, _| {});
    assert!(error.contains("binary"), "{error}");
    // Valid as a whole, but cut inside a character.
    Crafted::strings(&[0, 1, 2], "ä".as_bytes()).error(DataType::String, |_, _| {});
}

#[test]
fn bad_counts_are_errors() {
    let values = [1_i64, 2];
    let made = || Crafted::new(2, [std::ptr::null(), values.as_ptr().cast(), std::ptr::null()], 2);
    let spoils: [fn(&mut RawArray, &mut RawArray); 14] = [
        |_, child| child.length = 3,
        |_, child| child.length = -1,
        |root, child| (root.length, child.length) = (MAX_ROWS + 1, MAX_ROWS + 1),
        |root, _| root.length = i64::MIN,
        |root, _| root.offset = 1,
        |root, _| root.null_count = 1,
        |root, _| root.n_children = 0,
        |root, _| root.n_children = 2,
        |_, child| child.offset = i64::MAX,
        |_, child| child.offset = -1,
        |_, child| child.null_count = 1,
        |_, child| child.n_buffers = 1,
        |_, child| child.n_children = 1,
        |_, child| child.buffers = std::ptr::null(),
    ];
    for spoil in spoils {
        made().error(DataType::Int64, spoil);
    }
    // SAFETY: 0 is allowed.
    let null = unsafe { import_batch(0, &Schema::default(), &arrow_schema(&Schema::default())) };
    assert_eq!(null.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let empty = Crafted::new(2, [std::ptr::null(); 3], 2).error(DataType::Int64, |_, _| {});
    assert!(empty.contains("a buffer is null"), "{empty}");
}

#[test]
fn null_counts_and_digits_are_checked() {
    let values = [1_000_i64, 2];
    let validity = [0b01_u8];
    let made = || Crafted::new(2, [validity.as_ptr(), values.as_ptr().cast(), std::ptr::null()], 2);
    let error = made().error(DataType::Int64, |_, child| child.null_count = 2);
    assert!(error.contains("1 values are null, not 2"), "{error}");
    made().error(DataType::Decimal { precision: 3, scale: 0 }, |_, _| {});
}
