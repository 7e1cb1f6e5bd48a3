#!/usr/bin/env python3
"""Native measurements: NCF against Parquet (pyarrow), DuckDB, Vortex and Lance, interleaved in one run.

usage: native.py CORPUS NCF_BENCH [--small] [--only PART]... [--rounds N] [--tables a,b] [--folder DIR] [--write]

CORPUS is the folder of Parquet files that tools/corpus.py builds, NCF_BENCH the program of
native/ncf-bench (built with optimisation). For every table: bytes in every format and as CSV text, time to
write, to read everything to Arrow, to read with a filter, and (lineitem) to read one order, and to read
everything on one core. The report then holds all that against the targets that NCF has.

How it is fair: every operation of every format runs in a process of its own and times itself there. Reads
run several times in that process; the first is warm-up and dropped, the earlier result is freed before
the next. Opening the file is always included, importing a library and translating a condition never;
a write ends when its files are synced to disk. Rounds go through all formats in turn, so that a busy
moment of the machine hits all. Reads may use all cores; writes and the operation `decode` are pinned to
one. Results are compared before any time is reported: rows, nulls and an exact sum per column.

--only sizes, write, decode, read, filter or point, given once or more, runs only those parts. Sizes alone write
every format once. How small Parquet can be made (`parquet tuned`) takes long to find out; therefore the sizes
of rivals whose files nothing else needs are kept in target/bench/rival-sizes.json, each with a digest of table,
versions and settings, and are taken from there while that digest is the same. Delete it to measure anew.

--write puts the report into docs/benchmarks/native.md.
"""
import argparse
import collections
import hashlib
import inspect
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import report
from rivals import CSV, SIZE_ONLY, child, csv_bytes, equal, ncf_condition, remove, rival_class, sql_condition

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES_KEPT = ROOT / "target" / "bench" / "rival-sizes.json"
FORMATS = ["ncf balanced", "ncf fast", "ncf compact", "ncf point", "parquet snappy", "parquet zstd-3", "parquet zstd-19",
           "parquet tuned", "orc", "duckdb", "vortex", "vortex compact", "lance"]
BASELINE = "parquet zstd-3"
PACKAGES = ["pyarrow", "duckdb", "vortex-data", "pylance"]
WRITERS = ["ncf balanced", "ncf fast", "ncf compact", "parquet zstd-3", "vortex", "vortex compact", "lance"]
# The profile for look-ups is measured where these are.
READERS = [name for name in FORMATS if name not in (*SIZE_ONLY, "ncf point")]
POINT_READERS = [name for name in FORMATS if name not in SIZE_ONLY]
DECODERS = ["ncf fast", "ncf balanced", "ncf compact", "parquet zstd-3", "vortex", "vortex compact"]
READERS_OF = {"decode": DECODERS, "read": READERS, "filter": READERS, "point": POINT_READERS}
PARTS = ["sizes", "write", "decode", "read", "filter", "point"]
REPEATS = {"write": 1, "decode": 3, "read": 3, "filter": 4, "point": 21}
PINNED = ["write", "decode"]

# Per table: columns wanted, and conditions (column, operator, value), all of which must hold.
FILTERS = {
    "lineitem": (["l_extendedprice", "l_discount"],
                 [("l_shipdate", ">=", {"date": "1994-01-01"}), ("l_shipdate", "<", {"date": "1995-01-01"}),
                  ("l_discount", ">=", {"decimal": "0.05", "precision": 15}),
                  ("l_discount", "<=", {"decimal": "0.07", "precision": 15}),
                  ("l_quantity", "<", {"decimal": "24.00", "precision": 15})]),
    "orders": (["o_orderkey", "o_totalprice"], [("o_orderpriority", "=", "1-URGENT"), ("o_orderstatus", "=", "F")]),
    "flights3m": (["date", "delay", "destination"], [("origin", "=", "JFK"), ("delay", ">", 60)]),
    "nycflights": (["carrier", "flight", "dep_delay"], [("origin", "=", "JFK"), ("dep_delay", ">", 60)]),
    "weblog": (["host", "bytes"], [("status", "=", {"int": 500})]),
    "zipcodes": (["city", "county"], [("state", "=", "CA")]),
    "birdstrikes": (["Airport Name", "Wildlife Species", "Cost Total $"],
                    [("Phase of flight", "=", "Approach"), ("Cost Total $", ">", 1000)]),
}
POINTS = {"lineitem": ("l_orderkey", 3_000_001)}

