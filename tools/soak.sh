#!/bin/bash
# soak.sh [SCANS]: scans, queries and writes, SCANS of them (default 10000) in one JVM, with limits, cancels and damaged files
# among them: open handles, memory, threads and files must not grow, and the JVM's checks of JNI must stay silent, in the tests
# of the boundary, too. The lines that begin with "soak:" say what the process held on the way.
source "$(dirname "$0")/lib.sh"
need cargo java mvn
export NCF_SOAK_SCANS=${1:-10000}
./sbt "testsScala/testOnly io.ncf.spark.soak.SoakSuite" </dev/null
