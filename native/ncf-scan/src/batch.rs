//! Selected rows as Arrow arrays. Flat pages are sliced or filtered; of dictionary pages the codes are
//! filtered, and stay codes or become values then; strings that are symbols are decoded after they were
//! filtered.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, UInt32Array, new_null_array};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use arrow_select::filter::{FilterBuilder, FilterPredicate};
use ncf_core::{
    ByteValues, DataType, Error, ErrorKind, FieldType, Limits, PhysicalType, Result, Scalar, Values,
};
use ncf_encoding::{DecodedPage, DecodedValues, SymbolStrings};
use ncf_file::to_array;

use crate::coded::{coded, codes_of};
use crate::filter::Rows;
use crate::pages::ColumnPages;

/// Which of some rows are selected, made ready for many columns. `None` = all.
pub(crate) fn predicate_of(selection: &BooleanBuffer) -> FilterPredicate {
    FilterBuilder::new(&BooleanArray::new(selection.clone(), None)).optimize().build()
}

/// The selected ones of rows `start..start + len` of the block. With `keep`, strings of few distinct
/// values stay codes: see [`crate::coded`].
pub(crate) fn column_array(
    column: &mut ColumnPages,
    start: usize,
    len: usize,
    selection: Option<&FilterPredicate>,
    keep: bool,
) -> Result<ArrayRef> {
    let data_type = column.data_type;
    let loaded = column.loaded()?;
    let offset = loaded.offset(start, len)?;
    let select = |array: ArrayRef| match selection {
        None => Ok(array),
        Some(selection) => selection.filter(&array).map_err(arrow_error),
    };
    if let DecodedValues::Flat(values) = &loaded.page.values {
        let whole = match &loaded.array {
            Some(array) => array.clone(),
            None => {
                let array = to_array(values.clone(), loaded.page.validity.clone(), data_type)?;
                loaded.array.insert(array).clone()
            }
        };
        let all = offset == 0 && len == whole.len();
        return select(if all { whole } else { whole.slice(offset, len) });
    }
    let validity = loaded.page.validity.as_ref().map(|valid| valid.slice(offset, len));
    let values = loaded.page.values.slice(offset, len);
    let keep = keep && data_type.physical() == PhysicalType::Bytes;
    match if keep { codes_of(values) } else { values } {
        DecodedValues::Dictionary { codes, values } if keep => {
            let codes =
                UInt32Array::try_new(codes, validity.map(NullBuffer::new)).map_err(arrow_error)?;
            coded(select(Arc::new(codes))?, &dictionary_array(column, &values)?)
        }
        DecodedValues::Dictionary { codes, values } => {
            let codes = match selection {
                None => codes,
                Some(selection) => selected_codes(&codes, selection)?,
            };
            let values = column.flat(DecodedValues::Dictionary { codes, values })?;
            to_array(values, selected_bits(validity, selection)?, data_type)
        }
        DecodedValues::Constant(value, _) if validity.is_none() => {
            let rows = selection.map_or(len, FilterPredicate::count);
            to_array(flat(DecodedValues::Constant(value, rows))?, None, data_type)
        }
        DecodedValues::Symbols(strings) => {
            let strings = DecodedValues::Symbols(selected_strings(strings, selection)?);
            let validity = selected_bits(validity, selection)?;
            to_array(column.flat(strings)?, validity, data_type)
        }
        other => select(to_array(flat(other)?, validity, data_type)?),
    }
}

/// The selected ones of strings, none decoded.
fn selected_strings(
    strings: SymbolStrings,
    selection: Option<&FilterPredicate>,
) -> Result<SymbolStrings> {
    match selection {
        None => Ok(strings),
        Some(selection) => strings.select(|bounds| selected_codes(bounds, selection)),
    }
}

fn selected_codes(
    codes: &ScalarBuffer<u32>,
    selection: &FilterPredicate,
) -> Result<ScalarBuffer<u32>> {
    let codes = UInt32Array::try_new(codes.clone(), None).map_err(arrow_error)?;
    let codes = selection.filter(&codes).map_err(arrow_error)?;
    let codes = codes.as_any().downcast_ref::<UInt32Array>().ok_or_else(changed)?;
    Ok(codes.values().clone())
}

fn selected_bits(
    bits: Option<BooleanBuffer>,
    selection: Option<&FilterPredicate>,
) -> Result<Option<BooleanBuffer>> {
    let (Some(bits), Some(selection)) = (&bits, selection) else { return Ok(bits) };
    let array = BooleanArray::new(bits.clone(), None);
    let array = selection.filter(&array).map_err(arrow_error)?;
    let array = array.as_any().downcast_ref::<BooleanArray>().ok_or_else(changed)?;
    Ok(Some(array.values().clone()))
}

/// `len` rows that all hold `value`; a string with `keep` once, and a code for each row.
pub(crate) fn constant_array(
    value: Option<&Scalar>,
    field_type: &FieldType,
    len: usize,
    keep: bool,
) -> Result<ArrayRef> {
    match (value, field_type) {
        (None, _) => Ok(new_null_array(&field_type.to_arrow(), len)),
        (Some(value), FieldType::Value(data_type)) => {
            let data_type = *data_type;
            let one = one_value(value, data_type)?;
            if keep && data_type.physical() == PhysicalType::Bytes {
                let codes = UInt32Array::from(vec![0; len]);
                return coded(Arc::new(codes), &to_array(one, None, data_type)?);
            }
            to_array(flat(DecodedValues::Constant(one, len))?, None, data_type)
        }
        (Some(value), nested) => {
            Err(Error::invalid_argument(format!("{value} is no {nested}; partition by a value")))
        }
    }
}

