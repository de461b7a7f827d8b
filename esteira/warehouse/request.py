"""What a loader is asked for, and what it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.lake import Lake, Seal
from esteira.profile import ColumnProfile, profile_of
from esteira.warehouse.ledger_entry import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Who asks.

    Attributes:
        run: Name of the run, for the ledger.
        version: Version of the code, for the ledger.
    """

    run: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class LoadRequest(_Asked):
    """What to load.

    Attributes:
        dataset: The contract.
        batch: The batch.
        seal: Its curated seal.
        manifest: URI of the COPY manifest derived from the seal.
        profile: What the columns of the seal hold; none of a seal from before there were profiles.
        is_standing: Whether these rows, or more, are in the table already, so that no rule keeps anything out by failing: an erasure, a rebuild from
            the curated parts.
        seconds: What the steps before the load took, for the ledger; None where nobody measured them.
        asked_at: When the load was asked for, on this process's own clock.
    """

    dataset: Dataset
    batch: Batch
    seal: Seal
    manifest: str
    profile: tuple[ColumnProfile, ...] = ()
    is_standing: bool = False
    seconds: float | None = None
    asked_at: float = field(default_factory=time.monotonic, compare=False)

    @classmethod
    def of_seal(
        cls, dataset: Dataset, batch: Batch, seal: Seal, lake: Lake, *, run: str = "", version: str = ""
    ) -> LoadRequest:
        """A request whose manifest is written to the lake and whose profile is read from there.

        Raises:
            SealConflict: The profile is missing, or it is not what was sealed.
        """
        return cls(dataset, batch, seal, lake.put_manifest(seal), profile_of(seal, lake), run=run, version=version)

    @property
    def seconds_so_far(self) -> float | None:
        """The steps before and the load, up to now."""
        return None if self.seconds is None else self.seconds + time.monotonic() - self.asked_at


@dataclass(frozen=True, slots=True)
class UndoRequest(_Asked):
    """What to take out again.

    Attributes:
        dataset: The contract.
        batch_id: The batch.
        reason: Why, for the ledger.
        accept_loss: Whether to go on when other batches can no longer be read from the lake.
    """

    dataset: Dataset
    batch_id: str
    reason: str = ""
    accept_loss: bool = False


@dataclass(frozen=True, slots=True)
class SettleRequest(_Asked):
    """A batch to settle without rows.

    Attributes:
        batch: The batch.
        reason: Why, for the ledger.
        state: `given_up`; `unchanged` where the portal says that there is nothing new; `skipped` by the contract's `catch_up`.
    """

    batch: Batch
    reason: str
    state: Literal["given_up", "unchanged", "skipped"] = "given_up"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load, a rebuild or an undo came to.

    Attributes:
        entry: The ledger row that stands.
        is_new: Whether this call wrote it.
        lost: Committed batches whose parts a fold could not read: what later batches overwrote of them is not restored.
    """

    entry: LedgerEntry
    is_new: bool
    lost: tuple[str, ...] = ()
