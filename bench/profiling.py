"""What the profiles of columns cost: batches with them and without, in turn, by processor time of our process, load included."""

from __future__ import annotations

import statistics
from dataclasses import replace

from bench.contest import run
from bench.contestants import Contestant, Facts, Input, count_ours, ours
from bench.place import Place

WITH = Contestant("esteira", "with profiles", ("warehouse",), ours("--load"), count_ours)
WITHOUT = replace(WITH, name="without", label="without profiles", command=ours("--load", "--without-profile"))
SHAPES = {"flights": (336_776, 10_000), "wide": (20_000, 1_000)}
"""Rows and page size of each: a usual table, and one of 500 columns."""


def measure(place: Place, turns: int) -> list[Facts]:
    """Median seconds of each, and the share that profiles have in them."""
    return [_measured(place, Input(name, size), rows, turns) for name, (rows, size) in SHAPES.items()]


def _measured(place: Place, what: Input, rows: int, turns: int) -> Facts:
    place.warm(what.rows, size=what.size)
    both: dict[str, list[float]] = {WITH.name: [], WITHOUT.name: []}
    for _ in range(turns):
        for one in (WITH, WITHOUT):
            both[one.name].append(run(place, one, what, rows)["cpu_seconds"])
    with_them, without = (statistics.median(both[one.name]) for one in (WITH, WITHOUT))
    share = 1 - without / with_them
    print(f"  {what.rows:8} {with_them:.2f} s with profiles, {without:.2f} s without: {share:.1%}", flush=True)
    return {
        "shape": what.rows,
        "rows": rows,
        "with": round(with_them, 2),
        "without": round(without, 2),
        "share": round(share, 3),
    }
