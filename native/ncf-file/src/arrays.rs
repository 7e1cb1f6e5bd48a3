//! Arrow arrays ⇄ dense values: nothing is copied but the fill of null rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray, make_array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType as ArrowType;
use ncf_core::{ByteValues, DataType, Error, Result, Values};
use std::sync::Arc;

/// The dense values of an array of the type that `data_type` has in Arrow, without a copy. Values
/// at null rows are whatever the array holds there.
pub fn to_values(array: &dyn Array, data_type: DataType) -> Result<Values> {
    let given = array.data_type();
    let fits = *given == data_type.to_arrow()
        || DataType::from_arrow(given).is_ok_and(|found| found == data_type);
    if !fits {
        return Err(Error::invalid_argument(format!("expected {data_type}, got an Arrow {given}")));
    }
    Ok(match given {
        ArrowType::Boolean => Values::Bool(array.as_boolean().values().clone()),
        ArrowType::Int8 => Values::I8(numbers::<Int8Type>(array)),
        ArrowType::Int16 => Values::I16(numbers::<Int16Type>(array)),
        ArrowType::Int32 => Values::I32(numbers::<Int32Type>(array)),
        ArrowType::Date32 => Values::I32(numbers::<Date32Type>(array)),
        ArrowType::Int64 => Values::I64(numbers::<Int64Type>(array)),
        ArrowType::Timestamp(..) => Values::I64(numbers::<TimestampMicrosecondType>(array)),
        ArrowType::Float32 => Values::F32(numbers::<Float32Type>(array)),
        ArrowType::Float64 => Values::F64(numbers::<Float64Type>(array)),
        ArrowType::Decimal32(..) => {
            let values = numbers::<Decimal32Type>(array);
            Values::I64(values.iter().map(|value| i64::from(*value)).collect())
        }
        ArrowType::Decimal64(..) => Values::I64(numbers::<Decimal64Type>(array)),
        ArrowType::Decimal128(..) => decimals(numbers::<Decimal128Type>(array), data_type, array)?,
        ArrowType::Utf8 => {
            let strings = array.as_string::<i32>();
            bytes(strings.offsets(), strings.values())
        }
        ArrowType::Binary => {
            let binary = array.as_binary::<i32>();
            bytes(binary.offsets(), binary.values())
        }
        ArrowType::LargeUtf8 => {
            large(array.as_string::<i64>().iter().map(|s| s.map(str::as_bytes)))?
        }
        ArrowType::LargeBinary => large(array.as_binary::<i64>().iter())?,
        other => return Err(Error::internal(format!("Arrow type {other} has no values"))),
    })
}

/// An array of the Arrow type of `data_type` over dense values, without a copy. Strings must have
/// been checked to be UTF-8 (see `ncf_encoding::decode_page` and `SymbolStrings`); they are checked
/// again here only where that is cheap.
pub fn to_array(
    values: Values,
    validity: Option<BooleanBuffer>,
    data_type: DataType,
) -> Result<ArrayRef> {
    let nulls = validity.map(NullBuffer::new).filter(|nulls| nulls.null_count() > 0);
    let wrong = || Error::internal(format!("values do not fit {data_type}"));
    Ok(match (values, data_type) {
        (Values::Bool(v), DataType::Boolean) => Arc::new(BooleanArray::new(v, nulls)),
        (Values::I8(v), DataType::Int8) => primitive::<Int8Type>(v, nulls, data_type)?,
        (Values::I16(v), DataType::Int16) => primitive::<Int16Type>(v, nulls, data_type)?,
        (Values::I32(v), DataType::Int32) => primitive::<Int32Type>(v, nulls, data_type)?,
        (Values::I32(v), DataType::Date) => primitive::<Date32Type>(v, nulls, data_type)?,
        (Values::I64(v), DataType::Int64) => primitive::<Int64Type>(v, nulls, data_type)?,
        (Values::I64(v), DataType::Timestamp | DataType::TimestampNtz) => {
            primitive::<TimestampMicrosecondType>(v, nulls, data_type)?
        }
        (Values::I64(v), DataType::Decimal { .. }) => {
            primitive::<Decimal64Type>(v, nulls, data_type)?
        }
        (Values::I128(v), DataType::Decimal { .. }) => {
            primitive::<Decimal128Type>(v, nulls, data_type)?
        }
        (Values::F32(v), DataType::Float32) => primitive::<Float32Type>(v, nulls, data_type)?,
        (Values::F64(v), DataType::Float64) => primitive::<Float64Type>(v, nulls, data_type)?,
        (Values::Bytes(v), DataType::Binary) => {
            Arc::new(BinaryArray::try_new(v.offsets, v.data, nulls).map_err(|_| wrong())?)
        }
        (Values::Bytes(v), DataType::String) => strings(v, nulls)?,
        _ => return Err(wrong()),
    })
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> ScalarBuffer<T::Native> {
    array.as_primitive::<T>().values().clone()
}

fn bytes(offsets: &arrow_buffer::OffsetBuffer<i32>, data: &arrow_buffer::Buffer) -> Values {
    Values::Bytes(ByteValues { offsets: offsets.clone(), data: data.clone() })
}

fn large<'a>(strings: impl Iterator<Item = Option<&'a [u8]>> + Clone) -> Result<Values> {
    let total: usize = strings.clone().map(|s| s.map_or(0, <[u8]>::len)).sum();
    if i32::try_from(total).is_err() {
        return Err(Error::limit_exceeded(
            "bytes of a batch's column",
            total as u64,
            i32::MAX as u64,
        ));
    }
    Ok(Values::Bytes(strings.map(Option::unwrap_or_default).collect()))
}

fn decimals(values: ScalarBuffer<i128>, data_type: DataType, array: &dyn Array) -> Result<Values> {
    if data_type.physical() == ncf_core::PhysicalType::I128 {
        return Ok(Values::I128(values));
    }
    let narrow = |(row, value): (usize, &i128)| {
        i64::try_from(*value).or_else(|_| if array.is_null(row) { Ok(0) } else { Err(()) })
    };
    let narrowed: std::result::Result<Vec<i64>, ()> =
        values.iter().enumerate().map(narrow).collect();
    narrowed.map(|values| Values::I64(values.into())).map_err(|()| {
        Error::invalid_argument(format!(
            "a value of a {data_type} column has more digits than that"
        ))
    })
}

fn primitive<T: ArrowPrimitiveType>(
    values: ScalarBuffer<T::Native>,
    nulls: Option<NullBuffer>,
    data_type: DataType,
) -> Result<ArrayRef> {
    let array = PrimitiveArray::<T>::try_new(values, nulls)
        .map_err(|error| Error::internal(format!("values and nulls differ in length: {error}")))?;
    Ok(Arc::new(array.with_data_type(data_type.to_arrow())))
}

fn strings(values: ByteValues, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    StringArray::try_new(values.offsets, values.data, nulls)
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|error| Error::corrupt(format!("a string is not UTF-8: {error}")))
}

/// An array of `len` nulls.
pub fn null_array(data_type: DataType, len: usize) -> ArrayRef {
    make_array(ArrayData::new_null(&data_type.to_arrow(), len))
}
