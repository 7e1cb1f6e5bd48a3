//! The specification's tables and worked examples are what the code does.

use ncf_core::{Budget, Interruption, PhysicalType, Values};

use super::encode;
use crate::relations::{Linear, Other, Part, Product, Term, Transform};
use crate::*;

const SPEC: &str = include_str!("../../../../docs/spec/encodings.md");

#[test]
fn every_encoding_has_its_section() {
    for (id, name) in EncodingId::NAMES {
        let heading = format!("\n## {} `{name}`\n", id.0);
        assert!(SPEC.contains(&heading), "no section {heading}");
        assert_eq!(EncodingId::from_u16(id.0).unwrap(), id);
        assert_eq!(name.parse::<EncodingId>().unwrap(), id);
    }
    let registry: Vec<_> = all().iter().map(|encoding| (encoding.id(), encoding.name())).collect();
    assert_eq!(registry, EncodingId::NAMES);
    let sections = SPEC.lines().filter(|line| {
        line.strip_prefix("## ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    assert_eq!(sections.count(), registry.len());
}

/// The bytes of the code block after `<!-- example NAME -->`: two hexadecimal digits each, `;` starts a comment.
fn example(name: &str) -> Vec<u8> {
    let marker = format!("<!-- example {name} -->");
    let (_, after) = SPEC.split_once(&marker).unwrap_or_else(|| panic!("no example {name}"));
    let block = after.split("```").nth(1).unwrap();
    let lines = block.lines().skip(1);
    let digits = lines.flat_map(|line| line.split(';').next().unwrap().split_whitespace());
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn check(name: &str, id: EncodingId, values: &Values) {
    let options = EncodeOptions { profile: Profile::Fast, force: Some(id) };
    let bytes = encode_values(values, &options).unwrap();
    let want = example(name);
    assert_eq!(hex(&bytes), hex(&want), "{name}");
    let back =
        decode_values(&want, values.physical(), values.len(), &Budget::new(1 << 20)).unwrap();
    assert!(back.bits_equal(values));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

#[test]
fn worked_examples_are_exact() {
    check("plain", EncodingId::PLAIN, &Values::I16(vec![1, -2, 300].into()));
    check("plain strings", EncodingId::PLAIN, &Values::Bytes(["a", "", "bcd"].iter().collect()));
    check("constant", EncodingId::CONSTANT, &Values::I32(vec![7, 7, 7].into()));
    check("bitmap", EncodingId::BITMAP, &Values::Bool(vec![true, false, true, true].into()));
    check("for_bitpack", EncodingId::FOR_BITPACK, &Values::I32(vec![100, 103, 101, 102].into()));
    check("run_length", EncodingId::RUN_LENGTH, &Values::I8(vec![5, 5, 5, 9].into()));
    check("alp", EncodingId::ALP, &Values::F32(vec![1.5, -0.0, 2.5].into()));
    check("pco", EncodingId::PCO, &Values::I32(vec![3, 5, 3, 3].into()));
    check("sparse", EncodingId::SPARSE, &Values::I8(vec![5, 5, 9, 5].into()));
    check("alp_rd", EncodingId::ALP_RD, &Values::F32(vec![1.5, -2.0].into()));
    let dates = ["1970-01-02", "1970-01-04", "none", "1970-01-06", "1970-01-05"];
    let dates = Values::Bytes(dates.iter().collect());
    check("fixed_parse", EncodingId::FIXED_PARSE, &dates);
    let sorted = Values::Bytes(["abc", "abd", "abde", "b"].iter().collect());
    check("front_coded", EncodingId::FRONT_CODED, &sorted);
    let split = EncodingId::BYTE_STREAM_SPLIT;
    check("byte_stream_split", split, &Values::F32(vec![1.5, -2.0].into()));
    check("delta", EncodingId::DELTA, &Values::I32(vec![10, 11, 13, 16].into()));
    check("sequence", EncodingId::SEQUENCE, &Values::I32(vec![5, 8, 11, 14].into()));
    check("aligned", EncodingId::ALIGNED, &Values::F32(vec![1.5, -2.0].into()));
    check("sequence residual", EncodingId::SEQUENCE, &Values::I32(vec![5, 8, 12, 14].into()));
    let decimals = Values::I128(vec![1, -1, (1 << 64) + 2].into());
    check("decimal_parts", EncodingId::DECIMAL_PARTS, &decimals);
    let timestamps = Values::I64(vec![0, -1, 86_401_500_000].into());
    check("timestamp_parts", EncodingId::TIMESTAMP_PARTS, &timestamps);
}

#[test]
fn the_null_fill_example_is_exact() {
    let values = Values::I16(vec![5, 5, 5, 7].into());
    let validity = vec![false, true, false, true].into();
    let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::NULL_FILL) };
    let chunk = encode(&values, Some(&validity), &options, &mut ChooserState::default()).unwrap();
    assert_eq!(hex(&chunk.pages[0].bytes), hex(&example("null_fill")));
    super::check(&values, Some(&validity), &chunk);
}

#[test]
fn the_fsst_example_is_exact() {
    let values = Values::Bytes(["aaaa", "aab"].iter().collect());
    let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::FSST) };
    let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
    assert_eq!(hex(&chunk.shared[0].bytes), hex(&example("fsst shared page")));
    assert_eq!(hex(&chunk.pages[0].bytes), hex(&example("fsst page")));
    super::check(&values, None, &chunk);
}

#[test]
fn the_template_example_is_exact() {
    let values = Values::Bytes(["id=7 ok", "id=12 ok", "none"].iter().collect());
    let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::TEMPLATE) };
    let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
    assert_eq!(hex(&chunk.shared[0].bytes), hex(&example("template shared page")));
    assert_eq!(hex(&chunk.pages[0].bytes), hex(&example("template page")));
    super::check(&values, None, &chunk);
}

