//! What a computation means: its value in one row, one step after the other. Scans compute whole pages
//! instead and are tested against this.

use super::{
    ArithmeticOp, Computation, Conversion, Function, calendar, ceiling, conversion, decimal_to_f32,
    decimal_to_f64, divide_half_up, pow10, scale_factors, text,
};
use crate::path::FieldPath;
use crate::scalar::Scalar;
use crate::types::DataType;

impl Computation {
    /// The value in a row whose fields have the values that `field` gives; `None` = null. What leaves
    /// its type, or has arguments of wrong types, is null.
    pub fn evaluate(&self, field: &dyn Fn(&FieldPath) -> Option<Scalar>) -> Option<Scalar> {
        match self {
            Self::Value(expression) => expression.evaluate(field),
            Self::Null { .. } => None,
            Self::Arithmetic { op, left, right, data_type } => {
                arithmetic(*op, &left.evaluate(field)?, &right.evaluate(field)?, *data_type)
            }
            Self::Cast { input, data_type } => cast(&input.evaluate(field)?, *data_type),
            Self::Truth(predicate) => predicate.evaluate(field).map(Scalar::Boolean),
            Self::Case { branches, otherwise, .. } => {
                let taken = branches.iter().find(|(when, _)| when.evaluate(field) == Some(true));
                match (taken, otherwise) {
                    (Some((_, value)), _) => value.evaluate(field),
                    (None, Some(value)) => value.evaluate(field),
                    (None, None) => None,
                }
            }
            Self::Call { function, arguments } => {
                let values: Vec<_> =
                    arguments.iter().map(|argument| argument.evaluate(field)).collect();
                call(function, &values)
            }
        }
    }
}

fn arithmetic(
    op: ArithmeticOp,
    left: &Scalar,
    right: &Scalar,
    data_type: DataType,
) -> Option<Scalar> {
    if let (Scalar::Float(a), Scalar::Float(b)) = (left, right) {
        return Some(Scalar::Float(match op {
            ArithmeticOp::Add => a + b,
            ArithmeticOp::Subtract => a - b,
            ArithmeticOp::Multiply => a * b,
            ArithmeticOp::Divide => a / b,
            ArithmeticOp::Remainder => return None,
        }));
    }
    if let (Scalar::Double(a), Scalar::Double(b)) = (left, right) {
        return Some(Scalar::Double(match op {
            ArithmeticOp::Add => a + b,
            ArithmeticOp::Subtract => a - b,
            ArithmeticOp::Multiply => a * b,
            ArithmeticOp::Divide => a / b,
            ArithmeticOp::Remainder => return None,
        }));
    }
    let (a, b) = scale_factors(op, left.data_type(), right.data_type(), data_type).ok()?;
    let (a, b) = (number(left)?.checked_mul(a)?, number(right)?.checked_mul(b)?);
    let found = match op {
        ArithmeticOp::Add => a.checked_add(b),
        ArithmeticOp::Subtract => a.checked_sub(b),
        ArithmeticOp::Multiply => a.checked_mul(b),
        ArithmeticOp::Remainder => a.checked_rem(b),
        ArithmeticOp::Divide => None,
    };
    exact(found?, data_type)
}

