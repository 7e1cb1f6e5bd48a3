//! The chooser: right choices on plain cases, and the traps that sampling is known for.

use arrow_buffer::BooleanBuffer;
use ncf_core::{PhysicalType, Values};

use super::cascade;
use crate::effort::Effort;
use crate::frames::Tried;
use crate::node::{Place, encode_node};
use crate::tests::data::definite;
use crate::tests::{check, check_in, encode, encode_in};
use crate::*;

fn noise(row: u64) -> u64 {
    let mixed = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A word of letters for a number.
fn word(number: u64) -> String {
    let letters = number.to_string().bytes().map(|digit| char::from(digit + b'a' - b'0')).collect();
    [letters, String::from("ing ")].concat()
}

fn longs(len: u64, value: impl FnMut(u64) -> u64) -> Values {
    Values::I64((0..len).map(value).map(u64::cast_signed).collect())
}

fn options(profile: Profile) -> EncodeOptions {
    EncodeOptions { profile, force: None }
}

/// Encodes a fresh column, checks the round trip and gives the stored bytes.
fn size(values: &Values, profile: Profile) -> usize {
    stored(values, profile, &mut ChooserState::default())
}

fn stored(values: &Values, profile: Profile, state: &mut ChooserState) -> usize {
    let chunk = encode(values, None, &options(profile), state).unwrap();
    check(values, None, &chunk);
    let shared: usize = chunk.shared.iter().map(|page| page.bytes.len()).sum();
    shared + chunk.pages.iter().map(|page| page.bytes.len()).sum::<usize>()
}

fn tree(values: &Values, profile: Profile) -> String {
    let chunk = encode(values, None, &options(profile), &mut ChooserState::default()).unwrap();
    check(values, None, &chunk);
    chunk.pages[0].tree.clone()
}

#[test]
fn plain_cases_get_the_obvious_tree() {
    assert_eq!(tree(&longs(5000, |_| 7), Profile::Fast), "constant");
    assert_eq!(tree(&longs(5000, |row| noise(row) % 1000), Profile::Fast), "for_bitpack");
    assert_eq!(tree(&longs(50_000, |row| row * 7 + 3), Profile::Fast), "sequence");
    let cadence = longs(50_000, |row| row * 10_000 + noise(row) % 64);
    assert_eq!(tree(&cadence, Profile::Fast), "sequence(for_bitpack)");
    let mut total = 0;
    let walk = longs(50_000, |row| {
        total += noise(row) % 16;
        total
    });
    assert_eq!(tree(&walk, Profile::Fast), "delta(for_bitpack, for_bitpack)");
    let times = longs(50_000, |row| noise(row) % 400_000_000 * 1_000_000);
    let times = tree(&times, Profile::Fast);
    assert_eq!(times, "timestamp_parts(for_bitpack, for_bitpack, constant)");
    let wide = Values::I128((0..50_000).map(|row| i128::from(noise(row)) << 20).collect());
    assert!(tree(&wide, Profile::Fast).starts_with("decimal_parts("));
    assert_eq!(tree(&longs(5000, noise), Profile::Fast), "plain");
    let runs = tree(&longs(50_000, |row| noise(row / 200)), Profile::Fast);
    assert!(runs.starts_with("run_length("), "{runs}");
    let prices =
        Values::F64((0..50_000).map(|row| (noise(row) % 100_000) as f64 / 100.0).collect());
    assert_eq!(tree(&prices, Profile::Fast), "alp(for_bitpack)");
    let words = Values::Bytes((0..50_000).map(|row| format!("word {}", noise(row) % 50)).collect());
    assert_eq!(tree(&words, Profile::Fast), "dictionary(for_bitpack)");
    let wide = longs(50_000, |row| noise(noise(row) % 50));
    assert!(
        tree(&wide, Profile::Fast).starts_with("dictionary("),
        "{}",
        tree(&wide, Profile::Fast)
    );
    let bits =
        Values::Bool((0..5000).map(|row| noise(row).is_multiple_of(2)).collect::<BooleanBuffer>());
    assert_eq!(tree(&bits, Profile::Fast), "bitmap");
    let text: Vec<String> = (0..20_000)
        .map(|row| format!("https://example.org/some/path/{}?user={}", noise(row) % 100, row))
        .collect();
    let text = Values::Bytes(text.iter().collect());
    assert_eq!(tree(&text, Profile::Fast), "fsst(for_bitpack)");
    assert!(tree(&text, Profile::Point).starts_with("zstd("));
    let skewed = longs(50_000, |row| noise(row) >> (20 + noise(row + 9) % 44));
    assert!(tree(&skewed, Profile::Compact).contains("pco"));
    let prose: Vec<String> = (0..50_000)
        .map(|row| (0..8).map(|place| word(noise(row * 8 + place) % 1000)).collect())
        .collect();
    let prose = Values::Bytes(prose.iter().collect());
    for (profile, words) in [
        (Profile::Fast, false),
        (Profile::Balanced, true),
        (Profile::Compact, true),
        (Profile::Point, false),
    ] {
        let tree = tree(&prose, profile);
        assert_eq!(tree.contains("words("), words, "{profile}: {tree}");
    }
}

#[test]
fn tables_of_words_count_against_dictionaries() {
    let mut dictionaries = Vec::new();
    for (different, words) in [(5_000, 1000), (10_000, 100), (20_000, 100), (20_000, 10_000)] {
        let string = |which: u64| -> String {
            (0..6).map(|place| word(noise(which * 6 + place) % words)).collect()
        };
        let strings: Vec<String> = (0..40_000).map(|row| string(noise(row) % different)).collect();
        let values = Values::Bytes(strings.iter().collect());
        let mut state = ChooserState::default();
        let chunk = encode(&values, None, &options(Profile::Balanced), &mut state).unwrap();
        check(&values, None, &chunk);
        let (fast, balanced) = (size(&values, Profile::Fast), chunk.byte_len());
        assert!(balanced <= fast + 256, "{different} of {words}: {balanced} > {fast}");
        // Where there is a dictionary the pages use it.
        let dictionary = chunk.shared.iter().any(|page| page.kind == SharedKind::Dictionary);
        let coded = chunk.pages.iter().any(|page| page.tree.contains("dictionary"));
        assert_eq!(dictionary, coded, "{different} of {words}: {}", chunk.pages[0].tree);
        dictionaries.push(dictionary);
    }
    assert!(dictionaries.contains(&true) && dictionaries.contains(&false), "{dictionaries:?}");
}

#[test]
fn the_node_of_the_best_plan_is_what_the_plan_gives() {
    let place = Place { effort: Effort::Ranking, ..Place::default() };
    let mut complete = 0;
    for (name, values) in traps() {
        for rows in [3000, 20_000] {
            let values = values.slice(0, rows.min(values.len()));
            let ranked = cascade::rank(&values, place).unwrap();
            let Some(first) = ranked.first else { continue };
            complete += 1;
            let mut again = Vec::new();
            let plan = encode_node(&values, &ranked.plans[0].1, place, &mut again).unwrap();
            assert_eq!((plan.as_ref(), &again), (Some(&ranked.plans[0].1), &first), "{name}");
        }
    }
    assert!(complete > 10);
}

/// Columns whose sample, first page or first block misleads.
fn traps() -> Vec<(&'static str, Values)> {
    let n = 200_000;
    vec![
        ("drifting", longs(n, |row| noise(row) % (2 + row * row / 1000))),
        ("constant, then random", longs(n, |row| if row < 70_000 { 5 } else { noise(row) })),
        ("sorted, then random", longs(n, |row| if row < 100_000 { row } else { noise(row) })),
        ("random, then sorted", longs(n, |row| if row > 100_000 { row } else { noise(row) })),
        (
            "runs in every other page",
            longs(n, |row| if row >> 16 & 1 == 0 { row / 500 } else { noise(row) }),
        ),
        ("one outlier", longs(n, |row| if row == 65_000 { u64::MAX / 3 } else { row % 8 })),
        (
            "few values, then all different",
            Values::Bytes(
                (0..n)
                    .map(|row| {
                        let value = if row < 66_000 { noise(row) % 10 } else { noise(row) };
                        format!("{value:x}")
                    })
                    .collect(),
            ),
        ),
        (
            "decimals, then floats",
            Values::F64(
                (0..n)
                    .map(|row| match row {
                        0..100_000 => (row % 1000) as f64 / 10.0,
                        _ => f64::from_bits(noise(row)),
                    })
                    .collect(),
            ),
        ),
        (
            "short random strings",
            Values::Bytes((0..n).map(|row| [noise(row).to_le_bytes()[0]]).collect()),
        ),
        (
            "bits",
            Values::Bool(
                (0..n).map(|row| noise(row / 3).is_multiple_of(2)).collect::<BooleanBuffer>(),
            ),
        ),
        (
            "words that are met three times",
            Values::Bytes(
                (0..4000)
                    .map(|row| {
                        let word = |at: u64| noise((row * 13 + at) % 17_000) % 17_576;
                        let letter = |word: u64| char::from(b'a' + (word % 26) as u8);
                        let letters = |word: u64| [word, word / 26, word / 676].map(letter);
                        let words = (0..13).map(|at| letters(word(at)));
                        words
                            .map(|word| format!("{}{}{} ", word[0], word[1], word[2]))
                            .collect::<String>()
                    })
                    .collect(),
            ),
        ),
        ("wide", Values::I128((0..n).map(|row| i128::from(noise(row)) << (row % 64)).collect())),
    ]
}

#[test]
fn no_page_is_larger_than_plain() {
    for (name, values) in traps() {
        for profile in [Profile::Fast, Profile::Balanced, Profile::Compact, Profile::Point] {
            let state = &mut ChooserState::default();
            // Twice: the second block starts with what the first remembered.
            for _ in 0..2 {
                let chunk = encode(&values, None, &options(profile), state).unwrap();
                check(&values, None, &chunk);
                for (page, range) in
                    chunk.pages.iter().zip(crate::tests::pages(values.len(), 1 << 16))
                {
                    let raw = values.slice(range.start, range.len()).byte_len();
                    assert!(
                        page.bytes.len() <= raw + raw / 1000 + 80,
                        "{name}: {} of {raw}",
                        page.bytes.len()
                    );
                }
            }
        }
    }
}

#[test]
fn balanced_is_never_larger_than_fast() {
    for (name, values) in traps() {
        let (fast, balanced) = (size(&values, Profile::Fast), size(&values, Profile::Balanced));
        assert!(balanced <= fast, "{name}: balanced {balanced}, fast {fast}");
        let compact = size(&values, Profile::Compact);
        assert!(
            compact <= balanced + balanced / 100 + 100,
            "{name}: compact {compact}, balanced {balanced}"
        );
        let point = size(&values, Profile::Point);
        assert!(point <= fast, "{name}: point {point}, fast {fast}");
    }
}

#[test]
fn many_nulls_are_not_stored() {
    let valid = BooleanBuffer::collect_bool(50_000, |row| noise(row as u64).is_multiple_of(4));
    let numbers = longs(50_000, |row| noise(row + 9) % 100_000);
    let floats = Values::F64((0..50_000).map(|row| f64::from_bits(noise(row + 9))).collect());
    for values in [numbers, floats] {
        let values = definite(&values, Some(&valid));
        let state = &mut ChooserState::default();
        let chunk = encode(&values, Some(&valid), &options(Profile::Fast), state).unwrap();
        check(&values, Some(&valid), &chunk);
        let tree = &chunk.pages[0].tree;
        assert!(tree.starts_with("nullable(bitmap, null_fill("), "{tree}");
    }
}

#[test]
fn a_symbol_table_is_stored_only_where_it_is_used() {
    let words = Values::Bytes((0..50_000).map(|row| format!("word {}", noise(row) % 50)).collect());
    let noisy = Values::Bytes((0..50_000).map(|row| noise(row).to_le_bytes()).collect());
    let text = |row| format!("{} of {}", noise(row) % 10_000_000, noise(row + 1) % 10_000_000);
    let text = Values::Bytes((0..50_000).map(text).collect());
    for (values, kinds) in
        [(words, vec![SharedKind::Dictionary]), (noisy, vec![]), (text, vec![SharedKind::Symbols])]
    {
        let state = &mut ChooserState::default();
        let chunk = encode(&values, None, &options(Profile::Fast), state).unwrap();
        check(&values, None, &chunk);
        assert_eq!(chunk.shared.iter().map(|page| page.kind).collect::<Vec<_>>(), kinds);
    }
}

#[test]
fn a_remembered_choice_is_nearly_as_good_as_a_fresh_one() {
    for (name, values) in traps() {
        let mut state = ChooserState::default();
        let foreign = match values.physical() {
            PhysicalType::I64 => longs(70_000, |_| 5),
            PhysicalType::Bytes => {
                Values::Bytes((0..70_000).map(|row| format!("{}", row % 3)).collect())
            }
            physical => crate::native::concat(&crate::native::zero(physical), &vec![0..1; 70_000]),
        };
        stored(&foreign, Profile::Fast, &mut state);
        let (warm, fresh) =
            (stored(&values, Profile::Fast, &mut state), size(&values, Profile::Fast));
        assert!(warm as f64 <= fresh as f64 * 1.1 + 500.0, "{name}: warm {warm}, fresh {fresh}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (name, values) in traps() {
        for profile in [Profile::Fast, Profile::Balanced, Profile::Compact, Profile::Point] {
            let run =
                || encode(&values, None, &options(profile), &mut ChooserState::default()).unwrap();
            let (first, second) = (run(), run());
            assert_eq!((first.shared, first.pages), (second.shared, second.pages), "{name}");
        }
    }
}

#[test]
fn patches_keep_one_outlier_from_widening_a_page() {
    let values =
        longs(1 << 16, |row| if row % 5000 == 17 { u64::MAX / 3 } else { noise(row) % 16 });
    assert!(size(&values, Profile::Fast) < (1 << 16) / 2 + 2000);
}

#[test]
fn references_follow_sorted_values() {
    // 1024 values a vector, 3 apart: 12 bits each, whatever the column's range.
    let values = longs(1 << 16, |row| row * 3 + (1 << 40));
    assert!(size(&values, Profile::Fast) < (1 << 16) * 12 / 8 + 1000);
}

#[test]
fn a_page_that_is_its_own_sample_is_what_its_tree_says() {
    // The more letters, the less FSST saves: what was chosen drifts, and is often the best again.
    let texts = |letters: u64, seed: u64| -> Values {
        let text = |row: u64| -> Vec<u8> {
            let noise = |at: u64| noise(seed << 40 | row << 8 | at) % letters;
            (0..30).map(|at| b'!' + u8::try_from(noise(at)).unwrap()).collect()
        };
        Values::Bytes((0..8000).map(text).collect::<Vec<Vec<u8>>>().iter().collect())
    };
    for profile in [Profile::Fast, Profile::Balanced, Profile::Point] {
        let mut state = ChooserState::default();
        for (seed, letters) in (0..).zip([16, 24, 12, 40, 16, 4, 6, 10, 18, 90, 60, 30]) {
            stored(&texts(letters, seed), profile, &mut state);
        }
    }
}

/// Notes of some of five hundred phrases, of which some are more frequent; in a row in `every` only.
fn notes(rows: u64, phrases: u64, every: u64) -> (Values, BooleanBuffer) {
    let phrase = |which: u64| (0..4).map(move |at| word(noise(which * 4 + at) % 5000));
    let frequent = |seed: u64| phrase(noise(seed) % (1 + noise(seed + 7) % 500));
    let note = |row: u64| (0..phrases).flat_map(|at| frequent(row * 50 + at)).collect::<String>();
    let valid = |row: u64| noise(row / 3).is_multiple_of(every);
    let notes = (0..rows).map(|row| if valid(row) { note(row) } else { String::new() });
    let notes: Vec<String> = notes.collect();
    (
        Values::Bytes(notes.iter().collect()),
        BooleanBuffer::collect_bool(notes.len(), |row| valid(row as u64)),
    )
}

/// A column for which a dictionary of frames did not pay in the chunk before.
fn refusing() -> ChooserState {
    let mut state = ChooserState::default();
    state.frames = Tried::Refused(0);
    state
}

/// Bytes of a chunk of pages of so many rows, with a dictionary where it pays, and without; and whether it paid.
fn framed(
    (values, validity): (&Values, Option<&BooleanBuffer>),
    rows: usize,
    profile: Profile,
) -> (usize, usize, bool) {
    let state = &mut ChooserState::default();
    let chunk = encode_in(rows, values, validity, &options(profile), state).unwrap();
    check_in(rows, values, validity, &chunk);
    let taken = chunk.shared.iter().any(|page| page.kind == SharedKind::ZstdDictionary);
    let trees = |name| chunk.pages.iter().any(|page| page.tree.contains(name));
    assert_eq!(taken, trees("zstd_dictionary("), "{}", chunk.pages[0].tree);
    let refusing = &mut refusing();
    let alone = encode_in(rows, values, validity, &options(profile), refusing).unwrap();
    assert!(alone.shared.iter().all(|page| page.kind != SharedKind::ZstdDictionary));
    (chunk.byte_len(), alone.byte_len(), taken)
}

#[test]
fn a_dictionary_of_frames_is_taken_where_frames_are_short() {
    // A note in one row of ten, short pages of notes, and the same without words in them.
    let (rare, valid) = notes(100_000, 3, 10);
    let (short, _) = notes(20_000, 2, 1);
    let Values::Bytes(strings) = &short else { panic!("no strings") };
    let joined = |note: &[u8]| note.iter().copied().filter(|byte| *byte != b' ').collect();
    let joined =
        Values::Bytes(strings.iter().map(joined).collect::<Vec<Vec<u8>>>().iter().collect());
    for (input, rows, profile) in [
        ((&rare, Some(&valid)), 8192, Profile::Point),
        ((&short, None), 1024, Profile::Point),
        ((&joined, None), 1024, Profile::Point),
        ((&joined, None), 1024, Profile::Compact),
    ] {
        let (with, without, taken) = framed(input, rows, profile);
        assert!(taken && with * 100 <= without * 90, "{profile}: {with} of {without}");
    }
    for profile in [Profile::Fast, Profile::Balanced] {
        assert!(!framed((&joined, None), 1024, profile).2, "{profile}");
    }
}

#[test]
fn a_dictionary_of_frames_is_left_where_it_does_not_pay() {
    let (long, _) = notes(100_000, 5, 1);
    // Long frames, few frames, little in all, nothing in common.
    let noisy: Vec<Vec<u8>> = (0..60_000)
        .map(|row| (0..5).flat_map(|at| (noise(row * 9 + at) >> 36).to_be_bytes()).collect())
        .collect();
    let noisy = Values::Bytes(noisy.iter().collect());
    let cases = [
        (long.clone(), 16_384),
        (long.slice(0, 3000), 1000),
        (long.slice(0, 300), 50),
        (noisy, 1024),
        (longs(60_000, |row| noise(row) % 1000), 1024),
    ];
    for (values, rows) in cases {
        for profile in [Profile::Point, Profile::Compact] {
            let (with, without, taken) = framed((&values, None), rows, profile);
            assert!(!taken && with == without, "{profile} {rows}: {with} of {without}");
        }
    }
    for (name, values) in traps() {
        let values = values.slice(0, 30_000.min(values.len()));
        let (with, without, _) = framed((&values, None), 2048, Profile::Point);
        assert!(with <= without, "{name}: {with} of {without}");
    }
}

#[test]
fn a_refused_dictionary_of_frames_is_tried_again_later() {
    let (notes, _) = notes(10_000, 2, 1);
    let noisy = Values::Bytes((0..60_000).map(|row| noise(row).to_be_bytes()).collect());
    let mut state = refusing();
    let mut taken = |values: &Values| {
        let chunk = encode_in(512, values, None, &options(Profile::Point), &mut state).unwrap();
        let taken = chunk.shared.iter().any(|page| page.kind == SharedKind::ZstdDictionary);
        (taken, state.frames)
    };
    for chunk in 1..=16 {
        assert_eq!(taken(&notes), (false, Tried::Refused(chunk)));
    }
    assert_eq!(taken(&notes), (true, Tried::Paid));
    // No frames at all say nothing.
    assert_eq!(taken(&noisy), (false, Tried::Paid));
    assert_eq!(taken(&notes), (true, Tried::Paid));
}
