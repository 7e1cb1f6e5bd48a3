//! Damaged pages: an error or other values, never a panic, never more memory than the budget.

use ncf_core::{Budget, ErrorKind, PhysicalType, Values};

use super::data::{Random, column, definite};
use super::encode;
use crate::*;

/// Bytes that decoding one damaged page may take.
const BUDGET: u64 = 64 << 20;

fn judge(error: &ncf_core::Error) {
    // An unknown encoding number cannot be told from a newer file.
    let kinds = [ErrorKind::Corrupt, ErrorKind::LimitExceeded, ErrorKind::Unsupported];
    assert!(kinds.contains(&error.kind()), "{error}");
}

fn decode(bytes: &[u8], values: &Values, shared: &SharedPages) {
    let budget = Budget::new(BUDGET);
    match decode_page(bytes, values.physical(), values.len(), true, shared, &budget) {
        Ok(page) => {
            assert_eq!(page.values.len(), values.len());
            if let Some(validity) = page.validity {
                assert_eq!(validity.len(), values.len());
            }
            match page.values.into_flat(&budget) {
                Ok(flat) => assert_eq!(flat.len(), values.len()),
                Err(error) => judge(&error),
            }
        }
        Err(error) => judge(&error),
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    for _ in 0..=random.below(3) {
        // Headers are where structure lives: half of all edits go there.
        let reach = if random.below(2) == 0 { bytes.len().min(48) } else { bytes.len() };
        let at = random.below(reach);
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next().to_le_bytes()[0],
            2 => bytes[at] = 0xff,
            3 => bytes[at] = bytes[at].wrapping_add(1),
            _ => {
                bytes.truncate(at);
                if at == 0 {
                    return;
                }
            }
        }
    }
}

#[test]
fn damaged_pages_of_every_encoding() {
    let mut random = Random::new(2026);
    for physical in PhysicalType::ALL {
        for (id, shape) in all().iter().flat_map(|one| [3, 4, 5].map(|shape| (one.id(), shape))) {
            let shape = if id == EncodingId::CONSTANT { 0 } else { shape };
            let values = column(physical, 3000, shape);
            let options = EncodeOptions { profile: Profile::Fast, force: Some(id) };
            let nulls = super::data::validity(3000, 3);
            let values = definite(&values, nulls.as_ref());
            let state = &mut ChooserState::default();
            let Ok(chunk) = encode(&values, nulls.as_ref(), &options, state) else {
                continue;
            };
            let budget = Budget::new(BUDGET);
            let stored: Vec<_> = chunk
                .shared
                .iter()
                .map(|page| (page.kind, page.count, page.bytes.as_slice()))
                .collect();
            let shared = decode_shared(&stored, physical, &budget).unwrap();
            for _ in 0..400 {
                let mut bytes = chunk.pages[0].bytes.clone();
                mutate(&mut bytes, &mut random);
                decode(&bytes, &values, &shared);
            }
            for page in &chunk.shared {
                for _ in 0..400 {
                    let mut bytes = page.bytes.clone();
                    mutate(&mut bytes, &mut random);
                    let budget = Budget::new(BUDGET);
                    let stored = [(page.kind, page.count, bytes.as_slice())];
                    match decode_shared(&stored, physical, &budget) {
                        Ok(shared) => decode(&chunk.pages[0].bytes, &values, &shared),
                        Err(error) => judge(&error),
                    }
                }
            }
        }
    }
}

#[test]
fn every_truncation_is_corrupt() {
    for physical in PhysicalType::ALL {
        let values = column(physical, 1500, 4);
        let profiles = [Profile::Fast, Profile::Balanced].map(|profile| (profile, None));
        let forced = all().iter().map(|one| (Profile::Fast, Some(one.id())));
        for (profile, force) in profiles.into_iter().chain(forced) {
            let Ok(bytes) = encode_values(&values, &EncodeOptions { profile, force }) else {
                continue;
            };
            for end in 0..bytes.len() {
                let budget = Budget::new(BUDGET);
                assert!(decode_values(&bytes[..end], physical, 1500, &budget).is_err());
            }
        }
    }
}

