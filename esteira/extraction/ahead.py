"""Curating a batch while it is still being extracted (decision 8).

Nothing is sealed here, and one error only is reported from here: a new column that the contract refuses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.curation import Chunks, Curation, Records
from esteira.errors import ContractError
from esteira.extraction.beginning import Beginning
from esteira.extraction.extract import extract
from esteira.extraction.store import OnProgress
from esteira.gathered import CuratedParts
from esteira.in_order import InOrder
from esteira.lake import Lake, Layout, Part, Seal
from esteira.portal import Portal

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Ahead:
    """A curation in a thread of its own, at most one chunk behind.

    When it fails it stops taking records: the step that curates meets the same error, with the raw parts sealed. A new column that the contract
    refuses ends the extraction as well: what a whole window brings would be refused too.

    Args:
        curation: An attempt that nobody else feeds.
        is_strict: Whether the contract refuses new columns.
    """

    def __init__(self, curation: Curation, *, is_strict: bool = False) -> None:
        self._curation, self._is_strict = curation, is_strict
        self._chunks = Chunks()
        self._working = InOrder[None]("esteira-curate")
        self._parts: list[Part] = []
        self._is_on = True

    def add(self, records: Records, size_bytes: int) -> None:
        """Take a page's records; waits while an earlier chunk is still in work.

        Args:
            records: In the order of the batch, from its first record on.
            size_bytes: Size of the page.

        Raises:
            ContractError: The source has a column that the contract refuses.
        """
        if self._is_on and self._is_strict and self._working.is_idle:
            self._guarded(self._working.wait, is_strict=True)
        if self._is_on:
            for chunk in self._chunks.add(records, size_bytes):
                self._work(chunk)

    def catch_up(self, parts: Sequence[Part], pages: Iterable[tuple[Records, int]]) -> bool:
        """Take what an earlier attempt stored, where the next page need not be asked for if that has drifted; whether it was taken.

        Args:
            parts: The raw parts.
            pages: Their pages' records and sizes, read when they are wanted.
        """
        if not self._is_strict:
            return False
        for records, size_bytes in pages:
            self.add(records, size_bytes)
        self._parts.extend(parts)
        return True

    def stored(self, part: Part) -> None:
        """Hear that the records up to here are stored as a raw part."""
        self._parts.append(part)

    def finish(self) -> CuratedParts | None:
        """What was curated of all records, or None when something failed."""
        if self._is_on and self._chunks.rest():
            self._guarded(lambda: self._working.run(self._curation.add, self._chunks.rest()))
        return self._guarded(self._closed) if self._is_on else None

    def stop(self) -> None:
        """End the thread and throw away what is not stored."""
        self._working.stop()
        self._curation.abort()

    def _work(self, chunk: Records) -> None:
        if self._is_on:
            self._guarded(lambda: self._working.run(self._curation.add, chunk), is_strict=self._is_strict)

    def _closed(self) -> CuratedParts:
        self._working.wait()
        return self._curation.close(self._parts)

    def _guarded(self, call: Callable[[], T], *, is_strict: bool = False) -> T | None:
        try:
            return call()
        except Exception as exc:
            self._is_on = False
            if is_strict and isinstance(exc, ContractError):
                raise
            # a defect of a transform too belongs to the step that curates
            logger.info("curated no further while extracting: %s", exc)
            return None


@dataclass(frozen=True, slots=True)
class Extracted:
    """A sealed raw batch, and what was curated of it on the way, when all of it came by."""

    raw: Seal
    ahead: CuratedParts | None


def extract_ahead(
    dataset: Dataset,
    batch: Batch,
    *,
    portal: Portal,
    lake: Lake,
    on_progress: OnProgress | None = None,
    beginning: Beginning = Beginning(),  # noqa: B008 - frozen
) -> Extracted | None:
    """Bring a batch into raw, and curate it meanwhile; None where the portal has nothing new, see `extract`.

    Raises:
        PayloadError, DataQualityError, SourceUnavailable: See `extract`.
        ContractError: The source has a column that the contract refuses; what arrived is stored, and the next attempt goes on behind it.
    """
    layout = Layout(batch.dataset, batch.id, beginning.generation)
    with _curating(dataset, layout, lake) as follower:
        raw = extract(
            dataset, batch, portal=portal, lake=lake, on_progress=on_progress, follower=follower, beginning=beginning
        )
        return Extracted(raw, follower.finish()) if raw else None


@contextmanager
def _curating(dataset: Dataset, layout: Layout, lake: Lake) -> Iterator[Ahead]:
    """A curation to feed; its threads end with the block."""
    ahead = Ahead(Curation(dataset, layout, lake), is_strict=dataset.new_columns == "fail")
    try:
        yield ahead
    finally:
        ahead.stop()
