"""What was seen of one column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Column
from esteira.profile import numbers
from esteira.profile.column import ColumnProfile
from esteira.profile.distinct import SmallestHashes, once
from esteira.profile.extremes import Extremes, extremes
from esteira.profile.few import FewValues
from esteira.profile.frequencies import Frequencies
from esteira.profile.hashes import Words, hashes
from esteira.profile.mean import counted_sum, mean
from esteira.profile.shown import shown


class Seen:
    """While its values are few each is counted. Of many, hashes, a sum and the extremes are kept instead.

    Of a personal column the values are hashed and nothing else; of a nested one nulls are counted.

    Args:
        column: The contract's.
        size: From so many values on they are many.
    """

    def __init__(self, column: Column, size: int) -> None:
        self.column, self._size = column, size
        self.is_shown = not column.is_super and not column.is_pii
        self.nulls = self._total = self._count = 0
        self._extremes: Extremes | None = None
        self._few = FewValues(column.arrow, size, is_shown=self.is_shown)
        self.sketch: SmallestHashes | None = None
        """Of many values."""

    def add_few(self, values: pa.Array) -> pa.Array:
        """Take values without nulls while they are few; returns those that were not taken, since they are many.

        Of numbers what comes first tells mostly which it will be, and to hash them costs a fraction of what it takes to count them.
        """
        if self._few.is_new and len(values) >= self._size and numbers.has_numbers(values.type):
            first = once(hashes(values[: self._few.room]))
            if len(first) >= self._size:
                self.sketch = SmallestHashes(first, self._size)
                return values
        self._few.add(values)
        self._find_out()
        return values[:0]

    def _settle(self) -> None:
        self._few.merge()
        self._find_out()

    def _find_out(self) -> None:
        if self._few.are_many:
            self.sketch = SmallestHashes(self._few.hashes, self._size)
            if self.is_shown:
                self._see_few()
            self._few.forget()

    def merge(self, other: Seen) -> None:
        """Take what was seen of other rows."""
        self.nulls += other.nulls
        self._settle()
        other._settle()
        if self.sketch is None and other.sketch is None:
            self._few.join(other._few)
            self._find_out()
            return
        self.sketch = SmallestHashes(np.concatenate([self._counted(), other._counted()]), self._size)
        if other._extremes is not None:
            self.see(other._extremes, other._total, other._count)

    def _counted(self) -> Words:
        """The hashes; what was known of few values is from here on what is known of many."""
        if self.sketch is not None:
            return self.sketch.smallest()
        found = self._few.hashes
        if self.is_shown:
            self._see_few()
        self._few.forget()
        return found

    def see(self, found: Extremes, total: int, count: int) -> None:
        """Take what was computed of finite values."""
        low, high = self._extremes or found
        self._extremes = min(low, found[0]), max(high, found[1])
        self._total += total
        self._count += count

    def _see_few(self) -> None:
        few = self._few.frequencies()
        values, rows = numbers.finite(few.values), few.rows
        if len(values) < len(rows):
            rows = rows[np.isfinite(numbers.stored(few.values))]
        if len(values):
            (found,) = extremes(values, np.zeros(1, np.int64))
            self.see(found, counted_sum(values, rows) if numbers.has_numbers(values.type) else 0, int(rows.sum()))

    def profile(self, rows: int, sample: pa.Table | None) -> ColumnProfile:
        """Args: the batch's rows, and those that were sampled."""
        self._settle()
        name, values, kind = self.column.name, rows - self.nulls, self.column.arrow
        found = self.sketch.count() if self.sketch else len(self._few.hashes)
        distinct = None if self.column.is_super else min(found, values)
        if sample is None or not self.is_shown:
            return ColumnProfile(name, rows, self.nulls, distinct)
        if self.sketch is None:
            self._see_few()
            each = self._few.frequencies()
        else:
            each = Frequencies.of_sample(without_nulls(sample.column(name)), rows / sample.num_rows)
        ends = numbers.as_stored(self._extremes or (), kind)
        low, high = map(shown, ends) if self._extremes else (None, None)
        average = mean(self._total, self._count, kind) if numbers.has_numbers(kind) else None
        return ColumnProfile(name, rows, self.nulls, distinct, low, high, average, each.quantiles(ends), each.top())


def without_nulls(chunked: pa.ChunkedArray) -> pa.Array:
    """Values as one array; both zeros of floating point are one, as they are for `hashes`."""
    whole = chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()
    values = whole.drop_null() if whole.null_count else whole
    return pc.add(values, pa.scalar(0, values.type)) if pa.types.is_floating(values.type) else values
