"""Where an attempt at an extraction stands, and the thread that stores its parts: one after the other, each before its checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from esteira.contract.incremental import Value
from esteira.extraction.part import GrowingPart
from esteira.failpoints import failpoint
from esteira.in_order import InOrder
from esteira.lake import Checkpoint, Lake, Layout, Part, Provenance
from esteira.portal import Page, given_to


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

    def catch_up(self, parts: Sequence[Part], pages: Iterable[tuple[Sequence[msgspec.Raw], int]]) -> bool:
        """Hear of what an earlier attempt stored, if it wants to; whether it did, and wants to hear of what comes."""

    def stored(self, part: Part) -> None:
        """Hear that all records up to here are stored."""


OnProgress = Callable[[Progress], None]
"""Called after each part."""


class Store:
    """Stores the parts of one attempt in a thread of its own, at most one part behind.

    Args:
        layout: The keys of the batch.
        lake: Where they are written.
        stand: The checkpoint to go on from.
        overlap: How many rows each page reads again, because rows move while they are read; 0 for none.
        on_progress: Called after each part.
        follower: Hears of every record, and of every part.
    """

    def __init__(
        self,
        layout: Layout,
        lake: Lake,
        stand: Checkpoint,
        *,
        overlap: int = 0,
        on_progress: OnProgress | None = None,
        follower: Follower | None = None,
    ) -> None:
        self.layout, self.lake, self.stand, self.overlap = layout, lake, stand, overlap
        self.attempt = lake.new_attempt()
        self._on_progress = on_progress or (lambda _: None)
        self._follower = follower
        self._storing = InOrder[Checkpoint]("esteira-store")

    @property
    def rows(self) -> int:
        """Rows that are stored."""
        return sum(part.rows for part in self.stand.parts)

    def follow(self, page: Page) -> None:
        """Let the follower hear of a page's records, with what the parent's row gives to each."""
        if self._follower:
            self._follower.add(given_to(page.records, page.given), len(page.body))

    def put(self, growing: GrowingPart, last: Page, largest: Value | None) -> None:
        """Store a part while the caller goes on; waits for the part before.

        Args:
            growing: Its pages.
            last: The last of them.
            largest: The largest value up to here of a cursor that is no time.
        """
        self.wait()
        self._storing.run(self._put, growing, last, largest)

    def wait(self) -> None:
        """Wait until the part in work is stored, and tell follower and progress of it."""
        stand = self._storing.wait()
        if stand is None:
            return
        self.stand = stand
        if self._follower:
            self._follower.stored(stand.parts[-1])
        self._on_progress(Progress(stand.next_page - 1, self.rows, stand.total_reported))

    def close(self) -> None:
        """End the thread."""
        self._storing.stop()

    def begin_anew(self) -> None:
        """Have the next attempt ask for everything again: what arrived is not what the portal has."""
        before = self.stand.provenance
        kept = Provenance(cursor_start=before.cursor_start, parent=before.parent)
        anew = Checkpoint((), None, 1, None, provenance=kept, walk=self.stand.walk + 1)
        self.lake.put_checkpoint(self.layout, self.attempt, anew)

    def _total(self, told: list[int]) -> int | None:
        """The portal's total, from the totals that its pages told.

        The first page's: rows that vanish while the pages are read would otherwise be missing from the total as well as from what arrived. Where pages
        overlap, rows are expected to vanish, and the least total counts.
        """
        totals = [*([] if self.stand.total_reported is None else [self.stand.total_reported]), *told]
        return (min(totals) if self.overlap else totals[0]) if totals else None

    @property
    def _has_parent(self) -> bool:
        """Whether a parent's rows are walked: then pages are many and small, and a page's total is that of the parent's rows so far."""
        return self.stand.provenance.parent is not None

    def _put(self, growing: GrowingPart, last: Page, largest: Value | None) -> Checkpoint:
        stand = self.stand
        content, pages = growing.packed(is_folded=self._has_parent)
        part = self.lake.put_part(
            self.layout.part("raw", self.attempt, len(stand.parts) + 1),
            content,
            rows=sum(page.rows for page in growing.pages),
            pages=pages,
            first_row=self.rows,
        )
        failpoint("extract.part")
        total = last.total if self._has_parent else self._total(growing.totals)
        provenance = msgspec.structs.replace(
            stand.provenance, cursor_end=largest, etag=last.etag, modified=last.modified
        )
        warnings = tuple(dict.fromkeys((*stand.warnings, *growing.warnings)))
        checkpoint = Checkpoint(
            (*stand.parts, part), last.next_state, last.number + 1, total, warnings, provenance, stand.walk
        )
        self.lake.put_checkpoint(self.layout, self.attempt, checkpoint)
        failpoint("extract.checkpoint")
        return checkpoint
