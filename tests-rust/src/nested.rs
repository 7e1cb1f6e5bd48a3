//! Random nested schemas and rows of them, with what Arrow allows and writers must not trust: values
//! under null structs, elements of null lists, slices.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType as ArrowType, Field as ArrowField, Fields};
use ncf::{Field, FieldType, Schema};

use crate::{Random, flat_schema, random_column};

/// A schema of a flat `key` and some columns that nest up to `depth` deep.
pub fn nested_schema(columns: usize, depth: u32, random: &mut Random) -> Schema {
    let mut next = 1;
    let mut fields = vec![Field::new(1, "key", ncf::DataType::Int32, true)];
    for column in 0..columns {
        fields.push(random_field(format!("n{column}"), depth, &mut next, random));
    }
    Schema::new(fields).expect("names and ids are unique")
}

fn random_field(name: String, depth: u32, next: &mut u32, random: &mut Random) -> Field {
    *next += 1;
    let id = *next;
    let field_type = match random.below(if depth == 0 { 1 } else { 4 }) {
        0 => {
            let types = flat_schema().fields;
            types[random.below(types.len() as u64) as usize].field_type.clone()
        }
        1 => FieldType::Array(Box::new(random_field("element".into(), depth - 1, next, random))),
        2 => {
            let key = random_field("key".into(), 0, next, random);
            let value = random_field("value".into(), depth - 1, next, random);
            FieldType::Map(Box::new([Field { nullable: false, ..key }, value]))
        }
        _ => {
            let parts = 1 + random.below(3);
            let part = |part| random_field(format!("p{part}"), depth - 1, next, random);
            FieldType::Struct((0..parts).map(part).collect())
        }
    };
    Field::new(id, name, field_type, true)
}

/// Random values of a field.
pub fn random_values(field: &Field, rows: usize, random: &mut Random) -> ArrayRef {
    // Drawn with a row more at each end and cut, so that offsets do not begin at 0.
    let whole = values(field, rows + 2, random);
    whole.slice(1, rows)
}

fn values(field: &Field, rows: usize, random: &mut Random) -> ArrayRef {
    let parts = field.field_type.parts();
    let fields: Fields = parts.iter().map(Field::to_arrow).collect();
    let nulls = field.nullable.then(|| random_nulls(rows, random)).flatten();
    match &field.field_type {
        FieldType::Value(data_type) => random_column(*data_type, rows, !field.nullable, random),
        FieldType::Struct(_) => {
            let columns = parts.iter().map(|part| values(part, rows, random)).collect();
            Arc::new(StructArray::try_new_with_length(fields, columns, nulls, rows).expect("fits"))
        }
        FieldType::Array(element) => {
            let (offsets, total) = random_offsets(rows, random);
            let elements = values(element, total, random);
            let field = Arc::new(element.to_arrow());
            Arc::new(ListArray::try_new(field, offsets, elements, nulls).expect("fits"))
        }
        FieldType::Map(_) => {
            let (offsets, total) = random_offsets(rows, random);
            let columns = parts.iter().map(|part| values(part, total, random)).collect();
            let entries = StructArray::try_new(fields.clone(), columns, None).expect("fits");
            let field = ArrowField::new("entries", ArrowType::Struct(fields), false);
            let map = MapArray::try_new(Arc::new(field), offsets, entries, nulls, false);
            Arc::new(map.expect("fits"))
        }
    }
}

fn random_nulls(rows: usize, random: &mut Random) -> Option<NullBuffer> {
    let rate = [0, 2, 7][random.below(3) as usize];
    (rate > 0).then(|| (0..rows).map(|_| !random.one_in(rate)).collect())
}

/// Offsets of lists of 0 to 4 elements, and how many elements they speak of.
fn random_offsets(rows: usize, random: &mut Random) -> (OffsetBuffer<i32>, usize) {
    let most = 1 + random.below(5);
    let lengths: Vec<usize> = (0..rows).map(|_| random.below(most) as usize).collect();
    let total = lengths.iter().sum();
    (OffsetBuffer::from_lengths(lengths), total)
}
