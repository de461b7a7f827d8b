"""The first rows of a file as they stand, for a person who has no contract for it yet."""

from __future__ import annotations

import codecs
import csv
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine as calamine

from esteira.contract import SpreadsheetSource
from esteira.spreadsheet.book import checked_sheet, looker, opened_book
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.look import Look, Range
from esteira.spreadsheet.opening import DELIMITED, Opened, opened

MOST_ROWS = 5_000
"""Enough to tell what a column holds; the end of a longer table, and so its footer, is looked at too."""
_LAST_ROWS = 50
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8"))
_DELIMITERS = (";", ",", "\t", "|")


@dataclass(frozen=True, slots=True)
class Preview:
    """A sheet as it stands.

    Attributes:
        sheet: Its name; empty for delimited text.
        rows: Its first rows, from row 1 and column A on; an empty text is an empty cell.
        last: Its last rows, where it is longer than that.
        count: How many rows it has.
        merged: Merged cells.
        source: What reading it took: sheet, encoding, delimiter.
        others: Other sheets that are shown and could be meant, where nobody named one.
    """

    sheet: str
    rows: Sequence[Sequence[Any]]
    last: Sequence[Sequence[Any]]
    count: int
    merged: Sequence[Range]
    source: SpreadsheetSource
    others: tuple[str, ...] = ()


def preview(path: Path, source: SpreadsheetSource) -> Preview:
    """Look at a file.

    Args:
        path: The file; its name says the format.
        source: What is known already: its sheet, its locale.

    Raises:
        SpreadsheetError: It cannot be read.
    """
    if _ending(path) in DELIMITED:
        source = replace(source, encoding=_encoding(path))
    with opened(path, path.name, source) as file:
        try:
            return _text(file, source) if file.format in DELIMITED else _book(file, source)
        except (csv.Error, UnicodeError) as exc:
            raise failed(
                file.name,
                f"it cannot be read as delimited text: {exc}.",
                "Look at it in an editor: a quote that never ends, or a damaged character, is the usual cause.",
            ) from exc


def _ending(path: Path) -> str:
    return path.name.lower().rpartition(".")[2]


def _encoding(path: Path) -> str:
    """By its mark; else UTF-8 where that is what it is, and what Excel writes where it is not."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _text(file: Opened, source: SpreadsheetSource) -> Preview:
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    with file.path.open(encoding=encoding, newline="", errors="replace") as text:
        sample = list(islice(text, 200))
        delimiter = max(_DELIMITERS, key=lambda sign: _agreement(sample, sign))
        text.seek(0)
        reader = enumerate(csv.reader(text, delimiter=delimiter), 1)
        rows = list(islice(reader, MOST_ROWS))
        last = deque(reader, maxlen=_LAST_ROWS)
    count = (last or rows or [(0, [])])[-1][0]
    return Preview(
        "", [row for _, row in rows], [row for _, row in last], count, (), replace(source, delimiter=delimiter)
    )


def _agreement(lines: Sequence[str], delimiter: str) -> int:
    """How many fields the rows have that are as wide as most."""
    widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1)
    return max((width * count for width, count in widths.items()), default=0)


def _book(file: Opened, source: SpreadsheetSource) -> Preview:
    look = looker(file, source)
    with opened_book(file) as book:
        name, *others = [source.sheet] if isinstance(source.sheet, str) else _chosen(book, file, look, source)
        found = look(name)
        sheet = checked_sheet(book, name, file, found, source)
        left = sheet.start[1] if sheet.start else 0
        rows = [[""] * left + row for row in sheet.iter_rows()]
        return Preview(
            name,
            rows[:MOST_ROWS],
            rows[MOST_ROWS:][-_LAST_ROWS:],
            len(rows),
            found.merged or sheet.merged_cell_ranges or (),
            replace(source, sheet=name),
            tuple(others),
        )


def _chosen(
    book: calamine.CalamineWorkbook, file: Opened, look: Callable[[str], Look], source: SpreadsheetSource
) -> list[str]:
    """The first sheet that is shown and holds more than a line and a column, since a cover has but one; behind it the others that are shown."""
    shown = [
        each.name
        for each in book.sheets_metadata
        if each.visible == calamine.SheetVisibleEnum.Visible and each.typ == calamine.SheetTypeEnum.WorkSheet
    ]
    narrow = None
    for name in shown:
        sheet = checked_sheet(book, name, file, look(name), source)
        if sheet.height > 1 and sheet.width > 1:
            return [name, *(each for each in shown if each != name)]
        narrow = narrow or (name if sheet.height > 1 else None)
    if narrow is None:
        raise failed(file.name, "none of its visible sheets holds a table.", "Name the sheet with --sheet.")
    return [narrow, *(each for each in shown if each != narrow)]
