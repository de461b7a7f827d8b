"""A dataset without Prefect: what is due, with the same seals, ledger, locks and attempts as the flow `ingest`.

Owns the order of the steps where no orchestrator is. No step is tried again here: whoever started the process starts it again, and it goes on
where it stopped. Nobody is told but by the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from esteira import giving_up
from esteira.batch import Batch, Known, plan_due
from esteira.contract import Dataset, Inbox, SpreadsheetSource
from esteira.curate import curate
from esteira.errors import ConfigError, DataQualityError, EsteiraError
from esteira.extraction.ahead import Extracted, extract_ahead
from esteira.extraction.beginning import Unchanged, begin
from esteira.extraction.files import sealed_file
from esteira.file_batch import file_batch
from esteira.lake import Lake, Seal
from esteira.lake.inbox import Drop, DropZone
from esteira.observe.standing import put_standing
from esteira.portal import Portal
from esteira.reception import refusal_of
from esteira.reception.routing import refusal_by_name
from esteira.reception.taking import keep, newer_in_table
from esteira.warehouse import Loader, LoadRequest, LoadResult, SettleRequest, Warehouse
from esteira.warehouse.reads import settled_batches, standing
from esteira.warehouse.states import read_hold

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is.

    Attributes:
        lake, warehouse, loader: Of the stage.
        open_portal: A portal by the names of its block and of the dataset.
    """

    lake: Lake
    warehouse: Warehouse
    loader: Loader
    open_portal: Callable[[str, str], Portal]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run goes about it.

    Attributes:
        as_of: The run's moment.
        max_attempts: Failed attempts after which a batch is given up; 0 never gives up.
        run, version: For the ledger.
    """

    as_of: datetime
    max_attempts: int
    run: str
    version: str


def load_due(dataset: Dataset, places: Places, terms: Terms) -> list[LoadResult]:
    """Load what is due, oldest first; nothing where the dataset is paused.

    Raises:
        ConfigError: The dataset is retired, or its files come from a portal.
        EsteiraError: The first that stops a batch.
    """
    if dataset.retired:
        raise ConfigError("Its contract says retired=True, so nothing is loaded.", dataset=dataset.name)
    hold = read_hold(places.warehouse, dataset)
    if hold is not None:
        logger.warning("%s is %s: nothing is loaded", dataset.name, hold)
        return []
    run = _Run(dataset, places, terms)
    try:
        return list(run.files() if isinstance(dataset.source, SpreadsheetSource) else run.windows())
    except EsteiraError as exc:
        raise exc.located(dataset=dataset.name) from exc.__cause__
    finally:
        _note(dataset, places)


def _note(dataset: Dataset, places: Places) -> None:
    """How far the dataset is loaded now: whoever started this run because its age was an alarm sees the alarm end."""
    try:
        watermark = standing(places.warehouse, dataset.name).watermark
        if watermark is not None:
            put_standing(places.lake, dataset, watermark)
    except EsteiraError as exc:
        logger.warning("%s: how far it is loaded is not noted: %s", dataset.name, exc)


@dataclass(frozen=True, slots=True)
class _Run:
    dataset: Dataset
    places: Places
    terms: Terms

    def windows(self) -> Iterator[LoadResult]:
        """Each window that is due, when those before it are loaded."""
        stand = standing(self.places.warehouse, self.dataset.name)
        opened = tuple(batch for batch in self.places.lake.batches(self.dataset.name) if batch not in stand.settled)
        for due in plan_due(self.dataset, self.terms.as_of, Known(stand.watermark, stand.settled, opened)):
            if due.is_skipped:
                self._settle(due.batch, "It was missed, and catch_up in the contract says not to load it.", "skipped")
            else:
                yield self._window(due.batch)

    def files(self) -> Iterator[LoadResult]:
        """Each file that waits in the inbox. What cannot be taken stays there, for the run that can write a letter."""
        assert isinstance(self.dataset.source, SpreadsheetSource)  # noqa: S101 - `load_due` asked
        if not isinstance(self.dataset.source.origin, Inbox):
            raise ConfigError(
                "Without Prefect only files of the inbox are loaded, and this dataset's come from a portal.",
                hint="Download the file and drop it for a dataset of the inbox, or bring Prefect back.",
            )
        refused = []
        for drop in DropZone(self.places.lake).waiting(self.dataset.name):
            try:
                found = self._file(drop)
            except EsteiraError as exc:
                if refusal_of(exc) is None:
                    raise
                logger.error("%s waits on: %s", drop.place, exc)  # noqa: TRY400 - the run goes on, and ends with one error
                refused.append(drop.place)
            else:
                yield from [found] if found else []
        if refused:
            raise DataQualityError(
                f"{len(refused)} files could not be taken and wait in the inbox, the first: {refused[0]}.",
                hint="The log has the reason of each. The next run under Prefect gives them back with a letter.",
            )

    def _window(self, batch: Batch) -> LoadResult:
        lake, name = self.places.lake, self.dataset.name
        with self._attempt(batch):
            portal = self.places.open_portal(self.dataset.api.portal, name)
            beginning = begin(self.dataset, batch, 1, lambda each: settled_batches(self.places.warehouse, each), lake)
            got = extract_ahead(self.dataset, batch, portal=portal, lake=lake, beginning=beginning)
            if got is None:
                assert isinstance(beginning.known, Unchanged)  # noqa: S101 - only then the portal was asked under a condition
                return self._settle(batch, beginning.known.reason, "unchanged")
            return self._load(batch, got)

    def _file(self, drop: Drop) -> LoadResult | None:
        refusal = refusal_by_name(self.dataset, drop.name, drop.size_bytes)
        if refusal is not None:
            raise DataQualityError(refusal.sentence)
        raw = keep(self.dataset, drop, self.places.lake)
        if raw is None:
            return None
        batch = file_batch(self.dataset, sealed_file(raw))
        self._refuse_settled(drop, raw)
        with self._attempt(batch):
            result = self._load(batch, Extracted(raw, None))
        DropZone(self.places.lake).remove(drop)
        return result

    def _refuse_settled(self, drop: Drop, raw: Seal) -> None:
        """A person hears first of bytes that were taken out or given up, or that stand below a newer file's."""
        entries = settled_batches(self.places.warehouse, self.dataset.name)
        entry = next((each for each in entries if each.batch_id == raw.batch), None)
        if entry is None:
            return
        if entry.state != "committed" or newer_in_table(self.dataset, drop, raw, entries) is not None:
            raise DataQualityError(f"Its bytes are batch {raw.batch}, which is {entry.state} and not the newest.")

    def _load(self, batch: Batch, got: Extracted) -> LoadResult:
        lake, terms = self.places.lake, self.terms
        seal = curate(self.dataset, got.raw, lake=lake, ahead=got.ahead)
        request = LoadRequest.of_seal(self.dataset, batch, seal, lake, run=terms.run, version=terms.version)
        result = self.places.loader.load(request)
        logger.info("%s: %s", batch.name, "committed" if result.is_new else "was committed before")
        return result

    def _settle(self, batch: Batch, reason: str, state: Literal["given_up", "unchanged", "skipped"]) -> LoadResult:
        terms = self.terms
        return self.places.loader.settle(SettleRequest(batch, reason, state, run=terms.run, version=terms.version))

    @contextmanager
    def _attempt(self, batch: Batch) -> Iterator[None]:
        """Counted like any other, so that a batch that kills its process is given up in the end."""
        lake = self.places.lake
        failed = giving_up.counted(lake.attempts(batch.dataset, batch.id))
        if self.terms.max_attempts and len(failed) >= self.terms.max_attempts:
            self._settle(batch, giving_up.reason(failed), "given_up")
            raise giving_up.given_up(batch, failed)
        note = lake.begin_attempt(batch.dataset, batch.id)
        try:
            yield
        except BaseException as exc:
            lake.end_attempt(batch.dataset, batch.id, giving_up.ended(note, exc))
            raise
        lake.end_attempt(batch.dataset, batch.id, giving_up.ended(note, None))
