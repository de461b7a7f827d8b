"""All records of a chunk at once, by readers in C; None when one of them refuses any record.

Arrow's JSON reader knows no type for "whatever stands there", so nested columns are read by msgspec beside it. Both together refuse what either
would let pass: Arrow keeps no record that names a column twice, and msgspec none with a column that nobody knows.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from esteira.quality.nested import nested_texts

_ESCAPED_NAME = re.compile(rb'\\[^"]*"\s*:')
"""A name with an escape in it may be one that stands there in letters too."""


def read_at_once(records: Sequence[msgspec.Raw], text: bytes, wire: pa.Schema) -> pa.Table | None:
    """The columns of `wire`, and those that it does not know.

    Args:
        records: JSON objects as received.
        text: The same, one behind the other.
        wire: Names and types to read; a binary column is a nested one.
    """
    if not text:
        return wire.empty_table()
    nested = [field.name for field in wire if pa.types.is_binary(field.type)]
    if not nested:
        return _flat(text, wire, "infer")
    flat = pa.schema([field for field in wire if field.name not in nested])
    columns = _nested_columns(records, text, tuple(wire.names), nested)
    table = None if columns is None else _flat(text, flat, "ignore")
    if columns is None or table is None:
        return None
    found = dict(zip(table.column_names, table.columns, strict=True)) | columns
    return pa.table({name: found[name] for name in wire.names})


def _flat(text: bytes, schema: pa.Schema, unexpected: str) -> pa.Table | None:
    # One block: a caller bounds the text, and finding the records where blocks meet costs a third of the time.
    read = pj.ReadOptions(block_size=len(text) + 1, use_threads=False)
    parse = pj.ParseOptions(explicit_schema=schema, newlines_in_values=True, unexpected_field_behavior=unexpected)
    try:
        return pj.read_json(pa.BufferReader(text), read_options=read, parse_options=parse)
    except pa.ArrowInvalid:
        return None


def _nested_columns(
    records: Sequence[msgspec.Raw], text: bytes, names: tuple[str, ...], nested: Iterable[str]
) -> dict[str, pa.Array] | None:
    if _ESCAPED_NAME.search(text):
        return None
    decoder, attributes = _decoder(names, tuple(nested))
    try:
        rows = decoder.decode(b"[" + b",".join(records) + b"]")
    except (msgspec.DecodeError, RecursionError):
        return None
    columns: dict[str, pa.Array] = {}
    for name in nested:
        values = [getattr(row, attributes[name]) for row in rows]
        given = sum(value is not msgspec.UNSET for value in values)
        if len(re.findall(rb'"%s"\s*:' % re.escape(name.encode()), text)) != given:
            return None  # named twice in a record, or inside another value as well: only a closer look tells
        texts = nested_texts(values)
        if texts is None:
            return None
        columns[name] = pa.array(texts, pa.binary())
    return columns


@lru_cache(maxsize=32)
def _decoder(names: tuple[str, ...], nested: tuple[str, ...]) -> tuple[msgspec.json.Decoder[Any], dict[str, str]]:
    """A decoder of records that keeps the nested columns only, and each column's attribute: names of columns are not all Python's."""
    attributes = {name: f"f{number}" for number, name in enumerate(names)}
    fields = [
        (attribute, (Any if name in nested else msgspec.Raw) | msgspec.UnsetType, msgspec.UNSET)
        for name, attribute in attributes.items()
    ]
    record = msgspec.defstruct(
        "Record", fields, rename={attribute: name for name, attribute in attributes.items()}, forbid_unknown_fields=True
    )
    return msgspec.json.Decoder(list[record], float_hook=decimal.Decimal), attributes  # type: ignore[valid-type]
