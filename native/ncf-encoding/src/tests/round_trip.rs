//! What goes in comes out, bit by bit: every encoding by force, the chooser's own choice, nulls.

use ncf_core::{Budget, ByteValues, ErrorKind, PhysicalType, Values};

use super::data::{column, columns, definite, validity};
use super::{check, check_in, encode, encode_in};
use crate::*;

const PROFILES: [Profile; 4] = [Profile::Fast, Profile::Balanced, Profile::Compact, Profile::Point];

fn all_options() -> Vec<EncodeOptions> {
    let forced = all()
        .iter()
        .filter(|encoding| !encoding.relates())
        .map(|encoding| EncodeOptions { profile: Profile::Fast, force: Some(encoding.id()) });
    let free = PROFILES.map(|profile| EncodeOptions { profile, force: None });
    forced.chain(free).collect()
}

#[test]
fn every_encoding_on_every_type() {
    for physical in PhysicalType::ALL {
        let columns = columns(physical);
        for options in all_options() {
            let mut held = 0;
            for values in &columns {
                match encode(values, None, &options, &mut ChooserState::default()) {
                    Ok(chunk) => {
                        held += 1;
                        check(values, None, &chunk);
                        if let (Some(id), Some(page)) = (options.force, chunk.pages.first()) {
                            assert!(page.tree.starts_with(id.name()), "{}", page.tree);
                        }
                    }
                    Err(error) => {
                        assert!(options.force.is_some(), "{error}");
                        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
                    }
                }
            }
            let accepted = options
                .force
                .is_none_or(|id| all().iter().any(|one| one.id() == id && one.accepts(physical)));
            assert!(!accepted || held > 8, "{options:?} held {held} columns of {physical:?}");
            let always =
                !matches!(options.force, Some(EncodingId::CONSTANT | EncodingId::FOR_BITPACK));
            assert!(!(accepted && always) || held == columns.len(), "{options:?} {physical:?}");
        }
    }
}

#[test]
fn nulls_of_every_shape() {
    for physical in PhysicalType::ALL {
        for shape in 0..7 {
            // Several pages for a few shapes only: they take most of the time.
            let lengths: &[usize] =
                if shape % 3 == 0 { &[0, 1, 1000, 70_000] } else { &[0, 1, 1000] };
            for len in lengths.iter().copied() {
                let validity = validity(len, shape);
                // What null rows hold comes back whether it is definite or not.
                let values = column(physical, len, 4);
                for values in [definite(&values, validity.as_ref()), values] {
                    for profile in PROFILES {
                        let options = EncodeOptions { profile, force: None };
                        let state = &mut ChooserState::default();
                        let chunk = encode(&values, validity.as_ref(), &options, state).unwrap();
                        check(&values, validity.as_ref(), &chunk);
                    }
                }
            }
        }
    }
}

#[test]
fn every_encoding_with_nulls() {
    for physical in PhysicalType::ALL {
        for (id, nulls) in all().iter().flat_map(|one| (1..7).map(|nulls| (one.id(), nulls))) {
            for (len, shape) in [(1, 6), (1000, 5), (1025, 2), (5000, 6)] {
                let validity = validity(len, nulls);
                let values = definite(&column(physical, len, shape), validity.as_ref());
                let options = EncodeOptions { profile: Profile::Fast, force: Some(id) };
                let state = &mut ChooserState::default();
                match encode(&values, validity.as_ref(), &options, state) {
                    Ok(chunk) => check(&values, validity.as_ref(), &chunk),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}"),
                }
            }
        }
    }
}

#[test]
fn frames_of_many_short_pages_share_a_dictionary() {
    let force = Some(EncodingId::ZSTD_DICTIONARY);
    for physical in PhysicalType::ALL {
        for (shape, nulls) in (0..8).map(|shape| (shape, shape % 7)) {
            let validity = validity(4096, nulls);
            let values = definite(&column(physical, 4096, shape), validity.as_ref());
            for (profile, rows) in [(Profile::Fast, 64), (Profile::Compact, 1000)] {
                let options = EncodeOptions { profile, force };
                let state = &mut ChooserState::default();
                let chunk = encode_in(rows, &values, validity.as_ref(), &options, state).unwrap();
                check_in(rows, &values, validity.as_ref(), &chunk);
                let framed = chunk.pages.iter().any(|page| page.tree.contains("zstd_dictionary("));
                let kinds: Vec<_> = chunk.shared.iter().map(|page| page.kind).collect();
                assert_eq!(framed, kinds.contains(&SharedKind::ZstdDictionary), "{kinds:?}");
                // A chunk of nulls has no frames.
                assert!(framed || nulls == 1, "{}", chunk.pages[0].tree);
            }
        }
    }
}

