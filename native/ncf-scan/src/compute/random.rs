//! Random computations for the tests, whose oracle is `Computation::evaluate`.

use ncf_core::computation::{Proof, TrimSide};
use ncf_core::{
    ArithmeticOp, Computation, DataType, Expression, Function, Predicate, Scalar, Zone,
};

use crate::filter::random::{Random, name, predicate, scalar};

const TWELVE: DataType = DataType::Decimal { precision: 12, scale: 2 };
const THIRTY: DataType = DataType::Decimal { precision: 30, scale: 2 };

/// Types that computations give.
pub(crate) const RESULTS: [DataType; 11] = [
    DataType::Boolean,
    DataType::Int8,
    DataType::Int32,
    DataType::Int64,
    DataType::Float32,
    DataType::Float64,
    TWELVE,
    THIRTY,
    DataType::String,
    DataType::Date,
    DataType::Timestamp,
];

/// A random computation of a type over columns [`name`] of `types` that is proven to stay in its types.
pub(crate) fn proven(
    random: &mut Random,
    types: &[DataType],
    wanted: DataType,
    depth: usize,
) -> Computation {
    let of_column = |path: &ncf_core::FieldPath| {
        let index: usize = path.column().trim_start_matches('c').parse().unwrap();
        Ok(types[index])
    };
    loop {
        let made = computation(random, types, wanted, depth);
        assert_eq!(made.data_type(&of_column).unwrap(), wanted, "{made}");
        if made.proof(&of_column, &|_| None).unwrap() != Proof::Open {
            return made;
        }
    }
}

fn computation(
    random: &mut Random,
    types: &[DataType],
    wanted: DataType,
    depth: usize,
) -> Computation {
    let kind = if depth == 0 { random.below(4) } else { random.below(12) };
    match kind {
        0..=2 => {
            let having: Vec<_> = (0..types.len()).filter(|index| types[*index] == wanted).collect();
            if having.is_empty() || random.one_in(8) {
                return Computation::Value(Expression::Literal(scalar(random, wanted)));
            }
            Computation::column(name(random.pick(&having)))
        }
        3 if random.one_in(4) => Computation::Null { data_type: wanted },
        3 => Computation::Value(Expression::Literal(scalar(random, wanted))),
        4 | 5 => case(random, types, wanted, depth - 1),
        6 => {
            let function = random.pick(&[Function::Coalesce, Function::Greatest, Function::Least]);
            let arguments = (0..1 + random.below(3))
                .map(|_| computation(random, types, wanted, depth - 1))
                .collect();
            Computation::Call { function, arguments }
        }
        _ => of_type(random, types, wanted, depth - 1),
    }
}

fn case(random: &mut Random, types: &[DataType], wanted: DataType, depth: usize) -> Computation {
    let branch = |random: &mut Random| {
        (predicate(random, types, 1), computation(random, types, wanted, depth))
    };
    let branches = (0..1 + random.below(3)).map(|_| branch(random)).collect();
    let otherwise = random.one_in(2).then(|| Box::new(computation(random, types, wanted, depth)));
    Computation::Case { branches, otherwise, data_type: wanted }
}

/// A step that gives a type.
fn of_type(random: &mut Random, types: &[DataType], wanted: DataType, depth: usize) -> Computation {
    use DataType::{Boolean, Date, Float32, Float64, Int8, Int32, Int64, String, Timestamp};
    let of = |random: &mut Random, data_type| computation(random, types, data_type, depth);
    match wanted {
        Boolean if random.one_in(2) => {
            let input = of(random, Int32);
            cast(input, Boolean)
        }
        Boolean => Computation::Truth(Box::new(predicate(random, types, 1))),
        Int8 => cast(of(random, Boolean), Int8),
        Int32 | Int64 => integer(random, types, wanted, depth),
        Float32 => cast(of(random, Float64), Float32),
        Float64 => match random.below(4) {
            0 => {
                let from = random.pick(&[Int32, Float32, TWELVE, THIRTY]);
                cast(of(random, from), Float64)
            }
            1 => call(random.pick(&[Function::Abs, Function::Negate]), vec![of(random, Float64)]),
            2 => {
                let divisor = Computation::Value(Expression::Literal(Scalar::Double(4.0)));
                arithmetic(ArithmeticOp::Divide, of(random, Float64), divisor, Float64)
            }
            _ => {
                let (a, b) = (of(random, Float64), of(random, Float64));
                arithmetic(ArithmeticOp::Multiply, a, b, Float64)
            }
        },
        String => text(random, types, depth),
        Date if random.one_in(2) => {
            let zone = zone(random);
            call(Function::Date(zone), vec![of(random, Timestamp)])
        }
        Date => call(Function::DateAdd, vec![of(random, Date), of(random, Int32)]),
        TWELVE => match random.below(3) {
            0 => cast(of(random, Int32), TWELVE),
            1 => {
                let input = of(random, TWELVE);
                let rounded = call(Function::Round { digits: 1 }, vec![input]);
                cast(rounded, TWELVE)
            }
            _ => call(random.pick(&[Function::Abs, Function::Negate]), vec![of(random, TWELVE)]),
        },
        THIRTY => {
            let (a, b) = (of(random, TWELVE), of(random, TWELVE));
            let product = DataType::Decimal { precision: 25, scale: 4 };
            cast(arithmetic(ArithmeticOp::Multiply, a, b, product), THIRTY)
        }
        other => computation(random, types, other, 0),
    }
}

