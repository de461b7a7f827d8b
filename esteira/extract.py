"""Step one: pages of the portal into sealed raw parts, resuming at the page after the last stored part."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from esteira.batch import Batch
from esteira.beginning import Beginning
from esteira.contract import Dataset
from esteira.contract.incremental import Value
from esteira.cursor import CursorWatch, Watch, WindowWatch
from esteira.errors import DataQualityError, EsteiraError, PayloadError, TransientError
from esteira.failpoints import failpoint
from esteira.in_order import InOrder
from esteira.lake import Checkpoint, Lake, Layout, PagePointer, Part, Provenance, Seal
from esteira.lake.index import folded
from esteira.parents import ParentRows, open_parent, stands
from esteira.portal import Asked, Page, Portal, SoFar, given_to

logger = logging.getLogger(__name__)
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
    follower: Follower | None = None,
    beginning: Beginning = Beginning(),  # noqa: B008 - frozen
) -> Seal | None:
    """Bring a batch into raw and seal it as a generation; returns the seal that stands, ours or an earlier one.

    None stands for a portal that says that its answer is still the one that `beginning` knows: nothing is stored.

    Args:
        dataset: The contract.
        batch: What to bring.
        portal: Where from.
        lake: Where to.
        on_progress: Called after each part.
        follower: Hears of every record that this call fetches; of those that an earlier attempt stored it does not.
        beginning: Which loading of the batch, and what the ledger says; an earlier attempt's checkpoint holds what it said then.

    Raises:
        PayloadError: The portal's total and what arrived differ.
        DataQualityError: Fewer rows than the contract's floor.
        SourceUnavailable: The portal does not answer within the budget; parts so far are kept.
    """
    try:
        generation, sealed = lake.find_standing("raw", batch.dataset, batch.id, beginning.generation)
        if sealed:
            return sealed
        layout = Layout(batch.dataset, batch.id, generation)
        stand = _stand(lake.find_checkpoint(layout), beginning, lake)
        known = beginning.known.headers if beginning.known and not stand.parts else {}
        return _Extraction(dataset, batch, _Store(layout, lake, stand, on_progress, follower), portal, known).run()
    except EsteiraError as exc:
        raise exc.located(dataset=batch.dataset, batch=batch.id) from exc.__cause__


def _stand(found: Checkpoint | None, beginning: Beginning, lake: Lake) -> Checkpoint:
    """Where an earlier attempt came to; from the beginning where there was none, or where the parent that it walked was purged since."""
    fresh = Checkpoint(
        (), None, 1, None, provenance=Provenance(cursor_start=beginning.cursor_start, parent=beginning.parent)
    )
    parent = found.provenance.parent if found else None
    if found is None or parent is None or stands(parent, lake):
        return found or fresh
    logger.warning("%s %s is not in the lake any more: its children are asked for anew", parent.dataset, parent.batch)
    return msgspec.structs.replace(fresh, walk=found.walk + 1)


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
        self.pages.append(PagePointer(page.number, len(page.body), len(page.records), page.given.decode()))
        self.size_bytes += len(page.body)
        self.warnings += [page.warning] if page.warning else []

    def is_full(self, most_pages: int | None) -> bool:
        is_old = time.monotonic() - self._began > PART_SECONDS
        return self.size_bytes >= PART_BYTES or len(self.pages) == most_pages or is_old

    def packed(self, *, is_folded: bool) -> tuple[bytes, tuple[PagePointer, ...]]:
        """The part's bytes, and what the seal says of its pages."""
        self._stream.close()
        content: bytes = self._sink.getvalue().to_pybytes()
        if not is_folded:
            return content, tuple(self.pages)
        pages, index = folded(self.pages)
        return content + index, pages


class _Store:
    """Where an attempt stands, and the thread that stores its parts: one after the other, each before its checkpoint."""

    def __init__(
        self,
        layout: Layout,
        lake: Lake,
        stand: Checkpoint,
        on_progress: OnProgress | None,
        follower: Follower | None,
    ) -> None:
        self.layout, self.lake, self.stand = layout, lake, stand
        self.attempt = lake.new_attempt()
        self._on_progress = on_progress or (lambda _: None)
        self._follower = None if self.stand.parts else follower
        self._storing = InOrder[Checkpoint]("esteira-store")

    @property
    def _has_parent(self) -> bool:
        """Then pages are many and small, and a total is that of the parent's rows so far."""
        return self.stand.provenance.parent is not None

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.stand.parts)

    def follow(self, page: Page) -> None:
        if self._follower:
            self._follower.add(given_to(page.records, page.given), len(page.body))

    def put(self, growing: _GrowingPart, last: Page, largest: Value | None) -> None:
        """Store a part while the caller goes on; waits for the part before.

        Args:
            growing: Its pages.
            last: The last of them.
            largest: The largest value up to here of a cursor that is no time.
        """
        self.wait()
        self._storing.run(self._put, growing, last, largest)

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

    def begin_anew(self) -> None:
        """Have the next attempt ask for everything again: what arrived is not what the portal has."""
        before = self.stand.provenance
        kept = Provenance(cursor_start=before.cursor_start, parent=before.parent)
        anew = Checkpoint((), None, 1, None, provenance=kept, walk=self.stand.walk + 1)
        self.lake.put_checkpoint(self.layout, self.attempt, anew)

    def _put(self, growing: _GrowingPart, last: Page, largest: Value | None) -> Checkpoint:
        stand = self.stand
        content, pages = growing.packed(is_folded=self._has_parent)
        part = self.lake.put_part(
            self.layout.part("raw", self.attempt, len(stand.parts) + 1),
            content,
            rows=sum(page.rows for page in growing.pages),
            pages=pages,
            first_row=self.rows,
        )
        pa.default_memory_pool().release_unused()  # what many pages left behind would else add up over a long batch
        failpoint("extract.part")
        total = last.total if stand.total_reported is None or self._has_parent else stand.total_reported
        provenance = msgspec.structs.replace(
            stand.provenance, cursor_end=largest, etag=last.etag, modified=last.modified
        )
        warnings = tuple(dict.fromkeys((*stand.warnings, *growing.warnings)))
        where = last.next_state, last.number + 1, total, warnings
        checkpoint = Checkpoint((*stand.parts, part), *where, provenance, stand.walk)
        self.lake.put_checkpoint(self.layout, self.attempt, checkpoint)
        failpoint("extract.checkpoint")
        return checkpoint