#[test]
fn null_fill_refuses_values_that_it_would_not_give_back() {
    let nulls = validity(1000, 3);
    for physical in PhysicalType::ALL {
        let values = column(physical, 1000, 6);
        let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::NULL_FILL) };
        let encode =
            |values| encode(values, nulls.as_ref(), &options, &mut ChooserState::default());
        assert_eq!(encode(&values).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let chunk = encode(&definite(&values, nulls.as_ref())).unwrap();
        assert!(chunk.pages[0].tree.contains("null_fill("), "{}", chunk.pages[0].tree);
    }
}

#[test]
fn a_page_of_nulls_is_two_constants() {
    let values = column(PhysicalType::Bytes, 1000, 6);
    let nulls = validity(1000, 1);
    let options = EncodeOptions::default();
    let chunk = encode(&values, nulls.as_ref(), &options, &mut ChooserState::default()).unwrap();
    assert_eq!(chunk.pages[0].tree, "nullable(constant, constant)");
    assert!(chunk.pages[0].bytes.len() < 32);
}

#[test]
fn loose_values_of_any_length() {
    let budget = Budget::new(1 << 30);
    for physical in PhysicalType::ALL {
        for len in [0, 1, 5, 1024, 200_000] {
            for shape in 0..8 {
                let values = column(physical, len, shape);
                for profile in PROFILES {
                    let bytes =
                        encode_values(&values, &EncodeOptions { profile, force: None }).unwrap();
                    let back = decode_values(&bytes, physical, len, &budget).unwrap();
                    assert!(back.bits_equal(&values), "{physical:?} {len} {shape}");
                }
            }
        }
    }
}

#[test]
fn slices_of_strings_and_bits_are_encoded_alone() {
    let strings = column(PhysicalType::Bytes, 5000, 6).slice(1234, 2000);
    let bits = column(PhysicalType::Bool, 5000, 6).slice(1235, 2001);
    let budget = Budget::new(1 << 30);
    for values in [strings, bits] {
        let bytes = encode_values(&values, &EncodeOptions::default()).unwrap();
        let back = decode_values(&bytes, values.physical(), values.len(), &budget).unwrap();
        assert!(back.bits_equal(&values));
    }
}

#[test]
fn long_strings_survive() {
    let long = "a".repeat(3 << 20);
    let strings = [long.as_str(), "", "b", long.as_str()];
    let values = Values::Bytes(strings.iter().collect::<ByteValues>());
    for profile in PROFILES {
        let options = EncodeOptions { profile, force: None };
        let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
        check(&values, None, &chunk);
    }
}

#[test]
fn text_is_checked_where_asked() {
    let budget = Budget::new(1 << 24);
    let none = SharedPages::default();
    let cases: [(&[&[u8]], bool); 4] = [
        (&[b"abc", "é".as_bytes()], true),
        (&[b"abc", &[0xff]], false),
        // A character that two strings share.
        (&[&[0xc3], &[0xa9]], false),
        (&[b"", "漢".as_bytes(), b""], true),
    ];
    for (strings, good) in cases {
        let values = Values::Bytes(strings.iter().collect());
        let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::PLAIN) };
        let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
        let bytes = &chunk.pages[0].bytes;
        let page =
            |utf8| decode_page(bytes, PhysicalType::Bytes, strings.len(), utf8, &none, &budget);
        assert!(page(false).is_ok());
        assert_eq!(page(true).is_ok(), good);

        let options = EncodeOptions { force: Some(EncodingId::DICTIONARY), ..options };
        let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
        let dictionary = &chunk.shared[0];
        let stored = [(dictionary.kind, dictionary.count, dictionary.bytes.as_slice())];
        let shared = decode_shared(&stored, PhysicalType::Bytes, &budget).unwrap();
        for _ in 0..2 {
            let page = decode_page(
                &chunk.pages[0].bytes,
                PhysicalType::Bytes,
                strings.len(),
                true,
                &shared,
                &budget,
            );
            assert_eq!(page.is_ok(), good);
        }
    }
}

