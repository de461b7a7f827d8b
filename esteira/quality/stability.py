"""The population stability index: how far the values of a batch are spread otherwise than those of the trailing batches.

Numbers and moments fall into ten groups, cut where the trailing batches have their deciles; texts into one for each frequent value and one for the rest.
The index is the sum of (share - expected) * ln(share / expected): below 0.1 nothing has changed, above 0.2 to 0.25 something has, by the custom of credit
scoring (Siddiqi, Credit Risk Scorecards, 2006). No SQL here, and no words.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean as mean
from statistics import median, median_low
from typing import Generic, TypeAlias, TypeVar

from esteira.quality.shift import DEVIATIONS, FEW, MAD_TO_DEVIATION, MIN_BATCHES, MIN_LIKE

MIN_ROWS = 50
"""Values of a batch below which its shares say nothing."""
_FLOOR = 0.001
"""Least share in the logarithm, so that a group which nobody is in counts, and not without bound."""
_MIN_SHARE = 0.01
"""A text is a group of its own from here on."""
_GROUPS_LESS_ONE = 9
_BY_CHANCE = 42.0
"""Of n values drawn from the very reference, n times the index of ten groups is about χ² with 9 degrees of freedom: 9 in the mean, and above 42 once in
300,000 times. A dataset may have many such rules."""
_MEDIAN_NOISE = math.pi / 2
"""The reference is itself drawn from like batches. Its cuts are their medians, which vary by so much more than means do."""
Deciles: TypeAlias = Sequence[float]
"""p0, p10 … p100."""


Figure = TypeVar("Figure")
Reference = TypeVar("Reference")


@dataclass(frozen=True, slots=True)
class Spread(Generic[Figure]):
    """How the values of a trailing batch are spread.

    Attributes:
        phase: Which batches are like it.
        figure: What is known of them: deciles, or categories.
        rows: How many there are.
    """

    phase: Hashable
    figure: Figure
    rows: int


@dataclass(frozen=True, slots=True)
class Kind(Generic[Figure, Reference]):
    """What the index needs of numbers, and of texts.

    Attributes:
        learn: The groups, from the figures of several batches.
        compare: Shares of a figure, and those that the figures of other batches let expect.
    """

    learn: Callable[[Sequence[Figure]], Reference]
    compare: Callable[[Figure, Sequence[Figure]], tuple[list[float], list[float]]]


@dataclass(frozen=True, slots=True)
class Usual(Generic[Reference]):
    """What the trailing batches say.

    Attributes:
        groups: The groups that values fall into.
        indices: Index and values of each trailing batch, against the others of its kind.
        batches: How many like batches the groups come from.
        rows: How many values these have.
    """

    groups: Reference
    indices: tuple[tuple[float, int], ...]
    batches: int
    rows: int


def usual(past: Sequence[Spread[Figure]], own: Hashable, kind: Kind[Figure, Reference]) -> Usual[Reference] | None:
    """The groups, from the batches that are like this one; None while there are too few to tell."""
    told = [each for each in past if each.rows >= MIN_ROWS]
    like = [each for each in told if each.phase == own]
    if len(told) < MIN_BATCHES or len(like) < MIN_LIKE:
        return None
    indices = tuple(pair for pair in (_against_others(each, told, kind) for each in told) if pair)
    return Usual(kind.learn([each.figure for each in like]), indices, len(like), sum(each.rows for each in like))


def _against_others(
    one: Spread[Figure], past: Sequence[Spread[Figure]], kind: Kind[Figure, Reference]
) -> tuple[float, int] | None:
    others = [each.figure for each in past if each.phase == one.phase and each is not one]
    return (index(*kind.compare(one.figure, others), one.rows), one.rows) if others else None


@dataclass(frozen=True, slots=True)
class Categories:
    """The frequent values of a batch.

    Attributes:
        counts: Rows of each.
        rows: Rows that have a value.
    """

    counts: Mapping[str, int]
    rows: int


def edges(past: Sequence[Deciles]) -> tuple[float, ...]:
    """Where nine cuts leave a tenth of the trailing values each: the medians of the batches' own deciles, values that occurred."""
    return tuple(median_low(each[cut] for each in past) for cut in range(1, 10))


def decile_shares(below: Sequence[float], up_to: Sequence[float]) -> list[float]:
    """Shares of the ten groups.

    A value that many rows have may be several edges at once, and belongs to neither side: its rows go where they fit best. If they can be dealt
    out so that each group has its tenth, nothing has changed; if not, as evenly as they can be, or a group would seem to be empty of which half a
    value is missing.

    Args:
        below: For each edge, the share of values below it.
        up_to: The same with those on it.
    """
    shares: list[float] = []
    lows, highs, reached = [*below, 1.0], [*up_to, 1.0], 0.0
    while len(shares) < len(lows):
        steps, end = _straight(lows[len(shares) :], highs[len(shares) :], reached)
        shares += [(end - reached) / steps] * steps
        reached = end
    return shares


