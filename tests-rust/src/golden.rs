//! Small files that never change: every encoding over every physical type that it accepts, nested and
//! logical types, every profile. A format change that alters one breaks every file written before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use ncf::encoding::DecodedValues;
use ncf::encoding::relations::{Linear, Other, Part, Product, Relation, Term, Transform};
use ncf::{
    ByteValues, DataType, EncodingId, Field, FieldType, PhysicalType, Profile, Schema, TYPE_KEY,
    Values, WriterOptions, to_arrow_schema,
};

use crate::nested::{nested_schema, random_values};
use crate::{Random, flat_schema, random_batch, repository, write_file};

/// A file and what it is made of.
pub struct Golden {
    /// Name, without the ending.
    pub name: &'static str,
    schema: Schema,
    batch: RecordBatch,
    options: WriterOptions,
}

/// Every file. Their order is part of them: it gives each its identity.
pub fn all() -> Vec<Golden> {
    let mut files: Vec<Golden> = RANDOM.into_iter().enumerate().map(random).collect();
    files.extend(FORCED.into_iter().map(forced));
    files.push(nested());
    files.push(logical());
    files.push(forced(LATER));
    files.extend(related(FORCED_ROWS));
    files.push(forced(("zstd_dictionary", &[EncodingId::ZSTD_DICTIONARY])));
    for (index, file) in files.iter_mut().enumerate() {
        file.options.file_uuid = Some([index as u8 + 1; 16]);
    }
    files
}

impl Golden {
    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        repository().join(format!("tests-rust/fixtures/v1/{}.ncf", self.name))
    }

    /// What the writer makes today.
    pub fn made(&self) -> Vec<u8> {
        let batches = std::slice::from_ref(&self.batch);
        write_file(&self.schema, batches, self.options.clone()).expect("a golden file")
    }

    /// What is kept.
    pub fn stored(&self) -> Vec<u8> {
        std::fs::read(self.path()).expect("a golden file; NCF_REGENERATE=1 writes new ones")
    }

    /// The rows.
    pub fn rows(&self) -> &RecordBatch {
        &self.batch
    }
}

/// Rows, profile and rows of a block of files of random rows.
const RANDOM: [(&str, usize, Profile, usize); 9] = [
    ("empty", 0, Profile::Balanced, 1000),
    ("one_row", 1, Profile::Balanced, 1000),
    ("fast", 60, Profile::Fast, 1000),
    ("balanced", 90, Profile::Balanced, 1000),
    ("blocks", 40, Profile::Fast, 15),
    ("runs", 130, Profile::Balanced, 100),
    ("records", 85, Profile::Fast, 4),
    ("forced", 50, Profile::Point, 1000),
    ("point", 70, Profile::Point, 1000),
];

