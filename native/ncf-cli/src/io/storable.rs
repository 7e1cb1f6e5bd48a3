//! Columns of any Arrow type to the types that NCF stores, without loss or not at all.
//!
//! Large, view, dictionary and run-end forms become plain; unsigned integers the next larger signed
//! one (64 bits: `decimal(20,0)`); half floats singles; `date64` and timestamps of any unit
//! become days and microseconds when they are whole ones; a column without values becomes a string.
//! Lists of any kind become arrays; what is inside nested types is converted by the same rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, BooleanBuilder, PrimitiveBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal64Type, Decimal128Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Float64Array, ListArray, MapArray, StringArray,
    StructArray, new_null_array,
};
use arrow_buffer::OffsetBuffer;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType as ArrowType, Field as ArrowField, Fields, TimeUnit};
use ncf::{DataType, Error, Field, FieldType, Result, ResultExt, Scalar, Schema};

use crate::values::{parse_value, scaled};

const MILLIS_PER_DAY: i64 = 86_400_000;

/// How one column becomes storable.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    column: String,
    to: FieldType,
    from: From,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// A column of a type that stands for `to`.
    Values,
    /// Text to be read as this type, which is `to`.
    Text(DataType),
    /// Text that looks like doubles, and must not be more exact than they are.
    GuessedDoubles,
}

/// A column that a reader yields as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextColumn {
    /// The type to read it as.
    pub(super) to: DataType,
    /// The type was guessed from the text, not given.
    pub(super) guessed: bool,
}

