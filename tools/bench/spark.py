#!/usr/bin/env python3
"""Tables of what tools/bench-spark.sh has measured.

usage: spark.py RESULTS.json

Ratios compare the time of another format with NCF's: 2 means that NCF takes half the time. Paired ratios are taken within each
round, where both formats met the same machine, and the median of them is shown.
"""
import argparse
import json
import math
import pathlib
import statistics

import report

NAMES = {"ncf": "NCF", "zstd": "Parquet zstd", "snappy": "Parquet snappy", "orc": "ORC zstd", "ceiling": "ceiling",
         "source": "source only"}


def least(seconds):
    return f"{min(seconds):.3f}"


def median(seconds):
    return f"{statistics.median(seconds):.3f}"


def ratio(entry, other, base="ncf"):
    """By the minima of both."""
    return min(entry["seconds"][other]) / min(entry["seconds"][base])


def paired(entry, other, base="ncf"):
    rounds = zip(entry["seconds"][other], entry["seconds"][base])
    return statistics.median(theirs / ours for theirs, ours in rounds)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def rivals(results):
    return [name for name in results["queries"][0]["seconds"] if name not in ("ncf", "ceiling")]


def times(results):
    """Minimum and median of each format, and how NCF compares."""
    formats = list(results["queries"][0]["seconds"])
    others = rivals(results)
    header = ["query", *(f"{NAMES[name]}, s" for name in formats for _ in (0,)), *(f"{name}: median" for name in formats),
              *(f"{name} / ncf" for name in others), *(f"{name} / ncf, paired" for name in others)]
    rows = []
    for entry in results["queries"]:
        seconds = entry["seconds"]
        rows.append([entry["name"], *(least(seconds[name]) for name in formats), *(median(seconds[name]) for name in formats),
                     *(report.ratio(ratio(entry, name)) for name in others), *(report.ratio(paired(entry, name)) for name in others)])
    tpch = [entry for entry in results["queries"] if entry["tpch"]]
    if tpch:
        blank = [""] * (2 * len(formats))
        rows.append([f"geometric mean of {len(tpch)}", *blank,
                     *(report.ratio(geometric_mean([ratio(entry, name) for entry in tpch])) for name in others),
                     *(report.ratio(geometric_mean([paired(entry, name) for entry in tpch])) for name in others)])
    return report.table(header, rows)


def crossed(results):
    """What crossed into the JVM, and what was read for it."""
    formats = list(results["queries"][0]["rows"])
    header = ["query", *(f"{NAMES[name]}, rows" for name in formats), *(f"{NAMES[name]}, bytes" for name in formats if name != "ceiling")]
    rows = [[entry["name"], *(report.size(entry["rows"][name]) for name in formats),
             *(report.size(entry["bytes"][name]) for name in formats if name != "ceiling")] for entry in results["queries"]]
    return report.table(header, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=pathlib.Path)
    args = parser.parse_args()
    results = json.loads(args.results.read_text())
    print(times(results), crossed(results), sep="\n\n")


if __name__ == "__main__":
    main()
