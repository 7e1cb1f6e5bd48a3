//! How fast pages of each encoding are decoded: where the constants of the cost model come from. Each encoding is forced over
//! values that suit it, on one thread; the nodes inside are what `balanced` chooses for them, and their time is counted.

use std::time::Instant;

use arrow_array::BooleanArray;
use ncf::encoding::relations::{Linear, Other, Part, Product, Relation, Term, Transform};
use ncf::encoding::{
    ChooserState, ChunkInput, DecodedValues, EncodeOptions, EncodedChunk, Numbering, Referenced,
    decode_related, encode_chunk, encode_related,
};
use ncf::file::constants::PAGE_ROWS;
use ncf::hash::hash_u64;
use ncf::{Budget, ByteValues, EncodingId, Error, Interruption, Profile, Result, Values};

/// Values of each column: a block's.
const ROWS: usize = 1 << 20;

/// What is encoded.
struct Case {
    encoding: EncodingId,
    values: Values,
    /// Whether each third value is null; then it is that of the row before.
    nulls: bool,
    /// What the values follow from, where they follow from other columns, and these.
    relation: Option<(Relation, Vec<Values>)>,
}

fn noise(row: usize) -> u64 {
    hash_u64(row as u64)
}

/// A number of a row, below `limit`.
fn below(row: usize, limit: u64) -> usize {
    usize::try_from(noise(row) % limit).unwrap_or(0)
}

fn longs(value: impl Fn(usize) -> u64) -> Values {
    Values::I64((0..ROWS).map(|row| value(row).cast_signed()).collect())
}

fn doubles(value: impl Fn(usize) -> f64) -> Values {
    Values::F64((0..ROWS).map(value).collect())
}

fn strings(value: impl Fn(usize) -> String) -> Values {
    Values::Bytes((0..ROWS).map(value).collect::<ByteValues>())
}

/// A line of a web server's log.
fn line(row: usize) -> String {
    let agent = ["curl/8.9.1", "Mozilla/5.0 (X11; Linux x86_64)", "Googlebot/2.1"];
    format!(
        "10.{}.{}.{} - - [{}] \"GET /api/v1/users/{}?id={} HTTP/1.1\" 200 {} \"{}\"",
        below(row, 256),
        below(row + 1, 256),
        below(row + 2, 256),
        1_760_000_000_000 + row * 39,
        below(row + 3, 10),
        below(row + 4, 4_000_000_000),
        below(row + 5, 5000),
        agent.get(below(row + 6, 3)).copied().unwrap_or_default(),
    )
}

/// A sentence of words of which some are much more frequent than others.
fn prose(row: usize) -> String {
    let word = |at: usize| {
        let random = noise(row * 16 + at);
        let reach = 1u64 << (random % 12);
        format!("{:x}", hash_u64(reach + (random >> 32) % reach) % 0xff_ffff)
    };
    (0..4 + below(row, 6)).map(word).collect::<Vec<_>>().join(" ")
}

/// A string of a few words and numbers.
fn phrase(row: usize) -> String {
    format!("{:x} and {:x} of the words", below(row, 4096), below(row + 7, 256))
}

/// A name of one of many customers, and its number.
fn name(number: u64) -> String {
    format!("Customer#{:09}", hash_u64(number) % 1_000_000_000)
}

fn uuid(row: usize) -> String {
    let (a, b) = (noise(row), noise(row + ROWS));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xFFFF,
        a & 0xFFF,
        b >> 48 & 0x3FFF | 0x8000,
        b & 0xFFFF_FFFF_FFFF
    )
}

fn date(row: usize) -> String {
    format!("20{:02}-{:02}-{:02}", below(row, 25), 1 + below(row + 1, 12), 1 + below(row + 2, 28))
}

