//! The control plane: requests and answers as JSON. Field names are those of `io.ncf.jni.Native`.

use std::collections::BTreeMap;

use ncf::dataset::{AnswerRow, ColumnSummary, Split};
use ncf::{Aggregation, Error, FileSummary, Predicate, Result, Sample, Schema, SortKey, Top};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::options::Options;

/// `openDataset`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenDataset {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) options: Options,
}

/// What a path holds.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DatasetAnswer {
    /// `table`, `directory`, `file`, `absent`, `empty` or `foreign`: files that are not NCF's.
    pub(crate) kind: &'static str,
    /// UUID of the table.
    pub(crate) id: Option<String>,
    pub(crate) version: Option<u64>,
    /// Milliseconds since the epoch.
    pub(crate) timestamp: Option<i64>,
    pub(crate) schema: Option<Schema>,
    pub(crate) partition_columns: Vec<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: u64,
    pub(crate) files: u64,
    pub(crate) properties: BTreeMap<String, String>,
}

/// `planScan`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanScan {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) options: Options,
    /// The version that was opened, whatever the options say.
    pub(crate) version: Option<u64>,
    /// Only files added after this version.
    pub(crate) version_from: Option<u64>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) filter: Option<Predicate>,
    /// In the place of rows; the columns are then those that it reads.
    pub(crate) aggregation: Option<Aggregation>,
    /// Only these rows.
    pub(crate) sample: Option<Sample>,
    /// Columns and types that the caller expects, instead of the dataset's.
    pub(crate) schema: Option<Schema>,
    pub(crate) max_split_bytes: Option<u64>,
    /// What a block costs besides its bytes, in bytes.
    pub(crate) open_cost_bytes: Option<u64>,
    /// Tasks that can run at the same time.
    pub(crate) parallelism: Option<u64>,
    /// Windows of rows that are filtered to estimate how many rows pass; none when absent.
    pub(crate) estimate_windows: Option<usize>,
    /// Whether the columns are to be summarised.
    #[serde(default)]
    pub(crate) summarise: bool,
    /// What is wanted of the order of rows.
    #[serde(default)]
    pub(crate) order: Order,
}

/// What a plan does about the order of rows within tasks.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Nothing.
    #[default]
    Ignored,
    /// Has it where that costs no task.
    Wanted,
    /// Has it, whatever that costs: another plan of the scan has it.
    Kept,
}

/// `provePredicates`.
#[derive(Deserialize)]
pub(crate) struct ProvePredicates {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) options: Options,
    /// The version that was opened, whatever the options say.
    pub(crate) version: Option<u64>,
    /// Columns and types that the caller expects, instead of the dataset's.
    pub(crate) schema: Option<Schema>,
    pub(crate) predicates: Vec<Predicate>,
}

/// What was found out about predicates.
#[derive(Serialize)]
pub(crate) struct ProofAnswer {
    /// For each predicate, whether scans may evaluate it.
    pub(crate) proven: Vec<bool>,
}