fn random(
    (index, (name, rows, profile, block_rows)): (usize, (&'static str, usize, Profile, usize)),
) -> Golden {
    let mut schema = flat_schema();
    if name == "records" {
        // So many blocks that its statistics are compressed, and few columns.
        schema.fields.truncate(3);
    }
    let batch = random_batch(&schema, rows, &mut Random::new(index as u64 + 1));
    let forced = schema.fields.iter().filter(|_| name == "forced");
    let encodings = forced.map(|field| (field.name.clone(), rare(field))).collect();
    let options = WriterOptions { profile, block_rows, encodings, ..WriterOptions::default() };
    Golden { name, schema, batch, options }
}

/// Encodings that the chooser leaves out of so few rows.
fn rare(field: &Field) -> EncodingId {
    match field.data_type().expect("flat") {
        DataType::Int32 | DataType::Date => EncodingId::DELTA,
        DataType::Int64 => EncodingId::SEQUENCE,
        DataType::String | DataType::Binary => EncodingId::FSST,
        DataType::Decimal { precision: 38, .. } => EncodingId::DECIMAL_PARTS,
        DataType::Timestamp => EncodingId::TIMESTAMP_PARTS,
        _ => EncodingId::NULL_FILL,
    }
}

/// Files whose columns are one for each physical type that each of some encodings accepts.
const FORCED: [(&str, &[EncodingId]); 7] = [
    ("plain", &[EncodingId::PLAIN, EncodingId::ALIGNED]),
    ("constant", &[EncodingId::CONSTANT, EncodingId::BITMAP]),
    ("integers", &[EncodingId::FOR_BITPACK, EncodingId::DELTA, EncodingId::SEQUENCE]),
    ("run_length", &[EncodingId::RUN_LENGTH]),
    ("dictionary", &[EncodingId::DICTIONARY]),
    ("zstd", &[EncodingId::ZSTD]),
    (
        "special",
        &[
            EncodingId::NULL_FILL,
            EncodingId::DECIMAL_PARTS,
            EncodingId::TIMESTAMP_PARTS,
            EncodingId::ALP,
            EncodingId::FSST,
        ],
    ),
];

/// Encodings that came later.
const LATER: (&str, &[EncodingId]) = (
    "later",
    &[
        EncodingId::PCO,
        EncodingId::WORDS,
        EncodingId::TEMPLATE,
        EncodingId::FIXED_PARSE,
        EncodingId::SPARSE,
        EncodingId::ALP_RD,
        EncodingId::BYTE_STREAM_SPLIT,
        EncodingId::FRONT_CODED,
    ],
);

const FORCED_ROWS: usize = 40;

fn forced((name, encodings): (&'static str, &[EncodingId])) -> Golden {
    let (mut fields, mut columns, mut chosen) = (Vec::new(), Vec::new(), BTreeMap::new());
    for id in encodings {
        let encoding = ncf::encoding::all().iter().find(|encoding| encoding.id() == *id);
        let accepts = |physical: &PhysicalType| encoding.is_some_and(|e| e.accepts(*physical));
        for physical in PhysicalType::ALL.into_iter().filter(accepts) {
            let data_type = type_of(physical);
            let column = format!("{id}_{data_type}");
            let valid = (*id == EncodingId::NULL_FILL)
                .then(|| BooleanBuffer::collect_bool(FORCED_ROWS, |row| row % 3 != 0));
            let values = values(physical, *id == EncodingId::CONSTANT);
            columns.push(ncf::file::to_array(values, valid, data_type).expect("values fit"));
            fields.push(Field::new(fields.len() as u32 + 1, column.clone(), data_type, true));
            chosen.insert(column, *id);
        }
    }
    let schema = Schema::new(fields).expect("names differ");
    let options = WriterOptions { profile: Profile::Fast, encodings: chosen, ..Default::default() };
    let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns);
    Golden { name, schema, batch: batch.expect("columns fit"), options }
}

/// A file for each way in which columns follow from others, over every type that it accepts.
pub fn related(rows: usize) -> Vec<Golden> {
    let relates = ncf::encoding::all().iter().filter(|encoding| encoding.relates());
    relates.map(|encoding| Related::new(rows).file(*encoding)).collect()
}

/// Columns, and how some follow from others.
struct Related {
    rows: usize,
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
    relations: BTreeMap<u32, Relation>,
}

impl Related {
    fn new(rows: usize) -> Self {
        Self { rows, fields: Vec::new(), columns: Vec::new(), relations: BTreeMap::new() }
    }

    /// Adds a column and answers its number.
    fn add(&mut self, physical: PhysicalType, relation: Option<Relation>) -> u32 {
        let (number, data_type) = (self.fields.len() as u32, type_of(physical));
        let codes: Vec<u32> = (0..self.rows).map(|row| (row * 7 % FORCED_ROWS) as u32).collect();
        let values = Arc::new(values(physical, false));
        let repeated = DecodedValues::Dictionary { codes: codes.into(), values };
        let repeated = repeated.into_flat(&ncf::Budget::new(1 << 24)).expect("few values");
        // Null rows in every third column that follows from others.
        let valid = (relation.is_some() && number % 3 == 0)
            .then(|| BooleanBuffer::collect_bool(self.rows, |row| row % 7 != 2));
        self.columns.push(ncf::file::to_array(repeated, valid, data_type).expect("values fit"));
        let kind = relation.as_ref().map_or("reference".to_owned(), Relation::to_string);
        self.fields.push(Field::new(number + 1, format!("{kind}_{number}"), data_type, true));
        self.relations.extend(relation.map(|relation| (number, relation)));
        number
    }

    fn file(mut self, encoding: &dyn ncf::encoding::Encoding) -> Golden {
        let [narrow, wide, text] = [PhysicalType::I8, PhysicalType::I64, PhysicalType::Bytes]
            .map(|physical| self.add(physical, None));
        let term = |column, transform, coefficient| Term { column, transform, coefficient };
        for physical in PhysicalType::ALL.into_iter().filter(|one| encoding.accepts(*one)) {
            let relation = match encoding.id() {
                EncodingId::EQUALITY => Relation::Equality { column: self.add(physical, None) },
                EncodingId::MAP => Relation::Map { keys: vec![text, wide] },
                EncodingId::LINEAR => Relation::Linear(Linear {
                    terms: vec![
                        term(wide, Transform::Part { divisor: 1, modulus: 24 }, 3),
                        term(narrow, Transform::Identity, -1),
                    ],
                    constant: 5,
                    shift: 1,
                    scale: if physical == PhysicalType::F64 { 2 } else { 0 },
                }),
                EncodingId::CONCATENATION => Relation::Concatenation(vec![
                    Part { column: text, digits: 0 },
                    Part { column: narrow, digits: 1 },
                ]),
                _ => {
                    let other = Other::Map(vec![text]);
                    Relation::Product(Product { factor: narrow, other, divisor: 10 })
                }
            };
            self.add(physical, Some(relation));
        }
        let Self { fields, columns, relations, .. } = self;
        let schema = Schema::new(fields).expect("names differ");
        let options = WriterOptions { profile: Profile::Balanced, relations, ..Default::default() };
        let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns);
        Golden { name: encoding.name(), schema, batch: batch.expect("columns fit"), options }
    }
}

/// A type that is stored as this one.
fn type_of(physical: PhysicalType) -> DataType {
    match physical {
        PhysicalType::Bool => DataType::Boolean,
        PhysicalType::I8 => DataType::Int8,
        PhysicalType::I16 => DataType::Int16,
        PhysicalType::I32 => DataType::Int32,
        PhysicalType::I64 => DataType::Int64,
        PhysicalType::I128 => DataType::Decimal { precision: 38, scale: 0 },
        PhysicalType::F32 => DataType::Float32,
        PhysicalType::F64 => DataType::Float64,
        PhysicalType::Bytes => DataType::String,
    }
}

/// Short runs of rising values, an outlier, NaN and −0.0 among floats; or one value in all rows.
fn values(physical: PhysicalType, constant: bool) -> Values {
    let number = |row: usize| match row {
        _ if constant => 7,
        20 => -100,
        row => (row / 3 * 3) as i8 + (row % 2) as i8,
    };
    let float = |row: usize| match row {
        _ if constant => 0.75,
        9 => f64::NAN,
        15 => -0.0,
        row => f64::from(number(row)) / 4.0,
    };
    let rows = 0..FORCED_ROWS;
    match physical {
        PhysicalType::Bool => {
            Values::Bool(BooleanBuffer::collect_bool(FORCED_ROWS, |row| constant || row % 5 < 2))
        }
        PhysicalType::I8 => Values::I8(rows.map(number).collect()),
        PhysicalType::I16 => Values::I16(rows.map(|row| i16::from(number(row))).collect()),
        PhysicalType::I32 => Values::I32(rows.map(|row| i32::from(number(row))).collect()),
        PhysicalType::I64 => Values::I64(rows.map(|row| i64::from(number(row))).collect()),
        PhysicalType::I128 => Values::I128(rows.map(|row| i128::from(number(row))).collect()),
        PhysicalType::F32 => Values::F32(rows.map(|row| float(row) as f32).collect()),
        PhysicalType::F64 => Values::F64(rows.map(float).collect()),
        PhysicalType::Bytes => {
            let text = |row| format!("the value {}", number(row));
            Values::Bytes(rows.map(text).collect::<ByteValues>())
        }
    }
}

fn nested() -> Golden {
    let schema = nested_schema(3, 3, &mut Random::new(12));
    let mut random = Random::new(7);
    let columns = schema.fields.iter().map(|field| random_values(field, 12, &mut random)).collect();
    let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns);
    let options = WriterOptions { block_rows: 8, ..WriterOptions::default() };
    Golden { name: "nested", schema, batch: batch.expect("columns fit"), options }
}

