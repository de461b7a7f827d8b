"""Step one: pages of the portal into sealed raw parts, resuming at the page after the last stored part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.errors import DataQualityError, EsteiraError, PayloadError
from esteira.failpoints import failpoint
from esteira.lake import Checkpoint, Lake, Layout, PagePointer, Seal
from esteira.portal import Page, Portal

ZSTD_LEVEL = 1
"""Raw JSON shrinks about tenfold at level 1; higher levels cost more CPU than the bytes they save."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an extraction is; `total` is the portal's own figure, or None."""

    pages: int
    rows: int
    total: int | None


OnProgress = Callable[[Progress], None]


def extract(
    dataset: Dataset,
    batch: Batch,
    *,
    portal: Portal,
    lake: Lake,
    on_progress: OnProgress | None = None,
    generation: int = 1,
) -> Seal:
    """Bring a batch into raw and seal it as a generation; returns the seal that stands, ours or an earlier one.

    Raises:
        PayloadError: The portal's total and what arrived differ.
        DataQualityError: Fewer rows than the contract's floor.
        SourceUnavailable: The portal does not answer within the budget; parts so far are kept.
    """
    try:
        generation, sealed = lake.find_standing("raw", batch.dataset, batch.id, generation)
        layout = Layout(batch.dataset, batch.id, generation)
        return sealed or _Extraction(dataset, batch, layout, portal, lake, on_progress).run()
    except EsteiraError as exc:
        raise exc.located(dataset=batch.dataset, batch=batch.id) from exc.__cause__


class _Extraction:
    """One attempt: collects pages until a part is full, stores it, remembers where it stands."""

    def __init__(
        self,
        dataset: Dataset,
        batch: Batch,
        layout: Layout,
        portal: Portal,
        lake: Lake,
        on_progress: OnProgress | None,
    ) -> None:
        self._dataset, self._batch, self._portal, self._lake = dataset, batch, portal, lake
        self._layout = layout
        self._attempt = lake.new_attempt()
        self._on_progress = on_progress or (lambda _: None)
        self._stand = lake.find_checkpoint(self._layout) or Checkpoint((), None, 1, None)

    def run(self) -> Seal:
        for pages in self._groups():
            self._store(pages)
        return self._seal()

    def _groups(self) -> Iterator[list[Page]]:
        if self._stand.parts and self._stand.next_state is None:
            return
        window = None if self._batch.is_snapshot else self._batch.window
        pages = self._portal.pages(
            self._dataset.source, window, state=self._stand.next_state, number=self._stand.next_page
        )
        group: list[Page] = []
        for page in pages:
            group.append(page)
            if len(group) == self._dataset.source.pages_per_part or page.next_state is None:
                yield group
                group = []

    def _store(self, pages: list[Page]) -> None:
        number = len(self._stand.parts) + 1
        part = self._lake.put_part(
            self._layout.part("raw", self._attempt, number),
            pa.Codec("zstd", ZSTD_LEVEL).compress(b"".join(page.body for page in pages), asbytes=True),
            rows=sum(len(page.records) for page in pages),
            pages=tuple(PagePointer(page.number, len(page.body), len(page.records)) for page in pages),
            first_row=self._rows,
        )
        failpoint("extract.part")
        last = pages[-1]
        total = last.total if self._stand.total_reported is None else self._stand.total_reported
        self._stand = Checkpoint((*self._stand.parts, part), last.next_state, last.number + 1, total)
        self._lake.put_checkpoint(self._layout, self._attempt, self._stand)
        failpoint("extract.checkpoint")
        self._on_progress(Progress(last.number, self._rows, total))

    def _seal(self) -> Seal:
        self._check_counts()
        seal = self._lake.put_seal("raw", self._new_seal())
        failpoint("extract.seal")
        return seal

    def _new_seal(self) -> Seal:
        facts: dict[str, Any] = {
            "parts": self._stand.parts,
            "extracted": self._rows,
            "total_reported": self._stand.total_reported,
            "generation": self._layout.generation,
        }
        return Seal(dataset=self._batch.dataset, batch=self._batch.id, attempt=self._attempt, **facts)

    def _check_counts(self) -> None:
        total, floor = self._stand.total_reported, self._dataset.quality.min_rows
        if total is not None and total != self._rows:
            raise PayloadError(
                f"The portal reports {total} rows for this window and delivered {self._rows} on {self._stand.next_page - 1} pages.",
                hint="Rows may have changed while they were read: run again. If it repeats, check the paginator and the total's path.",
            )
        if self._rows < floor:
            raise DataQualityError(
                f"The portal delivered {self._rows} rows; the contract's floor (min_rows) is {floor}.", hint=_FLOOR_HINT
            )

    @property
    def _rows(self) -> int:
        return sum(part.rows for part in self._stand.parts)


_FLOOR_HINT = "Nothing was loaded and the watermark stands. Ask the portal's owner whether the window is really empty; if so, lower min_rows."