/// Every encoding by a name of values that suit it.
const CASES: [(EncodingId, &str); 35] = [
    (EncodingId::PLAIN, "noise"),
    (EncodingId::ALIGNED, "noise"),
    (EncodingId::CONSTANT, "one number"),
    (EncodingId::BITMAP, "booleans"),
    (EncodingId::FOR_BITPACK, "numbers of 10 bits"),
    (EncodingId::DELTA, "ascending numbers"),
    (EncodingId::SEQUENCE, "ascending numbers"),
    (EncodingId::RUN_LENGTH, "runs of 20"),
    (EncodingId::SPARSE, "one in 50 not 0"),
    (EncodingId::NULL_FILL, "a third null"),
    (EncodingId::PCO, "sums of three"),
    (EncodingId::ALP, "prices in doubles"),
    (EncodingId::ALP_RD, "doubles near 1"),
    (EncodingId::BYTE_STREAM_SPLIT, "doubles near 1"),
    (EncodingId::DECIMAL_PARTS, "decimals of 40 bits"),
    (EncodingId::TIMESTAMP_PARTS, "whole seconds in microseconds"),
    (EncodingId::DICTIONARY, "1,000 numbers"),
    (EncodingId::DICTIONARY, "1,000 names"),
    (EncodingId::FSST, "phrases"),
    (EncodingId::ZSTD, "phrases"),
    (EncodingId::ZSTD_DICTIONARY, "phrases"),
    (EncodingId::FRONT_CODED, "names in order"),
    (EncodingId::FIXED_PARSE, "dates as text"),
    (EncodingId::FIXED_PARSE, "numbers as text"),
    (EncodingId::FIXED_PARSE, "UUIDs as text"),
    (EncodingId::TEMPLATE, "lines of a log"),
    (EncodingId::WORDS, "prose"),
    (EncodingId::WORDS, "phrases"),
    (EncodingId::EQUALITY, "a copy of noise"),
    (EncodingId::EQUALITY, "a copy of phrases"),
    (EncodingId::MAP, "numbers of 1,000 keys"),
    (EncodingId::MAP, "names of 1,000 keys"),
    (EncodingId::LINEAR, "7 more than noise"),
    (EncodingId::PRODUCT, "product of two columns"),
    (EncodingId::CONCATENATION, "a name and a number"),
];

/// Values by name; `None` where there are none of the name.
fn values(name_of: &str) -> Option<Values> {
    Some(match name_of {
        "noise" => longs(noise),
        // Some rows are others: else the reader hands out the other column itself.
        "a copy of noise" => longs(|row| noise(row + usize::from(row % 100 == 5))),
        "one number" => longs(|_| 7),
        "booleans" => {
            let all: BooleanArray =
                (0..ROWS).map(|row| Some(noise(row).is_multiple_of(2))).collect();
            Values::Bool(all.values().clone())
        }
        "numbers of 10 bits" => longs(|row| noise(row) % 1024),
        "ascending numbers" => longs(|row| row as u64 * 100 + noise(row) % 64),
        "runs of 20" => longs(|row| noise(row / 20) % 100_000),
        "one in 50 not 0" => {
            longs(|row| u64::from(noise(row).is_multiple_of(50)) * (noise(row) >> 40))
        }
        "a third null" => longs(|row| noise(row - usize::from(row % 3 == 2)) % 100_000),
        "sums of three" => longs(|row| (0..3).map(|at| noise(row * 3 + at) % 100_000).sum()),
        "prices in doubles" => doubles(|row| f64::from(small(row, 9999)) / 100.0),
        "doubles near 1" => doubles(|row| 1.0 + f64::from(small(row, 1 << 30)) * 1.1e-12),
        "decimals of 40 bits" => {
            Values::I128((0..ROWS).map(|row| i128::from(noise(row) >> 24)).collect())
        }
        "whole seconds in microseconds" => longs(|row| noise(row) % 100_000_000 * 1_000_000),
        "1,000 numbers" => longs(|row| hash_u64(noise(row) % 1000)),
        "1,000 names" | "names of 1,000 keys" => strings(|row| name(noise(row) % 1000)),
        "numbers of 1,000 keys" => longs(|row| hash_u64(noise(row) % 1000)),
        "phrases" => strings(phrase),
        "a copy of phrases" => strings(|row| phrase(row + usize::from(row % 100 == 5))),
        "names in order" => strings(|row| format!("Customer#{:09}", row * 37)),
        "dates as text" => strings(date),
        "numbers as text" => strings(|row| below(row, 1_000_000).to_string()),
        "UUIDs as text" => strings(uuid),
        "lines of a log" => strings(line),
        "prose" => strings(prose),
        "7 more than noise" => longs(|row| noise(row).wrapping_add(7)),
        "product of two columns" => longs(|row| (noise(row) % 5000) * (noise(row + 1) % 90)),
        "a name and a number" => {
            strings(|row| format!("{}/{:06}", name(noise(row) % 1000), noise(row) % 1_000_000))
        }
        _ => return None,
    })
}

fn small(row: usize, limit: u64) -> u32 {
    u32::try_from(noise(row) % limit).unwrap_or(0)
}

/// What values follow from.
fn relation(encoding: EncodingId, name_of: &str) -> Option<(Relation, Vec<Values>)> {
    let keys = || longs(|row| noise(row) % 1000);
    Some(match encoding {
        EncodingId::EQUALITY => {
            let copied = name_of.strip_prefix("a copy of ").and_then(values)?;
            (Relation::Equality { column: 0 }, vec![copied])
        }
        EncodingId::MAP => (Relation::Map { keys: vec![0] }, vec![keys()]),
        EncodingId::LINEAR => {
            let terms = vec![Term { column: 0, transform: Transform::Identity, coefficient: 1 }];
            let linear = Linear { terms, constant: 7, shift: 0, scale: 0 };
            (Relation::Linear(linear), vec![longs(noise)])
        }
        EncodingId::PRODUCT => {
            let product = Product { factor: 0, other: Other::Column(1), divisor: 1 };
            let factors = [longs(|row| noise(row) % 5000), longs(|row| noise(row + 1) % 90)];
            (Relation::Product(product), factors.into())
        }
        EncodingId::CONCATENATION => {
            let parts = vec![Part { column: 0, digits: 0 }, Part { column: 1, digits: 6 }];
            let names = strings(|row| name(noise(row) % 1000));
            (Relation::Concatenation(parts), vec![names, longs(|row| noise(row) % 1_000_000)])
        }
        _ => return None,
    })
}

