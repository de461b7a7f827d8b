"""The steps of an erasure, in an order that is safe to die in: the same command again goes on.

Nothing is deleted before the table is without the rows: new raw parts, new curated parts, one transaction for all batches, then the purge.
A process that died before the transaction leaves a generation that nobody reads; one that died after it leaves objects that the next search
finds, or whose tombstones say that their purge was begun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from esteira.contract import Dataset, SpreadsheetSource
from esteira.curate import curate
from esteira.erasure.key import Key
from esteira.erasure.purge import doomed_keys, doomed_pages, doomed_versions, lost_profiles, tombstones
from esteira.erasure.rewrite import rewrite
from esteira.erasure.search import Findings, Found, Search
from esteira.erasure.standing import Standing, standings
from esteira.errors import ConfigError, SealConflict, WarehouseBusy
from esteira.failpoints import failpoint
from esteira.lake import Lake, Seal
from esteira.lake.sweep import Survey, SweptLake, Version
from esteira.rebuild import next_generation
from esteira.warehouse import Loader, LoadRequest, Warehouse, erasures
from esteira.warehouse.erasures import Erasure
from esteira.warehouse.reads import settled_batches


@dataclass(frozen=True, slots=True)
class Places:
    """Where an erasure works.

    Attributes:
        lake: Under the pipeline's role, which writes parts and seals.
        swept: Under the upkeep role, which alone may delete.
        warehouse: For the ledger, the audit and VACUUM.
        loader: Commits the new generations.
    """

    lake: Lake
    swept: SweptLake
    warehouse: Warehouse
    loader: Loader


@dataclass(frozen=True, slots=True)
class Request:
    """Whose rows go, and who is told.

    Attributes:
        dataset: The contract.
        key: Which rows.
        id: Of the person's request: it stands in the audit, in the tombstones and, as the run, in the ledger.
        version: Version of Esteira, for ledger and audit.
        as_of: The run's moment.
    """

    dataset: Dataset
    key: Key
    id: str
    version: str
    as_of: datetime

    @property
    def run(self) -> str:
        """What the ledger says."""
        return f"erase {self.id}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was erased, or would be.

    Attributes:
        rows: Batch to the number of its records that go.
        purged: Batches of which only replaced generations or dead attempts held the key.
        objects: Versions of objects that are deleted.
        unmatched: Records and parts that could not be told.
        is_applied: Whether it was done.
    """

    rows: dict[str, int] = field(default_factory=dict)
    purged: tuple[str, ...] = ()
    objects: int = 0
    unmatched: int = 0
    is_applied: bool = False


@dataclass(frozen=True, slots=True)
class _View:
    """The lake and the ledger at one moment."""

    survey: Survey
    standings: dict[str, Standing]
    committed: frozenset[str]

    @property
    def lost(self) -> frozenset[str]:
        """Committed batches of which parts are gone: whose values their profiles hold cannot be searched."""
        present = frozenset(each.key for each in self.survey.stored)
        seals = {batch: standing.curated for batch, standing in self.standings.items()}
        whole = {batch for batch, seal in seals.items() if seal and {part.key for part in seal.parts} <= present}
        return self.committed - whole

    def touched(self, doomed: Collection[str]) -> frozenset[str]:
        """Batches of which something goes, and the lost ones: their pages may show what goes. Those that were purged before have new pages."""
        going = (each.place for each in self.survey.stored if each.key in doomed)
        return self.lost | {place.batch for place in going if place}


def plan(request: Request, places: Places) -> Report:
    """What an erasure would do; changes nothing.

    Raises:
        ConfigError: The dataset's raw parts are files.
    """
    _refuse_files(request.dataset)
    view = _view(request, places)
    findings = _search(request, places, view)
    affected = {each.standing.batch: each.standing for each in findings.found}
    replaced = {each.standing.batch for each in findings.found if each.positions}
    found = _versions(request, places)
    doomed = doomed_keys(view.survey, affected, replaced) | lost_profiles(view.standings, view.lost)
    versions = doomed_versions(found, doomed | doomed_pages(found, view.touched(doomed)))
    return _report(findings, len(versions), is_applied=False)


def erase(request: Request, places: Places) -> Report:
    """Erase.

    Raises:
        ConfigError: The dataset's raw parts are files.
        SealConflict: Raw parts are gone, or seals and ledger differ; nothing was deleted.
        WarehouseBusy: A run brought rows of the key while this one worked: the same command again takes them too.
    """
    _refuse_files(request.dataset)
    findings = _search(request, places, _view(request, places))
    rows = sum(len(each.positions) for each in findings.found)
    _replace(request, places, [each for each in findings.found if each.positions])
    erasures.clear_copies(places.warehouse, request.dataset.name, request.key.values)
    objects = _purge(request, places, {each.standing.batch for each in findings.found})
    erasures.note(places.warehouse, _audit(request, "objects", len(findings.found), rows, objects))
    erasures.vacuum(places.warehouse, request.dataset.name)
    _check(request, places)
    return _report(findings, objects, is_applied=True)


