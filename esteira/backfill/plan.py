"""Which windows of a range are to be loaded, from what the ledger says. Pure: takes the ledger's entries and what stands open in the lake.

What the ledger has seen keeps its cut, whatever chunk is asked for: two cuts of the same time would overlap. What was loaded stays; what was skipped
or given up is loaded as the window that it is; only what lies between is cut anew. A window of an earlier definition of the source counts as loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from esteira.backfill.chunk import stop_of
from esteira.backfill.gaps import HOLDS, owed, uncovered, window_of
from esteira.batch import Batch, Stop, Window, batch_of, cut, due_up_to, range_of
from esteira.contract import Dataset
from esteira.contract.incremental import Chunk
from esteira.errors import ConfigError
from esteira.warehouse import LedgerEntry

MEASURED = 20
"""So many batches of the past, the newest, tell how long one takes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The backfill that a person asks for.

    Attributes:
        start, end: The range; its end is exclusive.
        chunk: The longest window of one batch; None is the contract's.
        is_forced: Load again, as a new generation, what is loaded.
        since: What was loaded again after this moment is not loaded once more: a forced backfill that was stopped goes on.
    """

    start: datetime
    end: datetime
    chunk: Chunk | None = None
    is_forced: bool = False
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One window of the range.

    Attributes:
        batch: Its batch, of an older definition where the ledger holds one.
        entry: What the ledger says of it; None where it knows nothing.
        is_wanted: Whether it is to be loaded.
    """

    batch: Batch
    entry: LedgerEntry | None = None
    is_wanted: bool = True

    @property
    def is_again(self) -> bool:
        """Whether it replaces rows that are in the table."""
        return self.is_wanted and self.entry is not None and self.entry.state == "committed"


@dataclass(frozen=True, slots=True)
class Backfill:
    """The plan of a backfill.

    Attributes:
        dataset: Name of the contract.
        windows: All windows of the range, oldest first.
        notes: What a person must know before anything is loaded.
        seconds: How long the wanted ones take, one after the other; None where no earlier batch was measured.
        measured: How many batches say so.
    """

    dataset: str
    windows: tuple[Planned, ...]
    notes: tuple[str, ...] = ()
    seconds: float | None = None
    measured: int = 0

    @property
    def wanted(self) -> tuple[Planned, ...]:
        """What is to be loaded."""
        return tuple(each for each in self.windows if each.is_wanted)


def in_order(planned: Planned) -> tuple[Window, str]:
    """The key that windows are sorted by: the id decides where the ledger has one window under two definitions of the source."""
    return planned.batch.window, planned.batch.id


def plan_backfill(
    dataset: Dataset, asked: Asked, entries: Collection[LedgerEntry], begun: Iterable[str], as_of: datetime
) -> Backfill:
    """Which windows of a range are loaded, and which are to be.

    Args:
        dataset: The contract.
        asked: The range, and how it is cut.
        entries: The ledger's current entry of each batch.
        begun: Ids of the batches that stand open in the lake; they go on as they began.
        as_of: The run's moment: what is not over by then is refused.

    Raises:
        ConfigError: The range or the chunk is none that the portal can be asked for.
    """
    span = _span(dataset, asked, as_of)
    stop = stop_of(dataset, asked.chunk)
    near = [entry for entry in entries if window_of(entry).overlaps(span)]
    held = [entry for entry in near if entry.state in HOLDS]
    missed = owed(dataset, near, [window_of(entry) for entry in entries if entry.state in HOLDS])
    gaps = uncovered(span, [window_of(entry) for entry in (*held, *missed)])
    fresh = [Planned(batch) for gap in gaps for batch in cut(dataset, range_of(dataset, *gap.ends), stop, begun)]
    known = [_held(dataset, entry, asked, span) for entry in held]
    known += [Planned(batch_of(dataset, window_of(entry)), entry) for entry in missed]
    windows = tuple(sorted((*known, *fresh), key=in_order))
    seconds, measured = _estimate([each for each in windows if each.is_wanted], entries)
    return Backfill(dataset.name, windows, tuple(_notes(span, known, stop, asked)), seconds, measured)


