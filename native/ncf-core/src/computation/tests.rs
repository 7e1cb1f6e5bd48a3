//! Types, proofs and text forms of computations.

use super::*;
use crate::bounds::ColumnBounds;
use crate::predicate::CompareOp;
use crate::scalar::Scalar;

fn decimal(precision: u8, scale: u8) -> DataType {
    DataType::Decimal { precision, scale }
}

fn one() -> Computation {
    let one = Scalar::Decimal { unscaled: 1, precision: 1, scale: 0 };
    Computation::Value(Expression::Literal(one))
}

fn arithmetic(
    op: ArithmeticOp,
    left: Computation,
    right: Computation,
    data_type: DataType,
) -> Computation {
    Computation::Arithmetic { op, left: left.into(), right: right.into(), data_type }
}

/// TPC-H's `price * (1 - discount) * (1 + tax)`, whose type leaves no room for all products.
fn charge() -> Computation {
    use ArithmeticOp::{Add, Multiply, Subtract};
    let minus = arithmetic(Subtract, one(), Computation::column("discount"), decimal(16, 2));
    let plus = arithmetic(Add, one(), Computation::column("tax"), decimal(16, 2));
    let price = arithmetic(Multiply, Computation::column("price"), minus, decimal(32, 4));
    arithmetic(Multiply, price, plus, decimal(38, 6))
}

fn types(_: &FieldPath) -> Result<DataType> {
    Ok(decimal(15, 2))
}

#[test]
fn bounds_prove_what_types_cannot() {
    assert_eq!(charge().proof(&types, &|_| None).unwrap(), Proof::Open);
    let bounds = |path: &FieldPath| {
        let max = if path.column() == "price" { 10_494_950 } else { 10 };
        let scalar = |unscaled| Some(Scalar::Decimal { unscaled, precision: 15, scale: 2 });
        Some(ColumnBounds { min: scalar(0), max: scalar(max), ..ColumnBounds::default() })
    };
    let proof = charge().proof(&types, &bounds).unwrap();
    // Between 90 % and 100 % of the price, and 100 % and 110 % of that.
    assert_eq!(proof, Proof::Within(Range { min: 0, max: 10_494_950 * 100 * 110 }));
}

#[test]
fn lost_digits_and_other_types_are_refused() {
    let product = |data_type| {
        let column = || Computation::column("a");
        arithmetic(ArithmeticOp::Multiply, column(), column(), data_type).data_type(&types)
    };
    assert!(product(decimal(31, 4)).is_ok());
    assert!(product(decimal(38, 3)).is_err());
    assert!(product(DataType::Int64).is_err());
}

#[test]
fn travels_as_json() {
    let json = serde_json::to_string(&charge()).unwrap();
    assert!(json.contains(r#""data_type":"decimal(38,6)""#), "{json}");
    assert_eq!(serde_json::from_str::<Computation>(&json).unwrap(), charge());
    assert_eq!(charge().to_string(), "((price * (1 - discount)) * (1 + tax))");
}

#[test]
fn every_part_of_a_case_must_stay_in_its_type() {
    let value = |v| Computation::Value(Expression::Literal(Scalar::Int(v)));
    let case = |value| {
        let condition = Predicate::compare("a", CompareOp::Gt, Scalar::Int(0));
        Computation::Case {
            branches: vec![(condition, value)],
            otherwise: None,
            data_type: DataType::Int32,
        }
    };
    let sum = |right| {
        arithmetic(ArithmeticOp::Add, Computation::column("a"), value(right), DataType::Int32)
    };
    let ints = |_: &FieldPath| Ok(DataType::Int32);
    let bounds = |_: &FieldPath| {
        let scalar = |v| Some(Scalar::Int(v));
        Some(ColumnBounds { min: scalar(0), max: scalar(9), ..ColumnBounds::default() })
    };
    assert_eq!(case(sum(1)).proof(&ints, &|_| None).unwrap(), Proof::Open);
    let known = case(sum(1)).proof(&ints, &bounds).unwrap();
    assert_eq!(known, Proof::Within(Range { min: 1, max: 10 }));
    assert_eq!(case(sum(i32::MAX)).proof(&ints, &bounds).unwrap(), Proof::Open);
}

#[test]
fn divisors_must_not_be_zero() {
    let column = || Computation::column("a");
    let of = |op, divisor: Scalar, data_type| {
        let divisor = Computation::Value(Expression::Literal(divisor));
        let types = move |_: &FieldPath| Ok(data_type);
        arithmetic(op, column(), divisor, data_type).proof(&types, &|_| None).unwrap()
    };
    let double = |v| of(ArithmeticOp::Divide, Scalar::Double(v), DataType::Float64);
    assert_eq!((double(2.0), double(-0.0)), (Proof::Unlimited, Proof::Open));
    let int = |v| of(ArithmeticOp::Remainder, Scalar::Int(v), DataType::Int32);
    assert_eq!(int(0), Proof::Open);
    assert_eq!(int(-7), Proof::Within(Range { min: -6, max: 6 }));
}

#[test]
fn zones_serve_the_instants_that_they_know() {
    let zone = Zone { until: Some(100), ..Zone::default() };
    let hour = Computation::Call {
        function: Function::Hour(zone),
        arguments: vec![Computation::column("t")],
    };
    let proof = |max| {
        let bounds = move |_: &FieldPath| {
            Some(ColumnBounds { max: Some(Scalar::Timestamp(max)), ..ColumnBounds::default() })
        };
        hour.proof(&|_| Ok(DataType::Timestamp), &bounds).unwrap()
    };
    assert_eq!(proof(99_999_999), Proof::Within(Range { min: 0, max: 23 }));
    assert_eq!(proof(100_000_000), Proof::Open);
}
