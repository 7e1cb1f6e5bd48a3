#!/usr/bin/env python3
"""Native measurements: NCF against Parquet (pyarrow), DuckDB, Vortex and Lance, interleaved in one run.

usage: native.py CORPUS NCF_BENCH [--small] [--rounds N] [--tables a,b] [--folder DIR] [--write]

CORPUS is the folder of Parquet files that tools/corpus.py builds, NCF_BENCH the program of
native/ncf-bench (built with optimisation). For every table: bytes in every format, time to write, to read
everything to Arrow, to read with a filter, and (lineitem) to read one order.

How it is fair: every operation of every format runs in a process of its own and times itself there. Reads
run several times in that process; the first is warm-up and dropped, the earlier result is freed before
the next. Opening the file is always included, importing a library and translating a condition never;
a write ends when its files are synced to disk. Rounds go through all formats in turn, so that a busy
moment of the machine hits all. Readers may use all cores; the writers of NCF, Parquet and Vortex are given one
core. Results are compared before any time is reported: rows, nulls and an exact sum per column.

--write puts the report into docs/benchmarks/native.md.
"""
import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import report

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMATS = ["ncf balanced", "ncf fast", "ncf compact", "parquet snappy", "parquet zstd-3", "parquet zstd-19", "duckdb", "vortex",
           "vortex compact", "lance"]
BASELINE = "parquet zstd-3"
PACKAGES = ["pyarrow", "duckdb", "vortex-data", "pylance"]
WRITERS = ["ncf balanced", "ncf fast", "ncf compact", "parquet zstd-3", "vortex", "vortex compact", "lance"]
REPEATS = {"write": 1, "read": 3, "filter": 4, "point": 6}

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
}
POINTS = {"lineitem": ("l_orderkey", 3_000_001)}


# The condition in the dialect of each engine.

def arrow_value(value):
    import datetime
    import decimal
    import pyarrow as pa
    if not isinstance(value, dict):
        return pa.scalar(value)
    if "date" in value:
        return pa.scalar(datetime.date.fromisoformat(value["date"]))
    if "int" in value:
        return pa.scalar(value["int"], pa.int32())
    number = decimal.Decimal(value["decimal"])
    return pa.scalar(number, pa.decimal128(value["precision"], -number.as_tuple().exponent))