#[test]
fn a_small_budget_is_a_limit_and_not_an_abort() {
    for physical in PhysicalType::ALL {
        for shape in [0, 3, 5, 6] {
            let values = column(physical, 10_000, shape);
            let bytes = encode_values(&values, &EncodeOptions::default()).unwrap();
            let error = decode_values(&bytes, physical, 10_000, &Budget::new(600)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        }
    }
}

#[test]
fn bombs_are_refused() {
    // A zstd node that declares 4 GiB, and runs of more rows than the page has.
    let zstd = [1, 0, 12, 0, 8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x28, 0xb5, 0x2f, 0xfd];
    let budget = Budget::new(BUDGET);
    let error = decode_values(&zstd, PhysicalType::I64, 10, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let runs = [1, 0, 5, 0, 4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
    let error = decode_values(&runs, PhysicalType::I64, 10, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // A dictionary page without its dictionary.
    let codes = [1, 0, 6, 0, 8, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0];
    let error = decode_values(&codes, PhysicalType::I64, 10, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // Codes without their symbol table.
    let codes = [1, 0, 11, 0, 4, 0, 0, 0, 0, 0, 0, 0];
    let error = decode_values(&codes, PhysicalType::Bytes, 0, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // A frame without its dictionary.
    let frame = [1, 0, 23, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x28, 0xb5, 0x2f, 0xfd];
    let error = decode_values(&frame, PhysicalType::I64, 0, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // A sequence that shifts by all bits, decimals of three parts.
    let sequence = [1, 0, 8, 0, 3, 0, 0, 0, 1, 1, 8];
    let error = decode_values(&sequence, PhysicalType::I8, 10, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let parts = [1, 0, 15, 0, 1, 0, 0, 0, 3];
    let error = decode_values(&parts, PhysicalType::I128, 0, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // Zstd within zstd ends at the depth limit.
    let mut node = vec![0, 0, 0, 0, 0, 0];
    for _ in 0..10 {
        let mut body = Vec::new();
        crate::encodings::zstd::compress(&node, Effort::Light, &mut body).unwrap();
        node = [
            12u16.to_le_bytes().as_slice(),
            &u32::try_from(body.len()).unwrap().to_le_bytes(),
            &body,
        ]
        .concat();
    }
    let nested = [[1, 0].as_slice(), &node].concat();
    let error = decode_values(&nested, PhysicalType::I64, 0, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

/// A page of one string of three FSST codes, decoded with these symbols.
fn fsst(symbols: &[&[u8]], codes: [u8; 3], declared: u8) -> Result<Values, ErrorKind> {
    let budget = Budget::new(BUDGET);
    let plain = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::PLAIN) };
    let count = u32::try_from(symbols.len()).unwrap();
    let table = encode_values(&Values::Bytes(symbols.iter().collect()), &plain).unwrap();
    let shared = [(SharedKind::Symbols, count, table.as_slice())];
    let shared = decode_shared(&shared, PhysicalType::Bytes, &budget).map_err(|e| e.kind())?;
    let mut page = vec![1, 0, 11, 0, 17, 0, 0, 0, declared, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0];
    page.extend(codes);
    let page = decode_page(&page, PhysicalType::Bytes, 1, false, &shared, &budget);
    page.and_then(|page| page.values.into_flat(&budget)).map_err(|e| e.kind())
}

#[test]
fn hostile_symbol_tables_and_codes_are_corrupt() {
    let symbols: [&[u8]; 2] = [b"abcdefgh", b"x"];
    let good = fsst(&symbols, [0, 255, b'!'], 9).unwrap();
    assert!(good.bits_equal(&Values::Bytes(["abcdefgh!"].iter().collect())));
    assert!(fsst(&symbols, [0, 0, 0], 24).is_ok());
    let corrupt = |symbols: &[&[u8]], codes, declared| {
        assert_eq!(fsst(symbols, codes, declared).unwrap_err(), ErrorKind::Corrupt);
    };
    corrupt(&symbols, [0, 2, 0], 17); // no such symbol
    corrupt(&symbols, [0, 0, 255], 16); // an escape at the end
    for declared in [0, 1, 15, 16, 18, 25] {
        corrupt(&symbols, [0, 0, 1], declared);
    }
    corrupt(&[b""], [0, 0, 0], 0);
    corrupt(&[b"123456789"], [0, 0, 0], 27);
    corrupt(&[b"s".as_slice(); 256], [0, 0, 0], 3);
    let full = [b"s".as_slice(); 255];
    assert!(fsst(&full, [254, 254, 254], 3).is_ok());
    // Two tables in one chunk.
    let table = [1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let twice = [(SharedKind::Symbols, 0, table.as_slice()); 2];
    let error = decode_shared(&twice, PhysicalType::Bytes, &Budget::new(BUDGET)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

/// Decodes a page of I64 in pages of 100 rows, whose chunk has these strings for its dictionary of zstd.
fn framed(page: &[u8], dictionaries: &[&[u8]], budget: u64) -> Result<Values, ErrorKind> {
    let budget = Budget::new(budget);
    let plain = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::PLAIN) };
    let count = u32::try_from(dictionaries.len()).unwrap();
    let stored = encode_values(&Values::Bytes(dictionaries.iter().collect()), &plain).unwrap();
    let shared = [(SharedKind::ZstdDictionary, count, stored.as_slice())];
    let shared = decode_shared(&shared, PhysicalType::I64, &budget).map_err(|e| e.kind())?;
    let page = decode_page(page, PhysicalType::I64, 100, false, &shared, &budget);
    page.and_then(|page| page.values.into_flat(&budget)).map_err(|e| e.kind())
}

#[test]
fn hostile_dictionaries_of_zstd_are_corrupt() {
    let values = column(PhysicalType::I64, 5000, 5);
    let force = Some(EncodingId::ZSTD_DICTIONARY);
    let options = EncodeOptions { profile: Profile::Fast, force };
    let state = &mut ChooserState::default();
    let chunk = super::encode_in(100, &values, None, &options, state).unwrap();
    super::check_in(100, &values, None, &chunk);
    let stored = &chunk.shared[0];
    let page = chunk.pages[7].bytes.as_slice();
    let budget = Budget::new(BUDGET);
    let Values::Bytes(dictionary) =
        decode_values(&stored.bytes, PhysicalType::Bytes, 1, &budget).unwrap()
    else {
        panic!("no string")
    };
    let dictionary = dictionary.get(0);
    assert_eq!(dictionary[..4], [0x37, 0xa4, 0x30, 0xec], "trained");
    assert!(framed(page, &[dictionary], BUDGET).unwrap().bits_equal(&values.slice(700, 100)));
    let corrupt = |page: &[u8], dictionaries: &[&[u8]]| {
        assert_eq!(framed(page, dictionaries, BUDGET).unwrap_err(), ErrorKind::Corrupt);
    };
    // None, two, too long a one.
    corrupt(page, &[]);
    corrupt(page, &[dictionary, dictionary]);
    corrupt(page, &[&vec![7; (1 << 20) + 1]]);
    assert_eq!(framed(page, &[dictionary], 30_000), Err(ErrorKind::LimitExceeded));
    // Another number, which the frame does not name; bytes without a header, which have none.
    let mut other = dictionary.to_vec();
    other[4] ^= 1;
    corrupt(page, &[&other]);
    corrupt(page, &[&dictionary[8..]]);
    corrupt(page, &[b""]);
    // A header, and tables that end too early or are none.
    for end in [8, 9, 20, 60] {
        corrupt(page, &[&dictionary[..end]]);
    }
    corrupt(page, &[&[&dictionary[..8], &[0xff; 200]].concat()]);
    // A frame that names no dictionary, though it is whole.
    let mut plain = Vec::new();
    crate::encodings::zstd::compress(
        &[1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        Effort::Light,
        &mut plain,
    )
    .unwrap();
    let length = u32::try_from(plain.len()).unwrap().to_le_bytes();
    let alone = [[1, 0, 23, 0].as_slice(), &length, &plain].concat();
    corrupt(&alone, &[dictionary]);
    assert!(framed(&alone, &[b"bytes without a header"], BUDGET).is_ok());
    // A frame after the frame, a skippable one before it, other sizes.
    let length = u32::from_le_bytes(page[4..8].try_into().unwrap());
    let head = |more: u32| [&page[..4], &(length + more).to_le_bytes(), &page[8..12]].concat();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    corrupt(&[&head(12), &skippable[..], &page[12..]].concat(), &[dictionary]);
    corrupt(&[&head(12), &page[12..], &skippable[..]].concat(), &[dictionary]);
    let mut page = page.to_vec();
    page[8] ^= 1;
    corrupt(&page, &[dictionary]);
    // Two pages of one kind.
    let twice = [(stored.kind, 1, stored.bytes.as_slice()); 2];
    let error = decode_shared(&twice, PhysicalType::I64, &budget).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
