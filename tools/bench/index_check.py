#!/usr/bin/env python3
"""Asks NCF and DuckDB the same about columns that indexes and filters prune, and compares the answers.

usage: index_check.py NCF NCF_BENCH [--rows N] [--predicates N] [--shapes a,b] [--seed S] [--quick] [--folder DIR]

NCF is the command line, NCF_BENCH the program of native/ncf-bench. Of each shape of keys (index_shapes.py) two tables are made:
one in the order of the shape, which gets a learned index, and one shuffled, with filters. Each is written as Parquet, which DuckDB
reads, and converted by `ncf convert` to one or several NCF files of blocks of any length. Predicates are =, <=>, <>, <, <=, >, >=,
IN, NOT IN, BETWEEN, IS NULL and conjunctions and disjunctions of them, with keys that are there, beside those, absent, beyond
both ends, NaN, zeros of both signs and null. All go through planning and reading as connectors do it (`ncf-bench answers`), and
some as SQL through `ncf cat --where` as well. Compared are the number of rows and the exact sums of their positions and
of a random mark in each. A conjunct that an index located wrongly (`indexMisses`) fails, too.

The seed is new in every run unless given, and is printed. --quick is what CI runs. The last line is "N passed, N failed".
"""
import argparse
import collections
import csv
import datetime
import decimal
import io
import json
import math
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from index_shapes import CONTEXT, SHAPES

OPERATORS = {"=": "eq", "<=>": "null_safe_eq", "<>": "not_eq", "<": "lt", "<=": "lt_eq", ">": "gt", ">=": "gt_eq"}
IN_DUCKDB = {"<=>": "IS NOT DISTINCT FROM"}
PROFILES = ["fast", "balanced", "balanced", "compact", "point"]
# One predicate in so many is asked as SQL, too; of those with more rows than this, one in many more.
AS_SQL, FEW_ROWS, MANY_MORE = 8, 5_000, 20
SHOWN = 10
EPOCH = datetime.datetime(1970, 1, 1)
# Days from then for which Python has dates.
DAYS = 2_900_000


