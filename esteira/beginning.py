"""What an extraction begins with that only the ledger knows: a pure function of its entries."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.contract.incremental import Value
from esteira.warehouse import LedgerEntry
from esteira.warehouse.cursors import cursor_value, largest_committed

Ledger = Callable[[str], Collection[LedgerEntry]]
"""The current entry of each settled batch of a dataset."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the ledger says when an extraction begins; a checkpoint holds it against whatever the ledger says later.

    Attributes:
        generation: Which loading of the batch.
        cursor_start: Where a cursor that is no time goes on.
    """

    generation: int = 1
    cursor_start: Value | None = None


def begin(dataset: Dataset, batch: Batch, generation: int, ledger: Ledger) -> Beginning:
    """Look up what the batch begins with; asks the ledger only where the contract needs it.

    Args:
        dataset: The contract.
        batch: What will be extracted.
        generation: Which loading of it.
        ledger: Reads a dataset's current entries.
    """
    incremental = dataset.source.incremental
    if incremental is None or incremental.is_time:
        return Beginning(generation)
    entries = ledger(dataset.name)
    own = next((entry for entry in entries if entry.batch_id == batch.id), None)
    before = cursor_value(dataset, own.cursor_start) if own else None
    return Beginning(generation, before if before is not None else _goes_on_at(dataset, entries))


def _goes_on_at(dataset: Dataset, entries: Collection[LedgerEntry]) -> Value:
    incremental = dataset.source.incremental
    assert incremental is not None  # noqa: S101 - asked only of a source with a cursor
    largest = largest_committed(dataset, entries)
    first = incremental.initial
    assert isinstance(first, int | str)  # noqa: S101 - of a cursor that is no time
    return first if largest is None else incremental.lagging(largest)
