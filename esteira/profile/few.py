"""The values of a column with how often each occurs, while they are few."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.profile.frequencies import Frequencies, Rows, counted
from esteira.profile.hashes import Words, hashes
from esteira.profile.shown import TEXT_CHARACTERS, cut, longest_bytes

_WAITING_BYTES = 64 * 1024
"""What waits of a column's values until they are merged: a wide table has hundreds of columns."""


class FewValues:
    """What was seen so far. Chunks are counted as they come and merged several at a time, since a merge of few values costs as much as one of many.

    Args:
        kind: The column's type.
        size: From so many values on they are no longer few.
        is_shown: Whether the values may be kept beside their hashes.
    """

    def __init__(self, kind: pa.DataType, size: int, *, is_shown: bool) -> None:
        self._kind, self._size, self._is_shown = kind, size, is_shown
        self.forget()

    def forget(self) -> None:
        """Start again."""
        self.hashes: Words = np.zeros(0, np.uint64)
        self._values, self._rows = pa.array([], self._kind), np.zeros(0, np.int64)
        self._waiting: list[tuple[pa.Array, Rows]] = []
        self._waiting_values = self._waiting_bytes = 0
        self._knows = False
        """Whether the kept values are texts and none of them was cut."""

    @property
    def room(self) -> int:
        """Values that can tell whether they are many."""
        return 2 * self._size

    @property
    def is_new(self) -> bool:
        """Whether nothing was seen yet."""
        return not (len(self.hashes) or self._waiting)

    @property
    def are_many(self) -> bool:
        """Whether they are, by what was merged."""
        return len(self.hashes) >= self._size

    def add(self, values: pa.Array) -> None:
        """Take values without nulls."""
        is_first, values = self.is_new, self._unknown(values) if self._knows else values
        if not len(values):
            return
        once, rows = counted(values)
        self._waiting.append((once, rows))
        self._waiting_values += len(once)
        self._waiting_bytes += once.nbytes
        if is_first or self._waiting_values >= self.room or self._waiting_bytes >= _WAITING_BYTES:
            self.merge()

    def _unknown(self, values: pa.Array) -> pa.Array:
        """Count those that are known: of texts that costs Arrow less than their hashes would."""
        places = pc.index_in(values, value_set=self._values)
        known = places.drop_null() if places.null_count else places
        self._rows += np.bincount(known.to_numpy(), minlength=len(self._rows))
        return values.filter(pc.is_null(places)) if places.null_count else values[:0]

    def merge(self) -> None:
        """Equal values have equal hashes, and nothing else is compared; of a long text only what is shown of it is kept."""
        if not self._waiting:
            return
        once = pa.concat_arrays([values for values, _ in self._waiting])
        rows = np.concatenate([self._rows, *(rows for _, rows in self._waiting)])
        self._waiting, self._waiting_values, self._waiting_bytes = [], 0, 0
        self._fold(hashes(once), rows, cut(once) if self._is_shown else once[:0])

    def join(self, other: FewValues) -> None:
        """Take those of other rows; both are merged."""
        if len(other.hashes):
            self._fold(other.hashes, np.concatenate([self._rows, other._rows]), other._values)

    def _fold(self, found: Words, rows: Rows, values: pa.Array) -> None:
        """Args: hashes beside the known ones, the rows of both, and what is shown of the values beside the known ones."""
        found = np.concatenate([self.hashes, found])
        order = np.argsort(found)
        found = found[order]
        starts = np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]]))
        self.hashes, self._rows = found[starts], np.add.reduceat(rows[order], starts)
        if self._is_shown:
            self._values = pa.concat_arrays([self._values, values]).take(pa.array(order[starts]))
            self._knows = pa.types.is_string(values.type) and longest_bytes(self._values) < TEXT_CHARACTERS

    def frequencies(self) -> Frequencies:
        """Each value and its rows, of what was merged."""
        return Frequencies(self._values, self._rows)
