//! Values as JSON, nested ones included: structs are objects, arrays arrays, maps objects whose names
//! are the keys' texts. NaN and infinities, which JSON lacks, are strings.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType as ArrowType, Fields};
use ncf::Result;

use super::writing;

/// Appends row `row` of an array as JSON.
pub(super) fn push_json(line: &mut String, array: &ArrayRef, row: usize) -> Result<()> {
    if array.is_null(row) {
        line.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        ArrowType::Struct(fields) => push_struct(line, fields, array.as_struct().columns(), row),
        ArrowType::List(_) => {
            let elements = array.as_list::<i32>().value(row);
            line.push('[');
            for at in 0..elements.len() {
                line.push_str(if at == 0 { "" } else { "," });
                push_json(line, &elements, at)?;
            }
            line.push(']');
            Ok(())
        }
        ArrowType::Map(..) => {
            let entries = array.as_map().value(row);
            line.push('{');
            for at in 0..entries.len() {
                line.push_str(if at == 0 { "" } else { "," });
                let [key, value] = entries.columns() else { continue };
                let mut name = String::new();
                push_json(&mut name, key, at)?;
                match name.starts_with('"') {
                    true => line.push_str(&name),
                    false => push_text(line, &name),
                }
                line.push(':');
                push_json(line, value, at)?;
            }
            line.push('}');
            Ok(())
        }
        _ => {
            let text = text(array, row)?;
            match is_literal(array, row) {
                true => line.push_str(&text),
                false => push_text(line, &text),
            }
            Ok(())
        }
    }
}

fn push_struct(line: &mut String, fields: &Fields, columns: &[ArrayRef], row: usize) -> Result<()> {
    line.push('{');
    for (at, (field, column)) in fields.iter().zip(columns).enumerate() {
        line.push_str(if at == 0 { "" } else { "," });
        push_text(line, field.name());
        line.push(':');
        push_json(line, column, row)?;
    }
    line.push('}');
    Ok(())
}

/// A value that is not nested as text.
fn text(array: &ArrayRef, row: usize) -> Result<String> {
    let array = printable(array);
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(writing)?;
    formatter.value(row).try_to_string().map_err(writing)
}

/// Arrow prints zones by offset only.
pub(super) fn printable(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        ArrowType::Timestamp(_, Some(_)) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().clone();
            Arc::new(micros.with_timezone("+00:00"))
        }
        _ => Arc::clone(array),
    }
}

/// Whether a value's text is JSON as it is.
pub(super) fn is_literal(column: &dyn Array, row: usize) -> bool {
    match column.data_type() {
        ArrowType::Float32 => column.as_primitive::<Float32Type>().value(row).is_finite(),
        ArrowType::Float64 => column.as_primitive::<Float64Type>().value(row).is_finite(),
        other => {
            other.is_integer()
                || matches!(
                    other,
                    ArrowType::Boolean
                        | ArrowType::Decimal32(..)
                        | ArrowType::Decimal64(..)
                        | ArrowType::Decimal128(..)
                )
        }
    }
}

/// Appends a JSON string.
pub(super) fn push_text(line: &mut String, value: &str) {
    // Display of a JSON value cannot fail.
    let _ = write!(line, "{}", serde_json::Value::from(value));
}
