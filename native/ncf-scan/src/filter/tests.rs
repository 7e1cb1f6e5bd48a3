//! Every form of page against the row-at-a-time oracle.

use ncf_core::{
    DataType, Field, FieldPath, Interruption, Limits, PhysicalType, Predicate, Role, TextOp,
};
use ncf_encoding::{
    ChooserState, ChunkInput, EncodeOptions, EncodingId, Numbering, decode_page, decode_shared,
    encode_chunk,
};

use super::random::{Random, dense, name, predicate, scalar, types, validity};
use super::*;
use crate::compute::random::condition;
use crate::resolve::{ColumnSource, Place, PlaceSource, ScanColumn, check_predicate};

pub(crate) type Column = Vec<Option<ncf_core::Scalar>>;

/// Rows of a column and a page that holds them, in a random form.
pub(crate) fn column(
    random: &mut Random,
    data_type: DataType,
    len: usize,
) -> (Column, DecodedPage) {
    let distinct: Column =
        (0..1 + random.below(6)).map(|_| Some(scalar(random, data_type))).collect();
    let null_of_8 = random.pick(&[0, 0, 1, 4, 8]);
    let mut rows: Column = match random.below(4) {
        1 => vec![distinct[0].clone(); len],
        2 => {
            let mut rows = Vec::new();
            while rows.len() < len {
                let run = (1 + random.below(9)).min(len - rows.len());
                let value = random.pick(&distinct);
                rows.extend(std::iter::repeat_n(value, run));
            }
            rows
        }
        _ => (0..len).map(|_| random.pick(&distinct)).collect(),
    };
    let values = match random.below(4) {
        0 => DecodedValues::Flat(dense(&rows, data_type)),
        1 => symbols(dense(&rows, data_type), data_type),
        2 => {
            let codes = rows.iter().map(|row| {
                u32::try_from(distinct.iter().position(|have| have == row).unwrap()).unwrap()
            });
            let codes: Vec<u32> = codes.collect();
            DecodedValues::Dictionary {
                codes: codes.into(),
                values: Arc::new(dense(&distinct, data_type)),
            }
        }
        _ if rows.iter().all(|row| *row == rows[0]) && !rows.is_empty() => {
            DecodedValues::Constant(dense(&rows[..1], data_type), len)
        }
        _ => {
            let starts: Vec<usize> =
                (0..len).filter(|i| *i == 0 || rows[*i] != rows[*i - 1]).collect();
            let ends = starts.iter().skip(1).copied().chain(std::iter::once(len));
            let ends: Vec<u32> = ends.map(|end| u32::try_from(end).unwrap()).collect();
            let firsts: Column = starts.iter().map(|start| rows[*start].clone()).collect();
            DecodedValues::Runs { ends: ends.into(), values: dense(&firsts, data_type) }
        }
    };
    for row in &mut rows {
        if random.below(8) < null_of_8 {
            *row = None;
        }
    }
    let page = DecodedPage { validity: validity(&rows), values };
    (rows, page)
}

/// Strings as FSST leaves them; other values as they are.
fn symbols(values: Values, data_type: DataType) -> DecodedValues {
    if data_type.physical() != PhysicalType::Bytes {
        return DecodedValues::Flat(values);
    }
    let len = values.len();
    let all = 0..len;
    let pages = std::slice::from_ref(&all);
    let interruption = &Interruption::default();
    let numbering = &Numbering::default();
    let input = ChunkInput { values: &values, validity: None, pages, numbering, interruption };
    let options = EncodeOptions { force: Some(EncodingId::FSST), ..EncodeOptions::default() };
    let chunk = encode_chunk(&input, &options, &mut ChooserState::default()).unwrap();
    let budget = Limits::DEFAULT.page_budget(len);
    let shared: Vec<_> =
        chunk.shared.iter().map(|page| (page.kind, page.count, page.bytes.as_slice())).collect();
    let shared = decode_shared(&shared, PhysicalType::Bytes, &budget).unwrap();
    let bytes = chunk.pages[0].bytes.as_slice();
    let utf8 = data_type == DataType::String;
    let page = decode_page(bytes, PhysicalType::Bytes, len, utf8, &shared, &budget).unwrap();
    assert!(matches!(page.values, DecodedValues::Symbols(_)));
    page.values
}

pub(crate) fn scan_columns(random: &mut Random, types: &[DataType]) -> Vec<ScanColumn> {
    let column = |(index, data_type): (usize, &DataType)| {
        let source = match random.below(12) {
            0 => ColumnSource::Constant(None),
            1 => ColumnSource::Constant(Some(scalar(random, *data_type))),
            _ => ColumnSource::File(index),
        };
        let id = u32::try_from(index + 1).unwrap();
        ScanColumn { field: Field::new(id, name(index), *data_type, true), source }
    };
    types.iter().enumerate().map(column).collect()
}