/// A step that gives an `int` or a `bigint`.
fn integer(random: &mut Random, types: &[DataType], wanted: DataType, depth: usize) -> Computation {
    use DataType::{Date, Float64, Int16, Int32, Int64, String, Timestamp};
    let of = |random: &mut Random, data_type| computation(random, types, data_type, depth);
    match wanted {
        Int32 => match random.below(5) {
            0 => {
                let part = random.pick(&[
                    Function::Year,
                    Function::Quarter,
                    Function::Month,
                    Function::Week,
                    Function::Day,
                    Function::DayOfWeek,
                    Function::DayOfYear,
                    Function::YearOfWeek,
                ]);
                call(part, vec![of(random, Date)])
            }
            1 => {
                let zone = zone(random);
                let part = random.pick(&[Function::Hour, Function::Minute, Function::Second]);
                call(part(zone), vec![of(random, Timestamp)])
            }
            2 => {
                let part = random.pick(&[Function::CharLength, Function::BitLength]);
                call(part, vec![of(random, String)])
            }
            3 => call(Function::DateDiff, vec![of(random, Date), of(random, Date)]),
            _ => {
                let left = of(random, Int32);
                let divisor = Scalar::Int(random.pick(&[7, -3, 1000]));
                let right = Computation::Value(Expression::Literal(divisor));
                arithmetic(ArithmeticOp::Remainder, left, right, Int32)
            }
        },
        Int64 => match random.below(4) {
            0 => {
                call(random.pick(&[Function::Ceiling, Function::Floor]), vec![of(random, Float64)])
            }
            1 => cast(of(random, TWELVE), Int64),
            _ => {
                let (a, b) = (of(random, Int32), of(random, Int16));
                let op = random.pick(&[
                    ArithmeticOp::Add,
                    ArithmeticOp::Subtract,
                    ArithmeticOp::Multiply,
                ]);
                arithmetic(op, cast(a, Int64), cast(b, Int64), Int64)
            }
        },
        other => panic!("{other}"),
    }
}

fn text(random: &mut Random, types: &[DataType], depth: usize) -> Computation {
    let of = |random: &mut Random| computation(random, types, DataType::String, depth);
    let function = match random.below(5) {
        0 => {
            let start = random.pick(&[0, 1, 2, -1, -3]);
            Function::Substring { start, length: random.pick(&[None, Some(1), Some(3)]) }
        }
        1 => random.pick(&[Function::Upper, Function::Lower]),
        2 => {
            let side = random.pick(&[TrimSide::Leading, TrimSide::Trailing, TrimSide::Both]);
            Function::Trim { side, characters: random.pick(&["a", "bé", ""]).into() }
        }
        3 => return call(Function::Concat, vec![of(random), of(random)]),
        _ => {
            let number = computation(random, types, DataType::Int32, depth);
            return cast(number, DataType::String);
        }
    };
    call(function, vec![of(random)])
}

/// A condition that compares what is computed.
pub(crate) fn condition(random: &mut Random, types: &[DataType], depth: usize) -> Predicate {
    let wanted = random.pick(&RESULTS);
    let side =
        |random: &mut Random| Expression::Computed(Box::new(proven(random, types, wanted, depth)));
    let left = side(random);
    match random.below(5) {
        0 => Predicate::IsNull(left),
        1 => Predicate::In {
            expression: left,
            values: (0..random.below(4)).map(|_| scalar(random, wanted)).collect(),
            has_null: random.one_in(3),
        },
        2 => {
            let op = random.pick(&ncf_core::CompareOp::ALL);
            Predicate::Compare(op, left, side(random))
        }
        _ => {
            let op = random.pick(&ncf_core::CompareOp::ALL);
            Predicate::Compare(op, left, Expression::Literal(scalar(random, wanted)))
        }
    }
}

fn zone(random: &mut Random) -> Zone {
    random.pick(&[
        Zone::default(),
        Zone { offset: -19_800, ..Zone::default() },
        Zone { offset: 0, transitions: vec![(-1, 3600), (1_000_000, 7200)], until: None },
    ])
}

fn call(function: Function, arguments: Vec<Computation>) -> Computation {
    Computation::Call { function, arguments }
}

fn cast(input: Computation, data_type: DataType) -> Computation {
    Computation::Cast { input: Box::new(input), data_type }
}

fn arithmetic(
    op: ArithmeticOp,
    left: Computation,
    right: Computation,
    data_type: DataType,
) -> Computation {
    Computation::Arithmetic { op, left: Box::new(left), right: Box::new(right), data_type }
}
