//! The schema record.
//!
//! ```text
//! 0  length of the Arrow part u32
//! 4  Arrow IPC flatbuffer of the schema (names, types, nullability)
//! …  field ids, u32 × columns
//! …  JSON: {"schema":{…},"fields":[{…}, …]}, the user's key/value metadata
//! ```

use std::collections::BTreeMap;

use arrow_ipc::convert::{IpcSchemaEncoder, try_fb_to_schema};
use arrow_schema::{Field as ArrowField, Schema as ArrowSchema};
use ncf_core::{Budget, DataType, Error, Field, Limits, Result, ResultExt, Schema};

use crate::wire::{Cursor, Put, to_u32};

#[derive(serde::Serialize, serde::Deserialize)]
struct UserMetadata {
    schema: BTreeMap<String, String>,
    fields: Vec<BTreeMap<String, String>>,
}

/// The Arrow schema that readers return.
pub fn to_arrow_schema(schema: &Schema) -> ArrowSchema {
    let field = |f: &Field| ArrowField::new(&f.name, f.data_type.to_arrow(), f.nullable);
    ArrowSchema::new(schema.fields.iter().map(field).collect::<Vec<_>>())
}

/// The bytes of a schema record.
pub(crate) fn encode(schema: &Schema) -> Result<Vec<u8>> {
    let builder = IpcSchemaEncoder::new().schema_to_fb(&to_arrow_schema(schema));
    let arrow = builder.finished_data();
    let mut out = Vec::with_capacity(arrow.len() + 64);
    out.put_u32(to_u32("the schema", arrow.len())?);
    out.extend_from_slice(arrow);
    schema.fields.iter().for_each(|field| out.put_u32(field.id));
    let user = UserMetadata {
        schema: schema.metadata.clone(),
        fields: schema.fields.iter().map(|field| field.metadata.clone()).collect(),
    };
    let json = serde_json::to_vec(&user)
        .map_err(|error| Error::internal(format!("schema metadata is not JSON: {error}")))?;
    out.extend_from_slice(&json);
    Ok(out)
}

/// Reads a verified schema record.
pub(crate) fn decode(bytes: &[u8], limits: &Limits, budget: &Budget) -> Result<Schema> {
    let mut cursor = Cursor::new("the schema", bytes);
    let len = cursor.len_u32()?;
    // Flatbuffers wants its bytes aligned.
    let mut aligned = budget.vec::<u64>("the schema", len.div_ceil(8))?;
    let arrow = cursor.take(len)?;
    aligned.extend(arrow.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }));
    let buffer = arrow_buffer::Buffer::from_vec(aligned);
    let parsed = arrow_ipc::root_as_schema(buffer.get(..len).unwrap_or_default())
        .map_err(|error| Error::corrupt(format!("the schema is not an Arrow schema: {error}")))?;
    let arrow = try_fb_to_schema(parsed)
        .map_err(|error| Error::corrupt(format!("the schema is not an Arrow schema: {error}")))?;
    let count = arrow.fields().len();
    if count as u64 > limits.columns {
        return Err(Error::limit_exceeded("columns", count as u64, limits.columns));
    }
    let ids = cursor.u32s(count, budget)?;
    let user: UserMetadata = serde_json::from_slice(cursor.rest())
        .map_err(|error| Error::corrupt(format!("the schema's metadata is not JSON: {error}")))?;
    if user.fields.len() != count {
        return Err(Error::corrupt("the schema's metadata has another number of columns"));
    }
    let mut fields = Vec::with_capacity(count);
    for ((field, id), metadata) in arrow.fields().iter().zip(ids).zip(user.fields) {
        let data_type =
            DataType::from_arrow(field.data_type()).at("column", || field.name().clone())?;
        let nullable = field.is_nullable();
        fields.push(Field { id, name: field.name().clone(), data_type, nullable, metadata });
    }
    let schema = Schema { fields, metadata: user.schema };
    schema.validate().map_err(|error| Error::corrupt(error.message().to_string()))?;
    Ok(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_types_ids_and_metadata() {
        let mut schema = Schema::new(vec![
            Field::new(7, "d", DataType::Decimal { precision: 12, scale: 2 }, false),
            Field::new(3, "é", DataType::TimestampNtz, true),
        ])
        .unwrap();
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
