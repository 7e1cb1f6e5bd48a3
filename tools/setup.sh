#!/bin/bash
# setup.sh: fetches everything that any make target would fetch, so that later ones need no network.
source "$(dirname "$0")/lib.sh"
need cargo rustfmt java mvn python3 npm make git
python_with corpus spark connect bench s3 onnx
tpch_answers
note "fetching crates"
cargo fetch --locked
note "fetching sbt, its plugins, Scala and Spark"
./sbt update