def arrow_condition(conditions):
    import functools
    import operator
    import pyarrow.compute as pc
    operators = {"=": operator.eq, ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
    terms = [operators[op](pc.field(column), arrow_value(value)) for column, op, value in conditions]
    return functools.reduce(operator.and_, terms)


def sql_condition(conditions, cast_date="DATE '{}'", cast_decimal="{}"):
    def literal(value):
        if isinstance(value, str):
            return f"'{value}'"
        if not isinstance(value, dict):
            return str(value)
        if "date" in value:
            return cast_date.format(value["date"])
        if "int" in value:
            return str(value["int"])
        scale = len(value["decimal"].partition(".")[2])
        return cast_decimal.format(value["decimal"], precision=value["precision"], scale=scale)
    return " AND ".join(f"{column} {op} {literal(value)}" for column, op, value in conditions)


def ncf_condition(conditions):
    import datetime
    names = {"=": "eq", ">=": "gt_eq", "<=": "lt_eq", ">": "gt", "<": "lt"}

    def literal(value):
        if isinstance(value, str):
            return {"string": value}
        if isinstance(value, int):
            return {"bigint": value}
        if "date" in value:
            return {"date": (datetime.date.fromisoformat(value["date"]) - datetime.date(1970, 1, 1)).days}
        if "int" in value:
            return value
        scale = len(value["decimal"].partition(".")[2])
        return {"decimal": {"unscaled": str(int(value["decimal"].replace(".", ""))), "precision": value["precision"], "scale": scale}}
    terms = [{"compare": [names[op], {"column": [column]}, {"literal": literal(value)}]} for column, op, value in conditions]
    return json.dumps({"and": terms})


# Rivals. Each child process makes one of these; importing the library and translating the condition
# (`__init__`, `condition`) are not timed, opening the file is.

class Parquet:
    def __init__(self, path, variant):
        import pyarrow.parquet
        self.library, self.path, self.variant = pyarrow.parquet, f"{path}.parquet", variant

    def condition(self, conditions):
        return arrow_condition(conditions)

    def write(self, table):
        name, _, level = self.variant.partition("-")
        self.library.write_table(table, self.path, compression=name, compression_level=int(level) if level else None)

    def read(self, columns=None, condition=None):
        return self.library.read_table(self.path, columns=columns, filters=condition)


class DuckDB:
    def __init__(self, path, _variant):
        import duckdb
        self.library, self.path = duckdb, f"{path}.duckdb"

    def condition(self, conditions):
        return sql_condition(conditions)

    def write(self, table):
        with self.library.connect(self.path) as connection:
            connection.register("rows_of_arrow", table)
            connection.execute("CREATE TABLE t AS SELECT * FROM rows_of_arrow")
            connection.execute("CHECKPOINT")

    def read(self, columns=None, condition=None):
        with self.library.connect(self.path, read_only=True) as connection:
            where = f" WHERE {condition}" if condition else ""
            return connection.execute(f"SELECT {', '.join(columns or ['*'])} FROM t{where}").to_arrow_table()


class Vortex:
    def __init__(self, path, variant):
        import vortex
        import vortex.io
        self.library, self.path, self.variant = vortex, f"{path}.vortex", variant

    def condition(self, conditions):
        from vortex.arrow.expression import arrow_to_vortex
        return arrow_to_vortex(arrow_condition(conditions), self.library.open(self.path).to_dataset().schema)

    def write(self, table):
        options = self.library.io.VortexWriteOptions
        (options.compact() if self.variant == "compact" else options.default()).write(table, self.path)

    def read(self, columns=None, condition=None):
        return self.library.open(self.path).to_arrow(columns, expr=condition).read_all()


class Lance:
    def __init__(self, path, _variant):
        import lance
        self.library, self.path = lance, f"{path}.lance"

    def condition(self, conditions):
        return sql_condition(conditions, "date '{}'", "decimal({precision},{scale}) '{}'")

    def write(self, table):
        self.library.write_dataset(table, self.path)

    def read(self, columns=None, condition=None):
        return self.library.dataset(self.path).to_table(columns=columns, filter=condition)


RIVALS = {"parquet": Parquet, "duckdb": DuckDB, "vortex": Vortex, "lance": Lance}


def rival(name, stem):
    """The rival called `name`, its file beside the others of the table `stem`."""
    kind, _, variant = name.partition(" ")
    return RIVALS[kind](f"{stem}.{variant or 'default'}", variant)


def sums(table):
    """Per column: nulls, and the sum of integers, unscaled decimals, days, microseconds, lengths of strings."""
    import pyarrow as pa
    import pyarrow.compute as pc
    found = {}
    for name in table.column_names:
        column = table[name]
        kind = column.type
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
        elif pa.types.is_date(kind):
            column = column.cast(pa.int32())
        elif pa.types.is_decimal(kind):
            # Wide enough that no sum of a corpus overflows.
            column = column.cast(pa.decimal128(38, kind.scale))
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view":
            column = pc.binary_length(column.cast(pa.large_string()))
        if pa.types.is_integer(column.type):
            column = column.cast(pa.decimal128(38, 0))
        total = pc.sum(column).as_py() or 0
        if not pa.types.is_floating(column.type):
            total = str(int(total.scaleb(kind.scale)) if pa.types.is_decimal(kind) else int(total))
        found[name] = {"nulls": column.null_count, "sum": total}
    return found


def child(task):
    """Runs one operation of a rival and prints what ncf-bench would print."""
    engine = rival(task["format"], task["stem"])
    seconds, result = [], None
    table = None
    if task["op"] == "write":
        import pyarrow.parquet as pq
        table = pq.read_table(task["input"])
    condition = engine.condition(task["conditions"]) if task.get("conditions") else None
    for _ in range(task["repeat"]):
        result = None
        if table is not None:
            remove(engine.path)
        start = time.perf_counter()
        if table is not None:
            engine.write(table)
            make_durable(engine.path)
        else:
            result = engine.read(task.get("columns"), condition)
        seconds.append(time.perf_counter() - start)
    columns = sums(result) if result is not None else {}
    rows = result.num_rows if result is not None else table.num_rows
    print(json.dumps({"rows": rows, "bytes": stored(engine.path), "seconds": seconds, "columns": columns}))


def make_durable(path):
    """Waits until a file, or all files of a folder, are on disk, as NCF's writer does before it returns."""
    path = pathlib.Path(path)
    for file in path.rglob("*") if path.is_dir() else [path]:
        handle = os.open(file, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def remove(path):
    """Removes a file or folder that may not be there."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def stored(path):
    """Bytes of a file, or of all files of a folder."""
    path = pathlib.Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


# The driver.

class Run:
    """One run over some tables; results by table and operation."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.cores = sorted(os.sched_getaffinity(0))
        self.sizes = collections.defaultdict(dict)
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
        if op == "write":
            command = ["taskset", "-c", str(self.cores[-1]), *command] if shutil.which("taskset") else command
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
        command = [program, "read", file, "--threads", str(len(self.cores))]
        if request.get("columns"):
            command += ["--columns", ",".join(request["columns"]), "--filter", ncf_condition(request["conditions"])]
        return command

    def write_all(self, table):
        """Writes the table in every format; later rounds repeat those whose time is reported."""
        for number in range(self.arguments.rounds):
            for name in FORMATS if number == 0 else WRITERS:
                result = self.measure(table, "write", name)
                if result:
                    self.sizes[table][name] = result["bytes"]
                    if name in WRITERS:
                        self.times[table, "write"][name] += result["seconds"]
            print(f"{table}: write, round {number + 1}", file=sys.stderr)

    def read_all(self, table, op, **request):
        """Rounds over all formats; every result is compared with the baseline's first."""
        expected = None
        names = [BASELINE, *(name for name in FORMATS if name != BASELINE)]
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
            self.read_all(table, "read")
            columns, conditions = FILTERS[table]
            self.read_all(table, "filter", columns=columns, conditions=conditions)
            if table in POINTS:
                column, value = POINTS[table]
                self.read_all(table, "point", conditions=[(column, "=", value)])
            if not self.arguments.folder_is_given:
                for path in self.arguments.folder.glob(f"{table}.*"):
                    remove(path)

    def report(self):
        """The report as Markdown."""
        parts = ["# Native measurements", "", f"- machine: {report.machine()}",
                 f"- versions: {report.versions(PACKAGES)}", f"- commit: {report.commit(ROOT)}",
                 f"- command: `tools/bench/native.py CORPUS NCF_BENCH {self.arguments.described}`",
                 f"- {self.arguments.rounds} interleaved rounds; results compared equal first; "
                 f"ratios are minimum against {BASELINE}'s minimum", "", "## Bytes", ""]
        header = ["format", *self.arguments.tables]
        rows = []
        for name in FORMATS:
            cells = [self.sizes[table].get(name) for table in self.arguments.tables]
            bases = [self.sizes[table].get(BASELINE) for table in self.arguments.tables]
            rows.append([name, *(f"{report.size(cell)} ({report.ratio(cell / base)})" if cell and base else "-"
                                 for cell, base in zip(cells, bases))])
        parts.append(report.table(header, rows))
        titles = {"write": "Write, one core", "read": "Read everything to Arrow", "filter": "Filtered read",
                  "point": "Point read, open included"}
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
                                          report.timing_rows(times, BASELINE)))
        if self.failed:
            parts += ["", "## Failed", ""]
            parts += [f"- {table} {op} {name}: {message}" for table, op, name, message in self.failed]
        return "\n".join(parts) + "\n"


