"""What becomes of batches and datasets, as events with the dataset as their resource; automations turn them into messages.

Each event is emitted each time. Whether people are told, and who, is a label of it: an incident is told once, and once more when it is over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from prefect import runtime

from blocks import incidents, open_lake, open_warehouse
from blocks.incidents import NO_CHANNEL, Incident, Kind
from esteira.alerts.message import Notice, cause_of, without_values
from esteira.alerts.refusals import Refusals
from esteira.alerts.trend import TRAILING, Counts, counts_of, is_slow, usual_seconds
from esteira.batch import Batch
from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import (
    AuthError,
    ConfigError,
    ContractError,
    DataQualityError,
    EsteiraError,
    GivenUp,
    SpreadsheetError,
    TransientError,
)
from esteira.report.facts import Freshness
from esteira.settings import read_settings
from esteira.warehouse import LedgerEntry, LoadResult
from esteira.warehouse.reads import newest_entries
from tasks.drift import show_drift
from tasks.measure import measure_failed
from tasks.notices import beside_the_work, emit, notify, quietly, with_links

FAILED = "esteira.batch.failed"
"""A batch, or what comes before one, failed for good: retries are used up. Told once an incident.

Payload: error, message, next_step, patch, runbook, run, extracted, quarantined, seconds, last_good_batch, last_good_extracted, difference,
    last_good_seconds.
"""
LOADED = "esteira.batch.loaded"
"""A batch is in the table, or was before (`is_new` false). Told to nobody; what begins or ends with it has events of its own.

Payload: is_new, curated, inserted, updated, unchanged, stale, duplicate, state, extracted, quarantined, seconds, last_good_batch,
    last_good_extracted, difference, last_good_seconds.
"""
QUARANTINED = "esteira.batch.quarantined"
"""Rows of a batch were refused. Told from half of the contract's limit on; over it nothing was loaded (`is_over`).

Payload: quarantined, extracted, share, limit, is_over, rules.
"""
STALE = "esteira.dataset.stale"
"""The newest rows are older than the contract's `freshness` allows; looked at hourly. Told once an incident.

Payload: age, limit, watermark.
"""
SLOW = "esteira.dataset.slow"
"""A batch took more than a minute and more than 3 x the median seconds of the 20 before it. Told once an incident.

Payload: seconds, usual_seconds.
"""
RECOVERED = "esteira.dataset.recovered"
"""What people were told of is over: a batch was loaded, or nothing is left to do.

Payload: over, batches.
"""
NOBODYS = "inbox"
"""Stands for the dataset of a file that is nobody's."""
_UNASKED = (TransientError, AuthError, ConfigError)
"""After these nothing is asked of the lake and the warehouse for the message: it may be they that do not answer."""


def announce_failure(error: EsteiraError, dataset: Dataset | None, kind: Kind = "failed") -> None:
    """Say that something failed, once an incident; never raises.

    Args:
        error: What failed.
        dataset: Whose it is; None for a file that is nobody's, or where its contract cannot be read.
        kind: Which work: a load that succeeds says nothing about a rebuild that failed.
    """
    if dataset and isinstance(error, ContractError):
        show_drift(error, dataset)
    with beside_the_work(f"the failure of {dataset.name if dataset else NOBODYS}"):
        _failure(error, error, dataset, kind)


def announce_defect(error: Exception, name: str) -> None:
    """The same of an exception that is none of ours: people hear of it too, with what they can do."""
    hint = "Open the run's log, and report the traceback: this is a defect of Esteira."
    what = f"{type(error).__name__}, which is none of Esteira's errors; what it says may hold values and is not shown here."
    known = EsteiraError(what, dataset=name, hint=hint)
    with beside_the_work(f"the failure of {name}"):
        _failure(known, error, contract_of(name), "failed")


def contract_of(name: str) -> Dataset | None:
    """None where it cannot be read: what happened to it is told all the same."""
    try:
        return find_dataset(read_settings().datasets, name)
    except EsteiraError:
        return None


