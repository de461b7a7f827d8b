"""A replay from beginning to end: plan, seal, commit; and plan anew when somebody else was faster."""

from __future__ import annotations

from dataclasses import dataclass

from esteira.contract import Dataset
from esteira.errors import EsteiraError, WarehouseBusy
from esteira.lake import Lake
from esteira.quarantine import replay
from esteira.quarantine.replay import Replay
from esteira.quarantine.trial import Tally
from esteira.warehouse import Loader, LoadRequest, LoadResult, Warehouse
from esteira.warehouse.reads import settled_batches

TRIES = 5
"""Each time another run has committed the batch meanwhile."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a replay works."""

    lake: Lake
    warehouse: Warehouse
    loader: Loader


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        dataset: The contract, as it is today.
        rule: Only rows that break this one; None means all.
        run, version: For the ledger.
    """

    dataset: Dataset
    rule: str | None = None
    run: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one batch.

    Attributes:
        batch: Its id.
        tally: What became of the rows.
        loaded: The ledger row of the new generation; None when no row passed, or nothing was to be changed.
    """

    batch: str
    tally: Tally
    loaded: LoadResult | None = None


def planned(request: Request, places: Places, batch: str | None = None) -> list[Replay]:
    """The batches that have refused rows, as the ledger stands now.

    Raises:
        ConfigError: The named batch is not in the table.
    """
    entries = settled_batches(places.warehouse, request.dataset.name)
    return replay.plan(request.dataset, entries, places.lake, batch)


def rehearse(request: Request, each: Replay, places: Places) -> Outcome:
    """What a replay would come to; changes nothing."""
    return Outcome(each.batch.id, replay.attempt(request.dataset, each, places.lake, request.rule))


def perform(request: Request, batch: str, places: Places) -> Outcome:
    """Load the rows of a batch that pass now.

    Raises:
        ConfigError: It is not in the table, or its rows do not fit today's columns.
        LoadError: Redshift refuses the rows, or a fold needs batches that are gone from the lake.
        WarehouseBusy: Other runs changed the batch each time; nothing is loaded twice.
    """
    try:
        return _perform(request, batch, places)
    except EsteiraError as exc:
        raise exc.located(dataset=request.dataset.name, batch=batch) from exc.__cause__


def _perform(request: Request, batch: str, places: Places) -> Outcome:
    for _ in range(TRIES):
        found = planned(request, places, batch)
        if not found:
            return Outcome(batch, Tally())
        seal, tally = replay.seal(request.dataset, found[0], places.lake, request.rule)
        if seal is None:
            return Outcome(batch, tally)
        asked = LoadRequest.of_seal(
            request.dataset, found[0].batch, seal, places.lake, run=request.run, version=request.version
        )
        loaded = places.loader.load(asked)
        if loaded.entry.seal_hash == seal.hash:
            return Outcome(batch, tally, loaded)
    raise WarehouseBusy(
        f"Other runs committed this batch each of {TRIES} times while its refused rows were tried.",
        hint="Nothing was loaded twice. Give the same command again when they are done.",
    )
