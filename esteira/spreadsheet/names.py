"""How the columns of a sheet are called: names out of header rows and merged cells, and when two names are the same."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from esteira.contract import HeaderRows
from esteira.spreadsheet.cells import printed
from esteira.spreadsheet.failure import letters
from esteira.spreadsheet.look import Range

Fill: TypeAlias = Callable[[int, int], tuple[Any, int] | None]
Rows: TypeAlias = Sequence[Sequence[Any]]
"""The first rows of a sheet, from its first row and column on; an empty text or None is an empty cell."""


def joined_names(rows: Rows, first: int, header: HeaderRows, fill: Fill) -> tuple[str, ...]:
    """The names that header rows from one on give; a merged cell that reaches the last of them names its first column alone."""
    last = first + header.rows - 1
    levels = [
        _level(rows[row], row, header, fill, is_last=row == last) for row in range(first, min(last + 1, len(rows)))
    ]
    width = max(map(len, levels), default=0)
    stacks = ([level[column] if column < len(level) else "" for level in levels] for column in range(width))
    inner = {column for column in range(width) if (found := fill(last, column)) is not None and found[1] < column}
    joined = (header.joined.join(dict.fromkeys(filter(None, stack))) for stack in stacks)
    return tuple("" if column in inner else name for column, name in enumerate(joined))


def filler(rows: Rows, merged: Mapping[int, Sequence[Range]]) -> Fill:
    """The merged cell that a cell of the first rows is part of: its value and its first column."""

    def fill(row: int, column: int) -> tuple[Any, int] | None:
        for (top, left), (_, right) in merged.get(row, ()):
            if left <= column <= right and top < len(rows) and left < len(rows[top]):
                return rows[top][left], left
        return None

    return fill


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which each is there once: the second `Valor` is called `Valor (2)`.

    >>> numbered(("Valor", "Data", "Valor"))
    ('Valor', 'Data', 'Valor (2)')
    """
    seen = Counter[str]()
    found = list[str]()
    for name in names:
        seen[key_of(name)] += 1
        found.append(f"{name} ({seen[key_of(name)]})" if name and seen[key_of(name)] > 1 else name)
    return tuple(found)


def nameless(column: int) -> str:
    """What a column without a printed name is called in `columns`: its letters in brackets, `[A]`."""
    return f"[{letters(column)}]"


def plain_name(name: str) -> str:
    """A printed name as a column's: no accents, lower case, underscores for everything else.

    >>> plain_name("Data de Emissão")
    'data_de_emissao'
    """
    parts = unicodedata.normalize("NFKD", name.casefold())
    return re.sub(r"[^a-z0-9]+", "_", "".join(each for each in parts if not unicodedata.combining(each))).strip("_")


def key_of(name: str) -> str:
    """Names are the same that differ by blanks, no-break ones too, by case, or by how Unicode writes them."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _level(row: Sequence[Any], number: int, header: HeaderRows, fill: Fill, *, is_last: bool) -> list[str]:
    texts, left = list[str](), ""
    for column, value in enumerate(row):
        merged = fill(number, column) if header.fill == "merged" and value in {None, ""} else None
        given = merged[0] if merged else value
        text = " ".join(str(printed(given)).split()) if given is not None else ""
        if not text and header.fill == "right" and not is_last:
            text = left
        texts.append(text)
        left = text
    return texts