/// A plan.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanAnswer {
    pub(crate) files_planned: u64,
    pub(crate) files_pruned: u64,
    pub(crate) blocks_planned: u64,
    pub(crate) blocks_pruned: u64,
    pub(crate) vectors_planned: u64,
    pub(crate) vectors_pruned: u64,
    pub(crate) row_runs: u64,
    #[serde(rename = "planningIndexBytes")]
    pub(crate) index_bytes: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Decoded bytes of the projected columns, estimated from their types.
    pub(crate) raw_bytes: u64,
    pub(crate) splits: Vec<PlannedSplit>,
    /// At least about how many rows pass the filter, where that was asked for.
    pub(crate) estimated_rows: Option<u64>,
    /// By column, over the planned blocks, where that was asked for.
    pub(crate) summaries: BTreeMap<String, ColumnSummary>,
    /// Whether the aggregation can be left to scans.
    pub(crate) aggregates: bool,
    /// What the rows of every task are ordered by; none where they may be in no order.
    pub(crate) ordering: Vec<OrderKey>,
    /// The rows of the aggregation, when nothing has to be read for them; null inside is SQL's.
    pub(crate) answer: Option<Vec<AnswerRow>>,
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderKey {
    pub(crate) column: String,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

impl From<SortKey> for OrderKey {
    fn from(key: SortKey) -> Self {
        let column = key.column.column().to_owned();
        Self { column, descending: key.descending, nulls_first: key.nulls_first }
    }
}

impl From<OrderKey> for SortKey {
    fn from(key: OrderKey) -> Self {
        let column = key.column.as_str().into();
        Self { column, descending: key.descending, nulls_first: key.nulls_first }
    }
}

/// A split and the number of the task that is to read it; tasks are in order.
#[derive(Debug, Serialize)]
pub(crate) struct PlannedSplit {
    #[serde(flatten)]
    pub(crate) split: Split,
    pub(crate) task: u64,
}

/// `openScan`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenScan {
    pub(crate) split: Split,
    pub(crate) columns: Vec<String>,
    /// The columns to return, structs cut to the fields to return.
    pub(crate) schema: Schema,
    pub(crate) filter: Option<Predicate>,
    /// In the place of rows; there are no columns then.
    pub(crate) aggregation: Option<Aggregation>,
    /// The types in which Java reads the aggregation's columns.
    #[serde(default)]
    pub(crate) aggregation_types: Vec<String>,
    /// Only these rows.
    pub(crate) sample: Option<Sample>,
    /// Only the first rows in an order.
    pub(crate) top: Option<Top>,
    /// The columns that the filter names, when it is not `schema` that has them whole.
    pub(crate) filter_schema: Option<Schema>,
    #[serde(default)]
    pub(crate) options: Options,
    pub(crate) batch_rows: Option<u64>,
    pub(crate) limit: Option<u64>,
}

/// `openWriter`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenWriter {
    pub(crate) file: String,
    pub(crate) schema: Schema,
    #[serde(default)]
    pub(crate) options: Options,
    /// The order that rows will come in, as far as columns of the file are concerned.
    #[serde(default)]
    pub(crate) sorted_by: Vec<OrderKey>,
}

/// `commit`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Commit {
    pub(crate) path: String,
    pub(crate) operation: Operation,
    pub(crate) schema: Schema,
    #[serde(default)]
    pub(crate) partition_columns: Vec<String>,
    pub(crate) adds: Vec<AddedFile>,
    pub(crate) read_version: Option<u64>,
    pub(crate) app: Option<(String, i64)>,
    /// Absent or empty: the table keeps its own.
    #[serde(default, deserialize_with = "none_when_empty")]
    pub(crate) properties: Option<BTreeMap<String, String>>,
    /// What a replacement replaces: values of partition columns, as text; null = null.
    #[serde(default)]
    pub(crate) partition: BTreeMap<String, Option<String>>,
}

/// What a commit does: [`ncf::table::Operation`] by its name in requests.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// Adds files; makes the table when there is none.
    Append,
    /// Replaces files and definition; makes the table when there is none.
    Overwrite,
    /// Makes a table that must not exist.
    Create,
    /// Replaces the files of a partition; makes the table when there is none.
    Replace,
}

/// A file that a commit adds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddedFile {
    /// Relative to the table.
    pub(crate) path: String,
    /// What `finishWriter` answered.
    pub(crate) summary: FileSummary,
    #[serde(default)]
    pub(crate) partition_values: BTreeMap<String, Option<String>>,
}

/// A commit that is part of the table.
#[derive(Serialize)]
pub(crate) struct CommitAnswer {
    pub(crate) version: u64,
    pub(crate) already: bool,
}

/// `deleteFiles`.
#[derive(Deserialize)]
pub(crate) struct DeleteFiles {
    pub(crate) files: Vec<String>,
}

