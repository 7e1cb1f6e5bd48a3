//! What a commit does: one line of a record each.

use std::collections::BTreeMap;
use std::fmt;

use ncf_core::{ColumnBounds, Error, Result, Schema};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::unique;

/// Reader features of this build: a table that asks for another one is not read.
pub const READER_FEATURES: [&str; 1] = ["core1"];
/// Writer features of this build: a table that asks for another one is not written.
pub const WRITER_FEATURES: [&str; 1] = ["core1"];
/// Kinds of action that a reader may skip; every other unknown kind is `Unsupported`.
pub const IGNORABLE_ACTIONS: [&str; 2] = ["gc", "sig"];

/// A data file that a version adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddFile {
    /// Path relative to the table, below `data/`.
    #[serde(rename = "p")]
    pub path: String,
    /// The file's UUID, 32 lower-case hex digits; readers refuse a file with another one.
    pub id: String,
    /// Bytes of the file.
    #[serde(rename = "sz")]
    pub size: u64,
    /// Rows of the file.
    pub rows: u64,
    /// BLAKE3 of the file's trailer and directory, 64 lower-case hex digits.
    pub dig: String,
    /// Id of the file's first row, unique in the table for ever; set by the commit.
    pub row0: u64,
    /// Partition values by column as Hive text; `None` = null.
    #[serde(deserialize_with = "unique::map")]
    pub pv: BTreeMap<String, Option<String>>,
    /// Statistics by field id. A missing entry means that nothing is known.
    #[serde(deserialize_with = "unique::map")]
    pub st: BTreeMap<u32, ColumnBounds>,
}

/// A data file that a version no longer holds. The file itself stays for older versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveFile {
    /// Path as in the [`AddFile`].
    #[serde(rename = "p")]
    pub path: String,
}

/// What a table is, apart from its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// UUID of the table, the same in all its versions.
    pub id: String,
    /// All columns, those of partitions included.
    pub schema: Schema,
    /// Names of the partition columns, in the order of folders; data files do not hold them.
    pub partition_columns: Vec<String>,
    /// Table properties.
    #[serde(deserialize_with = "unique::map")]
    pub properties: BTreeMap<String, String>,
    /// Milliseconds since the epoch when the table was created.
    #[serde(rename = "createdTs")]
    pub created_ts: i64,
    /// The greatest field id that any version has used: ids are never given twice.
    pub max_field_id: u32,
}

impl Metadata {
    /// Checks what a schema and partition columns must keep to; the error says which rule is broken.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.schema.validate().map_err(|error| error.message().to_owned())?;
        if let Some(field) = self.schema.fields.iter().find(|field| field.id > self.max_field_id) {
            return Err(format!(
                "field id {} of column {} is above maxFieldId {}",
                field.id, field.name, self.max_field_id
            ));
        }
        for (at, name) in self.partition_columns.iter().enumerate() {
            if self.schema.index_of(name).is_none() {
                return Err(format!("the partition column {name} is not in the schema"));
            }
            if self.partition_columns.iter().skip(at + 1).any(|other| other == name) {
                return Err(format!("the partition column {name} is named twice"));
            }
        }
        Ok(())
    }
}

/// Features that a program must know to read or write the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Features needed to read.
    #[serde(rename = "r")]
    pub reader_features: Vec<String>,
    /// Features needed to write.
    #[serde(rename = "w")]
    pub writer_features: Vec<String>,
}

impl Protocol {
    /// The features that this build gives to new tables.
    pub fn current() -> Self {
        Self {
            reader_features: READER_FEATURES.map(str::to_owned).to_vec(),
            writer_features: WRITER_FEATURES.map(str::to_owned).to_vec(),
        }
    }

    /// `Unsupported`, naming the features, unless this build can read the table.
    pub fn check_read(&self) -> Result<()> {
        check_features("reader", "read", &self.reader_features, &READER_FEATURES)
    }

    /// `Unsupported`, naming the features, unless this build can write (and vacuum) the table.
    pub fn check_write(&self) -> Result<()> {
        self.check_read()?;
        check_features("writer", "write", &self.writer_features, &WRITER_FEATURES)
    }
}

fn check_features(role: &str, verb: &str, needed: &[String], known: &[&str]) -> Result<()> {
    let unknown: Vec<_> =
        needed.iter().map(String::as_str).filter(|name| !known.contains(name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "the table needs the {role} feature {}, which this build does not know; {verb} it with a newer NCF",
        unknown.join(", ")
    )))
}

/// One line of a record between its header and its trailer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Adds a file.
    Add(AddFile),
    /// Removes a file.
    #[serde(rename = "rm")]
    Remove(RemoveFile),
    /// Replaces the metadata.
    #[serde(rename = "meta")]
    Metadata(Box<Metadata>),
    /// Replaces the protocol.
    #[serde(rename = "proto")]
    Protocol(Protocol),
    /// An action of a newer NCF: its kind.
    #[serde(skip)]
    Unknown(String),
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(input: D) -> std::result::Result<Self, D::Error> {
        input.deserialize_map(ActionVisitor)
    }
}

struct ActionVisitor;

