"""JSON records into Arrow columns of the contract's types, exactly; what does not fit becomes a rejected cell, never a guess.

The hot path hands all records at once to Arrow's JSON reader with the contract's types. Only when that reader refuses the
block (one bad value is enough) are its records decoded one by one, to find the cells to blame. A contract with a nested column
always takes the slow path: Arrow has no type for "whatever stands there".
"""

from __future__ import annotations

import decimal
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from esteira.contract import Dataset
from esteira.errors import PayloadError
from esteira.quality.nested import nested_text

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as text. `Decimal` alone would also take blanks, underscores and digits of other scripts."""
_BELOW_MICROSECOND = re.compile(r"\.\d{6}0*[1-9]")
"""Digits of a moment that `fromisoformat` would drop without a word."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One reason why one row is not good.

    Attributes:
        row: Position in the part, from 0.
        column: The contract's column.
        rule: The rule's name: `type` for a value that its type cannot hold.
        value: The value as text.
    """

    row: int
    column: str
    rule: str
    value: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """One part as Arrow columns.

    Attributes:
        table: The contract's source columns and the transform's inputs; a rejected cell is null here.
        rejections: Cells that their type cannot hold.
        new_columns: Columns that the contract does not know.
        absent: Columns of the contract that are in no record, under the contract's names.
    """

    table: pa.Table
    rejections: tuple[Rejection, ...]
    new_columns: tuple[str, ...]
    absent: tuple[str, ...]


def decode(records: Sequence[msgspec.Raw], dataset: Dataset) -> Decoded:
    """Read records into the contract's types.

    Args:
        records: JSON objects as received.
        dataset: The contract.

    Raises:
        PayloadError: A record is not an object.
    """
    wire = _wire_schema(dataset)
    text = b"\n".join(records)
    rejections: list[Rejection] = []
    table = _read_fast(text, wire)
    if table is None:
        table, rejections = _read_each(records, wire)
    new = tuple(name for name in table.column_names if name not in wire.names)
    known = table.select(wire.names)
    absent = tuple(dataset.source.rename.get(name, name) for name in _absent(known, text))
    typed, failed = _typed(known, dataset)
    return Decoded(typed, (*_renamed(rejections, dataset), *failed), new, absent)


def _wire_schema(dataset: Dataset) -> pa.Schema:
    """The types to read from JSON, under the portal's names; moments and days travel as text."""
    portal_name = {ours: theirs for theirs, ours in dataset.source.rename.items()}
    delivered = [column for column in dataset.columns if column.name not in dataset.derived]
    fields = [pa.field(portal_name.get(column.name, column.name), _wire_type(column.arrow)) for column in delivered]
    fields += [pa.field(name, pa.string()) for name in dataset.source.inputs]
    return pa.schema(fields)


def _wire_type(arrow: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(arrow) or pa.types.is_date(arrow):
        return pa.string()
    return pa.int64() if pa.types.is_integer(arrow) else arrow


def _read_fast(text: bytes, wire: pa.Schema) -> pa.Table | None:
    """All records at once; None when the reader refuses any of them."""
    if not text:
        return wire.empty_table()
    if any(pa.types.is_binary(kind) for kind in wire.types):
        return None
    # One block: a caller bounds the text, and finding the records where blocks meet costs a third of the time.
    read = pj.ReadOptions(block_size=len(text) + 1, use_threads=False)
    parse = pj.ParseOptions(explicit_schema=wire, newlines_in_values=True, unexpected_field_behavior="infer")
    try:
        return pj.read_json(pa.BufferReader(text), read_options=read, parse_options=parse)
    except pa.ArrowInvalid:
        return None


def _read_each(records: Sequence[msgspec.Raw], wire: pa.Schema) -> tuple[pa.Table, list[Rejection]]:
    """One record after the other, keeping integers and decimals exact."""
    decoder = msgspec.json.Decoder(dict[str, Any], float_hook=decimal.Decimal)
    try:
        rows = [decoder.decode(record) for record in records]
    except msgspec.DecodeError as exc:
        raise PayloadError(f"A record is not a JSON object: {exc}.") from exc
    rejections = [
        Rejection(position, name, "duplicate key", "")
        for position, record in enumerate(records)
        for name in _names_given_twice(record)
    ]
    columns = {field.name: _column(field, rows, rejections) for field in wire}
    extra = {name: pa.nulls(len(rows)) for row in rows for name in row if name not in columns}
    return pa.table({**columns, **extra}), rejections


def _names_given_twice(record: msgspec.Raw) -> list[str]:
    """Every parser keeps one of the two values, and none says which: Arrow refuses the record, so it comes here."""
    text = bytes(record)
    names = json.loads(
        text, object_pairs_hook=lambda pairs: [name for name, _ in pairs], parse_int=str, parse_float=str
    )
    return sorted({name for name in names if names.count(name) > 1})


def _column(field: pa.Field, rows: Sequence[Mapping[str, Any]], rejections: list[Rejection]) -> pa.Array:
    convert = _converter(field.type)
    values: list[Any] = []
    for position, row in enumerate(rows):
        value = row.get(field.name)
        try:
            values.append(None if value is None else convert(value))
        except (ValueError, TypeError, ArithmeticError):
            values.append(None)
            rejections.append(Rejection(position, field.name, "type", _text(value)))
    return pa.array(values, field.type)


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
    return _finite(float(_number(value)))


def _finite(number: float) -> float:
    """1e400 is JSON and no double."""
    if not math.isfinite(number):
        raise ValueError
    return number


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


def _absent(table: pa.Table, text: bytes) -> Iterator[str]:
    """A column that is null throughout may be absent; its name in the bytes tells the two apart."""
    for name in table.column_names:
        if table.num_rows and table.column(name).null_count == table.num_rows and b'"%s"' % name.encode() not in text:
            yield name


def _typed(table: pa.Table, dataset: Dataset) -> tuple[pa.Table, list[Rejection]]:
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
            rejections.append(Rejection(position, name, "type", _text(value)))
    return pa.chunked_array([pa.array(values, arrow)])


def _parse(value: Any, arrow: pa.DataType) -> Any:
    if pa.types.is_date(arrow):
        return date.fromisoformat(value)
    if pa.types.is_floating(arrow):
        return _finite(value)
    if pa.types.is_timestamp(arrow):
        if _BELOW_MICROSECOND.search(value):
            raise ValueError
        moment = datetime.fromisoformat(value)
        if arrow.tz is None:
            return moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return pa.scalar(value, arrow).as_py()


def _renamed(rejections: Sequence[Rejection], dataset: Dataset) -> Iterator[Rejection]:
    for rejection in rejections:
        yield Rejection(
            rejection.row,
            dataset.source.rename.get(rejection.column, rejection.column),
            rejection.rule,
            rejection.value,
        )


def _text(value: Any) -> str:
    return str(value)[:200]
