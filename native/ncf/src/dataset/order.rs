//! In what order the rows of planned files are, and which files may follow one another in it.

use std::collections::HashMap;

use ncf_core::{ColumnBounds, Field, Result, Scalar, Schema, SortKey, TYPE_KEY};
use ncf_file::FileReader;
use ncf_scan::{ScanColumn, stored_statistics};
use serde::{Deserialize, Serialize};

use super::{Plan, Split};

/// The order of a file's rows, by columns that a read returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileOrder {
    /// Path of the file, as its splits have it.
    pub file: String,
    /// What the rows are ordered by, under the names of the read; none where nothing is known.
    pub keys: Vec<SortKey>,
    /// What is known of the first key in the file.
    pub bounds: ColumnBounds,
}

impl FileOrder {
    /// The order of a file of which `columns` are read. It ends at a column that is not, or that is read as another type.
    pub(super) fn of(reader: &FileReader, columns: &[ScanColumn], file: &str) -> Result<Self> {
        let mut keys = Vec::new();
        let mut bounds = ColumnBounds::default();
        for key in reader.clustering()? {
            let stored = reader.schema().index_of(key.column.column());
            let column = columns.iter().find(|column| {
                column.file_index().is_some()
                    && column.file_index() == stored
                    && same_type(column, reader.schema())
            });
            let Some(column) = column else { break };
            if keys.is_empty() {
                let known = stored_statistics(reader, column)?;
                bounds = known.map(|(_, statistics)| statistics.bounds()).unwrap_or_default();
            }
            keys.push(SortKey { column: column.field.name.as_str().into(), ..key });
        }
        Ok(Self { file: file.to_owned(), keys, bounds })
    }
}

/// Whether a column is read as it is stored, and stands for the same type.
fn same_type(column: &ScanColumn, stored: &Schema) -> bool {
    let stored = column.file_index().and_then(|index| stored.fields.get(index));
    let type_of = |field: &Field| field.metadata.get(TYPE_KEY).cloned();
    stored.is_some_and(|stored| {
        stored.field_type.same_values(&column.field.field_type)
            && type_of(stored) == type_of(&column.field)
    })
}

/// The order that all files of a plan have in common.
#[derive(Debug, Clone, Default)]
pub struct CommonOrder {
    /// What rows of each file are ordered by; none where one of the files has no such order.
    pub keys: Vec<SortKey>,
    files: HashMap<String, ColumnBounds>,
}

impl CommonOrder {
    /// Of the files of a plan that was asked for it.
    pub fn of(plan: &Plan) -> Self {
        let mut keys: Option<Vec<SortKey>> = None;
        for order in &plan.orders {
            let common = match keys {
                None => order.keys.clone(),
                Some(keys) => {
                    let same = keys.iter().zip(&order.keys).take_while(|(a, b)| a == b).count();
                    keys.into_iter().take(same).collect()
                }
            };
            keys = Some(common);
        }
        let files = plan.orders.iter().map(|order| (order.file.clone(), order.bounds.clone()));
        Self { keys: keys.unwrap_or_default(), files: files.collect() }
    }

    /// Whether rows of `after` can be read behind those of `before`, and all are in order.
    pub fn follows(&self, before: &Split, after: &Split) -> bool {
        if before.file == after.file {
            return before.continues_in(after);
        }
        let (Some(key), Some(a), Some(b)) =
            (self.keys.first(), self.files.get(&before.file), self.files.get(&after.file))
        else {
            return false;
        };
        // Equal values are in order only where there is no other key.
        let apart = |low: &Option<Scalar>, high: &Option<Scalar>| match (low, high) {
            (Some(low), Some(high)) => low
                .compare(high)
                .is_some_and(|order| order.is_lt() || (order.is_eq() && self.keys.len() == 1)),
            _ => false,
        };
        let nulls_fit = if key.nulls_first { b.nulls } else { a.nulls } == Some(0);
        // NaN is above all bounds.
        if key.descending {
            nulls_fit && b.nans == Some(0) && apart(&b.max, &a.min)
        } else {
            nulls_fit && a.nans == Some(0) && apart(&a.max, &b.min)
        }
    }

