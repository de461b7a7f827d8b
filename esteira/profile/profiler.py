"""A batch's profile, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from esteira.contract import Column
from esteira.contract.columns import POSITION_COLUMN
from esteira.profile.column import ColumnProfile
from esteira.profile.distinct import DISTINCT_EXACT
from esteira.profile.many import see_many, see_values
from esteira.profile.sample import SAMPLE_ROWS, RowSample
from esteira.profile.seen import Seen, without_nulls

WIDE_COLUMNS = 100
"""A table with more columns than these gets sketches of a quarter of the size: 500 columns then take 25 MB, and not 100."""
WIDE_SHARE = 4

ROWS_AT_ONCE = 8192
"""Of fewer rows of a wide table calls cost more than values do, so they wait for others. Those of any other cost few calls."""
TABLES_AT_ONCE = 3
"""More than these do not wait, however few their rows are: they are row groups, of a bounded size."""


class Profiler:
    """Sees each chunk of a batch once.

    Args:
        columns: The contract's.
        distinct_exact, sample_rows: Sizes of the two sketches; of a wide table they are smaller.
        rows_at_once: Fewer rows wait for others; by default those of a wide table alone.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        distinct_exact: int = DISTINCT_EXACT,
        sample_rows: int = SAMPLE_ROWS,
        rows_at_once: int | None = None,
    ) -> None:
        is_wide = len(columns) > WIDE_COLUMNS
        share = WIDE_SHARE if is_wide else 1
        self._columns = [Seen(column, distinct_exact // share) for column in columns]
        self._shown = [seen.column.name for seen in self._columns if seen.is_shown]
        self._sample = RowSample(sample_rows // share)
        self._rows = 0
        self._rows_at_once = rows_at_once or (ROWS_AT_ONCE if is_wide else 1)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0

    def add(self, table: pa.Table) -> None:
        """Take the good rows of a chunk, with their positions."""
        if self._waiting and not table.schema.equals(self._waiting[0].schema):  # of a part that was made otherwise
            self.settle()
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        if self._waiting_rows >= self._rows_at_once or len(self._waiting) == TABLES_AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """See what waits: afterwards no row is kept but those of the sample."""
        tables, rows = self._waiting, self._waiting_rows
        self._waiting, self._waiting_rows = [], 0
        if rows:
            self._see(pa.concat_tables(tables))

    def _see(self, table: pa.Table) -> None:
        self._rows += table.num_rows
        many: dict[tuple[pa.DataType, bool], list[Seen]] = {}
        by_name = dict(zip(table.column_names, table.columns, strict=True))
        for seen in self._columns:
            values = by_name[seen.column.name]
            seen.nulls += values.null_count
            if seen.sketch:
                many.setdefault((values.type, seen.is_shown), []).append(seen)
            elif not seen.column.is_super and values.null_count < len(values):
                _count(seen, without_nulls(values))
        for columns in many.values():
            see_many(columns, table)
        self._sample.add(table.select([*self._shown, POSITION_COLUMN]))

    def merge(self, other: Profiler) -> None:
        """Take what was seen of other rows of the same batch."""
        self.settle()
        other.settle()
        self._rows += other._rows
        for seen, others in zip(self._columns, other._columns, strict=True):
            seen.merge(others)
        self._sample.merge(other._sample)

    def profiles(self) -> tuple[ColumnProfile, ...]:
        """One for each column, in the contract's order."""
        self.settle()
        sample = self._sample.rows()
        return tuple(seen.profile(self._rows, sample) for seen in self._columns)


def _count(seen: Seen, values: pa.Array) -> None:
    left = seen.add_few(values)
    if len(left):
        see_values([seen], left, np.array([len(left)]))
