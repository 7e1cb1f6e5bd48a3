"""Key columns of many shapes for index_check.py, each as a pyarrow array: after the data sets of SOSD (Kipf et al. 2019) and what
tables are sorted by, with what breaks indexes: extremes, nulls, NaN, rows that stand out of order."""
import decimal

import numpy as np
import pyarrow as pa

MICROS = 1_000_000
# 2026-01-01 in seconds and days since the epoch.
START, START_DAYS = 1_767_225_600, 20_454


def gaps(steps, start=0):
    """Keys from the distances between them, as 64-bit integers."""
    return np.cumsum(np.asarray(steps, dtype=np.int64)) + start


def sequence(rng, rows):
    return gaps(1 + (rng.random(rows) < 0.01) * rng.integers(1, 50, rows), rng.integers(-10**9, 10**9))


def uniform(rng, rows):
    return np.sort(rng.integers(-2**63, 2**63 - 1, rows, dtype=np.int64, endpoint=True))


def lognormal(rng, rows):
    return np.sort((np.exp(2 * rng.standard_normal(rows)) * 1e9).astype(np.int64))


def diurnal(rng, rows):
    hours = np.linspace(0, 24 * 20, rows)
    steps = rng.exponential(50_000, rows) * (1.3 + np.sin(hours / 24 * 2 * np.pi))
    return gaps(steps + 1, START * MICROS)


def seconds(rng, rows):
    return gaps(rng.random(rows) < 1 / 12, START) * MICROS


def books(rng, rows):
    scale = np.clip(np.cumsum(rng.standard_normal(rows) * 0.02), -4, 4)
    return gaps(1 + rng.exponential(100, rows) * np.exp(scale))


def facebook(rng, rows):
    keys = gaps(1 + np.exp(rng.standard_normal(rows) * 1.5 + 5))
    keys[-21:] = keys[-22] + 2 ** np.linspace(40, 60, 21).astype(np.int64)
    return keys


def osm(rng, rows):
    """Places in clusters of clusters along a Z-order curve."""
    centre = rng.integers(0, 2**31, (40, 2))[rng.integers(0, 40, rows)]
    town = rng.integers(0, 2**26, (400, 2))[rng.integers(0, 400, rows)]
    place = (centre + town + rng.integers(0, 2**12, (rows, 2))) % 2**31
    keys = np.zeros(rows, dtype=np.int64)
    for bit in range(31):
        keys |= ((place[:, 0] >> bit) & 1) << (2 * bit) | ((place[:, 1] >> bit) & 1) << (2 * bit + 1)
    return np.sort(keys)


def wiki(rng, rows):
    bursts = np.repeat(np.where(rng.random(rows) < 0.25, 0.02, 0.5 + rng.random(rows)), rng.integers(1, 400, rows))[:rows]
    return gaps(rng.exponential(1, rows) * bursts, START) * MICROS


def heavy_tail(rng, rows):
    return gaps(1 + np.minimum(rng.pareto(0.9, rows), 2**44))


