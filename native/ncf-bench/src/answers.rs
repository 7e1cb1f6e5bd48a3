//! Answers to many predicates over one path, for a checker that asks another engine the same.

use std::io::BufRead;
use std::path::Path;

use ncf::dataset::{Dataset, DatasetOptions, ScanRequest, SplitReader};
use ncf::{Error, Predicate, Result};
use serde_json::{Value, json};

use crate::report::sums;

/// Reads `columns` of the rows that each predicate of `lines` keeps, planned and pruned as connectors do: rows, sums,
/// rows that bounds and indexes left to look at, and conjuncts that an index located wrongly.
pub(crate) fn run(path: &Path, columns: &[String], lines: impl BufRead) -> Result<Value> {
    let dataset = Dataset::open(path, &DatasetOptions::default())?;
    let mut answers = Vec::new();
    for line in lines.lines() {
        let line = line.map_err(|error| Error::io("cannot read the predicates", error))?;
        let filter: Predicate = serde_json::from_str(&line)
            .map_err(|error| Error::invalid_argument(format!("no predicate: {line}: {error}")))?;
        answers.push(answer(&dataset, columns, filter)?);
    }
    Ok(json!({ "op": "answers", "answers": answers }))
}

fn answer(dataset: &Dataset, columns: &[String], filter: Predicate) -> Result<Value> {
    let request = ScanRequest {
        columns: Some(columns.to_vec()),
        filter: Some(filter),
        ..ScanRequest::default()
    };
    let (mut batches, mut scanned, mut misses) = (Vec::new(), 0, 0);
    for split in dataset.plan(&request)?.splits {
        let mut scan = SplitReader::default().open(&split, dataset.schema(), &request)?;
        while let Some(batch) = scan.next_batch()? {
            batches.push(batch);
        }
        scanned += scan.metrics().rows_scanned;
        misses += scan.metrics().index_misses;
    }
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    Ok(json!({ "rows": rows, "columns": sums(&batches)?, "scanned": scanned, "misses": misses }))
}