# The targets. Bytes at most, balanced and compact.
BYTES_WANTED = {
    "lineitem": (105_000_000, 90_000_000),
    "flights3m": (9_000_000, 7_400_000),
    "nycflights": (3_600_000, 3_000_000),
    "orders": (28_000_000, 24_000_000),
    "weblog": (42_000_000, 32_000_000),
    "zipcodes": (480_000, 380_000),
    "birdstrikes": (66_000, 50_000),
}
# Geometric means over all tables at most: balanced against the baseline, compact against the smallest of the small rivals.
MEANS_WANTED = (0.70, 0.77)
SMALL_RIVALS = ["parquet tuned", "orc", "vortex compact", "lance"]
# CSV text against compact, at least; and times of writing against the baseline's, at most.
CSV_WANTED = 12
WRITE_WANTED = {"ncf balanced": 1.5, "ncf compact": 4}
# Speed of a read on one core against a rival's, at least.
DECODE_WANTED = [("ncf fast", "vortex", 1), ("ncf balanced", "vortex compact", 1), ("ncf fast", BASELINE, 3),
                 ("ncf balanced", BASELINE, 3)]
# Seconds of the median point read in each profile, at most; and the rivals that it is shown beside.
POINT_WANTED = 0.003
POINT_RIVALS = [BASELINE, "vortex"]


class KeptSizes:
    """Sizes of rivals' files that an earlier run measured with the same table, versions and settings."""

    def __init__(self, corpus):
        self.corpus, self.digests, self.used = corpus, {}, []
        self.sizes = json.loads(SIZES_KEPT.read_text()) if SIZES_KEPT.exists() else {}

    def digest(self, table, name):
        """What the size depends on: the rows, the libraries, and the code here that calls them."""
        if table not in self.digests:
            with open(self.corpus / f"{table}.parquet", "rb") as file:
                self.digests[table] = hashlib.file_digest(file, "sha256").hexdigest()
        parents = [csv_bytes] if name == CSV else [kind for kind in rival_class(name).__mro__ if kind is not object]
        code = "".join(map(inspect.getsource, parents))
        return hashlib.sha256(f"{self.digests[table]} {name} {report.versions(PACKAGES)} {code}".encode()).hexdigest()

    def get(self, table, name):
        kept = self.sizes.get(f"{table} {name}")
        if kept and kept["of"] == self.digest(table, name):
            self.used.append(name)
            return kept["bytes"]
        return None

    def put(self, table, name, count):
        self.sizes[f"{table} {name}"] = {"bytes": count, "of": self.digest(table, name)}
        SIZES_KEPT.parent.mkdir(parents=True, exist_ok=True)
        SIZES_KEPT.write_text(json.dumps(self.sizes, indent=1))


