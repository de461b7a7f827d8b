"""The names that people read above a column."""

from __future__ import annotations

import pyarrow as pa

from esteira.contract import Column
from esteira.export.conventions import Language

UTC = "UTC"


def title_of(column: Column, language: Language) -> str:
    """The column's business name in a language; one that holds moments of UTC says so."""
    title = column.titles[language]
    is_utc = pa.types.is_timestamp(column.arrow) and column.arrow.tz is not None
    return f"{title} ({UTC})" if is_utc and UTC not in title else title


def titles_of(columns: tuple[Column, ...], language: Language) -> tuple[str, ...]:
    """The same of several; where two have one title, each says its own name too."""
    found = [title_of(column, language) for column in columns]
    return tuple(
        f"{title} [{column.name}]" if found.count(title) > 1 else title
        for title, column in zip(found, columns, strict=True)
    )
