//! Aggregates that a table's log knows: counts, least and greatest values of whole files, by partition if
//! need be. Nothing is opened for them.

use std::collections::BTreeMap;

use ncf_core::{
    Aggregate, Aggregation, ColumnBounds, Computation, DataType, Expression, FieldPath, Scalar,
    Schema,
};
use ncf_index::outcomes;

use super::facts::FileFacts;
use super::statistics::{own_column, same_type};
use super::{Dataset, Kind, ScanRequest};

/// Group values, then aggregates; `None` is null.
pub type AnswerRow = Vec<Option<Scalar>>;

impl Dataset {
    /// The rows of an aggregation, each group once, where the log knows them exactly: a filter must
    /// take or leave whole files, as far as their bounds prove it, and groups must be those of
    /// partition columns. `None` where data has to be read.
    pub fn answer(&self, request: &ScanRequest) -> Option<Vec<AnswerRow>> {
        let aggregation = request.aggregation.as_ref()?;
        let schema = request.schema.as_ref().unwrap_or(self.schema());
        if !matches!(self.kind(), Kind::Table { .. }) || request.sample.is_some() {
            return None;
        }
        // Before all files are looked at.
        if !aggregation.aggregates.iter().all(is_in_log) {
            return None;
        }
        let mut groups: BTreeMap<String, (AnswerRow, Vec<FileFacts>)> = BTreeMap::new();
        if aggregation.group_by.is_empty() {
            // One row, even of no files.
            groups.insert(name_of(&[]), Default::default());
        }
        for file in self.files() {
            let facts = FileFacts::new(self, file, schema).ok()?;
            let rows = facts.rows()?;
            if let Some(filter) = &request.filter {
                let outcomes = outcomes(filter, rows, &|path| facts.bounds(path));
                if outcomes.no_match() {
                    continue;
                }
                if !outcomes.all_match() {
                    return None;
                }
            }
            if rows > 0 {
                let group = aggregation.group_by.iter().map(|key| value_of(key, &facts, schema));
                let group: AnswerRow = group.collect::<Option<_>>()?;
                let files = groups.entry(name_of(&group)).or_insert((group, Vec::new()));
                files.1.push(facts);
            }
        }
        let answered = groups.into_values().map(|(mut row, files)| {
            row.extend(self.aggregates(aggregation, &files, schema)?);
            Some(row)
        });
        answered.collect()
    }

    /// The aggregates of all rows of some files, none of which is empty.
    fn aggregates(
        &self,
        aggregation: &Aggregation,
        files: &[FileFacts],
        schema: &Schema,
    ) -> Option<AnswerRow> {
        let rows = files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.rows()?))?;
        let of_aggregate = |aggregate: &Aggregate| {
            let Some(input) = aggregate.input() else {
                return Some(Some(Scalar::Bigint(i64::try_from(rows).ok()?)));
            };
            let path = column_of(input)?;
            let known = |file: &FileFacts| {
                let own = same_type(self.schema(), schema, path.column());
                let constant = file.constant(path.column()).is_some();
                (own || constant).then(|| file.bounds(path)).flatten()
            };
            let mut merged: Option<ColumnBounds> = None;
            for file in files {
                let bounds = known(file)?;
                merged = Some(match merged {
                    None => bounds,
                    Some(before) => before.merge(&bounds, false, false),
                });
            }
            exact(aggregate, &merged.unwrap_or_else(no_rows), rows)
        };
        aggregation.aggregates.iter().map(of_aggregate).collect()
    }
}

/// Whether the log may know an aggregate.
fn is_in_log(aggregate: &Aggregate) -> bool {
    match aggregate {
        Aggregate::CountRows => true,
        Aggregate::Count(input) | Aggregate::Min(input) | Aggregate::Max(input) => {
            column_of(input).is_some()
        }
        _ => false,
    }
}

/// Orders groups, and tells them apart.
fn name_of(group: &[Option<Scalar>]) -> String {
    format!("{group:?}")
}

/// The column that a computation is, if it is one.
fn column_of(computation: &Computation) -> Option<&FieldPath> {
    match computation {
        Computation::Value(Expression::Column(path)) if own_column(path).is_some() => Some(path),
        _ => None,
    }
}

/// What a group key is in all rows of a file. Floats are left out: some of unlike bits are one group.
fn value_of(key: &Computation, file: &FileFacts, schema: &Schema) -> Option<Option<Scalar>> {
    let name = column_of(key)?.column();
    match schema.field(name).ok()?.data_type().ok()? {
        DataType::Float32 | DataType::Float64 => None,
        _ => file.constant(name).cloned(),
    }
}

fn no_rows() -> ColumnBounds {
    ColumnBounds { nulls: Some(0), nans: Some(0), exact: true, ..ColumnBounds::default() }
}

/// What bounds of `rows` rows say about an aggregate; `None` when they leave it open.
fn exact(aggregate: &Aggregate, bounds: &ColumnBounds, rows: u64) -> Option<Option<Scalar>> {
    let nulls = bounds.nulls?;
    let bound = match aggregate {
        Aggregate::Count(_) => {
            let count = i64::try_from(rows.checked_sub(nulls)?).ok()?;
            return Some(Some(Scalar::Bigint(count)));
        }
        Aggregate::Min(_) => &bounds.min,
        Aggregate::Max(_) => &bounds.max,
        _ => return None,
    };
    if rows == nulls {
        return Some(None);
    }
    // A NaN is no bound, but the greatest value; and a bound does not tell 0.0 from −0.0.
    let is_zero = matches!(bound, Some(Scalar::Double(v)) if *v == 0.0)
        || matches!(bound, Some(Scalar::Float(v)) if *v == 0.0);
    if bounds.nans != Some(0) || !bounds.exact || is_zero {
        return None;
    }
    bound.clone().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(min: f64, max: f64) -> ColumnBounds {
        ColumnBounds {
            min: Some(Scalar::Double(min)),
            max: Some(Scalar::Double(max)),
            nulls: Some(1),
            nans: Some(0),
            exact: true,
        }
    }

    fn column() -> Computation {
        Computation::column("a")
    }

    #[test]
    fn only_exact_bounds_answer() {
        let (min, max) = (Aggregate::Min(column()), Aggregate::Max(column()));
        let known = bounds(-0.0, 5.0);
        assert_eq!(exact(&max, &known, 3), Some(Some(Scalar::Double(5.0))));
        assert_eq!(exact(&min, &known, 3), None, "zero");
        assert_eq!(exact(&max, &ColumnBounds { nans: Some(1), ..known.clone() }, 3), None);
        assert_eq!(exact(&max, &ColumnBounds { exact: false, ..known.clone() }, 3), None);
        assert_eq!(exact(&max, &ColumnBounds { nulls: None, ..known.clone() }, 3), None);
        assert_eq!(exact(&Aggregate::Sum(column()), &known, 3), None);
    }

    #[test]
    fn nulls_are_counted_out() {
        let count = Aggregate::Count(column());
        assert_eq!(exact(&count, &bounds(1.0, 2.0), 3), Some(Some(Scalar::Bigint(2))));
        assert_eq!(exact(&count, &ColumnBounds::default(), 3), None);
        let all_null = ColumnBounds { nulls: Some(3), ..ColumnBounds::default() };
        assert_eq!(exact(&Aggregate::Min(column()), &all_null, 3), Some(None));
        assert_eq!(exact(&Aggregate::Min(column()), &no_rows(), 0), Some(None));
    }
}