def _straight(lows: Sequence[float], highs: Sequence[float], start: float) -> tuple[int, float]:
    """How many edges a string reaches without a bend that is pulled taut between the lows and the highs, and how high it is there.

    Of all strings the taut one has the most even slopes: Davies and Kovac, https://doi.org/10.1214/aos/996986501
    """
    least, most = (-math.inf, 0, 0.0), (math.inf, 0, 0.0)
    for steps, (low, high) in enumerate(zip(lows, highs, strict=True), 1):
        up, down = (low - start) / steps, (high - start) / steps
        if up > most[0]:
            return most[1:]
        if down < least[0]:
            return least[1:]
        least = least if up < least[0] else (up, steps, low)
        most = most if down > most[0] else (down, steps, high)
    return len(lows), 1.0


def deciles_among(deciles: Deciles, others: Sequence[Deciles]) -> tuple[list[float], list[float]]:
    """The tenths of a batch of which only the deciles are known, and how much of the others' values lies in each."""
    cuts = deciles[1:-1]
    below = [mean(_rank_below(other, cut) for other in others) for cut in cuts]
    up_to = [mean(_rank_up_to(other, cut) for other in others) for cut in cuts]
    return [0.1] * 10, decile_shares(below, up_to)


def _rank_below(deciles: Deciles, value: float) -> float:
    """Share of values below one. Where the value is a decile, many rows have it: that is how two batches come to share one."""
    at = bisect_left(deciles, value)
    return _between(deciles, value, at) if at == len(deciles) or deciles[at] != value else max(at - 1, 0) / 10


def _rank_up_to(deciles: Deciles, value: float) -> float:
    at = bisect_right(deciles, value)
    return _between(deciles, value, at) if at == 0 or deciles[at - 1] != value else min(at, 10) / 10


def _between(deciles: Deciles, value: float, at: int) -> float:
    """Between two deciles values are taken to be spread evenly."""
    if at in {0, len(deciles)}:
        return float(at > 0)
    left, right = deciles[at - 1], deciles[at]
    return (at - 1 + (value - left) / (right - left)) / 10


def frequent(past: Sequence[Categories]) -> dict[str, float]:
    """The texts that are groups of their own, with the share that is usual of each."""
    shares: dict[str, list[float]] = {}
    for batch in past:
        for value, count in batch.counts.items():
            shares.setdefault(value, []).append(count / batch.rows)
    middle = {value: median(found) for value, found in shares.items() if len(found) * 2 > len(past)}
    return {value: share for value, share in middle.items() if share >= _MIN_SHARE}


def category_shares(batch: Categories, expected: Mapping[str, float]) -> list[float]:
    """Shares of the groups of `frequent`, and of all other values; a value that a batch did not tell is as rare as its rarest told one."""
    rarest = min(batch.counts.values(), default=0) / batch.rows
    shares = [
        batch.counts[each] / batch.rows if each in batch.counts else min(expected[each], rarest) for each in expected
    ]
    return [*shares, max(1 - sum(shares), 0.0)]


def _categories_among(batch: Categories, others: Sequence[Categories]) -> tuple[list[float], list[float]]:
    expected = frequent(others)
    return category_shares(batch, expected), expected_shares(expected)


def expected_shares(expected: Mapping[str, float]) -> list[float]:
    """The usual shares, in the order of `category_shares`."""
    return [*expected.values(), max(1 - sum(expected.values()), 0.0)]


def index(shares: Sequence[float], expected: Sequence[float], rows: int) -> float:
    """The population stability index of so many values; 0 when both are alike. A group that nobody is in counts as half a row."""
    floor = max(_FLOOR, 0.5 / rows)
    pairs = [(max(share, floor), max(usual, floor)) for share, usual in zip(shares, expected, strict=True)]
    return sum((share - usual) * math.log(share / usual) for share, usual in pairs)


def highest_index(known: Usual[Reference], rows: int, least: float) -> float:
    """The largest index that is usual of a batch with so many values: what chance makes, and how the trailing batches differ beyond it.

    A batch that is shifted by some deviations has an index that grows by their square, so it is the root whose spread is taken.

    Args:
        known: What the trailing batches say.
        rows: Values of the batch.
        least: An index up to this one is never out.
    """
    beyond = [math.sqrt(max(each - _GROUPS_LESS_ONE / count, 0.0)) for each, count in known.indices]
    spread = MAD_TO_DEVIATION * median(beyond) * (1 + FEW / len(beyond))
    by_chance = _BY_CHANCE * (1 / rows + _MEDIAN_NOISE / known.rows)
    return max(least, by_chance + (DEVIATIONS * spread) ** 2)


NUMBERS: Kind[Deciles, tuple[float, ...]] = Kind(edges, deciles_among)
TEXTS: Kind[Categories, dict[str, float]] = Kind(frequent, _categories_among)
