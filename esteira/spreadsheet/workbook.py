"""Workbooks into pieces: calamine's rows into blocks, sheet by sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias

import numpy as np
import python_calamine as calamine

from esteira.contract import Dataset, SpreadsheetSource
from esteira.spreadsheet.ahead import in_turn
from esteira.spreadsheet.assemble import Assembly, Block
from esteira.spreadsheet.book import checked_sheet, chosen_sheets, looker, opened_book
from esteira.spreadsheet.cells import Cells, durations_read, printed, sorted_cells
from esteira.spreadsheet.failure import address, failed
from esteira.spreadsheet.footer import footer_of
from esteira.spreadsheet.heading import Heading, Headings
from esteira.spreadsheet.look import Fault, Look, Range
from esteira.spreadsheet.names import filler
from esteira.spreadsheet.opening import Opened
from esteira.spreadsheet.piece import Piece

CELLS_PER_PIECE = 200_000
"""About 10 MB of Python values while a piece is made."""
BLOCKS_AHEAD = 1
"""While one is converted, the next is read."""
_Row: TypeAlias = list[Any]


def workbook_pieces(file: Opened, dataset: Dataset, source: SpreadsheetSource, pool: Executor) -> Iterator[Piece]:
    """The rows of a workbook's sheets.

    Raises:
        SpreadsheetError: It cannot be read as the contract describes.
    """
    look = looker(file, source)
    headings = Headings(dataset, source, file.name)
    with opened_book(file) as book:
        for name in chosen_sheets(book, file.name, source):
            found = look(name)
            sheet_rows = checked_sheet(book, name, file, found, source)
            assembly = Assembly(dataset, source, file.name, is_1904=found.is_1904, is_dated=found.is_dated)
            sheet = _Sheet(sheet_rows, found, headings, source, file.name)
            yield from in_turn(pool, partial(assembly.piece, heading=sheet.heading), sheet.blocks(), BLOCKS_AHEAD)


class _Sheet:
    """One sheet: its heading, then its blocks."""

    def __init__(
        self, sheet: calamine.CalamineSheet, look: Look, headings: Headings, source: SpreadsheetSource, file: str
    ) -> None:
        self._name, self._look, self._source, self._file = sheet.name, look, source, file
        self._left = sheet.start[1] if sheet.start else 0
        self._merged: Mapping[int, list[Range]] = self._ranges(sheet)
        rows = iter(sheet.iter_rows())
        first = [self._padded(row) for row in islice(rows, headings.first_rows())]
        self.heading: Heading = headings.find(first, sheet.name, filler(first, self._merged))
        self._rows = chain(first[self.heading.first :], map(self._padded, rows))
        self._columns = sorted({*self.heading.places.values(), *(place for place, _ in self.heading.melted)})
        self._inner = set(self._rows_inside())
        self._footer = footer_of(source.footer)
        self._top: dict[tuple[int, int], Any] = {}

    def blocks(self) -> Iterator[Block]:
        """Its rows of data."""
        size = max(1, CELLS_PER_PIECE // max(1, len(self.heading.names)))
        data = self._data()
        while taken := list(islice(data, size)):
            yield self._block([number for number, _ in taken], [row for _, row in taken])

    def _ranges(self, sheet: calamine.CalamineSheet) -> dict[int, list[Range]]:
        if not self._look.merged:
            self._look.merged = sheet.merged_cell_ranges or ()
        return self._look.merged_by_row()

    def _rows_inside(self) -> Iterator[int]:
        """Rows that may be empty but for a merged cell of the table that began above them."""
        for (top, left), (bottom, right) in self._look.merged:
            if any(left <= column <= right for column in self._columns):
                yield from range(top + 1, bottom + 1)

    def _padded(self, row: _Row) -> _Row:
        """From column A on: calamine leaves out what is left of the first cell."""
        return [""] * self._left + row if self._left else row

    def _data(self) -> Iterator[tuple[int, _Row]]:
        """Rows that are data, each with its number from 0."""
        hidden, faults = self._look.hidden, self._look.faults
        blanks = self._source.ends_at_blank
        for number, row in enumerate(self._rows, self.heading.first):
            if row.count("") == len(row) and number not in faults and number not in self._inner:
                if blanks:
                    return
                continue
            if self._footer is not None and self._is_footer(row):
                return
            if number in hidden and not self._takes_hidden(number):
                continue
            yield number, row

    def _is_footer(self, row: _Row) -> bool:
        first = next((value for value in row if value != ""), None)
        return type(first) is str and self._footer is not None and self._footer.knows(first.strip())

    def _takes_hidden(self, number: int) -> bool:
        if self._source.hidden == "refuse":
            raise failed(
                self._file, f"row {address(self._name, number + 1)} is hidden.",
                "Show or delete the row (a filter hides rows too), or say in the contract what it means: hidden='skip' or 'read'.",
            )  # fmt: skip
        return self._source.hidden == "read"

    def _block(self, numbers: list[int], rows: list[_Row]) -> Block:
        faults = dict(self._faults(numbers, rows))
        cells = {
            column: self._sorted([row[column] if column < len(row) else "" for row in rows]) for column in self._columns
        }
        at = np.array(numbers, np.int64) + 1
        return Block(
            self._name, at, cells, lambda row, column: rows[row][column] if column < len(rows[row]) else None, faults
        )

    def _sorted(self, values: list[Any]) -> Cells:
        return sorted_cells(durations_read(values) if self._look.is_dated else values)

    def _faults(self, numbers: list[int], rows: list[_Row]) -> Iterator[tuple[tuple[int, int], Fault]]:
        if not self._look.faults and not self._merged:
            return
        for row, number in enumerate(numbers):
            yield from (((row, column), fault) for column, fault in self._look.faults.get(number, {}).items())
            for area in self._merged.get(number, ()):
                yield from self._merged_cells(row, rows[row], number, area)

    def _merged_cells(
        self, row: int, values: _Row, number: int, area: Range
    ) -> Iterator[tuple[tuple[int, int], Fault]]:
        (top, left), (_, right) = area
        if number == top:
            self._top[area[0]] = values[left] if left < len(values) else ""
        value = self._top.get(area[0], "")
        if self._source.merged == "fill":
            values[left : right + 1] = [value] * (right + 1 - left)
        else:
            yield from (((row, column), Fault("merged", str(printed(value)))) for column in range(left, right + 1))
