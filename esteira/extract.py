"""Step one: pages of the portal into sealed raw parts, resuming at the page after the last stored part."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.errors import DataQualityError, EsteiraError, PayloadError, TransientError
from esteira.failpoints import failpoint
from esteira.in_order import InOrder
from esteira.lake import Checkpoint, Lake, Layout, PagePointer, Part, Seal
from esteira.portal import Page, Portal, SoFar

PART_BYTES = 32 * 1024 * 1024
"""JSON of a raw part: what a kill costs at a fast portal."""
PART_SECONDS = 30.0
"""Age of a raw part at a slow portal: what a kill costs there."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an extraction is; `total` is the portal's own figure, or None."""

    pages: int
    rows: int
    total: int | None


class Follower(Protocol):
    """Who hears of every record while it is at hand, and of every part that is stored."""

    def add(self, records: list[msgspec.Raw], size_bytes: int) -> None:
        """Hear of a page's records."""

    def stored(self, part: Part) -> None:
        """Hear that all records up to here are stored."""


OnProgress = Callable[[Progress], None]


def extract(
    dataset: Dataset,
    batch: Batch,
    *,
    portal: Portal,
    lake: Lake,
    on_progress: OnProgress | None = None,
    generation: int = 1,
    follower: Follower | None = None,
) -> Seal:
    """Bring a batch into raw and seal it as a generation; returns the seal that stands, ours or an earlier one.

    Args:
        dataset: The contract.
        batch: What to bring.
        portal: Where from.
        lake: Where to.
        on_progress: Called after each part.
        generation: Which loading of the batch.
        follower: Hears of every record that this call fetches; of those that an earlier attempt stored it does not.

    Raises:
        PayloadError: The portal's total and what arrived differ.
        DataQualityError: Fewer rows than the contract's floor.
        SourceUnavailable: The portal does not answer within the budget; parts so far are kept.
    """
    try:
        generation, sealed = lake.find_standing("raw", batch.dataset, batch.id, generation)
        if sealed:
            return sealed
        layout = Layout(batch.dataset, batch.id, generation)
        return _Extraction(dataset, batch, _Store(layout, lake, on_progress, follower), portal).run()
    except EsteiraError as exc:
        raise exc.located(dataset=batch.dataset, batch=batch.id) from exc.__cause__


class _GrowingPart:
    """Pages on their way into one part, compressed as they come."""

    def __init__(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._stream = pa.CompressedOutputStream(self._sink, "zstd")  # level 1, Arrow's own choice: ten to one for JSON
        self._began = time.monotonic()
        self.pages: list[PagePointer] = []
        self.warnings: list[str] = []
        self.size_bytes = 0

    def add(self, page: Page) -> None:
        self._stream.write(page.body)
        self.pages.append(PagePointer(page.number, len(page.body), len(page.records)))
        self.size_bytes += len(page.body)
        self.warnings += [page.warning] if page.warning else []

    def is_full(self, most_pages: int | None) -> bool:
        is_old = time.monotonic() - self._began > PART_SECONDS
        return self.size_bytes >= PART_BYTES or len(self.pages) == most_pages or is_old

    def content(self) -> bytes:
        self._stream.close()
        content: bytes = self._sink.getvalue().to_pybytes()
        return content


class _Store:
    """Where an attempt stands, and the thread that stores its parts: one after the other, each before its checkpoint."""

    def __init__(self, layout: Layout, lake: Lake, on_progress: OnProgress | None, follower: Follower | None) -> None:
        self.layout, self.lake = layout, lake
        self.attempt = lake.new_attempt()
        self.stand = lake.find_checkpoint(layout) or Checkpoint((), None, 1, None)
        self._on_progress = on_progress or (lambda _: None)
        self._follower = None if self.stand.parts else follower
        self._storing = InOrder[Checkpoint]("esteira-store")

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.stand.parts)

    def follow(self, page: Page) -> None:
        if self._follower:
            self._follower.add(page.records, len(page.body))

    def put(self, growing: _GrowingPart, last: Page) -> None:
        """Store a part while the caller goes on; waits for the part before."""
        self.wait()
        self._storing.run(self._put, growing, last)

    def wait(self) -> None:
        stand = self._storing.wait()
        if stand is None:
            return
        self.stand = stand
        if self._follower:
            self._follower.stored(stand.parts[-1])
        self._on_progress(Progress(stand.next_page - 1, self.rows, stand.total_reported))

    def close(self) -> None:
        self._storing.stop()

    def _put(self, growing: _GrowingPart, last: Page) -> Checkpoint:
        stand = self.stand
        part = self.lake.put_part(
            self.layout.part("raw", self.attempt, len(stand.parts) + 1),
            growing.content(),
            rows=sum(page.rows for page in growing.pages),
            pages=tuple(growing.pages),
            first_row=self.rows,
        )
        pa.default_memory_pool().release_unused()  # what many pages left behind would else add up over a long batch
        failpoint("extract.part")
        total = last.total if stand.total_reported is None else stand.total_reported
        warnings = tuple(dict.fromkeys((*stand.warnings, *growing.warnings)))
        checkpoint = Checkpoint((*stand.parts, part), last.next_state, last.number + 1, total, warnings)
        self.lake.put_checkpoint(self.layout, self.attempt, checkpoint)
        failpoint("extract.checkpoint")
        return checkpoint


