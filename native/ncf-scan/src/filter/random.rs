//! Random columns and predicates for the tests, whose oracle is `Predicate::evaluate`.

use arrow_buffer::{BooleanBuffer, OffsetBuffer};
use ncf_core::{ByteValues, CompareOp, DataType, Expression, Predicate, Scalar, TextOp, Values};

/// A seeded xorshift.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// One column of each kind of type; pairs of a kind allow comparisons of columns.
pub(crate) fn types() -> Vec<DataType> {
    vec![
        DataType::Int32,
        DataType::Int32,
        DataType::Int64,
        DataType::Float64,
        DataType::Float64,
        DataType::Float32,
        DataType::String,
        DataType::String,
        DataType::Boolean,
        DataType::Boolean,
        DataType::Decimal { precision: 12, scale: 2 },
        DataType::Decimal { precision: 30, scale: 2 },
        DataType::Int8,
        DataType::Int16,
        DataType::Date,
        DataType::Timestamp,
        DataType::TimestampNtz,
        DataType::Binary,
    ]
}

/// The name of column `index`.
pub(crate) fn name(index: usize) -> String {
    format!("c{index}")
}

/// A value out of few, so that comparisons hit; the odd ones included.
pub(crate) fn scalar(random: &mut Random, data_type: DataType) -> Scalar {
    let small = i8::try_from(random.below(7)).unwrap() - 3;
    match data_type {
        DataType::Boolean => Scalar::Boolean(small > 0),
        DataType::Int8 => Scalar::Tinyint(small),
        DataType::Int16 => Scalar::Smallint(i16::from(small) * 1000),
        DataType::Int32 => {
            Scalar::Int(random.pick(&[i32::MIN, i32::MAX, small.into(), small.into()]))
        }
        DataType::Int64 => {
            Scalar::Bigint(random.pick(&[i64::MIN, i64::MAX, small.into(), small.into()]))
        }
        DataType::Float32 => {
            Scalar::Float(random.pick(&[-0.0, 0.0, f32::NAN, -f32::NAN, 1.5, f32::NEG_INFINITY]))
        }
        DataType::Float64 => {
            Scalar::Double(random.pick(&[-0.0, 0.0, f64::NAN, -f64::NAN, 1.5, f64::INFINITY]))
        }
        DataType::Decimal { precision, scale } => {
            let wide = if precision > 18 { 10i128.pow(25) } else { 1 };
            let unscaled = i128::from(small) * random.pick(&[1, wide]);
            Scalar::Decimal { unscaled, precision, scale }
        }
        DataType::String => {
            let texts = ["", "a", "ab", "abab", "b", "é", "aé", "ba", "a long text with ab in it"];
            Scalar::String(random.pick(&texts).into())
        }
        DataType::Binary => {
            Scalar::Binary(random.pick(&[vec![], vec![0], vec![255, 1], vec![0, 0]]))
        }
        DataType::Date => {
            Scalar::Date(random.pick(&[small.into(), 18_627 + i32::from(small), -800_000]))
        }
        DataType::Timestamp => {
            let minutes = i64::from(small) * 1_000_003 * 60_000_000;
            Scalar::Timestamp(random.pick(&[small.into(), minutes]))
        }
        DataType::TimestampNtz => Scalar::TimestampNtz(small.into()),
    }
}

