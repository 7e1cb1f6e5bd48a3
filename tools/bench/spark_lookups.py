#!/usr/bin/env python3
"""Tables of what tools/bench-spark.sh --lookups has measured.

usage: spark_lookups.py RESULTS.json [--command TEXT] [--publish NAME]

Ratios divide the median time of Parquet by NCF's: 10 means that NCF takes a tenth of it. --publish writes docs/benchmarks/NAME.md.
"""
import argparse
import datetime
import json
import pathlib
import statistics

import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = {"ncf": "NCF", "zstd": "Parquet zstd", "tuned": "Parquet tuned"}
# A look-up against Parquet with zstd, at least.
WANTED = 10

ABOUT = """A table of events in the order of their arrival, each up to a minute late, in 8 files: `id bigint` (unique, in no order), `ts
timestamp`, `customer string`, `amount double`, `quantity int`. NCF is written with `filterColumns=id`, else as it comes; Parquet with zstd
and Spark's defaults, and once more *tuned*: with a Bloom filter on `id`, made large enough for the ids of a file, and timestamps in
microseconds, of which Parquet keeps bounds; of those that Spark writes by default, INT96, it keeps none. Queries take all columns: of one
id that is there, of one that is not but lies among the others, and of spans of time. In each round every query asks for another key, the
formats take turns, and each goes first in turn; answers are compared before a time counts. A time holds parsing, planning and running;
tables were opened before. Ten rounds of all queries before the first are not timed."""
ABOUT_FLOOR = """What stock Spark takes for a query that reads nothing, with a task and without: no format can be faster. `above the floor` is the
ratio of what remains when the time of a query with one task is taken off both sides."""
ABOUT_READ = """Rows that scans gave to Spark, and stored bytes that they read, in one run of each query: by NCF's own metric, and by Spark's input
metric for Parquet, whose vectored reads, which that metric does not see, are off while bytes are counted and on in timed runs."""


def milliseconds(seconds):
    """Median and, in brackets, the least, in milliseconds."""
    return f"{1000 * statistics.median(seconds):.1f} ({1000 * min(seconds):.1f})"


class Results:
    def __init__(self, facts):
        self.facts, self.queries = facts, facts["queries"]
        self.formats = list(self.queries[0]["seconds"])
        self.rivals = [name for name in self.formats if name != "ncf"]
        self.floor = {entry["name"]: entry["seconds"]["spark"] for entry in facts["floors"]}

    def ratio(self, entry, rival, floor=0.0):
        ours, theirs = (statistics.median(entry["seconds"][name]) - floor for name in ("ncf", rival))
        return theirs / ours if ours > 0 else float("inf")

    def times(self):
        header = ["query, ms", "rows", *(NAMES[name] for name in self.formats), *(f"{name} / ncf" for name in self.rivals),
                  f"zstd at least {WANTED}x", "above the floor"]
        one_task = statistics.median(self.floor["one task"])
        rows = [[entry["name"], report.size(entry["answer"]), *(milliseconds(entry["seconds"][name]) for name in self.formats),
                 *(report.ratio(self.ratio(entry, name)) for name in self.rivals),
                 report.verdict(self.ratio(entry, "zstd") >= WANTED), report.ratio(self.ratio(entry, "zstd", one_task), 1)]
                for entry in self.queries]
        return report.table(header, rows)

    def floors(self):
        entries = [*self.facts["floors"], *self.queries]
        rows = [[entry["name"], name if name != "spark" else "nothing", milliseconds(entry["planning"][name]),
                 milliseconds([whole - part for whole, part in zip(entry["seconds"][name], entry["planning"][name])])]
                for entry in entries for name in entry["seconds"] if name in ("spark", "ncf", "zstd")]
        return report.table(["query, ms", "of", "parsing and planning", "running"], rows)

    def read(self):
        header = ["query", *(f"{NAMES[name]}, rows" for name in self.formats), *(f"{NAMES[name]}, bytes" for name in self.formats)]
        return report.table(header, [[entry["name"], *(report.size(entry["rows"][name]) for name in self.formats),
                                      *(report.size(entry["bytes"][name]) for name in self.formats)] for entry in self.queries])

    def sizes(self):
        [entry] = self.facts["sizes"]
        return report.table(["table", *(f"{NAMES[name]}, bytes" for name in self.formats)],
                            [[entry["name"], *(report.size(entry["bytes"][name]) for name in self.formats)]])

    def described(self):
        facts = self.facts
        rounds = len(self.queries[0]["seconds"]["ncf"])
        return (f"{int(facts['rows']):,} rows, Spark {facts['spark']} on {facts['master']} with a heap of {facts['heap']}, Java {facts['java']}, "
                f"commit {facts['commit']}, {facts['date']}, seed {facts['seed']}. Machine: {facts['machine']}. Rounds: {rounds}. "
                f"Command: `{facts['command']}`.")

    def markdown(self):
        parts = ["# Look-ups in Spark", self.described(), ABOUT, "Medians, and in brackets the least:", self.times(), "## The floor",
                 ABOUT_FLOOR, self.floors(), "## What was read", ABOUT_READ, self.read(), "## Sizes", self.sizes()]
        return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--command", help="how the results came to be; noted in them with machine, commit and date")
    parser.add_argument("--publish", metavar="NAME")
    args = parser.parse_args()
    facts = json.loads(args.results.read_text())
    if args.command:
        facts |= {"command": args.command, "machine": report.machine(), "commit": report.commit(ROOT),
                  "date": datetime.date.today().isoformat()}
        args.results.write_text(json.dumps(facts, indent=1))
    text = Results(facts).markdown()
    print(text)
    if args.publish:
        folder = ROOT / "docs" / "benchmarks"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{args.publish}.md").write_text(text)


if __name__ == "__main__":
    main()