def _refuse_files(dataset: Dataset) -> None:
    """A workbook that somebody made cannot be written again without a row and be the same otherwise."""
    if isinstance(dataset.source, SpreadsheetSource):
        raise ConfigError(
            "Its raw parts are files, which are kept byte for byte: rows cannot be erased from them.",
            dataset=dataset.name,
            hint="Have the files' owner take the person out and drop them again; then `esteira undo` the batches of the old ones and delete their "
            "objects: docs/operations/erase.md, under files.",
        )


def _view(request: Request, places: Places) -> _View:
    """The ledger is read first: what is settled in it has its seals in any later listing."""
    entries = {entry.batch_id: entry for entry in settled_batches(places.warehouse, request.dataset.name)}
    survey = places.swept.survey(request.dataset.name)
    committed = frozenset(batch for batch, entry in entries.items() if entry.state == "committed")
    return _View(survey, standings(survey, entries), committed)


def _search(request: Request, places: Places, view: _View) -> Findings:
    search = Search(request.dataset, request.key, places.swept, view.survey)
    return search.run(view.standings.values())


def _versions(request: Request, places: Places) -> list[Version]:
    names = places.swept.names(request.dataset.name)
    return [version for name in names for version in places.swept.versions(name)]


def _replace(request: Request, places: Places, found: Iterable[Found]) -> None:
    """New raw parts for all of them; those in the table are curated and committed together."""
    made = [(each, _rewritten(request, places.lake, each)) for each in found]
    loaded = [(each, raw) for each, raw in made if each.standing.is_committed]
    if not loaded:
        return
    requests = [_load_request(request, places.lake, each, raw) for each, raw in loaded]
    rows = sum(len(each.positions) for each, _ in loaded)
    places.loader.rebuild(requests, accept_loss=True, erasure=_audit(request, "rows", len(loaded), rows, 0))


def _rewritten(request: Request, lake: Lake, found: Found) -> Seal:
    standing, name = found.standing, request.dataset.name
    if standing.raw is None:
        raise SealConflict(
            "The raw parts of a batch that holds the key are no longer in the lake.",
            dataset=name,
            batch=standing.batch,
            hint="Nothing was deleted. Have the source erase first, load the batch again --from portal, then erase again.",
        )
    settled = standing.entry.generation if standing.entry else 0
    generation = next_generation(name, standing.batch, settled, lake)
    return rewrite(request.dataset, standing.raw, generation, found.positions, request.key.texts, lake)


def _load_request(request: Request, lake: Lake, found: Found, raw: Seal) -> LoadRequest:
    entry, dataset = found.standing.entry, request.dataset
    assert entry is not None  # noqa: S101 - only committed batches are loaded
    seal = curate(dataset, raw, lake=lake, generation=raw.generation, is_limited=False)
    asked = LoadRequest.of_seal(dataset, entry.batch(dataset), seal, lake, run=request.run, version=request.version)
    return replace(asked, is_standing=True)


def _purge(request: Request, places: Places, batches: set[str]) -> int:
    """Delete what held the rows, from a new look at lake and ledger; returns how many versions."""
    view, swept = _view(request, places), places.swept
    affected = {batch: standing for batch, standing in view.standings.items() if batch in batches}
    erasures.forget_profiles(places.warehouse, request.dataset.name, view.lost)
    doomed = doomed_keys(view.survey, affected) | lost_profiles(view.standings, view.lost)
    for zone, layout, stone in tombstones(view.survey, affected, doomed, request.id, request.as_of):
        swept.put_tombstone(zone, layout, stone)
    failpoint("erase.purge")
    found = _versions(request, places)
    versions = doomed_versions(found, doomed | doomed_pages(found, view.touched(doomed)))
    swept.delete_versions(versions)
    return len(versions)


def _check(request: Request, places: Places) -> None:
    left = _search(request, places, _view(request, places)).holding
    rows = erasures.rows_with(places.warehouse, request.dataset.name, request.key.values)
    exports = places.swept.exports(request.dataset.name)
    if left or rows or exports:
        raise WarehouseBusy(
            f"{len(left)} batches and {rows} rows of the table hold the key again, and {len(exports)} exported files may: a run brought them meanwhile.",
            dataset=request.dataset.name,
            hint="Have the source erase, pause the dataset's runs, and give the same command again.",
        )


def _audit(request: Request, step: str, batches: int, rows: int, objects: int) -> Erasure:
    key = request.key
    return Erasure(
        dataset=request.dataset.name, request=request.id, columns=key.columns, digest=key.digest(request.id), step=step,
        batches=batches, rows=rows, objects=objects, run=request.run, version=request.version, key=key.values,
    )  # fmt: skip


def _report(findings: Findings, objects: int, *, is_applied: bool) -> Report:
    rows = {each.standing.batch: len(each.positions) for each in findings.found if each.positions}
    purged = tuple(each.standing.batch for each in findings.holding if not each.positions)
    return Report(rows, purged, objects, findings.unmatched, is_applied)
