"""Which windows of a range are to be loaded, from what the ledger says. Pure: takes the ledger's entries and what stands open in the lake.

What the ledger has seen keeps its cut, whatever chunk is asked for: two cuts of the same time would overlap. What was loaded stays; what was skipped
or given up is loaded as the window that it is; only what lies between is cut anew. A window of an earlier definition of the source counts as loaded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from esteira.batch import Batch, Stop, Window, batch_of, cut, due_up_to, range_of, windows_of
from esteira.contract import Dataset
from esteira.contract.incremental import Chunk
from esteira.errors import ConfigError
from esteira.warehouse import LedgerEntry

ALLOWED_CHUNKS = "hours such as 12h, days such as 7d, weeks such as 2w, or a calendar month or year, 1mo or 1y"
MEASURED = 20
"""So many batches of the past, the newest, tell how long one takes."""
_CHUNK = re.compile(r"(?P<number>[1-9]\d{0,4})(?P<unit>h|d|w|mo|y)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_CALENDAR: dict[str, Chunk] = {"1mo": "month", "1y": "year"}
_LONGEST = {"month": timedelta(days=31), "year": timedelta(days=366)}
_HOLDS = frozenset({"committed", "undone"})
"""States of a batch that is not loaded again unless somebody says so."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for.

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
    """A plan.

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


@dataclass(frozen=True, slots=True)
class Gap:
    """A window that is not in the table, and why."""

    window: Window
    why: str

    def __str__(self) -> str:
        return f"{self.window} {self.why}"


def in_order(planned: Planned) -> tuple[Window, str]:
    """What windows are sorted by; of the same one the ledger may know two definitions."""
    return planned.batch.window, planned.batch.id


def read_chunk(text: str) -> Chunk:
    """The chunk that a person writes: `12h`, `7d`, `1mo`.

    Raises:
        ConfigError: It is none.
    """
    found = _CHUNK.fullmatch(text)
    if text in _CALENDAR:
        return _CALENDAR[text]
    if found is None or found["unit"] not in _UNITS:
        raise ConfigError(f"chunk {text!r} is no length of a window.", hint=f"Write {ALLOWED_CHUNKS}.")
    return int(found["number"]) * _UNITS[found["unit"]]


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
    stop = _stop(dataset, asked.chunk)
    near = [entry for entry in entries if entry.window_start < span.end and span.start < entry.window_end]
    held = [entry for entry in near if entry.state in _HOLDS]
    owed = _owed(dataset, near, [_window(entry) for entry in entries if entry.state in _HOLDS])
    gaps = _between(span, [_window(entry) for entry in (*held, *owed)])
    fresh = [Planned(batch) for gap in gaps for batch in cut(dataset, range_of(dataset, *_ends(gap)), stop, begun)]
    known = [_held(dataset, entry, asked, span) for entry in held]
    known += [Planned(batch_of(dataset, _window(entry)), entry) for entry in owed]
    windows = tuple(sorted((*known, *fresh), key=in_order))
    seconds, measured = _estimate([each for each in windows if each.is_wanted], entries)
    return Backfill(dataset.name, windows, tuple(_notes(span, known, stop, asked)), seconds, measured)


def left_out(dataset: Dataset, entries: Collection[LedgerEntry]) -> list[Gap]:
    """What of the time up to the watermark is not in the table and will not be loaded by itself, oldest first."""
    if not entries:
        return []
    span = Window(windows_of(dataset).initial_at, max(entry.window_end for entry in entries))
    taken = [_window(entry) for entry in entries if entry.state in _HOLDS]
    owed = _owed(dataset, entries, taken)
    noted = [Gap(_window(entry), entry.state.replace("_", " ")) for entry in owed]
    never = [Gap(window, "never loaded") for window in _between(span, [*taken, *(each.window for each in noted)])]
    return sorted([*noted, *never], key=lambda gap: gap.window)


def refuse_overlap(dataset: Dataset, batches: Iterable[Batch], entries: Collection[LedgerEntry]) -> None:
    """Refuse to insert the rows of the same time twice: with `Append`, a window of another cut would.

    Raises:
        ConfigError: A batch overlaps another one that is loaded.
    """
    for batch in batches:
        for entry in entries:
            if entry.state in _HOLDS and entry.batch_id != batch.id and _overlap(batch.window, _window(entry)):
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


def _stop(dataset: Dataset, chunk: Chunk | None) -> Stop:
    """Where windows end: after the chunk, and where the contract's own end at the latest, such as with the calendar's month.

    Raises:
        ConfigError: It is longer than the contract's, or shorter than what the portal can be asked for.
    """
    own = windows_of(dataset)
    if chunk is None:
        return own.stop
    if _longest(chunk) > _longest(own.chunk):
        raise ConfigError(
            f"The chunk of {_said(chunk)} is longer than the contract's {_said(own.chunk)}, which is the longest window of one batch.",
            dataset=dataset.name,
            hint="Ask for a shorter chunk, or for none: the contract's.",
        )
    shorter = replace(own, chunk=chunk)
    return lambda start, end: min(own.stop(start, end), shorter.stop(start, end))


def _longest(chunk: Chunk) -> timedelta:
    return _LONGEST[chunk] if isinstance(chunk, str) else chunk


def _said(chunk: Chunk) -> str:
    return f"a {chunk}" if isinstance(chunk, str) else str(chunk).removesuffix(", 0:00:00")


def _owed(dataset: Dataset, near: Iterable[LedgerEntry], taken: list[Window]) -> list[LedgerEntry]:
    """What was skipped or given up and that nothing else covers, as long as it is still one window of the contract."""
    found: list[LedgerEntry] = []
    for entry in (each for each in near if each.state not in _HOLDS):
        window = _window(entry)
        if _is_one(dataset, window) and not any(_overlap(window, other) for other in (*taken, *map(_window, found))):
            found.append(entry)
    return found


def _is_one(dataset: Dataset, window: Window) -> bool:
    """Whether the contract of today would ask for it as one batch."""
    incremental = windows_of(dataset)
    edges = [incremental.clock.edge(moment) for moment in _ends(window)]
    return edges == [*_ends(window)] and incremental.stop(*_ends(window)) == window.end


def _held(dataset: Dataset, entry: LedgerEntry, asked: Asked, span: Window) -> Planned:
    batch = Batch(dataset.name, entry.batch_id, _window(entry), is_snapshot=False)
    is_inside = span.start <= entry.window_start and entry.window_end <= span.end
    is_done = bool(asked.since and entry.committed_at and entry.committed_at >= asked.since)
    return Planned(batch, entry, asked.is_forced and entry.state == "committed" and is_inside and not is_done)


def _between(span: Window, windows: Iterable[Window]) -> Iterator[Window]:
    """What of the span no window covers."""
    start = span.start
    for window in sorted(windows):
        if start < window.start:
            yield Window(start, min(window.start, span.end))
        start = max(start, window.end)
        if start >= span.end:
            return
    if start < span.end:
        yield Window(start, span.end)


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
    """A shorter one at the range's end is no other cut."""
    last = max(window.end, span.end)
    return stop(window.start, last) != window.end


def _windows(each: Collection[Planned]) -> str:
    return "1 window" if len(each) == 1 else f"{len(each)} windows"


def _have(each: Collection[Planned]) -> str:
    return "has" if len(each) == 1 else "have"


def _estimate(wanted: Iterable[Planned], entries: Iterable[LedgerEntry]) -> tuple[float | None, int]:
    """Seconds by the length of windows, as the median of earlier batches took them."""
    newest = sorted(entries, key=lambda entry: entry.sequence, reverse=True)
    paces = [entry.seconds / _seconds(_window(entry)) for entry in newest if entry.seconds][:MEASURED]
    if not paces:
        return None, 0
    return median(paces) * sum(_seconds(each.batch.window) for each in wanted), len(paces)


def _seconds(window: Window) -> float:
    return (window.end - window.start).total_seconds()


def _window(entry: LedgerEntry) -> Window:
    return Window(entry.window_start, entry.window_end)


def _ends(window: Window) -> tuple[datetime, datetime]:
    return window.start, window.end


def _overlap(one: Window, other: Window) -> bool:
    return one.start < other.end and other.start < one.end
