"""From columns of cells to a piece: converted, melted, with lineage and with what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Dataset, SpreadsheetSource
from esteira.quality import Decoded
from esteira.quality.rejection import Rejection, shown
from esteira.spreadsheet.buffers import Places
from esteira.spreadsheet.cells import Cells, printed
from esteira.spreadsheet.convert import Column, Converted
from esteira.spreadsheet.failure import address
from esteira.spreadsheet.heading import Heading
from esteira.spreadsheet.look import RAISED, Fault
from esteira.spreadsheet.names import nameless
from esteira.spreadsheet.piece import Piece, Rows

Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
WHOLE_ROW = -1
"""Stands for the column of what is wrong with a row."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a sheet as they were read.

    Attributes:
        sheet: Its name; empty for delimited text.
        numbers: The rows' numbers, from 1.
        cells: The columns of the file that are needed.
        value: What stands in a row of the block and a column of the file.
        faults: What cannot be trusted, by row of the block and column of the file.
    """

    sheet: str
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]]
    cells: Mapping[int, Cells]
    value: Callable[[int, int], Any]
    faults: Mapping[tuple[int, int], Fault] = field(default_factory=dict)


class Assembly:
    """Makes pieces of one file.

    Args:
        dataset: The contract.
        source: Its source.
        name: The file's name, for lineage.
        like: Which epoch the file has, as a column of any name and type.
    """

    def __init__(
        self,
        dataset: Dataset,
        source: SpreadsheetSource,
        name: str,
        *,
        is_1904: bool = False,
        is_dated: bool = True,
    ) -> None:
        self._source, self._name = source, name
        types = {column.name: column.arrow for column in dataset.columns if column.name not in dataset.derived}
        self._types: dict[str, pa.DataType] = {**types, **dict.fromkeys(source.inputs, pa.string())}
        self._columns = {
            name: Column(name, arrow, source, is_1904, is_dated, is_input=name in source.inputs)
            for name, arrow in self._types.items()
        }

    def piece(self, block: Block, heading: Heading) -> Piece:
        """The rows of a block under the contract's names and types."""
        melt, count = self._source.melt, len(block.numbers)
        made = self._converted(
            block,
            {name: (place,) for name, place in heading.places.items()}
            | ({melt.value: tuple(place for place, _ in heading.melted)} if melt else {}),
        )
        shape = _Shape(count, len(heading.melted) if melt else 1)
        table = {name: shape.spread(columns) for name, columns in made.items()}
        if melt is not None:
            table |= {group: self._group(group, heading, shape) for group in melt.groups}
        lineage = self._lineage(block, shape)
        table |= {name: Converted(values, np.zeros(len(values), np.bool_)) for name, values in lineage.items()}
        kept = shape.kept(table[melt.value], block, heading) if melt is not None and not melt.keep_empty else None
        return _Made(self._types, table, _Origin(block, heading, melt.value if melt else None), shape, kept).piece()

    def _converted(self, block: Block, places: Mapping[str, tuple[int, ...]]) -> dict[str, list[Converted]]:
        return {
            name: [self._columns[name].convert(block.cells[place]) for place in group] for name, group in places.items()
        }

    def _group(self, group: str, heading: Heading, shape: _Shape) -> Converted:
        texts = [given[group] for _, given in heading.melted]
        once = self._columns[group].convert(Cells(len(texts), pa.array(texts, pa.string())))
        rows = np.tile(np.arange(shape.width), shape.count)
        return Converted(once.values.take(pa.array(rows)), once.refused[rows])

    def _lineage(self, block: Block, shape: _Shape) -> dict[str, pa.Array]:
        wanted, count = self._source.lineage, shape.count * shape.width
        makers: dict[str | None, Callable[[], pa.Array]] = {
            wanted.file: lambda: pa.repeat(self._name, count),
            wanted.sheet: lambda: pa.repeat(block.sheet, count),
            wanted.row: lambda: pa.array(np.repeat(block.numbers, shape.width)),
        }
        return {name: make().cast(self._types[name]) for name, make in makers.items() if name is not None}


