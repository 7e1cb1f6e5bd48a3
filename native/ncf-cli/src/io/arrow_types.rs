//! The Arrow types that other formats get: those which the columns had when they came, where the field's
//! metadata remembers them, else those of the stored and the logical types.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, Field as ArrowField, FieldRef, Fields};
use ncf::{Field, FieldType, LogicalType, Schema, TYPE_KEY};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

use super::storable::{Storable, unfolded};

/// Key of a column's metadata under which its Arrow type stands, as text, where it is not what the stored
/// type gives. A hint: it counts only where that type is stored as the column is.
pub(super) const KEY: &str = "ncf.arrow";

/// Longest hint that is read.
const MAX_HINT: usize = 64 << 10;
/// Deepest nesting of brackets in a hint: its parser is recursive.
const MAX_DEPTH: usize = 200;

/// What an Arrow type is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Another format with types: decimals are `Decimal128`, which every reader knows.
    File,
    /// Text, where only times look otherwise than what they are stored as.
    Text,
}

/// What `ncf.arrow` says of a column that had the type `arrow` and is stored as `field`, if anything.
pub(super) fn hint(arrow: &ArrowType, field: &Field) -> Option<String> {
    let bare = bare(arrow, true);
    if bare == self::bare(&arrow_type(field, Purpose::File), true) {
        return None;
    }
    let text = bare.to_string();
    (parse(&text).as_ref() == Some(&bare)).then_some(text)
}

/// The schema that another format gets.
pub(super) fn exported_schema(schema: &Schema) -> arrow_schema::Schema {
    let fields = schema.fields.iter().map(|field| {
        let ty = hinted(field).unwrap_or_else(|| arrow_type(field, Purpose::File));
        exported_field(&field.name, ty, field)
    });
    let metadata: HashMap<_, _> = schema.metadata.clone().into_iter().collect();
    arrow_schema::Schema::new(fields.collect::<Vec<_>>()).with_metadata(metadata)
}

/// The Arrow type of a field by its stored type and the logical one that its metadata names.
pub(super) fn arrow_type(field: &Field, purpose: Purpose) -> ArrowType {
    let part = |part: &Field| exported_field(&part.name, arrow_type(part, purpose), part);
    let logical = LogicalType::of(field)
        .filter(|logical| purpose == Purpose::File || matches!(logical, LogicalType::Time(_)));
    match &field.field_type {
        FieldType::Value(stored) => {
            match (logical.and_then(LogicalType::to_arrow), stored.to_arrow()) {
                (Some(named), _) => named,
                (None, ArrowType::Decimal64(p, s)) if purpose == Purpose::File => {
                    ArrowType::Decimal128(p, s)
                }
                (None, stored) => stored,
            }
        }
        FieldType::Array(element) => match logical {
            Some(LogicalType::Array(n)) if let Ok(n) = i32::try_from(n) => {
                ArrowType::FixedSizeList(Arc::new(part(element)), n)
            }
            _ => ArrowType::List(Arc::new(part(element))),
        },
        FieldType::Map(entry) => {
            let fields: Fields = entry.iter().map(part).collect();
            let entries = ArrowField::new("entries", ArrowType::Struct(fields), false);
            ArrowType::Map(Arc::new(entries), false)
        }
        FieldType::Struct(fields) => ArrowType::Struct(fields.iter().map(part).collect()),
    }
}

/// A field of an exported type, with what is still to be said in metadata.
fn exported_field(name: &str, ty: ArrowType, field: &Field) -> ArrowField {
    let said = LogicalType::from_arrow(unfolded(&ty))
        .is_some_and(|said| LogicalType::of(field) == Some(said));
    let metadata = field.metadata.iter();
    let metadata = metadata.filter(|(key, _)| *key != KEY && !(said && *key == TYPE_KEY));
    let metadata: HashMap<_, _> = metadata.map(|(k, v)| (k.clone(), v.clone())).collect();
    ArrowField::new(name, ty, field.nullable).with_metadata(metadata)
}

/// The type that the metadata of a column remembers, if it is stored as the column is.
fn hinted(field: &Field) -> Option<ArrowType> {
    let ty = parse(field.metadata.get(KEY)?)?;
    let arrow = ArrowField::new(&field.name, ty, field.nullable);
    let would_be = Storable::new().field(&field.name, &arrow).ok()?;
    let fits = would_be.field_type.same_values(&field.field_type) && same_names(&would_be, field);
    fits.then(|| dressed(arrow.data_type(), field))
}

/// Whether the fields, which are nested alike, have the same logical types.
fn same_names(a: &Field, b: &Field) -> bool {
    let mut parts = a.field_type.parts().iter().zip(b.field_type.parts());
    LogicalType::of(a) == LogicalType::of(b) && parts.all(|(a, b)| same_names(a, b))
}

