"""What both kinds of `esteira preview` show alike: the first good rows, cut to the terminal, and the verdict on the refused ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from cli.output import short, table
from esteira.contract import Dataset
from esteira.redaction import MASK


def verdict_line(dataset: Dataset, bad: int, count: int, what: str) -> str:
    """Whether a run would take so many refused rows."""
    if not bad:
        return f"Validation: none of {count:,} {what} would be quarantined."
    limit = dataset.quality.max_quarantine_ratio
    verdict = "above" if bad > limit * count else "within"
    return f"Validation: {bad:,} of {count:,} {what} would be quarantined, {verdict} the limit of {limit:.2%}:"


def shown_rows(dataset: Dataset, good: pa.Table, count: int) -> list[list[Any]]:
    """The first good rows, as they would be in the table; personal values masked."""
    first = good.slice(0, count)
    columns = [_masked(first.column(column.name), is_pii=column.is_pii) for column in dataset.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def fitted(header: Sequence[str], rows: Iterable[Sequence[Any]], width: int) -> list[str]:
    """A table no wider than the terminal; columns without room are named below it, never cut without a word."""
    cells = [[short(value) for value in row] for row in rows]
    wide = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(header)]
    fits, used = 0, 0
    while fits < len(header) and (used := used + wide[fits] + 2) - 2 <= width:
        fits += 1
    fits = max(fits, 1)
    lines = table(header[:fits], [row[:fits] for row in cells]).splitlines()
    hidden = header[fits:]
    return lines if not hidden else [*lines, f"Not shown, for want of width: {', '.join(hidden)}."]


def _masked(column: pa.ChunkedArray, *, is_pii: bool) -> list[Any]:
    values = [_plain(value) for value in column.to_pylist()]
    return [None if value is None else MASK for value in values] if is_pii else values


def _plain(value: Any) -> Any:
    """A nested value is JSON text in bytes."""
    if isinstance(value, bytes):
        return value.decode()
    return value.isoformat() if isinstance(value, datetime) else value