/// The schema that stores `arrow`, and how each column gets there.
pub(super) fn conversions(
    arrow: &arrow_schema::Schema,
    texts: &BTreeMap<String, TextColumn>,
) -> Result<(Schema, Vec<Conversion>)> {
    let mut fields = Vec::new();
    let mut conversions = Vec::new();
    let mut next = 1;
    for field in arrow.fields() {
        let id = next;
        next += 1;
        let text = texts.get(field.name());
        let to = match text {
            Some(text) => text.to.into(),
            None => storable(field.data_type(), &mut next)
                .map_err(|error| error.with("column", field.name()))?,
        };
        let nullable = field.is_nullable() || *field.data_type() == ArrowType::Null;
        let mut stored = Field::new(id, field.name(), to.clone(), nullable);
        let foreign = ["ARROW:", "PARQUET:"];
        let own = field.metadata().iter();
        stored.metadata.extend(
            own.filter(|(key, _)| !foreign.iter().any(|prefix| key.starts_with(prefix)))
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        fields.push(stored);
        conversions.push(Conversion {
            column: field.name().clone(),
            to,
            from: match text {
                None => From::Values,
                Some(TextColumn { guessed: true, .. }) => From::GuessedDoubles,
                Some(text) => From::Text(text.to),
            },
        });
    }
    // The caller named none of these columns: it is the file that is wrong.
    let schema = Schema::new(fields).map_err(|error| Error::corrupt(error.message()))?;
    for name in texts.keys() {
        schema.field(name)?;
    }
    Ok((schema, conversions))
}

/// The type that stores `arrow`, or `Unsupported`; ids of fields inside it count up from `next`.
fn storable(arrow: &ArrowType, next: &mut u32) -> Result<FieldType> {
    let mut part = |name: &str, field: &ArrowField| {
        let id = *next;
        *next += 1;
        let field_type =
            storable(field.data_type(), next).map_err(|error| error.with("field", field.name()))?;
        let nullable = field.is_nullable() || *field.data_type() == ArrowType::Null;
        Ok(Field::new(id, name, field_type, nullable))
    };
    Ok(match arrow {
        ArrowType::List(element)
        | ArrowType::LargeList(element)
        | ArrowType::FixedSizeList(element, _) => {
            FieldType::Array(Box::new(part("element", element)?))
        }
        ArrowType::Struct(fields) => {
            let parts = fields.iter().map(|field| part(field.name(), field));
            FieldType::Struct(parts.collect::<Result<_>>()?)
        }
        ArrowType::Map(entries, _) => match entries.data_type() {
            ArrowType::Struct(fields) if fields.len() == 2 => {
                let mut parts = fields.iter().zip(["key", "value"]);
                let mut entry = || match parts.next() {
                    Some((field, name)) => part(name, field),
                    None => Err(Error::internal("a map has no entries")),
                };
                let key = Field { nullable: false, ..entry()? };
                FieldType::Map(Box::new([key, entry()?]))
            }
            other => return Err(Error::unsupported(format!("a map of {other} cannot be stored"))),
        },
        ArrowType::Dictionary(_, values) => storable(values, next)?,
        ArrowType::RunEndEncoded(_, values) => storable(values.data_type(), next)?,
        value => storable_value(value)?.into(),
    })
}

fn storable_value(arrow: &ArrowType) -> Result<DataType> {
    Ok(match arrow {
        ArrowType::Null | ArrowType::Utf8View | ArrowType::LargeUtf8 => DataType::String,
        ArrowType::BinaryView | ArrowType::LargeBinary | ArrowType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        ArrowType::UInt8 => DataType::Int16,
        ArrowType::UInt16 => DataType::Int32,
        ArrowType::UInt32 => DataType::Int64,
        ArrowType::UInt64 => DataType::Decimal { precision: 20, scale: 0 },
        ArrowType::Float16 => DataType::Float32,
        ArrowType::Date64 => DataType::Date,
        ArrowType::Timestamp(_, Some(_)) => DataType::Timestamp,
        ArrowType::Timestamp(_, None) => DataType::TimestampNtz,
        ArrowType::Decimal256(p @ ..=38, s) => {
            DataType::from_arrow(&ArrowType::Decimal128(*p, *s))?
        }
        other => DataType::from_arrow(other)?,
    })
}

impl Conversion {
    /// The column in the Arrow type of `self.to`.
    pub(super) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let converted = match self.from {
            From::Values => convert(array, &self.to),
            From::Text(to) => self.read_text(array.as_string::<i32>(), to),
            From::GuessedDoubles => read_doubles(array.as_string::<i32>()),
        };
        converted.map_err(|error| error.with("column", &self.column))
    }

    /// Text as values of `to`. CSV has made nulls of empty fields already; in JSON `""` is none.
    fn read_text(&self, text: &StringArray, to: DataType) -> Result<ArrayRef> {
        let value = |text: &str| -> Result<Scalar> {
            parse_value(text, to)
                .map_err(|reason| Error::corrupt(reason).with("column", &self.column))
        };
        let scalars: Vec<Option<Scalar>> =
            text.iter().map(|text| text.map(value).transpose()).collect::<Result<_>>()?;
        let ty = to.to_arrow();
        macro_rules! primitive {
            ($arrow:ty, $pattern:pat => $value:expr) => {
                numbers::<$arrow>(&scalars, &ty, |scalar| match scalar {
                    $pattern => Some($value),
                    _ => None,
                })
            };
        }
        Ok(match to {
            DataType::Boolean => {
                let mut builder = BooleanBuilder::new();
                for scalar in &scalars {
                    builder.append_option(match scalar {
                        Some(Scalar::Boolean(value)) => Some(*value),
                        _ => None,
                    });
                }
                Arc::new(builder.finish())
            }
            DataType::Int8 => primitive!(Int8Type, Scalar::Tinyint(v) => *v),
            DataType::Int16 => primitive!(Int16Type, Scalar::Smallint(v) => *v),
            DataType::Int32 => primitive!(Int32Type, Scalar::Int(v) => *v),
            DataType::Int64 => primitive!(Int64Type, Scalar::Bigint(v) => *v),
            DataType::Float32 => primitive!(Float32Type, Scalar::Float(v) => *v),
            DataType::Float64 => primitive!(Float64Type, Scalar::Double(v) => *v),
            DataType::Date => primitive!(Date32Type, Scalar::Date(v) => *v),
            DataType::Timestamp | DataType::TimestampNtz => {
                primitive!(TimestampMicrosecondType, Scalar::Timestamp(v) | Scalar::TimestampNtz(v) => *v)
            }
            DataType::Decimal { precision: ..=18, .. } => {
                primitive!(Decimal64Type, Scalar::Decimal { unscaled, .. } => i64::try_from(*unscaled).ok()?)
            }
            DataType::Decimal { .. } => {
                primitive!(Decimal128Type, Scalar::Decimal { unscaled, .. } => *unscaled)
            }
            DataType::String => Arc::new(text.clone()),
            DataType::Binary => {
                let mut builder = BinaryBuilder::new();
                for scalar in &scalars {
                    builder.append_option(match scalar {
                        Some(Scalar::Binary(value)) => Some(value),
                        _ => None,
                    });
                }
                Arc::new(builder.finish())
            }
        })
    }
}