fn parse(text: &str) -> Option<ArrowType> {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        depth = match byte {
            b'(' => depth + 1,
            b')' => depth.saturating_sub(1),
            _ => depth,
        };
        deepest = deepest.max(depth);
    }
    if text.len() > MAX_HINT || deepest > MAX_DEPTH { None } else { text.parse().ok() }
}

/// The type with each part changed by `change`, which gets the parts' position.
fn map_parts(arrow: &ArrowType, change: &dyn Fn(usize, &ArrowField) -> ArrowField) -> ArrowType {
    let only = |element: &FieldRef| Arc::new(change(0, element));
    let all = |fields: &Fields| -> Fields {
        fields.iter().enumerate().map(|(at, field)| change(at, field)).collect()
    };
    match arrow {
        ArrowType::List(element) => ArrowType::List(only(element)),
        ArrowType::LargeList(element) => ArrowType::LargeList(only(element)),
        ArrowType::ListView(element) => ArrowType::ListView(only(element)),
        ArrowType::LargeListView(element) => ArrowType::LargeListView(only(element)),
        ArrowType::FixedSizeList(element, n) => ArrowType::FixedSizeList(only(element), *n),
        ArrowType::Struct(fields) => ArrowType::Struct(all(fields)),
        ArrowType::Map(entries, sorted) => {
            let inner = match entries.data_type() {
                ArrowType::Struct(fields) => ArrowType::Struct(all(fields)),
                other => other.clone(),
            };
            let entries = ArrowField::new(entries.name(), inner, entries.is_nullable());
            ArrowType::Map(Arc::new(entries), *sorted)
        }
        other => other.clone(),
    }
}

/// The type without metadata. Inside it, dictionaries and runs are plain: a file of Arrow batches has one
/// dictionary a column, which only whole columns can keep.
fn bare(arrow: &ArrowType, outermost: bool) -> ArrowType {
    match arrow {
        ArrowType::Dictionary(keys, values) if outermost => {
            ArrowType::Dictionary(keys.clone(), Box::new(bare(values, false)))
        }
        ArrowType::Dictionary(_, values) => bare(values, false),
        ArrowType::RunEndEncoded(ends, values) if outermost => {
            let inner = bare(values.data_type(), false);
            let values = ArrowField::new(values.name(), inner, values.is_nullable());
            let ends = ArrowField::new(ends.name(), ends.data_type().clone(), ends.is_nullable());
            ArrowType::RunEndEncoded(Arc::new(ends), Arc::new(values))
        }
        ArrowType::RunEndEncoded(_, values) => bare(values.data_type(), false),
        other => map_parts(other, &|_, part| {
            ArrowField::new(part.name(), bare(part.data_type(), false), part.is_nullable())
        }),
    }
}

/// The type with the metadata of the parts of `field`, and null where they may be.
fn dressed(arrow: &ArrowType, field: &Field) -> ArrowType {
    match arrow {
        ArrowType::Dictionary(keys, values) => {
            ArrowType::Dictionary(keys.clone(), Box::new(dressed(values, field)))
        }
        ArrowType::RunEndEncoded(ends, values) => {
            let inner = dressed(values.data_type(), field);
            let values = values.as_ref().clone().with_data_type(inner);
            ArrowType::RunEndEncoded(Arc::clone(ends), Arc::new(values))
        }
        other => map_parts(other, &|at, part| match field.field_type.parts().get(at) {
            Some(stored) => exported_field(part.name(), dressed(part.data_type(), stored), stored),
            None => part.clone(),
        }),
    }
}

/// Adds the ids of the fields as Parquet has them, unless they only count the fields.
pub(super) fn with_parquet_ids(
    exported: arrow_schema::Schema,
    schema: &Schema,
) -> arrow_schema::Schema {
    let (mut count, mut counted) = (0, true);
    for column in &schema.fields {
        // Nothing here fails.
        let _ = column.walk(&mut |field, _| {
            count += 1;
            counted &= field.id == count;
            Ok(())
        });
    }
    if counted {
        return exported;
    }
    let fields = exported.fields().iter().zip(&schema.fields);
    let fields: Vec<_> = fields.map(|(arrow, field)| with_id(arrow, field)).collect();
    arrow_schema::Schema::new(fields).with_metadata(exported.metadata().clone())
}

fn with_id(arrow: &ArrowField, field: &Field) -> ArrowField {
    let inner = map_parts(arrow.data_type(), &|at, part| match field.field_type.parts().get(at) {
        Some(stored) => with_id(part, stored),
        None => part.clone(),
    });
    let mut metadata = arrow.metadata().clone();
    metadata.insert(PARQUET_FIELD_ID_META_KEY.to_string(), field.id.to_string());
    arrow.clone().with_data_type(inner).with_metadata(metadata)
}
