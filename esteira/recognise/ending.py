"""Where a table ends, and the sums that stand among its rows. What goes on behind a sum is no footer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Any, TypeAlias

from esteira.recognise.rows import MOST_TEXT, filled, first_text, has_figures, is_full, usual_width
from esteira.spreadsheet.footer import Footer
from esteira.spreadsheet.preview import Preview

_Numbered: TypeAlias = list[tuple[int, Sequence[Any]]]
_SUMS = re.compile(r"(sub)?total\b.*|soma\b.*", re.IGNORECASE | re.DOTALL)
_SOURCES = re.compile(r"fontes?:?\b.*|notas?:?\b.*|obs\b.*|source\b.*|notes?\b.*", re.IGNORECASE | re.DOTALL)
_NOTES = re.compile(
    r"[*†¹²³(].*|elabora(ção|do)\b.*|atualizad[oa]\b.*|gerad[oa]\b.*|extraíd[oa]\b.*|legenda\b.*|observaç(ão|ões)\b.*|dados\b.*",
    re.IGNORECASE | re.DOTALL,
)
"""A row of one such text, with nothing but its like below it, is no data."""
_ROWS_TO_MEASURE = 50
_MOST_BELOW = 5
"""Rows of notes below an empty row; any number below a wide table, whose rows they cannot be."""
_WIDE = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a table ends; rows from 0.

    Attributes:
        row: The first row below its data.
        footer: The pattern of the row that ends it; None where nothing stands below, or nothing tells it from the data.
        is_blank: Whether an empty row ends it, and what stands below says nothing that could be told by.
        sums: Rows among the data that look like sums of others.
    """

    row: int
    footer: str | None = None
    is_blank: bool = False
    sums: tuple[int, ...] = ()


def ending(found: Preview, first: int) -> Ending:
    """The end of the table whose data begin at a row."""
    rows = [*enumerate(found.rows[first:], first)]
    known = {number for number, _ in rows}
    rows += [each for each in enumerate(found.last, found.count - len(found.last)) if each[0] not in known]
    data = dropwhile(lambda row: not filled(row), (row for _, row in rows[:_ROWS_TO_MEASURE]))
    width = usual_width([*takewhile(filled, data)])
    made = _by_text(rows, width) or _by_blank(rows, width) or _by_notes(rows, width) or Ending(found.count)
    sums = (number for number, row in rows if number < made.row and _SUMS.fullmatch(first_text(row)))
    return Ending(made.row, made.footer, made.is_blank, tuple(sums))


def _by_text(rows: _Numbered, width: int) -> Ending | None:
    has_data = False
    for at, (_, row) in enumerate(rows):
        if not _ends(row, width):
            has_data = has_data or bool(filled(row))
        elif has_data and not _goes_on(rows[at + 1 :], width):
            return _told_by(rows, _last_sum(rows, at))
    return None


def _ends(row: Sequence[Any], width: int) -> bool:
    """Whether a row begins like a footer. A note has no figures beside it: a table may list sources, and invoices (`Nota Fiscal 7`)."""
    text = first_text(row)
    if _SUMS.fullmatch(text):
        return True
    return _SOURCES.fullmatch(text) is not None and not (width > 1 and is_full(row, width) and has_figures(row))


def _last_sum(rows: _Numbered, at: int) -> int:
    """The last of the sums that follow each other, where groups have sums of their own: the others belong to the last group."""
    if any(_SUMS.fullmatch(first_text(row)) for _, row in rows[:at]):
        while at + 1 < len(rows) and _SUMS.fullmatch(first_text(rows[at + 1][1])):
            at += 1
    return at


def _told_by(rows: _Numbered, at: int) -> Ending | None:
    number, row = rows[at]
    pattern = _pattern(first_text(row), rows[:at])
    return Ending(number, pattern) if pattern else None


def _goes_on(below: _Numbered, width: int) -> bool:
    """Whether data stand below: a row as wide as the table's and no sum, next to it, or with figures; another table begins with names."""
    is_next = True
    for _, row in below:
        if is_full(row, width) and not _ends(row, width):
            return is_next or has_figures(row)
        is_next = is_next and bool(filled(row))
    return False


def _by_blank(rows: _Numbered, width: int) -> Ending | None:
    """The first empty row, where little stands below it: a reader ends there, whatever empty rows come later."""
    at = next((at for at, (_, row) in enumerate(rows) if not filled(row)), 0)
    rest = [row for _, row in rows[at:] if filled(row)]
    is_little = len(rest) <= _MOST_BELOW or width >= _WIDE
    is_end = at and rest and is_little and all(filled(row) < min(width, 3) for row in rest)
    return Ending(rows[at][0], None, is_blank=True) if is_end else None


def _by_notes(rows: _Numbered, width: int) -> Ending | None:
    """The rows at the end that hold one text each, the first of which stands apart, or begins or is as long as a note's."""
    count = len(rows)
    while count and width > 1 and filled(rows[count - 1][1]) <= 1:
        count -= 1
    for at, (_, row) in enumerate(rows[count:], count):
        text = first_text(row)
        is_apart = at and not filled(rows[at - 1][1])
        if text and (is_apart or _NOTES.fullmatch(text) or len(text) > MOST_TEXT):
            return _told_by(rows, at)
    return None


def _pattern(text: str, data: _Numbered) -> str | None:
    """As few words of a text as no row of data begins with; None where one begins with all of them."""
    texts = [first_text(row) for _, row in data]
    for pattern in _patterns(text):
        footer = Footer((pattern,))
        if not any(footer.knows(each) for each in texts):
            return pattern
    return None


def _patterns(text: str) -> Iterator[str]:
    words = [re.sub(r"[*?]", r"[\g<0>]", word) for word in text.split(" ")]
    yield f"{words[0].rstrip(':')}*"
    for count in range(2, len(words) + 1):
        yield f"{' '.join(words[:count])}*"
    yield " ".join(words)
