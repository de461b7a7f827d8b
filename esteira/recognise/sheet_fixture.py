"""The head of a file made fit to be committed: its header as it stands, few rows, nothing personal, and what ends the table.

As in the recorded pages of a portal, a text is kept only where it is harmless for certain; the others are replaced by texts of the same shape.
The other sheets stay behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from esteira.recognise.columns import ColumnGuess
from esteira.recognise.fixture import LONG_NUMBER, ROWS_OF_PAGE, Shapes, keeps
from esteira.recognise.sheet import Table
from esteira.spreadsheet.look import Range
from esteira.spreadsheet.preview import Preview

_FOOTER_ROWS = 3
_SOME_DAY = datetime(2001, 1, 1)  # noqa: DTZ001 - a cell has no zone
_PRINTED = re.compile(r"\d+")


def kept_rows(found: Preview, table: Table) -> list[list[Any]]:
    """The rows to keep, from row 1 and column A on."""
    first = table.header + table.header_rows
    last = min(table.end, first + ROWS_OF_PAGE)
    scrub = _Scrub(table, found.rows[first : table.end])
    banner = [[scrub.foreign(value) for value in row] for row in found.rows[: table.header]]
    header = [list(row) for row in found.rows[table.header : first]]
    data = [[scrub.cell(at, value) for at, value in enumerate(row)] for row in found.rows[first:last]]
    footer = found.rows[table.end : table.end + _FOOTER_ROWS]
    return [*banner, *header, *data, *(list(scrub.footer(row)) for row in footer)]


def kept_merges(found: Preview, table: Table) -> list[Range]:
    """The merged cells among them."""
    last = min(table.end, table.header + table.header_rows + ROWS_OF_PAGE)
    return [each for each in found.merged if each[1][0] < last]


class _Scrub:
    """Cells by their columns."""

    def __init__(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        self._shapes = Shapes()
        self._footer_words = len((table.footer or "").split(" "))
        self._columns = dict(zip(table.places, table.columns, strict=True))
        self._keeps = {
            place: keeps(column, [row[place] for row in rows if place < len(row) and row[place] != ""])
            for place, column in self._columns.items()
        }

    def cell(self, place: int, value: Any) -> Any:
        """A cell of the table."""
        column = self._columns.get(place)
        if column is None:
            return self.foreign(value)
        if isinstance(value, str):
            return value if self._keeps[place] else self._text(column, value)
        return self._number(value) if column.pii_why is None else self._personal(value)

    def foreign(self, value: Any) -> Any:
        """A cell beside or above the table: a note may name people."""
        return self._shapes.of(value) if isinstance(value, str) and value else self._number(value)

    def footer(self, row: Sequence[Any]) -> Iterator[Any]:
        """A footer's cells. Of its first text the words stay by which the contract tells it; the rest may be anything."""
        is_first = True
        for value in row:
            if isinstance(value, str) and value.strip() and is_first:
                words = value.lstrip().split(" ")
                head, rest = " ".join(words[: self._footer_words]), " ".join(words[self._footer_words :])
                is_first = False
                yield f"{head} {self._shapes.of(rest)}" if rest else head
            else:
                yield self.foreign(value)

    def _text(self, column: ColumnGuess, text: str) -> str:
        """A printed number or day stays one: only its digits are replaced."""
        if column.kind == "text":
            return self._shapes.of(text) if text else text
        if column.kind in {"day", "local moment"}:
            return _PRINTED.sub(lambda digits: _first_of(digits[0]), text)
        return _PRINTED.sub(lambda digits: self._shapes.of(digits[0]), text)

    def _number(self, value: Any) -> Any:
        is_long = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= LONG_NUMBER
        return self._digits(value) if is_long else value

    def _personal(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return _SOME_DAY
        if isinstance(value, date):
            return _SOME_DAY.date()
        return self._digits(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    def _digits(self, value: float) -> float:
        """A number of as many digits, and of none behind the point."""
        made = int(self._shapes.of(str(abs(int(value)))))
        return type(value)(made if value >= 0 else -made)


def _first_of(digits: str) -> str:
    """Of a printed day: 01 is a day, a month and, behind 20, a year."""
    return {4: "2001", 1: "1"}.get(len(digits), "01")
