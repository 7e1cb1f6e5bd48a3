//! Arrays, maps and structs, good and bad, at every level.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, ListArray, MapArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::DataType as ArrowType;
use ncf::{DataType, ErrorKind, Field, FieldType, Schema};

use super::super::{RawArray, arrow_schema, import_batch};
use super::{assert_same, batch, export, import};

/// One column `c`: `array<struct<n: int, m: map<string, array<boolean>>>>`.
fn schema() -> Schema {
    let flags = FieldType::Array(Box::new(Field::new(7, "element", DataType::Boolean, true)));
    let map = FieldType::Map(Box::new([
        Field::new(5, "key", DataType::String, false),
        Field::new(6, "value", flags, true),
    ]));
    let element = FieldType::Struct(vec![
        Field::new(3, "n", DataType::Int32, true),
        Field::new(4, "m", map, true),
    ]);
    let column = FieldType::Array(Box::new(Field::new(2, "element", element, true)));
    Schema::new(vec![Field::new(1, "c", column, true)]).unwrap()
}

fn offsets(lengths: &[usize]) -> OffsetBuffer<i32> {
    OffsetBuffer::from_lengths(lengths.iter().copied())
}

/// Four rows: three structs, null, none, one null struct and one with an empty map.
fn good() -> (Schema, RecordBatch) {
    let schema = schema();
    let arrow = arrow_schema(&schema);
    let ArrowType::List(element) = arrow.field(0).data_type() else { panic!("no list") };
    let ArrowType::Struct(parts) = element.data_type() else { panic!("no struct") };
    let ArrowType::Map(entries, _) = parts[1].data_type() else { panic!("no map") };
    let ArrowType::Struct(entry) = entries.data_type() else { panic!("no entries") };
    let ArrowType::List(flag) = entry[1].data_type() else { panic!("no list") };

    let flags = BooleanArray::from(vec![Some(true), None, Some(false)]);
    let flags = ListArray::new(
        flag.clone(),
        offsets(&[2, 0, 0, 1]),
        Arc::new(flags),
        Some(NullBuffer::from(vec![true, true, false, true])),
    );
    let keys = StringArray::from(vec!["a", "", "größe", "a"]);
    let pairs: Vec<ArrayRef> = vec![Arc::new(keys), Arc::new(flags)];
    let maps = MapArray::new(
        entries.clone(),
        offsets(&[3, 0, 1, 0, 0]),
        StructArray::new(entry.clone(), pairs, None),
        Some(NullBuffer::from(vec![true, false, true, false, true])),
        false,
    );
    let numbers = Int32Array::from(vec![Some(1), None, Some(3), None, Some(-5)]);
    let structs = StructArray::new(
        parts.clone(),
        vec![Arc::new(numbers), Arc::new(maps)],
        Some(NullBuffer::from(vec![true, true, true, false, true])),
    );
    let column = ListArray::new(
        element.clone(),
        offsets(&[3, 0, 0, 2]),
        Arc::new(structs),
        Some(NullBuffer::from(vec![true, false, true, true])),
    );
    let batch = batch(&schema, vec![Arc::new(column)]);
    (schema, batch)
}

#[test]
fn nested_values_survive_whole_and_sliced() {
    let (schema, batch) = good();
    for offset in 0..=4 {
        for rows in 0..=(4 - offset) {
            let slice = batch.slice(offset, rows);
            let imported = import(&export(&slice), &schema).unwrap();
            assert_eq!(imported, slice);
            assert_same(&imported.slice(0, rows), &slice);
        }
    }
}

#[test]
fn a_struct_may_have_no_fields() {
    let schema = Schema::new(vec![Field::new(1, "c", FieldType::Struct(vec![]), true)]).unwrap();
    let nulls = NullBuffer::from(vec![true, false, true]);
    let column = StructArray::new_empty_fields(3, Some(nulls));
    let batch = batch(&schema, vec![Arc::new(column)]);
    assert_eq!(import(&export(&batch), &schema).unwrap(), batch);
}

/// Copies of the structs of a batch, which a test can spoil.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "addresses of the structs must stay when the vector grows")]
struct Copies {
    arrays: Vec<Box<RawArray>>,
    children: Vec<Vec<*const RawArray>>,
}

