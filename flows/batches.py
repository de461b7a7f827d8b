"""What flows tell of a batch, and the steps that every batch ends with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.extraction.ahead import Extracted
from esteira.warehouse import LedgerEntry, LoadResult
from tasks import curate_batch, load_batch

T = TypeVar("T")
Seconds = dict[str, float]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch of a run: its ledger row, whether this run wrote it, and the seconds of each step."""

    batch: Batch
    entry: LedgerEntry
    is_new: bool
    seconds: Seconds = field(default_factory=dict)


def curate_and_load(
    dataset: Dataset, batch: Batch, got: Extracted, policy: dict[str, Any], seconds: Seconds
) -> LoadResult:
    """From sealed raw parts to the ledger row."""
    curate = curate_batch.with_options(**policy)
    curated = timed(seconds, "curate", lambda: curate(dataset, got.raw, ahead=got.ahead))
    spent = sum(seconds.values())
    return timed(seconds, "load", lambda: load_batch.with_options(**policy)(dataset, batch, curated, spent))


def timed(seconds: Seconds, step: str, run: Callable[[], T]) -> T:
    """Run a step and note how long it took."""
    began = time.monotonic()
    try:
        return run()
    finally:
        seconds[step] = time.monotonic() - began
