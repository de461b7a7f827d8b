"""Peak memory and time of one batch at several multiples of the rows, and of records of other shapes; load included."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.contest import run
from bench.contestants import Contestant, Facts, Input, count_ours, ours
from bench.place import Place

OURS = Contestant("esteira", "Esteira", ("parquet", "warehouse"), ours("--load"), count_ours)
SHAPES = {"wide": (20_000, 1_000), "long": (2_000, 100), "nested": (100_000, 10_000)}
"""Rows and page size of each: pages of some MB."""


def factors(place: Place, rows: int, repeats: Sequence[int]) -> list[Facts]:
    """One run for each multiple of the flights."""
    return [_facts(place, Input(factor=factor), rows * factor) for factor in repeats]


def shapes(place: Place) -> list[Facts]:
    """One run for each shape of records."""
    return [_facts(place, Input(name, size), rows) for name, (rows, size) in SHAPES.items()]


def _facts(place: Place, what: Input, rows: int) -> Facts:
    place.warm(what.rows, size=what.size)
    facts = run(place, OURS, what, rows)
    seconds = {name: round(value, 2) for name, value in facts["seconds"].items()}
    print(f"  {rows:>10,} {what.rows}: {seconds}, peak {facts['peak_bytes'] / 1e6:.0f} MB", flush=True)
    return {
        "rows": rows,
        "shape": what.rows,
        "factor": what.factor,
        "seconds": seconds,
        "rows_per_second": {goal: round(rows / facts["seconds"][goal]) for goal in OURS.measures},
        "peak_mb": round(facts["peak_bytes"] / 1e6),
        "part_mb": round(facts["part_bytes"] / 1e6),
        "s3_requests": facts["s3_requests"],
        "objects": {zone: _sizes(sizes) for zone, sizes in facts["objects"].items() if sizes},
    }


def _sizes(sizes: list[int]) -> Facts:
    return {
        "count": len(sizes),
        "median_kb": round(statistics.median(sizes) / 1e3),
        "largest_kb": round(sizes[-1] / 1e3),
    }
