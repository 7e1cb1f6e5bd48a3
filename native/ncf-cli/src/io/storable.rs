//! Columns of any Arrow type to the types that NCF stores, without loss or not at all.
//!
//! Large, view, dictionary and run-end forms become plain; unsigned integers the next larger signed
//! one (64 bits: `decimal(20,0)`), times nanoseconds, fixed-size binaries binaries, all of them with their
//! type's name in the field's metadata; half floats become singles; `date64` and timestamps of any unit
//! days and microseconds when they are whole ones; a column without values a string. Lists of any kind
//! become arrays; what is inside nested types is converted by the same rules.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date64Type, TimestampMicrosecondType, TimestampNanosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType as ArrowType, Field as ArrowField, TimeUnit};
use ncf::{DataType, Error, Field, FieldType, LogicalType, Result, Schema, TYPE_KEY};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::arrow_types;
use super::from_text::{read_doubles, read_values};
use super::reshape::{cast, element, reshape};
use super::times::{to_nanos, unit_of};

const MILLIS_PER_DAY: i64 = 86_400_000;

/// Prefixes of metadata that is about the foreign file, not about its values.
const FOREIGN: [&str; 2] = ["ARROW:", "PARQUET:"];

/// How one column becomes storable.
#[derive(Debug, Clone)]
pub(super) struct Conversion {
    column: String,
    to: ArrowType,
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
    let mut storable = Storable::new();
    for field in arrow.fields() {
        let text = texts.get(field.name());
        let stored = match text {
            Some(text) => {
                Field::new(storable.next_id(field), field.name(), text.to, field.is_nullable())
            }
            None => storable.column(field).map_err(|error| error.with("column", field.name()))?,
        };
        conversions.push(Conversion {
            column: field.name().clone(),
            to: stored.field_type.to_arrow(),
            from: match text {
                None => From::Values,
                Some(TextColumn { guessed: true, .. }) => From::GuessedDoubles,
                Some(text) => From::Text(text.to),
            },
        });
        fields.push(stored);
    }
    storable.use_own_ids(&mut fields)?;
    // The caller named none of these columns: it is the file that is wrong.
    let mut schema = Schema::new(fields).map_err(|error| Error::corrupt(error.message()))?;
    schema.metadata = own_metadata(arrow.metadata().iter());
    for name in texts.keys() {
        schema.field(name)?;
    }
    Ok((schema, conversions))
}

fn own_metadata<'a>(
    all: impl Iterator<Item = (&'a String, &'a String)>,
) -> BTreeMap<String, String> {
    let own = all.filter(|(key, _)| !FOREIGN.iter().any(|prefix| key.starts_with(prefix)));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Fields that store Arrow's, with ids that count up from 1 in the order of `Field::walk`.
pub(super) struct Storable {
    next: u32,
    /// The ids that the fields have in Parquet.
    own_ids: Vec<Option<u32>>,
}

impl Storable {
    pub(super) fn new() -> Self {
        Self { next: 1, own_ids: Vec::new() }
    }

    fn next_id(&mut self, arrow: &ArrowField) -> u32 {
        let own = arrow.metadata().get(PARQUET_FIELD_ID_META_KEY);
        self.own_ids.push(own.and_then(|id| id.parse().ok()).filter(|id| *id > 0));
        let id = self.next;
        self.next += 1;
        id
    }

    /// The column that stores an Arrow field and remembers its type, or `Unsupported`.
    fn column(&mut self, arrow: &ArrowField) -> Result<Field> {
        let mut field = self.field(arrow.name(), arrow)?;
        if let Some(text) = arrow_types::hint(arrow.data_type(), &field) {
            field.metadata.insert(arrow_types::KEY.to_string(), text);
        }
        Ok(field)
    }

    /// The field that stores an Arrow field, or `Unsupported`.
    pub(super) fn field(&mut self, name: &str, arrow: &ArrowField) -> Result<Field> {
        let id = self.next_id(arrow);
        let ty = unfolded(arrow.data_type());
        let field_type = self.field_type(ty)?;
        let nullable = arrow.is_nullable() || *ty == ArrowType::Null;
        let mut field = Field::new(id, name, field_type, nullable);
        field.metadata = own_metadata(arrow.metadata().iter());
        field.metadata.remove(arrow_types::KEY);
        name_type(&mut field, ty);
        Ok(field)
    }

    fn part(&mut self, name: &str, arrow: &ArrowField) -> Result<Field> {
        self.field(name, arrow).map_err(|error| error.with("field", arrow.name()))
    }

    fn field_type(&mut self, arrow: &ArrowType) -> Result<FieldType> {
        if let Some(element) = element(arrow) {
            return Ok(FieldType::Array(Box::new(self.part("element", element)?)));
        }
        Ok(match arrow {
            ArrowType::Struct(fields) => {
                let parts = fields.iter().map(|field| self.part(field.name(), field));
                FieldType::Struct(parts.collect::<Result<_>>()?)
            }
            ArrowType::Map(entries, _) => match entries.data_type() {
                ArrowType::Struct(fields) if let [key, value] = &**fields => {
                    let key = Field { nullable: false, ..self.part("key", key)? };
                    FieldType::Map(Box::new([key, self.part("value", value)?]))
                }
                other => {
                    return Err(Error::unsupported(format!("a map of {other} cannot be stored")));
                }
            },
            value => storable_value(value)?.into(),
        })
    }

    /// Gives the fields the ids that they have in Parquet, if all have one of their own.
    fn use_own_ids(self, fields: &mut [Field]) -> Result<()> {
        let Some(ids) = self.own_ids.into_iter().collect::<Option<Vec<u32>>>() else {
            return Ok(());
        };
        if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
            return Ok(());
        }
        let mut ids = ids.into_iter();
        fields.iter_mut().try_for_each(|field| {
            field.walk_mut(&mut |part| {
                part.id = ids.next().unwrap_or(part.id);
                Ok(())
            })
        })
    }
}

