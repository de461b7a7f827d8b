"""From the types that JSON has to the contract's: moments and days from their texts, whole columns first, single cells where one fails."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Dataset
from esteira.quality.rejection import Rejection, shown

_BELOW_MICROSECOND = re.compile(r"\.\d{6}0*[1-9]")
"""Digits of a moment that `fromisoformat` would drop without a word."""


def typed_table(table: pa.Table, dataset: Dataset) -> tuple[pa.Table, list[Rejection]]:
    """The columns under the contract's names and types; a cell that its type cannot hold is null, and has a rejection."""
    wanted = {column.name: pa.string() if column.is_super else column.arrow for column in dataset.columns}
    names = [dataset.source.rename.get(name, name) for name in table.column_names]
    rejections: list[Rejection] = []
    columns = [
        _cast(column, name, wanted.get(name, pa.string()), rejections)
        for name, column in zip(names, table.columns, strict=True)
    ]
    return pa.table(dict(zip(names, columns, strict=True))), rejections


def _cast(column: pa.ChunkedArray, name: str, arrow: pa.DataType, rejections: list[Rejection]) -> pa.ChunkedArray:
    if column.type == arrow and _is_finite(column):
        return column
    try:
        return _cast_each(column, name, arrow, rejections) if column.type == arrow else _cast_all(column, arrow)
    except pa.ArrowInvalid:
        return _cast_each(column, name, arrow, rejections)


def _is_finite(column: pa.ChunkedArray) -> bool:
    """Arrow's reader makes infinity of 1e400."""
    return not pa.types.is_floating(column.type) or pc.all(pc.is_finite(column)).as_py() is not False


def _cast_all(column: pa.ChunkedArray, arrow: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(arrow) and arrow.tz is None:
        return column.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(arrow) and not _has_zone(column):
        return pc.assume_timezone(column.cast(pa.timestamp("us")), "UTC")
    return column.cast(arrow)


def _has_zone(column: pa.ChunkedArray) -> bool:
    """Whether the first value carries an offset; Arrow refuses the cast when the others differ."""
    first = next((value.as_py() for value in column if value.is_valid), "Z")
    return bool(first.endswith("Z") or first[-6:-5] in {"+", "-"})


def _cast_each(column: pa.ChunkedArray, name: str, arrow: pa.DataType, rejections: list[Rejection]) -> pa.ChunkedArray:
    values: list[Any] = []
    for position, value in enumerate(column.to_pylist()):
        try:
            values.append(None if value is None else _parse(value, arrow))
        except (ValueError, OverflowError, pa.ArrowInvalid):
            values.append(None)
            rejections.append(Rejection(position, name, "type", shown(value)))
    return pa.chunked_array([pa.array(values, arrow)])


def _parse(value: Any, arrow: pa.DataType) -> Any:
    if pa.types.is_date(arrow):
        return date.fromisoformat(value)
    if pa.types.is_floating(arrow):
        return finite(value)
    if pa.types.is_timestamp(arrow):
        if _BELOW_MICROSECOND.search(value):
            raise ValueError
        moment = datetime.fromisoformat(value)
        if arrow.tz is None:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return pa.scalar(value, arrow).as_py()


def finite(number: float) -> float:
    """1e400 is JSON and no double."""
    if not math.isfinite(number):
        raise ValueError
    return number