impl Copies {
    /// Copies `array` and all below it; the one at `path` is given to `spoil`.
    fn copy(
        &mut self,
        array: *const RawArray,
        path: Option<&[usize]>,
        spoil: &dyn Fn(&mut RawArray),
    ) -> *const RawArray {
        // SAFETY: arrow made the struct.
        let mut copy = unsafe { array.read_unaligned() };
        let children = (0..usize::try_from(copy.n_children).unwrap())
            .map(|index| {
                let below = path.and_then(<[usize]>::split_first).filter(|(at, _)| **at == index);
                // SAFETY: arrow made the table of children.
                let child = unsafe { copy.children.add(index).read_unaligned() };
                self.copy(child, below.map(|(_, rest)| rest), spoil)
            })
            .collect::<Vec<_>>();
        copy.children = children.as_ptr();
        self.children.push(children);
        if path.is_some_and(<[usize]>::is_empty) {
            spoil(&mut copy);
        }
        self.arrays.push(Box::new(copy));
        std::ptr::from_ref(&**self.arrays.last().unwrap())
    }
}

/// The message of the error that the good batch gives with one array spoilt.
fn error(path: &[usize], spoil: &dyn Fn(&mut RawArray)) -> String {
    let (schema, batch) = good();
    let exported: FFI_ArrowArray = export(&batch);
    let mut copies = Copies::default();
    let root = copies.copy(std::ptr::from_ref(&exported).cast(), Some(path), spoil);
    let address = root.expose_provenance() as i64;
    // SAFETY: everything that the structs point to lives until the end of this function.
    let error = unsafe { import_batch(address, &schema, &arrow_schema(&schema)) }.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    error.to_string()
}

/// Every array of the batch: column, structs, `n`, `m`, entries, keys, flags, their bits.
const PATHS: [&[usize]; 8] = [
    &[0],
    &[0, 0],
    &[0, 0, 0],
    &[0, 0, 1],
    &[0, 0, 1, 0],
    &[0, 0, 1, 0, 0],
    &[0, 0, 1, 0, 1],
    &[0, 0, 1, 0, 1, 0],
];

#[test]
fn bad_counts_are_errors_at_every_level() {
    let spoils: [&dyn Fn(&mut RawArray); 13] = [
        &|array| array.length = -1,
        &|array| array.length = 0,
        &|array| array.length = i64::MAX,
        &|array| array.length = i64::from(i32::MAX) + 1,
        &|array| array.offset = -1,
        &|array| array.offset = i64::MAX,
        &|array| array.null_count = i64::MAX,
        &|array| array.n_buffers += 1,
        &|array| array.n_buffers = i64::MIN,
        &|array| array.n_children += 1,
        &|array| array.n_children = -1,
        &|array| array.buffers = std::ptr::null(),
        &|array| array.dictionary = std::ptr::dangling(),
    ];
    for path in PATHS {
        for spoil in spoils {
            assert!(error(path, spoil).contains('c'), "{path:?}");
        }
    }
    for path in [&[0][..], &[0, 0], &[0, 0, 1], &[0, 0, 1, 0], &[0, 0, 1, 0, 1]] {
        error(path, &|array| array.children = std::ptr::null());
    }
}

#[test]
fn bad_offsets_are_errors_at_every_level() {
    for path in [&[0][..], &[0, 0, 1], &[0, 0, 1, 0, 0], &[0, 0, 1, 0, 1]] {
        for bad in [[0, 5, 3, 5, 5, 5], [-1, 0, 0, 1, 1, 1], [0, 0, 0, 0, i32::MIN, 2]] {
            let buffers = [std::ptr::null(), bad.as_ptr().cast::<u8>(), std::ptr::null()];
            let message = error(path, &|array| array.buffers = buffers.as_ptr());
            assert!(message.contains("offsets"), "{message}");
        }
    }
    // They ascend, but past the end of the child.
    for path in [&[0][..], &[0, 0, 1], &[0, 0, 1, 0, 1]] {
        let long = [0, 1, 1, 1, 6, i32::MAX];
        let buffers = [std::ptr::null(), long.as_ptr().cast::<u8>()];
        let message = error(path, &|array| {
            array.buffers = buffers.as_ptr();
            array.null_count = 0;
        });
        assert!(message.contains("are used"), "{message}");
    }
}

#[test]
fn keys_and_entries_are_never_null() {
    let none = [0_u8];
    let validity = [none.as_ptr(), std::ptr::null()];
    error(&[0, 0, 1, 0], &|array| (array.null_count, array.buffers) = (4, validity.as_ptr()));
    let (offsets, text) = ([0, 0, 0, 0, 0], [0_u8]);
    let keys = [none.as_ptr(), offsets.as_ptr().cast::<u8>(), text.as_ptr()];
    error(&[0, 0, 1, 0, 0], &|array| (array.null_count, array.buffers) = (4, keys.as_ptr()));
}
