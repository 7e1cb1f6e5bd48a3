#!/bin/bash
# bench.sh [native] [spark] [OPTION…]: the measurements, NCF and its rivals interleaved in one run; default both. The part spark is
# tools/bench-spark.sh with its defaults. Reports go to the output and to target/bench/. Options are for native: tools/bench/native.py
# lists them; `bench.sh native --only sizes` compares sizes alone.
source "$(dirname "$0")/lib.sh"
parts=""
while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do
  parts="$parts $1"
  shift
done
parts=${parts:-native spark}
mkdir -p target/bench

for part in $parts; do
  case $part in
    native)
      corpus bench-data/corpus
      python_with corpus bench
      cargo_build dist
      .venv/bin/python tools/bench/native.py bench-data/corpus "$(cargo_folder dist)/ncf-bench" "$@" | tee target/bench/native.txt
      ;;
    spark) tools/bench-spark.sh | tee target/bench/spark.txt ;;
    *) echo "bench.sh: no part $part; there are native and spark" >&2; exit 2 ;;
  esac
done
