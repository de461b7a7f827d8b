"""One column of some rows, its cells sorted by what they are: a workbook mixes texts, numbers and days, delimited text has only texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

import pyarrow as pa

Value: TypeAlias = str | float | bool | date | datetime | time | timedelta
_KINDS: dict[type, pa.DataType] = {
    float: pa.float64(), bool: pa.bool_(), date: pa.date32(), datetime: pa.timestamp("us"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cells:
    """A column.

    Attributes:
        count: How many rows.
        texts: The texts; null where there is none.
        others: The cells of the other types that a workbook has, `float`, `bool`, `date`, `datetime`, by type; null where there is none.
        clocks: Rows with a time of day or a duration, which no column of a table holds.
    """

    count: int
    texts: pa.StringArray
    others: dict[type, pa.Array] = field(default_factory=dict)
    clocks: tuple[int, ...] = ()


def sorted_cells(values: Sequence[Value | None]) -> Cells:
    """Sort what a reader of workbooks gave: an empty text is an empty cell."""
    kinds = set(map(type, values))
    texts = pa.array([each if type(each) is str and each else None for each in values], pa.string())
    if kinds <= {str, type(None)}:
        return Cells(len(values), texts)
    others = {kind: _only(values, kinds, kind) for kind in _KINDS if kind in kinds or (kind is float and int in kinds)}
    clocks = kinds & {time, timedelta}
    rows = [row for row, each in enumerate(values) if type(each) in clocks] if clocks else ()
    return Cells(len(values), texts, others, tuple(rows))


def _only(values: Sequence[Value | None], kinds: set[type], kind: type) -> pa.Array:
    wanted = {float, int} if kind is float else {kind}
    if kinds <= wanted:
        return pa.array(values, _KINDS[kind])
    return pa.array([each if type(each) in wanted else None for each in values], _KINDS[kind])


def printed(value: Any) -> Any:
    """A cell as the record of a refused row shows it: texts and truth values as they are, whole numbers without a point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if isinstance(value, str | int | float | None) else str(value)
