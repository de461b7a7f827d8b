"""A batch's profile, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Column
from esteira.contract.columns import POSITION_COLUMN
from esteira.profile import numbers
from esteira.profile.column import ColumnProfile
from esteira.profile.distinct import DISTINCT_EXACT, DistinctValues
from esteira.profile.frequencies import Frequencies
from esteira.profile.mean import Mean
from esteira.profile.sample import SAMPLE_ROWS, RowSample
from esteira.profile.shown import shown

EXTREMES_AT_ONCE = 64


class Profiler:
    """Sees each chunk of a batch once.

    Args:
        columns: The contract's.
        distinct_exact, sample_rows: Sizes of the two sketches.
    """

    def __init__(
        self, columns: Sequence[Column], *, distinct_exact: int = DISTINCT_EXACT, sample_rows: int = SAMPLE_ROWS
    ) -> None:
        self._columns = [_Seen(column, distinct_exact) for column in columns]
        self._shown = [column.name for column in columns if _is_shown(column)]
        self._sample = RowSample(sample_rows)
        self._rows = 0

    def add(self, table: pa.Table) -> None:
        """Take the good rows of a chunk, with their positions."""
        if not table.num_rows:
            return
        self._rows += table.num_rows
        for seen in self._columns:
            seen.add(table.column(seen.column.name))
        self._sample.add(table.select([*self._shown, POSITION_COLUMN]))

    def profiles(self) -> tuple[ColumnProfile, ...]:
        """One for each column, in the contract's order."""
        sample = self._sample.rows()
        return tuple(seen.profile(self._rows, sample) for seen in self._columns)


class _Seen:
    """What was seen of one column. Of a personal one the values are hashed and nothing else."""

    def __init__(self, column: Column, distinct_exact: int) -> None:
        self.column = column
        self._nulls = 0
        self._distinct = DistinctValues(column.arrow, size=distinct_exact, is_shown=_is_shown(column))
        self._extremes: list[pa.StructScalar] = []
        self._mean = Mean(column.arrow)

    def add(self, chunked: pa.ChunkedArray) -> None:
        self._nulls += chunked.null_count
        if self.column.is_super or chunked.null_count == len(chunked):
            return
        values = _whole(chunked)
        once = self._distinct.add(values)
        if _is_shown(self.column):
            finite = numbers.finite(values)
            self._see_extremes(finite if once is values else numbers.finite(once))
            if numbers.has_numbers(values.type):
                self._mean.add(finite)

    def _see_extremes(self, values: pa.Array) -> None:
        """Those of many chunks are compared at once: what Arrow computes, it computes for arrays."""
        self._extremes += [pc.min_max(values)] if len(values) else []
        if len(self._extremes) == EXTREMES_AT_ONCE:
            self._extremes = [pc.min_max(self._seen_extremes())]

    def _seen_extremes(self) -> pa.Array:
        """The smallest and the largest value of each chunk."""
        return pa.array([each[end] for each in self._extremes for end in ("min", "max")], self.column.arrow)

    def profile(self, rows: int, sample: pa.Table | None) -> ColumnProfile:
        """Args: the batch's rows, and those that were sampled."""
        name, values = self.column.name, rows - self._nulls
        distinct = None if self.column.is_super else min(self._distinct.count(), values)
        if sample is None or not _is_shown(self.column):
            return ColumnProfile(name, rows, self._nulls, distinct)
        extremes = pc.min_max(self._seen_extremes())
        low, high = (shown(extremes[end]) if self._extremes else None for end in ("min", "max"))
        factor = rows / sample.num_rows
        found = self._distinct.frequencies() or Frequencies.of_sample(_whole(sample.column(name)), factor)
        numeric = self._mean.value(), found.quantiles(extremes)
        return ColumnProfile(name, rows, self._nulls, distinct, low, high, *numeric, found.top())


def _is_shown(column: Column) -> bool:
    return not column.is_super and not column.is_pii


def _whole(chunked: pa.ChunkedArray) -> pa.Array:
    """A column's values as one array, without nulls; both zeros of floating point are one, as they are for `hashes`."""
    values = chunked.drop_null() if chunked.null_count else chunked
    whole = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return pc.add(whole, pa.scalar(0, whole.type)) if pa.types.is_floating(whole.type) else whole
