#!/bin/bash
# test_index.sh: random predicates over indexed and filtered columns of many shapes, answered by NCF and by DuckDB. The seed is new
# in every run and printed; the last line is "N passed, N failed". `make bench` has a larger run.
source "$(dirname "$0")/lib.sh"
python_with corpus bench
cargo_build dev
folder=$(cargo_folder dev)
.venv/bin/python tools/bench/index_check.py "$folder/ncf" "$folder/ncf-bench" --quick
