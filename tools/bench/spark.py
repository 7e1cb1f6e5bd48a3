#!/usr/bin/env python3
"""Tables of what tools/bench-spark.sh has measured.

usage: spark.py RESULTS.json [--earlier EARLIER.json] [--command TEXT] [--publish NAME]

Ratios compare the time of another format with NCF's: 2 means that NCF takes half the time. They are taken of the least times of
both, and, "paired", within each round, where both formats met the same machine: then the median of the rounds counts.

--earlier adds the queries of another run of the same scale and formats. --publish writes docs/benchmarks/NAME.md and
NAME.svg.
"""
import argparse
import datetime
import json
import math
import pathlib
import statistics

import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = {"ncf": "NCF", "zstd": "Parquet zstd", "snappy": "Parquet snappy", "orc": "ORC zstd", "ceiling": "ceiling",
         "source": "source only"}
COLOURS = {"zstd": "#3b6fb6", "snappy": "#8fb3de", "orc": "#c9a227"}

ABOUT = [
    """The 22 queries of TPC-H with the parameters of its validation run, then micro queries on lineitem, in stock Spark. The formats take
turns within every round, after a run that is not timed; each goes first in turn. Answers are compared, exactly, before a time counts. A
time holds parsing, planning and running; tables were opened before.""",
    """`zstd / ncf` is the least time of Parquet with zstd divided by NCF's: 2.00x means that NCF takes half of it. `paired` is the median of
that quotient within each round. ORC is written with zstd, Spark's default for it; NCF with its default, `balanced`. All are written by
Spark from the same Parquet files, with as many files a table.""",
]
SECONDS = "Seconds: the least, and in brackets the median of the rounds."
ABOUT_CROSSED = """Rows that scans gave to Spark, and stored bytes that they read: by NCF's own metric, and by Spark's input metric for
Parquet. That metric does not see vectored reads of local files: Parquet's are switched off while bytes are counted, never in a timed run;
ORC's cannot be."""
ABOUT_WRITES = "`source only` is a scan of the source that keeps nothing: a part of every write."
ABOUT_CEILING = """The same queries over tables that are decoded and filtered before the clock starts: a source that gives Spark the very batches
that NCF's scans would, from plain columns in native memory, having taken the same filters and columns. Groups, sums and first rows of an
order it leaves to Spark: where NCF does these itself it can pass 100 %."""


def spread(seconds):
    """Minimum and median."""
    return f"{min(seconds):.3f} ({statistics.median(seconds):.3f})"


def ratio(entry, other, base="ncf"):
    return min(entry["seconds"][other]) / min(entry["seconds"][base])


def paired(entry, other, base="ncf"):
    rounds = zip(entry["seconds"][other], entry["seconds"][base])
    return statistics.median(theirs / ours for theirs, ours in rounds)


def mean(values):
    """The geometric mean: the one that does not change when every ratio is turned over."""
    return math.exp(statistics.fmean(map(math.log, values)))