/// The type of the values of dictionaries and runs.
pub(super) fn unfolded(arrow: &ArrowType) -> &ArrowType {
    match arrow {
        ArrowType::Dictionary(_, values) => unfolded(values),
        ArrowType::RunEndEncoded(_, values) => unfolded(values.data_type()),
        other => other,
    }
}

/// Writes the logical type of an Arrow type into the metadata, unless a name there says the same more exactly
/// (`time(4)` for microseconds), and takes a name away that is of another type's values.
fn name_type(field: &mut Field, arrow: &ArrowType) {
    let named = LogicalType::from_arrow(arrow);
    let there = field.metadata.get(TYPE_KEY).and_then(|name| name.parse::<LogicalType>().ok());
    match (named, there) {
        (Some(named), Some(there))
            if there.to_arrow() == named.to_arrow() && there.to_arrow().is_some() => {}
        (Some(named), _) => {
            field.metadata.insert(TYPE_KEY.to_string(), named.to_string());
        }
        (None, Some(_)) if LogicalType::of(field).is_none() => {
            field.metadata.remove(TYPE_KEY);
        }
        (None, _) => {}
    }
}

fn storable_value(arrow: &ArrowType) -> Result<DataType> {
    if let Some(storage) = LogicalType::from_arrow(arrow).and_then(LogicalType::storage) {
        return Ok(storage);
    }
    Ok(match arrow {
        ArrowType::Null | ArrowType::Utf8View => DataType::String,
        ArrowType::BinaryView => DataType::Binary,
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
    /// The column in the Arrow type that NCF stores.
    pub(super) fn apply(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let converted = match self.from {
            From::Values => reshape(array, &self.to, &stored_values),
            From::Text(to) => read_values(array.as_string::<i32>(), to),
            From::GuessedDoubles => read_doubles(array.as_string::<i32>()),
        };
        converted.map_err(|error| error.with("column", &self.column))
    }
}

/// Values of any Arrow type in the one that NCF stores.
fn stored_values(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef> {
    if let Some(unit) = unit_of(array.data_type()) {
        return to_nanos(array, unit);
    }
    match array.data_type() {
        ArrowType::Timestamp(unit, _) => micros(array, *unit, to),
        ArrowType::Date64 => {
            let millis = array.as_primitive::<Date64Type>();
            if millis.iter().flatten().any(|value| value % MILLIS_PER_DAY != 0) {
                return Err(Error::unsupported(
                    "a date64 value has a time of day; cast the column to a timestamp or to date32 first",
                ));
            }
            cast(array, to)
        }
        _ => cast(array, to),
    }
}

fn micros(array: &ArrayRef, unit: TimeUnit, to: &ArrowType) -> Result<ArrayRef> {
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
    let zone = match to {
        ArrowType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let micros = plain.as_primitive::<TimestampMicrosecondType>().clone();
    Ok(Arc::new(micros.with_timezone_opt(zone)))
}

fn cast_zoneless(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let data = array.to_data().into_builder().data_type(ArrowType::Timestamp(unit, None));
    let data = data.build().map_err(super::reading)?;
    cast(&arrow_array::make_array(data), &ArrowType::Timestamp(TimeUnit::Microsecond, None))
}

#[cfg(test)]
mod tests {
    use arrow_array::types::{Date32Type, Decimal128Type, Int8Type, Int16Type};
    use arrow_array::{
        Date64Array, DictionaryArray, FixedSizeListArray, Int32Array, NullArray, StringViewArray,
        StructArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt64Array,
    };
    use arrow_schema::Schema as ArrowSchema;

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
