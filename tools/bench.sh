#!/bin/bash
# bench.sh [native] [encodings] [index] [check] [spark] [lookups] [OPTION…]: the measurements, NCF and its rivals interleaved in one run; default all.
#   native   sizes and times outside Spark; `--only point` is the point read of lineitem, tools/bench/native.py lists the other options
#   encodings  how fast a million values are decoded in each encoding: `ncf-bench encodings`
#   index    `ncf index-bench`: sizes of learned indexes, what look-ups in tables of 100 files read, and which limits are met;
#            `--only sorted` is one part, `--keys 2000000` a small run
#   check    answers of indexed and filtered columns against DuckDB's: tools/bench/index_check.py
#   spark    TPC-H and micro queries: tools/bench-spark.sh
#   lookups  ids in no order and spans of time in Spark: tools/bench-spark.sh --lookups
# Reports go to the output and to target/bench/PART.txt. Options are for native where several parts run, else for the only part.
source "$(dirname "$0")/lib.sh"
parts=""
while [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; do
  parts="$parts $1"
  shift
done
parts=${parts:-native encodings index check spark lookups}
mkdir -p target/bench

for part in $parts; do
  options=()
  if [ "$parts" = " $part" ] || [ "$part" = native ]; then options=("$@"); fi
  case $part in
    native)
      corpus bench-data/corpus
      python_with corpus bench
      cargo_build dist
      .venv/bin/python tools/bench/native.py bench-data/corpus "$(cargo_folder dist)/ncf-bench" "${options[@]}" | tee target/bench/native.txt
      ;;
    encodings)
      cargo_build dist
      "$(cargo_folder dist)/ncf-bench" --repeat 10 encodings "${options[@]}" | tee target/bench/encodings.txt
      ;;
    index)
      cargo_build dist
      "$(cargo_folder dist)/ncf" index-bench "${options[@]}" | tee target/bench/index.txt
      ;;
    check)
      python_with corpus bench
      cargo_build dist
      .venv/bin/python tools/bench/index_check.py "$(cargo_folder dist)/ncf" "$(cargo_folder dist)/ncf-bench" "${options[@]}" |
        tee target/bench/check.txt
      ;;
    spark) tools/bench-spark.sh "${options[@]}" | tee target/bench/spark.txt ;;
    lookups) tools/bench-spark.sh --lookups "${options[@]}" | tee target/bench/lookups.txt ;;
    *) echo "bench.sh: no part $part; there are native, encodings, index, check, spark and lookups" >&2; exit 2 ;;
  esac
done
