//! The schema record.
//!
//! ```text
//! 0  length of the Arrow part u32
//! 4  Arrow IPC flatbuffer of the schema (names, types, nullability)
//! …  field ids, u32 × fields: each column, then the fields inside it
//! …  JSON: {"schema":{…},"fields":[{…}, …]}, the user's key/value metadata, a field each
//! ```

use std::collections::BTreeMap;

use arrow_ipc::convert::{IpcSchemaEncoder, try_fb_to_schema};
use arrow_ipc::root_as_schema_with_opts;
use arrow_schema::Schema as ArrowSchema;
use flatbuffers::{InvalidFlatbuffer, VerifierOptions};
use ncf_core::{Budget, Error, Field, FieldType, Limits, Result, ResultExt, Schema};

use crate::wire::{Cursor, Put, to_u32};

#[derive(serde::Serialize, serde::Deserialize)]
struct UserMetadata {
    schema: BTreeMap<String, String>,
    fields: Vec<BTreeMap<String, String>>,
}

/// The Arrow schema that readers return.
pub fn to_arrow_schema(schema: &Schema) -> ArrowSchema {
    ArrowSchema::new(schema.fields.iter().map(Field::to_arrow).collect::<Vec<_>>())
}

/// The bytes of a schema record.
pub(crate) fn encode(schema: &Schema) -> Result<Vec<u8>> {
    let builder = IpcSchemaEncoder::new().schema_to_fb(&to_arrow_schema(schema));
    let arrow = builder.finished_data();
    let mut out = Vec::with_capacity(arrow.len() + 64);
    out.put_u32(to_u32("the schema", arrow.len())?);
    out.extend_from_slice(arrow);
    let mut user = UserMetadata { schema: schema.metadata.clone(), fields: Vec::new() };
    for column in &schema.fields {
        column.walk(&mut |field, _| {
            out.put_u32(field.id);
            user.fields.push(field.metadata.clone());
            Ok(())
        })?;
    }
    let json = serde_json::to_vec(&user)
        .map_err(|error| Error::internal(format!("schema metadata is not JSON: {error}")))?;
    out.extend_from_slice(&json);
    Ok(out)
}

fn check_limits(count: &mut usize, depth: usize, limits: &Limits) -> Result<()> {
    *count += 1;
    if *count as u64 > limits.columns {
        return Err(Error::limit_exceeded("columns", *count as u64, limits.columns));
    }
    if depth as u64 > limits.depth {
        return Err(Error::limit_exceeded("depth of nesting", depth as u64, limits.depth));
    }
    Ok(())
}

/// What an Arrow schema of `len` bytes may be made of. Its parts may be shared, so that few bytes make many
/// fields or long names: counted are the parts as a reader meets them.
fn verifier(len: usize, limits: &Limits) -> VerifierOptions {
    let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    VerifierOptions {
        // A level of nesting is up to three tables deep, a field two tables, and three of a map's.
        max_depth: size(limits.depth.saturating_mul(4)),
        max_tables: size(limits.columns.saturating_mul(4)),
        max_apparent_size: len.saturating_mul(8).saturating_add(1 << 16),
        ..VerifierOptions::default()
    }
}

/// Reads a verified schema record.
pub(crate) fn decode(bytes: &[u8], limits: &Limits, budget: &Budget) -> Result<Schema> {
    let mut cursor = Cursor::new("the schema", bytes);
    let len = cursor.len_u32()?;
    let arrow = cursor.take(len)?;
    budget.take("the schema", len as u64)?;
    // Flatbuffers wants its bytes aligned, as those of a buffer are.
    let stored = arrow_buffer::Buffer::from(arrow);
    let wrong =
        |error: String| Error::corrupt(format!("the schema is not an Arrow schema: {error}"));
    let verifier = verifier(len, limits);
    let parsed = root_as_schema_with_opts(&verifier, &stored).map_err(|error| {
        let limit = match error {
            InvalidFlatbuffer::TooManyTables => Some(("columns", limits.columns)),
            InvalidFlatbuffer::DepthLimitReached => Some(("depth of nesting", limits.depth)),
            InvalidFlatbuffer::ApparentSizeTooLarge => {
                Some(("a schema whose parts share bytes", verifier.max_apparent_size as u64))
            }
            _ => None,
        };
        match limit {
            Some((what, limit)) => Error::limit_exceeded(what, limit.saturating_add(1), limit),
            None => wrong(error.to_string()),
        }
    })?;
    let arrow = try_fb_to_schema(parsed).map_err(|error| wrong(error.to_string()))?;
    let mut count = 0;
    let mut fields = Vec::new();
    for column in arrow.fields() {
        let mut next = 1;
        let field_type = FieldType::from_arrow(column.data_type(), &mut next)
            .at("column", || column.name().clone())?;
        let field = Field::new(next, column.name(), field_type, column.is_nullable());
        field.walk(&mut |_, depth| check_limits(&mut count, depth, limits))?;
        fields.push(field);
    }
    let mut ids = cursor.u32s(count, budget)?.into_iter();
    // Parsed, the shortest entries take that much more than their text.
    let json = cursor.rest();
    budget.take("metadata of the schema", (json.len() as u64).saturating_mul(8))?;
    let user: UserMetadata = serde_json::from_slice(json)
        .map_err(|error| Error::corrupt(format!("the schema's metadata is not JSON: {error}")))?;
    if user.fields.len() != count {
        return Err(Error::corrupt("the schema's metadata has another number of fields"));
    }
    let mut metadata = user.fields.into_iter();
    for column in &mut fields {
        column.walk_mut(&mut |field| {
            field.id = ids.next().unwrap_or_default();
            field.metadata = metadata.next().unwrap_or_default();
            Ok(())
        })?;
    }
    let schema = Schema { fields, metadata: user.schema };
    schema.validate().map_err(|error| Error::corrupt(error.message().to_string()))?;
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use ncf_core::DataType;

    use super::*;

    #[test]
    fn keeps_types_ids_and_metadata() {
        let mut schema = Schema::new(vec![
            Field::new(7, "d", DataType::Decimal { precision: 12, scale: 2 }, false),
            Field::new(3, "é", DataType::TimestampNtz, true),
            Field::new(
                9,
                "list",
                FieldType::Array(Box::new(Field::new(4, "element", DataType::Binary, true))),
                false,
            ),
        ])
        .unwrap();
        if let Some(element) = schema.fields[2].field_type.parts_mut().first_mut() {
            element.metadata.insert("unit".into(), "m".into());
        }
        schema.metadata.insert("k".into(), "v".into());
        schema.fields[0].metadata.insert("comment".into(), "price".into());
        let bytes = encode(&schema).unwrap();
        let budget = Budget::new(1 << 20);
        assert_eq!(decode(&bytes, &Limits::DEFAULT, &budget).unwrap(), schema);
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len], &Limits::DEFAULT, &budget).is_err());
        }
    }
}
