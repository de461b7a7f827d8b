"""Values with how often each occurs: what quantiles and the most frequent values are read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.profile import numbers
from esteira.profile.shown import shown

TOP_VALUES = 10
Rows = np.ndarray[tuple[int], np.dtype[np.int64]]
STEPS = 10
"""From p0 to p100."""
MIN_SEEN = 5
"""A value of a sample is told from here on: one seen five times is estimated with a standard error of 45 %, one seen once says nothing."""


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Of a column, or of a sample of it.

    Attributes:
        values: Distinct ones, no null.
        rows: How many have each.
        factor: Rows of the column for each one that was seen; 1 when all were.
    """

    values: pa.Array
    rows: Rows
    factor: float = 1

    @classmethod
    def of_sample(cls, values: pa.Array, factor: float) -> Frequencies:
        """Count a sample's values; it has no nulls."""
        return cls(*counted(values), factor)

    def top(self) -> tuple[tuple[str, int], ...]:
        """The most frequent values with the rows that they stand for; of equally frequent ones the smallest."""
        told = self.rows if self.factor == 1 else self.rows[self.rows >= MIN_SEEN]
        if not len(told):
            return ()
        least = np.partition(told, -TOP_VALUES)[-TOP_VALUES] if len(told) > TOP_VALUES else told.min()
        at = np.flatnonzero(self.rows >= least)
        values, rows = self.values.take(pa.array(at)), pa.array(self.rows[at])
        both = pa.RecordBatch.from_arrays([values, rows], names=["value", "rows"])
        order = pc.sort_indices(both, [("rows", "descending"), ("value", "ascending")])[:TOP_VALUES]
        pairs = zip(values.take(order), rows.take(order).to_pylist(), strict=True)
        return tuple((shown(value), round(count * self.factor)) for value, count in pairs)

    def quantiles(self, extremes: pa.Array) -> tuple[float, ...]:
        """p0, p10 … p100: the ends are the column's own, the others are values that occur (PERCENTILE_DISC in SQL).

        Args:
            extremes: The smallest and the largest finite value of the column, or nothing.
        """
        if not numbers.has_numbers(self.values.type):
            return ()
        found = numbers.of(self.values)
        order = np.argsort(found)
        order = order[np.isfinite(found[order])]
        if not len(order):
            return ()
        up_to = np.cumsum(self.rows[order])
        at = np.searchsorted(up_to * STEPS, up_to[-1] * np.arange(1, STEPS))
        low, high = numbers.of(extremes).tolist()
        return (low, *found[order[at]].tolist(), high)


def counted(values: pa.Array) -> tuple[pa.Array, Rows]:
    """Each value once, and how often it occurs. Flags, and whole numbers that lie close together, need no hash table."""
    if pa.types.is_integer(values.type) and len(values):
        found = numbers.stored(values)
        low, high = int(found.min()), int(found.max())
        if high - low < len(found):
            rows = np.bincount(np.subtract(found, low, dtype=np.int64))
            seen = np.flatnonzero(rows)
            return pa.array(seen + low, values.type), rows[seen]
    if pa.types.is_boolean(values.type):
        both = np.array([len(values) - values.true_count, values.true_count])
        seen = np.flatnonzero(both)
        return pa.array(seen.astype(bool)), both[seen]
    each = pc.value_counts(values)
    return each.field("values"), each.field("counts").to_numpy()
