//! Options of the connector that reach the native side, by name. Upper and lower case are the same,
//! as in Spark.

use std::collections::BTreeMap;
use std::str::FromStr;

use ncf::dataset::{DatasetOptions, parse_partition_value};
use ncf::{
    DataType, EncodingId, Error, Field, Profile, Result, ResultExt, Scalar, Schema, WriterOptions,
};
use serde::Deserialize;

/// Options that NCF knows besides `encoding.<column>`. Those that Spark's side carries out are known
/// here too, so that all can be passed on.
const KNOWN: [&str; 23] = [
    "blockBytes",
    "blockRows",
    "estimateWindows",
    "filterColumns",
    "memoryLimit",
    "mergeSchema",
    "profile",
    "pushdown.aggregates",
    "pushdown.filters",
    "pushdown.floatAggregates",
    "pushdown.limit",
    "pushdown.offset",
    "pushdown.runtime",
    "pushdown.runtimeValues",
    "pushdown.sample",
    "pushdown.topN",
    "sortBy",
    "sortDistribution",
    "timestampAsOf",
    "txnAppId",
    "txnVersion",
    "verifyChecksums",
    "versionAsOf",
];

/// What stands before the column in the name of an option.
const ENCODING: &str = "encoding.";

/// Most bytes of native memory that one scan or writer holds, unless told.
const MEMORY_LIMIT: u64 = 2 << 30;

/// Options as they were given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    /// Fails on a name that is not an option.
    pub(crate) fn check(&self) -> Result<()> {
        for name in self.0.keys() {
            let known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
            if !known && encoded_column(name).is_none() {
                return Err(Error::invalid_argument(format!(
                    "there is no option {name}; the options are {}, {ENCODING}<column>",
                    KNOWN.join(", ")
                )));
            }
        }
        Ok(())
    }

    /// What a dataset is opened with.
    pub(crate) fn dataset(&self) -> Result<DatasetOptions> {
        self.check()?;
        Ok(DatasetOptions {
            version: self.parse("versionAsOf", "a version number")?,
            timestamp: self.timestamp()?,
            merge_schema: self.parse("mergeSchema", "true or false")?.unwrap_or(false),
        })
    }

    /// Whether checksums of pages are verified.
    pub(crate) fn verify_checksums(&self) -> Result<bool> {
        Ok(self.parse("verifyChecksums", "true or false")?.unwrap_or(true))
    }

    /// Most bytes of native memory that a scan or writer holds.
    pub(crate) fn memory_limit(&self) -> Result<u64> {
        Ok(self.parse("memoryLimit", "a number of bytes")?.unwrap_or(MEMORY_LIMIT))
    }

    /// What a file of `schema` is written with: always verified, on the caller's thread.
    pub(crate) fn writer(&self, schema: &Schema) -> Result<WriterOptions> {
        self.check()?;
        let mut options = WriterOptions::default();
        if let Some(profile) = self.get("profile") {
            options.profile = profile.parse::<Profile>().at("option", || "profile")?;
        }
        if let Some(rows) = self.parse("blockRows", "a number of rows")? {
            options.block_rows = rows;
        }
        if let Some(bytes) = self.parse("blockBytes", "a number of bytes")? {
            options.block_bytes = bytes;
        }
        for name in self.get("filterColumns").into_iter().flat_map(names) {
            let field = field_in_any_case(schema, &name).at("option", || "filterColumns")?;
            options.filter_columns.push(field.name.clone());
        }
        for (name, encoding) in &self.0 {
            let Some(wanted) = encoded_column(name) else {
                continue;
            };
            let field = field_in_any_case(schema, wanted).at("option", || name)?;
            let encoding = encoding.trim().parse::<EncodingId>().at("option", || name)?;
            options.encodings.insert(field.name.clone(), encoding);
        }
        Ok(options)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    fn parse<T: FromStr>(&self, name: &'static str, what: &str) -> Result<Option<T>> {
        self.get(name)
            .map(|text| {
                text.to_ascii_lowercase().parse().map_err(|_| {
                    Error::invalid_argument(format!("option {name} is '{text}'; give {what}"))
                })
            })
            .transpose()
    }

    /// Milliseconds since the epoch: as a number, or as a date and time in UTC.
    fn timestamp(&self) -> Result<Option<i64>> {
        let Some(text) = self.get("timestampAsOf") else {
            return Ok(None);
        };
        let millis = text.parse().ok().or_else(|| {
            let utc = text.trim_end_matches(['Z', 'z']);
            match parse_partition_value(utc, DataType::Timestamp) {
                Ok(Scalar::Timestamp(micros)) => Some(micros.div_euclid(1000)),
                _ => None,
            }
        });
        millis.map(Some).ok_or_else(|| {
            Error::invalid_argument(format!(
                "option timestampAsOf is '{text}'; give milliseconds since 1970 or yyyy-MM-dd HH:mm:ss in UTC"
            ))
        })
    }
}