/// Guessed doubles. A column of fractions and long integers looks like doubles, and its integers
/// would come out as others.
fn read_doubles(text: &StringArray) -> Result<ArrayRef> {
    let double = |text: &str| match parse_value(text, DataType::Float64) {
        Ok(Scalar::Double(_)) if !is_exact_integer(text).unwrap_or(true) => {
            Err(Error::corrupt(format!(
                "'{text}' would be rounded: the column looks like doubles, which hold integers up to 2^53 only; give its type, as in --type COLUMN=decimal(38,9) or --type COLUMN=string"
            )))
        }
        Ok(Scalar::Double(value)) => Ok(value),
        Ok(_) => Err(Error::internal("a double was read as another type")),
        Err(reason) => Err(Error::corrupt(reason)),
    };
    let values = text.iter().map(|text| text.map(double).transpose());
    Ok(Arc::new(values.collect::<Result<Float64Array>>()?))
}

/// Whether a double holds the integer `text` exactly; `None` when it has a fraction or an exponent.
fn is_exact_integer(text: &str) -> Option<bool> {
    if !text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Some(value) = scaled(text, 0) else { return Some(false) };
    let odd = value.unsigned_abs().checked_shr(value.trailing_zeros()).unwrap_or(0);
    Some(odd < 1 << f64::MANTISSA_DIGITS)
}

/// An array in the Arrow type of `to`.
fn convert(array: &ArrayRef, to: &FieldType) -> Result<ArrayRef> {
    let target = to.to_arrow();
    match (to, array.data_type()) {
        (_, have) if *have == target => Ok(Arc::clone(array)),
        (_, ArrowType::Null) => Ok(new_null_array(&target, array.len())),
        (_, ArrowType::Dictionary(_, values)) => convert(&cast(array, values)?, to),
        (_, ArrowType::RunEndEncoded(_, values)) => convert(&cast(array, values.data_type())?, to),
        (FieldType::Value(value), _) => convert_value(array, *value),
        (FieldType::Array(element), ArrowType::List(_)) => {
            let list = array.as_list::<i32>();
            let elements = convert(list.values(), &element.field_type)?;
            let (field, offsets) = (Arc::new(element.to_arrow()), list.offsets().clone());
            Ok(Arc::new(built(ListArray::try_new(
                field,
                offsets,
                elements,
                list.nulls().cloned(),
            ))?))
        }
        (
            FieldType::Array(_),
            ArrowType::LargeList(element) | ArrowType::FixedSizeList(element, _),
        ) => convert(&cast(array, &ArrowType::List(Arc::clone(element)))?, to),
        (FieldType::Struct(parts), ArrowType::Struct(_)) => {
            let array = array.as_struct();
            let fields: Fields = parts.iter().map(Field::to_arrow).collect();
            let columns = parts
                .iter()
                .zip(array.columns())
                .map(|(part, column)| convert(column, &part.field_type).at("field", || &part.name));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let nulls = array.nulls().cloned();
            Ok(Arc::new(built(StructArray::try_new_with_length(
                fields,
                columns,
                nulls,
                array.len(),
            ))?))
        }
        (FieldType::Map(entry), ArrowType::Map(..)) => {
            let map = array.as_map();
            let columns = [map.keys(), map.values()].into_iter().zip(entry.iter());
            let columns = columns
                .map(|(column, part)| convert(column, &part.field_type).at("field", || &part.name))
                .collect::<Result<Vec<_>>>()?;
            convert_map(entry, map.offsets().clone(), columns, map)
        }
        (_, other) => Err(Error::unsupported(format!("type {other} cannot be stored as {to}"))),
    }
}

