"""The rivals of native.py: how each writes, reads and is asked, in a process of its own."""
import concurrent.futures
import json
import os
import pathlib
import shutil
import time

CSV = "CSV text"
# Formats of which only the size is measured.
SIZE_ONLY = ["parquet tuned", "orc"]

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


def sql_name(column, quote='"'):
    return column if column.isidentifier() else f"{quote}{column}{quote}"


def sql_condition(conditions, cast_date="DATE '{}'", cast_decimal="{}", quote='"'):
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
    return " AND ".join(f"{sql_name(column, quote)} {op} {literal(value)}" for column, op, value in conditions)


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
        self.library, self.path, self.variant, self.threads = pyarrow.parquet, f"{path}.parquet", variant, True

    def condition(self, conditions):
        return arrow_condition(conditions)

    def write(self, table):
        name, _, level = self.variant.partition("-")
        self.library.write_table(table, self.path, compression=name, compression_level=int(level) if level else None)

    def read(self, columns=None, condition=None):
        return self.library.read_table(self.path, columns=columns, filters=condition, use_threads=self.threads)


class TunedParquet(Parquet):
    """zstd-19, and every column in the encoding that makes it smallest, found by writing it alone in each."""

    def encodings(self, kind):
        from pyarrow import types
        found = ["dictionary", "PLAIN"]
        if types.is_integer(kind) or types.is_date(kind) or types.is_timestamp(kind):
            found += ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
        elif types.is_floating(kind):
            found += ["BYTE_STREAM_SPLIT"]
        elif types.is_decimal(kind):
            found += ["BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"]
        elif types.is_string(kind) or types.is_large_string(kind):
            found += ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
        return found

    def write_as(self, table, target, chosen):
        self.library.write_table(table, target, compression="zstd", compression_level=19,
                                 use_dictionary=[name for name, encoding in chosen.items() if encoding == "dictionary"],
                                 column_encoding={name: encoding for name, encoding in chosen.items() if encoding != "dictionary"})

    def write(self, table):
        import pyarrow as pa

        def bytes_alone(attempt):
            sink = pa.MockOutputStream()
            self.write_as(table.select([attempt[0]]), sink, dict([attempt]))
            return sink.size()
        attempts = [(field.name, encoding) for field in table.schema for encoding in self.encodings(field.type)]
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            sizes = dict(zip(attempts, pool.map(bytes_alone, attempts)))
        chosen = {}
        for name, encoding in attempts:
            if name not in chosen or sizes[name, encoding] < sizes[name, chosen[name]]:
                chosen[name] = encoding
        self.write_as(table, self.path, chosen)


class Orc:
    """zstd, dictionaries where ORC's own writer in Java uses them (pyarrow's default is never), the smaller of its two strategies."""

    def __init__(self, path, _variant):
        import pyarrow.orc
        self.library, self.path = pyarrow.orc, f"{path}.orc"

    def write(self, table):
        import pyarrow as pa
        settings = {"compression": "zstd", "dictionary_key_size_threshold": 0.8}
        sizes = {}
        for strategy in ("speed", "compression"):
            sink = pa.MockOutputStream()
            self.library.write_table(table, sink, compression_strategy=strategy, **settings)
            sizes[strategy] = sink.size()
        self.library.write_table(table, self.path, compression_strategy=min(sizes, key=sizes.get), **settings)

    def read(self, columns=None, _condition=None):
        return self.library.read_table(self.path, columns=columns)


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
            names = ", ".join(map(sql_name, columns)) if columns else "*"
            return connection.execute(f"SELECT {names} FROM t{where}").to_arrow_table()


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
        return sql_condition(conditions, "date '{}'", "decimal({precision},{scale}) '{}'", "`")

    def write(self, table):
        self.library.write_dataset(table, self.path)

    def read(self, columns=None, condition=None):
        return self.library.dataset(self.path).to_table(columns=columns, filter=condition)


RIVALS = {"parquet": Parquet, "parquet tuned": TunedParquet, "orc": Orc, "duckdb": DuckDB, "vortex": Vortex, "lance": Lance}


def rival_class(name):
    return RIVALS.get(name) or RIVALS[name.partition(" ")[0]]


def rival(name, stem):
    """The rival called `name`, its file beside the others of the table `stem`."""
    variant = name.partition(" ")[2]
    return rival_class(name)(f"{stem}.{variant or 'default'}", variant)


def csv_bytes(table):
    """Bytes of the rows as CSV without a header; strings are quoted only in columns where one of them needs it."""
    import pyarrow as pa
    import pyarrow.csv

    def column_bytes(name, style):
        sink = pa.MockOutputStream()
        options = pa.csv.WriteOptions(include_header=False, quoting_style=style)
        pa.csv.write_csv(table.select([name]), sink, options)
        return sink.size()
    total = 0
    # A column alone has a line break after each value where the table has a comma or a line break: the sum is the table's.
    for name in table.column_names:
        try:
            total += column_bytes(name, "none")
        except pa.ArrowInvalid:
            total += column_bytes(name, "needed")
    return total


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
    import pyarrow.parquet as pq
    if task["format"] == CSV:
        return print(json.dumps({"bytes": csv_bytes(pq.read_table(task["input"]))}))
    engine = rival(task["format"], task["stem"])
    seconds, result = [], None
    table = pq.read_table(task["input"]) if task["op"] == "write" else None
    if task["op"] == "decode":
        import pyarrow as pa
        pa.set_cpu_count(1)
        engine.threads = False
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
    if task["format"] in SIZE_ONLY and not equal((table.num_rows, sums(engine.read())), (table.num_rows, sums(table))):
        raise SystemExit("reads other rows than were written")
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