def announce_loaded(batch: Batch, result: LoadResult, dataset: Dataset | None, page: str | None) -> None:
    """Say what a batch came to, and whether that ends an incident or begins one; never raises.

    Args:
        batch: What was loaded.
        result: Its ledger row.
        dataset: Its contract; None where the folder has it no longer.
        page: Address of its quality page.
    """
    with beside_the_work(f"{batch.dataset} {batch.id}"):
        entry, owner = result.entry, dataset.owner if dataset else ""
        before = _entries(batch.dataset, batch.id)
        counts = counts_of(before, extracted=entry.extracted, quarantined=entry.quarantined, seconds=entry.seconds)
        told = Notice("", batch.dataset, batch.id, owner=owner, counts=counts)
        emit(LOADED, told, NO_CHANNEL, is_new=result.is_new, **_facts(entry), **counts.facts())
        over: list[Kind] = ["failed", "given_up"]
        if dataset and result.is_new and entry.state == "committed":
            over += [] if _quarantined(dataset, entry, counts, page) else ["quarantine"]
            over += [] if _slow(dataset, entry, before, counts, page) else ["slow"]
            over += [] if Freshness.of(dataset, entry.window_end, datetime.now(UTC)).is_stale else ["stale"]
        announce_recovery(batch.dataset, owner, over, batch.id, counts)


def announce_recovery(
    dataset: str, owner: str, kinds: Collection[Kind], batch: str | None = None, counts: Counts | None = None
) -> None:
    """Say that incidents are over, in one message; nothing where none is open.

    Args:
        dataset: Whose; of the kind `refresh` a BI asset's.
        owner: Who hears of it.
        kinds: Which kinds are over.
        batch: Of this batch and of the dataset as a whole; by default of every batch.
        counts: What the load that ended them came to.
    """
    over = incidents.end(dataset, kinds, batch)
    if not over:
        return
    what = "; ".join(f"{each.what}{f' of {each.batch}' if each.batch else ''}, since {each.since}" for each in over)
    notice = Notice(
        f"{dataset} recovered", dataset, batch or "", what=f"Over: {what}.", counts=counts, owner=owner,
        about="BI asset" if "refresh" in kinds else "Dataset",
    )  # fmt: skip
    notify(
        RECOVERED, with_links(notice), None, over=[each.kind for each in over], batches=[each.batch for each in over]
    )


def announce_well(dataset: Dataset, kind: Kind = "failed") -> None:
    """Say that nothing is left to do of a kind of work, so that no earlier failure of it stands; never raises."""
    with beside_the_work(f"that {dataset.name} is well"):
        announce_recovery(dataset.name, dataset.owner, (kind,))


def announce_stale(dataset: Dataset, age: str, limit: str, watermark: str) -> None:
    """Say that a dataset is older than its contract allows."""
    what = f"Loaded up to {watermark}, {age} ago; the contract allows {limit}."
    notice = Notice(
        f"{dataset.name} is stale: {age} old, {limit} allowed", dataset.name, what=what, owner=dataset.owner,
        cause="Its runs fail, are stuck, are paused, or the portal has nothing new.",
        next_step=f"`esteira status {dataset.name}` shows the last batches; look for its last run, and whether its schedule is paused.",
    )  # fmt: skip
    incident = Incident("stale", dataset.name, what="stale")
    notify(STALE, with_links(notice, "a-dataset-is-stale"), incident, age=age, limit=limit, watermark=watermark)


def _failure(error: EsteiraError, cause: Exception, dataset: Dataset | None, work: Kind) -> None:
    name, owner = (dataset.name, dataset.owner) if dataset else (error.dataset or NOBODYS, "")
    if not _comes_once(error):
        measure_failed(error, name, dataset)
    batch, kind, message = error.batch or "", type(cause).__name__, without_values(error.message, dataset)
    counts = (
        None if dataset is None or isinstance(error, _UNASKED) else quietly(lambda: _counts_so_far(error, name, batch))
    )
    notice = Notice(
        f"{name} {batch} failed: {kind}".replace("  ", " "), name, batch, what=message, cause=cause_of(cause),
        next_step=error.hint, counts=counts, owner=owner, patch=error.patch if isinstance(error, ContractError) else "",
    )  # fmt: skip
    notice = with_links(notice, error.runbook if cause is error else "")
    incident = (
        None
        if _comes_once(error)
        else Incident("given_up" if isinstance(error, GivenUp) else work, name, batch, what=kind)
    )
    facts = {
        "error": kind, "message": message, "next_step": error.hint, "patch": notice.patch, "runbook": error.runbook,
        "run": str(runtime.flow_run.name or ""), **(counts.facts() if counts else {}),
    }  # fmt: skip
    if isinstance(error, DataQualityError) and error.quarantined and dataset:
        _over_limit(error, dataset, notice, incident)
        emit(FAILED, notice, NO_CHANNEL, **facts)  # one message: the other event's
    else:
        notify(FAILED, notice, incident, **facts)


