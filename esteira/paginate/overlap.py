"""Offsets that read the last rows of the page before again: rows that come or go in between shift the others, and none is missed.

What was read before is told by its very bytes. A page in which nothing of it stands again has left rows out: that is an error, so the walk
begins anew.
"""

from __future__ import annotations

import hashlib
from typing import Any

from esteira.errors import PayloadError
from esteira.paginate.verbs import PageReading, State
from esteira.redaction import redact_url


def asked_offset(state: State, overlap: int) -> int:
    """Where the page begins that a state asks for."""
    offset: int = state["offset"]
    return offset if state.get("is_probe") else max(0, offset - overlap)


def repeats(state: State, reading: PageReading, overlap: int) -> tuple[int, ...]:
    """The positions in a page of the records that were read before; rows that came in meanwhile may stand between them.

    Raises:
        PayloadError: There is none, although the page reaches back; or there are others on the page that was to be behind the end.
    """
    tail = frozenset(state.get("tail", ()))
    if not overlap or not tail:
        return ()
    found = tuple(at for at, record in enumerate(reading.records[: 3 * overlap]) if _mark(record) in tail)
    is_torn = len(found) < reading.record_count if state.get("is_probe") else not found
    if is_torn:
        raise PayloadError(
            f"Page {reading.number} of {redact_url(reading.url)} does not go on with the {overlap} rows before it: more rows came or went "
            "while they were read, or the portal's pages are no longer than the overlap.",
            hint="Run again, and all of it is asked for anew. If it repeats, raise Offset(overlap=...), or sort by what does not change.",
        )
    return found


def following(state: State, reading: PageReading, overlap: int, *, is_stale: bool) -> dict[str, Any]:
    """What the next state keeps of this page: twice the overlap, since rows that came in between shift the page back.

    Args:
        state: This page's.
        reading: This page.
        overlap: How many rows are read again.
        is_stale: Whether no row of it is new. Where it is no longer than what is read again it may be the last one, so the next is asked
            for without reaching back, and must be empty.
    """
    if not overlap:
        return {}
    marks = [_mark(record) for record in reading.records[-2 * overlap :]]
    before = [mark for mark in state.get("tail", ()) if mark not in marks]  # rows that came in have changed the order
    return {
        "tail": [*before, *marks][-2 * overlap :],
        "stale": state.get("stale", 0) + 1 if is_stale else 0,
        "is_probe": is_stale and reading.record_count <= overlap,
    }


def _mark(record: bytes) -> str:
    return hashlib.sha256(record).hexdigest()[:16]
