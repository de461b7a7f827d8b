"""Files that people dropped: from the inbox to the ledger row, or back to who dropped them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefect import get_run_logger

from esteira.contract import Dataset
from esteira.errors import EsteiraError, SpreadsheetError
from esteira.extraction.ahead import Extracted
from esteira.extraction.files import sealed_file
from esteira.file_batch import file_batch
from esteira.lake import Seal
from esteira.lake.inbox import Drop
from esteira.reception import Refusal, refusal_of
from esteira.reception.routing import refusal_by_name
from esteira.warehouse import LedgerEntry
from flows.batches import BatchReport, curate_and_load, timed
from tasks import counted_attempt, publish_batch
from tasks.announce import announce_failure
from tasks.inbox import find_drops, find_entry, keep_drop, reject_drop, remove_drop

_REJECTED_HINT = (
    "Nothing was loaded. The file and the reason lie in inbox-rejected/; who dropped it corrects it and drops it again."
)
_SETTLED_REFUSALS: dict[str, Any] = {"undone": "undone", "given_up": "given_up"}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A drop that went back, and why; `reason_key` is the text beside it."""

    drop: Drop
    refusal: Refusal
    reason_key: str


def take_waiting(dataset: Dataset, policy: dict[str, Any], max_attempts: int) -> list[BatchReport | Rejected]:
    """Everything that waits of a dataset, oldest first. What is refused does not stop the others; what fails otherwise does."""
    drops = find_drops.with_options(**policy)(dataset)
    if not drops:
        get_run_logger().info("%s: nothing waits in the inbox", dataset.name)
    taken = (take_drop(dataset, drop, policy, max_attempts) for drop in drops)
    return [each for each in taken if each is not None]


def take_drop(dataset: Dataset, drop: Drop, policy: dict[str, Any], max_attempts: int) -> BatchReport | Rejected | None:
    """One drop into the table, or back; None when another run took it meanwhile.

    Each step can be done again: raw is adopted by its seal, the load asks the ledger, and the drop leaves the inbox last.
    """
    refusal = refusal_by_name(dataset, drop.name, drop.size_bytes)
    if refusal is not None:
        return reject(drop, refusal, policy, dataset)
    try:
        return _take(dataset, drop, policy, max_attempts)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset)
        found = refusal_of(exc)
        if found is None:
            raise
        return _given_back(drop, found, policy, dataset.owner)


def reject(drop: Drop, refusal: Refusal, policy: dict[str, Any], dataset: Dataset | None = None) -> Rejected:
    """Give a drop back, and tell operations."""
    announce_failure(SpreadsheetError(f"{drop.place}: {refusal.sentence}", hint=_REJECTED_HINT), dataset)
    return _given_back(drop, refusal, policy, dataset.owner if dataset else "")


def _given_back(drop: Drop, refusal: Refusal, policy: dict[str, Any], owner: str) -> Rejected:
    return Rejected(drop, refusal, reject_drop.with_options(**policy)(drop, refusal, owner))


def _take(dataset: Dataset, drop: Drop, policy: dict[str, Any], max_attempts: int) -> BatchReport | Rejected | None:
    seconds: dict[str, float] = {}
    raw = timed(seconds, "extract", lambda: keep_drop.with_options(**policy)(dataset, drop))
    if raw is None:
        get_run_logger().info("%s was taken by another run, or taken back", drop.key)
        return None
    entry = find_entry.with_options(**policy)(raw)
    if entry is not None and entry.state in _SETTLED_REFUSALS:
        refusal = Refusal(_SETTLED_REFUSALS[entry.state], f"Batch {raw.batch}: {entry.reason}")
        return reject(drop, refusal, policy, dataset)
    report = load_file(dataset, raw, entry, policy, max_attempts, seconds)
    remove_drop.with_options(**policy)(drop)
    return report


def load_file(
    dataset: Dataset,
    raw: Seal,
    entry: LedgerEntry | None,
    policy: dict[str, Any],
    max_attempts: int,
    seconds: dict[str, float],
) -> BatchReport:
    """A file in raw into the table, unless it is there.

    Args:
        dataset: The contract.
        raw: The file's seal.
        entry: What the ledger says of the batch.
        policy: Retries of a step.
        max_attempts: Failed attempts after which the batch is given up.
        seconds: Of the steps so far.
    """
    batch = file_batch(dataset, sealed_file(raw))
    if entry is not None and entry.state == "committed":
        get_run_logger().info("%s %s: these bytes are in the table already", dataset.name, batch.id)
        return BatchReport(batch, entry, is_new=False, seconds=seconds)
    with counted_attempt(batch, max_attempts, policy):
        result = curate_and_load(dataset, batch, Extracted(raw, None), policy, seconds)
    publish_batch(batch, result)
    return BatchReport(batch, result.entry, result.is_new, seconds)
