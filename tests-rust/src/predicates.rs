//! Random predicates over the fields of a batch, and random schemas to read a file by.

use ncf::{CompareOp, DataType, Expression, Field, FieldType, Predicate, Scalar, Schema, TextOp};

use crate::Random;
use crate::oracle::FieldRows;

const TEXT_OPS: [TextOp; 3] = [TextOp::StartsWith, TextOp::EndsWith, TextOp::Contains];

fn pick<'a, T>(from: &'a [T], random: &mut Random) -> &'a T {
    &from[random.below(from.len() as u64) as usize]
}

/// A random predicate over some of the fields, nested up to `depth` deep. Its literals are mostly values
/// of the data, or close to one.
pub fn random_predicate(fields: &[FieldRows], depth: u32, random: &mut Random) -> Predicate {
    if depth > 0 {
        let parts = |random: &mut Random| {
            (0..random.below(4)).map(|_| random_predicate(fields, depth - 1, random)).collect()
        };
        match random.below(6) {
            0 => return Predicate::And(parts(random)),
            1 => return Predicate::Or(parts(random)),
            2 => return Predicate::Not(Box::new(random_predicate(fields, depth - 1, random))),
            _ => {}
        }
    }
    let field = pick(fields, random);
    let column = Expression::Column(field.path.clone());
    let values = field.field_type.value().zip(literal(field, random));
    match (random.below(8), values) {
        (0, _) => Predicate::IsNotNull(column),
        (1, _) if random.one_in(4) => {
            Predicate::Always(*pick(&[None, Some(true), Some(false)], random))
        }
        (1, _) | (_, None) => Predicate::IsNull(column),
        (2 | 3, Some(_)) => Predicate::In {
            expression: column,
            values: (0..random.below(12)).filter_map(|_| literal(field, random)).collect(),
            has_null: random.one_in(3),
        },
        (4, Some((_, Scalar::String(text)))) => {
            Predicate::Text(*pick(&TEXT_OPS, random), column, part_of(&text, random))
        }
        (5, Some((data_type, _))) => {
            let alike: Vec<_> = fields
                .iter()
                .filter(|other| {
                    other.field_type.value().is_some_and(|t| t.compares_with(data_type))
                })
                .collect();
            let other = Expression::Column(pick(&alike, random).path.clone());
            Predicate::Compare(*pick(&CompareOp::ALL, random), column, other)
        }
        (_, Some((_, value))) => {
            let (left, right) = (column, Expression::Literal(value));
            let (left, right) = if random.one_in(2) { (left, right) } else { (right, left) };
            Predicate::Compare(*pick(&CompareOp::ALL, random), left, right)
        }
    }
}

/// A value of the field, or one close to it; `None` when no value is found.
fn literal(field: &FieldRows, random: &mut Random) -> Option<Scalar> {
    field.field_type.value()?;
    let value = (0..20).find_map(|_| pick(&field.rows, random).clone())?;
    Some(if random.one_in(3) { near(value, random) } else { value })
}

fn near(value: Scalar, random: &mut Random) -> Scalar {
    let up = random.one_in(2);
    macro_rules! step {
        ($v:expr) => {
            if up { $v.wrapping_add(1) } else { $v.wrapping_sub(1) }
        };
    }
    match value {
        Scalar::Tinyint(v) => Scalar::Tinyint(step!(v)),
        Scalar::Smallint(v) => Scalar::Smallint(step!(v)),
        Scalar::Int(v) => Scalar::Int(step!(v)),
        Scalar::Bigint(v) => Scalar::Bigint(step!(v)),
        Scalar::Date(v) => Scalar::Date(step!(v)),
        Scalar::Timestamp(v) => Scalar::Timestamp(step!(v)),
        Scalar::TimestampNtz(v) => Scalar::TimestampNtz(step!(v)),
        Scalar::Decimal { unscaled, precision, scale } => {
            Scalar::Decimal { unscaled: step!(unscaled), precision, scale }
        }
        Scalar::Float(v) => Scalar::Float(*pick(&[0.0, -0.0, f32::NAN, v.next_up()], random)),
        Scalar::Double(v) => Scalar::Double(*pick(&[0.0, -0.0, f64::NAN, v.next_up()], random)),
        Scalar::String(text) => Scalar::String(part_of(&text, random) + *pick(&["", "é"], random)),
        Scalar::Binary(mut bytes) => {
            if up {
                bytes.push(0)
            } else {
                bytes.truncate(bytes.len() / 2)
            }
            Scalar::Binary(bytes)
        }
        other => other,
    }
}

fn part_of(text: &str, random: &mut Random) -> String {
    let from = random.below(3) as usize;
    text.chars().skip(from).take(random.below(8) as usize).collect()
}

/// A schema to read files of `stored` by: some values wider, some fields that are not stored.
pub fn wider_schema(stored: &Schema, random: &mut Random) -> Schema {
    let mut fields = stored.fields.clone();
    let mut next = 1000;
    for field in &mut fields {
        widen(field, &mut next, random);
    }
    Schema::new(fields).expect("names and ids are unique")
}

fn widen(field: &mut Field, next: &mut u32, random: &mut Random) {
    if let FieldType::Value(stored) = field.field_type {
        let wider: Vec<_> = WIDER.iter().filter(|wider| stored.widens_to(**wider)).collect();
        if !wider.is_empty() && random.one_in(2) {
            field.field_type = FieldType::Value(**pick(&wider, random));
        }
        return;
    }
    field.field_type.parts_mut().iter_mut().for_each(|part| widen(part, next, random));
    if let FieldType::Struct(parts) = &mut field.field_type
        && random.one_in(4)
    {
        *next += 1;
        let element = Box::new(Field::new(*next + 1000, "element", DataType::Date, true));
        let types = [DataType::String.into(), DataType::Int8.into(), FieldType::Array(element)];
        let field_type = pick(&types, random).clone();
        let at = random.below(parts.len() as u64 + 1) as usize;
        parts.insert(at, Field::new(*next, format!("absent{next}"), field_type, true));
    }
}

const WIDER: [DataType; 9] = [
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::Float64,
    DataType::TimestampNtz,
    DataType::Decimal { precision: 12, scale: 2 },
    DataType::Decimal { precision: 18, scale: 4 },
    DataType::Decimal { precision: 25, scale: 2 },
    DataType::Decimal { precision: 38, scale: 10 },
];

/// Some columns of a schema, and of those some fields, in any order.
pub fn narrower_schema(schema: &Schema, random: &mut Random) -> Schema {
    Schema { fields: some(&schema.fields, random), ..Schema::default() }
}

fn some(fields: &[Field], random: &mut Random) -> Vec<Field> {
    let mut kept: Vec<Field> = fields.iter().filter(|_| !random.one_in(3)).cloned().collect();
    let turn = (random.below(kept.len() as u64) as usize).min(kept.len());
    kept.rotate_left(turn);
    for field in &mut kept {
        cut(field, random);
    }
    kept
}

fn cut(field: &mut Field, random: &mut Random) {
    match &mut field.field_type {
        FieldType::Struct(parts) => *parts = some(parts, random),
        other => other.parts_mut().iter_mut().for_each(|part| cut(part, random)),
    }
}
