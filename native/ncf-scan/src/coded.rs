//! Strings and binaries that stay codes into their distinct values, for callers that can read them so:
//! nothing is copied for a row but its code.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType as ArrowType, Schema, SchemaRef};
use arrow_select::take::take;
use ncf_core::{Error, Result};
use ncf_encoding::DecodedValues;

use crate::batch::arrow_error;

/// Codes in the place of a constant or of runs; other values as they are.
pub(crate) fn codes_of(values: DecodedValues) -> DecodedValues {
    match values {
        DecodedValues::Constant(value, len) => {
            DecodedValues::Dictionary { codes: vec![0; len].into(), values: Arc::new(value) }
        }
        DecodedValues::Runs { ends, values } => {
            let mut codes = Vec::new();
            for (run, end) in (0_u32..).zip(ends.iter()) {
                codes.resize(*end as usize, run);
            }
            DecodedValues::Dictionary { codes: codes.into(), values: Arc::new(values) }
        }
        other => other,
    }
}

/// An array of codes, each of a value of `dictionary` unless it is null.
pub(crate) fn coded(codes: ArrayRef, dictionary: &ArrayRef) -> Result<ArrayRef> {
    let codes = codes.as_primitive_opt::<UInt32Type>();
    let codes = codes.ok_or_else(|| Error::internal("codes of another type than u32"))?;
    let array = DictionaryArray::try_new(codes.clone(), dictionary.clone()).map_err(arrow_error)?;
    Ok(Arc::new(array))
}

/// The array, if it is one of codes.
pub(crate) fn is_coded(array: &ArrayRef) -> Option<&DictionaryArray<UInt32Type>> {
    array.as_dictionary_opt()
}

/// A batch of `rows` rows in `schema`, but for the columns of codes.
///
/// # Errors
/// `Corrupt` when the arrays do not fit.
pub(crate) fn batch_of(
    schema: &SchemaRef,
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let schema = match arrays.iter().any(|array| is_coded(array).is_some()) {
        false => schema.clone(),
        true => with_codes(schema, &arrays),
    };
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options)
        .map_err(|error| Error::corrupt(format!("the file's rows do not fit the schema: {error}")))
}

fn with_codes(schema: &Schema, arrays: &[ArrayRef]) -> SchemaRef {
    let fields = schema.fields().iter().zip(arrays).map(|(field, array)| match is_coded(array) {
        None => field.clone(),
        Some(coded) => {
            let values = Box::new(field.data_type().clone());
            let keys = Box::new(coded.keys().data_type().clone());
            let coded = ArrowType::Dictionary(keys, values);
            Arc::new(field.as_ref().clone().with_data_type(coded))
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The batch in `schema`, its codes turned into values.
pub(crate) fn values_of(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(plain).collect::<Result<_>>()?;
    batch_of(schema, columns, batch.num_rows())
}

/// The values in the place of codes.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match is_coded(array) {
        None => Ok(array.clone()),
        Some(coded) => take(coded.values(), coded.keys(), None).map_err(arrow_error),
    }
}

/// Bytes of the values of all rows.
pub(crate) fn value_bytes(array: &DictionaryArray<UInt32Type>) -> usize {
    let offsets = match array.values().data_type() {
        ArrowType::Utf8 => array.values().as_string::<i32>().value_offsets(),
        ArrowType::Binary => array.values().as_binary::<i32>().value_offsets(),
        _ => return 0,
    };
    let length = |code: u32| {
        let pair = offsets.get(code as usize).zip(offsets.get(code as usize + 1));
        pair.map_or(0, |(start, end)| (end - start).cast_unsigned() as usize)
    };
    array.keys().iter().flatten().map(length).sum()
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, StringArray, UInt32Array};
    use arrow_buffer::ScalarBuffer;
    use arrow_schema::Field;
    use ncf_core::Values;

    use super::*;

    fn words(words: &[&str]) -> ArrayRef {
        Arc::new(StringArray::from(words.to_vec()))
    }

    fn codes(codes: &[Option<u32>], dictionary: &ArrayRef) -> ArrayRef {
        coded(Arc::new(UInt32Array::from(codes.to_vec())), dictionary).unwrap()
    }

    fn schema() -> SchemaRef {
        let number = Field::new("number", ArrowType::Int32, false);
        Arc::new(Schema::new(vec![number, Field::new("word", ArrowType::Utf8, true)]))
    }

    #[test]
    fn codes_become_values_where_they_have_to() {
        let dictionary = words(&["a", "bc"]);
        let word = codes(&[Some(1), None, Some(0)], &dictionary);
        assert_eq!(value_bytes(is_coded(&word).unwrap()), 3, "bc and a");
        let number: ArrayRef = Arc::new(Int32Array::from_iter_values(0..3));
        let batch = batch_of(&schema(), vec![number.clone(), word], 3).unwrap();
        assert_ne!(batch.schema(), schema(), "the batch tells");
        let expected = StringArray::from(vec![Some("bc"), None, Some("a")]);
        let values = values_of(&schema(), &batch).unwrap();
        assert_eq!(values.column(1).as_ref(), &expected);
        assert_eq!((values.column(0), values.schema()), (&number, schema()));
    }

    #[test]
    fn constants_and_runs_have_codes() {
        let both = Values::Bytes(["x", "y"].into_iter().collect());
        let runs = DecodedValues::Runs { ends: ScalarBuffer::from(vec![2, 5]), values: both };
        let one = DecodedValues::Constant(Values::Bytes(["x"].into_iter().collect()), 3);
        for (values, expected) in [(runs, vec![0, 0, 1, 1, 1]), (one, vec![0, 0, 0])] {
            let DecodedValues::Dictionary { codes, .. } = codes_of(values) else { panic!() };
            assert_eq!(codes.to_vec(), expected);
        }
    }
}
