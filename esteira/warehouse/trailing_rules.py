"""Rules that compare a staged batch with its trailing batches, or with its window: volume, nulls, distribution, freshness.

A batch is judged when it is the newest: no backfill, and no rebuild or replay of an older one. The figures of the batch come from the staging table by
SQL, those of the trailing ones from the ledger and the profiles; what is usual is `quality.shift`'s and `quality.stability`'s to say.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from esteira.batch import Batch
from esteira.contract import Distribution, Freshness, NullRate, Volume
from esteira.findings import Finding, finding
from esteira.quality import shift
from esteira.quality.shift import Limits, Share
from esteira.redaction import MASK
from esteira.warehouse import spread
from esteira.warehouse.connection import Session
from esteira.warehouse.findings import Broken
from esteira.warehouse.request import LoadRequest
from esteira.warehouse.staging import STAGING
from esteira.warehouse.trail import Profiled, Trailing, is_newest, kind, profiled, trailing

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A batch, what it is compared with, and which of those are like it."""

    session: Session
    request: LoadRequest
    past: list[Trailing]

    @property
    def batch(self) -> Batch:
        return self.request.batch

    @property
    def phase(self) -> Hashable:
        return kind(self.batch.id, self.batch.window.start, self.batch.window.end)


def find(session: Session, request: LoadRequest) -> Iterator[Broken]:
    """What the contract's rules find in the staged batch."""
    rules = request.dataset.quality.rules
    for rule in rules:
        if isinstance(rule, Freshness):
            yield from _stale(session, request, rule)
        if isinstance(rule, NullRate):
            yield from _too_empty(session, rule)
    compared = [rule for rule in rules if isinstance(rule, Volume | NullRate | Distribution)]
    if not compared or not is_newest(session, request.batch):
        return
    judged = _Judged(session, request, trailing(session, request.batch))
    for each in compared:
        yield from _compared(judged, each)


def _compared(judged: _Judged, rule: Volume | NullRate | Distribution) -> Iterator[Broken]:
    if isinstance(rule, Volume):
        return _unusual_volume(judged, rule)
    past = profiled(judged.session, judged.batch.dataset, rule.column, judged.past)
    if isinstance(rule, NullRate):
        return _unusual_nulls(judged, rule, past)
    return spread.find(judged.session, judged.request, rule, past)


def _unusual_volume(judged: _Judged, rule: Volume) -> Iterator[Broken]:
    rows = judged.request.seal.extracted
    limits = shift.volume_limits([(each.phase, each.extracted) for each in judged.past], judged.phase, rule.change)
    if limits is not None and not limits.hold(rows):
        yield Broken(finding("volume", rows=rows, **_usual(limits)), rule.otherwise)


def _unusual_nulls(judged: _Judged, rule: NullRate, past: Sequence[Profiled]) -> Iterator[Broken]:
    rows, nulls = _nulls(judged.session, rule.column)
    if not rows:
        return
    shares = [Share(each.batch.phase, each.nulls, each.values + each.nulls) for each in past]
    limits = shift.share_limits(shares, judged.phase, rows, rule.change)
    if limits is not None and not limits.hold(nulls / rows):
        yield Broken(_empty("nulls", rule, nulls, rows, **_usual(limits, highest=1.0)), rule.otherwise)


def _too_empty(session: Session, rule: NullRate) -> Iterator[Broken]:
    rows, nulls = _nulls(session, rule.column) if rule.at_most is not None else (0, 0)
    if rule.at_most is not None and nulls > rule.at_most * rows:
        yield Broken(_empty("most_nulls", rule, nulls, rows, limit=rule.at_most), rule.otherwise)


def _nulls(session: Session, column: str) -> tuple[int, int]:
    """Staged rows, and those without a value."""
    rows, values = session.rows(f'SELECT COUNT(*), COUNT("{column}") FROM {STAGING}')[0]
    return int(rows), int(rows) - int(values)


def _empty(said: str, rule: NullRate, nulls: int, rows: int, **facts: float) -> Finding:
    return finding(said, column=rule.column, nulls=nulls, rows=rows, share=nulls / rows, **facts)


def _usual(limits: Limits, highest: float = math.inf) -> dict[str, float]:
    low, high = max(limits.low, 0.0), min(limits.high, highest)
    return {"usual": limits.usual, "low": low, "high": high, "batches": limits.batches}


def _stale(session: Session, request: LoadRequest, rule: Freshness) -> Iterator[Broken]:
    """A day is over when the next one begins, and a moment without a zone is taken to be UTC."""
    newest = session.rows(f'SELECT MAX("{rule.column}") FROM {STAGING}')[0][0]
    if newest is None:
        return
    end = request.batch.window.end
    column = next(each for each in request.dataset.columns if each.name == rule.column)
    reached = _moment(newest, is_day=bool(pa.types.is_date(column.arrow)))
    if end - reached > rule.within:
        shown = MASK if column.is_pii else str(newest)
        spans = {"behind_hours": (end - reached) / _HOUR, "within_hours": rule.within / _HOUR}
        found = finding("freshness", column=rule.column, newest=shown, end=f"{end:%Y-%m-%dT%H:%M}Z", **spans)
        yield Broken(found, rule.otherwise)


def _moment(newest: object, *, is_day: bool) -> datetime:
    if is_day:
        day = datetime.fromisoformat(str(newest)[:10]).replace(tzinfo=UTC)
        return day + timedelta(days=1)
    moment = datetime.fromisoformat(str(newest))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
