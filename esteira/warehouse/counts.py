"""Where the rows of a batch went: the right side of the ledger's equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SUMMARY_COUNTS = ("extracted", "curated", "quarantined", "inserted", "updated", "unchanged")
"""The counts of a ledger row that a table over many batches or datasets shows."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the curated rows of a batch went."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    stale: int = 0
    duplicate: int = 0

    @property
    def total(self) -> int:
        """The right side of `curated = inserted + updated + unchanged + stale + duplicate`."""
        return self.inserted + self.updated + self.unchanged + self.stale + self.duplicate


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transaction did to a table: the counts of each of its batches by id, and the rows that left without a successor."""

    counts: Mapping[str, Counts]
    deleted: int = 0
