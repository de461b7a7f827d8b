"""One column of some rows, its cells sorted by what they are: a workbook mixes texts, numbers and days, delimited text has only texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

import pyarrow as pa

Value: TypeAlias = str | float | bool | date | datetime | time | timedelta
_KINDS: dict[type, pa.DataType] = {
    float: pa.float64(), bool: pa.bool_(), date: pa.date32(), datetime: pa.timestamp("us"),
}  # fmt: skip
_CLOCKS = {time, timedelta}
_LENGTH = re.compile(r"PT(\d+)H(\d+)M([\d.]+)S", re.ASCII)
"""https://docs.oasis-open.org/office/OpenDocument/v1.3/os/part3-schema/OpenDocument-v1.3-os-part3-schema.html#attribute-office_time-value"""


@dataclass(frozen=True, slots=True)
class Cells:
    """A column.

    Attributes:
        count: How many rows.
        texts: The texts; null where there is none.
        others: The cells of the other types that a workbook has, `float`, `bool`, `date`, `datetime`, by type; null where there is none. Times of
            day and durations are texts under `time`: `13:05:00`, `26:30:00`.
    """

    count: int
    texts: pa.StringArray
    others: dict[type, pa.Array] = field(default_factory=dict)


def durations_read(values: Sequence[Value | None]) -> list[Value | None]:
    """Durations of a day and more, which the reader of ods leaves as the file has them: `PT26H30M07S`."""
    return [_duration(each) if type(each) is str and each.startswith("PT") else each for each in values]


def _duration(text: str) -> Value:
    found = _LENGTH.fullmatch(text)
    if found is None:
        return text
    hours, minutes, seconds = (float(each) for each in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def sorted_cells(values: Sequence[Value | None]) -> Cells:
    """Sort what a reader of workbooks gave: an empty text is an empty cell."""
    kinds = set(map(type, values))
    texts = pa.array([each if type(each) is str and each else None for each in values], pa.string())
    if kinds <= {str, type(None)}:
        return Cells(len(values), texts)
    others = {kind: _only(values, kinds, kind) for kind in _KINDS if kind in kinds or (kind is float and int in kinds)}
    if kinds & _CLOCKS:
        others[time] = pa.array([clock(each) if type(each) in _CLOCKS else None for each in values], pa.string())
    return Cells(len(values), texts, others)


def clock(value: Any) -> str:
    """A time of day or a duration as a text: hours, minutes and seconds, and what there is of a second.

    >>> clock(timedelta(hours=26, minutes=30))
    '26:30:00'
    """
    if isinstance(value, time):
        return value.isoformat()
    sign, length = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, rest = divmod(length, timedelta(minutes=1))
    parts = f".{rest.microseconds:06d}" if rest.microseconds else ""
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{rest.seconds:02d}{parts}"


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
