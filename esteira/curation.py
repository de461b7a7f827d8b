"""One attempt at curating records of a batch: chunk by chunk through three stages into curated and quarantine parts that nobody has sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import pyarrow as pa

from esteira.allocator import map_blocks
from esteira.contract import Dataset
from esteira.contract.columns import BATCH_COLUMN
from esteira.drift.report import drift_error
from esteira.drift.watch import Watch
from esteira.failpoints import failpoint
from esteira.gathered import CuratedParts, Gathered
from esteira.in_order import AtOnce, InOrder
from esteira.lake import Lake, Layout, Part, TableParts
from esteira.lake.layout import Zone
from esteira.profile import Profiler
from esteira.quality import Curated, Decoded, curate_decoded, decode
from esteira.quality.rejection import SHOWN_PLACES, places_of

Records = Sequence[msgspec.Raw]
Stage = type[InOrder[None]] | type[AtOnce[None]]
CHUNK_BYTES = 6 * 1024 * 1024
"""JSON that is decoded and validated at a time. Large enough that the cost of a call does not count, small enough to bound memory."""
WAITING_CHUNKS = 2
"""Curated chunks (2 MB each) that may wait for the writer: most it only keeps, and about every fourth makes a row group, which takes as long as several."""
RELEASE_AFTER_CHUNKS = 24
"""What chunks leave behind adds up over a long batch, so from here on it is given back after each, and less is left; a short one is over before it counts."""


class Curation:
    """One attempt: takes records in the order of the batch and stores them chunk by chunk, so memory is bounded by chunks.

    Decoding, validating and writing are three stages, each a thread: one chunk is in each at the most, and a few wait for the last one, which
    profiles the columns as well.

    Args:
        dataset: The contract.
        layout: Whose parts.
        lake: Where to.
        first_row: Position of the first record in the batch.
        first_part: Number of the first part.
        stage: How a stage works: beside the caller, or `AtOnce` where other parts are curated beside this one.
    """

    def __init__(
        self,
        dataset: Dataset,
        layout: Layout,
        lake: Lake,
        *,
        first_row: int = 0,
        first_part: int = 1,
        stage: type[InOrder[None] | AtOnce[None]] = InOrder,
    ) -> None:
        self._dataset, self._layout, self._lake = dataset, layout, lake
        self._attempt, self._first_row, self._first_part = lake.new_attempt(), first_row, first_part
        self._all = Gathered(Watch(dataset), Profiler(dataset.columns))
        self._good = TableParts(lake, self._keys("curated"), _stored, self._all.profiler.add)
        self._bad = TableParts(lake, self._keys("quarantine"), _stored)
        self._validating = stage("esteira-validate")
        self._writing = stage("esteira-parquet", depth=WAITING_CHUNKS)
        self._decoded = 0

    def _keys(self, zone: Zone) -> Callable[[int], str]:
        return lambda number: self._layout.part(zone, self._attempt, self._first_part + number - 1)

    def add(self, records: Records) -> None:
        """Take the next records of the batch.

        Raises:
            ContractError: The source has an unknown column under `new_columns="fail"`.
            DataQualityError: A bad value under `bad_values="fail"`.
        """
        self.add_decoded(decode(records, self._dataset), records)

    def add_decoded(self, decoded: Decoded, records: Records) -> None:
        """Take the next rows of a batch that were read from a file, and how they are printed there.

        Raises:
            As `add`.
        """
        self._give_back()
        self._all.watch.see(decoded, records)
        if decoded.new_columns and self._dataset.new_columns == "fail":
            raise drift_error(self._dataset, self._layout, tuple(self._all.watch.new()), self._lake)
        self._validating.run(self._validate, [(decoded, records)])

    def _validate(self, chunk: list[tuple[Decoded, Records]]) -> None:
        """Args: one chunk, taken out of its list: the pages that it is made of are nobody's any more when the result waits for the writer."""
        self._writing.run(self._write, self._curated(*chunk.pop()))

    def _curated(self, decoded: Decoded, records: Records) -> Curated:
        found = self._all
        curated = curate_decoded(decoded, records, self._dataset, first_row=self._first_row + found.rows)
        found.rows += len(records)
        found.bad_rows += curated.bad_rows
        found.reasons.update(curated.reasons)
        found.places += places_of(curated.bad, SHOWN_PLACES - len(found.places))
        found.nulled.update(curated.nulled)
        return curated

    def close(self, raw: Iterable[Part]) -> CuratedParts:
        """Store what is left, and the profile.

        Args:
            raw: The raw parts whose records were added.
        """
        self._begin_to_end()
        profile = self._all.profiled(self._layout, self._attempt, self._lake)  # while the last part goes out
        self._stop()
        return self._all.with_profile(profile, self._layout, self._attempt, raw)

    def gathered(self) -> Gathered:
        """Store what is left; the profile is its owner's."""
        self._begin_to_end()
        self._stop()
        return self._all

    def abort(self) -> None:
        """Throw away what is not stored yet."""
        self._validating.stop()
        self._writing.stop()
        self._good.abort()
        self._bad.abort()
        self._end()

    def _write(self, curated: Curated) -> None:
        self._good.write(with_batch(curated.good, self._dataset, self._layout.batch))
        self._bad.write(curated.bad)

    def _begin_to_end(self) -> None:
        """Every row is seen; the last parts are on their way."""
        for stage in (self._validating, self._writing):
            stage.wait()
        self._good.flush()
        self._bad.flush()
        self._all.profiler.settle()
        self._writing.run(self._store_rest)

    def _store_rest(self) -> None:
        self._all.good, self._all.bad = self._good.close(), self._bad.close()

    def _stop(self) -> None:
        self._writing.wait()
        self._validating.stop()
        self._writing.stop()
        self._end()

    def _give_back(self) -> None:
        """Once for each chunk, and not by the stage that writes: that is busy with a row group while others leave most behind."""
        self._decoded += 1
        if self._decoded == RELEASE_AFTER_CHUNKS:
            map_blocks(is_long=True)
        if self._decoded > RELEASE_AFTER_CHUNKS:
            pa.default_memory_pool().release_unused()

    def _end(self) -> None:
        if self._decoded >= RELEASE_AFTER_CHUNKS:
            map_blocks(is_long=False)  # a short batch that this process has next would pay for it


