"""A uniform sample of a batch's rows: those with the smallest hashes of their positions, whatever the chunks they came in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from esteira.contract.columns import POSITION_COLUMN
from esteira.profile.hashes import Words, hashes
from esteira.profile.shown import cut

SAMPLE_ROWS = 4096
"""Rows that are kept. By the inequality of Dvoretzky, Kiefer and Wolfowitz the rank of a quantile of as many values is off by more than
√(ln(2/0.01)/2/4096) = 0.026 in one sample of a hundred: https://doi.org/10.1214/aop/1176990746."""


class RowSample:
    """The rows kept so far.

    Args:
        size: How many.
    """

    def __init__(self, size: int = SAMPLE_ROWS) -> None:
        self._size = size
        self._keys: Words = np.zeros(0, np.uint64)
        self._tables: list[pa.Table] = []
        self._limit = 2**64 - 1

    def add(self, table: pa.Table) -> None:
        """Take a chunk's rows; `_esteira_position` is one of its columns."""
        keys = hashes(table.column(POSITION_COLUMN).combine_chunks())
        chosen = np.flatnonzero(keys <= np.uint64(self._limit))
        chosen = chosen[_smallest(keys[chosen], self._size)]
        if not len(chosen):
            return
        self._keys = np.concatenate([self._keys, keys[chosen]])
        self._tables.append(_kept(table.drop_columns(POSITION_COLUMN).take(pa.array(chosen))))
        if len(self._keys) >= 2 * self._size:
            self._cut()

    def merge(self, other: RowSample) -> None:
        """Take the sample of other rows."""
        self._keys = np.concatenate([self._keys, other._keys])
        self._tables += other._tables
        self._cut()

    def rows(self) -> pa.Table | None:
        """The sample, in no order that means anything; None when no row was added."""
        self._cut()
        return self._tables[0] if self._tables else None

    def _cut(self) -> None:
        if not self._tables:
            return
        kept, table = _smallest(self._keys, self._size), pa.concat_tables(self._tables)
        self._keys, self._tables = self._keys[kept], [table.take(pa.array(kept)).combine_chunks()]
        if len(kept) == self._size:
            self._limit = int(self._keys.max())


def _kept(table: pa.Table) -> pa.Table:
    return pa.Table.from_arrays([cut(column) for column in table.columns], names=table.column_names)


def _smallest(keys: Words, size: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where the smallest keys are."""
    return np.arange(len(keys)) if len(keys) <= size else np.argpartition(keys, size)[:size]
