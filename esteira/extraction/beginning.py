"""What an extraction begins with that only the ledger knows: a pure function of its entries."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.contract.incremental import Value
from esteira.errors import ConfigError
from esteira.lake import Lake, ParentSeal
from esteira.warehouse import LedgerEntry
from esteira.warehouse.cursors import cursor_value, largest_committed

Ledger = Callable[[str], Collection[LedgerEntry]]
"""The current entry of each settled batch of a dataset."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The answer that the table holds, as the portal named it.

    Attributes:
        batch: The batch that brought it.
        etag, modified: Its `ETag` and `Last-Modified`.
    """

    batch: str
    etag: str | None = None
    modified: str | None = None

    @property
    def reason(self) -> str:
        """Why a batch is settled without a row, for the ledger."""
        return f"Nothing has changed at the portal since batch {self.batch}."

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a conditional request: answer only if it has changed (https://www.rfc-editor.org/rfc/rfc9110#section-13.1)."""
        told = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the ledger says when an extraction begins. The checkpoint keeps it, so that a resumed attempt uses the same.

    Attributes:
        generation: Which loading of the batch.
        cursor_start: Where a cursor that is no time goes on.
        parent: The parent's batch whose rows are walked.
        known: What the table holds, where the portal need not send it again.
    """

    generation: int = 1
    cursor_start: Value | None = None
    parent: ParentSeal | None = None
    known: Unchanged | None = None


def begin(dataset: Dataset, batch: Batch, generation: int, ledger: Ledger, lake: Lake) -> Beginning:
    """Look up what the batch begins with; asks the ledger only where the contract needs it.

    Args:
        dataset: The contract.
        batch: What will be extracted.
        generation: Which loading of it.
        ledger: Reads a dataset's current entries.
        lake: Where the last batch's raw seal is.

    Raises:
        ConfigError: The parent has no batch.
    """
    start, parent = _cursor_start(dataset, batch, ledger), _parent(dataset, batch, ledger)
    is_skipping = dataset.api.skip_unchanged and generation == 1
    return Beginning(
        generation, start, parent, _known(dataset, batch, ledger(dataset.name), lake) if is_skipping else None
    )


def _known(dataset: Dataset, batch: Batch, entries: Collection[LedgerEntry], lake: Lake) -> Unchanged | None:
    """The answer that the table holds; None where the table may hold anything else, so that the answer is downloaded again.

    After an undo or a rebuild the table is not what that batch alone would say, and parts of another contract lack its columns. Who loads
    a settled batch again wants its rows.
    """
    committed = [each for each in entries if each.state == "committed"]
    last = max(committed, key=lambda each: (each.window_end, each.sequence), default=None)
    if last is None or batch.id in {each.batch_id for each in entries}:
        return None
    if any(each.state == "undone" and each.sequence > last.sequence for each in entries):
        return None
    if last.generation != 1 or not last.batch_id.endswith(dataset.source.definition_hash):
        return None
    curated = lake.find_settled_seal("curated", dataset.name, last.batch_id, last.generation)
    if curated is None or curated.columns != tuple(column.stored for column in dataset.columns):
        return None
    raw = lake.find_settled_seal("raw", dataset.name, last.batch_id, curated.raw_generation)
    told = raw.provenance if raw else None
    return Unchanged(last.batch_id, told.etag, told.modified) if told and (told.etag or told.modified) else None


def _cursor_start(dataset: Dataset, batch: Batch, ledger: Ledger) -> Value | None:
    incremental = dataset.source.incremental
    if incremental is None or incremental.is_time:
        return None
    entries = ledger(dataset.name)
    own = next((entry for entry in entries if entry.batch_id == batch.id), None)
    before = cursor_value(dataset, own.cursor_start) if own else None
    return before if before is not None else _goes_on_at(dataset, entries)


def _parent(dataset: Dataset, batch: Batch, ledger: Ledger) -> ParentSeal | None:
    """The parent's batch of the same window, or else the newest one."""
    if dataset.source.parent is None:
        return None
    name = dataset.source.parent.dataset
    committed = [entry for entry in ledger(name) if entry.state == "committed"]
    if not committed:
        raise ConfigError(
            f"No batch of the parent {name} is committed, so there is nothing to ask for.",
            dataset=dataset.name,
            hint=f"Run `esteira ingest {name}` first.",
        )
    window = (batch.window.start, batch.window.end)
    newest = max(committed, key=lambda each: (each.window_end, each.window_start, each.batch_id))
    chosen = next((each for each in committed if (each.window_start, each.window_end) == window), newest)
    return ParentSeal(name, chosen.batch_id, chosen.generation, chosen.seal_hash)


def _goes_on_at(dataset: Dataset, entries: Collection[LedgerEntry]) -> Value:
    incremental = dataset.source.incremental
    assert incremental is not None  # noqa: S101 - asked only of a source with a cursor
    largest = largest_committed(dataset, entries)
    first = incremental.initial
    assert isinstance(first, int | str)  # noqa: S101 - of a cursor that is no time
    return first if largest is None else incremental.lagging(largest)
