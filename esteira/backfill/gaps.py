"""What of a dataset's source time is not in the table, from the ledger's entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from esteira.batch import Window, windows_of
from esteira.contract import Dataset
from esteira.warehouse import LedgerEntry

HOLDS = frozenset({"committed", "undone"})
"""States of a batch that is not loaded again unless somebody says so."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A window that is not in the table, and why."""

    window: Window
    why: str

    def __str__(self) -> str:
        return f"{self.window} {self.why}"


def left_out(dataset: Dataset, entries: Collection[LedgerEntry]) -> list[Gap]:
    """Windows up to the watermark that are not in the table and that no scheduled run will load, oldest first."""
    if not entries:
        return []
    span = Window(windows_of(dataset).initial_at, max(entry.window_end for entry in entries))
    taken = [window_of(entry) for entry in entries if entry.state in HOLDS]
    noted = [Gap(window_of(entry), entry.state.replace("_", " ")) for entry in owed(dataset, entries, taken)]
    never = [Gap(window, "never loaded") for window in uncovered(span, [*taken, *(each.window for each in noted)])]
    return sorted([*noted, *never], key=lambda gap: gap.window)


def owed(dataset: Dataset, entries: Iterable[LedgerEntry], taken: list[Window]) -> list[LedgerEntry]:
    """Batches that were skipped or given up, and are to be loaded as the windows that they are.

    Args:
        dataset: The contract; a batch that is no longer one window of it is left out.
        entries: Of the ledger.
        taken: Windows whose rows are held; what overlaps one of them, or an earlier find, is left out.
    """
    found: list[LedgerEntry] = []
    for entry in (each for each in entries if each.state not in HOLDS):
        window = window_of(entry)
        if _is_one(dataset, window) and not any(window.overlaps(other) for other in (*taken, *map(window_of, found))):
            found.append(entry)
    return found


def _is_one(dataset: Dataset, window: Window) -> bool:
    """Whether today's contract would ask for this window as one batch."""
    incremental = windows_of(dataset)
    edges = [incremental.clock.edge(moment) for moment in window.ends]
    return edges == [*window.ends] and incremental.stop(*window.ends) == window.end


def uncovered(span: Window, windows: Iterable[Window]) -> Iterator[Window]:
    """The pieces of a span that no window covers, oldest first."""
    start = span.start
    for window in sorted(windows):
        if start < window.start:
            yield Window(start, min(window.start, span.end))
        start = max(start, window.end)
        if start >= span.end:
            return
    if start < span.end:
        yield Window(start, span.end)


def window_of(entry: LedgerEntry) -> Window:
    """The window that an entry of the ledger is about."""
    return Window(entry.window_start, entry.window_end)
