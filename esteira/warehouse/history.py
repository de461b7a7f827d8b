"""The batches that a fold reads again. The warehouse does not know the lake: it is given a function that finds a sealed batch there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from esteira.contract import Column
from esteira.errors import LoadError
from esteira.lake import Seal
from esteira.warehouse import ledger
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.staging import stage


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A committed batch as the lake still has it.

    Attributes:
        seal: Its curated seal.
        manifest: URI of the COPY manifest.
        columns: The columns of its parts in order, which may be those of an older contract; without the position.
    """

    seal: Seal
    manifest: str
    columns: tuple[Column, ...]


class History(Protocol):
    """Finds the sealed parts of a ledger entry; None when they are gone."""

    def __call__(self, dataset: str, entry: LedgerEntry) -> StoredBatch | None:
        """The sealed batch of a ledger entry; None when its seal or its parts are gone."""


class Past:
    """The committed batches beside those at hand, read from the lake only if the table alone cannot decide.

    Args:
        history: Finds a batch in the lake; None when the caller has no lake.
        role_arn: Role that COPY reads with.
        at_hand: Ids of the batches that are loaded or taken out now.
        may_lose: Whether to go on without the batches whose parts are gone.
    """

    def __init__(self, history: History | None, role_arn: str, at_hand: Collection[str], *, may_lose: bool) -> None:
        self._history = history
        self._role_arn = role_arn
        self._at_hand = frozenset(at_hand)
        self._may_lose = may_lose
        self.lost: tuple[str, ...] = ()

    def stage_each(self, session: Session, dataset: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Stage one batch after the other, oldest window first; yields its id and columns while it is staged.

        Raises:
            LoadError: Parts are gone and nobody said that this is accepted.
        """
        for batch_id, found in self._find_all(session, dataset):
            yield self._stage(session, batch_id, found)

    def stage_newest(self, session: Session, dataset: str) -> tuple[str, tuple[str, ...]] | None:
        """Stage the newest batch that can be read, and tell its id and columns; None when there is none."""
        missing: list[str] = []
        for entry in reversed(self._entries(session, dataset)):
            found = self._find(dataset, entry)
            if found is not None:
                self._note_lost(dataset, missing)
                return self._stage(session, entry.batch_id, found)
            missing.append(entry.batch_id)
        self._note_lost(dataset, missing)
        return None

    def _stage(self, session: Session, batch_id: str, found: StoredBatch) -> tuple[str, tuple[str, ...]]:
        stage(session, found.columns, found.seal, found.manifest, self._role_arn)
        return batch_id, tuple(column.name for column in found.columns)

    def _find_all(self, session: Session, dataset: str) -> list[tuple[str, StoredBatch]]:
        looked_up = [(entry.batch_id, self._find(dataset, entry)) for entry in self._entries(session, dataset)]
        self._note_lost(dataset, [batch_id for batch_id, found in looked_up if found is None])
        return [(batch_id, found) for batch_id, found in looked_up if found is not None]

    def _entries(self, session: Session, dataset: str) -> list[LedgerEntry]:
        entries = ledger.read_current(session, dataset)
        stays = [each for each in entries if each.state == "committed" and each.batch_id not in self._at_hand]
        return sorted(stays, key=lambda each: (each.window_start, each.window_end, each.batch_id))

    def _find(self, dataset: str, entry: LedgerEntry) -> StoredBatch | None:
        if self._history is None:
            raise LoadError(
                "Earlier batches must be read again from the lake, and this loader was given no way to it.",
                dataset=dataset,
                hint="Make it with Loader(warehouse, history=lake_history(lake)).",
            )
        return self._history(dataset, entry)

    def _note_lost(self, dataset: str, batch_ids: Collection[str]) -> None:
        self.lost = tuple(batch_ids)
        if self.lost and not self._may_lose:
            raise LoadError(
                f"The curated parts of {len(self.lost)} committed batches are no longer in the lake: {', '.join(self.lost[:10])}"
                f"{', …' if len(self.lost) > 10 else ''}. What later batches overwrote of them cannot be restored.",
                dataset=dataset,
                hint="Nothing was changed. Rebuild them from the portal first, or accept the loss.",
            )
