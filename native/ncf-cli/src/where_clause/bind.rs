//! Operands to typed expressions: a literal takes the type of the column that it is compared with.

use ncf::{
    CompareOp, DataType, Error, Expression, FieldPath, FieldType, LogicalType, Predicate, Result,
    Scalar, TextOp,
};

use crate::values::{hex, parse_value, time_nanos};

/// A column of the schema, or a field of a struct.
#[derive(Debug, Clone)]
pub(super) struct ColumnOperand {
    pub(super) path: FieldPath,
    pub(super) field_type: FieldType,
    /// The type that the field's metadata names.
    pub(super) logical: Option<LogicalType>,
}

impl ColumnOperand {
    fn expression(&self) -> Expression {
        Expression::Column(self.path.clone())
    }

    /// The type of its values, or an error when it is nested.
    fn data_type(&self) -> Result<DataType> {
        self.field_type.value().ok_or_else(|| {
            Error::invalid_argument(format!(
                "column {} is {}, which has no one value; compare a field of a struct, \
                 or test it with IS NULL",
                self.path, self.field_type
            ))
        })
    }
}

/// One side of a comparison, as written.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// A column or field.
    Column(ColumnOperand),
    /// A number, sign included.
    Number(String),
    /// A string.
    Text(String),
    /// `DATE '…'`.
    Date(String),
    /// `TIMESTAMP '…'` or `TIMESTAMP_NTZ '…'`.
    Timestamp(String),
    /// `X'…'`.
    Hex(String),
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// `NULL`.
    Null,
}

impl Operand {
    fn describe(&self) -> String {
        match self {
            Self::Column(column) => format!("column {}", column.path),
            Self::Number(text) => format!("number {text}"),
            Self::Text(text) => format!("string '{text}'"),
            Self::Date(text) => format!("DATE '{text}'"),
            Self::Timestamp(text) => format!("TIMESTAMP '{text}'"),
            Self::Hex(text) => format!("X'{text}'"),
            Self::Boolean(value) => value.to_string().to_uppercase(),
            Self::Null => "NULL".to_string(),
        }
    }
}

/// `left op right`, with SQL's rules for NULL.
pub(super) fn compare(left: &Operand, op: CompareOp, right: &Operand) -> Result<Predicate> {
    match (left, right) {
        (Operand::Column(a), Operand::Column(b)) => {
            if !a.data_type()?.compares_with(b.data_type()?) {
                return Err(Error::invalid_argument(format!(
                    "columns {} ({}) and {} ({}) have different types and cannot be compared",
                    a.path, a.field_type, b.path, b.field_type
                )));
            }
            Ok(Predicate::Compare(op, a.expression(), b.expression()))
        }
        (Operand::Column(field), Operand::Null) | (Operand::Null, Operand::Column(field)) => {
            Ok(match op {
                CompareOp::NullSafeEq => Predicate::IsNull(field.expression()),
                _ => Predicate::Always(None),
            })
        }
        (Operand::Column(field), value) => Ok(Predicate::Compare(
            op,
            field.expression(),
            Expression::Literal(literal(value, field)?),
        )),
        (value, Operand::Column(field)) => Ok(Predicate::Compare(
            op.flip(),
            field.expression(),
            Expression::Literal(literal(value, field)?),
        )),
        (a, b) => Err(Error::invalid_argument(format!(
            "{} {} {} names no column; compare a column with something",
            a.describe(),
            op.sql(),
            b.describe()
        ))),
    }
}

/// `operand IN (values)`.
pub(super) fn in_list(operand: &Operand, items: &[Operand]) -> Result<Predicate> {
    let field = need_column(operand, "IN")?;
    let has_null = items.iter().any(|item| matches!(item, Operand::Null));
    let values = items.iter().filter(|item| !matches!(item, Operand::Null));
    let values = values.map(|item| literal(item, field)).collect::<Result<_>>()?;
    Ok(Predicate::In { expression: field.expression(), values, has_null })
}

/// `operand IS NULL`.
pub(super) fn is_null(operand: &Operand) -> Result<Predicate> {
    Ok(match operand {
        Operand::Column(field) => Predicate::IsNull(field.expression()),
        Operand::Null => Predicate::Always(Some(true)),
        _ => Predicate::Always(Some(false)),
    })
}

/// An operand that stands alone as a condition.
pub(super) fn alone(operand: &Operand) -> Result<Predicate> {
    match operand {
        Operand::Boolean(value) => Ok(Predicate::Always(Some(*value))),
        Operand::Null => Ok(Predicate::Always(None)),
        Operand::Column(field) if field.field_type == DataType::Boolean => Ok(Predicate::Compare(
            CompareOp::Eq,
            field.expression(),
            Expression::Literal(Scalar::Boolean(true)),
        )),
        other => Err(Error::invalid_argument(format!(
            "{} is not a condition; compare it with something",
            other.describe()
        ))),
    }
}

