"""What a batch that is loaded is announced as: an event, what of it people hear, and which incidents are over by it."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.incidents import NO_CHANNEL, Incident, Kind
from esteira.alerts.message import Notice
from esteira.alerts.refusals import Refusals
from esteira.alerts.trend import TRAILING, Counts, counts_of, is_slow, usual_seconds
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.report.facts import Freshness
from esteira.warehouse import LedgerEntry, LoadResult
from tasks import figures
from tasks.announce import QUARANTINED, announce_recovery
from tasks.notices import beside_the_work, emit, notify, quietly, with_links

LOADED = "esteira.batch.loaded"
"""A batch is in the table, or was before (`is_new` false). Told to nobody; what begins or ends with it has events of its own.

Payload: is_new, curated, inserted, updated, unchanged, stale, duplicate, state, extracted, quarantined, seconds, last_good_batch,
    last_good_extracted, difference, last_good_seconds.
"""
SLOW = "esteira.dataset.slow"
"""A batch took more than a minute and more than 3 x the median seconds of the 20 before it. Told once an incident.

Payload: seconds, usual_seconds.
"""


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
        before = figures.other_entries(batch.dataset, batch.id)
        counts = counts_of(before, extracted=entry.extracted, quarantined=entry.quarantined, seconds=entry.seconds)
        told = Notice("", batch.dataset, batch.id, owner=owner, counts=counts)
        emit(LOADED, told, NO_CHANNEL, is_new=result.is_new, **_facts(entry), **counts.facts())
        over: list[Kind] = ["failed", "given_up"]
        if dataset and result.is_new and entry.state == "committed":
            over += [] if _quarantined(dataset, entry, counts, page) else ["quarantine"]
            over += [] if _slow(dataset, entry, before, counts, page) else ["slow"]
            over += [] if Freshness.of(dataset, entry.window_end, datetime.now(UTC)).is_stale else ["stale"]
        announce_recovery(batch.dataset, owner, over, batch.id, counts)


def _quarantined(dataset: Dataset, entry: LedgerEntry, counts: Counts, page: str | None) -> bool:
    """An event for any refused row; a message from half of the limit on, for a state that may last over many batches. Whether it does."""
    reasons = quietly(lambda: figures.reasons_of(dataset.name, entry), {}) if entry.quarantined else {}
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
