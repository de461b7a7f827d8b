"""What of a file reads well in two ways: by another locale, or by another encoding. A draft takes one and says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from esteira.contract import SpreadsheetSource
from esteira.recognise.columns import ColumnGuess
from esteira.recognise.rows import given
from esteira.recognise.sheet import Table, cells_at, type_of
from esteira.spreadsheet.cells import sorted_cells
from esteira.spreadsheet.convert import Column
from esteira.spreadsheet.preview import Preview

_LOCALES = ("pt-BR", "en-US")
_TYPES: dict[str, pa.DataType] = {
    "integer": pa.float64(), "decimal": pa.float64(), "float": pa.float64(), "day": pa.date32(), "local moment": pa.timestamp("us"),
}  # fmt: skip
_CONTINUED = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
_UTF_8_AS_CP1252 = re.compile(f"[ÃÂ][{re.escape(_CONTINUED)}]")
"""What a letter with an accent looks like: two."""
_MOST_NAMED = 5


def doubts(found: Preview, table: Table) -> Iterator[str]:
    """A sentence each."""
    if found.others:
        others = ", ".join(map(repr, found.others[:_MOST_NAMED])) + (", …" if len(found.others) > _MOST_NAMED else "")
        yield f"Whether {found.sheet!r} is the sheet that is meant: the file also has {others}. For another: --sheet NAME."
    first = table.header + table.header_rows
    if any(first <= top < table.end and bottom > top for (top, _), (bottom, _) in found.merged):
        yield "Whether a cell that is merged over several rows holds for each of them: then write merged='fill'."
    if not found.sheet and found.source.encoding == "cp1252":
        yield _encoding(found)
    for other in _LOCALES:
        if other != found.source.locale:
            yield from _locale(found, table, other)


def _encoding(found: Preview) -> str:
    texts = (str(value) for row in found.rows for value in row)
    mixed = next((match[0] for match in map(_UTF_8_AS_CP1252.search, texts) if match), None)
    if mixed is not None:
        return f"Which encoding it has: it is not UTF-8 throughout, and {mixed!r} looks like a letter of UTF-8 read as cp1252. Have it saved again in one encoding."
    return "Whether its encoding is cp1252: it is not UTF-8. Where accents look wrong, write another, such as encoding='cp850' of old programs."


def _locale(found: Preview, table: Table, other: str) -> Iterator[str]:
    source = replace(found.source, locale=other)
    is_others = not found.sheet and source.delimiter == source.prints.delimiter != found.source.prints.delimiter
    told = list[str]()
    data = found.rows[table.header + table.header_rows : table.end]
    for column, place in zip(table.columns, table.places, strict=True):
        values = given(cells_at(data, place))
        if column.kind == "text":
            kind = type_of(values, source).kind
            told += [f"{column.source!r} would be {kind}"] if kind in _TYPES else []
        elif is_others and column.kind in _TYPES:
            texts = [value for value in values if isinstance(value, str)]
            told += _differing(column, texts, (found.source, source))
    if told:
        yield f"Whether it is printed as in {other}: then {', and '.join(told[:_MOST_NAMED])}. If so, draft it anew with --locale {other}."


def _differing(
    column: ColumnGuess, values: Sequence[Any], sources: tuple[SpreadsheetSource, SpreadsheetSource]
) -> list[str]:
    """What a text means here and there, where all of them can be read both ways and one means something else."""
    cells = sorted_cells(list(values))
    here, there = (Column("value", _TYPES[column.kind], source).convert(cells) for source in sources)
    if there.refused.any():
        return []
    for text, is_now, would in zip(values, here.values.to_pylist(), there.values.to_pylist(), strict=True):
        if is_now != would:
            shown = f"{text!r} of {column.source!r} would be {would}, not {is_now}"
            return [f"{column.source!r} would hold others" if column.pii_why else shown]
    return []
