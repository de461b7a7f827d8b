"""What flows tell of a batch, and the steps that every batch ends with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.extraction.ahead import Extracted
from esteira.observe.subject import about
from esteira.warehouse import LedgerEntry, LoadResult
from tasks import curate_batch
from tasks.assets import on_table
from tasks.load import load_batch
from tasks.publish import publish
from tasks.report import Page, report_batch

T = TypeVar("T")
Seconds = dict[str, float]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch of a run: its ledger row, whether this run wrote it, the seconds of each step, and its quality page."""

    batch: Batch
    entry: LedgerEntry
    is_new: bool
    seconds: Seconds = field(default_factory=dict)
    page: Page | None = None


def curate_and_load(
    dataset: Dataset, batch: Batch, got: Extracted, policy: dict[str, Any], seconds: Seconds
) -> LoadResult:
    """From sealed raw parts to the ledger row."""
    curate = curate_batch.with_options(**policy)
    curated = timed(seconds, "curate", lambda: curate(dataset, got.raw, ahead=got.ahead))
    spent = sum(seconds.values())
    return timed(seconds, "load", lambda: on_table(load_batch, dataset, policy)(dataset, batch, curated, spent))


def published(dataset: Dataset, batch: Batch, result: LoadResult, seconds: Seconds, as_of: datetime) -> BatchReport:
    """What follows a commit: the quality page, the artifacts, the event. Whatever fails of it, the rows are in."""
    page = timed(seconds, "publish", lambda: report_batch(dataset, batch.id, as_of))
    publish(batch, result, page, seconds)
    return BatchReport(batch, result.entry, result.is_new, seconds, page)


def timed(seconds: Seconds, step: str, run: Callable[[], T]) -> T:
    """Run a step and note how long it took."""
    began = time.monotonic()
    try:
        with about(step=step):
            return run()
    finally:
        seconds[step] = time.monotonic() - began
