#!/bin/bash
# bench.sh [native] [index] [spark] [OPTION…]: the measurements, NCF and its rivals interleaved in one run; default all. The part index is
# `ncf index-bench`, the part spark tools/bench-spark.sh, each with its defaults. Reports go to the output and to target/bench/. Options
# are for native, whose options tools/bench/native.py lists (`bench.sh native --only sizes` compares sizes alone), or for index, where
# that is the only part.
source "$(dirname "$0")/lib.sh"
parts=""
while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do
  parts="$parts $1"
  shift
done
parts=${parts:-native index spark}
mkdir -p target/bench

for part in $parts; do
  case $part in
    native)
      corpus bench-data/corpus
      python_with corpus bench
      cargo_build dist
      .venv/bin/python tools/bench/native.py bench-data/corpus "$(cargo_folder dist)/ncf-bench" "$@" | tee target/bench/native.txt
      ;;
    index)
      cargo_build dist
      options=()
      [ "$parts" != " index" ] || options=("$@")
      "$(cargo_folder dist)/ncf" index-bench "${options[@]}" | tee target/bench/index.txt
      ;;
    spark) tools/bench-spark.sh | tee target/bench/spark.txt ;;
    *) echo "bench.sh: no part $part; there are native, index and spark" >&2; exit 2 ;;
  esac
done
