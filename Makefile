# Every target installs what it needs; the work is in tools/. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help demo test jar cli bench bench-spark fuzz soak campaign setup fmt lint

help: ## this list
	@sed -n 's/^\([a-z-]*\): ## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

demo: ## builds everything, writes two real tables with Spark as NCF and as Parquet, compares, queries and verifies them
	@tools/demo.sh

test: ## all lints, Rust, Scala and example tests; the last line is "N passed, N failed"
	@tools/test.sh

jar: ## the fat jar for Spark; the last line is its path
	@tools/jar.sh

cli: ## the command line ncf; the last line is its path
	@tools/cli.sh

bench: ## sizes, times and look-ups against Parquet and other rivals, outside Spark and in it; indexes; answers against DuckDB's
	@tools/bench.sh

bench-spark: ## TPC-H in Spark against Parquet and ORC; ARGS="--scale 1 --rounds 3" and others: see tools/bench-spark.sh
	@tools/bench-spark.sh $(ARGS)

fuzz: ## damages files, seals them again and reads them: 60 seconds a target
	@tools/fuzz.sh

soak: ## 10,000 scans in one JVM, with limits, cancels and damaged files: nothing may be left behind
	@tools/soak.sh

campaign: ## 2,000 random queries against Parquet's answers, and ten million groups within a limit of memory
	@tools/campaign.sh

setup: ## fetches everything that the other targets would fetch
	@tools/setup.sh

fmt: ## formats Rust and Scala
	@cargo fmt --all
	@./sbt scalafmtAll scalafmtSbt

lint: ## the lint steps of make test
	@tools/test.sh rustfmt clippy scalafmt
