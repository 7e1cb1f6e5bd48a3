#!/bin/bash
# bench-spark.sh [OPTION…]: the 22 queries of TPC-H and micro queries in stock Spark on local[2]: NCF against Parquet and ORC, turn by
# turn in one run, answers compared. Tables of the results are printed; raw times go to target/bench/spark-sfSCALE.json.
#   --scale S         scale factor of the data (default 5)
#   --rounds N        timed runs of each query on each format, after one that is not timed (default 5)
#   --write-rounds N  timed writes of lineitem in each format, other tables are written once (default 3)
#   --formats LIST    ncf and some of zstd, snappy (Parquet) and orc (zstd, Spark's default for it); default all
#   --queries LIST    of tpch, micro, 1 to 22, and names of micro queries; default all
#   --ceiling         measures a source that has decoded and filtered everything before, too: it needs memory beside the heap
#   --reuse           measures the tables that the last run of this scale has written
#   --append          adds the results to those of the last run of this scale
#   --publish NAME    writes the tables and a plot into docs/benchmarks/NAME.md and NAME.svg
#   --verify          compares the answers with DuckDB's and, at scale 0.01, 0.1 or 1, with published ones: see tools/bench/tpch_answers.py
#   --lookups         instead of all that: look-ups of ids in no order and of spans of time, NCF against Parquet zstd, by default and tuned
#                     (Bloom filter, timestamps in microseconds); takes --rows N (default 30000000), --rounds (default 31), --reuse and --publish
#   --quick           what CI runs: the answers of NCF, Parquet zstd, ORC and the ceiling at scale 0.1, --verify; the last line is "N passed, N failed"
# Environment: NCF_HEAP heap of the Spark JVM (default 6g).
source "$(dirname "$0")/lib.sh"
command="tools/bench-spark.sh${*:+ $*}"
scale=5 profile=dist results="" append="" publish=() verify="" lookups="" rows=30000000 options=()
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2; shift ;;
    --rounds | --write-rounds | --formats | --queries) options+=("$1" "$2"); shift ;;
    --reuse | --ceiling) options+=("$1") ;;
    --append) append=1 ;;
    --lookups) lookups=1 ;;
    --rows) rows=$2; shift ;;
    --publish) publish=(--publish "$2"); shift ;;
    --verify) verify=1 ;;
    --quick) scale=0.1 profile=dev verify=1 results=target/bench/spark-quick.json options+=(--rounds 1 --write-rounds 1 --formats ncf,zstd,orc --ceiling) ;;
    *) echo "bench-spark.sh: no option $1; see the top of tools/bench-spark.sh" >&2; exit 2 ;;
  esac
  shift
done
[ -x .venv/bin/python ] || python_with corpus
if [ -n "$lookups" ]; then
  work=bench-data/spark/lookups$rows results=target/bench/spark-lookups.json
  build_examples "$profile"
  mkdir -p "$work" target/bench
  NCF_HEAP=${NCF_HEAP:-6g} run_example "$profile" io.ncf.examples.bench.LookupBench "$work" "$results" --rows "$rows" "${options[@]}" >&2
  .venv/bin/python tools/bench/spark_lookups.py "$results" --command "$command" "${publish[@]}"
  exit
fi
data=bench-data/tpch/sf$scale work=bench-data/spark/sf$scale answers=target/bench/answers
results=${results:-target/bench/spark-sf$scale.json}

build_examples "$profile"
tpch "$data" "$scale"
mkdir -p "$work" target/bench
rm -rf "$answers"
[ -z "$append" ] || mv "$results" "$results.earlier"
[ -z "$verify" ] || options+=(--answers "$answers")
NCF_HEAP=${NCF_HEAP:-6g} run_example "$profile" io.ncf.examples.bench.SparkBench "$data" "$work" "$results" --scale "$scale" "${options[@]}" >&2
.venv/bin/python tools/bench/spark.py "$results" --command "$command" ${append:+--earlier "$results.earlier"} "${publish[@]}"
if [ -n "$verify" ]; then
  tpch_answers
  PYTHONPATH=.venv/tpch .venv/bin/python tools/bench/tpch_answers.py "$answers" "$data" "$scale"
fi