#[test]
fn text_of_words_is_checked_as_any_other() {
    let budget = Budget::new(1 << 24);
    let often = |word: &[u8]| vec![word.to_vec(); 4];
    // Words come often, literals once.
    let cases: [(&[u8], &[u8], bool); 5] = [
        (b"abc ", b"de", true),
        ("\u{e9}t\u{e9} ".as_bytes(), "\u{6f22}".as_bytes(), true),
        (b"\xff ", b"de", false),
        (b"abc ", b"de\xff", false),
        ("\u{e9}t\u{e9} ".as_bytes(), b"\xc3", false),
    ];
    for (word, literal, good) in cases {
        let strings = [often(word), vec![[word, literal].concat()], often(word)].concat();
        let values = Values::Bytes(strings.iter().collect());
        let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::WORDS) };
        let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
        let words = &chunk.shared[0];
        let stored = [(words.kind, words.count, words.bytes.as_slice())];
        let shared = decode_shared(&stored, PhysicalType::Bytes, &budget).unwrap();
        let page = |utf8| {
            let bytes = &chunk.pages[0].bytes;
            decode_page(bytes, PhysicalType::Bytes, strings.len(), utf8, &shared, &budget)
        };
        assert!(page(false).is_ok());
        assert_eq!(page(true).is_ok(), good, "{word:?} {literal:?}");
    }
}

#[test]
fn structure_is_kept_for_predicates() {
    let budget = Budget::new(1 << 28);
    let decode = |values: &Values, force| {
        let options = EncodeOptions { profile: Profile::Fast, force: Some(force) };
        let chunk = encode(values, None, &options, &mut ChooserState::default()).unwrap();
        let stored: Vec<_> = chunk
            .shared
            .iter()
            .map(|page| (page.kind, page.count, page.bytes.as_slice()))
            .collect();
        let shared = decode_shared(&stored, values.physical(), &budget).unwrap();
        let bytes = &chunk.pages[0].bytes;
        decode_page(bytes, values.physical(), values.len(), false, &shared, &budget).unwrap().values
    };
    let runs = column(PhysicalType::I64, 1000, 3);
    assert!(matches!(decode(&runs, EncodingId::RUN_LENGTH), DecodedValues::Runs { .. }));
    let few = column(PhysicalType::Bytes, 1000, 4);
    let DecodedValues::Dictionary { values, .. } = decode(&few, EncodingId::DICTIONARY) else {
        panic!("no dictionary");
    };
    let Values::Bytes(sorted) = values.as_ref() else { panic!("no strings") };
    assert!(sorted.iter().collect::<Vec<_>>().is_sorted());
    let same = column(PhysicalType::F64, 1000, 0);
    assert!(matches!(decode(&same, EncodingId::CONSTANT), DecodedValues::Constant(_, 1000)));
    assert!(matches!(decode(&same, EncodingId::DICTIONARY), DecodedValues::Constant(_, 1000)));
}

#[test]
fn a_forced_encoding_that_does_not_fit_is_the_callers_mistake() {
    let values = column(PhysicalType::I64, 100, 6);
    for force in [EncodingId::CONSTANT, EncodingId::ALP, EncodingId::BITMAP, EncodingId(999)] {
        let options = EncodeOptions { profile: Profile::Fast, force: Some(force) };
        let error = encode(&values, None, &options, &mut ChooserState::default()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Unsupported),
            "{error}"
        );
    }
}

#[test]
fn padding_must_be_short_and_zero() {
    let values = column(PhysicalType::I32, 100, 2);
    let budget = Budget::new(1 << 24);
    let bytes = encode_values(&values, &EncodeOptions::default()).unwrap();
    let decode = |tail: &[u8]| {
        let padded = [bytes.as_slice(), tail].concat();
        decode_values(&padded, PhysicalType::I32, 100, &budget).map_err(|error| error.kind())
    };
    assert!(decode(&[0; 63]).is_ok());
    assert_eq!(decode(&[0; 64]), Err(ErrorKind::Corrupt));
    assert_eq!(decode(&[0, 1]), Err(ErrorKind::Corrupt));
}
