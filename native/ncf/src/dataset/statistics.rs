//! What a table's log says about columns, without a look at the files: bounds of a column over many
//! files, and aggregates that follow from them.

use std::collections::BTreeSet;

use ncf_core::{
    Aggregate, Aggregation, ColumnBounds, Computation, DataType, Error, Expression, FieldPath,
    Predicate, Result, Scalar, Schema,
};

use super::{DataFile, Dataset, Kind, Plan, ScanRequest};

impl Dataset {
    /// The files that a plan reads.
    fn planned(&self, plan: &Plan) -> Vec<&DataFile> {
        let planned: BTreeSet<&str> = plan.splits.iter().map(|split| split.file.as_str()).collect();
        let is_planned =
            |file: &&DataFile| planned.contains(file.path.display().to_string().as_str());
        self.files().iter().filter(is_planned).collect()
    }

    /// Whether the aggregation of a planned request can be computed by scans: no row that they read
    /// can make a step leave its type.
    ///
    /// # Errors
    /// `InvalidArgument` when the aggregation does not fit the columns.
    pub fn can_aggregate(
        &self,
        plan: &Plan,
        aggregation: &Aggregation,
        schema: &Schema,
    ) -> Result<bool> {
        let files = self.planned(plan);
        aggregation
            .is_proven(plan.rows, &types_of(schema), &|path| self.known(&files, schema, path))
    }

    /// Whether no row can make a computation in a predicate leave its type, so that scans may compute
    /// it in rows that Spark would not look at.
    ///
    /// # Errors
    /// `InvalidArgument` when the predicate does not fit the columns.
    pub fn can_evaluate(&self, predicate: &Predicate, schema: &Schema) -> Result<bool> {
        let files: Vec<&DataFile> = self.files().iter().collect();
        predicate.check(&types_of(schema))?;
        predicate.is_proven(&types_of(schema), &|path| self.known(&files, schema, path))
    }

    /// What the log knows of a column over files, if it is read as it is.
    fn known(
        &self,
        files: &[&DataFile],
        schema: &Schema,
        path: &FieldPath,
    ) -> Option<ColumnBounds> {
        let name = own_column(path)?;
        same_type(self.schema(), schema, name).then(|| merged(self, files, name)).flatten()
    }

    /// The aggregates of a request without a filter, a sample and groups, where the log knows them
    /// exactly; `None` where data has to be read. An aggregate that is null is `None` inside.
    pub fn answer(&self, request: &ScanRequest) -> Option<Vec<Option<Scalar>>> {
        let aggregation = request.aggregation.as_ref()?;
        let schema = request.schema.as_ref().unwrap_or(self.schema());
        let table = matches!(self.kind(), Kind::Table { .. });
        let all = request.filter.is_none() && request.sample.is_none();
        if !table || !all || !aggregation.group_by.is_empty() {
            return None;
        }
        let files: Vec<&DataFile> = self.files().iter().collect();
        let rows = files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.rows?))?;
        let of_aggregate = |aggregate: &Aggregate| {
            let Some(input) = aggregate.input() else {
                return Some(Some(Scalar::Bigint(i64::try_from(rows).ok()?)));
            };
            let Computation::Value(Expression::Column(path)) = input else { return None };
            let name = own_column(path)?;
            if !same_type(self.schema(), schema, name) {
                return None;
            }
            let bounds = if rows == 0 { no_rows() } else { merged(self, &files, name)? };
            exact(aggregate, &bounds, rows)
        };
        aggregation.aggregates.iter().map(of_aggregate).collect()
    }
}

/// The types of a schema's columns and fields.
fn types_of(schema: &Schema) -> impl Fn(&FieldPath) -> Result<DataType> {
    |path| {
        let column = schema.field(path.column())?;
        let field = path.find(column).ok_or_else(|| {
            Error::invalid_argument(format!("there is no field {path}"))
                .with("column", &column.name)
        })?;
        field.data_type()
    }
}

/// The column of a path; `None` for a field inside it, of which the log knows nothing.
fn own_column(path: &FieldPath) -> Option<&str> {
    path.fields().is_empty().then(|| path.column())
}

fn no_rows() -> ColumnBounds {
    ColumnBounds { nulls: Some(0), nans: Some(0), exact: true, ..ColumnBounds::default() }
}

/// Whether a column that is read is the dataset's own, of the same type.
fn same_type(own: &Schema, read: &Schema, name: &str) -> bool {
    match (own.field(name), read.field(name)) {
        (Ok(own), Ok(read)) => own.field_type.same_values(&read.field_type),
        _ => false,
    }
}

/// Bounds of a column over files; `None` unless they are known of each of them that has rows.
fn merged(dataset: &Dataset, files: &[&DataFile], column: &str) -> Option<ColumnBounds> {
    let id = dataset.schema().field(column).ok()?.id;
    let mut merged: Option<(ColumnBounds, bool)> = None;
    for file in files {
        let (bounds, empty) = (file.statistics.get(&id)?, file.rows? == 0);
        merged = Some(match merged {
            None => (bounds.clone(), empty),
            Some((have, have_empty)) => {
                (have.merge(bounds, have_empty, empty), have_empty && empty)
            }
        });
    }
    merged.map(|(bounds, _)| bounds)
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
