//! What a dataset knows of the rows of one of its files without opening it.

use ncf_core::{ColumnBounds, FieldPath, Result, ResultExt, Scalar, Schema};

use super::partition::parse_partition_value;
use super::plan::constant_bounds;
use super::{DataFile, Dataset, Kind};

/// The partition values of a file and, in a table, the bounds of its columns.
pub(super) struct FileFacts<'a> {
    dataset: &'a Dataset,
    file: &'a DataFile,
    /// The columns and types that are read.
    schema: &'a Schema,
    constants: Vec<(&'a str, Option<Scalar>)>,
}

impl<'a> FileFacts<'a> {
    /// # Errors
    /// `Corrupt` when a partition value is none of its column's type.
    pub(super) fn new(
        dataset: &'a Dataset,
        file: &'a DataFile,
        schema: &'a Schema,
    ) -> Result<Self> {
        let mut constants = Vec::new();
        for (name, text) in &file.partition_values {
            let Ok(field) = schema.field(name) else { continue };
            let data_type = field.data_type()?;
            let value = text
                .as_deref()
                .map(|text| parse_partition_value(text, data_type))
                .transpose()
                .at("column", || name)
                .at("file", || file.path.display())?;
            constants.push((name.as_str(), value));
        }
        Ok(Self { dataset, file, schema, constants })
    }

    /// Rows of the file, where they are known.
    pub(super) fn rows(&self) -> Option<u64> {
        self.file.rows
    }

    /// The value that a partition column has in every row, `None` inside for null; `None` for other
    /// columns.
    pub(super) fn constant(&self, name: &str) -> Option<&Option<Scalar>> {
        let mut constants = self.constants.iter();
        constants.find(|(constant, _)| *constant == name).map(|(_, value)| value)
    }

    /// The bounds of a column as it is read, where they are known.
    pub(super) fn bounds(&self, path: &FieldPath) -> Option<ColumnBounds> {
        if !path.fields().is_empty() {
            return None;
        }
        let name = path.column();
        if let Some(value) = self.constant(name) {
            // Without row counts a null count proves nothing; one row is enough for partition values.
            return Some(constant_bounds(value.as_ref(), self.rows().unwrap_or(1).max(1)));
        }
        if self.rows().is_none() || !matches!(self.dataset.kind(), Kind::Table { .. }) {
            return None;
        }
        let field = self.dataset.schema().fields.iter().find(|field| field.name == name)?;
        let wanted = self.schema.fields.iter().find(|wanted| wanted.name == field.name)?;
        let bounds = self.file.statistics.get(&field.id).cloned()?;
        Some(bounds.widen(wanted.field_type.value()?))
    }
}
