//! The grammar, the typing of literals, and what is refused.

use ncf::{DataType, Field, FieldType, Schema};

use super::parse;

fn schema() -> Schema {
    let types = [
        ("b", DataType::Boolean),
        ("t", DataType::Int8),
        ("i", DataType::Int32),
        ("l", DataType::Int64),
        ("f", DataType::Float32),
        ("d", DataType::Float64),
        ("p", DataType::Decimal { precision: 12, scale: 2 }),
        ("q", DataType::Decimal { precision: 9, scale: 2 }),
        ("s", DataType::String),
        ("x", DataType::Binary),
        ("date", DataType::Date),
        ("ts", DataType::Timestamp),
        ("ntz", DataType::TimestampNtz),
        ("odd name", DataType::Int32),
        ("Case", DataType::Int32),
        ("case", DataType::Int32),
    ];
    let fields = (1..).zip(types).map(|(id, (name, ty))| Field::new(id, name, ty, true));
    let part = |id, name: &str, t: FieldType| Field::new(id, name, t, true);
    let element = Box::new(part(104, "element", DataType::Int32.into()));
    let inner = FieldType::Struct(vec![part(102, "name", DataType::String.into())]);
    let nested = FieldType::Struct(vec![
        part(101, "t", inner),
        part(103, "l", FieldType::Array(element)),
        part(105, "a.b", DataType::Int32.into()),
    ]);
    Schema::new(fields.chain([part(100, "n", nested)]).collect()).unwrap()
}

fn good(text: &str) -> String {
    parse(text, &schema()).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

fn bad(text: &str) -> String {
    let error = parse(text, &schema()).expect_err(text);
    assert_eq!(error.kind(), ncf::ErrorKind::InvalidArgument);
    error.message().to_string()
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_and() {
    assert_eq!(good("i = 1 OR i = 2 AND l = 3"), "(i = 1 OR (i = 2 AND l = 3))");
    assert_eq!(good("(i = 1 OR i = 2) AND l = 3"), "((i = 1 OR i = 2) AND l = 3)");
    assert_eq!(good("NOT i = 1 AND l = 3"), "(NOT (i = 1) AND l = 3)");
    assert_eq!(good("not (b and i<>2)"), "NOT ((b = true AND i <> 2))");
}

#[test]
fn every_test_has_its_predicate() {
    for (text, wanted) in [
        ("i != 1", "i <> 1"),
        ("i == 1", "i = 1"),
        ("3 < i", "i > 3"),
        ("i <=> 1", "i <=> 1"),
        ("i <=> NULL", "i IS NULL"),
        ("i = NULL", "null"),
        ("i IS NULL", "i IS NULL"),
        ("i is not null", "i IS NOT NULL"),
        ("i IN (1, -2, NULL)", "i IN (-2, 1, null)"),
        ("i NOT IN (1)", "NOT (i IN (1))"),
        ("i BETWEEN 1 AND 3 AND b", "((i >= 1 AND i <= 3) AND b = true)"),
        ("i NOT BETWEEN 1 AND 3", "NOT ((i >= 1 AND i <= 3))"),
        ("s LIKE 'a'", "s = 'a'"),
        ("s LIKE 'a%'", "s LIKE 'a%'"),
        ("s LIKE '%a'", "s LIKE '%a'"),
        ("s LIKE '%%a b%'", "s LIKE '%a b%'"),
        (r"s LIKE '50\%%'", "s LIKE '50%%'"),
        ("s NOT LIKE '%'", "NOT (s LIKE '%%')"),
        ("p = q", "p = q"),
        ("TRUE", "true"),
        ("NULL", "null"),
        ("`odd name` >= 2", "odd name >= 2"),
        ("I = 1", "i = 1"),
        ("Case = 1 and case = 2", "(Case = 1 AND case = 2)"),
        ("x = X'00ff'", "x = 00ff"),
        ("N.t.NAME = 'x'", "n.t.name = 'x'"),
        ("n.`a.b` > 5 AND n.t IS NOT NULL", "(n.`a.b` > 5 AND n.t IS NOT NULL)"),
        ("n IS NULL OR n.l IS NULL", "(n IS NULL OR n.l IS NULL)"),
        ("n.`a.b` = i", "n.`a.b` = i"),
    ] {
        assert_eq!(good(text), wanted, "{text}");
    }
}

#[test]
fn literals_take_the_type_of_their_column() {
    for (text, wanted) in [
        ("p > 12.5", "p > 12.50"),
        ("p > 1e2", "p > 100.00"),
        ("i = 3.0", "i = 3"),
        ("d < .1", "d < 0.1"),
        ("d = 'NaN'", "d = NaN"),
        ("f = 0.5", "f = 0.5"),
        ("date < DATE '1970-01-03'", "date < date day 2"),
        ("date < '1970-01-03'", "date < date day 2"),
        ("ts = TIMESTAMP '1970-01-01 00:00:01'", "ts = timestamp µs 1000000"),
        ("ts = TIMESTAMP '1970-01-01 01:00:01+01:00'", "ts = timestamp µs 1000000"),
        ("ntz = DATE '1970-01-02'", "ntz = timestamp µs 86400000000"),
        ("s = 'it''s'", "s = 'it's'"),
    ] {
        assert_eq!(good(text), wanted, "{text}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (text, part) in [
        ("", "it ends"),
        ("i", "not a condition"),
        ("nope = 1", "there is no column nope"),
        ("CASE = 1", "there is no column CASE"),
        ("i = 1.5", "whole number"),
        ("i = 3000000000", "out of range"),
        ("t = 128", "out of range"),
        ("p = 1.234", "2 digits"),
        ("f = 0.1", "nearest is 0.1000000"),
        ("i = 'a'", "types differ"),
        ("s = 1", "types differ"),
        ("ntz = TIMESTAMP '2020-01-01 00:00:00Z'", "time zone"),
        ("date = DATE '2020-02-30'", "yyyy-mm-dd"),
        ("i = l", "different types"),
        ("1 = 1", "names no column"),
        ("s LIKE 'a_b'", "_ is not supported"),
        ("s LIKE 'a%b'", "only at the start and at the end"),
        ("s LIKE 'a' ESCAPE '!'", "ESCAPE"),
        ("i LIKE 'a'", "LIKE needs a string column"),
        ("i IN (l)", "literals, not columns"),
        ("i IN ()", "needs a column or a value"),
        ("i = 1 i", "AND, OR or the end"),
        ("(i = 1", "needs )"),
        ("i NOT 3", "IN, BETWEEN or LIKE"),
        ("i = 12abc", "whole number"),
        ("n = 1", "no one value"),
        ("n.l = 1", "no one value"),
        ("n.l.element = 1", "n.l is array<int>, which has no field element"),
        ("i.x = 1", "i is int, which has no field x"),
        ("n.t.nope = 1", "no field nope in n.t; its fields are name"),
        ("n.", "after a dot"),
        ("n.5 = 1", "not a condition"),
        ("i = - s", "needs a number"),
    ] {
        let message = bad(text);
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn depth_is_limited_and_width_is_not() {
    let nested = |levels: usize| format!("{}i = 1{}", "(".repeat(levels), ")".repeat(levels));
    good(&nested(60));
    assert!(bad(&nested(100_000)).contains("nested deeper"));
    assert!(bad(&format!("{} b", "NOT ".repeat(100_000))).contains("nested deeper"));
    good(&vec!["i = 1"; 10_000].join(" OR "));
}
