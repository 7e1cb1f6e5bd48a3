#!/bin/bash
# test_examples.sh: runs every example as a user would, on a small corpus: the Scala demo, then each Python script through
# spark-submit with the fat jar. A Python example gets the corpus folder and an empty working folder as its arguments.
# One line an example, then "N passed, N failed"; the exit status is 0 only if all passed and there was one of each kind.
source "$(dirname "$0")/lib.sh"
corpus=bench-data/small work=target/test-examples
passed=0 failed=0

# example NAME COMMAND…: counts one example.
example() {
  local name=$1
  shift
  rm -rf "$work/$name"
  mkdir -p "$work/$name"
  if "$@" "$corpus" "$work/$name"; then
    echo "passed: $name"
    passed=$((passed + 1))
  else
    echo "FAILED: $name"
    failed=$((failed + 1))
  fi
}

build_examples dev
jar=$(jar_path dev)
corpus "$corpus" --tpch-scale 0.01 --rows 50000 flights3m lineitem
example Demo run_example dev io.ncf.examples.Demo

python_with spark
export PYSPARK_PYTHON=$root/.venv/bin/python NCF_JAR=$jar SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1}
scripts=0
for script in examples/python/*.py; do
  [ -f "$script" ] || continue
  scripts=$((scripts + 1))
  example "$(basename "$script")" .venv/bin/spark-submit --jars "$jar" \
    --driver-java-options "-Dlog4j2.configurationFile=$root/tools/log4j2.properties" --conf spark.ui.enabled=false \
    --conf "spark.sql.warehouse.dir=$root/$work/warehouse" "$script"
done
[ "$scripts" -gt 0 ] || { echo "FAILED: examples/python holds no script"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
