# Functions that the scripts in tools/ share; sourced, never run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# One target folder for all clones on a machine: dependencies are compiled once.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ncf/target}

# note TEXT: progress, on the error stream: the output stream is for results.
note() { echo "== $*" >&2; }

# need PROGRAM…: stops with a list of the programs that are not installed.
need() {
  local program missing=""
  for program in "$@"; do
    command -v "$program" >/dev/null || missing="$missing $program"
  done
  [ -z "$missing" ] || { echo "not installed:$missing (CONTRIBUTING.md lists what a build needs)" >&2; exit 1; }
}

# cargo_folder PROFILE: where cargo leaves that profile's artefacts.
cargo_folder() {
  local profile=$1 target=${CARGO_TARGET_DIR:-target}
  [ "$profile" != dev ] || profile=debug
  case $target in /*) ;; *) target=$root/$target ;; esac
  echo "$target/$profile"
}

# cargo_build PROFILE: builds library, command line and benchmark, always together as project/NativeLibrary.scala does: cargo gives
# a dependency the features that all built packages ask for, so one after the other would compile most of them three times.
cargo_build() {
  need cargo
  cargo build --locked --profile "$1" -p ncf-jni -p ncf-cli -p ncf-bench >&2
}

# digest PATH…: one hash over names and bytes of the files below.
digest() {
  find "$@" -type d \( -name target -o -name __pycache__ -o -name .bsp \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
}

# python_with PART…: puts tools/requirements-PART.txt into .venv, once per content of that file.
python_with() {
  local part file stamp
  need python3
  [ -x .venv/bin/python ] || { note "creating .venv"; python3 -m venv .venv; }
  for part in "$@"; do
    file=tools/requirements-$part.txt stamp=.venv/.installed-$part
    cmp -s "$file" "$stamp" && continue
    note "installing $file"
    # Said here because a caller's || switches the shell's own check off.
    .venv/bin/python -m pip install -q --disable-pip-version-check -r "$file" >&2 || return 1
    cp "$file" "$stamp"
  done
}

# sbt_build PROFILE TASK STAMP RESULT INPUT…: runs ./sbt TASK unless RESULT is there and INPUT… are as they were then.
sbt_build() {
  local profile=$1 task=$2 stamp=$3 result=$4 log=target/sbt-build.log now
  shift 4
  now="$(digest "$@") ${RUSTFLAGS-unset}"
  if [ -f "$result" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then return; fi
  need cargo java mvn
  note "./sbt $task (cargo profile $profile; the log is $log)"
  mkdir -p target
  rm -f "$stamp"
  if ! NCF_CARGO_PROFILE=$profile ./sbt "$task" >"$log" 2>&1 </dev/null; then
    grep -E '^\[(error|warn)\]|^error' "$log" | tail -n 60 >&2 || true
    echo "./sbt $task failed; the whole log is $log" >&2
    exit 1
  fi
  mkdir -p "$(dirname "$stamp")"
  echo "$now" >"$stamp"
}

jar_inputs=(native .cargo Cargo.toml Cargo.lock LICENSE spark-connector/src build.sbt project/build.properties project/plugins.sbt project/*.scala)

# jar_path PROFILE: where the fat jar of that cargo profile stands (see project/Packaging.scala).
jar_path() {
  local found
  found=$(find "target/jar/$1" -name 'ncf-spark-*.jar' 2>/dev/null | sort | tail -n 1)
  echo "${found:+$root/$found}"
}

# build_jar PROFILE: the fat jar, if its inputs changed.
build_jar() {
  local jar
  jar=$(jar_path "$1")
  sbt_build "$1" connector/assembly "target/jar/$1/.stamp" "${jar:-none}" "${jar_inputs[@]}"
}

# build_examples PROFILE: the fat jar, the compiled examples and the Java argument file that starts them.
build_examples() {
  sbt_build "$1" examples/javaArguments "target/examples/$1/.stamp" "target/examples/$1/java.args" "${jar_inputs[@]}" examples/src tools/log4j2.properties
}

# run_example PROFILE CLASS ARGUMENT…: starts a Scala example in Spark, as spark-submit would, without its launcher's second JVM.
run_example() {
  local profile=$1
  shift
  SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1} "${JAVA_HOME:+$JAVA_HOME/bin/}java" "@target/examples/$profile/java.args" ${NCF_HEAP:+"-Xmx$NCF_HEAP"} "$@"
}

# corpus FOLDER OPTION… TABLE…: the Parquet files of the corpus that are not there yet.
corpus() {
  python_with corpus
  PATH="$root/.venv/bin:$PATH" .venv/bin/python tools/corpus.py "$@" >&2
}

# tpch FOLDER SCALE: TPC-H's eight tables as Parquet files, unless they are there.
tpch() {
  [ ! -f "$1/.complete" ] || return 0
  python_with corpus
  note "TPC-H at scale $2"
  rm -rf "$1"
  mkdir -p "$1"
  .venv/bin/tpchgen-cli parquet -s "$2" --output-dir="$1" >&2
  touch "$1/.complete"
}

# tpch_answers: what compares answers to TPC-H's queries, in a folder of its own: see tools/requirements-tpch.txt.
tpch_answers() {
  local file=tools/requirements-tpch.txt folder=.venv/tpch
  cmp -s "$file" "$folder/.installed" && return
  [ -x .venv/bin/python ] || python3 -m venv .venv
  note "installing $file"
  rm -rf "$folder"
  .venv/bin/python -m pip install -q --disable-pip-version-check --target "$folder" -r "$file" >&2 || return 1
  cp "$file" "$folder/.installed"
}
