//! Batches in the Arrow types that other formats get.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, NullArray, RecordBatch, UInt32Array,
    new_empty_array,
};
use arrow_schema::{DataType as ArrowType, SchemaRef};
use arrow_select::concat::concat;
use arrow_select::take::take;
use ncf::{DataType, Error, Result, ResultExt, Schema, Values};

use super::reshape::{cast, reshape};
use super::times::{from_nanos, unit_of};
use super::writing;

/// Turns batches of a schema into batches of another format's.
pub(super) struct Exporter {
    schema: SchemaRef,
    /// By column; of those that are exported as dictionaries.
    dictionaries: Vec<Option<Dictionary>>,
}

impl Exporter {
    /// Batches of `schema` in the types of `exported`, which has the same columns.
    pub(super) fn new(schema: &Schema, exported: SchemaRef) -> Self {
        let columns = schema.fields.iter().zip(exported.fields());
        let dictionaries =
            columns.map(|(field, to)| match (to.data_type(), field.field_type.value()) {
                (ArrowType::Dictionary(..), Some(stored)) => Some(Dictionary::new(stored)),
                _ => None,
            });
        let dictionaries = dictionaries.collect();
        Self { schema: exported, dictionaries }
    }

    /// The schema that batches get.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batch, exactly: `Unsupported`, naming the column, where a value does not fit.
    pub(super) fn export(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.schema.fields().iter().zip(batch.columns()).zip(&mut self.dictionaries);
        let columns = columns.map(|((to, array), dictionary)| {
            let exported = match dictionary {
                Some(dictionary) => dictionary.fold(array, to.data_type()),
                None => reshape(array, to.data_type(), &exported_values),
            };
            exported.at("column", || to.name())
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(writing)
    }
}

/// Values that are stored in another type than the exported one.
pub(super) fn exported_values(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef> {
    if let (Some(unit), ArrowType::Int64) = (unit_of(to), array.data_type()) {
        return from_nanos(array, unit);
    }
    match to {
        ArrowType::Null if array.null_count() == array.len() => {
            Ok(Arc::new(NullArray::new(array.len())))
        }
        ArrowType::Null => Err(Error::unsupported("a column that had only nulls has a value")),
        ArrowType::Timestamp(unit, zone) if array.data_type().is_temporal() => {
            // An instant is the same in every zone, so no database of zones is needed.
            let micros = array.as_primitive::<TimestampMicrosecondType>().clone();
            let micros: ArrayRef = Arc::new(micros.with_timezone_opt(zone.clone()));
            exact(&micros, &ArrowType::Timestamp(*unit, zone.clone()))
        }
        ArrowType::Float16 => exact(array, to),
        _ => cast(array, to),
    }
}

/// A cast that must not lose a digit.
fn exact(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef> {
    let cast_to = cast(array, to)?;
    if cast(&cast_to, array.data_type())?.as_ref() != array.as_ref() {
        return Err(Error::unsupported(format!("a value has more digits than {to} holds")));
    }
    Ok(cast_to)
}

/// The dictionary of a column. It only grows: the Arrow file takes no other one later.
struct Dictionary {
    stored: DataType,
    values: ArrayRef,
    /// Where each value is.
    places: HashMap<Vec<u8>, i32>,
}

impl Dictionary {
    fn new(stored: DataType) -> Self {
        Self { stored, values: new_empty_array(&stored.to_arrow()), places: HashMap::new() }
    }

    fn fold(&mut self, array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef> {
        let ArrowType::Dictionary(_, value_type) = to else {
            return Err(Error::internal("a column without a dictionary was to get one"));
        };
        let values = ncf::file::to_values(array.as_ref(), self.stored)?;
        let (mut keys, mut new) = (Vec::with_capacity(array.len()), Vec::new());
        for row in 0..array.len() {
            if array.is_null(row) {
                keys.push(None);
                continue;
            }
            let next = i32::try_from(self.places.len())
                .map_err(|_| Error::unsupported("a dictionary has more than 2^31 values"))?;
            let place = *self.places.entry(bytes_of(&values, row)).or_insert(next);
            if place == next {
                new.push(u32::try_from(row).map_err(|_| Error::internal("a batch of 2^32 rows"))?);
            }
            keys.push(Some(place));
        }
        let new = take(array.as_ref(), &UInt32Array::from(new), None).map_err(writing)?;
        self.values = concat(&[self.values.as_ref(), new.as_ref()]).map_err(writing)?;
        let values = reshape(&self.values, value_type, &exported_values)?;
        let keys = Int32Array::from(keys);
        let folded = DictionaryArray::<Int32Type>::try_new(keys, values).map_err(writing)?;
        // Casting a dictionary casts keys and values apart, so the values stay in their order.
        cast(&(Arc::new(folded) as ArrayRef), to)
    }
}

/// Bytes that are equal for equal values only.
fn bytes_of(values: &Values, row: usize) -> Vec<u8> {
    macro_rules! number {
        ($values:expr) => {
            $values.get(row).map_or_else(Vec::new, |value| value.to_le_bytes().to_vec())
        };
    }
    match values {
        Values::Bool(v) => vec![u8::from(v.value(row))],
        Values::I8(v) => number!(v),
        Values::I16(v) => number!(v),
        Values::I32(v) => number!(v),
        Values::I64(v) => number!(v),
        Values::I128(v) => number!(v),
        Values::F32(v) => number!(v),
        Values::F64(v) => number!(v),
        Values::Bytes(v) => v.get(row).to_vec(),
    }
}
