"""Files that wait in an inbox: each into the table, or back to who dropped it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from prefect import get_run_logger

from esteira.contract import Dataset
from esteira.errors import EsteiraError, SpreadsheetError
from esteira.file_batch import is_about
from esteira.lake.inbox import Drop
from esteira.reception import Refusal, refusal_of
from esteira.reception.routing import refusal_by_name
from esteira.reception.taking import newer_in_table
from flows.batches import BatchReport, timed
from flows.file_batches import Kept, Terms, announcing, kept_in_raw, load_kept
from tasks.announce import announce_failure
from tasks.inbox import find_drops, keep_drop, reject_drop, remove_drop

_REJECTED_HINT = (
    "Nothing was loaded. The file and the reason lie in inbox-rejected/; who dropped it corrects it and drops it again."
)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A drop that went back, and why; `reason_key` is the text beside it."""

    drop: Drop
    refusal: Refusal
    reason_key: str


def take_waiting(dataset: Dataset, terms: Terms) -> list[BatchReport | Rejected]:
    """What waits of a dataset, oldest first. A file that is refused does not stop the others."""
    waiting = announcing(dataset, partial(find_drops.with_options(**terms.policy), dataset))
    drops = [each for each in waiting if is_about(dataset, each.name, each.moment, terms.span)]
    if not drops:
        get_run_logger().info("%s: %s files wait in the inbox, none to be taken now", dataset.name, len(waiting))
    taken = (take_drop(dataset, drop, terms) for drop in drops)
    return [each for each in taken if each is not None]


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


def _take(dataset: Dataset, drop: Drop, terms: Terms) -> BatchReport | Rejected | None:
    seconds: dict[str, float] = {}
    raw = timed(seconds, "extract", lambda: keep_drop.with_options(**terms.policy)(dataset, drop))
    if raw is None:
        get_run_logger().info("%s was taken by another run, or taken back", drop.key)
        return None
    kept = kept_in_raw(raw, seconds, terms)
    refusal = _refused_by_ledger(dataset, drop, kept)
    if refusal is not None:
        return reject(drop, refusal, terms, dataset)
    report = load_kept(dataset, kept, terms)
    remove_drop.with_options(**terms.policy)(drop)
    return report


def _refused_by_ledger(dataset: Dataset, drop: Drop, kept: Kept) -> Refusal | None:
    """Why bytes that are settled are not taken again."""
    entry = kept.entry
    if entry is None:
        return None
    if entry.state in {"undone", "given_up"}:
        return Refusal("undone" if entry.state == "undone" else "given_up", f"Batch {entry.batch_id}: {entry.reason}")
    later = newer_in_table(dataset, drop, kept.raw, kept.entries)
    if later is None:
        return None
    return Refusal("older", f"Batch {entry.batch_id} stands below batch {later.batch_id}.")
