#!/bin/bash
# bench.sh [native] [spark]: the measurements, NCF and its rivals interleaved in one run; default both.
# Reports go to the output and to target/bench/. Environment: NCF_HEAP heap of the Spark JVM (default 3g).
source "$(dirname "$0")/lib.sh"
parts=${*:-native spark}
corpus bench-data/corpus
mkdir -p target/bench

for part in $parts; do
  case $part in
    native)
      python_with corpus bench
      cargo_build dist
      .venv/bin/python tools/bench/native.py bench-data/corpus "$(cargo_folder dist)/ncf-bench" | tee target/bench/native.txt
      ;;
    spark)
      build_examples dist
      rm -rf bench-data/spark
      mkdir -p bench-data/spark
      run_example dist io.ncf.examples.SparkBench bench-data/corpus bench-data/spark | tee target/bench/spark.txt
      ;;
    *) echo "bench.sh: no part $part; there are native and spark" >&2; exit 2 ;;
  esac
done