    /// Puts the splits of each file where its bounds have it in the order; those of one file stay together.
    pub fn arrange(&self, splits: &mut [Split]) {
        let Some(key) = self.keys.first() else { return };
        let bound = |split: &Split| {
            let bounds = self.files.get(&split.file)?;
            if key.descending { bounds.max.clone() } else { bounds.min.clone() }
        };
        splits.sort_by(|a, b| {
            if a.file == b.file {
                return a.blocks.start.cmp(&b.blocks.start);
            }
            let order = match (bound(a), bound(b)) {
                (Some(a), Some(b)) => a.compare(&b).unwrap_or(std::cmp::Ordering::Equal),
                (a, b) => a.is_some().cmp(&b.is_some()),
            };
            let order = if key.descending { order.reverse() } else { order };
            order.then_with(|| a.file.cmp(&b.file))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(file: &str) -> Split {
        Split { file: file.to_owned(), ..Split::default() }
    }

    fn common(
        (descending, nulls_first): (bool, bool),
        keys: usize,
        files: [(f64, f64, u64, u64); 2],
    ) -> CommonOrder {
        let key = |name: &str| SortKey { column: name.into(), descending, nulls_first };
        let bounds = |(min, max, nulls, nans)| ColumnBounds {
            min: Some(Scalar::Double(min)),
            max: Some(Scalar::Double(max)),
            nulls: Some(nulls),
            nans: Some(nans),
            exact: false,
        };
        let keys = [key("a"), key("b")].into_iter().take(keys).collect();
        let files = ["one", "two"].into_iter().map(str::to_owned).zip(files.map(bounds));
        CommonOrder { keys, files: files.collect() }
    }

    #[test]
    fn files_follow_one_another_where_bounds_nulls_and_nans_prove_it() {
        let follows = |direction, keys, files| {
            common(direction, keys, files).follows(&split("one"), &split("two"))
        };
        let (up, down) = ((false, true), (true, false));
        assert!(follows(up, 1, [(1.0, 2.0, 5, 0), (2.0, 3.0, 0, 1)]));
        assert!(!follows(up, 2, [(1.0, 2.0, 5, 0), (2.0, 3.0, 0, 1)]), "a second key");
        assert!(follows(up, 2, [(1.0, 2.0, 5, 0), (2.5, 3.0, 0, 1)]));
        assert!(!follows(up, 1, [(1.0, 2.0, 0, 0), (2.5, 3.0, 1, 0)]), "nulls come first");
        assert!(!follows(up, 1, [(1.0, 2.0, 0, 1), (2.5, 3.0, 0, 0)]), "NaN comes last");
        assert!(!follows(up, 1, [(1.0, 2.0, 0, 0), (1.5, 3.0, 0, 0)]));
        assert!(follows((false, false), 1, [(1.0, 2.0, 0, 0), (2.5, 3.0, 1, 0)]));
        assert!(follows(down, 2, [(3.0, 4.0, 0, 2), (1.0, 2.0, 7, 0)]));
        assert!(!follows(down, 2, [(3.0, 4.0, 1, 0), (1.0, 2.0, 0, 0)]), "nulls come last");
        assert!(!follows(down, 2, [(3.0, 4.0, 0, 0), (1.0, 2.0, 0, 1)]), "NaN comes first");
        assert!(!follows(up, 0, [(1.0, 2.0, 0, 0), (3.0, 4.0, 0, 0)]), "no order");
    }

    #[test]
    fn files_are_put_where_their_bounds_are() {
        let files = |direction| {
            let order = common(direction, 1, [(5.0, 9.0, 0, 0), (1.0, 2.0, 0, 0)]);
            let second = Split { blocks: 1..2, ..split("one") };
            let mut splits = vec![second, split("one"), split("two")];
            order.arrange(&mut splits);
            splits.into_iter().map(|split| (split.file, split.blocks.start)).collect::<Vec<_>>()
        };
        let place = |file: &str, block: usize| (file.to_owned(), block);
        assert_eq!(files((false, true)), [place("two", 0), place("one", 0), place("one", 1)]);
        assert_eq!(files((true, false)), [place("one", 0), place("one", 1), place("two", 0)]);
    }

    #[test]
    fn one_file_without_an_order_leaves_none() {
        let key =
            |name: &str| SortKey { column: name.into(), descending: false, nulls_first: true };
        let order = |keys: &[&str]| FileOrder {
            file: keys.concat(),
            keys: keys.iter().map(|name| key(name)).collect(),
            bounds: ColumnBounds::default(),
        };
        let keys =
            |orders: Vec<FileOrder>| CommonOrder::of(&Plan { orders, ..Plan::default() }).keys;
        assert_eq!(keys(vec![order(&["a", "b"]), order(&["a", "c"])]), [key("a")]);
        assert_eq!(keys(vec![order(&["a", "b"]), order(&[])]), []);
        assert_eq!(keys(Vec::new()), []);
    }
}
