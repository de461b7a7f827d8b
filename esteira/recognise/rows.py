"""What a row of a sheet looks like: names, data, or little at all."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from typing import Any

MOST_TEXT = 60
"""A name is short; a note is not."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ROWS_BELOW = 5
_SHARE = 0.7
"""Of a table's columns: a row that fills as many is one of its rows."""


def says(value: Any) -> bool:
    """Whether a cell holds anything."""
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


def given(row: Sequence[Any]) -> list[Any]:
    """The cells that hold anything."""
    return [value for value in row if says(value)]


def filled(row: Sequence[Any]) -> int:
    """How many of a row's cells hold anything."""
    return sum(map(says, row))


def first_text(row: Sequence[Any]) -> str:
    """What a row begins with; empty for an empty row."""
    return next((str(value).strip() for value in row if says(value)), "")


def usual_width(rows: Sequence[Sequence[Any]]) -> int:
    """How many cells the rows fill, most often."""
    widths = [count for count in map(filled, rows) if count]
    return round(statistics.median(widths)) if widths else 0


def is_full(row: Sequence[Any], width: int) -> bool:
    """Whether a row is as wide as a table's."""
    return filled(row) >= max(min(width, 2), math.ceil(width * _SHARE))


def are_names(values: Sequence[Any]) -> bool:
    """Short texts; and years beside them, two or more in their order, which office programs keep as numbers."""
    years = [each for each in values if not isinstance(each, str)]
    if any(isinstance(each, str) and len(each) > MOST_TEXT for each in values):
        return False
    return not years or (1 < len(years) < len(values) and all(map(_is_year, years)) and years == sorted(set(years)))


def has_figures(row: Sequence[Any]) -> bool:
    """Whether there is a number, a day or a printed one among the cells; a row of names has none but years."""
    values = given(row)
    if are_names(values):
        return any(re.fullmatch(r"[^A-Za-z]*\d[^A-Za-z]*", value) for value in values if isinstance(value, str))
    return True


def is_apart(rows: Sequence[Sequence[Any]], number: int, count: int) -> bool:
    """Whether an empty row follows, and then one of more names: what stands above it is a note of two cells, no header."""
    if number + 1 >= len(rows) or filled(rows[number + 1]):
        return False
    later = map(given, rows[number + 2 : number + 2 + _ROWS_BELOW])
    return any(len(values) > count and are_names(values) for values in later)


def is_numbering(rows: Sequence[Sequence[Any]], number: int) -> bool:
    """Whether a row counts the columns, `(1) (2) (3)` or `(A) (B) (C)`: as data, `(3)` would be minus three."""
    if number + 1 >= len(rows):
        return False
    texts = [str(value).strip().upper() for value in given(rows[number])]
    count = len(texts)
    in_order = texts in ([f"({each})" for each in range(1, count + 1)], [f"({each})" for each in _LETTERS[:count]])
    return count > 2 and in_order and is_full(rows[number + 1], count)


def is_of_units(rows: Sequence[Sequence[Any]], number: int) -> bool:
    """Whether a row begins with an empty cell, and has short texts where only numbers stand below: units, such as `R$/kg`."""
    if number + 1 >= len(rows) or not filled(rows[number]) or says(rows[number][0]):
        return False
    places = [place for place, value in enumerate(rows[number]) if says(value)]
    if not are_names([rows[number][place] for place in places]):
        return False
    below = [row[place] for row in rows[number + 1 :] for place in places if place < len(row) and says(row[place])]
    return bool(below) and not any(isinstance(value, str) for value in below) and says(rows[number + 1][0])


def _is_year(value: Any) -> bool:
    return isinstance(value, int | float) and value == int(value) and _FIRST_YEAR <= value <= _LAST_YEAR