fn cast(value: &Scalar, data_type: DataType) -> Option<Scalar> {
    let number = || number(value);
    match conversion(value.data_type(), data_type).ok()? {
        Conversion::Same => Some(value.clone()),
        Conversion::Scale(factor) => exact(number()?.checked_mul(factor)?, data_type),
        Conversion::Round(divisor) => exact(divide_half_up(number()?, divisor), data_type),
        Conversion::Cut(divisor) => exact(number()? / divisor, data_type),
        Conversion::NotZero => Some(Scalar::Boolean(number()? != 0)),
        Conversion::Text => Some(Scalar::String(match value {
            Scalar::Boolean(v) => v.to_string(),
            _ => number()?.to_string(),
        })),
        Conversion::DecimalToFloat(scale) if data_type == DataType::Float32 => {
            Some(Scalar::Float(decimal_to_f32(number()?, scale)))
        }
        Conversion::DecimalToFloat(scale) => Some(Scalar::Double(decimal_to_f64(number()?, scale))),
        Conversion::Float => Some(match (value, data_type) {
            (Scalar::Float(v), _) => Scalar::Double((*v).into()),
            (Scalar::Double(v), _) => Scalar::Float(nearest(*v)),
            // A number without a point.
            (_, DataType::Float32) => Scalar::Float(decimal_to_f32(number()?, 0)),
            _ => Scalar::Double(decimal_to_f64(number()?, 0)),
        }),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the nearest float is what the cast means")]
fn nearest(value: f64) -> f32 {
    value as f32
}

fn call(function: &Function, values: &[Option<Scalar>]) -> Option<Scalar> {
    let best =
        |takes: &dyn Fn(std::cmp::Ordering) -> bool| {
            let mut present = values.iter().flatten();
            let first = present.next()?;
            Some(present.fold(first, |best, value| {
                if value.compare(best).is_some_and(takes) { value } else { best }
            }))
        };
    match function {
        Function::Coalesce => return values.iter().flatten().next().cloned(),
        Function::Greatest => return best(&|order| order.is_gt()).cloned(),
        Function::Least => return best(&|order| order.is_lt()).cloned(),
        _ => {}
    }
    let present: Vec<&Scalar> = values.iter().map(Option::as_ref).collect::<Option<_>>()?;
    match present.as_slice() {
        [Scalar::Date(day)] => of_date(function, *day).map(Scalar::Int),
        [Scalar::Timestamp(micros) | Scalar::TimestampNtz(micros)] => {
            of_timestamp(function, *micros)
        }
        [Scalar::Date(day), Scalar::Int(days)] if *function == Function::DateAdd => {
            Some(Scalar::Date(day.wrapping_add(*days)))
        }
        [Scalar::Date(a), Scalar::Date(b)] if *function == Function::DateDiff => {
            Some(Scalar::Int(a.wrapping_sub(*b)))
        }
        strings if *function == Function::Concat => {
            let parts = strings.iter().map(|string| match string {
                Scalar::String(text) => Some(text.as_str()),
                _ => None,
            });
            Some(Scalar::String(parts.collect::<Option<Vec<_>>>()?.concat()))
        }
        [Scalar::String(text)] => of_text(function, text),
        [number] => of_number(function, number),
        _ => None,
    }
}

fn of_date(function: &Function, day: i32) -> Option<i32> {
    let calendar::Date { year, month, day: of_month } = calendar::date(day);
    Some(match function {
        Function::Year => year,
        Function::Quarter => (month - 1) / 3 + 1,
        Function::Month => month,
        Function::Day => of_month,
        Function::DayOfWeek => calendar::day_of_week(day),
        Function::DayOfYear => calendar::day_of_year(day),
        Function::Week => calendar::week(day).1,
        Function::YearOfWeek => calendar::week(day).0,
        _ => return None,
    })
}

fn of_timestamp(function: &Function, micros: i64) -> Option<Scalar> {
    let (day, of_day) = function.zone()?.local(micros);
    let second = i32::try_from(of_day / 1_000_000).ok()?;
    Some(match function {
        Function::Date(_) => Scalar::Date(i32::try_from(day).ok()?),
        Function::Hour(_) => Scalar::Int(second / 3600),
        Function::Minute(_) => Scalar::Int(second / 60 % 60),
        Function::Second(_) => Scalar::Int(second % 60),
        _ => return None,
    })
}

fn of_text(function: &Function, value: &str) -> Option<Scalar> {
    let size = |size: usize| i32::try_from(size).ok().map(Scalar::Int);
    Some(Scalar::String(match function {
        Function::CharLength => return size(value.chars().count()),
        Function::BitLength => return size(value.len() * 8),
        Function::Upper => text::upper(value),
        Function::Lower => text::lower(value),
        Function::Trim { side, characters } => text::trim(value, *side, characters).to_owned(),
        Function::Substring { start, length } => {
            value.get(text::substring(value.as_bytes(), *start, *length))?.to_owned()
        }
        _ => return None,
    }))
}

fn of_number(function: &Function, value: &Scalar) -> Option<Scalar> {
    match (function, value) {
        (Function::Abs, Scalar::Float(v)) => return Some(Scalar::Float(v.abs())),
        (Function::Abs, Scalar::Double(v)) => return Some(Scalar::Double(v.abs())),
        (Function::Negate, Scalar::Float(v)) => return Some(Scalar::Float(-v)),
        (Function::Negate, Scalar::Double(v)) => return Some(Scalar::Double(-v)),
        (Function::Ceiling, Scalar::Double(v)) => return Some(Scalar::Bigint(whole(v.ceil()))),
        (Function::Floor, Scalar::Double(v)) => return Some(Scalar::Bigint(whole(v.floor()))),
        _ => {}
    }
    let scale = match value {
        Scalar::Decimal { scale, .. } => *scale,
        _ => 0,
    };
    let number = number(value)?;
    let found = match function {
        Function::Abs => number.checked_abs()?,
        Function::Negate => number.checked_neg()?,
        Function::Ceiling => ceiling(number, pow10(scale.into())?),
        Function::Floor => number.div_euclid(pow10(scale.into())?),
        Function::Round { digits } => {
            divide_half_up(number, pow10(scale.saturating_sub(*digits).into())?)
        }
        _ => return None,
    };
    exact(found, function.data_type(&[value.data_type()]).ok()?)
}

#[allow(clippy::cast_possible_truncation, reason = "numbers beyond the type become its ends")]
fn whole(value: f64) -> i64 {
    value as i64
}

/// An integer, a boolean, or a decimal without its point.
fn number(value: &Scalar) -> Option<i128> {
    match value {
        Scalar::Boolean(v) => Some((*v).into()),
        other => super::proof::unscaled(other),
    }
}

/// An integer, or a decimal by its unscaled value, as a value of a type, if it is inside.
pub fn exact(number: i128, data_type: DataType) -> Option<Scalar> {
    Some(match data_type {
        DataType::Int8 => Scalar::Tinyint(number.try_into().ok()?),
        DataType::Int16 => Scalar::Smallint(number.try_into().ok()?),
        DataType::Int32 => Scalar::Int(number.try_into().ok()?),
        DataType::Int64 => Scalar::Bigint(number.try_into().ok()?),
        DataType::Decimal { precision, scale } => {
            let inside = number.unsigned_abs() < pow10(precision.into())?.unsigned_abs();
            inside.then_some(Scalar::Decimal { unscaled: number, precision, scale })?
        }
        _ => return None,
    })
}
