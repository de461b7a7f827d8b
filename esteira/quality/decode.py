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
from esteira.quality.wire import Wire, WireColumn, spellings, wire_of


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
    wire = wire_of(dataset)
    text = b"\n".join(records)
    rejections: list[Rejection] = []
    table = read_at_once(records, text, wire)
    if table is None:
        table, rejections = read_each(records, wire)
    known = [column.name for column in wire]
    new = tuple(name for name in table.column_names[len(known) :])
    table = table.select(list(range(len(known))))
    absent = tuple(dataset.source.rename.get(name, name) for name in _absent(table, wire, text))
    del text  # 6 MiB that the casts need themselves
    typed, failed = typed_table(table, dataset)
    return Decoded(typed, (*_renamed(rejections, dataset), *failed), new, absent)


def _absent(table: pa.Table, wire: Wire, text: bytes) -> Iterator[str]:
    """A column that is null throughout may be absent; its keys in the bytes tell the two apart."""
    for column, values in zip(wire, table.columns, strict=True):
        if table.num_rows and values.null_count == table.num_rows and not _is_named(column, text):
            yield column.name


def _is_named(column: WireColumn, text: bytes) -> bool:
    return all(any(spelling in text for spelling in spellings(key)) for key in column.keys)


def _renamed(rejections: Sequence[Rejection], dataset: Dataset) -> Iterator[Rejection]:
    for rejection in rejections:
        yield Rejection(
            rejection.row,
            dataset.source.rename.get(rejection.column, rejection.column),
            rejection.rule,
            rejection.value,
        )
