"""A batch beside those before it: how its rows differ from the last good one, and whether it took far longer than usual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from esteira.warehouse.ledger_entry import LedgerEntry

TRAILING = 20
"""Batches that a duration is compared with."""
MIN_BATCHES = 5
"""Fewer say nothing about what is usual."""
SLOW_FACTOR = 3.0
SLOW_FLOOR_SECONDS = 60.0
"""A batch that takes less is nobody's worry, however much faster the others were."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a batch beside those of the last good one.

    Attributes:
        extracted, quarantined: Of this batch; None where it did not come so far.
        good_batch, good_extracted, good_seconds: The last one that was loaded; None where there is none.
        seconds: What this one took, or None.
    """

    extracted: int | None = None
    quarantined: int | None = None
    seconds: float | None = None
    good_batch: str | None = None
    good_extracted: int | None = None
    good_seconds: float | None = None

    @property
    def difference(self) -> int | None:
        """How many rows more than the last good batch had; negative where it had more."""
        return None if self.extracted is None or self.good_extracted is None else self.extracted - self.good_extracted

    def sentence(self) -> str:
        """Both batches' rows and the change, for a person."""
        here = "none yet" if self.extracted is None else f"{self.extracted:,} extracted"
        refused = f", {self.quarantined:,} quarantined" if self.quarantined else ""
        if self.good_batch is None:
            return f"{here}{refused}; nothing was loaded before."
        before = f"{self.good_extracted:,} in the last good batch {self.good_batch}"
        return f"{here}{refused}; {before}{_change(self.difference, self.good_extracted)}."

    def facts(self) -> dict[str, int | float | str | None]:
        """The same as an event's payload."""
        return {
            "extracted": self.extracted, "quarantined": self.quarantined, "seconds": _rounded(self.seconds),
            "last_good_batch": self.good_batch, "last_good_extracted": self.good_extracted, "difference": self.difference,
            "last_good_seconds": _rounded(self.good_seconds),
        }  # fmt: skip


def counts_of(entries: Iterable[LedgerEntry], **own: float | None) -> Counts:
    """Counts of a batch beside the newest of these entries that was loaded.

    Args:
        entries: Of other batches, newest first.
        own: `extracted`, `quarantined` and `seconds`, as far as they are known.
    """
    good = next((entry for entry in entries if entry.state == "committed"), None)
    if good is None:
        return Counts(**own)  # type: ignore[arg-type] # counts are whole, seconds are not
    before = {"good_batch": good.batch_id, "good_extracted": good.extracted, "good_seconds": good.seconds}
    return Counts(**own, **before)  # type: ignore[arg-type] # the same


def usual_seconds(entries: Sequence[LedgerEntry]) -> float | None:
    """The median of what the newest of these batches took; None while too few were measured."""
    measured = [entry.seconds for entry in entries if entry.state == "committed" and entry.seconds is not None]
    return median(measured[:TRAILING]) if len(measured) >= MIN_BATCHES else None


def is_slow(seconds: float, usual: float) -> bool:
    """Whether a batch took far longer than usual."""
    return seconds > max(SLOW_FLOOR_SECONDS, SLOW_FACTOR * usual)


def _change(difference: int | None, before: int | None) -> str:
    if difference is None:
        return ""
    share = f", {difference / before:+.1%}" if before else ""
    return f" ({difference:+,}{share})"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
