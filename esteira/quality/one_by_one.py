"""Records decoded one after the other: slow, and each value that its type cannot hold is named."""

from __future__ import annotations

import decimal
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from esteira.errors import PayloadError
from esteira.quality.cast import finite
from esteira.quality.nested import nested_text
from esteira.quality.rejection import Rejection, shown
from esteira.quality.wire import Wire, WireColumn, first_keys, value_at

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as text. `Decimal` alone would also take blanks, underscores and digits of other scripts."""


def read_each(records: Sequence[msgspec.Raw], wire: Wire) -> tuple[pa.Table, list[Rejection]]:
    """One record after the other, keeping integers and decimals exact."""
    decoder = msgspec.json.Decoder(dict[str, Any], float_hook=decimal.Decimal)
    try:
        rows = [decoder.decode(record) for record in records]
    except msgspec.DecodeError as exc:
        raise PayloadError(f"A record is not a JSON object: {exc}.") from exc
    rejections = [
        Rejection(position, name, "duplicate key", "")
        for position, record in enumerate(records)
        for name in _names_given_twice(record, wire)
    ]
    columns = {column.name: _column(column, rows, rejections) for column in wire}
    known = set(first_keys(wire))
    extra = {name: pa.nulls(len(rows)) for row in rows for name in row if name not in known}
    return pa.Table.from_arrays([*columns.values(), *extra.values()], names=[*columns, *extra]), rejections


class _Object(dict[str, Any]):
    """An object that remembers the names that were given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs] if len(pairs) > len(self) else []
        self.twice = {name for name in names if names.count(name) > 1}


def _names_given_twice(record: msgspec.Raw, wire: Wire) -> list[str]:
    """Every parser keeps one of the two values, and none says which: Arrow refuses the record, so it comes here."""
    found = json.loads(bytes(record), object_pairs_hook=_Object, parse_int=str, parse_float=str)
    nested = {column.name for column in wire if len(column.keys) > 1 and _is_twice(found, column.keys)}
    return sorted(found.twice | nested)


def _is_twice(value: Any, keys: tuple[str, ...]) -> bool:
    """Whether one of the keys stands twice where it leads on."""
    for key in keys:
        if not isinstance(value, _Object):
            return False
        if key in value.twice:
            return True
        value = value.get(key)
    return False


def _column(column: WireColumn, rows: Sequence[Mapping[str, Any]], rejections: list[Rejection]) -> pa.Array:
    convert = _converter(column.type)
    values: list[Any] = []
    for position, row in enumerate(rows):
        value = row.get(column.keys[0])
        try:
            value = value_at(value, column.keys[1:])
            values.append(None if value is None else convert(value))
        except (ValueError, TypeError, ArithmeticError):
            values.append(None)
            rejections.append(Rejection(position, column.name, "type", shown(value)))
    return pa.array(values, column.type)


def _converter(arrow: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_binary(arrow):
        return nested_text
    if pa.types.is_integer(arrow):
        return _to_int
    if pa.types.is_floating(arrow):
        return _to_float
    if pa.types.is_decimal(arrow):
        return lambda value: _to_decimal(value, arrow)
    return _to_bool if pa.types.is_boolean(arrow) else _to_text


def _number(value: Any) -> decimal.Decimal:
    """Numbers and numbers as text; no truth value, no list, no blanks."""
    if isinstance(value, bool) or not isinstance(value, int | str | decimal.Decimal):
        raise TypeError
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError
    return decimal.Decimal(value)


def _to_int(value: Any) -> int:
    """Never rounded."""
    number = _number(value)
    if number != number.to_integral_value() or not -(2**63) <= number < 2**63:
        raise ValueError
    return int(number)


def _to_float(value: Any) -> float:
    return finite(float(_number(value)))


def _to_decimal(value: Any, arrow: pa.DataType) -> decimal.Decimal:
    number = _number(value)
    scaled = number.quantize(decimal.Decimal(1).scaleb(-arrow.scale), context=decimal.Context(prec=arrow.precision))
    if scaled != number:
        raise ValueError
    return scaled


def _to_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _to_text(value: Any) -> str:
    """Text stays; a number is not text: its printed form (7 or 007?) is the portal's to say."""
    if not isinstance(value, str):
        raise TypeError
    return value
