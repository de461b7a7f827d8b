"""Batches that are files: what waits in an inbox or is new at a portal, to the ledger row; what cannot be taken, back to who dropped it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from prefect import get_run_logger

from esteira.contract import Dataset, Inbox, Listing, Replace, SpreadsheetSource
from esteira.errors import ConfigError, DataQualityError, EsteiraError, PermanentError, SpreadsheetError
from esteira.extraction.ahead import Extracted
from esteira.extraction.files import sealed_file
from esteira.extraction.known import later_than
from esteira.file_batch import file_batch, is_about
from esteira.lake import Seal
from esteira.lake.inbox import Drop
from esteira.portal.files import Listed
from esteira.reception import Refusal, refusal_of
from esteira.reception.routing import refusal_by_name
from esteira.warehouse import LedgerEntry
from flows.batches import BatchReport, curate_and_load, published, timed
from tasks import counted_attempt
from tasks.announce import announce_failure
from tasks.files import find_files, keep_fixed, keep_listed, remember_listed
from tasks.inbox import find_drops, find_entries, keep_drop, reject_drop, remove_drop

T = TypeVar("T")
_REJECTED_HINT = (
    "Nothing was loaded. The file and the reason lie in inbox-rejected/; who dropped it corrects it and drops it again."
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A drop that went back, and why; `reason_key` is the text beside it."""

    drop: Drop
    refusal: Refusal
    reason_key: str


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run goes about its steps.

    Attributes:
        policy: Retries of a step.
        max_attempts: Failed attempts after which a batch is given up; 0 never gives up.
        as_of: The run's moment, which is that of a file that tells none.
        span: Only files whose windows begin in it; the others wait.
    """

    policy: dict[str, Any]
    max_attempts: int
    as_of: datetime
    span: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file in raw, and what the ledger says of its batch and of the others."""

    raw: Seal
    entries: tuple[LedgerEntry, ...]
    seconds: dict[str, float]

    @property
    def entry(self) -> LedgerEntry | None:
        return next((entry for entry in self.entries if entry.batch_id == self.raw.batch), None)


def take_files(dataset: Dataset, terms: Terms) -> list[BatchReport | Rejected]:
    """Whatever waits of a dataset of files, oldest first. A file that is refused does not stop the others.

    Raises:
        ConfigError: A span chooses among files, and the portal has one at a fixed address.
        EsteiraError: The first that is no refusal of a drop, when the other files are through.
    """
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - the flow asks for datasets of files only
    if isinstance(dataset.source.origin, Inbox):
        return _take_waiting(dataset, terms)
    if isinstance(dataset.source.origin, Listing):
        return list(_take_listed(dataset, terms))
    if terms.span is not None:
        raise ConfigError(
            "--start and --end choose files by their dates, and this dataset's file stands at a fixed address.",
            hint=f"Without them the file is taken if it is another. An earlier one: `esteira ingest {dataset.name} --from raw`.",
        )
    return list(_take_fixed(dataset, terms))


def take_drop(dataset: Dataset, drop: Drop, terms: Terms) -> BatchReport | Rejected | None:
    """One drop into the table, or back; None when another run took it meanwhile.

    Each step can be done again: raw is adopted by its seal, the load asks the ledger, and the drop leaves the inbox last.
    """
    refusal = refusal_by_name(dataset, drop.name, drop.size_bytes)
    if refusal is not None:
        return reject(drop, refusal, terms, dataset)
    try:
        return _take(dataset, drop, terms)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset)
        found = refusal_of(exc)
        if found is None:
            raise
        return _given_back(drop, found, terms, dataset.owner)


def reject(drop: Drop, refusal: Refusal, terms: Terms, dataset: Dataset | None = None) -> Rejected:
    """Give a drop back, and tell operations."""
    announce_failure(SpreadsheetError(f"{drop.place}: {refusal.sentence}", hint=_REJECTED_HINT), dataset)
    return _given_back(drop, refusal, terms, dataset.owner if dataset else "")


def _given_back(drop: Drop, refusal: Refusal, terms: Terms, owner: str) -> Rejected:
    return Rejected(drop, refusal, reject_drop.with_options(**terms.policy)(drop, refusal, owner))


def _take_waiting(dataset: Dataset, terms: Terms) -> list[BatchReport | Rejected]:
    waiting = _announced(dataset, partial(find_drops.with_options(**terms.policy), dataset))
    drops = [each for each in waiting if is_about(dataset, each.name, each.moment, terms.span)]
    if not drops:
        get_run_logger().info("%s: %s files wait in the inbox, none to be taken now", dataset.name, len(waiting))
    taken = (take_drop(dataset, drop, terms) for drop in drops)
    return [each for each in taken if each is not None]


def _take(dataset: Dataset, drop: Drop, terms: Terms) -> BatchReport | Rejected | None:
    seconds: dict[str, float] = {}
    raw = timed(seconds, "extract", lambda: keep_drop.with_options(**terms.policy)(dataset, drop))
    if raw is None:
        get_run_logger().info("%s was taken by another run, or taken back", drop.key)
        return None
    kept = _kept(raw, seconds, terms)
    refusal = _refused_by_ledger(dataset, drop, kept)
    if refusal is not None:
        return reject(drop, refusal, terms, dataset)
    report = _load(dataset, kept, terms)
    remove_drop.with_options(**terms.policy)(drop)
    return report