def _comes_once(error: EsteiraError) -> bool:
    """A file that went back to who dropped it does so once, and the next one is another story."""
    return isinstance(error, SpreadsheetError) and not error.batch


def _over_limit(error: DataQualityError, dataset: Dataset, notice: Notice, incident: Incident | None) -> None:
    found = Refusals(error.quarantined, error.extracted, dataset.quality.max_quarantine_ratio, error.refused)
    rules = tuple(f"Rule: {rule}" for rule in found.rules())
    notify(QUARANTINED, replace(notice, more=rules), incident, **found.facts())


def _quarantined(dataset: Dataset, entry: LedgerEntry, counts: Counts, page: str | None) -> bool:
    """An event for any refused row; a message from half of the limit on, for a state that may last over many batches. Whether it does."""
    reasons = quietly(lambda: _reasons(dataset.name, entry), {}) if entry.quarantined else {}
    found = Refusals(entry.quarantined, entry.extracted, dataset.quality.max_quarantine_ratio, reasons)
    if not found.quarantined:
        return False
    notice = Notice(
        f"{dataset.name} {entry.batch_id}: quarantine near its limit", dataset.name, entry.batch_id, what=found.sentence(),
        more=tuple(f"Rule: {rule}" for rule in found.rules()), counts=counts, owner=dataset.owner,
        cause="The portal changed how it writes something, or somebody mistyped; the batch is loaded without these rows.",
        next_step=f"`esteira quarantine {dataset.name} --batch {entry.batch_id} --samples 3` shows them; above the limit nothing would be loaded.",
    )  # fmt: skip
    notice = with_links(notice, "quarantine-is-near-its-limit", page)
    if found.is_near:
        notify(
            QUARANTINED, notice, Incident("quarantine", dataset.name, what="quarantine near its limit"), **found.facts()
        )
    else:
        emit(QUARANTINED, notice, NO_CHANNEL, **found.facts())
    return found.is_near


def _slow(dataset: Dataset, entry: LedgerEntry, before: list[LedgerEntry], counts: Counts, page: str | None) -> bool:
    """A message, where the batch took far longer than usual. Whether it did."""
    usual = usual_seconds(before)
    if entry.seconds is None or usual is None or not is_slow(entry.seconds, usual):
        return False
    notice = Notice(
        f"{dataset.name} {entry.batch_id} was slow: {entry.seconds:,.0f} s, usually {usual:,.0f} s", dataset.name, entry.batch_id,
        what=f"{entry.seconds:,.0f} s; the median of the {TRAILING} batches before is {usual:,.0f} s.", counts=counts, owner=dataset.owner,
        cause="The portal answers slowly, there were many more rows, or the warehouse was busy.",
        next_step="The run's artifact tells the seconds of each step. Compare the rows, then look at the slowest step.",
    )  # fmt: skip
    seconds = {"seconds": entry.seconds, "usual_seconds": usual}
    notify(SLOW, with_links(notice, "a-dataset-is-slow", page), Incident("slow", dataset.name, what="slow"), **seconds)
    return True


def _facts(entry: LedgerEntry) -> dict[str, object]:
    names = ("curated", "inserted", "updated", "unchanged", "stale", "duplicate", "state")
    return {name: getattr(entry, name) for name in names}


def _entries(dataset: str, but: str) -> list[LedgerEntry]:
    """The ledger's newest of other batches."""
    found: list[LedgerEntry] = quietly(lambda: newest_entries(open_warehouse(), dataset, 2 * TRAILING), [])
    return [entry for entry in found if entry.batch_id != but]


def _counts_so_far(error: EsteiraError, dataset: str, batch: str) -> Counts:
    """Of a batch that failed: what is sealed of it in raw, or what the error itself counted."""
    seal = open_lake().find_settled_seal("raw", dataset, batch) if batch else None
    counted = error.extracted if isinstance(error, DataQualityError) else 0
    refused = error.quarantined if isinstance(error, DataQualityError) else 0
    return counts_of(
        _entries(dataset, batch), extracted=counted or (seal.extracted if seal else None), quarantined=refused or None
    )


def _reasons(dataset: str, entry: LedgerEntry) -> dict[str, int]:
    seal = open_lake().find_settled_seal("curated", dataset, entry.batch_id, entry.generation)
    return seal.reasons if seal else {}