fn convert_map(
    entry: &[Field; 2],
    offsets: OffsetBuffer<i32>,
    columns: Vec<ArrayRef>,
    map: &MapArray,
) -> Result<ArrayRef> {
    let fields: Fields = entry.iter().map(Field::to_arrow).collect();
    let field = ArrowField::new("entries", ArrowType::Struct(fields.clone()), false);
    let entries = built(StructArray::try_new(fields, columns, None))?;
    let nulls = map.nulls().cloned();
    Ok(Arc::new(built(MapArray::try_new(Arc::new(field), offsets, entries, nulls, false))?))
}

fn built<T>(array: std::result::Result<T, arrow_schema::ArrowError>) -> Result<T> {
    array.map_err(|error| Error::unsupported(format!("a nested column cannot be stored: {error}")))
}

fn convert_value(array: &ArrayRef, to: DataType) -> Result<ArrayRef> {
    let target = to.to_arrow();
    match array.data_type() {
        ArrowType::Timestamp(unit, _) => micros(array, *unit, to),
        ArrowType::Date64 => {
            let millis = array.as_primitive::<Date64Type>();
            if millis.iter().flatten().any(|value| value % MILLIS_PER_DAY != 0) {
                return Err(Error::unsupported(
                    "a date64 value has a time of day; cast the column to a timestamp or to date32 first",
                ));
            }
            cast(array, &target)
        }
        _ => cast(array, &target),
    }
}

fn micros(array: &ArrayRef, unit: TimeUnit, to: DataType) -> Result<ArrayRef> {
    if unit == TimeUnit::Nanosecond {
        let nanos = array.as_primitive::<TimestampNanosecondType>();
        if nanos.iter().flatten().any(|value| value % 1000 != 0) {
            return Err(Error::unsupported(
                "a timestamp has a fraction of a microsecond, which cannot be stored; round the column to microseconds first",
            ));
        }
    }
    // Zones only say how to print: the instant is the same, so they are left away while the
    // unit changes, and no database of zones is needed.
    let plain = cast_zoneless(array, unit)?;
    let zone = matches!(to, DataType::Timestamp).then(|| Arc::from("UTC"));
    let micros = plain.as_primitive::<TimestampMicrosecondType>().clone();
    Ok(Arc::new(micros.with_timezone_opt::<Arc<str>>(zone)))
}

fn numbers<T: ArrowPrimitiveType>(
    scalars: &[Option<Scalar>],
    ty: &ArrowType,
    get: impl Fn(&Scalar) -> Option<T::Native>,
) -> ArrayRef {
    let mut builder =
        PrimitiveBuilder::<T>::with_capacity(scalars.len()).with_data_type(ty.clone());
    for scalar in scalars {
        builder.append_option(scalar.as_ref().and_then(&get));
    }
    Arc::new(builder.finish())
}

/// A cast that fails instead of turning what does not fit into null.
fn cast(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|error| {
        Error::unsupported(format!("type {} cannot be stored as {to}: {error}", array.data_type()))
    })
}