class Chunks:
    """Cuts pages into chunks of about `CHUNK_BYTES`, whatever the pages' sizes; the first is cut from half as much, for the stages that wait for it."""

    def __init__(self) -> None:
        self._records: list[msgspec.Raw] = []
        self._size = 0
        self._enough = CHUNK_BYTES // 2

    def add(self, records: Records, size_bytes: int) -> Iterator[Records]:
        """Take a page; gives the chunks that are full now.

        Args:
            records: Its records.
            size_bytes: Its size.
        """
        self._records.extend(records)
        self._size += size_bytes
        if self._size < self._enough:
            return
        full, pieces = self._records, max(round(self._size / CHUNK_BYTES), 1)
        self._records, self._size, self._enough = [], 0, CHUNK_BYTES
        rows = -(-len(full) // pieces) or 1
        for start in range(0, len(full), rows):
            yield full[start : start + rows]

    def rest(self) -> Records:
        """What is left."""
        return self._records


def feed_pages(curation: Curation, pages: Iterable[tuple[Records, int]]) -> None:
    """All of them, cut into chunks.

    Args:
        curation: An attempt that nobody else feeds.
        pages: The records and the size of each.
    """
    chunks = Chunks()
    for records, size_bytes in pages:
        for chunk in chunks.add(records, size_bytes):
            curation.add(chunk)
    if chunks.rest():
        curation.add(chunks.rest())


def with_batch(rows: pa.Table, dataset: Dataset, batch: str) -> pa.Table:
    """Good rows as they are stored: each names its batch where COPY brings it into the table as it is."""
    return rows.append_column(BATCH_COLUMN, pa.repeat(batch, rows.num_rows)) if dataset.names_batch else rows


def _stored() -> None:
    failpoint("curate.part")