class _Extraction:
    """One attempt: collects pages until a part is full, and seals when the last is stored."""

    def __init__(
        self, dataset: Dataset, batch: Batch, store: _Store, portal: Portal, conditions: Mapping[str, str]
    ) -> None:
        self._conditions = conditions
        self._dataset, self._batch, self._store, self._portal = dataset, batch, store, portal
        self._watch = _watch(dataset, batch, store.stand.provenance)

    def run(self) -> Seal | None:
        try:
            is_known = self._collect()
            self._store.wait()
        finally:
            self._store.close()
        if is_known:
            return None
        try:
            self._check_counts()
        except (PayloadError, DataQualityError):
            self._store.begin_anew()
            raise
        seal = self._store.lake.put_seal("raw", self._new_seal())
        failpoint("extract.seal")
        return seal

    def _collect(self) -> bool:
        """Whatever the portal ends with, the pages that arrived are stored: the next attempt asks for none of them.

        Returns whether the portal only said that its answer is the known one.
        """
        growing, page = _GrowingPart(), None
        with closing(self._pages()) as pages:
            try:
                for page in pages:
                    if page.is_known:
                        return True
                    self._watch.see(page.body, page.records, page.number)
                    self._store.follow(page)
                    growing.add(page)
                    if page.next_state is None or growing.is_full(self._dataset.source.pages_per_part):
                        self._store.put(growing, page, self._watch.largest)
                        growing = _GrowingPart()
            except TransientError:
                if page is not None and growing.pages:
                    self._store.put(growing, page, self._watch.largest)
                raise
        return False

    def _pages(self) -> Generator[Page]:
        stand = self._store.stand
        if stand.parts and stand.next_state is None:
            return
        window = None if self._batch.is_snapshot else self._batch.window
        source, asked = self._dataset.source, Asked(stand.provenance.cursor_start, self._parents(), self._conditions)
        so_far = SoFar(self._store.rows, stand.total_reported)
        where: dict[str, Any] = {"state": stand.next_state, "number": stand.next_page, "so_far": so_far}
        yield from self._portal.pages(source, window, asked=asked, **where)

    def _parents(self) -> ParentRows | None:
        found = self._store.stand.provenance.parent
        return None if found is None else open_parent(found, self._dataset.source.parent_columns, self._store.lake)

    def _new_seal(self) -> Seal:
        stand = self._store.stand
        facts: dict[str, Any] = {
            "parts": stand.parts,
            "extracted": self._store.rows,
            "total_reported": stand.total_reported,
            "warnings": stand.warnings,
            "generation": self._store.layout.generation,
            "provenance": stand.provenance,
        }
        return Seal(dataset=self._batch.dataset, batch=self._batch.id, attempt=self._store.attempt, **facts)

    def _check_counts(self) -> None:
        total, rows, floor = self._store.stand.total_reported, self._store.rows, self._dataset.quality.min_rows
        if total is not None and total != rows:
            raise PayloadError(
                f"The portal reports {total} rows for this window and delivered {rows} on {self._store.stand.next_page - 1} pages.",
                hint="Rows may have changed while they were read: run again, and all of it is asked for anew. If it repeats, check the paginator and the "
                "total's path.",
            )
        if rows < floor:
            raise DataQualityError(
                f"The portal delivered {rows} rows; the contract's floor (min_rows) is {floor}.", hint=_FLOOR_HINT
            )


class _NoWatch:
    """Of a source without a cursor nothing is followed."""

    largest = None

    def see(self, body: bytes, records: list[msgspec.Raw], number: int) -> None:
        """Let it pass."""


def _watch(dataset: Dataset, batch: Batch, before: Provenance) -> Watch | _NoWatch:
    incremental = dataset.source.incremental
    if incremental is None:
        return _NoWatch()
    if incremental.is_time:
        return WindowWatch(incremental, batch.window.end)
    return CursorWatch(incremental, before.cursor_end)


_FLOOR_HINT = "Nothing was loaded and the watermark stands. Ask the portal's owner whether the window is really empty; if so, lower min_rows."
