//! What a table's log says about columns, without a look at the files: bounds of a column over many
//! files, and whether they prove that computations stay within their types.

use std::collections::BTreeSet;

use ncf_core::{Aggregation, ColumnBounds, DataType, Error, FieldPath, Predicate, Result, Schema};

use super::{DataFile, Dataset, Plan};

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
pub(super) fn own_column(path: &FieldPath) -> Option<&str> {
    path.fields().is_empty().then(|| path.column())
}

/// Whether a column that is read is the dataset's own, of the same type.
pub(super) fn same_type(own: &Schema, read: &Schema, name: &str) -> bool {
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