class Results:
    def __init__(self, facts):
        self.facts = facts
        self.queries = facts["queries"]
        self.formats = list(self.queries[0]["seconds"])
        self.stored = [name for name in self.formats if name != "ceiling"]
        self.rivals = [name for name in self.stored if name != "ncf"]
        self.tpch = [entry for entry in self.queries if entry["tpch"]]

    def means(self, columns):
        """The last row of a table: geometric means over TPC-H."""
        return [f"geometric mean of {len(self.tpch)}", *columns]

    def times(self):
        measures = [(name, how) for name in self.rivals for how in (ratio, paired)]
        header = ["query", *(f"{NAMES[name]}, s" for name in self.stored),
                  *(f"{name} / ncf" if how is ratio else "paired" for name, how in measures)]
        rows = [[entry["name"], *(spread(entry["seconds"][name]) for name in self.stored),
                 *(report.ratio(how(entry, name)) for name, how in measures)] for entry in self.queries]
        if len(self.tpch) > 1 and "ncf" in self.stored:
            blank = ["" for _ in self.stored]
            means = (report.ratio(mean([how(entry, name) for entry in self.tpch])) for name, how in measures)
            rows.append(self.means([*blank, *means]))
        return report.table(header, rows)

    def crossed(self):
        seen = [name for name in self.stored if name != "orc"]
        header = ["query", *(f"{NAMES[name]}, rows" for name in self.formats), *(f"{NAMES[name]}, bytes" for name in seen)]
        return report.table(header, [
            [entry["name"], *(report.size(entry["rows"][name]) for name in self.formats),
             *(report.size(entry["bytes"][name]) for name in seen)] for entry in self.queries])

    def ceiling(self):
        """How near NCF comes to a source that decodes and filters nothing, and how far that is from Parquet."""
        header = ["query", "NCF, s", "ceiling, s", "NCF's part of it", *(f"{name} / ceiling" for name in self.rivals)]
        percent = lambda value: f"{100 * value:.0f} %"
        rows = [[entry["name"], spread(entry["seconds"]["ncf"]), spread(entry["seconds"]["ceiling"]), percent(ratio(entry, "ceiling")),
                 *(report.ratio(ratio(entry, name, "ceiling")) for name in self.rivals)] for entry in self.queries]
        if len(self.tpch) > 1:
            others = (report.ratio(mean([ratio(entry, name, "ceiling") for entry in self.tpch])) for name in self.rivals)
            rows.append(self.means(["", "", percent(mean([ratio(entry, "ceiling") for entry in self.tpch])), *others]))
        return report.table(header, rows)

    def sizes(self):
        tables = {entry["name"]: entry["bytes"] for entry in self.facts["sizes"]}
        tables["all"] = {name: sum(sizes[name] for sizes in tables.values()) for name in self.stored}
        header = ["bytes", *(NAMES[name] for name in self.stored), *(f"ncf / {name}" for name in self.rivals)]
        return report.table(header, [[table, *(report.size(sizes[name]) for name in self.stored),
                                      *(f"{sizes['ncf'] / sizes[name]:.3f}" for name in self.rivals)] for table, sizes in tables.items()])

    def writes(self):
        header = ["write, s", "rounds", *(NAMES[name] for name in ["source", *self.stored]), *(f"{name} / ncf" for name in self.rivals)]
        return report.table(header, [
            [entry["name"], len(entry["seconds"]["ncf"]), *(spread(entry["seconds"][name]) for name in ["source", *self.stored]),
             *(report.ratio(ratio(entry, name)) for name in self.rivals)] for entry in self.facts["writes"]])

    def described(self):
        facts = self.facts
        rounds = {len(entry["seconds"]["ncf"]) for entry in self.queries}
        return (f"TPC-H at scale {facts['scale']}, Spark {facts['spark']} on {facts['master']} with a heap of {facts['heap']} and "
                f"{facts['shufflePartitions']} shuffle partitions, Java {facts['java']}, commit {facts['commit']}, {facts['date']}. "
                f"Machine: {facts['machine']}. Rounds: {', '.join(map(str, sorted(rounds)))}. Command: `{facts['command']}`.")

    def text(self):
        parts = [self.times(), SECONDS, self.crossed()]
        if "ceiling" in self.formats:
            parts.append(self.ceiling())
        parts.append(self.sizes())
        if "writes" in self.facts:
            parts.append(self.writes())
        return "\n\n".join([*parts, self.described()])

    def markdown(self, plot):
        parts = ["# TPC-H in Spark", self.described(), *ABOUT, f"![NCF against the others by query]({plot})",
                 "## Times", SECONDS, self.times(), "## What crossed into the JVM", ABOUT_CROSSED, self.crossed()]
        if "ceiling" in self.formats:
            parts += ["## The ceiling", ABOUT_CEILING, self.ceiling()]
        parts += ["## Sizes", self.sizes()]
        if "writes" in self.facts:
            parts += ["## Writing", ABOUT_WRITES, self.writes()]
        return "\n\n".join(parts) + "\n"

    def plot(self):
        """Bars of the paired ratios, a query a group, with a line where both take as long."""
        rivals = [name for name in self.rivals if name in COLOURS]
        bar, gap, left, width = 7, 6, 100, 640
        group = bar * len(rivals) + gap
        top, height = 46, 46 + len(self.queries) * group + 34
        most = max(paired(entry, name) for entry in self.queries for name in rivals)
        # Halves and doubles are as far from one as each other.
        low, high = math.log2(0.5), math.log2(max(most, 2)) + 0.1
        x = lambda value: left + (math.log2(max(value, 0.5)) - low) / (high - low) * (width - left - 60)
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
               f'<rect width="{width}" height="{height}" fill="white"/>',
               f'<text x="{left}" y="16" font-size="13">Time of another format / time of NCF, scale {self.facts["scale"]}</text>']
        for at, name in enumerate(rivals):
            out.append(f'<rect x="{left + at * 120}" y="24" width="10" height="10" fill="{COLOURS[name]}"/>'
                       f'<text x="{left + 14 + at * 120}" y="33">{NAMES[name]}</text>')
        tick = 0.5
        while math.log2(tick) <= high:
            strong = 'stroke="#444"' if tick == 1 else 'stroke="#ddd"'
            out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top - 4}" y2="{height - 26}" {strong}/>'
                       f'<text x="{x(tick):.1f}" y="{height - 12}" text-anchor="middle">{tick:g}x</text>')
            tick *= 2
        for row, entry in enumerate(self.queries):
            y = top + row * group
            out.append(f'<text x="{left - 8}" y="{y + bar * len(rivals) / 2 + 4}" text-anchor="end">{entry["name"]}</text>')
            for at, name in enumerate(rivals):
                value = paired(entry, name)
                start, end = sorted((x(1), x(value)))
                out.append(f'<rect x="{start:.1f}" y="{y + at * bar}" width="{end - start:.1f}" height="{bar - 1}" fill="{COLOURS[name]}"/>'
                           f'<text x="{end + 3:.1f}" y="{y + at * bar + bar - 1}" font-size="7">{value:.2f}</text>')
        return "\n".join([*out, "</svg>", ""])