def zigzag(rng, rows):
    runs = rng.integers(1024, 3073, rows // 1024 + 2)
    return gaps(np.repeat(np.where(np.arange(len(runs)) % 2 == 0, 1, 2000), runs)[:rows])


def staircase(rng, rows):
    """Few steps, the least and the greatest numbers among them."""
    ends = [-2**63, -2**63 + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1]
    return np.sort(rng.choice(np.array(ends, dtype=np.int64), rows))


def one_bad_row(rng, rows):
    keys = sequence(rng, rows)
    keys[rng.integers(rows)] = rng.choice([-2**63, 2**63 - 1, 0, int(keys[rows // 3])])
    return keys


def late_rows(rng, rows):
    keys = diurnal(rng, rows)
    late = rng.choice(rows, 5, replace=False)
    keys[late] -= rng.integers(1, 10**10, 5)
    return keys


def minute_late(rng, rows):
    return diurnal(rng, rows) - rng.integers(0, 60 * MICROS, rows)


def floats(rng, rows, kind):
    values = np.sort(rng.standard_normal(rows) * 10.0 ** rng.integers(-30, 30, rows)).astype(kind)
    middle = rows // 2
    values[middle:middle + 3000] = rng.choice(np.array([0.0, -0.0], dtype=kind), len(values[middle:middle + 3000]))
    values = np.sort(values)
    values[:5], values[-4000:-2000], values[-2000:] = -np.inf, np.inf, np.nan
    return values


def wide(rng, rows, digits, scale):
    """Decimals whose unscaled numbers have up to so many digits."""
    top = 10 ** digits - 1
    numbers = sorted(int.from_bytes(rng.bytes(16)) % (2 * top + 1) - top for _ in range(rows))
    return pa.array([decimal.Decimal(number).scaleb(-scale, CONTEXT) for number in numbers], pa.decimal128(digits, scale))


CONTEXT = decimal.Context(prec=60)


def strings(make):
    return lambda rng, rows: pa.array(sorted((make(rng) for _ in range(rows)), key=lambda text: text.encode()))


def uuid(rng):
    digits = rng.bytes(16).hex()
    return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], digits[16:20], digits[20:]))


def letters(rng, alphabet, least, most):
    return "".join(alphabet[at] for at in rng.integers(0, len(alphabet), rng.integers(least, most + 1)))


def null_runs(rng, rows):
    keys = sequence(rng, rows)
    missing = np.zeros(rows, dtype=bool)
    for start in rng.integers(0, rows, 4):
        missing[start:start + rng.integers(1, rows // 8)] = True
    missing[:rng.integers(1, 3000)] = True
    return pa.array(keys, mask=missing)


def typed(make, kind):
    """A shape of integers as a column of another type."""
    return lambda rng, rows: pa.array(make(rng, rows)).cast(kind)


NTZ, INSTANT = pa.timestamp("us"), pa.timestamp("us", "UTC")
ASCII, MULTIBYTE = "abcdefghij0123456789", "aäß€漢字😀z"

SHAPES = {
    "sequence": typed(sequence, pa.int64()),
    "sequence of ints": typed(lambda rng, rows: sequence(rng, rows) % 2**20 + np.arange(rows) // 2**20, pa.int32()),
    "uniform": typed(uniform, pa.int64()),
    "lognormal": typed(lognormal, pa.int64()),
    "diurnal": typed(diurnal, NTZ),
    "seconds": typed(seconds, INSTANT),
    "books": typed(books, pa.int64()),
    "facebook": typed(facebook, pa.int64()),
    "osm": typed(osm, pa.int64()),
    "wiki": typed(wiki, NTZ),
    "heavy tail": typed(heavy_tail, pa.int64()),
    "zigzag": typed(zigzag, pa.int64()),
    "staircase": typed(staircase, pa.int64()),
    "all equal": typed(lambda rng, rows: np.full(rows, rng.integers(-9, 9)), pa.int64()),
    "two values": typed(lambda rng, rows: np.sort(rng.choice(rng.integers(-2**40, 2**40, 2), rows)), pa.int64()),
    "descending": typed(lambda rng, rows: -books(rng, rows), pa.int64()),
    "smallints": typed(lambda rng, rows: np.sort(rng.integers(-2**15, 2**15, rows)), pa.int16()),
    "days": lambda rng, rows: pa.array(gaps(rng.random(rows) < 0.05, START_DAYS).astype(np.int32)).cast(pa.date32()),
    "doubles": lambda rng, rows: pa.array(floats(rng, rows, np.float64), from_pandas=False),
    "floats": lambda rng, rows: pa.array(floats(rng, rows, np.float32), from_pandas=False),
    "doubles descending": lambda rng, rows: pa.array(floats(rng, rows, np.float64)[::-1].copy(), from_pandas=False),
    "decimals of 38": lambda rng, rows: wide(rng, rows, 38, 4),
    "decimals of 12": lambda rng, rows: wide(rng, rows, 12, 2),
    "uuids": strings(uuid),
    "urls": strings(lambda rng: f"https://www.example.org/shop/en/product/{rng.integers(4_000_000):07}?ref={rng.integers(9)}"),
    "e-mails": strings(lambda rng: f"{letters(rng, ASCII, 1, 12)}@{letters(rng, ASCII, 1, 3)}.example"),
    "prefix of 40": strings(lambda rng: "the same forty bytes before every value_" + letters(rng, ASCII, 0, 6)),
    "prefix of 100": strings(lambda rng: "=" * 100 + letters(rng, ASCII, 1, 6)),
    "short and empty": strings(lambda rng: letters(rng, "ab", 0, 4)),
    "multibyte": strings(lambda rng: letters(rng, MULTIBYTE, 0, 8)),
    "order ids": strings(lambda rng: f"ORD-{rng.integers(10**12):012}"),
    "bytes": lambda rng, rows: pa.array(sorted(b"\xff" * rng.integers(0, 5) + rng.bytes(rng.integers(0, 4)) for _ in range(rows))),
    "null runs": null_runs,
    "all null": lambda rng, rows: pa.nulls(rows, pa.int64()),
    "one bad row": typed(one_bad_row, pa.int64()),
    "late rows": typed(late_rows, NTZ),
    "a minute late": typed(minute_late, INSTANT),
}