@dataclass(frozen=True, slots=True)
class _Shape:
    """How rows of the file become rows of the table: each `width` of them, one behind the other."""

    count: int
    width: int

    def spread(self, columns: list[Converted]) -> Converted:
        """One column beside the others is repeated; those side by side become one."""
        if self.width == 1:
            return columns[0]
        if len(columns) == 1:
            rows = np.repeat(np.arange(self.count), self.width)
            return Converted(columns[0].values.take(pa.array(rows)), columns[0].refused[rows])
        order = np.arange(self.count * self.width).reshape(self.width, self.count).T.ravel()
        values = pa.concat_arrays([column.values for column in columns]).take(pa.array(order))
        return Converted(values, np.concatenate([column.refused for column in columns])[order])

    def kept(self, value: Converted, block: Block, heading: Heading) -> Mask:
        """Rows whose cell says anything."""
        says: Mask = np.asarray(pc.is_valid(value.values).to_numpy(zero_copy_only=False)) | value.refused
        places = {place: at for at, (place, _) in enumerate(heading.melted)}
        for row, column in block.faults:
            if column in places:
                says[row * self.width + places[column]] = True
            elif column == WHOLE_ROW:
                says[row * self.width] = True
        return says


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where rows come from: a block, the heading above it, and the column that melted cells become."""

    block: Block
    heading: Heading
    melted: str | None


class _Made:
    """Converted columns on their way to a piece: which rows stay, what is refused, what is shown."""

    def __init__(
        self, types: Mapping[str, pa.DataType], columns: Mapping[str, Converted], origin: _Origin, shape: _Shape, kept: Mask | None
    ) -> None:  # fmt: skip
        self._types, self._columns, self._shape = types, columns, shape
        self._block, self._heading, self._melted = origin.block, origin.heading, origin.melted
        total = shape.count * shape.width
        self._is_cut = kept is not None and not kept.all()
        self._rows: Sequence[int] | Places = range(total) if kept is None or not self._is_cut else np.flatnonzero(kept)

    def piece(self) -> Piece:
        refused = list(self._refused())
        arrays = {name: self._columns[name].values for name in self._types}
        table = pa.table(arrays, schema=pa.schema(list(self._types.items())))
        decoded = Decoded(
            table.take(pa.array(self._rows)) if self._is_cut else table, tuple(refused), self._heading.unknown, ()
        )
        return Piece(self._block.sheet, decoded, Rows(len(self._rows), self._record, self._place))

    def _refused(self) -> Iterator[Rejection]:
        if not self._block.faults and not any(column.refused.any() for column in self._columns.values()):
            return
        blamed = set[tuple[int, str]]()
        for row, name, fault in self._faults():
            blamed.add((row, name))
            yield Rejection(row, name, fault.rule, shown(fault.text))
        for name, column in self._columns.items():
            refused = column.refused[self._rows] if self._is_cut else column.refused
            for row in np.flatnonzero(refused).tolist():
                if (row, name) not in blamed:
                    yield Rejection(row, name, "type", shown(self._shown(row, name)))

    def _faults(self) -> Iterator[tuple[int, str, Fault]]:
        """Each fault for the rows of the table that its cell is part of."""
        by_place = {place: name for name, place in self._heading.places.items()}
        melted = {place: at for at, (place, _) in enumerate(self._heading.melted)}
        made = {int(row): at for at, row in enumerate(self._rows)}
        for (row, column), fault in self._block.faults.items():
            first = row * self._shape.width
            places = [first + melted[column]] if column in melted else range(first, first + self._shape.width)
            name = self._melted if column in melted else "*" if column == WHOLE_ROW else by_place.get(column)
            if name is not None and not (fault.rule == RAISED and pa.types.is_string(self._types[name])):
                yield from ((made[place], name, fault) for place in places if place in made)

    def _source_cell(self, row: int, name: str) -> tuple[int, int | None]:
        """The row of the block and the column of the file that a value comes from."""
        at, which = divmod(int(self._rows[row]), self._shape.width)
        if name == self._melted:
            return at, self._heading.melted[which][0]
        return at, self._heading.places.get(name)

    def _shown(self, row: int, name: str) -> Any:
        at, column = self._source_cell(row, name)
        if column is None:
            value = self._columns[name].values[int(self._rows[row])].as_py()
            return (
                value
                if value is not None
                else dict(self._heading.melted[int(self._rows[row]) % self._shape.width][1]).get(name, "")
            )
        return printed(self._block.value(at, column))

    def _record(self, row: int) -> bytes:
        """The row as printed; of the columns that were melted only the cell that it was made of."""
        at, which = divmod(int(self._rows[row]), self._shape.width)
        melted = {place for place, _ in self._heading.melted} - (
            {self._heading.melted[which][0]} if self._heading.melted else set()
        )
        record: dict[str, Any] = {}
        for column, name in enumerate(self._heading.names):
            if column in melted:
                continue
            fault = self._block.faults.get((at, column))
            value = self._block.value(at, column)
            record[_free(name or nameless(column), record)] = (
                fault.text if fault and value in {None, ""} else printed(value)
            )
        broken = self._block.faults.get((at, WHOLE_ROW))
        return msgspec.json.encode(record if broken is None else {"*": broken.text})

    def _place(self, row: int, name: str) -> str:
        at, column = self._source_cell(row, name)
        return address(self._block.sheet, int(self._block.numbers[at]), column)


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """A name that is not taken yet: columns that the contract does not know may share one."""
    return (
        name
        if name not in taken
        else next(each for each in (f"{name} {number}" for number in range(2, 10_000)) if each not in taken)
    )