class Kind:
    """A type of keys: how a key is written for each engine, and which keys are beside it. Keys are Python values, of integers,
    dates and timestamps the number that is stored, of decimals the unscaled one."""

    def __init__(self, arrow):
        self.arrow = arrow
        self.is_float = pa.types.is_floating(arrow)
        self.is_text = pa.types.is_string(arrow) or pa.types.is_binary(arrow)
        self.is_decimal = pa.types.is_decimal(arrow)

    def keys(self, column):
        """The keys of a column without nulls."""
        column = column.drop_null()
        if self.is_decimal:
            return [int(value.scaleb(self.arrow.scale, CONTEXT)) for value in column.to_pylist()]
        if pa.types.is_date(self.arrow):
            column = column.cast(pa.int32())
        elif pa.types.is_timestamp(self.arrow):
            column = column.cast(pa.int64())
        return column.to_pylist()

    def bounds(self):
        """The least and the greatest number of the type."""
        if self.is_decimal:
            return -10**self.arrow.precision + 1, 10**self.arrow.precision - 1
        if pa.types.is_date(self.arrow) or pa.types.is_timestamp(self.arrow):
            # Those that both engines have: DuckDB takes the ends of the 64 bits for infinite.
            return (-10**6, 10**6) if pa.types.is_date(self.arrow) else (-10**17, 10**17)
        bits = self.arrow.bit_width - 1
        return -2**bits, 2**bits - 1

    def beside(self, key, rng):
        """Keys that are near one."""
        if self.is_text:
            more = "!" if isinstance(key, str) else b"\x00"
            return [key + more, key[:-1], key[:len(key) // 2] + more]
        if self.is_float:
            kind = self.numpy()
            return [float(np.nextafter(kind(key), kind(side))) for side in (-np.inf, np.inf)]
        low, high = self.bounds()
        return [min(max(near, low), high) for near in (key - 1, key + 1, key + rng.randint(-10**6, 10**6))]

    def extremes(self, least, greatest, rng):
        if self.is_text:
            wrap = (lambda text: text) if isinstance(least, str) else str.encode
            return [least, greatest, wrap(""), greatest + wrap("!"), wrap("~" * 80), greatest[:70] + wrap("0" * 70)]
        if self.is_float:
            return [math.nan, 0.0, -0.0, math.inf, -math.inf, least, greatest, float(np.finfo(self.numpy()).tiny)]
        low, high = self.bounds()
        inside = [min(max(key, low), high) for key in (least, greatest, least - 1, greatest + 1)]
        return [*inside, low, high, 0, rng.randint(low, high)]

    def numpy(self):
        return np.float32 if self.arrow == pa.float32() else np.float64

    def json(self, key):
        """The key as a scalar of NCF."""
        if self.is_decimal:
            return {"decimal": {"unscaled": str(key), "precision": self.arrow.precision, "scale": self.arrow.scale}}
        if pa.types.is_string(self.arrow):
            return {"string": key}
        if pa.types.is_binary(self.arrow):
            return {"binary": list(key)}
        if self.is_float:
            name, form = ("float", ">f") if self.arrow == pa.float32() else ("double", ">d")
            return {name: struct.pack(form, key).hex()}
        if pa.types.is_timestamp(self.arrow):
            return {"timestamp" if self.arrow.tz else "timestamp_ntz": key}
        names = {pa.int16(): "smallint", pa.int32(): "int", pa.int64(): "bigint", pa.date32(): "date"}
        return {names[self.arrow]: key}

    def duckdb_column(self):
        # Instants as numbers: DuckDB compares them in a time zone, by an extension.
        return "epoch_us(k)" if pa.types.is_timestamp(self.arrow) and self.arrow.tz else "k"

    def duckdb(self, key):
        if self.is_decimal:
            text = str(self.decimal(key))
            return f"CAST('{text}' AS DECIMAL({self.arrow.precision},{self.arrow.scale}))"
        if pa.types.is_string(self.arrow):
            return "'" + key.replace("'", "''") + "'"
        if pa.types.is_binary(self.arrow):
            return f"unhex('{key.hex()}')"
        if self.is_float:
            wide = f"CAST('{key!r}' AS DOUBLE)"
            return f"CAST({wide} AS FLOAT)" if self.arrow == pa.float32() else wide
        if pa.types.is_date(self.arrow):
            return f"(DATE '1970-01-01' + CAST({key} AS INTEGER))"
        if pa.types.is_timestamp(self.arrow) and not self.arrow.tz:
            return f"make_timestamp(CAST({key} AS BIGINT))"
        return f"CAST({key} AS BIGINT)"

    def decimal(self, key):
        return f"{decimal.Decimal(key).scaleb(-self.arrow.scale, CONTEXT):f}"

    def sql(self, key):
        """The key in the SQL of `ncf cat --where`; None where that has no such literal."""
        if self.is_decimal:
            return self.decimal(key)
        if pa.types.is_string(self.arrow):
            return "'" + key.replace("'", "''") + "'" if "\\" not in key else None
        if pa.types.is_binary(self.arrow):
            return f"X'{key.hex()}'"
        if self.is_float:
            return repr(key) if math.isfinite(key) else None
        if pa.types.is_date(self.arrow) or pa.types.is_timestamp(self.arrow):
            date = pa.types.is_date(self.arrow)
            if not 0 <= key < DAYS * (1 if date else 86_400 * 10**6):
                return None
            moment = EPOCH + datetime.timedelta(**{"days" if date else "microseconds": key})
            return f"DATE '{moment:%Y-%m-%d}'" if date else f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S.%f}{'Z' if self.arrow.tz else ''}'"
        return str(key)


class Predicate:
    """A condition in the three dialects; `sql` is None where NCF's SQL cannot say it."""

    def __init__(self, ncf, duckdb, sql):
        self.ncf, self.duckdb, self.sql = ncf, duckdb, sql

    @staticmethod
    def compare(kind, operator, key):
        column = kind.duckdb_column()
        literal = kind.sql(key)
        return Predicate({"compare": [OPERATORS[operator], {"column": ["k"]}, {"literal": kind.json(key)}]},
                         f"{column} {IN_DUCKDB.get(operator, operator)} {kind.duckdb(key)}",
                         None if literal is None else f"k {operator} {literal}")

    @staticmethod
    def is_in(kind, keys, has_null):
        literals = [kind.sql(key) for key in keys] + ["NULL"] * has_null
        return Predicate({"in": {"expression": {"column": ["k"]}, "values": [kind.json(key) for key in keys], "has_null": has_null}},
                         f"{kind.duckdb_column()} IN ({', '.join([kind.duckdb(key) for key in keys] + ['NULL'] * has_null)})",
                         None if None in literals else f"k IN ({', '.join(literals)})")

    @staticmethod
    def is_null():
        return Predicate({"is_null": {"column": ["k"]}}, "k IS NULL", "k IS NULL")

    @staticmethod
    def negated(inner):
        return Predicate({"not": inner.ncf}, f"NOT ({inner.duckdb})", None if inner.sql is None else f"NOT ({inner.sql})")

    @staticmethod
    def joined(word, parts):
        texts = [part.sql for part in parts]
        return Predicate({word.lower(): [part.ncf for part in parts]}, "(" + f" {word} ".join(part.duckdb for part in parts) + ")",
                         None if None in texts else "(" + f" {word} ".join(texts) + ")")


def predicates(kind, column, count, rng):
    """As many conditions with keys of all sorts."""
    present = kind.keys(column) or [0]
    ordered = [key for key in present if key == key]
    least, greatest = min(ordered), max(ordered)
    sources = {
        "present": lambda: rng.choice(present),
        "beside": lambda: rng.choice(kind.beside(rng.choice(present), rng)),
        "extreme": lambda: rng.choice(kind.extremes(least, greatest, rng)),
    }

    def key():
        return sources[rng.choice(["present", "present", "beside", "beside", "extreme"])]()

    def simple():
        form = rng.randrange(12)
        if form < 7:
            return Predicate.compare(kind, list(OPERATORS)[form], key())
        if form < 9:
            found = Predicate.is_in(kind, [key() for _ in range(rng.choice([1, 2, 5, 16, 40]))], rng.random() < 0.2)
            return found if form == 7 else Predicate.negated(found)
        if form < 11:
            low, high = key(), key()
            # As Spark pushes it: both comparisons.
            return Predicate.joined("AND", [Predicate.compare(kind, ">=", low), Predicate.compare(kind, "<=", high)])
        return Predicate.is_null() if rng.random() < 0.5 else Predicate.negated(Predicate.is_null())

    def whole():
        if rng.random() < 0.75:
            return simple()
        inner = Predicate.joined(rng.choice(["AND", "OR"]), [simple() for _ in range(rng.randint(2, 3))])
        return Predicate.negated(inner) if rng.random() < 0.2 else inner
    # Every operator with every sort of key first, then whatever comes.
    fixed = [Predicate.compare(kind, operator, source()) for operator in OPERATORS for source in sources.values()]
    return (fixed + [whole() for _ in range(max(0, count - len(fixed)))])[:count]


class Check:
    """One run over the shapes."""

    def __init__(self, arguments, folder):
        self.arguments, self.folder = arguments, folder
        self.passed, self.failed, self.found, self.as_sql = 0, 0, 0, 0
        self.equals = collections.defaultdict(list)

    def fail(self, message):
        self.failed += 1
        if self.failed <= SHOWN:
            print(f"FAILED (seed {self.arguments.seed}): {message}")

    def table(self, shape, column, rng, filters):
        """Writes the rows as Parquet and NCF, asks both, compares."""
        name = f"{shape}, {'shuffled, with filters' if filters else 'in order'}"
        marks = np.random.default_rng(rng.getrandbits(64)).integers(-2**62, 2**62, len(column))
        rows = pa.table({"k": column, "row": pa.array(range(len(column)), pa.int64()), "mark": pa.array(marks)})
        parquet, ncf = self.folder / "t.parquet", self.folder / "t"
        pq.write_table(rows, parquet)
        shutil.rmtree(ncf, ignore_errors=True)
        ncf.mkdir()
        options = ["--profile", rng.choice(PROFILES), "--block-rows", str(rng.choice([8192, 20_000, 65_536, 1 << 20]))]
        options += ["--filter-columns", "k"] if filters else []
        starts = sorted({0, *(rng.randrange(len(rows)) for _ in range(rng.randrange(3)))})
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(rows)])):
            part = self.folder / "part.parquet"
            pq.write_table(rows.slice(start, end - start), part)
            subprocess.run([self.arguments.ncf, "convert", part, ncf / f"{number}.ncf", *options], check=True)
        wanted = predicates(Kind(column.type), column, self.arguments.predicates, rng)
        answers = self.ncf_answers(ncf, wanted)
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE t AS SELECT * FROM read_parquet('{parquet}')")
            for predicate, answer in zip(wanted, answers):
                query = f"SELECT count(*), coalesce(sum(row), 0), coalesce(sum(mark), 0) FROM t WHERE {predicate.duckdb}"
                expected = connection.execute(query).fetchone()
                self.compare(f"{name} {options}", predicate, answer, expected)
                if predicate.sql and rng.randrange(AS_SQL * (1 if expected[0] <= FEW_ROWS else MANY_MORE)) == 0:
                    self.compare_sql(name, ncf, predicate, expected)
                if predicate.duckdb.startswith(("k = ", "epoch_us(k) = ")):
                    self.equals[filters].append(answer["scanned"] / len(rows))

    def ncf_answers(self, ncf, wanted):
        lines = "\n".join(json.dumps(predicate.ncf) for predicate in wanted)
        done = subprocess.run([self.arguments.ncf_bench, "answers", ncf, "--columns", "row,mark"], input=lines, capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise SystemExit(f"ncf-bench answers failed (seed {self.arguments.seed}): {done.stderr.strip()}")
        return json.loads(done.stdout)["answers"]

    def compare(self, name, predicate, answer, expected):
        sums = [int(answer["columns"].get(column, {"sum": 0})["sum"]) for column in ("row", "mark")]
        found = (answer["rows"], *sums)
        self.found += found[0] > 0
        if found != tuple(map(int, expected)):
            self.fail(f"{name}: {predicate.duckdb}: {found}, DuckDB {expected}")
        elif answer["misses"]:
            self.fail(f"{name}: {predicate.duckdb}: an index was wrong {answer['misses']} times")
        else:
            self.passed += 1

    def compare_sql(self, name, ncf, predicate, expected):
        command = [self.arguments.ncf, "cat", ncf, "--columns", "row,mark", "--where", predicate.sql]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = list(csv.reader(io.StringIO(done.stdout)))[1:]
        found = (len(lines), sum(int(line[0]) for line in lines), sum(int(line[1]) for line in lines))
        self.as_sql += 1
        if done.returncode or found != tuple(map(int, expected)):
            self.fail(f"{name}: ncf cat --where \"{predicate.sql}\": {found}, DuckDB {expected} {done.stderr.strip()}")
        else:
            self.passed += 1

    def run(self):
        for shape in self.arguments.shapes:
            # Of its own seed, so that one shape alone can be repeated.
            rng = random.Random(f"{self.arguments.seed} {shape}")
            numbers = np.random.default_rng(rng.getrandbits(64))
            start = time.monotonic()
            column = SHAPES[shape](numbers, self.arguments.rows)
            self.table(shape, column, rng, filters=False)
            self.table(shape, pc.take(column, pa.array(numbers.permutation(len(column)))), rng, filters=True)
            print(f"{shape}: {time.monotonic() - start:.1f} s", file=sys.stderr)
        for filters, name in ((False, "in the order of a shape"), (True, "shuffled, with filters")):
            if shares := self.equals[filters]:
                print(f"{name}: of {len(shares)} equalities the median scans {100 * float(np.median(shares)):.2f} % of the rows, "
                      f"on average {100 * float(np.mean(shares)):.2f} %")
        print(f"seed {self.arguments.seed}, {len(self.arguments.shapes)} shapes of {self.arguments.rows} rows; {self.found} answers of "
              f"predicates have rows; {self.as_sql} were asked as SQL, too")
        print(f"{self.passed} passed, {self.failed} failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ncf", type=pathlib.Path)
    parser.add_argument("ncf_bench", type=pathlib.Path)
    parser.add_argument("--rows", type=int, help="of each table (default 200000)")
    parser.add_argument("--predicates", type=int, help="for each table (default 900)")
    parser.add_argument("--shapes", help="comma-separated; all otherwise")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**12)
    parser.add_argument("--quick", action="store_true", help="20000 rows and 40 predicates")
    parser.add_argument("--folder", type=pathlib.Path, help="where tables are made, one at a time, and the last one is left")
    arguments = parser.parse_args()
    arguments.rows = arguments.rows or (20_000 if arguments.quick else 200_000)
    arguments.predicates = arguments.predicates or (40 if arguments.quick else 900)
    arguments.shapes = arguments.shapes.split(",") if arguments.shapes else list(SHAPES)
    if unknown := set(arguments.shapes) - set(SHAPES):
        parser.error(f"no shape {', '.join(unknown)}; there are {', '.join(SHAPES)}")
    print(f"seed {arguments.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        check = Check(arguments, folder)
        check.run()
    return 0 if check.passed and not check.failed else 1


if __name__ == "__main__":
    sys.exit(main())