/// A random predicate over columns [`name`] of `types`.
pub(crate) fn predicate(random: &mut Random, types: &[DataType], depth: usize) -> Predicate {
    if depth > 0 {
        let parts = |random: &mut Random| {
            (0..random.below(4)).map(|_| predicate(random, types, depth - 1)).collect::<Vec<_>>()
        };
        match random.below(6) {
            0 => return Predicate::And(parts(random)),
            1 => return Predicate::Or(parts(random)),
            2 => return Predicate::Not(Box::new(predicate(random, types, depth - 1))),
            _ => {}
        }
    }
    let index = random.below(types.len());
    let data_type = types[index];
    let column = Expression::Column(name(index).into());
    match random.below(8) {
        0 => Predicate::IsNull(column),
        1 => Predicate::IsNotNull(column),
        2 => Predicate::In {
            expression: column,
            values: (0..random.below(12)).map(|_| scalar(random, data_type)).collect(),
            has_null: random.one_in(3),
        },
        3 if data_type == DataType::String => Predicate::Text(
            random.pick(&[TextOp::StartsWith, TextOp::EndsWith, TextOp::Contains]),
            column,
            random.pick(&["", "a", "ab", "é", "z", "text"]).into(),
        ),
        4 if random.one_in(3) => Predicate::Always(random.pick(&[None, Some(true), Some(false)])),
        other => {
            let op = random.pick(&CompareOp::ALL);
            let alike: Vec<_> =
                (0..types.len()).filter(|i| types[*i].compares_with(data_type)).collect();
            let right = if other == 5 {
                Expression::Column(name(random.pick(&alike)).into())
            } else {
                let other = types[random.pick(&alike)];
                Expression::Literal(scalar(random, other))
            };
            if random.one_in(2) {
                Predicate::Compare(op, column, right)
            } else {
                Predicate::Compare(op, right, column)
            }
        }
    }
}

/// Scalars as dense values; nulls become the value before them, as in files.
pub(crate) fn dense(rows: &[Option<Scalar>], data_type: DataType) -> Values {
    macro_rules! fixed {
        ($variant:ident, $default:expr, $($pattern:pat => $value:expr),+) => {{
            let mut last = $default;
            let mut out = Vec::new();
            for row in rows {
                match row {
                    $(Some($pattern) => last = $value,)+
                    None => {}
                    Some(other) => panic!("{other} is no {data_type}"),
                }
                out.push(last.clone());
            }
            out
        }};
    }
    match data_type {
        DataType::Boolean => {
            Values::Bool(BooleanBuffer::from(fixed!(Bool, false, Scalar::Boolean(v) => *v)))
        }
        DataType::Int8 => Values::I8(fixed!(I8, 0, Scalar::Tinyint(v) => *v).into()),
        DataType::Int16 => Values::I16(fixed!(I16, 0, Scalar::Smallint(v) => *v).into()),
        DataType::Int32 => Values::I32(fixed!(I32, 0, Scalar::Int(v) => *v).into()),
        DataType::Date => Values::I32(fixed!(I32, 0, Scalar::Date(v) => *v).into()),
        DataType::Int64 => Values::I64(fixed!(I64, 0, Scalar::Bigint(v) => *v).into()),
        DataType::Timestamp | DataType::TimestampNtz => Values::I64(
            fixed!(I64, 0, Scalar::Timestamp(v) => *v, Scalar::TimestampNtz(v) => *v).into(),
        ),
        DataType::Float32 => Values::F32(fixed!(F32, 0.0, Scalar::Float(v) => *v).into()),
        DataType::Float64 => Values::F64(fixed!(F64, 0.0, Scalar::Double(v) => *v).into()),
        DataType::Decimal { precision, .. } => {
            let wide = fixed!(I128, 0, Scalar::Decimal { unscaled, .. } => *unscaled);
            if precision > 18 {
                Values::I128(wide.into())
            } else {
                Values::I64(wide.iter().map(|v| i64::try_from(*v).unwrap()).collect())
            }
        }
        DataType::String | DataType::Binary => {
            let strings = fixed!(
                Bytes,
                Vec::new(),
                Scalar::String(v) => v.clone().into_bytes(),
                Scalar::Binary(v) => v.clone()
            );
            // Offsets that do not begin at 0, as slices have.
            let mut data = vec![b'a'; 3];
            data.extend(strings.concat());
            let lengths = std::iter::once(3).chain(strings.iter().map(Vec::len));
            let offsets = OffsetBuffer::<i32>::from_lengths(lengths).slice(1, strings.len());
            Values::Bytes(ByteValues { offsets, data: data.into() })
        }
    }
}

/// Which rows are not null; `None` when all are.
pub(crate) fn validity(rows: &[Option<Scalar>]) -> Option<BooleanBuffer> {
    let valid: Vec<bool> = rows.iter().map(Option::is_some).collect();
    valid.contains(&false).then(|| BooleanBuffer::from(valid))
}
