"""The report of a backfill: what it foretells before it loads, and what it says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from esteira.backfill import Backfill, Planned
from flows.windows import Outcome

HEADER = ("window", "state", "rows", "quarantined", "seconds")
NAMED = 3
"""So many failed windows are named in a sentence; the table has all."""


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """One run.

    Attributes:
        plan: The windows, and what was known of them beforehand.
        outcomes: What became of each, oldest first; none of a dry run.
        sentence: All of it in one line.
        again: The command that goes on with what is missing.
    """

    plan: Backfill
    outcomes: tuple[Outcome, ...] = ()
    sentence: str = ""
    again: str = ""

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The windows that failed, oldest first."""
        return tuple(each for each in self.outcomes if each.fate == "failed")

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """A row of `HEADER` for each window."""
        if not self.outcomes:
            return [_foretold_row(each) for each in self.plan.windows]
        return [_row(each) for each in self.outcomes]


def foretold(plan: Backfill, at_once: int) -> str:
    """What will be done, in one line."""
    wanted, total = len(plan.wanted), len(plan.windows)
    stays = (
        f"{total - wanted} of {_windows(total)} need nothing"
        if wanted < total
        else f"{_windows(total)}, none of them loaded"
    )
    if not wanted:
        return f"{_windows(total)}, and nothing is missing."
    return f"{stays}; {wanted} to load, {_estimate(plan, at_once)}."


def _estimate(plan: Backfill, at_once: int) -> str:
    if plan.seconds is None:
        return "nobody knows in how long: no batch of this dataset has been measured yet"
    batches = f"{plan.measured} earlier batches" if plan.measured > 1 else "1 earlier batch"
    turns = "one after the other" if at_once == 1 else f"{at_once} at once"
    return f"about {duration(plan.seconds / at_once)}, {turns}, by the pace of {batches}"


def summed_up(outcomes: Iterable[Outcome]) -> str:
    """What was done, in one line."""
    ended = list(outcomes)
    fates = Counter(each.fate for each in ended)
    counts = ", ".join(f"{number} {fate}" for fate, number in fates.items())
    fresh = [each for each in ended if each.fate in {"loaded", "loaded again"}]
    rows, refused = sum(each.rows for each in fresh), sum(each.quarantined for each in fresh)
    return f"{_windows(len(ended))}: {counts or 'none'}; {rows:,} rows, {refused:,} quarantined."


def warned(report: BackfillReport) -> str:
    """The same of a run in which windows failed, with what they failed of and the next step."""
    named = [f"{each.planned.batch.window} ({each.error})" for each in report.failures]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return (
        f"{len(named)} of {_windows(len(report.outcomes))} failed: {', '.join(named[:NAMED])}{more}. {report.sentence} First: {report.failures[0].message} "
        f"When it is mended, start this run again, or `{report.again}`: only what is missing is loaded."
    )


def clause(outcome: Outcome) -> str:
    """One window's end."""
    window = outcome.planned.batch.window
    if outcome.fate == "failed":
        return f"{window} failed: {outcome.error}"
    return (
        f"{window} {outcome.fate}: {outcome.rows:,} rows, {outcome.quarantined:,} quarantined, {outcome.seconds:.1f} s"
    )


def duration(seconds: float) -> str:
    """In the unit that a person would say."""
    whole = max(round(seconds), 1)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 6000 else f"{whole / 3600:.1f} h"


def _row(outcome: Outcome) -> tuple[object, ...]:
    state = f"failed: {outcome.error}" if outcome.fate == "failed" else outcome.fate
    counted = outcome.fate not in {"failed", "not tried", "taken out"}
    counts = (outcome.rows, outcome.quarantined) if counted else (None, None)
    return outcome.planned.batch.window, state, *counts, round(outcome.seconds, 1) if outcome.seconds else None


def _foretold_row(planned: Planned) -> tuple[object, ...]:
    entry = planned.entry
    counts = (
        (entry.extracted, entry.quarantined, entry.seconds) if entry and entry.state == "committed" else (None,) * 3
    )
    return planned.batch.window, _foretold_state(planned), *counts


def _foretold_state(planned: Planned) -> str:
    state = planned.entry.state if planned.entry else ""
    if not planned.is_wanted:
        return "taken out, stays so" if state == "undone" else "loaded"
    if planned.is_again:
        return "loaded, to load again"
    return f"{state.replace('_', ' ')}, to load" if state else "to load"


def _windows(number: int) -> str:
    return "1 window" if number == 1 else f"{number} windows"