def _refused_by_ledger(dataset: Dataset, drop: Drop, kept: _Kept) -> Refusal | None:
    """Why bytes that are settled are not taken again; those of a run that died behind its commit only have to leave the inbox."""
    entry = kept.entry
    if entry is None:
        return None
    if entry.state in {"undone", "given_up"}:
        return Refusal("undone" if entry.state == "undone" else "given_up", f"Batch {entry.batch_id}: {entry.reason}")
    later = _later(dataset, kept)
    if later is None or sealed_file(kept.raw).place == drop.place:
        return None
    return Refusal("older", f"Batch {entry.batch_id} stands below batch {later.batch_id}.")


def _later(dataset: Dataset, kept: _Kept) -> LedgerEntry | None:
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - as above
    if kept.entry is None or kept.entry.state != "committed":
        return None
    return later_than(kept.entry, kept.entries, has_period=dataset.source.period is not None)


def _take_listed(dataset: Dataset, terms: Terms) -> Iterable[BatchReport]:
    found = _announced(dataset, partial(find_files.with_options(**terms.policy), dataset))
    begun = (partial(_loaded, dataset, {}, raw, terms) for raw in found.begun if _is_wanted(dataset, raw, terms))
    new = (
        partial(_listed, dataset, each, terms)
        for each in found.new
        if is_about(dataset, each.name, each.changed, terms.span)
    )
    return _each(dataset, [*begun, *new])


def _is_wanted(dataset: Dataset, raw: Seal, terms: Terms) -> bool:
    file = sealed_file(raw)
    return is_about(dataset, file.name, file.moment, terms.span)


def _listed(dataset: Dataset, listed: Listed, terms: Terms) -> BatchReport:
    seconds: dict[str, float] = {}
    raw = timed(seconds, "extract", lambda: keep_listed.with_options(**terms.policy)(dataset, listed))
    report = _loaded(dataset, seconds, raw, terms, listed)
    if not report.is_new:
        remember_listed.with_options(**terms.policy)(dataset, listed, raw)
    return report


def _take_fixed(dataset: Dataset, terms: Terms) -> Iterable[BatchReport]:
    seconds: dict[str, float] = {}

    def take() -> BatchReport | None:
        raw = timed(seconds, "extract", lambda: keep_fixed.with_options(**terms.policy)(dataset, terms.as_of))
        if raw is None:
            get_run_logger().info("%s: the portal has no other file than the one in the table", dataset.name)
            return None
        return _loaded(dataset, seconds, raw, terms)

    return [each for each in _each(dataset, [take]) if each is not None]


def _announced(dataset: Dataset, step: Callable[[], T]) -> T:
    """A step before any file is at hand: operations hear of its failure too."""
    try:
        return step()
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset)
        raise


def _each(dataset: Dataset, takes: Iterable[Callable[[], T]]) -> list[T]:
    """One file after the other; what is wrong with one for good does not stop the next, and is raised in the end."""
    done, errors = list[T](), list[EsteiraError]()
    for take in takes:
        try:
            done.append(take())
        except EsteiraError as exc:
            announce_failure(exc.located(dataset=dataset.name), dataset)
            if not isinstance(exc, PermanentError):
                raise
            errors.append(exc)
    if errors:
        raise errors[0]
    return done


def _loaded(
    dataset: Dataset, seconds: dict[str, float], raw: Seal, terms: Terms, listed: Listed | None = None
) -> BatchReport:
    """A portal's file into the table. A listed one keeps its first date, so that it matters only to `Replace` which one is listed as the newest.

    Raises:
        DataQualityError: The portal serves bytes that an earlier batch brought, and the table shows a later one's.
    """
    kept = _kept(raw, seconds, terms)
    later = _later(dataset, kept)
    if later is not None and _is_contradicted(dataset, later, listed):
        raise DataQualityError(
            f"The portal serves again the file that this batch brought, and batch {later.batch_id}, which came later, stands above it in the table.",
            batch=raw.batch,
            hint=f"If the portal took its newer file back, take it out: `esteira undo {later.batch_id} --dataset {dataset.name}`.",
        )
    return _load(dataset, kept, terms)


def _is_contradicted(dataset: Dataset, later: LedgerEntry, listed: Listed | None) -> bool:
    """Whether the table shows another file than the one that the portal serves as its newest."""
    return listed is None or (isinstance(dataset.write, Replace) and listed.changed >= later.window_end)


def _kept(raw: Seal, seconds: dict[str, float], terms: Terms) -> _Kept:
    return _Kept(raw, tuple(find_entries.with_options(**terms.policy)(raw.dataset)), seconds)


def _load(dataset: Dataset, kept: _Kept, terms: Terms) -> BatchReport:
    """A file in raw into the table, unless it is there."""
    batch = file_batch(dataset, sealed_file(kept.raw))
    if kept.entry is not None and kept.entry.state == "committed":
        get_run_logger().info("%s %s: these bytes are in the table already", dataset.name, batch.id)
        return BatchReport(batch, kept.entry, is_new=False, seconds=kept.seconds)
    with counted_attempt(batch, terms.max_attempts, terms.policy):
        result = curate_and_load(dataset, batch, Extracted(kept.raw, None), terms.policy, kept.seconds)
    return published(dataset, batch, result, kept.seconds, terms.as_of)
