//! Re-sealed fuzzing, a little of it; `make fuzz` does more. `NCF_FUZZ_SECONDS` a target and
//! `NCF_FUZZ_SEED` change what is done.

use std::time::Duration;

use ncf_tests::fuzz::{Target, fuzz, run, seeds};
use ncf_tests::reseal::reseal;

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Cases that once went wrong: target, file, seed.
const KEPT: [(Target, &str, u64); 1] = [(Target::Records, "zstd timestamp", 7123)];

#[test]
fn an_undamaged_file_is_sealed_to_itself() {
    for (name, bytes) in seeds() {
        let mut sealed = bytes.clone();
        reseal(&mut sealed);
        assert!(sealed == bytes, "{name}");
    }
}

#[test]
fn cases_that_once_went_wrong() {
    let files = seeds();
    for (target, file, seed) in KEPT {
        let (name, bytes) = files.iter().find(|(name, _)| name == file).expect("a seed file");
        run(target, seed, name, bytes);
    }
}

fn campaign(target: Target) {
    let time = Duration::from_secs(from_environment("NCF_FUZZ_SECONDS", 3));
    let seed = from_environment("NCF_FUZZ_SEED", 1);
    let cases = fuzz(target, seed, time);
    println!("{target:?}: {cases} cases from seed {seed}, none went wrong");
    assert!(cases > 20, "only {cases} cases of {target:?}");
}

#[test]
fn damaged_trailers() {
    campaign(Target::Trailer);
}

#[test]
fn damaged_directories() {
    campaign(Target::Directory);
}

#[test]
fn damaged_records() {
    campaign(Target::Records);
}

#[test]
fn damaged_pages() {
    campaign(Target::Pages);
}