class Run:
    """One run over some tables; results by table and operation."""

    def __init__(self, arguments):
        self.arguments, self.parts = arguments, arguments.parts
        self.decoded = "lineitem" if "lineitem" in arguments.tables else arguments.tables[0]
        self.cores = sorted(os.sched_getaffinity(0))
        self.sizes = collections.defaultdict(dict)
        self.kept = KeptSizes(arguments.corpus)
        self.times = collections.defaultdict(lambda: collections.defaultdict(list))
        self.failed = []

    def measure(self, table, op, name, **request):
        """One operation in a process of its own: its JSON, or None, noted as a failure."""
        stem = self.arguments.folder / table
        repeat = REPEATS[op]
        if name.startswith("ncf"):
            command = self.ncf_command(table, op, name, request)
            command += ["--repeat", str(repeat)]
        else:
            task = {"op": op, "format": name, "stem": str(stem), "repeat": repeat,
                    "input": str(self.arguments.corpus / f"{table}.parquet"), **request}
            command = [sys.executable, __file__, "--child", json.dumps(task)]
        if op in PINNED and name not in (*SIZE_ONLY, CSV) and shutil.which("taskset"):
            command = ["taskset", "-c", str(self.cores[-1]), *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.failed.append((table, op, name, (done.stderr.strip().splitlines() or ["no message"])[-1]))
            print(f"FAILED {table} {op} {name}: {self.failed[-1][3]}", file=sys.stderr)
            return None
        return json.loads(done.stdout.strip().splitlines()[-1])

    def ncf_command(self, table, op, name, request):
        profile = name.removeprefix("ncf ")
        file = str(self.arguments.folder / f"{table}.{profile}.ncf")
        program = str(self.arguments.ncf_bench)
        if op == "write":
            return [program, "write", str(self.arguments.corpus / f"{table}.parquet"), file, "--profile", profile]
        if op == "point":
            [(column, _, value)] = request["conditions"]
            return [program, "point", file, column, str(value)]
        command = [program, "read", file, "--threads", "1" if op == "decode" else str(len(self.cores))]
        if request.get("columns"):
            command += ["--columns", ",".join(request["columns"]), "--filter", ncf_condition(request["conditions"])]
        return command

    def reads(self, table):
        """The parts wanted that read this table, each with what it asks for."""
        found = {"decode": {}} if table == self.decoded else {}
        found["read"] = {}
        columns, conditions = FILTERS[table]
        found["filter"] = {"columns": columns, "conditions": conditions}
        if table in POINTS:
            column, value = POINTS[table]
            found["point"] = {"conditions": [(column, "=", value)]}
        return {op: request for op, request in found.items() if op in self.parts}

    def write_all(self, table):
        """Writes the table in every format that the parts wanted need, in rounds where the time is reported."""
        reads = self.reads(table)
        to_read = {name for op in reads for name in READERS_OF[op]}
        timed = WRITERS if "write" in self.parts else []
        for name in [*FORMATS, CSV]:
            if name not in timed and ("sizes" in self.parts or name in to_read):
                self.write_once(table, name, keep=name in to_read or self.arguments.folder_is_given)
        for number in range(self.arguments.rounds if timed else 0):
            for name in timed:
                result = self.measure(table, "write", name)
                if result:
                    self.sizes[table][name] = result["bytes"]
                    self.times[table, "write"][name] += result["seconds"]
            print(f"{table}: write, round {number + 1}", file=sys.stderr)

    def write_once(self, table, name, keep):
        """Notes the size of one format; writes it unless the size is known and no file is to be kept."""
        ours = name.startswith("ncf")
        count = None if ours or (keep and name != CSV) else self.kept.get(table, name)
        if count is None:
            result = self.measure(table, "write", name)
            count = result and result["bytes"]
            print(f"{table}: {name}, {count} bytes", file=sys.stderr)
            if count and not ours:
                self.kept.put(table, name, count)
        if count:
            self.sizes[table][name] = count

    def read_all(self, table, op, **request):
        """Rounds over all formats; every result is compared with the baseline's first."""
        expected = None
        names = [BASELINE, *(name for name in READERS_OF[op] if name != BASELINE)]
        for number in range(self.arguments.rounds):
            for name in [name for name in names if name in self.sizes[table]]:
                result = self.measure(table, op, name, **request)
                if not result:
                    continue
                answer = (result["rows"], result["columns"])
                if expected is None and name == BASELINE:
                    expected = answer
                if not equal(answer, expected):
                    raise SystemExit(f"{table} {op}: {name} answers {answer}, {BASELINE} answers {expected}")
                # The first repetition is warm-up.
                self.times[table, op][name] += result["seconds"][1:]
            print(f"{table}: {op}, round {number + 1}", file=sys.stderr)

    def run(self):
        for table in self.arguments.tables:
            self.write_all(table)
            for op, request in self.reads(table).items():
                self.read_all(table, op, **request)
            if not self.arguments.folder_is_given:
                for path in self.arguments.folder.glob(f"{table}.*"):
                    remove(path)

    def report(self):
        """The report as Markdown."""
        parts = ["# Native measurements", "", f"- machine: {report.machine()}",
                 f"- versions: {report.versions(PACKAGES)}", f"- commit: {report.commit(ROOT)}",
                 f"- command: `tools/bench/native.py CORPUS NCF_BENCH {self.arguments.described}`"]
        if self.times:
            parts.append(f"- {self.arguments.rounds} interleaved rounds; results compared equal first; "
                         f"ratios are minimum against {BASELINE}'s minimum")
        if self.kept.used:
            used = ", ".join(name for name in [*FORMATS, CSV] if name in self.kept.used)
            parts.append(f"- sizes kept from an earlier run with the same tables, versions and settings: {used}")
        if "sizes" in self.parts:
            parts += ["", "## Bytes", "", self.bytes_table()]
        parts += self.targets()
        parts += self.timings()
        if self.failed:
            parts += ["", "## Failed", ""]
            parts += [f"- {table} {op} {name}: {message}" for table, op, name, message in self.failed]
        return "\n".join(parts) + "\n"

    def bytes_table(self):
        rows = []
        for name in [*FORMATS, CSV]:
            cells = []
            for table in self.arguments.tables:
                count, base = self.sizes[table].get(name), self.sizes[table].get(BASELINE)
                cells.append(f"{report.size(count)} ({report.ratio(count / base)})" if count and base else "-")
            rows.append([name, *cells, report.size(self.total(name)) if self.total(name) else "-"])
        return report.table(["format", *self.arguments.tables, "total"], rows)

    def total(self, name):
        """Bytes of all tables in one format, None if one is missing."""
        counts = [self.sizes[table].get(name) for table in self.arguments.tables]
        return sum(counts) if all(counts) else None

    def timings(self):
        titles = {"write": "Write, one core", "decode": "Read everything to Arrow, one core", "read": "Read everything to Arrow",
                  "filter": "Filtered read", "point": "Point read, open included"}
        parts = []
        for op, title in titles.items():
            for table in self.arguments.tables:
                if (table, op) not in self.times:
                    continue
                parts += ["", f"## {title}: {table}", ""]
                if op == "filter":
                    parts += [f"`{sql_condition(FILTERS[table][1])}`", ""]
                if op == "point":
                    parts += [f"`{POINTS[table][0]} = {POINTS[table][1]}`", ""]
                times = {name: self.times[table, op].get(name) for name in FORMATS}
                parts.append(report.table(["format", "minimum", "median", "runs", "ratio"],
                                          report.timing_rows(times, BASELINE, 4 if op == "point" else 2)))
        return parts

    # The targets: one table for each kind of them whose measurements are there.

    def targets(self):
        sections = {
            "Bytes": (["table", "balanced", "at most", "met", "compact", "at most", "met"], self.bytes_wanted),
            "Means": (["table", f"balanced / {BASELINE}", "smallest rival", "bytes", "compact / it"], self.means_wanted),
            "CSV": (["table", CSV, "ncf compact", "CSV / compact", "at least", "met"], self.csv_wanted),
            "Write": (["table", f"balanced / {BASELINE}", "at most", "met", f"compact / {BASELINE}", "at most", "met"],
                      self.write_wanted),
            "Decode": (["speed", "measured", "at least", "met"], self.decode_wanted),
            "Point": (["profile", "median", "at most", "met", *(f"{name} / it" for name in POINT_RIVALS)], self.point_wanted),
        }
        titles = {"Bytes": "Bytes", "Means": f"Against other formats: geometric means, the smallest of {', '.join(SMALL_RIVALS)}",
                  "CSV": "Against CSV text of the same rows, which is without a header and quotes only where needed",
                  "Write": "Write on one core, verification on: minimum against minimum",
                  "Decode": f"Decode of {self.decoded} to Arrow on one core: minimum against minimum",
                  "Point": "Point read, open included: median against median"}
        parts = []
        for name, (header, make) in sections.items():
            if rows := make():
                parts += ["", f"### {titles[name]}", "", report.table(header, rows)]
        return ["", "## Targets", *parts] if parts else []

    def bytes_wanted(self):
        rows = []
        for table in self.sized("ncf balanced", "ncf compact"):
            cells = []
            for name, limit in zip(("ncf balanced", "ncf compact"), BYTES_WANTED[table]):
                count = self.sizes[table][name]
                cells += [report.size(count), report.size(limit), report.verdict(count <= limit)]
            rows.append([table, *cells])
        return rows

    def sized(self, *names):
        """The tables whose sizes in all these formats were asked for and are known."""
        return [table for table in self.arguments.tables
                if "sizes" in self.parts and all(name in self.sizes[table] for name in names)]

    def means_wanted(self):
        rows, balanced, compact = [], [], []
        for table in self.sized("ncf balanced", "ncf compact", BASELINE, *SMALL_RIVALS):
            sizes = self.sizes[table]
            smallest = min(SMALL_RIVALS, key=sizes.get)
            balanced.append(sizes["ncf balanced"] / sizes[BASELINE])
            compact.append(sizes["ncf compact"] / sizes[smallest])
            rows.append([table, report.ratio(balanced[-1], 3), smallest, report.size(sizes[smallest]), report.ratio(compact[-1], 3)])
        if rows:
            means = [statistics.geometric_mean(balanced), statistics.geometric_mean(compact)]
            # The targets are for the whole corpus.
            met = [report.verdict(mean <= limit) if len(rows) == len(BYTES_WANTED) else "-"
                   for mean, limit in zip(means, MEANS_WANTED)]
            rows.append([f"geometric mean, {len(rows)} of {len(BYTES_WANTED)} tables", report.ratio(means[0], 3), "", "",
                         report.ratio(means[1], 3)])
            rows.append(["at most", *(f"{MEANS_WANTED[0]:.2f}x", "", "", f"{MEANS_WANTED[1]:.2f}x")])
            rows.append(["met", met[0], "", "", met[1]])
        return rows

    def csv_wanted(self):
        pairs = [(table, self.sizes[table][CSV], self.sizes[table]["ncf compact"]) for table in self.sized(CSV, "ncf compact")]
        if pairs:
            pairs.append(("total", sum(text for _, text, _ in pairs), sum(ours for _, _, ours in pairs)))
        return [[table, report.size(text), report.size(ours), report.ratio(text / ours), f"{CSV_WANTED}x",
                 report.verdict(text / ours >= CSV_WANTED)] for table, text, ours in pairs]

    def write_wanted(self):
        rows = []
        for table in self.arguments.tables:
            times = self.times.get((table, "write"), {})
            if not all(times.get(name) for name in (BASELINE, *WRITE_WANTED)):
                continue
            cells = []
            for name, limit in WRITE_WANTED.items():
                value = min(times[name]) / min(times[BASELINE])
                cells += [report.ratio(value), f"{limit}x", report.verdict(value <= limit)]
            rows.append([table, *cells])
        return rows

    def decode_wanted(self):
        times = self.times.get((self.decoded, "decode"), {})
        rows = []
        for ours, theirs, limit in DECODE_WANTED:
            if times.get(ours) and times.get(theirs):
                value = min(times[theirs]) / min(times[ours])
                rows.append([f"{ours} against {theirs}", report.ratio(value), f"{limit}x", report.verdict(value >= limit)])
        return rows

    def point_wanted(self):
        rows = []
        for table in POINTS:
            times = {name: statistics.median(seconds) for name, seconds in self.times.get((table, "point"), {}).items() if seconds}
            for name in (name for name in times if name.startswith("ncf")):
                against = [report.ratio(times[rival] / times[name], 1) if rival in times else "-" for rival in POINT_RIVALS]
                rows.append([name, report.duration(times[name]), report.duration(POINT_WANTED),
                             report.verdict(times[name] <= POINT_WANTED), *against])
        return rows


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--child":
        return child(json.loads(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("ncf_bench", type=pathlib.Path)
    parser.add_argument("--small", action="store_true", help="nycflights only, one round: a test of the driver")
    parser.add_argument("--only", action="append", choices=PARTS, help="run this part; may be given several times; all otherwise")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tables", help="comma-separated; all otherwise")
    parser.add_argument("--folder", type=pathlib.Path, help="where to write the formats, and keep them")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/native.md")
    arguments = parser.parse_args()
    arguments.described = " ".join(argument for argument in sys.argv[1:]
                                   if argument not in (str(arguments.corpus), str(arguments.ncf_bench)))
    arguments.tables = ["nycflights"] if arguments.small else (arguments.tables or ",".join(FILTERS)).split(",")
    arguments.rounds = 1 if arguments.small else arguments.rounds
    arguments.parts = arguments.only or PARTS
    if unknown := set(arguments.tables) - set(FILTERS):
        parser.error(f"no table {', '.join(unknown)}; there are {', '.join(FILTERS)}")
    if missing := [table for table in arguments.tables if not (arguments.corpus / f"{table}.parquet").exists()]:
        parser.error(f"{arguments.corpus} lacks {', '.join(missing)}; tools/corpus.py builds them")
    arguments.folder_is_given = arguments.folder is not None
    arguments.folder = arguments.folder or arguments.corpus / ".native"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    run = Run(arguments)
    try:
        run.run()
    finally:
        if not arguments.folder_is_given:
            shutil.rmtree(arguments.folder, ignore_errors=True)
    text = run.report()
    print(text)
    if arguments.write:
        target = ROOT / "docs" / "benchmarks" / "native.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
