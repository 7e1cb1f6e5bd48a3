#!/bin/bash
# campaign.sh [QUERIES [FIRST]]: QUERIES random queries (default 2000) of random tables, from the table of seed FIRST (default 1), each
# answered by NCF, by NCF without push-down and by Parquet; then groups, ten millions of them, within a limit of memory. A query that
# is answered differently is printed with its table's schema and the NCF_RANDOM_SEED that repeats it.
source "$(dirname "$0")/lib.sh"
need cargo java mvn
export NCF_RANDOM_QUERIES=${1:-2000} NCF_RANDOM_FIRST=${2:-1} NCF_GROUPS=${NCF_GROUPS:-10000000}
./sbt "testsScala/testOnly io.ncf.spark.RandomQueriesSuite io.ncf.spark.MemorySuite" </dev/null
