"""What flows tell of a batch, and the steps that every batch ends with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from esteira.batch import Batch
from esteira.by_part import can_be_shared
from esteira.contract import Dataset
from esteira.extraction.ahead import Extracted
from esteira.gathered import CuratedParts
from esteira.lake import Seal
from esteira.observe.subject import about
from esteira.warehouse import LedgerEntry, LoadResult
from tasks import curate_batch
from tasks.assets import on_table
from tasks.load import load_batch
from tasks.parts import share_parts
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
    seal = timed(seconds, "curate", lambda: curated(dataset, got.raw, 1, got.ahead, policy))
    spent = sum(seconds.values())
    return timed(seconds, "load", lambda: on_table(load_batch, dataset, policy)(dataset, batch, seal, spent))


def curated(dataset: Dataset, raw: Seal, generation: int, ahead: CuratedParts | None, policy: dict[str, Any]) -> Seal:
    """From sealed raw parts to sealed curated ones; the parts of a batch that nobody curated yet are shared out among workers."""
    shared = share_parts(dataset, raw, generation, policy) if can_be_shared(raw, ahead) else None
    return curate_batch.with_options(**policy)(dataset, raw, generation, shared or ahead)


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
