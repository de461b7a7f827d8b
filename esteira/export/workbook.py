"""Tables into a workbook of any length in little memory: sheets are streamed into the archive, row by row as Arrow makes their text.

No library: those that we could lock write cell by cell from Python, which takes several times as long (docs/adr/0017-bi.md). Only what is said here is
written, and no formula, link, macro or external name can be among it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from esteira.export.cells import Cut, cell_texts, escaped
from esteira.export.conventions import Conventions
from esteira.export.delimited import bytes_of
from esteira.export.package import parts_of
from esteira.export.styles import HEADER, Styles
from esteira.export.texts import sliced

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
"""https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3"""
MAX_SHEET_BYTES = 1_900_000_000
"""Of a sheet's XML. Beyond 2 GiB the archive would need ZIP64, which not every program reads."""
LEVEL = 3
"""Of compression: half the time of zlib's own 6, for files a tenth larger."""
MOST_WIDE, LEAST_WIDE = 60, 8
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


class Workbook:
    """One workbook that grows.

    Args:
        file: Where to; it can be written only.
        conventions: How the locale writes.
        title: Of its properties.
    """

    def __init__(self, file: BinaryIO, conventions: Conventions, title: str) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self._conventions, self._title = conventions, title
        self._styles, self._names = Styles(conventions), list[str]()
        self._cut = Cut()

    @property
    def cut_texts(self) -> int:
        """How many texts were longer than a cell takes."""
        return self._cut.count

    def add_rows(self, name: str, titles: Sequence[str], tables: Iterable[pa.Table], most_rows: int = MAX_ROWS) -> int:
        """Add rows on one sheet, or on as many as they need, each under the header; returns how many rows there were.

        Args:
            name: Of the sheet; of several, with their number.
            titles: Of the columns.
            tables: Of one schema, in order.
            most_rows: Lines of a sheet, the header among them.
        """
        slices = _cut_to(tables, most_rows - 1)
        number, rows, waiting = 0, 0, next(slices, None)
        while waiting is not None or number == 0:
            number += 1
            with self._sheet(name if number == 1 else f"{name} {number}") as sheet:
                written, waiting = self._fill(sheet, titles, waiting, slices, most_rows)
                rows += written
        return rows

    def add_texts(self, name: str, titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
        """Add a sheet of few lines of text."""
        columns = [[line[at] for line in lines] for at in range(len(titles))]
        table = pa.table({str(at): pa.array(column, pa.string()) for at, column in enumerate(columns)})
        self.add_rows(name, titles, [table])

    def close(self) -> None:
        """Write what describes the sheets; without it the file is none."""
        for place, text in parts_of(self._names, self._title, self._styles.xml()):
            self._zip.writestr(zipfile.ZipInfo(place), text, compress_type=zipfile.ZIP_DEFLATED)
        self._zip.close()

    @contextmanager
    def _sheet(self, name: str) -> Iterator[IO[bytes]]:
        self._names.append(name)
        with self._zip.open(f"xl/worksheets/sheet{len(self._names)}.xml", "w") as sheet:
            yield sheet

    def _fill(
        self,
        sheet: IO[bytes],
        titles: Sequence[str],
        first: pa.Table | None,
        slices: Iterator[pa.Table],
        most_rows: int,
    ) -> tuple[int, pa.Table | None]:
        """Write one sheet; returns how many rows it has, and the slice that begins the next one."""
        sheet.write(_head(titles, first).encode())
        line, size, waiting = 2, 0, first
        while waiting is not None and line - 1 + waiting.num_rows <= most_rows and size < MAX_SHEET_BYTES:
            text = bytes_of(self._rows(waiting, line))
            sheet.write(text)
            line, size, waiting = line + waiting.num_rows, size + len(text), next(slices, None)
        last = f"{letters(len(titles))}{line - 1}"
        sheet.write(f'</sheetData><autoFilter ref="A1:{last}"/></worksheet>'.encode())
        return line - 2, waiting

    def _rows(self, table: pa.Table, first: int) -> pa.Array:
        numbers = pa.array(range(first, first + table.num_rows), pa.int32()).cast(pa.string())
        cells = [
            cell_texts(
                column.combine_chunks(), pc.binary_join_element_wise(letters(at), numbers, ""), self._styles,
                self._conventions, self._cut,
            )
            for at, column in enumerate(table.columns, 1)
        ]  # fmt: skip
        joined = pc.binary_join_element_wise(*cells, "", null_handling="replace", null_replacement="")
        return pc.binary_join_element_wise('<row r="', numbers, '">', joined, "</row>", "")


def letters(number: int) -> str:
    """The name of a column, from 1.

    >>> letters(1), letters(26), letters(27), letters(16384)
    ('A', 'Z', 'AA', 'XFD')
    """
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _cut_to(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Slices of which none reaches over the end of a sheet."""
    left = rows
    for table in tables:
        for part in sliced(table, rows):
            if part.num_rows > left:
                yield part.slice(0, left)
                part = part.slice(left)  # noqa: PLW2901 - the rest of it
                left = rows
            if part.num_rows:
                yield part
            left = left - part.num_rows or rows


def _head(titles: Sequence[str], first: pa.Table | None) -> str:
    """All that stands before the rows: the header is frozen, and as wide as what is seen below it."""
    texts = escaped(pa.array(titles, pa.string())).to_pylist()
    widths = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>'
        for at, width in enumerate(_widths(titles, first), 1)
    )
    cells = "".join(
        f'<c r="{letters(at)}1" s="{HEADER}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
        for at, text in enumerate(texts, 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{_MAIN}">'
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f'<selection pane="bottomLeft"/></sheetView></sheetViews><cols>{widths}</cols><sheetData><row r="1">{cells}</row>'
    )


def _widths(titles: Sequence[str], first: pa.Table | None) -> list[int]:
    longest = [len(title) + 3 for title in titles]  # with room for the filter's button
    if first is not None:
        longest = [max(length, _width(column)) for length, column in zip(longest, first.columns, strict=True)]
    return [min(max(length, LEAST_WIDE), MOST_WIDE) for length in longest]


def _width(column: pa.ChunkedArray) -> int:
    """Signs of the longest value; a moment is shown without its fraction."""
    if pa.types.is_timestamp(column.type):
        return 20
    if pa.types.is_date(column.type):
        return 12
    texts = column if pa.types.is_string(column.type) else column.cast(pa.string())
    return (pc.max(pc.utf8_length(texts)).as_py() or 0) + 2
