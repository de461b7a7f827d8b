"""What an attempt at a batch leaves behind: how far an extraction came, and how the attempt ended."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from esteira.lake.seal import Part, Provenance


class Checkpoint(msgspec.Struct, frozen=True):
    """Where an extraction stands.

    Attributes:
        parts: The parts so far.
        next_state: The walk's state for the next page; None when there is none.
        next_page: Its number.
        total_reported: The total that the portal told, or None.
        warnings: What the seal will say about the pages so far.
        provenance: What it began with; it stays so, whatever the ledger says by now.
        walk: Counts from 1; the next one begins anew, since the portal's rows moved while the one before read them.
    """

    parts: tuple[Part, ...]
    next_state: dict[str, Any] | None
    next_page: int
    total_reported: int | None
    warnings: tuple[str, ...] = ()
    provenance: Provenance = Provenance()
    walk: int = 1


class AttemptNote(msgspec.Struct, frozen=True):
    """What became of one attempt at a batch.

    Attributes:
        id: Begins with its time, so that notes sort.
        outcome: `open` (running, or its process died), `done`, `failed` by what the batch holds, or `excused`.
        reason: What it failed with.
    """

    id: str
    outcome: Literal["open", "done", "failed", "excused"] = "open"
    reason: str = ""