/// What became of the files.
#[derive(Default, Serialize)]
pub(crate) struct DeleteAnswer {
    /// Files that are gone now.
    pub(crate) deleted: u64,
    pub(crate) failed: Vec<FailedDelete>,
}

/// A file that could not be deleted.
#[derive(Serialize)]
pub(crate) struct FailedDelete {
    pub(crate) file: String,
    pub(crate) message: String,
}

/// `changes`.
#[derive(Deserialize)]
pub(crate) struct Changes {
    pub(crate) path: String,
    /// Exclusive; absent starts with version 0.
    pub(crate) from: Option<u64>,
    /// Inclusive.
    pub(crate) to: u64,
}

/// What versions did.
#[derive(Serialize)]
pub(crate) struct ChangesAnswer {
    pub(crate) versions: Vec<Change>,
}

/// What one version did.
#[derive(Serialize)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) op: String,
    /// Files.
    pub(crate) adds: u64,
    /// Files.
    pub(crate) removes: u64,
}

/// `latestVersion`.
#[derive(Deserialize)]
pub(crate) struct LatestVersion {
    pub(crate) path: String,
}

/// The latest version, null without a table.
#[derive(Serialize)]
pub(crate) struct LatestVersionAnswer {
    pub(crate) version: Option<u64>,
    /// UUID of the table.
    pub(crate) id: Option<String>,
}

fn none_when_empty<'de, D: serde::Deserializer<'de>>(
    input: D,
) -> std::result::Result<Option<BTreeMap<String, String>>, D::Error> {
    let given = Option::<BTreeMap<String, String>>::deserialize(input)?;
    Ok(given.filter(|properties| !properties.is_empty()))
}

/// Reads a request.
pub(crate) fn read<T: DeserializeOwned>(request: &str) -> Result<T> {
    ncf::json::from_slice(request.as_bytes()).map_err(|error| {
        Error::invalid_argument(format!("the request of the connector is not understood: {error}"))
    })
}

/// Writes an answer.
pub(crate) fn write<T: Serialize>(answer: &T) -> Result<String> {
    serde_json::to_string(answer)
        .map_err(|error| Error::internal(format!("an answer cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use ncf::ErrorKind;

    use super::*;

    #[test]
    fn requests_of_the_connector_are_read() {
        let plan: PlanScan = read(
            r#"{"path":"/t","options":{"verifyChecksums":"false"},"version":null,"versionFrom":null,
                "columns":["a"],"filter":null,"maxSplitBytes":1,"openCostBytes":2,"parallelism":3}"#,
        )
        .unwrap();
        assert_eq!(plan.columns, Some(vec!["a".to_owned()]));
        let commit: Commit = read(
            r#"{"path":"/t","operation":"append","schema":{"fields":[{"id":1,"name":"a","type":"int",
                "nullable":true}]},"partitionColumns":[],"adds":[],"readVersion":null,
                "app":["id",7],"properties":{}}"#,
        )
        .unwrap();
        assert_eq!(commit.app, Some(("id".to_owned(), 7)));
        assert!(matches!(commit.operation, Operation::Append));
        assert_eq!(commit.properties, None, "empty");
        let properties = |member: &str| {
            let request = format!(
                r#"{{"path":"/t","operation":"overwrite","schema":{{"fields":[]}},"adds":[]{member}}}"#
            );
            read::<Commit>(&request).unwrap().properties
        };
        assert_eq!(properties(""), None);
        assert_eq!(properties(r#","properties":null"#), None);
        let given = properties(r#","properties":{"k":"v"}"#);
        assert_eq!(given, Some([("k".to_owned(), "v".to_owned())].into()));
    }

    #[test]
    fn other_text_is_the_callers_fault() {
        for bad in ["", "{", "{}", "[]", r#"{"path":1}"#, r#"{"path":"a"} x"#] {
            let error = read::<LatestVersion>(bad).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
    }
}
