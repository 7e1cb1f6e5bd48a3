//! What a scan must return, worked out row by row: the fields of a batch as scalars, for
//! `Predicate::evaluate`, and stored arrays as arrays of the schema that is asked for.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray,
    new_null_array,
};
use arrow_schema::{DataType as ArrowType, Fields};
use ncf::file::{scalar_at, to_values};
use ncf::{Field, FieldPath, FieldType, Predicate, Scalar, Schema, to_arrow_schema};

/// A column, or a field of a struct, in every row.
pub struct FieldRows {
    /// Where it is.
    pub path: FieldPath,
    /// Its type.
    pub field_type: FieldType,
    /// Its values; of nested fields any value where they are there.
    pub rows: Vec<Option<Scalar>>,
}

/// All columns and fields of structs of a batch. A field is null where a struct around it is.
pub fn field_rows(batch: &RecordBatch, schema: &Schema) -> Vec<FieldRows> {
    let mut found = Vec::new();
    for (field, array) in schema.fields.iter().zip(batch.columns()) {
        let there = vec![true; array.len()];
        add(&FieldPath::from(field.name.as_str()), field, array, &there, &mut found);
    }
    found
}

fn add(
    path: &FieldPath,
    field: &Field,
    array: &ArrayRef,
    there: &[bool],
    out: &mut Vec<FieldRows>,
) {
    let there: Vec<bool> =
        there.iter().enumerate().map(|(row, there)| *there && array.is_valid(row)).collect();
    let rows = match &field.field_type {
        FieldType::Value(data_type) => {
            let values = to_values(array, *data_type).expect("the array has the field's type");
            let value = |row| scalar_at(&values, row, *data_type).expect("a value of the type");
            there.iter().enumerate().map(|(row, there)| there.then(|| value(row))).collect()
        }
        _ => there.iter().map(|there| there.then_some(Scalar::Boolean(true))).collect(),
    };
    out.push(FieldRows { path: path.clone(), field_type: field.field_type.clone(), rows });
    if let FieldType::Struct(parts) = &field.field_type {
        for (part, child) in parts.iter().zip(array.as_struct().columns()) {
            let names = path.fields().iter().cloned().chain([part.name.clone()]).collect();
            add(&FieldPath::new(path.column(), names), part, child, &there, out);
        }
    }
}

/// Whether each row makes the predicate true.
pub fn matches(predicate: &Predicate, fields: &[FieldRows], rows: usize) -> Vec<bool> {
    let of = |path: &FieldPath| fields.iter().find(|field| field.path == *path);
    (0..rows)
        .map(|row| {
            let value = |path: &FieldPath| of(path).expect("a field").rows[row].clone();
            predicate.evaluate(&value) == Some(true)
        })
        .collect()
}

/// The rows of `batch` as rows of another schema: fewer fields, wider values, null where a field is
/// not stored.
pub fn reread(batch: &RecordBatch, stored: &Schema, wanted: &Schema) -> RecordBatch {
    let columns = wanted.fields.iter().map(|field| {
        match stored.fields.iter().position(|have| have.name == field.name) {
            Some(index) => cast(batch.column(index), &stored.fields[index], field),
            None => new_null_array(&field.field_type.to_arrow(), batch.num_rows()),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Arc::new(to_arrow_schema(wanted));
    RecordBatch::try_new_with_options(schema, columns.collect(), &options).expect("fits")
}

fn cast(array: &ArrayRef, stored: &Field, wanted: &Field) -> ArrayRef {
    let have = stored.field_type.parts();
    let parts = wanted.field_type.parts();
    let fields: Fields = parts.iter().map(Field::to_arrow).collect();
    let nulls = array.nulls().cloned();
    match &wanted.field_type {
        FieldType::Value(data_type) => {
            arrow_cast::cast(array, &data_type.to_arrow()).expect("a wider type")
        }
        FieldType::Struct(_) => {
            let columns = parts.iter().map(|part| {
                match have.iter().position(|have| have.name == part.name) {
                    Some(index) => cast(array.as_struct().column(index), &have[index], part),
                    None => new_null_array(&part.field_type.to_arrow(), array.len()),
                }
            });
            let columns = columns.collect();
            let made = StructArray::try_new_with_length(fields, columns, nulls, array.len());
            Arc::new(made.expect("fits"))
        }
        FieldType::Array(element) => {
            let list = array.as_list::<i32>();
            let values = cast(list.values(), &have[0], element);
            let field = Arc::new(element.to_arrow());
            Arc::new(
                ListArray::try_new(field, list.offsets().clone(), values, nulls).expect("fits"),
            )
        }
        FieldType::Map(_) => {
            let map = array.as_map();
            let columns = vec![
                cast(map.keys(), &have[0], &parts[0]),
                cast(map.values(), &have[1], &parts[1]),
            ];
            let entries = StructArray::try_new(fields, columns, None).expect("fits");
            let ArrowType::Map(field, _) = wanted.field_type.to_arrow() else { unreachable!() };
            let made = MapArray::try_new(field, map.offsets().clone(), entries, nulls, false);
            Arc::new(made.expect("fits"))
        }
    }
}
