#!/bin/bash
# demo.sh: from a fresh clone to a table of sizes and times. Builds what is missing, brings flights3m and lineitem, lets Spark
# write both as NCF and as Parquet, compares them row for row, queries them, and verifies every NCF file.
# Environment: NCF_HEAP heap of the Spark JVM (default 3g).
source "$(dirname "$0")/lib.sh"
work=bench-data/demo
build_examples dist
ncf=$(tools/cli.sh | tail -n 1)
corpus bench-data/corpus flights3m lineitem

rm -rf "$work"
mkdir -p "$work"
run_example dist io.ncf.examples.Demo bench-data/corpus "$work"

note "ncf verify"
files=0
while IFS= read -r -d '' file; do
  "$ncf" verify "$file"
  files=$((files + 1))
done < <(find "$work" -name '*.ncf' -type f -print0 | LC_ALL=C sort -z)
[ "$files" -gt 0 ] || { echo "the demo left no .ncf file under $work" >&2; exit 1; }
echo "$files NCF files verified under $work"
