"""Whether a figure of a batch lies outside of what the trailing batches had. Robust statistics alone: no SQL, no words.

Like is compared with like: batches of a day with those of the same weekday, batches of an hour with those of the same hour of the week. What is usual is
the median of the like ones, and how far a figure may stray comes from how far each trailing batch lies from the others of its kind (median absolute
deviation, so a strange batch in the past neither hides nor makes a finding). No figure is out that sampling alone explains: counts vary by their root.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

MIN_BATCHES = 8
"""Trailing batches without which nothing is said."""
MIN_LIKE = 4
"""Of them, those of the same weekday or hour of the week: four weeks."""
DEVIATIONS = 5.0
"""How many standard deviations are usual. Figures of a normal distribution lie further off once in a million times; those of data have longer tails."""
MAD_TO_DEVIATION = 1.4826
"""Of a normal distribution: Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, https://doi.org/10.1080/01621459.1993.10476408"""
FEW = 4
"""A spread that was found from n batches is widened by 1 + 4/n: it may be too small by chance."""
_WILDER = 2.0
"""By so much a spread must be larger than another to be believed beside it: like batches that stray so much more than all have a spread of their own."""
_OFTEN_EMPTY = 0.1
"""From this share of batches on that are empty while their likes are not, or the other way round, a dataset has no usual volume."""
_SHORTEST_DAY, _LONGEST_DAY = timedelta(hours=23), timedelta(hours=25)
"""Of a clock that is put on or back."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is usual of a figure.

    Attributes:
        low, high: Ends of what is usual.
        usual: Median of the like batches.
        batches: How many these were.
    """

    low: float
    high: float
    usual: float
    batches: int

    def hold(self, figure: float) -> bool:
        """Whether a figure is usual."""
        return self.low <= figure <= self.high


@dataclass(frozen=True, slots=True)
class Share:
    """Rows out of rows, in a trailing batch.

    Attributes:
        phase: Which batches are like it.
        part: Rows that are meant.
        rows: All.
    """

    phase: Hashable
    part: int
    rows: int


def phase(start: datetime, end: datetime) -> Hashable:
    """What batches of one kind share: the weekday of days, the hour of the week of shorter windows; longer ones are all alike."""
    length = end - start
    if length > _LONGEST_DAY:
        return None
    return start.weekday() if length >= _SHORTEST_DAY else (start.weekday(), start.time())


def volume_limits(past: Sequence[tuple[Hashable, int]], own: Hashable, change: float) -> Limits | None:
    """How many rows are usual; None while there are too few batches to tell.

    Args:
        past: Phase and rows of each trailing batch.
        own: The batch's phase.
        change: Relative change that is never out: 0.3 is from 1/1.3 to 1.3 times the usual.
    """
    found = _expected([(each, math.log1p(rows)) for each, rows in past], own)
    if found is None or _is_intermittent(past):
        return None
    usual, spread, batches = found
    allowed = max(math.log1p(change), DEVIATIONS * max(spread, 1 / math.sqrt(math.exp(usual))))
    return Limits(math.expm1(usual - allowed), math.expm1(usual + allowed), math.expm1(usual), batches)


def _is_intermittent(past: Sequence[tuple[Hashable, int]]) -> bool:
    groups = _grouped(past).values()
    odd = sum(min(sum(1 for rows in group if rows), sum(1 for rows in group if not rows)) for group in groups)
    return odd > _OFTEN_EMPTY * len(past)


def share_limits(past: Sequence[Share], own: Hashable, rows: int, change: float) -> Limits | None:
    """Which share of so many rows is usual; None while there are too few batches to tell.

    The shares are compared as angles, on which sampling moves all of them alike (Anscombe, https://doi.org/10.1093/biomet/35.3-4.246), and as odds where
    they vary more than sampling explains, since a share that varies from batch to batch varies by factors. What either calls usual is usual.

    Args:
        past: The trailing batches that had any row.
        own: The batch's phase.
        rows: The batch's rows.
        change: Change that is never out, in points of share: 0.01 is one row of a hundred.
    """
    told = [each for each in past if each.rows]
    angles = _expected([(each.phase, _angle(each.part, each.rows)) for each in told], own)
    odds = _expected([(each.phase, _log_odds(each.part, each.rows)) for each in told], own)
    if angles is None or odds is None:
        return None
    by_chance = 0.5 / math.sqrt(rows + 0.5)
    stray = DEVIATIONS * max(angles[1], by_chance)
    factor = DEVIATIONS * odds[1] if angles[1] > _WILDER * by_chance else 0.0
    typical = median(each.part / each.rows for each in told if each.phase == own)
    low = min(_share(angles[0] - stray, rows), _share_of(odds[0] - factor, rows), typical - change)
    high = max(_share(angles[0] + stray, rows), _share_of(odds[0] + factor, rows), typical + change)
    return Limits(low, high, typical, angles[2])


def _log_odds(part: int, rows: int) -> float:
    return math.log((part + 0.5) / (rows - part + 0.5))


def _share_of(log_odds: float, rows: int) -> float:
    inside = 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))
    return (inside * (rows + 1) - 0.5) / rows


def _angle(part: int, rows: int) -> float:
    return math.asin(math.sqrt((part + 0.375) / (rows + 0.75)))


def _share(angle: float, rows: int) -> float:
    inside = min(max(angle, 0.0), math.pi / 2)
    return (math.sin(inside) ** 2 * (rows + 0.75) - 0.375) / rows


def _expected(past: Sequence[tuple[Hashable, float]], own: Hashable) -> tuple[float, float, int] | None:
    """Median of the like figures, spread of all around their likes (of the like ones where those are wilder), and how many are alike."""
    groups = _grouped(past)
    if len(past) < MIN_BATCHES or len(groups.get(own, ())) < MIN_LIKE:
        return None
    strays = [stray for group in groups.values() for stray in _strays(group)]
    common, like = _spread(strays) * (1 + FEW / len(strays)), _spread(_strays(groups[own]))
    return median(groups[own]), like if like > _WILDER * common else common, len(groups[own])


def _spread(strays: Sequence[float]) -> float:
    return MAD_TO_DEVIATION * median(map(abs, strays))


def _grouped(past: Sequence[tuple[Hashable, float]]) -> dict[Hashable, list[float]]:
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for key, figure in past:
        groups[key].append(figure)
    return groups


def _strays(group: Sequence[float]) -> list[float]:
    """How far each figure lies from the middle of the others: one that counted itself would seem to lie nearer than a new one does."""
    if len(group) < 2:
        return []
    return [figure - median([*group[:at], *group[at + 1 :]]) for at, figure in enumerate(group)]