/// `operand LIKE pattern`; only patterns that are a search for one string.
pub(super) fn like(operand: &Operand, pattern: &str) -> Result<Predicate> {
    let field = need_column(operand, "LIKE")?;
    if field.field_type != DataType::String {
        return Err(Error::invalid_argument(format!(
            "LIKE needs a string column; {} is a {}",
            field.path, field.field_type
        )));
    }
    let refuse = |reason: &str| {
        Error::invalid_argument(format!(
            "LIKE '{pattern}': {reason}; write 'a', 'a%', '%a' or '%a%' (\\% and \\_ stand for themselves)"
        ))
    };
    let (mut leading, mut trailing, mut text) = (false, false, String::new());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let literal = match c {
            '%' => {
                leading |= text.is_empty();
                trailing = true;
                continue;
            }
            '_' => return Err(refuse("_ is not supported")),
            '\\' => match chars.next() {
                Some(escaped @ ('%' | '_' | '\\')) => escaped,
                _ => return Err(refuse("a backslash must stand before %, _ or \\")),
            },
            other => other,
        };
        if trailing && !text.is_empty() {
            return Err(refuse("% may stand only at the start and at the end"));
        }
        trailing = false;
        text.push(literal);
    }
    let op = match (leading, trailing) {
        (false, false) => {
            let value = Expression::Literal(Scalar::String(text));
            return Ok(Predicate::Compare(CompareOp::Eq, field.expression(), value));
        }
        (false, true) => TextOp::StartsWith,
        (true, false) => TextOp::EndsWith,
        (true, true) => TextOp::Contains,
    };
    Ok(Predicate::Text(op, field.expression(), text))
}

fn need_column<'a>(operand: &'a Operand, what: &str) -> Result<&'a ColumnOperand> {
    match operand {
        Operand::Column(field) => Ok(field),
        other => Err(Error::invalid_argument(format!(
            "{what} needs a column on its left, not {}",
            other.describe()
        ))),
    }
}

/// The literal as a value of the column's type, exactly, or an error.
fn literal(operand: &Operand, field: &ColumnOperand) -> Result<Scalar> {
    use DataType as T;
    let no = |reason: &str| {
        Error::invalid_argument(format!(
            "{} cannot be compared with column {} of type {}: {reason}",
            operand.describe(),
            field.path,
            field.field_type
        ))
    };
    let data_type = field.data_type()?;
    let parsed = |text: &str| parse_value(text, data_type).map_err(|reason| no(&reason));
    match (operand, data_type) {
        (Operand::Text(text), T::Int64) if matches!(field.logical, Some(LogicalType::Time(_))) => {
            let nanos = time_nanos(text);
            nanos.map(Scalar::Bigint).ok_or_else(|| no("write hh:mm[:ss[.fffffffff]]"))
        }
        (
            Operand::Number(text),
            T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::Float64 | T::Decimal { .. },
        ) => parsed(text),
        (Operand::Number(text), T::Float32) => {
            let wide: f64 = text.parse().map_err(|_| no("it is not a number"))?;
            match parsed(text)? {
                Scalar::Float(value) if f64::from(value) == wide => Ok(Scalar::Float(value)),
                nearest => Err(no(&format!(
                    "no float has exactly this value; the nearest is {}",
                    match nearest {
                        Scalar::Float(value) => f64::from(value).to_string(),
                        other => other.to_string(),
                    }
                ))),
            }
        }
        // Spark too reads NaN and infinities, which have no literal, from strings.
        (Operand::Text(text), T::Float32 | T::Float64) => {
            match text.to_ascii_lowercase().as_str() {
                "nan" | "infinity" | "+infinity" | "-infinity" => parsed(text),
                _ => Err(no("write a number without quotes, or 'NaN', 'Infinity', '-Infinity'")),
            }
        }
        (Operand::Text(text), T::String | T::Date | T::Timestamp | T::TimestampNtz)
        | (Operand::Date(text), T::Date | T::Timestamp | T::TimestampNtz)
        | (Operand::Timestamp(text), T::Timestamp | T::TimestampNtz) => parsed(text),
        (Operand::Hex(text), T::Binary) => {
            hex(text).map(Scalar::Binary).ok_or_else(|| no("write pairs of hexadecimal digits"))
        }
        (Operand::Boolean(value), T::Boolean) => Ok(Scalar::Boolean(*value)),
        _ => Err(no("the types differ")),
    }
}
