//! Nanoseconds to decode a value of a page in every encoding, and gigabytes of values in a second: where the constants of
//! the cost model come from. `cargo run --profile dist -p ncf-encoding --example decode_cost`. Children are included.

#![allow(clippy::cast_possible_truncation, reason = "made-up values")]

use std::time::Instant;

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, Interruption, Values};
use ncf_encoding::{
    ChooserState, ChunkInput, EncodeOptions, EncodingId, Numbering, Profile, decode_page,
    encode_chunk,
};

const ROWS: usize = 1 << 16;

fn noise(row: usize) -> u64 {
    let mixed = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn longs(value: impl Fn(usize) -> u64) -> Values {
    Values::I64((0..ROWS).map(|row| value(row).cast_signed()).collect())
}

/// Columns that suit one encoding or another.
fn columns() -> Vec<(&'static str, Values)> {
    let text = |row| format!("{:x} and {:x} of the words", noise(row) % 4096, noise(row + 7) % 256);
    vec![
        ("i64 of 10 bits", longs(|row| noise(row) % 1024)),
        ("i64 ascending", longs(|row| row as u64 * 100 + noise(row) % 64)),
        ("timestamps", longs(|row| (noise(row) % 100_000_000) * 1_000_000)),
        ("i128 of 40 bits", Values::I128((0..ROWS).map(|r| i128::from(noise(r) >> 24)).collect())),
        ("i128 of 100 bits", Values::I128((0..ROWS).map(|r| i128::from(noise(r)) << 36).collect())),
        ("decimal f64", Values::F64((0..ROWS).map(|r| (noise(r) % 9999) as f64 / 100.0).collect())),
        ("strings of 30 bytes", Values::Bytes((0..ROWS).map(text).collect())),
        ("lines of a log", Values::Bytes((0..ROWS).map(line).collect())),
        ("prose", Values::Bytes((0..ROWS).map(prose).collect())),
    ]
}

fn line(row: usize) -> String {
    let agent = ["curl/8.9.1", "Mozilla/5.0 (X11; Linux x86_64)", "Googlebot/2.1"];
    format!(
        "10.{}.{}.{} - - [{}] \"GET /api/v1/users/{}?id={} HTTP/1.1\" 200 {} \"{}\"",
        noise(row) % 256,
        noise(row + 1) % 256,
        noise(row + 2) % 256,
        1_760_000_000_000 + row * 39,
        noise(row + 3) % 10,
        noise(row + 4) % 4_000_000_000,
        noise(row + 5) % 5000,
        agent.get(noise(row + 6) as usize % 3).copied().unwrap_or_default(),
    )
}

/// Sentences of words of which some are much more frequent than others.
fn prose(row: usize) -> String {
    let words = (0..4 + noise(row) % 6).map(|at| {
        let random = noise(row * 16 + at as usize);
        let rank = (1u64 << (random % 12)) + (random >> 32) % (1 << (random % 12));
        format!("{:x}", noise(rank as usize) % 0xff_ffff)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn main() {
    let third = BooleanBuffer::collect_bool(ROWS, |row| !noise(row).is_multiple_of(3));
    for (name, values) in columns() {
        for (id, _) in EncodingId::NAMES {
            let nulls = (id == EncodingId::NULL_FILL).then_some(&third);
            if let Some((nanos, bytes, tree)) = measure(&values, nulls, id) {
                let speed = values.byte_len() as f64 / ROWS as f64 / nanos;
                println!("{name:20} {nanos:6.2} ns {speed:6.2} GB/s  {bytes:9} bytes  {tree}");
            }
        }
    }
}

/// Time per value, bytes and tree of a forced encoding; `None` where it cannot hold the values.
fn measure(
    values: &Values,
    nulls: Option<&BooleanBuffer>,
    id: EncodingId,
) -> Option<(f64, usize, String)> {
    let (physical, budget) = (values.physical(), || Budget::new(1 << 32));
    let values = match nulls {
        Some(nulls) => filled(values, nulls)?,
        None => values.clone(),
    };
    let page = 0..ROWS;
    let pages = std::slice::from_ref(&page);
    let input = ChunkInput {
        values: &values,
        validity: nulls,
        pages,
        numbering: &Numbering::default(),
        interruption: &Interruption::default(),
    };
    let options = EncodeOptions { profile: Profile::Fast, force: Some(id) };
    let chunk = encode_chunk(&input, &options, &mut ChooserState::default()).ok()?;
    let shared = chunk.shared_pages(physical, &budget()).ok()?;
    let page = chunk.pages.first()?;
    let mut best = f64::MAX;
    for _ in 0..50 {
        let start = Instant::now();
        let decoded = decode_page(&page.bytes, physical, ROWS, false, &shared, &budget()).ok()?;
        let flat = decoded.values.into_flat(&budget()).ok()?;
        best = best.min(start.elapsed().as_secs_f64());
        assert_eq!(flat.len(), ROWS);
    }
    Some((best * 1e9 / ROWS as f64, page.bytes.len(), page.tree.clone()))
}

/// Null rows as writers leave them; for the 64-bit and the string columns only.
fn filled(values: &Values, nulls: &BooleanBuffer) -> Option<Values> {
    match values {
        Values::I64(v) => {
            let mut last = v.first().copied()?;
            let rows = v.iter().zip(nulls).map(|(value, valid)| {
                last = if valid { *value } else { last };
                last
            });
            Some(Values::I64(rows.collect()))
        }
        Values::Bytes(v) => {
            let rows = v.iter().zip(nulls).map(|(v, valid)| if valid { v } else { &[] });
            Some(Values::Bytes(rows.collect()))
        }
        _ => None,
    }
}
