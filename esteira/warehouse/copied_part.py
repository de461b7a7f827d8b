"""Which value of a curated part cannot be loaded: a look into the Parquet bytes, one column at a time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from esteira.contract import Column
from esteira.contract.columns import MAX_VARCHAR_BYTES, POSITION_COLUMN
from esteira.redaction import MASK

SHOWN_CHARACTERS = 60
"""A value stands in a message to be recognised, not to be read."""


@dataclass(frozen=True, slots=True)
class Offence:
    """What does not fit, and where.

    Attributes:
        kind: `text`, `number`, `null` or `type`.
        column: Its column.
        what: The value and its measure, in words.
        row: Row in the part, from 1; None when every row of the part has it.
        position: Position in the batch, from 0.
        is_certain: Whether the contract alone says that it does not fit; otherwise it is the likeliest of its column.
    """

    kind: str
    column: str
    what: str
    row: int | None = None
    position: int | None = None
    is_certain: bool = True


def find(content: bytes, columns: Sequence[Column], kind: str, named: Column | None) -> Offence | None:
    """The first value of a part that does not fit, or None when all seem to.

    Args:
        content: A curated part.
        columns: The contract's columns.
        kind: What COPY complained about.
        named: The column that it named, or None when its text was cut.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(content))
    except pa.ArrowInvalid:
        return None
    wanted = [named] if named else [column for column in columns if _may_have(column, kind)]
    look = {"text": _longest_text, "number": _largest_number, "null": _first_null}.get(kind)
    if look is None:
        return next(filter(None, (_other_type(file, column) for column in wanted)), None)
    known = set(file.schema_arrow.names)
    found = [offence for column in wanted if column.name in known and (offence := look(file, column))]
    return next((offence for offence in found if named or offence.is_certain), next(iter(found), None))


def shown(value: Any, column: Column) -> str:
    """A value, shortened and on one line; a personal one masked, since logs and states repeat the message."""
    if column.is_pii:
        return MASK
    text = " ".join(str(value).split())
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…")


def _may_have(column: Column, kind: str) -> bool:
    if kind == "text":
        return bool(pa.types.is_string(column.arrow))
    if kind == "number":
        return bool(pa.types.is_decimal(column.arrow) or pa.types.is_integer(column.arrow))
    return kind == "type" or not column.is_nullable


def _longest_text(file: Any, column: Column) -> Offence | None:
    """The longest is one of those that are too long, whatever the limit of the live column is."""
    values = _values(file, column)
    sizes = pc.binary_length(values.cast(pa.large_string()))
    longest = pc.max(sizes).as_py()
    if longest is None:
        return None
    row = pc.index(sizes, longest).as_py()
    over = f", more than the {MAX_VARCHAR_BYTES} that a VARCHAR can have" if longest > MAX_VARCHAR_BYTES else ""
    found = _at(file, "text", column, row, f"the text {shown(values[row].as_py(), column)} has {longest} bytes{over}")
    return replace(found, is_certain=longest > (column.max_bytes or MAX_VARCHAR_BYTES))


def _largest_number(file: Any, column: Column) -> Offence | None:
    values = _values(file, column)
    sizes = pc.abs(values)
    largest = pc.max(sizes).as_py()
    digits = column.arrow.precision - column.arrow.scale if pa.types.is_decimal(column.arrow) else None
    if largest is None:
        return None
    row = pc.index(sizes, pc.max(sizes)).as_py()
    room = f"; the column takes {digits} digits before the point" if digits is not None else ""
    found = _at(file, "number", column, row, f"the number {shown(values[row].as_py(), column)} is too large{room}")
    return replace(found, is_certain=digits is not None and largest >= 10**digits)


def _first_null(file: Any, column: Column) -> Offence | None:
    values = _values(file, column)
    row = pc.index(values.is_null(), pa.scalar(value=True)).as_py()
    return None if row < 0 else _at(file, "null", column, row, "there is no value, and the column takes no nulls")


def _other_type(file: Any, column: Column) -> Offence | None:
    schema = file.schema_arrow
    at = schema.get_field_index(column.name)
    if at < 0:
        return Offence("type", column.name, "the part has no such column")
    if schema.field(at).type == column.arrow:
        return None
    present = _values(file, column).drop_null()
    example = f", such as {shown(present[0].as_py(), column)}" if len(present) else ""
    return Offence(
        "type", column.name, f"the part holds {schema.field(at).type}{example}, and the contract says {column.arrow}"
    )


def _at(file: Any, kind: str, column: Column, row: int, what: str) -> Offence:
    has_position = POSITION_COLUMN in file.schema_arrow.names
    position = file.read(columns=[POSITION_COLUMN]).column(0)[row].as_py() if has_position else None
    return Offence(kind, column.name, what, row + 1, position)


def _values(file: Any, column: Column) -> Any:
    return file.read(columns=[column.name]).column(0).combine_chunks()
