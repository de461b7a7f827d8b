"""The rows of a parent's sealed batch, one after the other, for the walks of its children."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from esteira.errors import ConfigError, SealConflict
from esteira.lake import Lake, Layout, ParentSeal, Part, Seal

BATCH_ROWS = 1024
"""Rows in memory at a time; two such batches, since pages are asked for ahead."""


class ParentRows:
    """The parent's rows by position. They are read forward, part by part; parts before the wanted row are skipped.

    Args:
        parts: The parent's curated parts.
        columns: The columns that children need.
        lake: Where they are.
    """

    def __init__(self, parts: Sequence[Part], columns: Sequence[str], lake: Lake) -> None:
        self._parts, self._columns, self._lake = parts, list(columns), lake
        self._batches: OrderedDict[int, pa.RecordBatch] = OrderedDict()
        self._coming: Iterator[tuple[int, pa.RecordBatch]] = iter(())

    def __len__(self) -> int:
        return sum(part.rows for part in self._parts)

    def __getitem__(self, position: int) -> Mapping[str, Any]:
        """The wanted columns of one row.

        Raises:
            SealConflict: A part is missing, or not what was sealed.
            ConfigError: The parent has no such column.
        """
        found = self._held(position)
        if found is None:
            if not self._batches or position < next(iter(self._batches)):
                self._coming = self._read(position)
            while (found := self._held(position)) is None:
                self._hold(*next(self._coming))
        first, batch = found
        row: dict[str, Any] = batch.slice(position - first, 1).to_pylist()[0]
        return row

    def _held(self, position: int) -> tuple[int, pa.RecordBatch] | None:
        held = self._batches.items()
        return next(((first, batch) for first, batch in held if first <= position < first + batch.num_rows), None)

    def _hold(self, first: int, batch: pa.RecordBatch) -> None:
        self._batches[first] = batch
        if len(self._batches) > 2:
            self._batches.popitem(last=False)

    def _read(self, position: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        self._batches.clear()
        first = 0
        for part in self._parts:
            if first + part.rows > position:
                yield from self._read_part(part, first)
            first += part.rows

    def _read_part(self, part: Part, first: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        file = pq.ParquetFile(io.BytesIO(self._lake.read_part(part)))
        missing = sorted(set(self._columns) - set(file.schema_arrow.names))
        if missing:
            raise ConfigError(
                f"The parent's batch has no column {', '.join(missing)}; it has {', '.join(file.schema_arrow.names)}.",
                hint="Name one of its columns in {parent.COLUMN} and in Parent(columns=...), or rebuild the parent --from raw.",
            )
        for batch in file.iter_batches(BATCH_ROWS, columns=self._columns):
            yield first, batch
            first += batch.num_rows


def stands(found: ParentSeal, lake: Lake) -> bool:
    """Whether a parent's batch is still what a child began with: an erasure takes its parts and puts another generation in its place."""
    seal = lake.find_settled_seal("curated", found.dataset, found.batch, found.generation)
    if seal is None or seal.hash != found.seal_hash:
        return False
    return lake.find_tombstone("curated", Layout(seal.dataset, seal.batch, seal.generation)) is None


def open_parent(found: ParentSeal, columns: Sequence[str], lake: Lake) -> ParentRows:
    """The rows of a parent's batch.

    Args:
        found: The batch that the children's batch began with.
        columns: The columns that children need.
        lake: Where it is.

    Raises:
        SealConflict: Its seal is gone, or another one stands in its place.
    """
    seal: Seal | None = lake.find_settled_seal("curated", found.dataset, found.batch, found.generation)
    if seal is None or seal.hash != found.seal_hash:
        raise SealConflict(
            f"The batch began with {found.dataset} {found.batch}, sealed as {found.seal_hash[:16]}…, and "
            f"{'that seal is not in the lake' if seal is None else f'{seal.hash[:16]}… stands in its place'}.",
            hint="Nothing was changed. Run it again: the children are then asked for with the parent's newest batch.",
        )
    return ParentRows(seal.parts, columns, lake)
