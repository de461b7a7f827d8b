"""JSON records into Arrow columns of the contract's types, exactly; what does not fit becomes a rejected cell, never a guess.

The hot path hands all records at once to readers in C (`at_once`). Only when these refuse them (one bad value is enough) are they decoded one
by one (`one_by_one`), to find the cells to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from esteira.contract import Dataset
from esteira.quality.at_once import read_at_once
from esteira.quality.cast import typed_table
from esteira.quality.one_by_one import read_each
from esteira.quality.rejection import Rejection


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
    table = read_at_once(records, text, wire)
    if table is None:
        table, rejections = read_each(records, wire)
    new = tuple(name for name in table.column_names if name not in wire.names)
    known = table.select(wire.names)
    absent = tuple(dataset.source.rename.get(name, name) for name in _absent(known, text))
    typed, failed = typed_table(known, dataset)
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


def _absent(table: pa.Table, text: bytes) -> Iterator[str]:
    """A column that is null throughout may be absent; its name in the bytes tells the two apart."""
    for name in table.column_names:
        if table.num_rows and table.column(name).null_count == table.num_rows and b'"%s"' % name.encode() not in text:
            yield name


def _renamed(rejections: Sequence[Rejection], dataset: Dataset) -> Iterator[Rejection]:
    for rejection in rejections:
        yield Rejection(
            rejection.row,
            dataset.source.rename.get(rejection.column, rejection.column),
            rejection.rule,
            rejection.value,
        )
