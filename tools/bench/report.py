"""Tables and facts for benchmark reports: plain text that is Markdown too."""
import importlib.metadata
import os
import pathlib
import platform
import statistics
import subprocess


def table(header, rows):
    """A Markdown table whose columns line up in a terminal; all but the first are right-aligned."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(header))]
    line = lambda row: "| " + " | ".join(
        cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))) + " |"
    rule = "|" + "|".join(
        "-" * (width + 2) if at == 0 else "-" * (width + 1) + ":" for at, width in enumerate(widths)) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def size(count):
    """Bytes, exactly."""
    return f"{count:,}"


def duration(seconds):
    """Seconds with three significant digits: `1.23 s`, `45.6 ms`."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def ratio(value, decimals=2):
    """A quotient: `1.23x`."""
    return f"{value:.{decimals}f}x"


def verdict(good):
    """Whether a target is met."""
    return "yes" if good else "no"


def timing_rows(times, baseline, decimals=2):
    """Rows (name, minimum, median, rounds, minimum / baseline's minimum) in the order of `times`."""
    base = min(times[baseline]) if times.get(baseline) else None
    rows = []
    for name, seconds in times.items():
        if seconds:
            against = ratio(min(seconds) / base, decimals) if base else "-"
            rows.append([name, duration(min(seconds)), duration(statistics.median(seconds)), len(seconds), against])
    return rows


def machine():
    """One line: processor, cores, memory, system."""
    cpu = platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = models[0] if models else cpu
    memory = ""
    if hasattr(os, "sysconf"):
        memory = f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB memory"
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores{memory}, {platform.system()} {platform.release()}"


def versions(packages):
    """One line with the versions of Python and of installed packages; absent ones are named as such."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{package} (not installed)")
    return ", ".join(found)


def commit(root):
    """The checked-out commit, `-dirty` when files differ from it, or `unknown`."""
    described = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=root,
                               capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"
