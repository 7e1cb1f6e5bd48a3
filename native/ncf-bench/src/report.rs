//! The line of JSON, with sums by which results of different engines are compared.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType as ArrowType;
use ncf::{Error, Result};
use serde_json::{Map, Value, json};

/// What was done, how long each repetition took, and sums over the rows of the last.
pub(crate) fn report(
    operation: &str,
    file: &Path,
    rows: &[RecordBatch],
    seconds: &[f64],
) -> Result<Value> {
    let bytes = std::fs::metadata(file)
        .map_err(|error| Error::io(format!("cannot look at {}", file.display()), error))?
        .len();
    let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
    Ok(json!({
        "op": operation,
        "file": file.display().to_string(),
        "rows": count,
        "bytes": bytes,
        "seconds": seconds,
        "columns": sums(rows)?,
    }))
}

/// Nulls and sum of every column; none where there are no batches.
pub(crate) fn sums(rows: &[RecordBatch]) -> Result<Map<String, Value>> {
    let mut columns = Map::new();
    if let Some(first) = rows.first() {
        for (index, field) in first.schema().fields().iter().enumerate() {
            let arrays = rows.iter().filter_map(|batch| batch.columns().get(index));
            let mut sum = Sum::default();
            for array in arrays {
                sum.add(array.as_ref())?;
            }
            columns.insert(field.name().clone(), sum.json());
        }
    }
    Ok(columns)
}

/// Integers, unscaled decimals, days, microseconds and lengths of strings are summed exactly.
#[derive(Default)]
struct Sum {
    nulls: usize,
    exact: i128,
    float: Option<f64>,
}

impl Sum {
    fn add(&mut self, array: &dyn Array) -> Result<()> {
        self.nulls += array.null_count();
        match array.data_type() {
            ArrowType::Int8 => self.integers::<Int8Type>(array),
            ArrowType::Int16 => self.integers::<Int16Type>(array),
            ArrowType::Int32 => self.integers::<Int32Type>(array),
            ArrowType::Int64 => self.integers::<Int64Type>(array),
            ArrowType::Date32 => self.integers::<Date32Type>(array),
            ArrowType::Timestamp(..) => self.integers::<TimestampMicrosecondType>(array),
            ArrowType::Decimal64(..) => self.integers::<Decimal64Type>(array),
            ArrowType::Decimal128(..) => self.integers::<Decimal128Type>(array),
            ArrowType::Float32 => self.floats::<Float32Type>(array),
            ArrowType::Float64 => self.floats::<Float64Type>(array),
            ArrowType::Boolean => {
                self.exact += array.as_boolean().iter().flatten().map(i128::from).sum::<i128>();
            }
            ArrowType::Utf8 => {
                let lengths = array.as_string::<i32>().iter().flatten().map(str::len);
                self.exact += lengths.sum::<usize>() as i128;
            }
            ArrowType::Binary => {
                let lengths = array.as_binary::<i32>().iter().flatten().map(<[u8]>::len);
                self.exact += lengths.sum::<usize>() as i128;
            }
            other => return Err(Error::unsupported(format!("type {other} has no sum here"))),
        }
        Ok(())
    }

    fn integers<T: ArrowPrimitiveType>(&mut self, array: &dyn Array)
    where
        T::Native: Into<i128>,
    {
        let values = array.as_primitive::<T>().iter().flatten();
        self.exact += values.map(Into::<i128>::into).sum::<i128>();
    }

    fn floats<T: ArrowPrimitiveType>(&mut self, array: &dyn Array)
    where
        T::Native: Into<f64>,
    {
        let values = array.as_primitive::<T>().iter().flatten();
        let sum: f64 = values.map(Into::<f64>::into).sum();
        self.float = Some(self.float.unwrap_or(0.0) + sum);
    }

    fn json(&self) -> Value {
        let sum = match self.float {
            Some(float) => json!(float),
            None => json!(self.exact.to_string()),
        };
        json!({ "nulls": self.nulls, "sum": sum })
    }
}