def merged(earlier, facts):
    """The queries of both, each from the later run that has it; what was written from whichever wrote."""
    for what in ("scale", "spark", "master"):
        if earlier[what] != facts[what]:
            raise SystemExit(f"the runs differ in {what}: {earlier[what]} and {facts[what]}")
    queries = {entry["name"]: entry for entry in [*earlier["queries"], *facts["queries"]]}
    if len({tuple(entry["seconds"]) for entry in queries.values()}) > 1:
        raise SystemExit("the runs differ in formats")
    in_order = sorted(queries.values(), key=lambda entry: (not entry["tpch"], entry["name"] if entry["tpch"] else ""))
    both = {**earlier, **facts, "queries": in_order}
    both["command"] = "; ".join(dict.fromkeys([*earlier["command"].split("; "), facts["command"]]))
    return both


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--earlier", type=pathlib.Path)
    parser.add_argument("--command", help="how the results came to be; noted in them with machine, commit and date")
    parser.add_argument("--publish", metavar="NAME")
    args = parser.parse_args()
    facts = json.loads(args.results.read_text())
    if args.command:
        facts |= {"command": args.command, "machine": report.machine(), "commit": report.commit(ROOT),
                  "date": datetime.date.today().isoformat()}
    if args.earlier:
        facts = merged(json.loads(args.earlier.read_text()), facts)
    args.results.write_text(json.dumps(facts, indent=1))
    results = Results(facts)
    print(results.text())
    if args.publish:
        folder = ROOT / "docs" / "benchmarks"
        folder.mkdir(parents=True, exist_ok=True)
        plot = f"{args.publish}.svg"
        (folder / f"{args.publish}.md").write_text(results.markdown(plot))
        (folder / plot).write_text(results.plot())


if __name__ == "__main__":
    main()
