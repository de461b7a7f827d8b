"""What becomes of batches and datasets, as events with the dataset as their resource; automations turn them into messages.

Each event is emitted each time. Whether people are told, and who, is a label of it: an incident is told once, and once more when it is over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from blocks import incidents
from blocks.incidents import NO_CHANNEL, Incident, Kind
from esteira.alerts.message import Notice, cause_of, without_values
from esteira.alerts.refusals import Refusals
from esteira.alerts.trend import Counts
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
from esteira.settings import read_settings
from tasks import figures
from tasks.drift import show_drift
from tasks.measure import measure_failed
from tasks.notices import beside_the_work, emit, notify, quietly, with_links
from tasks.run import run_name

FAILED = "esteira.batch.failed"
"""A batch, or what comes before one, failed for good: retries are used up. Told once an incident.

Payload: error, message, next_step, patch, runbook, run, extracted, quarantined, seconds, last_good_batch, last_good_extracted, difference,
    last_good_seconds.
"""
QUARANTINED = "esteira.batch.quarantined"
"""Rows of a batch were refused. Told from half of the contract's limit on; over it nothing was loaded (`is_over`).

Payload: quarantined, extracted, share, limit, is_over, rules.
"""
STALE = "esteira.dataset.stale"
"""The newest rows are older than the contract's `freshness` allows; looked at hourly. Told once an incident.

Payload: age, limit, watermark.
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
        None
        if dataset is None or isinstance(error, _UNASKED)
        else quietly(lambda: figures.counts_so_far(error, name, batch))
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
        "run": run_name(), **(counts.facts() if counts else {}),
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