def refuse_overlap(dataset: Dataset, batches: Iterable[Batch], entries: Collection[LedgerEntry]) -> None:
    """Refuse batches that overlap loaded ones: with `Append`, the rows of the shared time would be inserted twice.

    Raises:
        ConfigError: A batch overlaps another one that is loaded.
    """
    for batch in batches:
        for entry in entries:
            if entry.state in HOLDS and entry.batch_id != batch.id and batch.window.overlaps(window_of(entry)):
                raise ConfigError(
                    f"Batch {entry.batch_id} is loaded and covers some of {batch.window}; Append() would insert those rows again.",
                    dataset=dataset.name,
                    hint="Ask with --chunk: it keeps the cut of the ledger and loads what lies between.",
                )


def _span(dataset: Dataset, asked: Asked, as_of: datetime) -> Window:
    span, newest = range_of(dataset, asked.start, asked.end), due_up_to(dataset, as_of)
    if span.end > newest:
        raise ConfigError(
            f"The range ends at {span.end:%Y-%m-%dT%H:%MZ}, and nothing after {newest:%Y-%m-%dT%H:%MZ} is over yet: its rows are still to come.",
            dataset=dataset.name,
            hint=f"End it at {newest:%Y-%m-%dT%H:%MZ} or before; what is newer is loaded by the schedule.",
        )
    return span


def _held(dataset: Dataset, entry: LedgerEntry, asked: Asked, span: Window) -> Planned:
    batch = Batch(dataset.name, entry.batch_id, window_of(entry), is_snapshot=False)
    is_inside = span.start <= entry.window_start and entry.window_end <= span.end
    is_done = bool(asked.since and entry.committed_at and entry.committed_at >= asked.since)
    return Planned(batch, entry, asked.is_forced and entry.state == "committed" and is_inside and not is_done)


def _notes(span: Window, known: Collection[Planned], stop: Stop, asked: Asked) -> Iterator[str]:
    other = [each for each in known if _is_cut_otherwise(each.batch.window, span, stop)]
    if other:
        yield f"{_windows(other)} of the ledger {_have(other)} another cut than was asked for and will keep it; what lies between is cut to fit."
    outside = [each for each in known if each.batch.window.start < span.start or span.end < each.batch.window.end]
    whole = [each for each in outside if each.is_wanted]
    if whole:
        yield f"{_windows(whole)} of the ledger {_have(whole)} an end outside of the range, and will be loaded as a whole."
    kept = [each for each in outside if each.entry and each.entry.state == "committed"]
    if kept and asked.is_forced:
        yield f"{_windows(kept)} of the ledger {_have(kept)} an end outside of the range, and will not be loaded again."
    undone = [each for each in known if each.entry and each.entry.state == "undone"]
    if undone:
        yield f"{_windows(undone)} {_have(undone)} been taken out by `esteira undo` and will stay out: `esteira ingest --from curated --batch ID` brings one back."


def _is_cut_otherwise(window: Window, span: Window, stop: Stop) -> bool:
    """Whether a window ends elsewhere than it would be cut now; one that the range's end cuts short counts as the same."""
    last = max(window.end, span.end)
    return stop(window.start, last) != window.end


def _windows(each: Collection[Planned]) -> str:
    return "1 window" if len(each) == 1 else f"{len(each)} windows"


def _have(each: Collection[Planned]) -> str:
    return "has" if len(each) == 1 else "have"


def _estimate(wanted: Iterable[Planned], entries: Iterable[LedgerEntry]) -> tuple[float | None, int]:
    """Seconds that the wanted windows take, and how many batches say so: the median pace of earlier batches, by length of window."""
    newest = sorted(entries, key=lambda entry: entry.sequence, reverse=True)
    paces = [entry.seconds / window_of(entry).seconds for entry in newest if entry.seconds][:MEASURED]
    if not paces:
        return None, 0
    return median(paces) * sum(each.batch.window.seconds for each in wanted), len(paces)