class _Extraction:
    """One attempt: collects pages until a part is full, and seals when the last is stored."""

    def __init__(self, dataset: Dataset, batch: Batch, store: _Store, portal: Portal) -> None:
        self._dataset, self._batch, self._store, self._portal = dataset, batch, store, portal

    def run(self) -> Seal:
        try:
            self._collect()
            self._store.wait()
        finally:
            self._store.close()
        self._check_counts()
        seal = self._store.lake.put_seal("raw", self._new_seal())
        failpoint("extract.seal")
        return seal

    def _collect(self) -> None:
        """Whatever the portal ends with, the pages that arrived are stored: the next attempt asks for none of them."""
        growing, page = _GrowingPart(), None
        with closing(self._pages()) as pages:
            try:
                for page in pages:
                    self._store.follow(page)
                    growing.add(page)
                    if page.next_state is None or growing.is_full(self._dataset.source.pages_per_part):
                        self._store.put(growing, page)
                        growing = _GrowingPart()
            except TransientError:
                if page is not None and growing.pages:
                    self._store.put(growing, page)
                raise

    def _pages(self) -> Generator[Page]:
        stand = self._store.stand
        if stand.parts and stand.next_state is None:
            return
        window = None if self._batch.is_snapshot else self._batch.window
        so_far = SoFar(self._store.rows, stand.total_reported)
        yield from self._portal.pages(
            self._dataset.source, window, state=stand.next_state, number=stand.next_page, so_far=so_far
        )

    def _new_seal(self) -> Seal:
        stand = self._store.stand
        facts: dict[str, Any] = {
            "parts": stand.parts,
            "extracted": self._store.rows,
            "total_reported": stand.total_reported,
            "warnings": stand.warnings,
            "generation": self._store.layout.generation,
        }
        return Seal(dataset=self._batch.dataset, batch=self._batch.id, attempt=self._store.attempt, **facts)

    def _check_counts(self) -> None:
        total, rows, floor = self._store.stand.total_reported, self._store.rows, self._dataset.quality.min_rows
        if total is not None and total != rows:
            raise PayloadError(
                f"The portal reports {total} rows for this window and delivered {rows} on {self._store.stand.next_page - 1} pages.",
                hint="Rows may have changed while they were read: run again. If it repeats, check the paginator and the total's path.",
            )
        if rows < floor:
            raise DataQualityError(
                f"The portal delivered {rows} rows; the contract's floor (min_rows) is {floor}.", hint=_FLOOR_HINT
            )


_FLOOR_HINT = "Nothing was loaded and the watermark stands. Ask the portal's owner whether the window is really empty; if so, lower min_rows."