impl<'de> Visitor<'de> for ActionVisitor {
    type Value = Action;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one key, the kind of action")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Action, M::Error> {
        let kind = map
            .next_key::<String>()?
            .ok_or_else(|| serde::de::Error::custom("an action without a kind"))?;
        let action = match kind.as_str() {
            "add" => Action::Add(map.next_value()?),
            "rm" => Action::Remove(map.next_value()?),
            "meta" => Action::Metadata(map.next_value()?),
            "proto" => Action::Protocol(map.next_value()?),
            _ => {
                map.next_value::<IgnoredAny>()?;
                Action::Unknown(kind)
            }
        };
        match map.next_key::<IgnoredAny>()? {
            None => Ok(action),
            Some(_) => Err(serde::de::Error::custom("an action with more than one kind")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ncf_core::{DataType, ErrorKind, Field, Scalar};

    use super::*;

    fn parse(json: &str) -> serde_json::Result<Action> {
        serde_json::from_str(json)
    }

    #[test]
    fn the_json_of_actions_is_pinned() {
        let st = ColumnBounds {
            min: Some(Scalar::Int(1)),
            max: Some(Scalar::Int(9)),
            nulls: Some(0),
            nans: Some(0),
            exact: true,
        };
        let add = Action::Add(AddFile {
            path: "data/a.ncf".into(),
            id: "00".repeat(16),
            size: 10,
            rows: 3,
            dig: "ab".repeat(32),
            row0: 5,
            pv: BTreeMap::from([("d".into(), Some("x".into())), ("e".into(), None)]),
            st: BTreeMap::from([(1, st)]),
        });
        let json = serde_json::to_string(&add).unwrap();
        assert_eq!(
            json,
            format!(
                r#"{{"add":{{"p":"data/a.ncf","id":"{}","sz":10,"rows":3,"dig":"{}","row0":5,"pv":{{"d":"x","e":null}},"st":{{"1":{{"min":{{"int":1}},"max":{{"int":9}},"nulls":0,"nans":0,"exact":true}}}}}}}}"#,
                "00".repeat(16),
                "ab".repeat(32)
            )
        );
        assert_eq!(parse(&json).unwrap(), add);
        let meta = Action::Metadata(Box::new(Metadata {
            id: "t".into(),
            schema: Schema::new(vec![Field::new(1, "a", DataType::Int32, true)]).unwrap(),
            partition_columns: vec!["a".into()],
            properties: BTreeMap::new(),
            created_ts: 4,
            max_field_id: 1,
        }));
        let json = serde_json::to_string(&meta).unwrap();
        assert_eq!(
            json,
            r#"{"meta":{"id":"t","schema":{"fields":[{"id":1,"name":"a","type":"int","nullable":true}]},"partitionColumns":["a"],"properties":{},"createdTs":4,"maxFieldId":1}}"#
        );
        assert_eq!(parse(&json).unwrap(), meta);
        let proto = serde_json::to_string(&Action::Protocol(Protocol::current())).unwrap();
        assert_eq!(proto, r#"{"proto":{"r":["core1"],"w":["core1"]}}"#);
        let remove = Action::Remove(RemoveFile { path: "data/a".into() });
        assert_eq!(serde_json::to_string(&remove).unwrap(), r#"{"rm":{"p":"data/a"}}"#);
    }

    #[test]
    fn unknown_keys_are_skipped_unknown_kinds_kept_and_odd_shapes_refused() {
        let known = parse(r#"{"rm":{"p":"data/a","new":[1,{"x":2}]}}"#).unwrap();
        assert_eq!(known, Action::Remove(RemoveFile { path: "data/a".into() }));
        assert_eq!(parse(r#"{"dv":{"x":[1]}}"#).unwrap(), Action::Unknown("dv".into()));
        for bad in
            [r"{}", r#"{"rm":{"p":"a"},"rm":{"p":"b"}}"#, "3", r#"{"rm":{}}"#, r#"{"add":{"p":1}}"#]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_are_neither_missing_nor_repeated() {
        let whole = r#"{"add":{"p":"data/a","id":"","sz":1,"rows":1,"dig":"","row0":0,"pv":{"d":null},"st":{"1":{}}}}"#;
        parse(whole).unwrap();
        for (part, instead) in [
            (r#""row0":0,"#, ""),
            (r#""pv":{"d":null},"#, ""),
            (r#","st":{"1":{}}"#, ""),
            (r#""d":null"#, r#""d":null,"d":"x""#),
            (r#""1":{}"#, r#""1":{},"1":{"nulls":3}"#),
            (r#""sz":1"#, r#""sz":1,"sz":2"#),
        ] {
            let bad = whole.replace(part, instead);
            assert_ne!(bad, whole);
            assert!(parse(&bad).is_err(), "{bad}");
        }
        let whole = r#"{"meta":{"id":"t","schema":{"fields":[]},"partitionColumns":[],"properties":{"k":"v"},"createdTs":0,"maxFieldId":0}}"#;
        parse(whole).unwrap();
        for (part, instead) in [
            (r#""partitionColumns":[],"#, ""),
            (r#""properties":{"k":"v"},"#, ""),
            (r#""k":"v""#, r#""k":"v","k":"w""#),
        ] {
            let bad = whole.replace(part, instead);
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_features_are_named() {
        let mut protocol = Protocol::current();
        protocol.check_write().unwrap();
        protocol.writer_features.push("gcfence".into());
        protocol.check_read().unwrap();
        let error = protocol.check_write().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("gcfence") && error.message().contains("newer NCF"));
        protocol.reader_features.push("dv".into());
        assert!(protocol.check_read().unwrap_err().message().contains("reader feature dv"));
    }
}
