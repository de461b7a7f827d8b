"""All records of a chunk at once, by readers in C; None when one of them refuses any record.

Arrow's JSON reader knows no type for "whatever stands there", so nested columns are read by msgspec beside it. Both together refuse what either
would let pass: Arrow keeps no record that names a column twice, and msgspec none with a column that nobody knows.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from esteira.quality.nested import nested_texts
from esteira.quality.wire import Wire, first_keys, flat_schema, lifted

_ESCAPED_NAME = re.compile(rb'\\[^"]*"\s*:')
"""A name with an escape in it may be one that stands there in letters too."""
_NEWLINE = b"\n"


def read_at_once(records: Sequence[msgspec.Raw], text: bytes, wire: Wire) -> pa.Table | None:
    """The columns of `wire`, in its order, and behind them those that it does not know: of these the names alone.

    Args:
        records: JSON objects as received.
        text: The same, one behind the other.
        wire: What to read.
    """
    if not text:
        return pa.schema([(column.name, column.type) for column in wire]).empty_table()
    nested = [column for column in wire if column.is_whole]
    flat = [column for column in wire if not column.is_whole]
    schema = flat_schema(flat)
    if schema is None:
        return None
    whole = _whole_columns(records, text, first_keys(wire), nested) if nested else {}
    table = None if whole is None else _flat(records, text, schema, "ignore" if nested else "infer")
    if whole is None or table is None:
        return None
    return _in_order(table, wire, whole)


def _in_order(table: pa.Table, wire: Wire, whole: Mapping[str, pa.Array]) -> pa.Table:
    """A key that nobody knows may be spelt like a path, so columns are told by their place.

    What stands below such a key is not taken along: Arrow infers arrays there that are not valid (of `[null, 1]`).
    """
    known, names = set(first_keys(wire)), [column.name for column in wire]
    columns = [whole[column.name] if column.is_whole else lifted(table, column.keys) for column in wire]
    new = [name for name in table.column_names if name not in known]
    return pa.Table.from_arrays([*columns, *(pa.nulls(table.num_rows) for _ in new)], names=[*names, *new])


def _flat(records: Sequence[msgspec.Raw], text: bytes, schema: pa.Schema, unexpected: str) -> pa.Table | None:
    """In two blocks side by side where that can be; else, and where columns are met that nobody knows, in one."""
    if _NEWLINE not in bytes(records[0]):  # each record is on a line of its own, so the middle is found without parsing
        # never "infer": Arrow 25 brings types that it found in two blocks together by a crash of the whole process
        table = _read(text, schema, "ignore" if unexpected == "ignore" else "error", blocks=2)
        if table is not None and table.num_rows == len(records):
            return table  # a record further on that is not would be cut in two, which is refused
    return _read(text, schema, unexpected, blocks=1)


def _read(text: bytes, schema: pa.Schema, unexpected: str, *, blocks: int) -> pa.Table | None:
    read = pj.ReadOptions(block_size=len(text) // blocks + 1, use_threads=blocks > 1)
    parse = pj.ParseOptions(
        explicit_schema=schema, newlines_in_values=blocks == 1, unexpected_field_behavior=unexpected
    )
    try:
        return pj.read_json(pa.BufferReader(text), read_options=read, parse_options=parse)
    except pa.ArrowInvalid:
        return None


def _whole_columns(
    records: Sequence[msgspec.Raw], text: bytes, keys: tuple[str, ...], columns: Wire
) -> dict[str, pa.Array] | None:
    if _ESCAPED_NAME.search(text):
        return None
    decoder, attributes = _decoder(keys, tuple(column.keys[0] for column in columns))
    try:
        rows = decoder.decode(b"[" + b",".join(records) + b"]")
        values = {column.name: [getattr(row, attributes[column.keys[0]]) for row in rows] for column in columns}
        found = {column.name: _whole_column(values[column.name], column.keys, text) for column in columns}
    except (msgspec.DecodeError, RecursionError, TypeError):
        return None
    return None if None in found.values() else found


def _whole_column(values: list[Any], keys: tuple[str, ...], text: bytes) -> pa.Array | None:
    """The JSON of what stands below the first key's values where the other keys lead."""
    for number, key in enumerate(keys):
        values = values if number == 0 else [_below(value, key) for value in values]
        given = sum(value is not msgspec.UNSET for value in values)
        if len(re.findall(rb'"%s"\s*:' % re.escape(key.encode()), text)) != given:
            return None  # named twice in a record, or inside another value as well: only a closer look tells
    texts = nested_texts(values)
    return None if texts is None else pa.array(texts, pa.binary())


def _below(value: Any, key: str) -> Any:
    if value is None or value is msgspec.UNSET:
        return msgspec.UNSET
    if not isinstance(value, dict):
        raise TypeError
    return value.get(key, msgspec.UNSET)


@lru_cache(maxsize=32)
def _decoder(names: tuple[str, ...], nested: tuple[str, ...]) -> tuple[msgspec.json.Decoder[Any], dict[str, str]]:
    """A decoder of records that keeps the nested columns only, and each key's attribute: names of columns are not all Python's."""
    attributes = {name: f"f{number}" for number, name in enumerate(names)}
    fields = [
        (attribute, (Any if name in nested else msgspec.Raw) | msgspec.UnsetType, msgspec.UNSET)
        for name, attribute in attributes.items()
    ]
    record = msgspec.defstruct(
        "Record", fields, rename={attribute: name for name, attribute in attributes.items()}, forbid_unknown_fields=True
    )
    return msgspec.json.Decoder(list[record], float_hook=decimal.Decimal), attributes  # type: ignore[valid-type]
