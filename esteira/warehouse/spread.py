"""How a staged column's values are spread, counted by SQL in the groups that the trailing batches made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pyarrow as pa

from esteira.contract import Column, Distribution
from esteira.findings import finding
from esteira.quality import stability
from esteira.quality.stability import Categories, Spread, Usual
from esteira.warehouse.connection import Session
from esteira.warehouse.findings import Broken
from esteira.warehouse.request import LoadRequest
from esteira.warehouse.staging import STAGING
from esteira.warehouse.trail import Profiled, kind

_CUT_CHARACTERS = 200
"""A text that a profile shows as long as this may be cut."""
_DAY_SECONDS = 86_400
Name = dict[str, str]
Counted = tuple[list[Name], list[float], list[float], int]
"""Names of the groups, their shares and the expected ones, and the values counted."""


def find(session: Session, request: LoadRequest, rule: Distribution, past: Sequence[Profiled]) -> Iterator[Broken]:
    """Whether the column's values are spread as usual.

    Args:
        session: In the load's transaction, the batch staged.
        request: The batch.
        rule: The column, and from which index on it is looked at.
        past: The column in the trailing batches.
    """
    column = next(each for each in request.dataset.columns if each.name == rule.column)
    window = request.batch.window
    own = kind(request.batch.id, window.start, window.end)
    if pa.types.is_string(column.arrow) or pa.types.is_boolean(column.arrow):
        texts = stability.usual(_texts(past), own, stability.TEXTS)
        if texts is not None and texts.groups:
            yield from _judge(*_count_texts(session, column, texts.groups), rule, texts)
        return
    numbers = stability.usual(_numbers(past, column), own, stability.NUMBERS)
    if numbers is not None:
        yield from _judge(*_count_numbers(session, column, numbers.groups, window.start), rule, numbers)


def _judge(
    names: list[Name], shares: list[float], expected: list[float], rows: int, rule: Distribution, usual: Usual[Any]
) -> Iterator[Broken]:
    if rows < stability.MIN_ROWS:
        return
    found = stability.index(shares, expected, rows)
    highest = stability.highest_index(usual, rows, rule.index)
    if found > highest:
        apart = max(range(len(shares)), key=lambda at: abs(shares[at] - expected[at]))
        facts = {"index": found, "highest": highest, "batches": usual.batches, "rows": rows}
        most = {"share": shares[apart], "expected": expected[apart]}
        yield Broken(finding("distribution", column=rule.column, **names[apart], **facts, **most), rule.otherwise)


def _numbers(past: Sequence[Profiled], column: Column) -> list[Spread[stability.Deciles]]:
    """Deciles; those of moments and days count from the window's start, since all of them move with it."""
    return [
        Spread(each.batch.phase, [value - _origin(column, each.batch.start) for value in each.quantiles], each.values)
        for each in past
        if each.quantiles
    ]


def _origin(column: Column, start: datetime) -> float:
    return start.timestamp() if pa.types.is_temporal(column.arrow) else 0.0


def _texts(past: Sequence[Profiled]) -> list[Spread[Categories]]:
    return [
        Spread(each.batch.phase, Categories(_whole(each.top_values), each.values), each.values)
        for each in past
        if each.values
    ]


def _whole(top_values: Sequence[tuple[str, int]]) -> dict[str, int]:
    return {value: rows for value, rows in top_values if len(value) < _CUT_CHARACTERS}


def _count_numbers(session: Session, column: Column, cuts: Sequence[float], start: datetime) -> Counted:
    edges = [_edge(column, cut, start) for cut in cuts]
    name = f'"{column.name}"'
    sums = [f"SUM(CASE WHEN {name} {sign} %s THEN 1 ELSE 0 END)" for _ in edges for sign in ("<", "<=")]
    found = session.rows(
        f"SELECT COUNT({name}), {', '.join(sums)} FROM {STAGING}", [edge for edge in edges for _ in range(2)]
    )[0]
    rows, counts = int(found[0]), [int(count or 0) for count in found[1:]]
    if not rows:
        return [], [], [], 0
    shares = stability.decile_shares([each / rows for each in counts[::2]], [each / rows for each in counts[1::2]])
    told = list(map(str, edges))
    between = [{"group": "between", "low": low, "high": high} for low, high in pairwise(told)]
    names = [{"group": "first", "high": told[0]}, *between, {"group": "last", "low": told[-1]}]
    return names, shares, [0.1] * len(shares), rows


def _edge(column: Column, cut: float, start: datetime) -> float | date | datetime:
    """A cut in the column's own type; JSON's numbers hold microseconds of our times, and a day is the one nearest to it."""
    seconds = round(cut + _origin(column, start), 6)
    if pa.types.is_date(column.arrow):
        return date(1970, 1, 1) + timedelta(days=round(seconds / _DAY_SECONDS))
    if pa.types.is_timestamp(column.arrow):
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        return moment if column.arrow.tz else moment.replace(tzinfo=None)
    return cut


def _count_texts(session: Session, column: Column, expected: dict[str, float]) -> Counted:
    name = f'"{column.name}"'
    is_flag = pa.types.is_boolean(column.arrow)  # Redshift knows `IS TRUE` in a WHERE alone
    values = [] if is_flag else list(expected)
    tests = [f"{name} = {each.upper()}" if is_flag else f"{name} = %s" for each in expected]
    sums = [f"SUM(CASE WHEN {test} THEN 1 ELSE 0 END)" for test in tests]
    found = session.rows(f"SELECT COUNT({name}), {', '.join(sums)} FROM {STAGING}", values)[0]
    rows, counts = int(found[0]), [int(count or 0) for count in found[1:]]
    if not rows:
        return [], [], [], 0
    shares = [count / rows for count in counts]
    names = [*({"group": "text", "value": each} for each in expected), {"group": "others"}]
    return names, [*shares, max(1 - sum(shares), 0.0)], stability.expected_shares(expected), rows
