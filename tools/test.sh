#!/bin/bash
# test.sh [STEP…]: what CI checks. Steps:
#   rustfmt cargo-test onnx clippy scala-test examples index-check bench scalafmt
# The default is all of them.
# Environment: NCF_TEST_BUDGET seconds after which no further step is begun (default: none), and a quarter later the running one is
# ended. Both are said, and counted as skipped; but cargo-test must end by itself: without it nothing was tested.
# A failing step does not stop the later ones. Each step logs to target/test-logs/STEP.log and the failing part is shown.
# The last output line is "N passed, N failed": the sum over cargo's and ScalaTest's tests, the examples and the answers of index-check
# and of TPC-H's queries, a lint step being one.
source "$(dirname "$0")/lib.sh"
logs=target/test-logs
passed=0 failed=0 skipped=0
budget=${NCF_TEST_BUDGET:-0}
mkdir -p "$logs"

# sum FILE PATTERN: adds the first number of every match of the extended regular expression.
sum() { { grep -oE "$2" "$1" || true; } | { grep -oE '[0-9]+' || true; } | awk '{ n += $1 } END { print n + 0 }'; }

# Each count_KIND FILE prints how many tests of a log passed and failed.
count_cargo() { echo "$(sum "$1" 'test result: [a-zA-Z]+\. [0-9]+ passed') $(sum "$1" '; [0-9]+ failed;')"; }
# An aborted suite ran none of its tests: one failure. A run that was cut off has no totals, only its failures.
count_scalatest() {
  local failed seen
  failed=$(($(sum "$1" ', failed [0-9]+, canceled') + $(sum "$1" 'aborted [0-9]+')))
  seen=$(grep -c '\*\*\* FAILED \*\*\*' "$1" || true)
  echo "$(sum "$1" 'Tests: succeeded [0-9]+') $((failed > seen ? failed : seen))"
}
count_examples() { echo "$(sum "$1" '^[0-9]+ passed') $(sum "$1" 'passed, [0-9]+ failed$')"; }

# What of a log to show after a failure.
excerpt() {
  local kind=$1 log=$2
  case $kind in
    cargo) { grep -nE "^error|^test .* FAILED|panicked at|^failures:" -A 12 "$log" || tail -n 60 "$log"; } | head -n 150 ;;
    scalatest) { grep -E '\*\*\*|^\[error\]' -A 6 "$log" || tail -n 60 "$log"; } | head -n 150 ;;
    *) tail -n 80 "$log" ;;
  esac
}

# step NAME KIND COMMAND…: runs one step and adds its counts; KIND lint counts the command itself.
step() {
  local name=$1 kind=$2 log=$logs/$1.log start=$SECONDS status=0 good=0 bad=0
  shift 2
  if [ "$budget" -gt 0 ] && [ "$SECONDS" -gt "$budget" ]; then
    skipped=$((skipped + 1))
    printf '%-12s skipped: the budget of %d s is spent\n' "$name" "$budget"
    return
  fi
  local limit=()
  [ "$budget" -eq 0 ] || limit=(timeout --kill-after=30 "$((budget + budget / 4 - SECONDS))")
  # A function of this script has no program that could be ended; what it runs is short.
  [ "$(type -t "$1")" != function ] || limit=()
  "${limit[@]}" "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$budget" -gt 0 ] && [ "$status" -eq 124 ] && [ "$name" != cargo-test ]; then
    skipped=$((skipped + 1)) status=0
    printf '%-12s ended: the budget of %d s is spent; what it had tested by then is counted\n' "$name" "$budget"
    [ "$kind" != lint ] || return 0
    read -r good bad < <("count_$kind" "$log")
  elif [ "$kind" = lint ]; then
    [ "$status" -eq 0 ] && good=1 || bad=1
  else
    read -r good bad < <("count_$kind" "$log")
    # A step that ends badly without a failed test (a compile error, a killed JVM), or that ran nothing, is a failure of its own.
    if [ "$bad" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$good" -eq 0 ]; }; then bad=1; fi
  fi
  passed=$((passed + good)) failed=$((failed + bad))
  printf '%-12s %6d passed %4d failed %5d s\n' "$name" "$good" "$bad" "$((SECONDS - start))"
  if [ "$bad" -gt 0 ]; then
    excerpt "$kind" "$log" | sed 's/^/    /'
    echo "    the whole log is $log"
  fi
}

# Models in ONNX Runtime. Without its library the step fails: a test that skips itself tests nothing.
test_onnx() {
  local library
  python_with onnx || return 1
  library=$(find -H .venv/lib -name 'libonnxruntime.so*' -o -name 'libonnxruntime*.dylib' | sort | head -n 1)
  [ -n "$library" ] || { echo "onnxruntime is installed and holds no library" >&2; return 1; }
  ORT_DYLIB_PATH=$(realpath "$library") cargo test --locked -p ncf-tests --test it -- \
    --exact --ignored --nocapture model::models_run_in_onnx_runtime
}

need cargo rustfmt java mvn python3 npm git
for name in ${*:-rustfmt cargo-test onnx clippy scala-test examples index-check bench scalafmt}; do
  case $name in
    rustfmt) step rustfmt lint cargo fmt --all --check ;;
    clippy) step clippy lint cargo clippy --locked --workspace --all-targets -- -D warnings ;;
    cargo-test) step cargo-test cargo cargo test --locked --workspace --no-fail-fast ;;
    onnx) step onnx cargo test_onnx ;;
    scalafmt) step scalafmt lint ./sbt scalafmtCheckAll scalafmtSbtCheck ;;
    scala-test)
      # Without them the tests of S3, of clusters and of Spark Connect are cancelled, which is said in the log.
      for part in s3 spark connect; do
        python_with "$part" || note "tools/requirements-$part.txt could not be installed: its tests are cancelled"
      done
      step scala-test scalatest ./sbt test ;;
    examples) step examples examples tools/test_examples.sh ;;
    index-check) step index-check examples tools/test_index.sh ;;
    bench) step bench examples tools/bench-spark.sh --quick ;;
    *) echo "test.sh: no step $name; see the top of tools/test.sh" >&2; exit 2 ;;
  esac
done
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
