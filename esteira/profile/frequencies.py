"""Values with how often each occurs: what quantiles and the most frequent values are read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.profile import numbers
from esteira.profile.shown import shown

TOP_VALUES = 10
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
    rows: pa.Array
    factor: float = 1

    @classmethod
    def of_sample(cls, values: pa.Array, factor: float) -> Frequencies:
        """Count a sample's values; it has no nulls."""
        counted = pc.value_counts(values)
        return cls(counted.field("values"), counted.field("counts"), factor)

    def top(self) -> tuple[tuple[str, int], ...]:
        """The most frequent values with the rows that they stand for; of equally frequent ones the smallest."""
        table = pa.table({"value": self.values, "rows": self.rows})
        if self.factor > 1:
            table = table.filter(pc.greater_equal(table["rows"], MIN_SEEN))
        order = pc.sort_indices(table, [("rows", "descending"), ("value", "ascending")])
        top = table.take(order[:TOP_VALUES])
        pairs = zip(top["value"], top["rows"].to_pylist(), strict=True)
        return tuple((shown(value), round(rows * self.factor)) for value, rows in pairs)

    def quantiles(self, extremes: pa.StructScalar) -> tuple[float, ...]:
        """p0, p10 … p100: the ends are the column's own, the others are values that occur (PERCENTILE_DISC in SQL).

        Args:
            extremes: Arrow's `min_max` of the column.
        """
        if not numbers.has_numbers(self.values.type):
            return ()
        found = numbers.of(self.values)
        order = np.argsort(found)
        order = order[np.isfinite(found[order])]
        if not len(order):
            return ()
        up_to = np.cumsum(self.rows.to_numpy()[order])
        at = np.searchsorted(up_to * STEPS, up_to[-1] * np.arange(1, STEPS))
        low, high = numbers.of(pa.array([extremes["min"], extremes["max"]], self.values.type))
        unit = numbers.scale(self.values.type)
        return tuple(float(number) / unit for number in (low, *found[order[at]], high))