/// Finds fields among columns whose slots are their positions.
pub(crate) fn by_position(columns: &[ScanColumn]) -> impl FnMut(&FieldPath) -> Result<Place> {
    |path| {
        let slot = crate::resolve::position(columns, path.column())?;
        let source = match &columns[slot].source {
            ColumnSource::Constant(value) => PlaceSource::Constant(value.clone()),
            ColumnSource::File(_) => PlaceSource::Stored(slot),
        };
        let data_type = columns[slot].field.data_type()?;
        Ok(Place { role: Role::Values, data_type, source })
    }
}

fn compile(predicate: &Predicate, columns: &[ScanColumn]) -> Node {
    Compiler::new(&mut by_position(columns)).compile(predicate).unwrap()
}

#[test]
fn agrees_with_the_oracle() {
    let mut random = Random(0xfeed_5eed_1234_0001);
    let types = types();
    for case in 0..6000 {
        let len = random.pick(&[1, 7, 63, 64, 65, 130]);
        let columns = scan_columns(&mut random, &types);
        let data: Vec<_> = types.iter().map(|t| column(&mut random, *t, len)).collect();
        let predicate = match case % 3 {
            0 => condition(&mut random, &types, 2),
            1 => Predicate::Or(vec![
                predicate(&mut random, &types, 2),
                Predicate::Not(Box::new(condition(&mut random, &types, 1))),
            ]),
            _ => predicate(&mut random, &types, 3),
        };
        check_predicate(&predicate, &columns).unwrap();
        let node = compile(&predicate, &columns);
        let pages = node.slots.iter().map(|slot| (*slot, data[*slot].1.clone())).collect();
        let rows = Rows { len, pages };
        let mut cache = Cache::default();
        // Twice: the second run meets cached dictionaries.
        for _ in 0..2 {
            let found = evaluate(&node, &rows, &mut cache).unwrap();
            for row in 0..len {
                let expected = predicate.evaluate(&|path| {
                    let index = columns.iter().position(|c| c.field.name == path.column()).unwrap();
                    match &columns[index].source {
                        ColumnSource::Constant(value) => value.clone(),
                        ColumnSource::File(_) => data[index].0[row].clone(),
                    }
                });
                let given = found.get(row);
                assert_eq!(
                    given,
                    expected,
                    "case {case}, row {row}: {predicate}\n{node:?}\n{rows:?}",
                    rows = rows.pages
                );
                assert!(found.is_true.value(row) == (expected == Some(true)), "{predicate}");
            }
        }
    }
}

#[test]
fn filtered_rows_give_the_filtered_result() {
    let mut random = Random(77);
    let types = types();
    for _ in 0..1500 {
        let len = random.pick(&[1, 64, 100]);
        let columns: Vec<_> = scan_columns(&mut random, &types)
            .into_iter()
            .enumerate()
            .map(|(index, column)| ScanColumn { source: ColumnSource::File(index), ..column })
            .collect();
        let data: Vec<_> = types.iter().map(|t| column(&mut random, *t, len)).collect();
        let node = compile(&predicate(&mut random, &types, 2), &columns);
        let pages = node.slots.iter().map(|slot| (*slot, data[*slot].1.clone())).collect();
        let rows = Rows { len, pages };
        let selection: BooleanBuffer = (0..len).map(|_| random.one_in(3)).collect();
        let selected = crate::batch::predicate_of(&selection);
        let small = crate::batch::select_rows(&rows, &selected).unwrap();
        let few = evaluate(&node, &small, &mut Cache::default()).unwrap();
        let all = evaluate(&node, &rows, &mut Cache::default()).unwrap();
        let expected = &selection & &all.is_true;
        assert_eq!(narrow(&selection, &few.is_true).unwrap(), expected);
    }
}

#[test]
fn finds_no_text_across_strings() {
    let strings = Values::Bytes(["xa", "b", "", "ab", "aab", "a", "ba"].iter().collect());
    let test = text::TextTest::compile(TextOp::Contains, "ab");
    let found: Vec<bool> = test.mask(&strings).unwrap().iter().collect();
    assert_eq!(found, [false, false, false, true, true, false, false]);
    let overlap = Values::Bytes(["aa", "aab", "caac"].iter().collect());
    let test = text::TextTest::compile(TextOp::Contains, "aab");
    assert_eq!(test.mask(&overlap).unwrap().iter().collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn rejects_what_does_not_fit() {
    let field = |name: &str, t| Field::new(1, name, t, true);
    let columns = [
        ScanColumn { field: field("i", DataType::Int32), source: ColumnSource::File(0) },
        ScanColumn { field: field("s", DataType::String), source: ColumnSource::File(1) },
    ];
    let bad = [
        Predicate::compare("x", CompareOp::Eq, ncf_core::Scalar::Int(1)),
        Predicate::compare("i", CompareOp::Eq, ncf_core::Scalar::Bigint(1)),
        Predicate::Text(TextOp::Contains, ncf_core::Expression::Column("i".into()), "1".into()),
        Predicate::Compare(
            CompareOp::Lt,
            ncf_core::Expression::Column("i".into()),
            ncf_core::Expression::Column("s".into()),
        ),
    ];
    for predicate in bad {
        let error = check_predicate(&predicate, &columns).unwrap_err();
        assert_eq!(error.kind(), ncf_core::ErrorKind::InvalidArgument, "{error}");
    }
}
