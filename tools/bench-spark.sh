#!/bin/bash
# bench-spark.sh [OPTION…]: the 22 queries of TPC-H and micro queries in stock Spark on local[2], NCF against Parquet and ORC, turn by
# turn in one run. Options:
#   --scale S         the scale factor of the data (default 5)
#   --rounds N        timed runs of each query on each format, after one that is not timed (default 5)
#   --write-rounds N  timed writes of lineitem in each format (default 3)
#   --formats LIST    of ncf, zstd, snappy (Parquet) and orc (with zstd, Spark's default); default all
#   --queries LIST    of tpch, micro, 1 to 22 and the names of micro queries; default all
#   --reuse           measures the tables that the last run of this scale has written
# Environment: NCF_HEAP heap of the Spark JVM (default 6g).
source "$(dirname "$0")/lib.sh"
scale=5 profile=dist options=()
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2; shift ;;
    --rounds | --write-rounds | --formats | --queries) options+=("$1" "$2"); shift ;;
    --reuse | --ceiling) options+=("$1") ;;
    *) echo "bench-spark.sh: no option $1; see the top of tools/bench-spark.sh" >&2; exit 2 ;;
  esac
  shift
done
data=bench-data/tpch/sf$scale work=bench-data/spark/sf$scale results=target/bench/spark.json

build_examples "$profile"
tpch "$data" "$scale"
mkdir -p "$work" target/bench
NCF_HEAP=${NCF_HEAP:-6g} run_example "$profile" io.ncf.examples.bench.SparkBench "$data" "$work" "$results" --scale "$scale" "${options[@]}" >&2
