"""What of a sheet is banner, header, data and footer, and what its columns hold. In doubt a text stays a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from esteira.contract import HeaderRows, SpreadsheetSource
from esteira.recognise.columns import ColumnGuess, Kind, TypeGuess, free_name, snake
from esteira.recognise.ending import ending
from esteira.recognise.personal import why_personal
from esteira.recognise.rows import are_names, filled, given, is_apart, is_numbering, is_of_units
from esteira.spreadsheet.cells import Cells, sorted_cells
from esteira.spreadsheet.convert import Column
from esteira.spreadsheet.failure import letters
from esteira.spreadsheet.look import Look
from esteira.spreadsheet.names import filler, joined_names, numbered
from esteira.spreadsheet.preview import Preview

_MOST_HEADER = 50
_MOST_HEADER_ROWS = 10
"""A cell that is merged over more rows is no name."""
_DECIMAL = 18, 2
"""Precision and scale of the decimals that are guessed."""
_TRIED: tuple[tuple[Kind, pa.DataType], ...] = (
    ("integer", pa.int64()), ("decimal", pa.decimal128(*_DECIMAL)), ("float", pa.float64()), ("day", pa.date32()),
    ("local moment", pa.timestamp("us")), ("boolean", pa.bool_()),
)  # fmt: skip
_MOST_DIGITS = 15
"""Of a float: more are lost."""
_CODE = re.compile(r"0\d+")


@dataclass(frozen=True, slots=True)
class Table:
    """A table on a sheet; rows from 0.

    Attributes:
        header: Its first header row.
        header_rows: How many there are.
        end: The first row below its data.
        footer: The pattern of the row that ends it; None where nothing stands below.
        ends_at_blank: Whether an empty row ends it, and what stands below says nothing that could be told by.
        columns: What its columns hold.
        places: Where each of them stands, from 0.
        codes: The columns of texts that have whole numbers among them.
        clocks: Those that have times of day or durations.
        sums: Rows among the data that look like sums of others.
    """

    header: int
    header_rows: int
    end: int
    footer: str | None
    ends_at_blank: bool
    columns: tuple[ColumnGuess, ...]
    places: tuple[int, ...]
    codes: tuple[str, ...] = ()
    clocks: tuple[str, ...] = ()
    sums: tuple[int, ...] = ()


def recognise(found: Preview) -> Table | None:
    """The table of a sheet; None where no row looks like names above a table."""
    rows = found.rows
    last = _header(found)
    if last is None:
        return None
    first = last - _is_grouped(found, last)
    last = _lowest(found, first, last)
    last += is_numbering(rows, last + 1) or is_of_units(rows, last + 1)
    end = ending(found, last + 1)
    by_row = Look(merged=found.merged).merged_by_row()
    names = numbered(joined_names(rows, first, HeaderRows(rows=last - first + 1), filler(rows, by_row)))
    data = [row for row in rows[last + 1 : end.row] if filled(row)]
    guessed = dict(_columns(names, data, found.source))
    texts = [(each.name, cells_at(data, place)) for place, each in guessed.items() if each.kind == "text"]
    codes = tuple(name for name, values in texts if _has_numbers(values))
    clocks = tuple(name for name, values in texts if any(isinstance(each, time | timedelta) for each in values))
    return Table(
        first, last - first + 1, end.row, end.footer, end.is_blank, tuple(guessed.values()), tuple(guessed), codes, clocks, end.sums
    )  # fmt: skip


def _header(found: Preview) -> int | None:
    """The first row of short texts, all different, that is about as wide as what stands below."""
    rows, downwards = found.rows, {top for (top, _), (bottom, _) in found.merged if bottom > top}
    for number, row in enumerate(rows[:_MOST_HEADER]):
        names = given(row)
        below = [filled(each) for each in rows[number + 1 : number + 6]]
        width = max(below, default=0)
        is_named = are_names(names)
        if (
            len(names) >= max(2 if width > 1 else 1, round(width * 0.7))
            and is_named
            and width
            and not _is_below_too(rows, number, len(names))
            and (number in downwards or not is_apart(rows, number, len(names)))
        ):
            return number
    return None


def cells_at(data: Sequence[Sequence[Any]], place: int) -> list[Any]:
    """The cells of a column, in the rows that reach to it."""
    return [row[place] for row in data if place < len(row)]


def _has_numbers(values: Sequence[Any]) -> bool:
    """Whether there are numbers, all of them whole: digits of codes that an office program took for numbers."""
    numbers = [each for each in values if isinstance(each, int | float) and not isinstance(each, bool)]
    return bool(numbers) and all(each == int(each) for each in numbers)


def _is_grouped(found: Preview, header: int) -> bool:
    """Whether the row above names groups of columns: it has cells that span some, and nothing but names."""
    if header == 0 or not any(top == header - 1 and right > left for (top, left), (_, right) in found.merged):
        return False
    return are_names(given(found.rows[header - 1]))


def _lowest(found: Preview, first: int, last: int) -> int:
    """The last header row: names that are merged downwards reach to it."""
    for (top, _), (bottom, _) in sorted(found.merged):
        if first <= top <= last < bottom < first + _MOST_HEADER_ROWS:
            last = bottom
    return last


def _is_below_too(rows: Sequence[Sequence[Any]], number: int, count: int) -> bool:
    """Whether the next row is the better one: of grouped names the lower row is the fuller."""
    if number + 1 >= len(rows):
        return False
    below = given(rows[number + 1])
    return (
        len(below) >= count
        and len({str(value) for value in below}) == len(below)
        and all(isinstance(value, str) and not re.search(r"\d", value) for value in below)
        and any(isinstance(value, float | int | date) for row in rows[number + 2 : number + 4] for value in row)
    )


def _columns(
    names: Sequence[str], data: Sequence[Sequence[Any]], source: SpreadsheetSource
) -> Iterator[tuple[int, ColumnGuess]]:
    taken = set[str]()
    for place, printed in enumerate(names):
        values = [row[place] if place < len(row) else "" for row in data]
        if not printed and not filled(values):
            continue
        name = free_name(snake(printed or f"column_{letters(place)}"), taken)
        taken.add(name)
        guess = type_of(values, source)
        texts = [str(value) for value in given(values)]
        is_nullable = len(texts) < len(values)
        yield place, ColumnGuess(
            printed or f"[{letters(place)}]", name, guess.kind, guess.why, is_nullable, guess.precision, guess.scale,
            pii_why=None if guess.kind in {"boolean", "local moment"} else why_personal(name, texts),
        )  # fmt: skip


def type_of(values: Sequence[Any], source: SpreadsheetSource) -> TypeGuess:
    """What a column's cells are, as the source prints them."""
    texts = [value for value in values if isinstance(value, str) and value.strip()]
    if not filled(values):
        return TypeGuess("text", "there are only empty cells, so its type could not be known")
    if any(_CODE.fullmatch(text.strip()) for text in texts):
        return TypeGuess("text", "codes with leading zeros")
    cells = sorted_cells(list(values))
    for kind, arrow in _TRIED:
        if kind == "float" and any(sum(map(str.isdigit, text)) > _MOST_DIGITS for text in texts):
            return TypeGuess("text", "numbers of more digits than a float keeps: codes, or a decimal")
        if not Column("value", arrow, source).convert(cells).refused.any():
            return TypeGuess(kind, _why(kind, cells, source), *(_DECIMAL if kind == "decimal" else ()))
    return TypeGuess("text", _mixed(values))


def _why(kind: Kind, cells: Cells, source: SpreadsheetSource) -> str:
    if cells.texts.null_count == len(cells.texts):
        return ""
    return f"texts that {source.locale} prints for {'an' if kind == 'integer' else 'a'} {kind}"


def _mixed(values: Sequence[Any]) -> str:
    kinds = {_sort_of(value) for value in given(values)}
    return f"{' and '.join(sorted(kinds))} in one column" if len(kinds) > 1 else ""


def _sort_of(value: Any) -> str:
    if isinstance(value, str):
        return "texts"
    if isinstance(value, date | datetime):
        return "days"
    return "times" if isinstance(value, time | timedelta) else "numbers"
