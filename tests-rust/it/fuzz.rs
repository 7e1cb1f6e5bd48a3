//! Re-sealed fuzzing, a little of it; `make fuzz` does more. `NCF_FUZZ_SECONDS` a target and `NCF_FUZZ_SEED`
//! change what is done; with `NCF_FUZZ_KEEP` the corpus gets cases whose answers are new to their target.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use ncf_tests::fuzz::{Case, Target, fuzz, run, seeds};
use ncf_tests::repository;
use ncf_tests::reseal::reseal;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Cases that once went wrong: target, file, seed. Kept for good, whatever becomes of the corpus.
const WENT_WRONG: [(&str, &str, u64); 1] = [("encoding_zstd", "zstd timestamp", 7123)];

/// Cases of one target in the corpus, at most: names in a schema make answers without end.
const MOST_KEPT: usize = 40;

/// Of each target, cases that were answered differently: `target | file | seed`.
fn corpus_file() -> PathBuf {
    repository().join("tests-rust/fixtures/fuzz/corpus.txt")
}

fn corpus() -> Vec<Case> {
    let text = std::fs::read_to_string(corpus_file()).unwrap_or_default();
    let case = |line: &str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [target, file, seed] = parts[..] else { panic!("{line}") };
        (target.parse().expect("a target"), file.to_owned(), seed.parse().expect("a number"))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(case).collect()
}

fn replay((target, file, seed): &Case) -> String {
    let (name, bytes) = seeds().iter().find(|(name, _)| name == file).expect("a seed file");
    run(*target, *seed, name, bytes)
}

#[test]
fn an_undamaged_file_is_sealed_to_itself() {
    for (name, bytes) in seeds() {
        let mut sealed = bytes.clone();
        reseal(&mut sealed);
        assert!(sealed == *bytes, "{name}");
    }
}

#[test]
fn cases_that_once_went_wrong() {
    for (target, file, seed) in WENT_WRONG {
        replay(&(target.parse().expect("a target"), file.to_owned(), seed));
    }
}

#[test]
fn the_corpus_is_answered() {
    let answers: BTreeSet<String> = corpus().iter().map(replay).collect();
    assert!(answers.len() >= 50, "the corpus has only {} answers", answers.len());
}

fn campaign(targets: &[Target]) {
    let time = Duration::from_secs(from_environment("NCF_FUZZ_SECONDS", 1));
    let seed = from_environment("NCF_FUZZ_SEED", 1);
    let keep = std::env::var_os("NCF_FUZZ_KEEP").is_some();
    let corpus = if keep { corpus() } else { Vec::new() };
    for target in targets {
        let kept = corpus.iter().filter(|case| case.0 == *target);
        let known: BTreeSet<String> = kept.map(replay).collect();
        let (cases, answers) = fuzz(*target, seed, time);
        println!(
            "{target}: {cases} cases from seed {seed}, {} answers, none went wrong",
            answers.len()
        );
        assert!(cases > 20, "only {cases} cases of {target}");
        let new = answers.into_iter().filter(|(answer, _)| keep && !known.contains(answer));
        let room = MOST_KEPT.saturating_sub(known.len());
        let line = |(target, file, seed)| format!("{target} | {file} | {seed}\n");
        let lines: String = new.take(room).map(|(_, case)| line(case)).collect();
        if !lines.is_empty() {
            let mut options = std::fs::OpenOptions::new();
            let mut out = options.append(true).open(corpus_file()).expect("the corpus");
            out.write_all(lines.as_bytes()).expect("the corpus");
        }
    }
}

#[test]
fn damaged_metadata() {
    campaign(&[Target::Trailer, Target::Directory, Target::Schema, Target::Blocks]);
}

#[test]
fn damaged_columns() {
    campaign(&[Target::Statistics, Target::ColumnMeta]);
}

#[test]
fn damaged_pages_become_sound_arrays_and_are_filtered_right() {
    campaign(&[Target::Export, Target::Filter]);
}

#[test]
fn damaged_encodings() {
    let encodings = Target::all().into_iter().filter(|t| matches!(t, Target::Encoding(_)));
    campaign(&encodings.collect::<Vec<_>>());
}