fn cast_zoneless(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let data = array.to_data().into_builder().data_type(ArrowType::Timestamp(unit, None));
    let data = data.build().map_err(super::reading)?;
    cast(&arrow_array::make_array(data), &ArrowType::Timestamp(TimeUnit::Microsecond, None))
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Date64Array, DictionaryArray, FixedSizeListArray, Int32Array, NullArray, StringViewArray,
        TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt64Array, types::Int8Type,
    };
    use arrow_schema::{Field as ArrowField, Schema as ArrowSchema};

    use super::*;

    fn convert(array: ArrayRef) -> Result<ArrayRef> {
        let schema = ArrowSchema::new(vec![ArrowField::new("c", array.data_type().clone(), true)]);
        let (_, conversions) = conversions(&schema, &BTreeMap::new())?;
        conversions[0].apply(&array)
    }

    #[test]
    fn widens_and_flattens() {
        let dictionary: DictionaryArray<Int8Type> = vec!["a", "b", "a"].into_iter().collect();
        assert_eq!(convert(Arc::new(dictionary)).unwrap().as_string::<i32>().value(2), "a");
        let views = StringViewArray::from(vec![Some("long enough to be out of line"), None]);
        assert!(convert(Arc::new(views)).unwrap().as_string::<i32>().is_null(1));
        let wide = convert(Arc::new(UInt64Array::from(vec![u64::MAX]))).unwrap();
        assert_eq!(wide.as_primitive::<Decimal128Type>().value(0), i128::from(u64::MAX));
        assert_eq!(convert(Arc::new(NullArray::new(2))).unwrap().data_type(), &ArrowType::Utf8);
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![1]));
        assert_eq!(&convert(Arc::clone(&ints)).unwrap(), &ints);
    }

    #[test]
    fn times_are_exact_or_refused() {
        let zoned = TimestampNanosecondArray::from(vec![1_000]).with_timezone("Europe/Paris");
        let micros = convert(Arc::new(zoned)).unwrap();
        assert_eq!(micros.data_type(), &DataType::Timestamp.to_arrow());
        assert_eq!(micros.as_primitive::<TimestampMicrosecondType>().value(0), 1);
        let fine = TimestampNanosecondArray::from(vec![Some(1), None]);
        assert!(convert(Arc::new(fine)).unwrap_err().to_string().contains("microsecond"));
        let seconds = TimestampSecondArray::from(vec![i64::MAX]);
        assert!(convert(Arc::new(seconds)).is_err());
        let days = convert(Arc::new(Date64Array::from(vec![MILLIS_PER_DAY]))).unwrap();
        assert_eq!(days.as_primitive::<Date32Type>().value(0), 1);
        assert!(convert(Arc::new(Date64Array::from(vec![1]))).is_err());
    }

    #[test]
    fn integers_that_a_double_would_round_are_refused() {
        for (text, exact) in [
            ("0", Some(true)),
            ("-9007199254740992", Some(true)),
            ("9007199254740993", Some(false)),
            ("9007199254740994", Some(true)),
            ("+18014398509481984", Some(true)),
            ("18446744073709551615", Some(false)),
            ("1.5", None),
            ("1e300", None),
            ("NaN", None),
        ] {
            assert_eq!(is_exact_integer(text), exact, "{text}");
        }
        let good = StringArray::from(vec![Some("1.5"), None, Some("3"), Some("-inf")]);
        assert_eq!(read_doubles(&good).unwrap().null_count(), 1);
        let error = read_doubles(&StringArray::from(vec!["1.5", "9007199254740993"])).unwrap_err();
        assert_eq!(error.kind(), ncf::ErrorKind::Corrupt);
        assert!(error.message().contains("--type"), "{error}");
    }

    #[test]
    fn a_column_name_twice_is_the_files_fault() {
        let field = ArrowField::new("a", ArrowType::Int32, true);
        let schema = ArrowSchema::new(vec![field.clone(), field]);
        let error = conversions(&schema, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.kind(), ncf::ErrorKind::Corrupt, "{error}");
    }

    #[test]
    fn nested_types_are_converted_inside() {
        let bytes = Arc::new(UInt8Array::from(vec![1, 2, 3, 255]));
        let item = Arc::new(ArrowField::new("item", ArrowType::UInt8, false));
        let pairs = FixedSizeListArray::new(Arc::clone(&item), 2, bytes, None);
        let fields = vec![Arc::new(ArrowField::new("pair", pairs.data_type().clone(), true))];
        let points = StructArray::new(fields.into(), vec![Arc::new(pairs)], None);
        let stored = convert(Arc::new(points)).unwrap();
        let lists = stored.as_struct().column(0).as_list::<i32>();
        let shorts = lists.value(1);
        assert_eq!(shorts.as_primitive::<Int16Type>().values(), &[3, 255]);
    }

    #[test]
    fn what_cannot_be_stored_is_named() {
        let union = ArrowType::Duration(TimeUnit::Second);
        let list = ArrowType::List(Arc::new(ArrowField::new("item", union, true)));
        let schema = ArrowSchema::new(vec![ArrowField::new("deep", list, true)]);
        let error = conversions(&schema, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.kind(), ncf::ErrorKind::Unsupported);
        assert!(error.to_string().contains("column deep"));
    }
}
