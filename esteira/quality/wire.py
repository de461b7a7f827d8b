"""What is read of a record: names and types as the portal writes them, and the keys that lead to what is nested."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Dataset
from esteira.contract.paths import path_of

_HEX = re.compile(rb"\\u([0-9a-f]{4})")


@dataclass(frozen=True, slots=True)
class WireColumn:
    """One value of a record.

    Attributes:
        name: As the contract names it at the portal: a key, or keys with dots between them.
        keys: The keys that lead to it.
        type: How it is read; binary for a nested value that is kept whole.
    """

    name: str
    keys: tuple[str, ...]
    type: pa.DataType

    @property
    def is_whole(self) -> bool:
        """Whether a nested value is kept as its JSON."""
        return bool(pa.types.is_binary(self.type))


Wire: TypeAlias = Sequence[WireColumn]
_Typed: TypeAlias = tuple[tuple[str, ...], pa.DataType]


def wire_of(dataset: Dataset) -> tuple[WireColumn, ...]:
    """What is read for a contract; moments and days travel as text."""
    portal_name = {ours: theirs for theirs, ours in dataset.source.rename.items()}
    delivered = [column for column in dataset.columns if column.name not in dataset.derived]
    found = [_wired(portal_name.get(column.name), column.name, _wire_type(column.arrow)) for column in delivered]
    inputs = [
        _wired(name if name in dataset.source.rename else None, name, pa.string()) for name in dataset.source.inputs
    ]
    return (*found, *inputs)


def first_keys(wire: Wire) -> tuple[str, ...]:
    """The keys of a record that are known."""
    return tuple(dict.fromkeys(column.keys[0] for column in wire))


@lru_cache(maxsize=1024)
def spellings(key: str) -> tuple[bytes, ...]:
    """How JSON texts write a key: in its letters, or with the escapes that Python (beyond ASCII) and PHP (slashes) write by themselves."""
    plain, escaped = (msgspec.json.encode(key), json.dumps(key).encode())
    shouted = _HEX.sub(lambda found: b"\\u" + found[1].upper(), escaped)
    spelled = (plain, escaped, shouted)
    return tuple(dict.fromkeys((*spelled, *(each.replace(b"/", b"\\/") for each in spelled))))


def flat_schema(wire: Wire) -> pa.Schema | None:
    """What a reader of JSON must be told to find the columns, nested as the records are; None when two of them exclude each other."""
    fields = _fields((column.keys, column.type) for column in wire)
    return None if fields is None else pa.schema(fields)


def lifted(table: pa.Table, keys: tuple[str, ...]) -> pa.ChunkedArray:
    """A column from where it stands in a table; null where what it stands in is."""
    column = table.column(keys[0])
    return column if len(keys) == 1 else pc.struct_field(column, list(keys[1:]))


def value_at(record: Any, keys: Iterable[str]) -> Any:
    """What stands in a decoded record where the keys lead; None where one of them is absent or null.

    Raises:
        TypeError: One of them leads through something that is no object.
    """
    for key in keys:
        if record is None:
            return None
        if not isinstance(record, dict):
            raise TypeError
        record = record.get(key)
    return record


def _wired(portal_name: str | None, name: str, arrow: pa.DataType) -> WireColumn:
    """A name that no `rename` mentions is a key, dots and all."""
    return (
        WireColumn(name, (name,), arrow)
        if portal_name is None
        else WireColumn(portal_name, path_of(portal_name), arrow)
    )


def _wire_type(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(arrow) or pa.types.is_date(arrow):
        return pa.string()
    return pa.int64() if pa.types.is_integer(arrow) else arrow


def _fields(columns: Iterable[_Typed]) -> list[pa.Field] | None:
    level: dict[str, list[_Typed]] = {}
    for keys, arrow in columns:
        level.setdefault(keys[0], []).append((keys[1:], arrow))
    types = {key: _type(below) for key, below in level.items()}
    return None if None in types.values() else [pa.field(key, arrow) for key, arrow in types.items()]


def _type(below: Sequence[_Typed]) -> pa.DataType | None:
    if any(not keys for keys, _ in below):
        return below[0][1] if len(below) == 1 else None
    fields = _fields(below)
    return None if fields is None else pa.struct(fields)
