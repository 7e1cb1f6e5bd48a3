//! The columns of a scan, and whether a predicate fits them.

use std::collections::HashSet;

use ncf_core::{
    CompareOp, DataType, Error, Expression, Field, FieldType, Predicate, Result, Scalar,
};
use ncf_file::FileReader;

use crate::nested;

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnSource {
    /// The column of the file with this index in its schema.
    File(usize),
    /// The same value, or null, in every row: partition columns, columns that the file lacks.
    Constant(Option<Scalar>),
}

/// A column that predicate or projection may name.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanColumn {
    /// Name and type wanted.
    pub field: Field,
    /// Where the values come from.
    pub source: ColumnSource,
}

/// Whether values of the types compare: the same type, or decimals of one scale.
pub(crate) fn comparable(a: DataType, b: DataType) -> bool {
    match (a, b) {
        (DataType::Decimal { scale: a, .. }, DataType::Decimal { scale: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

/// The position of the column called `name`, or an error that lists the columns.
pub(crate) fn position(columns: &[ScanColumn], name: &str) -> Result<usize> {
    columns.iter().position(|column| column.field.name == name).ok_or_else(|| {
        let names: Vec<_> = columns.iter().map(|column| column.field.name.as_str()).collect();
        Error::invalid_argument(format!(
            "there is no column {name}; the columns are {}",
            names.join(", ")
        ))
    })
}

/// Checks that the columns have unique names and can be had from a file.
pub(crate) fn check_columns(columns: &[ScanColumn], reader: &FileReader) -> Result<()> {
    let mut names = HashSet::new();
    for ScanColumn { field, source } in columns {
        if !names.insert(field.name.as_str()) {
            return Err(Error::invalid_argument(format!("column {} appears twice", field.name)));
        }
        let (found, fits) = match source {
            ColumnSource::Constant(None) => continue,
            ColumnSource::Constant(Some(value)) => {
                let fits =
                    field.field_type.value().is_some_and(|t| comparable(value.data_type(), t));
                (FieldType::Value(value.data_type()), fits)
            }
            ColumnSource::File(index) => {
                let stored = reader.schema().fields.get(*index).ok_or_else(|| {
                    Error::invalid_argument(format!("the file has no column number {index}"))
                })?;
                let fits = nested::check(field, reader, *index).is_ok();
                (stored.field_type.clone(), fits)
            }
        };
        if !fits {
            return Err(Error::unsupported(format!(
                "column {} is {found} here but {} is wanted; rewrite the file with that type",
                field.name, field.field_type
            )));
        }
    }
    Ok(())
}

/// Checks that every column of the predicate exists and that every comparison is of one type.
pub(crate) fn check_predicate(predicate: &Predicate, columns: &[ScanColumn]) -> Result<()> {
    match predicate {
        Predicate::Always(_) => Ok(()),
        Predicate::Compare(op, left, right) => {
            check_comparison(*op, type_of(left, columns)?, type_of(right, columns)?, predicate)
        }
        Predicate::In { expression, values, .. } => {
            let wanted = type_of(expression, columns)?;
            values.iter().try_for_each(|value| {
                check_comparison(CompareOp::Eq, wanted, value.data_type(), predicate)
            })
        }
        Predicate::IsNull(expression) | Predicate::IsNotNull(expression) => {
            type_of(expression, columns).map(|_| ())
        }
        Predicate::Text(_, expression, _) => match type_of(expression, columns)? {
            DataType::String => Ok(()),
            other => Err(Error::invalid_argument(format!(
                "{predicate} searches in a string, but {expression} is {other}; cast it first"
            ))),
        },
        Predicate::And(parts) | Predicate::Or(parts) => {
            parts.iter().try_for_each(|part| check_predicate(part, columns))
        }
        Predicate::Not(inner) => check_predicate(inner, columns),
    }
}

fn type_of(expression: &Expression, columns: &[ScanColumn]) -> Result<DataType> {
    match expression {
        Expression::Literal(value) => Ok(value.data_type()),
        Expression::Column(name) => {
            let index = position(columns, name)?;
            let column = columns.get(index).ok_or_else(|| Error::internal("a column moved"))?;
            column.field.data_type()
        }
    }
}

fn check_comparison(op: CompareOp, a: DataType, b: DataType, whole: &Predicate) -> Result<()> {
    if comparable(a, b) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "{whole} compares {a} with {b} by {}; cast one side to the other's type",
        op.sql()
    )))
}
