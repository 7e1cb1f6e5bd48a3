//! Bounds hold every value; records round trip.

use std::sync::Arc;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, DataType, Scalar, Values};
use ncf_encoding::{DecodedValues, Numbered};
use ncf_index::ChunkOrder;

use super::{ColumnStatistics, Known, chunk_statistics};
use crate::block::BlockInfo;

fn column(values: &Values, validity: Option<&[bool]>, data_type: DataType) -> ColumnStatistics {
    let validity = validity.map(|bits| bits.iter().copied().collect());
    let chunk = chunk_statistics(values, validity.as_ref(), data_type, Known::default());
    let statistics = ColumnStatistics::from_chunks(data_type, vec![chunk]).unwrap();
    let blocks = [BlockInfo { rows: values.len() as u32, first_row: 0 }];
    let bytes = statistics.encode().unwrap();
    for len in 0..bytes.len() {
        let budget = Budget::new(1 << 24);
        assert!(ColumnStatistics::decode(&bytes[..len], data_type, &blocks, &budget).is_err());
    }
    ColumnStatistics::decode(&bytes, data_type, &blocks, &Budget::new(1 << 24)).unwrap()
}

#[test]
fn integers_by_zone() {
    let values = Values::I32((0..20_000).collect());
    let statistics = column(&values, None, DataType::Int32);
    let block = statistics.block(0).unwrap();
    assert_eq!(block.zones(), 3);
    assert_eq!(block.zone_bounds(1).min, Some(Scalar::Int(8192)));
    assert_eq!(block.zone_bounds(2).max, Some(Scalar::Int(19_999)));
    assert_eq!(block.bounds().min, Some(Scalar::Int(0)));
    assert!(block.bounds().exact);
    let ndv = statistics.ndv_estimate() as f64;
    assert!((ndv / 20_000.0 - 1.0).abs() < 0.2, "{ndv}");
}

#[test]
fn floats_leave_out_nan_and_have_one_zero() {
    let values = Values::F64(vec![f64::NAN, -0.0, 5.0, -f64::NAN].into());
    let bounds = column(&values, None, DataType::Float64).bounds();
    assert_eq!(bounds.nans, Some(2));
    assert!(matches!(bounds.min, Some(Scalar::Double(zero)) if zero.to_bits() == 0));
    assert_eq!(bounds.max, Some(Scalar::Double(5.0)));
    let all_nan = column(&Values::F64(vec![f64::NAN].into()), None, DataType::Float64).bounds();
    assert_eq!((all_nan.min, all_nan.nans), (None, Some(1)));
}

#[test]
fn nulls_are_apart() {
    let values = Values::I64(vec![1, 100, 3].into());
    let bounds = column(&values, Some(&[true, false, true]), DataType::Int64).bounds();
    assert_eq!(bounds.nulls, Some(1));
    assert_eq!(bounds.max, Some(Scalar::Bigint(3)));
    let none = column(&values, Some(&[false; 3]), DataType::Int64).bounds();
    assert_eq!((none.nulls, none.min), (Some(3), None));
}

#[test]
fn numbers_of_values_change_nothing() {
    let rows = 20_000_u32;
    // The last value stands at null rows only; strings of the rest differ before and after eight bytes.
    let codes: Vec<u32> = (0..rows).map(|row| row.wrapping_mul(2_654_435_761) >> 29).collect();
    let validity: BooleanBuffer = codes.iter().map(|code| *code != 7).collect();
    let strings = ["", "a", "a\0", "grounds", "grounds of", "grounds of coffee", "tea", "z"];
    let floats = [-1.5, -0.0, 0.0, 2.0, 3.0, 4.0, 5.0, f64::NAN];
    let columns = [
        (Values::I64((-3..5).collect()), DataType::Int64),
        (Values::F64(floats.to_vec().into()), DataType::Float64),
        (Values::Bytes(strings.iter().collect()), DataType::String),
    ];
    for (distinct, data_type) in columns {
        let coded = DecodedValues::Dictionary {
            codes: codes.clone().into(),
            values: Arc::new(distinct.clone()),
        };
        let values = coded.into_flat(&Budget::new(1 << 24)).unwrap();
        let numbered = Numbered { values: distinct, codes: codes.clone().into() };
        for validity in [None, Some(&validity)] {
            let of = |numbered| {
                let known = Known { numbered, order: None };
                let chunk = chunk_statistics(&values, validity, data_type, known);
                ColumnStatistics::from_chunks(data_type, vec![chunk]).unwrap().encode().unwrap()
            };
            assert_eq!(of(Some(&numbered)), of(None), "{data_type}");
        }
    }
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let rows = 30_000;
    // In order up or down, in vectors of their own; one in no order; NaN, and zeros of both signs.
    let down = |row: usize| (row / 1024) % 3 == 1;
    let place = |row: usize| match row {
        20_000..20_100 => row * 7919 % 101,
        _ if down(row) => row / 1024 * 4096 + 1023 - row % 1024,
        _ => row / 1024 * 4096 + row % 1024,
    };
    let numbers: Vec<i64> = (0..rows).map(|row| place(row) as i64 - 9000).collect();
    let float = |row: &i64| match row {
        -9000..-8500 => -0.0,
        -8500..-2000 => 0.0,
        90_000..90_400 | 94_000..94_500 => f64::NAN,
        row => *row as f64 / 7.0,
    };
    let text = |row: &i64| format!("{}{:09}", "p".repeat(60), row + 9000);
    let columns = [
        (Values::I64(numbers.clone().into()), DataType::Int64),
        (Values::F64(numbers.iter().map(float).collect()), DataType::Float64),
        (Values::Bytes(numbers.iter().map(text).collect()), DataType::String),
    ];
    let validity: BooleanBuffer = (0..rows).map(|row| !(9000..18_000).contains(&row)).collect();
    for (values, data_type) in columns {
        for validity in [None, Some(&validity)] {
            let order = ChunkOrder::of(&values, validity).unwrap();
            assert!(order.is_ordered(0) && order.is_ordered(1) && !order.is_ordered(19));
            let of = |order| {
                let known = Known { numbered: None, order };
                let chunk = chunk_statistics(&values, validity, data_type, known);
                ColumnStatistics::from_chunks(data_type, vec![chunk]).unwrap().encode().unwrap()
            };
            assert_eq!(of(Some(&order)), of(None), "{data_type}");
        }
    }
}

#[test]
fn long_strings_are_rounded_outwards() {
    let long = format!("{}é{}", "a".repeat(62), "z".repeat(100));
    let top = "\u{10FFFF}".repeat(40);
    for (text, has_max) in [(long.as_str(), true), (top.as_str(), false)] {
        let values = Values::Bytes([text].iter().collect());
        let bounds = column(&values, None, DataType::String).bounds();
        assert!(!bounds.exact);
        match (bounds.min, bounds.max) {
            (Some(Scalar::String(min)), Some(Scalar::String(max))) => {
                assert!(has_max && min.as_str() <= text && max.as_str() >= text);
            }
            (None, None) => assert!(!has_max),
            other => unreachable!("{other:?}"),
        }
    }
    let values = Values::Bytes([vec![0xFF; 100], vec![1; 100]].iter().collect());
    assert_eq!(column(&values, None, DataType::Binary).bounds().max, None);
}