/// Every name of `ncf.type` in the specification, each over what it is stored as.
pub fn logical_types() -> Vec<(&'static str, FieldType)> {
    let decimal = DataType::Decimal { precision: 20, scale: 0 };
    let parts = |parts: &[(&str, DataType)]| {
        let part = |(name, data_type): &(&str, DataType)| Field::new(1, *name, *data_type, true);
        FieldType::Struct(parts.iter().map(part).collect())
    };
    let array =
        |element: DataType| FieldType::Array(Box::new(Field::new(1, "element", element, false)));
    vec![
        ("uint8", DataType::Int16.into()),
        ("uint16", DataType::Int32.into()),
        ("uint32", DataType::Int64.into()),
        ("uint64", decimal.into()),
        ("binary(4)", DataType::Binary.into()),
        ("array(16)", array(DataType::Float32)),
        ("variant", parts(&[("value", DataType::Binary), ("metadata", DataType::Binary)])),
        (
            "interval",
            parts(&[
                ("months", DataType::Int32),
                ("days", DataType::Int32),
                ("microseconds", DataType::Int64),
            ]),
        ),
        ("interval year to month", DataType::Int32.into()),
        ("interval day to second", DataType::Int64.into()),
        ("time(6)", DataType::Int64.into()),
        ("void", DataType::Boolean.into()),
        ("string collate UTF8_LCASE", DataType::String.into()),
    ]
}

