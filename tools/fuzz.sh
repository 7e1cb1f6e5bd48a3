#!/bin/bash
# fuzz.sh [SECONDS [SEED]]: changes files, seals them again and reads them, SECONDS a target (default 60), from SEED
# (default the time of day). A case that goes wrong names its target, file and seed: keep it in tests-rust/it/fuzz.rs.
source "$(dirname "$0")/lib.sh"
need cargo
export NCF_FUZZ_SECONDS=${1:-60} NCF_FUZZ_SEED=${2:-$(date +%s)}
cargo test --locked -p ncf-tests --test it fuzz:: -- --nocapture --test-threads=1