def equal(answer, expected):
    """Equal rows, nulls and exact sums; sums of floats to 9 digits, because their order is free."""
    if expected is None or answer[0] != expected[0]:
        return False
    if answer[0] == 0:
        return True
    if answer[1].keys() != expected[1].keys():
        return False
    for name, have in answer[1].items():
        want = expected[1][name]
        close = isinstance(have["sum"], float) and abs(have["sum"] - want["sum"]) <= 1e-9 * abs(want["sum"])
        if have["nulls"] != want["nulls"] or not (have["sum"] == want["sum"] or close):
            return False
    return True


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--child":
        return child(json.loads(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("ncf_bench", type=pathlib.Path)
    parser.add_argument("--small", action="store_true", help="nycflights only, one round: a test of the driver")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tables", help="comma-separated; all otherwise")
    parser.add_argument("--folder", type=pathlib.Path, help="where to write the formats, and keep them")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks/native.md")
    arguments = parser.parse_args()
    arguments.described = " ".join(argument for argument in sys.argv[1:]
                                   if argument not in (str(arguments.corpus), str(arguments.ncf_bench)))
    arguments.tables = ["nycflights"] if arguments.small else (arguments.tables or ",".join(FILTERS)).split(",")
    arguments.rounds = 1 if arguments.small else arguments.rounds
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
