"""Columns with many values: computed for several of them at once, since what NumPy and Arrow compute costs little beside the calls to them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.profile import numbers
from esteira.profile.extremes import extremes
from esteira.profile.hashes import hashes
from esteira.profile.mean import sums
from esteira.profile.numbers import Numbers
from esteira.profile.seen import Seen, without_nulls

VALUES_AT_ONCE = 64 * 1024
"""512 KB of numbers: enough that calls do not count, and in the cache of a core."""


def see_many(columns: Sequence[Seen], table: pa.Table) -> None:
    """Take the rows of a chunk.

    Args:
        columns: Of one type; all are shown, or none is.
        table: With these columns.
    """
    at_once = max(VALUES_AT_ONCE // table.num_rows, 1)
    for start in range(0, len(columns), at_once):
        some = columns[start : start + at_once]
        found = [table.column(seen.column.name) for seen in some]
        lengths = np.array([len(each) - each.null_count for each in found])
        chunks = [chunk for each in found for chunk in each.chunks]
        see_values(some, without_nulls(pa.chunked_array(chunks)), lengths)


def see_values(columns: Sequence[Seen], values: pa.Array, lengths: Numbers) -> None:
    """Take values that stand one column after the other.

    Args:
        columns: As for `see_many`.
        values: Without nulls.
        lengths: How many are each column's.
    """
    _see_hashes(columns, values, lengths)
    if columns[0].is_shown:
        _see_figures(columns, *_finite(values, lengths))


def _see_hashes(columns: Sequence[Seen], values: pa.Array, lengths: Numbers) -> None:
    found, sketches = hashes(values), [seen.sketch for seen in columns if seen.sketch]
    at = np.flatnonzero(found < np.repeat([sketch.limit for sketch in sketches], lengths))
    passing, edges = found[at], np.searchsorted(at, _edges(lengths)).tolist()
    for sketch, (start, stop) in zip(sketches, pairwise(edges), strict=True):
        if start < stop:
            sketch.add(passing[start:stop])


def _finite(values: pa.Array, lengths: Numbers) -> tuple[pa.Array, Numbers]:
    finite = numbers.finite(values)
    if len(finite) == len(values):
        return values, lengths
    are_finite = _edges(pc.is_finite(values).to_numpy(zero_copy_only=False))
    return finite, np.diff(are_finite[_edges(lengths)])


def _see_figures(columns: Sequence[Seen], values: pa.Array, lengths: Numbers) -> None:
    some = [(seen, length) for seen, length in zip(columns, lengths.tolist(), strict=True) if length]
    if not some:
        return
    starts = _edges(lengths)[:-1][lengths > 0]
    totals = sums(values, starts) if numbers.has_numbers(values.type) else [0] * len(some)
    for (seen, length), ends, total in zip(some, extremes(values, starts), totals, strict=True):
        seen.see(ends, total, length)


def _edges(lengths: Numbers) -> Numbers:
    """Where each begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)])
