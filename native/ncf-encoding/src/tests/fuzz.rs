//! Damaged pages: an error or other values, never a panic, never more memory than the budget.

use ncf_core::{Budget, ErrorKind, PhysicalType, Values};

use super::data::{Random, column};
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
        for profile in [Profile::Fast, Profile::Balanced] {
            let bytes = encode_values(&values, &EncodeOptions { profile, force: None }).unwrap();
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
    // Zstd within zstd ends at the depth limit.
    let mut node = vec![0, 0, 0, 0, 0, 0];
    for _ in 0..10 {
        let mut body = Vec::new();
        crate::encodings::zstd::compress(&node, &mut body).unwrap();
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
