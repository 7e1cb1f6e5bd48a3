#!/bin/bash
# fuzz.sh [SECONDS [SEED]]: changes files, seals them again and reads them, SECONDS a target (default 60; a target is a record,
# each encoding, export, filter), from SEED (default the time of day). A case that goes wrong names its target, file and seed: keep
# it in tests-rust/it/fuzz.rs. Cases whose answer is new are added to tests-rust/fixtures/fuzz/corpus.txt, which CI replays.
source "$(dirname "$0")/lib.sh"
need cargo
export NCF_FUZZ_SECONDS=${1:-60} NCF_FUZZ_SEED=${2:-$(date +%s)} NCF_FUZZ_KEEP=1
cargo test --locked -p ncf-tests --test it fuzz:: -- --nocapture --test-threads=1
