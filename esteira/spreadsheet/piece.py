"""What a reader hands on: some rows of one sheet, and how to show those that are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import msgspec

from esteira.quality import Decoded


class Rows(Sequence[msgspec.Raw]):
    """The rows of a piece as they are printed, each made only when it is asked for: only refused ones are.

    Args:
        count: How many there are.
        record: A row as JSON, printed name to printed cell.
        place: Where a row's cell of a column stands, `Plan1!C17`; the row itself, `Plan1!17`, for a column that is in no cell.
    """

    def __init__(self, count: int, record: Callable[[int], bytes], place: Callable[[int, str], str]) -> None:
        self._count, self._record, self.place = count, record, place

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> msgspec.Raw: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[msgspec.Raw]: ...

    def __getitem__(self, index: int | slice) -> msgspec.Raw | Sequence[msgspec.Raw]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return msgspec.Raw(self._record(index))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a file, bounded in memory.

    Attributes:
        sheet: The sheet that they stand on; empty for delimited text.
        decoded: The contract's columns under its names and types, with the cells that are refused.
        rows: The same rows as printed, with their places.
    """

    sheet: str
    decoded: Decoded
    rows: Rows
