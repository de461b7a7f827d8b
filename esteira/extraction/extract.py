"""Step one: pages of the portal into sealed raw parts, resuming at the page after the last stored part."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import closing

import msgspec

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.errors import ContractError, DataQualityError, EsteiraError, PayloadError, TransientError
from esteira.extraction.beginning import Beginning
from esteira.extraction.cursor import watch_of
from esteira.extraction.parents import ParentRows, open_parent, stands
from esteira.extraction.part import GrowingPart
from esteira.extraction.store import Follower, OnProgress, Store
from esteira.failpoints import failpoint
from esteira.lake import Checkpoint, Lake, Layout, Provenance, Seal
from esteira.portal import Asked, Page, Portal, SoFar
from esteira.raw import stored_pages

logger = logging.getLogger(__name__)


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
        follower: Hears of every record that this call fetches; of those that an earlier attempt stored it hears first, or else of none.
        beginning: Which loading of the batch, and what the ledger says; an earlier attempt's checkpoint holds what it said then.

    Raises:
        PayloadError: The portal's total and what arrived differ.
        DataQualityError: Fewer rows than the contract's floor.
        SourceUnavailable: The portal does not answer within the budget; parts so far are kept.
        ContractError: What the follower says of a record; parts so far are kept.
    """
    try:
        generation, sealed = lake.find_standing("raw", batch.dataset, batch.id, beginning.generation)
        if sealed:
            return sealed
        layout = Layout(batch.dataset, batch.id, generation)
        stand = _resumed(lake.find_checkpoint(layout), beginning, lake)
        if (
            stand.parts
            and follower
            and not follower.catch_up(stand.parts, stored_pages(stand.parts, dataset.api, lake))
        ):
            follower = None
        known = beginning.known.headers if beginning.known and not stand.parts else {}
        overlap = getattr(dataset.api.paginator, "overlap", 0)
        store = Store(layout, lake, stand, overlap=overlap, on_progress=on_progress, follower=follower)
        return _Extraction(dataset, batch, store, portal, known).run()
    except EsteiraError as exc:
        raise exc.located(dataset=batch.dataset, batch=batch.id) from exc.__cause__


def _resumed(found: Checkpoint | None, beginning: Beginning, lake: Lake) -> Checkpoint:
    """The checkpoint to go on from: an earlier attempt's, or an empty one where there is none, or where the parent that it walked was purged since."""
    fresh = Checkpoint(
        (), None, 1, None, provenance=Provenance(cursor_start=beginning.cursor_start, parent=beginning.parent)
    )
    parent = found.provenance.parent if found else None
    if found is None or parent is None or stands(parent, lake):
        return found or fresh
    logger.warning("%s %s is not in the lake any more: its children are asked for anew", parent.dataset, parent.batch)
    return msgspec.structs.replace(fresh, walk=found.walk + 1)


class _Extraction:
    """One attempt: collects pages until a part is full, and seals when the last is stored."""

    def __init__(
        self, dataset: Dataset, batch: Batch, store: Store, portal: Portal, conditions: Mapping[str, str]
    ) -> None:
        self._dataset, self._batch, self._store, self._portal = dataset, batch, store, portal
        self._conditions = conditions
        self._watch = watch_of(dataset.api, batch.window.end, store.stand.provenance.cursor_end)

    def run(self) -> Seal | None:
        try:
            is_known = self._collect()
            self._store.wait()
        except PayloadError:
            if self._store.overlap:  # rows moved by more than was read again
                self._store.begin_anew()
            raise
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
        """Collect pages into parts. Where the portal breaks off, the pages that arrived are stored, so that the next attempt goes on behind them.

        Returns whether the portal only said that its answer is the known one.
        """
        growing, page = GrowingPart(), None
        with closing(self._pages()) as pages:
            try:
                for page in pages:
                    if page.is_known:
                        return True
                    self._watch.see(page.body, page.records, page.number)
                    growing.add(page)
                    self._store.follow(page)
                    if page.next_state is None or growing.is_full(self._dataset.api.pages_per_part):
                        self._store.put(growing, page, self._watch.largest)
                        growing = GrowingPart()
            except (TransientError, ContractError):
                if page is not None and growing.pages:
                    self._store.put(growing, page, self._watch.largest)
                raise
        return False

    def _pages(self) -> Generator[Page]:
        stand = self._store.stand
        if stand.parts and stand.next_state is None:
            return
        yield from self._portal.pages(
            self._dataset.api,
            None if self._batch.is_snapshot else self._batch.window,
            asked=Asked(stand.provenance.cursor_start, self._parents(), self._conditions),
            state=stand.next_state,
            number=stand.next_page,
            so_far=SoFar(self._store.rows, stand.total_reported),
        )

    def _parents(self) -> ParentRows | None:
        found = self._store.stand.provenance.parent
        return None if found is None else open_parent(found, self._dataset.source.parent_columns, self._store.lake)

    def _new_seal(self) -> Seal:
        stand = self._store.stand
        return Seal(
            dataset=self._batch.dataset,
            batch=self._batch.id,
            attempt=self._store.attempt,
            parts=stand.parts,
            extracted=self._store.rows,
            total_reported=stand.total_reported if self._is_total() else None,
            warnings=stand.warnings,
            generation=self._store.layout.generation,
            provenance=stand.provenance,
        )

    def _is_total(self) -> bool:
        """Whether the seal may hold the portal's total. Where pages overlap it is only a lower bound of the rows that must arrive."""
        return not self._store.overlap or self._store.stand.total_reported == self._store.rows

    def _check_counts(self) -> None:
        total, rows, floor = self._store.stand.total_reported, self._store.rows, self._dataset.quality.min_rows
        is_short = total is not None and rows < total
        if is_short or (total is not None and total != rows and not self._store.overlap):
            raise PayloadError(
                f"The portal reports {total} rows for this window and delivered {rows} on {self._store.stand.next_page - 1} pages.",
                hint="Rows may have changed while they were read: run again, and all of it is asked for anew. If it repeats, check the paginator and the "
                "total's path.",
            )
        if rows < floor:
            raise DataQualityError(
                f"The portal delivered {rows} rows; the contract's floor (min_rows) is {floor}.", hint=_FLOOR_HINT
            )


_FLOOR_HINT = "Nothing was loaded and the watermark stands. Ask the portal's owner whether the window is really empty; if so, lower min_rows."
