"""A portal that serves a page twice, or the same pages for ever, found out however long the circle is, with a state that stays small."""

from __future__ import annotations

from esteira.errors import PayloadError
from esteira.paginate.verbs import PageReading, State
from esteira.redaction import redact_url

MAX_EMPTY_PAGES = 50
"""Pages without a record that may follow each other while the portal says that there is more (CKAN 2.11 writes a next link for ever)."""
MOST_SEEN = 17 * 4096
"""Characters of the pages' fingerprints that a state keeps: of the last 4,096 pages each is known again, even if it came but once in the place
of another. On longer walks a page from further back is only found out when the portal goes round in circles."""


def new_page(trail: State | None, reading: PageReading, where: str) -> State | None:
    """The trail with this page's fingerprint. Empty pages are all alike, so they leave no mark.

    Raises:
        PayloadError: The page came before.
    """
    if reading.record_count == 0:
        return trail
    seen, mark = (trail or {}).get("seen", ","), reading.fingerprint
    longer = None if f",{mark}," in seen else walked(trail, mark)
    if longer is None:
        raise endless(reading, f"its records came before ({where})")
    return {**longer, "seen": _newest(f"{seen}{mark},")}


def empty_pages(before: int, reading: PageReading, what: str) -> int:
    """How many pages without a record follow each other now.

    Raises:
        PayloadError: Too many.
    """
    empty = before + 1 if reading.record_count == 0 else 0
    if empty >= MAX_EMPTY_PAGES:
        raise endless(reading, f"{empty} pages without a record {what}")
    return empty


def walked(trail: State | None, mark: str) -> State | None:
    """One step further on a trail, or None when the mark lies on it.

    Brent's cycle detection, so that a state stays small on a walk of any length: the first, the last and one anchor are kept; the
    anchor moves at each power of two, so a cycle of any length is met.
    """
    if trail is None:
        return {"first": mark, "last": mark, "anchor": mark, "steps": 0, "span": 1}
    if mark in (trail["first"], trail["last"], trail["anchor"]):
        return None
    steps = trail["steps"] + 1
    if steps < trail["span"]:
        return {**trail, "last": mark, "steps": steps}
    return {**trail, "last": mark, "anchor": mark, "steps": 0, "span": trail["span"] * 2}


def endless(reading: PageReading, what: str) -> PayloadError:
    """The error of a portal that repeats itself."""
    return PayloadError(
        f"Page {reading.number} of {redact_url(reading.url)}: {what}. The portal repeats itself, so the end cannot be told.",
        hint="Compare the contract's paginator with the portal's documentation; a repeated page is often a misspelt parameter.",
    )


def broken_off(reading: PageReading, promise: str) -> PayloadError:
    """The error of a portal that promises more and delivers nothing."""
    return PayloadError(
        f"Page {reading.number} of {redact_url(reading.url)} holds no record, and {promise}.",
        hint="Some portals cap how deep a walk may go: ask for smaller windows, or for another paginator. A total that is only an estimate belongs in no contract.",
    )


def _newest(seen: str) -> str:
    return seen if len(seen) <= MOST_SEEN else seen[seen.index(",", len(seen) - MOST_SEEN) :]
