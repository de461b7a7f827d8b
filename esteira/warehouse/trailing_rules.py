"""Rules that compare a staged batch with its trailing batches, or with its window: volume, nulls, distribution, freshness.

A batch is judged when it is the newest: no backfill, and no rebuild or replay of an older one. The figures of the batch come from the staging table by
SQL, those of the trailing ones from the ledger and the profiles; what is usual is `quality.shift`'s and `quality.stability`'s to say.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from esteira.batch import Batch
from esteira.contract import Distribution, Freshness, NullRate, Volume
from esteira.quality import shift
from esteira.quality.shift import Limits, Share
from esteira.warehouse import spread
from esteira.warehouse.connection import Session
from esteira.warehouse.findings import Finding
from esteira.warehouse.request import LoadRequest
from esteira.warehouse.staging import STAGING
from esteira.warehouse.trail import Profiled, Trailing, is_newest, kind, profiled, trailing


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


def find(session: Session, request: LoadRequest) -> Iterator[Finding]:
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


def _compared(judged: _Judged, rule: Volume | NullRate | Distribution) -> Iterator[Finding]:
    if isinstance(rule, Volume):
        return _unusual_volume(judged, rule)
    past = profiled(judged.session, judged.batch.dataset, rule.column, judged.past)
    if isinstance(rule, NullRate):
        return _unusual_nulls(judged, rule, past)
    return spread.find(judged.session, judged.request, rule, past)


def _unusual_volume(judged: _Judged, rule: Volume) -> Iterator[Finding]:
    rows = judged.request.seal.extracted
    limits = shift.volume_limits([(each.phase, each.extracted) for each in judged.past], judged.phase, rule.change)
    if limits is not None and not limits.hold(rows):
        usual = f"{limits.usual:,.0f} are usual ({max(limits.low, 0):,.0f} to {limits.high:,.0f}, {_likes(limits)})"
        yield Finding(f"Volume: {rows:,} rows; {usual}.", rule.otherwise)


def _unusual_nulls(judged: _Judged, rule: NullRate, past: Sequence[Profiled]) -> Iterator[Finding]:
    rows, nulls = _nulls(judged.session, rule.column)
    if not rows:
        return
    shares = [Share(each.batch.phase, each.nulls, each.values + each.nulls) for each in past]
    limits = shift.share_limits(shares, judged.phase, rows, rule.change)
    if limits is not None and not limits.hold(nulls / rows):
        usual = (
            f"{limits.usual:.2%} are usual ({max(limits.low, 0):.2%} to {min(limits.high, 1):.2%}, {_likes(limits)})"
        )
        yield Finding(f"{_said(rule.column, nulls, rows)}; {usual}.", rule.otherwise)


def _too_empty(session: Session, rule: NullRate) -> Iterator[Finding]:
    rows, nulls = _nulls(session, rule.column) if rule.at_most is not None else (0, 0)
    if rule.at_most is not None and nulls > rule.at_most * rows:
        yield Finding(f"{_said(rule.column, nulls, rows)}; at most {rule.at_most:.2%} are allowed.", rule.otherwise)


def _nulls(session: Session, column: str) -> tuple[int, int]:
    """Staged rows, and those without a value."""
    rows, values = session.rows(f'SELECT COUNT(*), COUNT("{column}") FROM {STAGING}')[0]
    return int(rows), int(rows) - int(values)


def _said(column: str, nulls: int, rows: int) -> str:
    return f"NullRate {column}: {nulls:,} of {rows:,} rows are empty, {nulls / rows:.2%}"


def _likes(limits: Limits) -> str:
    return f"{limits.batches} like batches"


def _stale(session: Session, request: LoadRequest, rule: Freshness) -> Iterator[Finding]:
    """A day is over when the next one begins, and a moment without a zone is taken to be UTC."""
    newest = session.rows(f'SELECT MAX("{rule.column}") FROM {STAGING}')[0][0]
    if newest is None:
        return
    end = request.batch.window.end
    column = next(each for each in request.dataset.columns if each.name == rule.column)
    reached = _moment(newest, is_day=bool(pa.types.is_date(column.arrow)))
    if end - reached > rule.within:
        said = f"Freshness {rule.column}: the newest value is {newest}, {_span(end - reached)} before the window's end"
        yield Finding(f"{said} ({end:%Y-%m-%dT%H:%M}Z); at most {_span(rule.within)} are allowed.", rule.otherwise)


def _moment(newest: object, *, is_day: bool) -> datetime:
    if is_day:
        day = datetime.fromisoformat(str(newest)[:10]).replace(tzinfo=UTC)
        return day + timedelta(days=1)
    moment = datetime.fromisoformat(str(newest))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _span(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"