/// The field of a name. Spark folds the case of option names; an exact match wins where both exist.
fn field_in_any_case<'a>(schema: &'a Schema, name: &str) -> Result<&'a Field> {
    let exact = schema.fields.iter().find(|field| field.name == name);
    let same = |field: &&Field| field.name.to_lowercase() == name.to_lowercase();
    match exact.or_else(|| schema.fields.iter().find(same)) {
        Some(field) => Ok(field),
        None => schema.field(name),
    }
}

/// Names in a list, comma-separated, bare or between backquotes, which stand twice inside. What is not well formed comes
/// out as a name that no column has: `ColumnList` of the connector refuses it before any task starts.
fn names(list: &str) -> Vec<String> {
    let (mut names, mut rest) = (Vec::new(), Some(list));
    while let Some(text) = rest {
        let mut quoted = false;
        let is_end = |letter: char| {
            quoted ^= letter == '`';
            letter == ',' && !quoted
        };
        let (name, behind) = match text.find(is_end) {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            None => (text, None),
        };
        let name = name.trim();
        let inner = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        names.push(inner.map_or_else(|| name.to_owned(), |inner| inner.replace("``", "`")));
        rest = behind;
    }
    names
}

/// The column that an option gives an encoding.
fn encoded_column(name: &str) -> Option<&str> {
    let prefix = name.get(..ENCODING.len())?;
    let column = name.get(ENCODING.len()..)?;
    (prefix.eq_ignore_ascii_case(ENCODING) && !column.is_empty()).then_some(column)
}

#[cfg(test)]
mod tests {
    use ncf::ErrorKind;

    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        Options(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn unknown_names_and_bad_values_are_errors() {
        for bad in [
            ("profil", "fast"),
            ("encoding.", "plain"),
            ("versionAsOf", "-1"),
            ("versionAsOf", "x"),
            ("timestampAsOf", "yesterday"),
            ("mergeSchema", "1"),
        ] {
            let error = options(&[bad]).dataset().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
        }
        assert!(KNOWN.is_sorted_by_key(|name| name.to_ascii_lowercase()));
    }

    #[test]
    fn names_stand_between_backquotes_where_they_must() {
        assert_eq!(names("a, b c"), ["a", "b c"]);
        assert_eq!(names("`a,``b`,`c`, d"), ["a,`b", "c", "d"]);
        assert_eq!(names("`a, b"), ["`a, b"]);
        assert_eq!(names("a,"), ["a", ""]);
    }

    #[test]
    fn times_are_numbers_or_text() {
        let millis = |text| options(&[("timestampasof", text)]).timestamp().unwrap();
        assert_eq!(millis("1700000000123"), Some(1_700_000_000_123));
        assert_eq!(millis("2023-11-14 22:13:20"), Some(1_700_000_000_000));
        assert_eq!(millis("2023-11-14T22:13:20.5Z"), Some(1_700_000_000_500));
        assert_eq!(millis("1970-01-02"), Some(86_400_000));
    }

    #[test]
    fn writer_options_find_columns_in_any_case() {
        let schema = Schema::new(vec![Field::new(1, "Name", DataType::String, true)]).unwrap();
        let given = options(&[
            ("encoding.name", "plain"),
            ("PROFILE", "fast"),
            ("blockrows", "8192"),
            ("sortBy", "Name"),
            ("filterColumns", " name "),
        ]);
        let writer = given.writer(&schema).unwrap();
        assert_eq!(writer.encodings.get("Name"), Some(&EncodingId::PLAIN));
        assert_eq!((writer.profile, writer.block_rows), (Profile::Fast, 8192));
        assert_eq!(writer.filter_columns, ["Name"]);
        assert!(writer.verify && writer.threads == 1);
        assert!(options(&[("filterColumns", "name,x")]).writer(&schema).is_err());
        assert!(options(&[("encoding.x", "plain")]).writer(&schema).is_err());
        assert!(options(&[("encoding.Name", "x")]).writer(&schema).is_err());
        assert!(options(&[("profile", "x")]).writer(&schema).is_err());
    }
}
