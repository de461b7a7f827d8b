"""Delimited text into pieces: which rows are data, their numbers, and the broken ones among them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Dataset, SpreadsheetSource
from esteira.spreadsheet.ahead import in_turn, read_ahead
from esteira.spreadsheet.assemble import WHOLE_ROW, Assembly, Block
from esteira.spreadsheet.buffers import combined, trimmed
from esteira.spreadsheet.cells import Cells
from esteira.spreadsheet.footer import footer_of
from esteira.spreadsheet.heading import Heading, Headings
from esteira.spreadsheet.look import Fault
from esteira.spreadsheet.opening import Opened
from esteira.spreadsheet.piece import Piece
from esteira.spreadsheet.text import BrokenRows, DelimitedText

BLOCKS_AHEAD = 2
"""That many are converted while one is read."""
_NONE = pa.scalar(None, pa.string())


def delimited_pieces(file: Opened, dataset: Dataset, source: SpreadsheetSource, pool: Executor) -> Iterator[Piece]:
    """The rows of a file of delimited text.

    Raises:
        SpreadsheetError: It cannot be read as the contract describes.
    """
    text = DelimitedText(file, source)
    assembly = Assembly(dataset, source, file.name)
    try:
        heading, lines = text.heading(Headings(dataset, source, file.name))
        blocks = _Blocks(text, heading, lines, pool).all()
        yield from in_turn(pool, partial(assembly.piece, heading=heading), blocks, BLOCKS_AHEAD)
    except (UnicodeError, pa.ArrowInvalid) as exc:
        raise text.unreadable(exc) from exc


class _Blocks:
    """The rows of data in blocks, and the broken ones behind those that they stand among."""

    def __init__(self, text: DelimitedText, heading: Heading, lines: int, pool: Executor) -> None:
        self._text, self._heading, self._lines, self._pool = text, heading, lines, pool
        self._columns = sorted({*heading.places.values(), *(place for place, _ in heading.melted)})
        self._footer = footer_of(text.source.footer)
        self._moved = heading.first - lines
        self._next = lines + 1
        self._is_over = False

    def all(self) -> Iterator[Block]:
        """Until the footer, or the end."""
        broken = BrokenRows()
        for batch in read_ahead(self._pool, self._text.batches(self._heading, self._lines, broken)):
            yield from self._block(batch, broken, is_last=False)
            if self._is_over:
                return
        nothing = pa.RecordBatch.from_pydict(
            {str(column): pa.nulls(0, pa.string()) for column in range(len(self._heading.names))}
        )
        yield from self._block(nothing, broken, is_last=True)

    def _block(self, batch: pa.RecordBatch, broken: BrokenRows, *, is_last: bool) -> Iterator[Block]:
        numbers, bad = self._numbered(batch.num_rows, broken, is_last=is_last)
        first = self._first_texts(batch)
        end = self._end(numbers, first, bad)
        is_data = numbers < end
        if first.null_count:
            is_data &= pc.is_valid(first).to_numpy(zero_copy_only=False)
        bad = [each for each in bad if each[0] < end and each[2].strip()]
        if not is_data.all():
            batch, numbers = batch.filter(pa.array(is_data)), numbers[is_data]
        if len(numbers) or bad:
            yield self._made(batch, numbers, bad)

    def _numbered(
        self, count: int, broken: BrokenRows, *, is_last: bool
    ) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[tuple[int, int, str]]]:
        """The numbers of a batch's rows: the broken ones among them have theirs."""
        bad, end = list[tuple[int, int, str]](), self._next + count
        while more := broken.until(end if not is_last else 2**62):
            bad += more
            end = self._next + count + len(bad)
        numbers = (
            np.setdiff1d(np.arange(self._next, end), [each[0] for each in bad]) if bad else np.arange(self._next, end)
        )
        self._next = end
        return numbers.astype(np.int64)[:count], bad

    def _first_texts(self, batch: pa.RecordBatch) -> pa.StringArray:
        """The first text of each row; null in an empty row."""
        found = batch.column(0)
        for column in batch.columns[1:]:
            if not found.null_count:
                break
            found = pc.coalesce(found, column)
        if not found.null_count and self._footer is None:
            return found
        bare = trimmed(found)
        return bare if bare is found else pc.if_else(pc.equal(bare, ""), _NONE, bare)

    def _end(
        self, numbers: Sequence[int] | np.ndarray[Any, Any], first: pa.StringArray, bad: list[tuple[int, int, str]]
    ) -> int:
        """The number of the first row that is no data any more."""
        ends = [2**62]
        if self._footer is not None:
            ends += [int(numbers[row]) for row in self._footer.rows(first)[:1]]
            ends += [number for number, _, text in bad if self._footer.knows(_first_field(text, self._text.delimiter))][
                :1
            ]
        if self._text.source.ends_at_blank:
            ends += [int(numbers[row]) for row in np.flatnonzero(pc.is_null(first).to_numpy(zero_copy_only=False))[:1]]
            ends += [number for number, _, text in bad if not text.strip()][:1]
        self._is_over = min(ends) < 2**62
        return min(ends)

    def _made(
        self, batch: pa.RecordBatch, numbers: np.ndarray[Any, np.dtype[np.int64]], bad: list[tuple[int, int, str]]
    ) -> Block:
        width = len(self._heading.names)
        cells = {column: _lengthened(batch.column(column), len(bad)) for column in self._columns}
        every = np.append(numbers, np.array([number for number, _, _ in bad], np.int64)) + self._moved
        faults = {
            (len(numbers) + at, WHOLE_ROW): Fault(f"fields({width})", text) for at, (_, _, text) in enumerate(bad)
        }
        return Block(
            "",
            every,
            cells,
            lambda row, column: batch.column(column)[row].as_py() if row < batch.num_rows else None,
            faults,
        )


def _lengthened(texts: pa.StringArray, more: int) -> Cells:
    found = combined(pa.concat_arrays([texts, pa.nulls(more, pa.string())])) if more else texts
    return Cells(len(found), found)


def _first_field(text: str, delimiter: str) -> str:
    return next((field.strip() for field in next(csv.reader([text], delimiter=delimiter), []) if field.strip()), "")