/// A table of all encodings, as Markdown; times are the best of `rounds`.
pub(crate) fn run(rounds: usize) -> Result<String> {
    let mut text = format!(
        "Decoding {ROWS} values on one thread, the best of {rounds} rounds: each encoding forced over values that suit it, with what\n\
         `balanced` chooses inside; columns that others follow from are at hand. GB/s are of the bytes in Arrow.\n\n\
         | encoding | values | ns a value | GB/s | bytes a value, in Arrow | stored | tree |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- |\n"
    );
    for (encoding, name_of) in CASES {
        let missing = || Error::internal(format!("there are no values named {name_of}"));
        let values = values(name_of).ok_or_else(missing)?;
        let relation = relation(encoding, name_of);
        let nulls = encoding == EncodingId::NULL_FILL;
        let case = Case { encoding, values, nulls, relation };
        text.push_str(&case.row(name_of, rounds)?);
    }
    Ok(text)
}

impl Case {
    #[allow(clippy::cast_precision_loss, reason = "bytes and rows are few")]
    fn row(&self, name_of: &str, rounds: usize) -> Result<String> {
        let chunk = self.encode(name_of)?;
        let shared = chunk.shared_pages(self.values.physical(), &Budget::new(1 << 32))?;
        let references = |start: usize, rows: usize| {
            let of = |values: &Values| DecodedValues::Flat(values.slice(start, rows));
            self.relation.iter().flat_map(|(_, values)| values.iter().map(of)).collect::<Vec<_>>()
        };
        let physical = self.values.physical();
        let mut best = f64::INFINITY;
        for _ in 0..rounds {
            let mut seconds = 0.0;
            for (page, start) in chunk.pages.iter().zip((0..ROWS).step_by(PAGE_ROWS)) {
                let references = references(start, PAGE_ROWS);
                let budget = Budget::new(1 << 32);
                let begin = Instant::now();
                let decoded = decode_related(
                    &page.bytes,
                    physical,
                    PAGE_ROWS,
                    false,
                    &shared,
                    &references,
                    &budget,
                )?;
                let flat = decoded.values.into_flat(&budget)?;
                seconds += begin.elapsed().as_secs_f64();
                if !self.nulls && !flat.bits_equal(&self.values.slice(start, PAGE_ROWS)) {
                    return Err(Error::internal(format!("{name_of} do not come back")));
                }
            }
            best = best.min(seconds);
        }
        let rows = ROWS as f64;
        let (arrow, nanos) = (self.values.byte_len() as f64, best * 1e9);
        Ok(format!(
            "| {} | {name_of} | {:.2} | {:.2} | {:.1} | {:.2} | {} |\n",
            self.encoding,
            nanos / rows,
            arrow / nanos,
            arrow / rows,
            chunk.byte_len() as f64 / rows,
            chunk.pages.first().map_or("", |page| page.tree.as_str()),
        ))
    }

    fn encode(&self, name_of: &str) -> Result<EncodedChunk> {
        let valid: BooleanArray = (0..ROWS).map(|row| Some(row % 3 != 2)).collect();
        let pages: Vec<_> =
            (0..ROWS).step_by(PAGE_ROWS).map(|start| start..start + PAGE_ROWS).collect();
        let input = ChunkInput {
            values: &self.values,
            validity: self.nulls.then(|| valid.values()),
            pages: &pages,
            numbering: &Numbering::default(),
            interruption: &Interruption::default(),
        };
        let mut state = ChooserState::default();
        let mut options = EncodeOptions { profile: Profile::Balanced, force: None };
        let Some((relation, references)) = &self.relation else {
            options.force = Some(self.encoding);
            return encode_chunk(&input, &options, &mut state);
        };
        let numberings: Vec<Numbering> = references.iter().map(|_| Numbering::default()).collect();
        let both = references.iter().zip(&numberings);
        let references: Vec<Referenced<'_>> =
            both.map(|(values, numbering)| Referenced { values, numbering }).collect();
        let column = |number: u32| format!("c{number}");
        encode_related(&input, relation, &references, &column, &options, (None, &mut state))?
            .ok_or_else(|| Error::internal(format!("{relation} cannot hold {name_of}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_there() {
        for (id, name) in EncodingId::NAMES {
            assert!(CASES.iter().any(|(of, _)| *of == id), "{name}");
        }
    }
}