fn logical() -> Golden {
    let (mut fields, mut next) = (Vec::new(), 0);
    for (name, field_type) in logical_types() {
        let mut field = Field::new(0, name, field_type, true);
        field.metadata.insert(TYPE_KEY.into(), name.into());
        let numbered = field.walk_mut(&mut |part| {
            next += 1;
            part.id = next;
            Ok(())
        });
        numbered.expect("nothing fails");
        fields.push(field);
    }
    let schema = Schema::new(fields).expect("names differ");
    let schema =
        Schema { metadata: BTreeMap::from([("made by".into(), "a test".into())]), ..schema };
    let columns = schema.fields.iter().map(logical_values).collect();
    let batch = RecordBatch::try_new(Arc::new(to_arrow_schema(&schema)), columns);
    let options = WriterOptions { profile: Profile::Fast, ..WriterOptions::default() };
    Golden { name: "logical", schema, batch: batch.expect("columns fit"), options }
}

fn logical_values(field: &Field) -> ArrayRef {
    const ROWS: usize = 6;
    let mut random = Random::new(u64::from(field.id));
    match &field.field_type {
        FieldType::Array(element) => {
            let numbers: arrow_array::Float32Array =
                (0..ROWS * 16).map(|at| Some(at as f32)).collect();
            let offsets = arrow_buffer::OffsetBuffer::from_lengths([16; ROWS]);
            let lists = arrow_array::ListArray::try_new(
                Arc::new(element.to_arrow()),
                offsets,
                Arc::new(numbers),
                None,
            );
            Arc::new(lists.expect("elements fit"))
        }
        FieldType::Value(DataType::Boolean) => {
            Arc::new(std::iter::repeat_n(None::<bool>, ROWS).collect::<BooleanArray>())
        }
        FieldType::Value(DataType::Binary) => {
            let values = (0..ROWS as u8).map(|row| Some([row, 0, 0, 255]));
            Arc::new(values.collect::<arrow_array::BinaryArray>())
        }
        _ => random_values(field, ROWS, &mut random),
    }
}