#[test]
fn the_zstd_dictionary_example_is_exact() {
    let values = Values::Bytes(["sent, paid, closed", "sent, lost"].iter().collect());
    let force = Some(EncodingId::ZSTD_DICTIONARY);
    let options = EncodeOptions { profile: Profile::Fast, force };
    let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
    assert_eq!(hex(&chunk.shared[0].bytes), hex(&example("zstd_dictionary shared page")));
    assert_eq!(hex(&chunk.pages[0].bytes), hex(&example("zstd_dictionary page")));
    super::check(&values, None, &chunk);
}

#[test]
fn the_words_example_is_exact() {
    let values = Values::Bytes(["a b a b ", "a b ", "a c"].iter().collect());
    let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::WORDS) };
    let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
    assert_eq!(hex(&chunk.shared[0].bytes), hex(&example("words shared page")));
    assert_eq!(hex(&chunk.pages[0].bytes), hex(&example("words page")));
    super::check(&values, None, &chunk);
}

#[test]
fn the_patch_example_is_exact() {
    let mut values: Vec<i16> = vec![1; 12];
    values[2] = 1000;
    check("patches", EncodingId::FOR_BITPACK, &Values::I16(values.into()));
}

#[test]
fn the_dictionary_example_is_exact() {
    let values = Values::Bytes(["b", "a", "b", "b"].iter().collect());
    let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::DICTIONARY) };
    let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
    assert_eq!(hex(&chunk.shared[0].bytes), hex(&example("dictionary shared page")));
    assert_eq!(hex(&chunk.pages[0].bytes), hex(&example("dictionary page")));
}

#[test]
fn the_zstd_example_decodes() {
    let bytes = example("zstd");
    let values = decode_values(&bytes, PhysicalType::I8, 64, &Budget::new(1 << 20)).unwrap();
    assert!(values.bits_equal(&Values::I8(vec![9; 64].into())));
}

fn options() -> EncodeOptions {
    EncodeOptions { profile: Profile::Fast, force: None }
}

/// The chunk of a column that follows from others.
fn related(values: &Values, relation: &Relation, references: &[&Values]) -> EncodedChunk {
    let pages = super::pages(values.len(), 1 << 16);
    let interruption = &Interruption::default();
    let numbering = &Numbering::default();
    let input = ChunkInput { values, validity: None, pages: &pages, numbering, interruption };
    let numberings: Vec<Numbering> = references.iter().map(|_| Numbering::default()).collect();
    let references = super::referenced(references, &numberings);
    let name = |number: u32| number.to_string();
    let state = &mut ChooserState::default();
    encode_related(&input, relation, &references, &name, &options(), (None, state))
        .unwrap()
        .unwrap()
}

fn is_example(bytes: &[u8], name: &str) {
    assert_eq!(hex(bytes), hex(&example(name)), "{name}");
}

#[test]
fn the_examples_of_relations_are_exact() {
    let strings = |strings: &[&str]| Values::Bytes(strings.iter().collect());
    let equality = Relation::Equality { column: 7 };
    let chunk = related(&strings(&["a", "b", "x"]), &equality, &[&strings(&["a", "b", "c"])]);
    is_example(&chunk.pages[0].bytes, "equality page");
    let keys = strings(&["a", "b", "a", "b"]);
    let map = Relation::Map { keys: vec![7] };
    let chunk = related(&Values::I16(vec![10, 20, 10, 30].into()), &map, &[&keys]);
    is_example(&chunk.shared[0].bytes, "map references");
    let of_map = chunk.map.as_ref().unwrap().grown.page(&options()).unwrap();
    is_example(&of_map.bytes, "map shared page");
    is_example(&chunk.pages[0].bytes, "map page");
    let minutes =
        |column, coefficient| Term { column, transform: Transform::ClockMinutes, coefficient };
    let terms = vec![minutes(7, 1), minutes(9, -1)];
    let linear = Relation::Linear(Linear { terms, constant: 0, shift: 0, scale: 0 });
    let [arrival, departure] =
        [[5, 100, 1229], [4, 58, 1200]].map(|v| Values::I32(v.to_vec().into()));
    let chunk = related(&Values::I32(vec![1, 2, 29].into()), &linear, &[&arrival, &departure]);
    is_example(&chunk.pages[0].bytes, "linear page");
    let product = Product { factor: 7, other: Other::Map(vec![9]), divisor: 1 };
    let counts = Values::I32(vec![1, 2, 2].into());
    let values = Values::I32(vec![10, 50, 20].into());
    let keys = strings(&["a", "b", "a"]);
    let chunk = related(&values, &Relation::Product(product), &[&counts, &keys]);
    is_example(&chunk.pages[0].bytes, "product page");
    let parts = [(7, 0), (9, 2)].map(|(column, digits)| Part { column, digits });
    let concatenation = Relation::Concatenation(parts.to_vec());
    let lines = strings(&["ab/07", "cd/12", "none"]);
    let (names, numbers) = (strings(&["ab", "cd", "ef"]), Values::I16(vec![7, 12, 3].into()));
    let chunk = related(&lines, &concatenation, &[&names, &numbers]);
    is_example(&chunk.pages[0].bytes, "concatenation page");
}
