"""What the figures of one run must reach, and whether they do. Ratios only: times of one machine mean nothing on another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Facts = dict[str, Any]
Judge = Callable[[Any], Iterator["Verdict"]]


@dataclass(frozen=True)
class Verdict:
    """One target: what was found, and whether that meets it."""

    text: str
    found: str
    is_met: bool


def verdicts(results: Facts) -> list[Verdict]:
    """Every target that the results say something about."""
    parts: dict[str, Judge] = {
        "contest": _contest,
        "memory": _memory,
        "profiles": _profiles,
        "live": _live,
        "overhead": _overhead,
        "workers": _workers,
        "help": _help,
    }
    return [verdict for name, judge in parts.items() if name in results for verdict in judge(results[name])]


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of time against rows on two logarithmic axes, by least squares: 1 is linear."""
    logs = [(math.log(rows), math.log(seconds)) for rows, seconds in points]
    mean_x, mean_y = (sum(axis) / len(logs) for axis in zip(*logs, strict=True))
    slope: float = sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)
    return slope


def _contest(measures: list[Facts]) -> Iterator[Verdict]:
    speed = {(one["contestant"], one["goal"]): one["rows_per_second"] for one in measures}
    for text, mine, theirs, least in (
        ("rows/s to validated Parquet in S3 against dlt", ("esteira", "parquet"), ("dlt-parquet", "parquet"), 9.0),
        ("rows/s to committed rows against dlt", ("esteira", "warehouse"), ("dlt-postgres", "warehouse"), 6.0),
        ("rows/s to Parquet against fetch and parse only", ("esteira", "parquet"), ("limit", "parse"), 0.5),
    ):
        if mine in speed and theirs in speed:
            ratio = speed[mine] / speed[theirs]
            yield Verdict(f"{text}: at least {least:g}", f"{ratio:.2f}", ratio >= least)


def _memory(runs: list[Facts]) -> Iterator[Verdict]:
    peak = max(run["peak_mb"] for run in runs)
    yield Verdict("peak memory of one batch: at most 350 MB", f"{peak} MB", peak <= 350)
    for run in (run for run in runs if run["rows"] >= 10_000_000):
        text = "10 M rows end to end: at most 350 MB"
        yield Verdict(text, f"{run['rows']:,} rows, peak {run['peak_mb']} MB", run["peak_mb"] <= 350)
    if runs[1:]:
        yield from _growth(runs[0], runs[1:])


def _workers(runs: list[Facts]) -> Iterator[Verdict]:
    for runner in ("processes", "dask"):
        one, two = ({run["workers"]: run for run in runs if run["runner"] == runner}[count] for count in (1, 2))
        for name, what in (("seconds_when_up", "workers are up"), ("seconds", "their start included")):
            ratio = one[name] / two[name]
            yield Verdict(f"curating, 2 {runner} against 1, {what}: at least 1.6", f"{ratio:.2f}", ratio >= 1.6)


def _growth(first: Facts, larger: list[Facts]) -> Iterator[Verdict]:
    growth = max(run["peak_mb"] for run in larger) - first["peak_mb"]
    text = f"more memory for up to {larger[-1]['factor']}x the rows: less than one part"
    yield Verdict(text, f"{growth} MB of {first['part_mb']} MB", growth < first["part_mb"])
    slope = exponent([(run["rows"], run["seconds"]["warehouse"]) for run in (first, *larger)])
    yield Verdict("time grows with the rows to the power of at most 1.05", f"{slope:.3f}", slope <= 1.05)


def _live(found: Facts) -> Iterator[Verdict]:
    ratio = found["ratio"]
    yield Verdict("from a live portal: at least 0.90 of what it can serve", f"{ratio:.2f}", ratio >= 0.9)


def _profiles(found: list[Facts]) -> Iterator[Verdict]:
    for one in found:
        text = f"profiles of {one['shape']}: at most a tenth of a batch's processor time"
        yield Verdict(text, f"{one['share']:.1%}", one["share"] <= 0.1)


def _overhead(found: Facts) -> Iterator[Verdict]:
    beyond = found["flow_seconds"] - found["empty_flow_seconds"]
    yield Verdict("a run beyond Prefect's own: at most 1.5 s", f"{beyond:.2f} s", beyond <= 1.5)


def _help(found: Facts) -> Iterator[Verdict]:
    seconds = found["help_seconds"]
    yield Verdict("esteira --help: at most 0.5 s", f"{seconds:.2f} s", seconds <= 0.5)
