"""What is usual of a batch: no alarm on clean batches, one on a shift, by simulation with seeded numbers."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import Generator, default_rng

from esteira.quality import stability
from esteira.quality.shift import MIN_BATCHES, Share, phase, share_limits, volume_limits
from esteira.quality.stability import NUMBERS, TEXTS, Categories, Spread, usual

FIRST = datetime(2014, 1, 1, tzinfo=UTC)
TRAIL, CLEAN = 56, 100
"""Days that are looked at, and days that are judged."""
SEEDS = [pytest.param(seed, marks=[] if seed < 1 else pytest.mark.nightly) for seed in range(6)]
WEEK = np.array([1, 1.05, 1.1, 1, 0.9, 0.3, 0.2])
Days = np.ndarray[Any, Any]


def phases(days: int) -> list[Hashable]:
    return [phase(FIRST + timedelta(days=day), FIRST + timedelta(days=day + 1)) for day in range(days)]


def trails(days: int) -> Iterator[tuple[int, range]]:
    """Each judged day, with the days behind it."""
    for day in range(days - CLEAN, days):
        yield day, range(max(day - TRAIL, 0), day)


ROWS: dict[str, Callable[[Generator, Days], Days]] = {
    "the same each day": lambda _, days: np.full(len(days), 336_776),
    "few": lambda rng, days: rng.poisson(3, len(days)),
    "counts": lambda rng, days: rng.poisson(50, len(days)),
    "a week's pattern": lambda rng, days: rng.poisson(20_000 * WEEK[days % 7] * np.exp(rng.normal(0, 0.08, len(days)))),
    "a week's pattern, few rows": lambda rng, days: rng.poisson(40 * WEEK[days % 7]),
    "none at weekends": lambda rng, days: np.where(days % 7 > 4, 0, rng.poisson(800, len(days))),
    "a skewed spread": lambda rng, days: (5_000 * np.exp(rng.normal(0, 0.3, len(days)))).astype(int),
    "overdispersed": lambda rng, days: rng.negative_binomial(5, 5 / 305, len(days)),
    "a year's pattern": lambda rng, days: rng.poisson(3_000 * (1 + 0.3 * np.sin(2 * np.pi * days / 365))),
    "growth": lambda rng, days: (1_000 * 1.01**days + rng.normal(0, 5, len(days))).astype(int),
    "often none": lambda rng, days: rng.poisson(0.2, len(days)) * rng.poisson(100, len(days)),
}


def volume_verdicts(kind: str, seed: int) -> list[bool]:
    days = TRAIL + CLEAN
    rows, own = ROWS[kind](default_rng(seed), np.arange(days)), phases(days)
    verdicts = []
    for day, past in trails(days):
        limits = volume_limits([(own[each], int(rows[each])) for each in past], own[day], 0.3)
        verdicts.append(limits is None or limits.hold(int(rows[day])))
    return verdicts


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ROWS)
def test_volume_raises_at_most_one_alarm_in_100_clean_batches(kind: str, seed: int):
    assert volume_verdicts(kind, seed).count(False) <= 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("factor", [0.0, 0.4, 2.5])
@pytest.mark.parametrize("kind", ["the same each day", "a week's pattern", "a year's pattern"])
def test_volume_finds_a_seeded_shift(kind: str, factor: float, seed: int):
    days = TRAIL + CLEAN
    rows, own = ROWS[kind](default_rng(seed), np.arange(days)), phases(days)
    found = 0
    for day, past in trails(days):
        limits = volume_limits([(own[each], int(rows[each])) for each in past], own[day], 0.3)
        assert limits is not None
        found += not limits.hold(int(rows[day] * factor))
    assert found >= 95, "of 100"


def test_a_monday_as_weak_as_a_sunday_is_found():
    rows, own = (1_000 * WEEK[np.arange(TRAIL) % 7]).astype(int), phases(TRAIL + 7)
    past = [(own[day], int(rows[day])) for day in range(TRAIL)]
    verdicts = [volume_limits(past, own[TRAIL + day], 0.3) for day in range(7)]
    assert [bool(limits and limits.hold(200)) for limits in verdicts] == [False] * 5 + [False, True]


NULLS: dict[str, Callable[[Generator, Days], tuple[Days, Days]]] = {
    "none": lambda _, days: (np.zeros(len(days), int), np.full(len(days), 1_000)),
    "all": lambda rng, days: ((rows := rng.poisson(900, len(days)) + 1), rows),
    "rare": lambda rng, days: (rng.binomial(50, 0.002, len(days)), np.full(len(days), 50)),
    "some": lambda rng, days: ((rows := rng.poisson(1_000, len(days)) + 1) * 0 + rng.binomial(rows, 0.02), rows),
    "more at weekends": lambda rng, days: ((rows := rng.poisson(900, len(days)) + 1) * 0 + rng.binomial(rows, np.where(days % 7 > 4, 0.3, 0.05)), rows),
    "cancelled flights": lambda rng, days: ((rows := rng.poisson(920, len(days)) + 1) * 0 + rng.binomial(rows, np.minimum(0.9, 0.02 * np.exp(rng.normal(0, 0.7, len(days))))), rows),
    "tiny batches": lambda rng, days: ((rows := rng.poisson(5, len(days)) + 1) * 0 + rng.binomial(rows, 0.3), rows),
    "a million rows": lambda rng, days: (rng.binomial(1_000_000, rng.beta(40, 360, len(days))), np.full(len(days), 1_000_000)),
}  # fmt: skip


def null_verdicts(kind: str, seed: int, moved: float = 0.0) -> list[bool]:
    days = TRAIL + CLEAN
    (nulls, rows), own = NULLS[kind](default_rng(seed), np.arange(days)), phases(days)
    verdicts = []
    for day, past in trails(days):
        told = [Share(own[each], int(nulls[each]), int(rows[each])) for each in past]
        limits = share_limits(told, own[day], int(rows[day]), 0.01)
        assert limits is not None
        verdicts.append(limits.hold(nulls[day] / rows[day] + moved))
    return verdicts


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", NULLS)
def test_null_rates_raise_at_most_one_alarm_in_100_clean_batches(kind: str, seed: int):
    assert null_verdicts(kind, seed).count(False) <= 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("kind", "moved"),
    [("none", 0.02), ("all", -0.02), ("some", 0.13), ("more at weekends", 0.35), ("a million rows", 0.3)],
)
def test_null_rates_find_a_seeded_shift(kind: str, moved: float, seed: int):
    assert null_verdicts(kind, seed, moved).count(True) <= 5


NUMBERS_DRAWN: dict[str, Callable[[Generator, int, float], Days]] = {
    "normal": lambda rng, _, moved: rng.normal(moved, 1, 500),
    "few": lambda rng, _, moved: rng.normal(2 * moved, 1, 60),
    "exponential": lambda rng, _, moved: rng.exponential(1 + moved, 2_000),
    "mostly zero": lambda rng, _, moved: np.round(rng.exponential(5, 1_000) * (rng.random(1_000) > 0.7 - 0.3 * moved)),
    "months": lambda rng, _, moved: rng.integers(1, 13 - round(6 * moved), 800),
    "always the same": lambda _, __, moved: np.full(300, 7 + moved),
    "other at weekends": lambda rng, day, moved: rng.normal((2 if day % 7 > 4 else 0) + moved, 1, 900),
    "small counts": lambda rng, _, moved: rng.poisson(5 + 8 * moved, 120).astype(float),
    "smaller counts": lambda rng, _, moved: rng.poisson(2 + 6 * moved, 60).astype(float),
    "grades": lambda rng, _, moved: np.minimum(rng.geometric(0.3 - 0.2 * moved, 120), 12).astype(float),
    "delays": lambda rng, _, moved: np.round(rng.exponential(40 + 60 * moved, 900) * (rng.random(900) < 0.25 + 0.25 * moved) - rng.exponential(5, 900)),
}  # fmt: skip
TEXTS_DRAWN: dict[str, Callable[[Generator, int, float], Days]] = {
    "carriers": lambda rng, _, moved: rng.choice(13, 900, p=np.roll(_CARRIERS, 3 if moved else 0)),
    "nearly always one": lambda rng, _, moved: rng.choice(2, 900, p=[0.98 - 0.3 * moved, 0.02 + 0.3 * moved]),
    "other at weekends": lambda rng, day, moved: rng.choice(3, 900, p=_MIX[2 if moved else int(day % 7 > 4)]),
    "a long tail": lambda rng, _, moved: np.minimum(rng.zipf(1.5, 900) + (5 if moved else 0), 1_000),
}
_CARRIERS = np.array([17, 16, 16, 14, 10, 8, 6, 5, 3, 2, 1, 1, 1]) / 100
_MIX = [[0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0.33, 0.34, 0.33]]


def deciles(values: Days) -> tuple[float, ...]:
    """As a profile has them: values that occur."""
    ordered = np.sort(values)
    return tuple(float(ordered[max(int(np.ceil(step / 10 * len(ordered))) - 1, 0)]) for step in range(11))


def categories(values: Days) -> Categories:
    found, counts = np.unique(values, return_counts=True)
    top = np.argsort(-counts)[:10]
    return Categories({str(found[at]): int(counts[at]) for at in top}, len(values))


def judge_numbers(past: Sequence[Spread[Any]], own: Hashable, values: Days) -> bool:
    known = usual(past, own, NUMBERS)
    assert known is not None
    shares = stability.decile_shares(
        [np.mean(values < cut) for cut in known.groups], [np.mean(values <= cut) for cut in known.groups]
    )
    found = stability.index(shares, [0.1] * 10, len(values))
    return found <= stability.highest_index(known, len(values), 0.2)


def judge_texts(past: Sequence[Spread[Any]], own: Hashable, values: Days) -> bool:
    known = usual(past, own, TEXTS)
    assert known is not None
    shares = [float(np.mean(values.astype(str) == each)) for each in known.groups]
    found = stability.index([*shares, 1 - sum(shares)], stability.expected_shares(known.groups), len(values))
    return found <= stability.highest_index(known, len(values), 0.2)


def verdicts(
    draw: Callable[..., Days],
    known: Callable[[Days], Any],
    judge: Callable[..., bool],
    seed: int,
    moved: float,
    every: int = 1,
) -> list[bool]:
    days = TRAIL + CLEAN
    rng, own = default_rng(seed), phases(days)
    drawn = [draw(rng, day, 0.0) for day in range(days)]
    spreads = [Spread(own[day], known(drawn[day]), len(drawn[day])) for day in range(days)]
    judged = ((day, past) for day, past in trails(days) if day % every == 0)
    return [
        judge([spreads[each] for each in past], own[day], draw(rng, day, moved) if moved else drawn[day])
        for day, past in judged
    ]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", NUMBERS_DRAWN)
def test_distributions_of_numbers_raise_at_most_one_alarm_in_100_clean_batches(kind: str, seed: int):
    assert verdicts(NUMBERS_DRAWN[kind], deciles, judge_numbers, seed, 0.0).count(False) <= 1


@pytest.mark.parametrize("kind", NUMBERS_DRAWN)
def test_distributions_of_numbers_find_a_seeded_shift(kind: str):
    found = verdicts(NUMBERS_DRAWN[kind], deciles, judge_numbers, 1, 1.0, every=5)
    assert found.count(False) >= 18, "of 20"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", TEXTS_DRAWN)
def test_distributions_of_texts_raise_at_most_one_alarm_in_100_clean_batches(kind: str, seed: int):
    assert verdicts(TEXTS_DRAWN[kind], categories, judge_texts, seed, 0.0).count(False) <= 1


@pytest.mark.parametrize("kind", TEXTS_DRAWN)
def test_distributions_of_texts_find_a_seeded_shift(kind: str):
    found = verdicts(TEXTS_DRAWN[kind], categories, judge_texts, 1, 1.0, every=5)
    assert found.count(False) >= 18, "of 20"


SAMPLED = 1_024
"""Rows that the profile of a wide table keeps."""


def sampled_deciles(values: Days) -> tuple[float, ...]:
    return deciles(default_rng(len(values)).choice(values, SAMPLED, replace=False))


def sampled_categories(values: Days) -> Categories:
    """As a profile estimates them: of values seen five times or more, by the rows that each stands for."""
    found = categories(default_rng(len(values)).choice(values, SAMPLED, replace=False))
    factor = len(values) / SAMPLED
    return Categories({text: round(rows * factor) for text, rows in found.counts.items() if rows >= 5}, len(values))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("draw", "known", "judge"),
    [
        (lambda rng, _, moved: rng.normal(moved, 1, 9_000), sampled_deciles, judge_numbers),
        (lambda rng, _, moved: np.round(rng.exponential(5 + 5 * moved, 9_000)), sampled_deciles, judge_numbers),
        (lambda rng, _, moved: rng.choice(13, 9_000, p=np.roll(_CARRIERS, 3 if moved else 0)), sampled_categories, judge_texts),
    ],
    ids=["normal", "tied", "texts"],
)  # fmt: skip
def test_what_a_sample_says_of_wide_tables_raises_no_more_alarms_and_finds_a_seeded_shift(
    draw: Any, known: Any, judge: Any, seed: int
):
    assert verdicts(draw, known, judge, seed, 0.0).count(False) <= 1
    assert verdicts(draw, known, judge, seed, 1.0, every=20).count(False) >= 4, "of 5"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 8))])
def test_all_34_rules_of_a_dataset_together_raise_at_most_one_alarm_in_100_clean_batches(seed: int):
    """Each kind of figures stands for a column with a rule, so the alarms of all of them come together."""
    judged = [
        *(volume_verdicts(kind, seed) for kind in ROWS),
        *(null_verdicts(kind, seed) for kind in NULLS),
        *(verdicts(NUMBERS_DRAWN[kind], deciles, judge_numbers, seed, 0.0) for kind in NUMBERS_DRAWN),
        *(verdicts(TEXTS_DRAWN[kind], categories, judge_texts, seed, 0.0) for kind in TEXTS_DRAWN),
    ]
    assert len(judged) == 34
    assert sum(each.count(False) for each in judged) <= 1


def test_nothing_is_said_before_there_are_enough_batches():
    monday = [(0, 100)] * (MIN_BATCHES - 1)
    assert volume_limits(monday, 0, 0.3) is None
    assert volume_limits([*monday, (0, 100)], 0, 0.3) is not None
    assert volume_limits([(0, 100)] * 3 + [(1, 100)] * 40, 0, 0.3) is None
    assert share_limits([Share(0, 0, 0)] * 20, 0, 10, 0.01) is None
    assert usual([Spread(0, [0.0] * 11, 10)] * 20, 0, NUMBERS) is None


def test_one_strange_batch_in_the_past_neither_hides_nor_makes_a_finding():
    past = [(0, 1_000 + day % 3) for day in range(20)]
    limits = volume_limits([*past, (0, 0), (0, 1_000_000)], 0, 0.3)
    assert limits is not None
    assert (limits.hold(1_000), limits.hold(500), limits.hold(2_000)) == (True, False, False)


def test_values_that_many_rows_have_are_dealt_out_to_their_groups():
    """Seven of ten values are zero: edges fall on them, and no row is on a wrong side."""
    dealt = stability.decile_shares([0.0] * 6 + [0.7, 0.8, 0.9], [0.7] * 6 + [0.8, 0.9, 1.0])
    assert dealt == pytest.approx([0.1] * 10)
    zeros = [0.0] * 8 + [1.0, 2.0, 3.0]
    assert stability.deciles_among(zeros, [zeros])[1] == pytest.approx([0.1] * 10)


def test_rows_that_cannot_be_dealt_out_in_tenths_are_dealt_out_evenly():
    """Of the value that is the edge of the first three tenths there are too few rows for three, and no tenth is called empty for it."""
    dealt = stability.decile_shares(
        [0.0] * 3 + [0.24, 0.4, 0.5, 0.6, 0.7, 0.8], [0.24] * 3 + [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    )
    assert dealt == pytest.approx([0.08] * 3 + [0.76 / 7] * 7)


@given(
    masses=st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any),
    edges=st.lists(st.integers(0, 12), min_size=9, max_size=9).map(sorted),
)
def test_no_other_dealing_is_more_even(masses: list[int], edges: list[int]):
    """However the cuts are moved within what their values' rows allow, the index does not become smaller."""
    total = np.concatenate([[0], np.cumsum(masses + [0] * 13)])
    below, up_to = ([float(total[edge + side] / total[-1]) for edge in edges] for side in (0, 1))
    dealt = stability.decile_shares(below, up_to)
    cuts = np.cumsum(dealt)[:-1]
    assert sum(dealt) == pytest.approx(1)
    assert all(low - 1e-9 <= cut <= high + 1e-9 for low, cut, high in zip(below, cuts, up_to, strict=True))
    best = float(np.sum(np.square(dealt)))
    rng = default_rng(len(masses))
    for _ in range(20):
        other = np.sort(rng.uniform(below, np.maximum(up_to, below)))
        for share in (0.01, 0.5, 1.0):
            moved = np.diff(np.concatenate([[0], cuts + share * (other - cuts), [1]]))
            assert float(np.sum(np.square(moved))) >= best - 1e-9


@pytest.mark.parametrize(
    ("hours", "days", "same"),
    [
        (24, 7, True),
        (24, 1, False),
        (23, 7, True),
        (25, 7, True),
        (1, 7, True),
        (1, 1, False),
        (24 * 7, 7, True),
        (24 * 3, 3, True),
        (24 * 31, 31, True),
    ],
)
def test_windows_are_like_those_of_the_same_weekday_and_hour(hours: int, days: int, *, same: bool):
    later = FIRST + timedelta(days=days)
    alike = phase(FIRST, FIRST + timedelta(hours=hours)) == phase(later, later + timedelta(hours=hours))
    assert alike is same