/// The selected rows of an array.
pub(crate) fn filter_array(selection: &FilterPredicate, array: &ArrayRef) -> Result<ArrayRef> {
    selection.filter(array).map_err(arrow_error)
}

/// The selected rows of all columns.
pub(crate) fn select_rows(rows: &Rows, selection: &FilterPredicate) -> Result<Rows> {
    let select = |(slot, page): &(usize, DecodedPage)| {
        let validity = selected_bits(page.validity.clone(), Some(selection))?;
        let values = match &page.values {
            DecodedValues::Constant(value, _) => {
                DecodedValues::Constant(value.clone(), selection.count())
            }
            DecodedValues::Dictionary { codes, values } => {
                let codes = selected_codes(codes, selection)?;
                DecodedValues::Dictionary { codes, values: values.clone() }
            }
            DecodedValues::Symbols(strings) => {
                DecodedValues::Symbols(selected_strings(strings.clone(), Some(selection))?)
            }
            other => DecodedValues::Flat(select_values(flat(other.clone())?, selection)?),
        };
        Ok((*slot, DecodedPage { validity, values }))
    };
    let pages = rows.pages.iter().map(select).collect::<Result<_>>()?;
    Ok(Rows { len: selection.count(), pages })
}

/// Filters dense values through Arrow arrays of the same physical type.
fn select_values(values: Values, selection: &FilterPredicate) -> Result<Values> {
    if let Values::Bytes(strings) = values {
        let array =
            BinaryArray::try_new(strings.offsets, strings.data, None).map_err(arrow_error)?;
        let array = selection.filter(&array).map_err(arrow_error)?;
        let array = array.as_any().downcast_ref::<BinaryArray>().ok_or_else(changed)?;
        let (offsets, data) = (array.offsets().clone(), array.values().clone());
        return Ok(Values::Bytes(ByteValues { offsets, data }));
    }
    let data_type = match values.physical() {
        PhysicalType::Bool => DataType::Boolean,
        PhysicalType::I8 => DataType::Int8,
        PhysicalType::I16 => DataType::Int16,
        PhysicalType::I32 => DataType::Int32,
        PhysicalType::I64 => DataType::Int64,
        PhysicalType::I128 => DataType::Decimal { precision: 38, scale: 0 },
        PhysicalType::F32 => DataType::Float32,
        PhysicalType::F64 => DataType::Float64,
        PhysicalType::Bytes => DataType::Binary,
    };
    let array = selection.filter(&to_array(values, None, data_type)?).map_err(arrow_error)?;
    ncf_file::to_values(&array, data_type)
}

/// A dictionary in Arrow's form.
pub(crate) struct Dictionary {
    values: Arc<Values>,
    array: ArrayRef,
}

/// The Arrow form of a dictionary; strings in it are checked once.
fn dictionary_array(column: &mut ColumnPages, values: &Arc<Values>) -> Result<ArrayRef> {
    if let Some(have) = &column.dictionary
        && Arc::ptr_eq(&have.values, values)
    {
        return Ok(have.array.clone());
    }
    let array = to_array((**values).clone(), None, column.data_type)?;
    column.dictionary = Some(Dictionary { values: values.clone(), array: array.clone() });
    Ok(array)
}

fn flat(values: DecodedValues) -> Result<Values> {
    let budget = Limits::DEFAULT.page_budget(values.len());
    values.into_flat(&budget)
}

/// A scalar in the physical type of `data_type`.
pub(crate) fn one_value(value: &Scalar, data_type: DataType) -> Result<Values> {
    Ok(match value {
        Scalar::Boolean(v) => Values::Bool(BooleanBuffer::from(vec![*v])),
        Scalar::Tinyint(v) => Values::I8(vec![*v].into()),
        Scalar::Smallint(v) => Values::I16(vec![*v].into()),
        Scalar::Int(v) | Scalar::Date(v) => Values::I32(vec![*v].into()),
        Scalar::Bigint(v) | Scalar::Timestamp(v) | Scalar::TimestampNtz(v) => {
            Values::I64(vec![*v].into())
        }
        Scalar::Float(v) => Values::F32(vec![*v].into()),
        Scalar::Double(v) => Values::F64(vec![*v].into()),
        Scalar::Decimal { unscaled, .. } if data_type.physical() == PhysicalType::I64 => {
            let narrow = i64::try_from(*unscaled).map_err(|_| {
                Error::invalid_argument(format!("{value} has more digits than {data_type}"))
            })?;
            Values::I64(vec![narrow].into())
        }
        Scalar::Decimal { unscaled, .. } => Values::I128(vec![*unscaled].into()),
        Scalar::String(v) => Values::Bytes([v].into_iter().collect()),
        Scalar::Binary(v) => Values::Bytes([v].into_iter().collect()),
    })
}

fn changed() -> Error {
    Error::internal("a filter changed an array's type")
}

/// Arrow's kernels fail here only when strings pass 2 GiB.
pub(crate) fn arrow_error(error: ArrowError) -> Error {
    let kind = match error {
        ArrowError::OffsetOverflowError(_) => ErrorKind::LimitExceeded,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, format!("cannot select rows: {error}"))
}
