"""The reconciliation as a flow: what the portal reported, what arrived, what passed, and where it went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esteira.report.amounts import count, share
from esteira.report.bilingual import Text
from esteira.report.facts import BatchFacts
from esteira.report.words import say

WRITTEN = ("inserted", "updated", "unchanged", "stale", "duplicate")
SMALLEST_WIDTH = 0.012
"""Of the picture: what is there is seen, be it one row in a million."""
LABEL_WIDTH = 0.3
"""A segment this wide has room for its name on a phone."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar.

    Attributes:
        key: What it is: `curated`, `quarantined`, …
        rows: How many.
        whole: Rows of the stage.
        start, end: Where it lies, 0 to 1 of the picture's width.
    """

    key: str
    rows: int
    whole: int
    start: float
    end: float

    @property
    def label(self) -> Text:
        """Its name."""
        return say(self.key)

    @property
    def rows_text(self) -> Text:
        """How many."""
        return count(self.rows)

    @property
    def share_text(self) -> Text:
        """Of the stage's rows."""
        return share(self.rows, self.whole)

    @property
    def width_percent(self) -> str:
        """For the style sheet."""
        return f"{100 * (self.end - self.start):.3f}"

    @property
    def has_label(self) -> bool:
        """Whether its name fits into it."""
        return self.end - self.start >= LABEL_WIDTH


@dataclass(frozen=True, slots=True)
class Stage:
    """A row of the picture; segments without rows are listed and not drawn."""

    key: str
    rows: int
    segments: tuple[Segment, ...]
    empty: tuple[Segment, ...] = ()

    @property
    def label(self) -> Text:
        """Its name."""
        return say(f"stage_{self.key}")

    @property
    def rows_text(self) -> Text:
        """All of its rows."""
        return count(self.rows)


@dataclass(frozen=True, slots=True)
class Band:
    """Rows on their way from one stage to the next: a range of the upper bar to a range of the lower."""

    key: str
    upper: tuple[float, float]
    lower: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Flow:
    """The picture: stages, and between each two of them the bands."""

    stages: tuple[Stage, ...]

    @property
    def gaps(self) -> tuple[tuple[Band, ...], ...]:
        """One for each stage but the last."""
        return tuple(tuple(_bands(upper, lower)) for upper, lower in zip(self.stages, self.stages[1:], strict=False))


def flow_of(facts: BatchFacts) -> Flow | None:
    """The flow of a batch; None when it brought no rows."""
    entry = facts.entry
    if not entry.extracted and not entry.total_reported:
        return None
    widest = max(entry.extracted, entry.total_reported or 0)
    stages = [
        _stage("extracted", {"extracted": entry.extracted}, widest),
        _stage("checked", {"curated": entry.curated, "quarantined": entry.quarantined}, widest),
        _stage("written", {name: getattr(entry, name) for name in WRITTEN}, widest),
    ]
    if entry.total_reported is not None:
        erased = facts.raw.erased if facts.raw else 0
        stages.insert(0, _stage("reported", {"reported": entry.total_reported}, widest))
        if erased:
            stages[1] = _stage("extracted", {"extracted": entry.extracted, "erased": erased}, widest)
    return Flow(tuple(stages))


def _stage(key: str, rows: dict[str, int], widest: int) -> Stage:
    whole, drawn = sum(rows.values()), {name: number for name, number in rows.items() if number}
    widths = _widths(list(drawn.values()), widest)
    start, segments = 0.0, []
    for (name, number), width in zip(drawn.items(), widths, strict=True):
        segments.append(Segment(name, number, whole, start, start + width))
        start += width
    empty = tuple(Segment(name, 0, whole, 0, 0) for name, number in rows.items() if not number)
    return Stage(key, whole, tuple(segments), empty)


def _widths(rows: list[int], widest: int) -> list[float]:
    """In proportion, each at least the smallest; what that takes, the largest gives."""
    widths = [max(number / widest, SMALLEST_WIDTH) for number in rows]
    surplus = sum(widths) - sum(rows) / widest
    if widths:
        widths[widths.index(max(widths))] -= surplus
    return widths


def _bands(upper: Stage, lower: Stage) -> Iterator[Band]:
    """Rows go to the segments below in order; quarantined and erased ones go nowhere."""
    source = next((each for each in upper.segments if each.key not in {"quarantined", "erased"}), None)
    if source is None or not lower.segments:
        return
    whole, reached = sum(each.end - each.start for each in lower.segments), source.start
    width = min(source.end - source.start, 1.0)
    for each in lower.segments:
        step = width * (each.end - each.start) / whole
        yield Band(each.key, (reached, reached + step), (each.start, each.end))
        reached += step
