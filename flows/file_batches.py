"""What batches of files have in common, wherever the file came from: from raw to the ledger row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from prefect import get_run_logger

from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.extraction.ahead import Extracted
from esteira.extraction.files import sealed_file
from esteira.file_batch import file_batch
from esteira.lake import Seal
from esteira.warehouse import LedgerEntry
from flows.batches import BatchReport, curate_and_load, published
from tasks import counted_attempt
from tasks.announce import announce_failure
from tasks.inbox import find_entries

T = TypeVar("T")


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
class Kept:
    """A file in raw, and what the ledger says of its batch and of the others."""

    raw: Seal
    entries: tuple[LedgerEntry, ...]
    seconds: dict[str, float]

    @property
    def entry(self) -> LedgerEntry | None:
        """The ledger's row of its own batch."""
        return next((entry for entry in self.entries if entry.batch_id == self.raw.batch), None)


def kept_in_raw(raw: Seal, seconds: dict[str, float], terms: Terms) -> Kept:
    """Ask the ledger about a file that is in raw."""
    return Kept(raw, tuple(find_entries.with_options(**terms.policy)(raw.dataset)), seconds)


def load_kept(dataset: Dataset, kept: Kept, terms: Terms) -> BatchReport:
    """A file in raw into the table, unless it is there."""
    batch = file_batch(dataset, sealed_file(kept.raw))
    if kept.entry is not None and kept.entry.state == "committed":
        get_run_logger().info("%s %s: these bytes are in the table already", dataset.name, batch.id)
        return BatchReport(batch, kept.entry, is_new=False, seconds=kept.seconds)
    with counted_attempt(batch, terms.max_attempts, terms.policy):
        result = curate_and_load(dataset, batch, Extracted(kept.raw, None), terms.policy, kept.seconds)
    return published(dataset, batch, result, kept.seconds, terms.as_of)


def announcing(dataset: Dataset, step: Callable[[], T]) -> T:
    """A step before any file is at hand: operations hear of its failure too."""
    try:
        return step()
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset)
        raise
