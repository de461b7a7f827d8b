"""Rows of one moment on this machine: unloaded below the lake's `export/`, fetched, and read a piece at a time in the contract's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from esteira.contract import Column
from esteira.lake import Lake
from esteira.lake.exports import fetch_object

ROWS = "rows/"
"""Below an attempt: what files for people are made of."""
PIECE_ROWS = 65_536
Progress = Callable[[int], None]


class Rows:
    """The rows of an unloaded table, in its order.

    Args:
        lake: Where they lie.
        prefix: Below which.
        columns: In their order.
        folder: Where files may be put; the caller removes it.
        on_rows: Told how many rows have been read.
    """

    def __init__(
        self, lake: Lake, prefix: str, columns: Sequence[Column], folder: Path, on_rows: Progress = lambda _: None
    ) -> None:
        self._lake, self._prefix, self._folder, self._on_rows = lake, prefix, folder, on_rows
        self.columns = tuple(columns)

    def tables(self) -> Iterator[pa.Table]:
        """The rows, some at a time; each file is on the disk only as long as it is read."""
        done, path = 0, self._folder / "rows.parquet"
        for key in self._lake.sizes(self._prefix):
            fetch_object(self._lake, key, path)
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(PIECE_ROWS, use_threads=False):
                    done += batch.num_rows
                    yield _typed(pa.Table.from_batches([batch]), self.columns)
                    self._on_rows(done)
            path.unlink()


def shown_type(column: Column) -> pa.DataType:
    """A column's type in a file: a nested value is its JSON text."""
    return pa.string() if column.is_super else column.arrow


def _typed(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """Redshift writes whole numbers and moments in types of its own choice."""
    return pa.table({column.name: table.column(column.name).cast(shown_type(column)) for column in columns})
