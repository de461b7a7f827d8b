"""Whether an asset is to be refreshed now, and if not, why; pure: rows and moments in, a decision out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from esteira.contract import Asset, Dataset
from esteira.report.facts import Freshness
from esteira.warehouse.refreshes import Attempt, News, Shown

DAY = timedelta(days=1)
LEASE = timedelta(minutes=5)
"""A row that nobody has touched for so long is followed by nobody: its run was killed."""
FIRST_WAIT = timedelta(minutes=15)
"""After a first failure; each further one has four times as long."""
CADENCES = ("hourly", "daily", "weekly", "monthly")
"""The shortest first."""
NOT_COUNTED = frozenset({"refused", "following", "followed"})
"""States of attempts that began nothing at the tool."""
Verdict = Literal["start", "follow", "elsewhere", "current", "waits", "failed"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about an asset.

    Attributes:
        verdict: `start` one; `follow` one that was begun; `elsewhere`: another run does; `current`: it shows the newest batches; `waits`; `failed`: as
            often as it may for these batches.
        why: One clause, for people.
        shows: What a refresh would show.
        attempt: Which one to follow.
    """

    verdict: Verdict
    why: str = ""
    shows: Mapping[str, Shown] = field(default_factory=dict)
    attempt: Attempt | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision rests on.

    Attributes:
        datasets: The contracts that the asset needs, by name.
        news: How each stands.
        attempts: Earlier ones, the newest first.
        as_of: The run's moment, for freshness and schedule.
        now: The warehouse's clock, by which attempts are stamped.
        is_forced: A person wants it whatever is fresh, has failed or waits; limits stay.
    """

    datasets: Mapping[str, Dataset]
    news: Mapping[str, News]
    attempts: Sequence[Attempt]
    as_of: datetime
    now: datetime
    is_forced: bool = False

    @property
    def shows(self) -> dict[str, Shown]:
        """By dataset, the batches that a refresh that begins now would show."""
        return {name: each.shown for name, each in self.news.items() if each.shown}

    @property
    def last_good(self) -> Attempt | None:
        """The last refresh that succeeded."""
        return next((each for each in self.attempts if each.state == "done"), None)


def decide(asset: Asset, at: Situation) -> Decision:
    """What to do about an asset now."""
    opened = next((each for each in at.attempts if each.is_open), None)
    if opened is not None:
        return _of_open(opened, at)
    missing = [name for name in asset.needs if name not in at.shows]
    if missing:
        return Decision("waits", f"{missing[0]} is not loaded yet")
    if not at.is_forced:
        reason = _why_not_yet(asset, at)
        if reason is not None:
            return reason
    used = spent(at.attempts, at.now)
    if asset.limit is not None and len(used) >= asset.limit:
        room = sorted(used)[len(used) - asset.limit] + DAY
        return Decision(
            "waits",
            f"{len(used)} of {asset.limit} refreshes of 24 hours are used; there is room at {room:%Y-%m-%d %H:%MZ}",
            at.shows,
        )
    return Decision("start", "due", at.shows)


def spent(attempts: Iterable[Attempt], now: datetime) -> list[datetime]:
    """When the refreshes of the last 24 hours began that count at the tool."""
    counted = (each for each in attempts if each.state not in NOT_COUNTED)
    return [each.started_at for each in counted if each.started_at > now - DAY]


def retry_wait(failed: int) -> timedelta:
    """How long to wait after so many failures with the same batches."""
    return FIRST_WAIT * (1 << 2 * max(failed - 1, 0))


def failures(attempts: Sequence[Attempt], shows: Mapping[str, Shown]) -> list[Attempt]:
    """Those with the same batches that came to nothing, the newest first."""
    ended = (each for each in attempts if each.state in {"failed", "cancelled", "refused", "unknown"})
    return [each for each in ended if _changed(each.shows) == _changed(shows)]


def _of_open(opened: Attempt, at: Situation) -> Decision:
    if opened.holder and at.now - opened.touched_at < LEASE:
        return Decision("elsewhere", f"another run follows it ({opened.run})", opened.shows, opened)
    if opened.state == "starting" and opened.retry_at and at.now < opened.retry_at and not at.is_forced:
        return Decision(
            "waits",
            f"{opened.reason.rstrip('.') or 'no answer'}; asked again from {opened.retry_at.astimezone(UTC):%H:%MZ} on",
            opened.shows,
            opened,
        )
    return Decision(
        "follow", f"{opened.state} since {opened.started_at.astimezone(UTC):%Y-%m-%d %H:%MZ}", opened.shows, opened
    )


def _why_not_yet(asset: Asset, at: Situation) -> Decision | None:
    last = at.last_good
    if last is not None and _changed(last.shows) == _changed(at.shows):
        return Decision(
            "current",
            f"shows the newest batches since {(last.ended_at or last.started_at).astimezone(UTC):%Y-%m-%d %H:%MZ}",
            at.shows,
        )
    why = _off_schedule(asset, at) if asset.cron else _not_fresh(asset, at)
    if why is not None:
        return Decision("waits", why, at.shows)
    return _after_failures(asset, at)


def _off_schedule(asset: Asset, at: Situation) -> str | None:
    cron = asset.cron
    assert cron  # noqa: S101 - the caller asked
    tick, last = cron.before(at.as_of), at.last_good
    if tick is not None and (last is None or last.started_at < tick):
        return None
    following = cron.after(at.as_of)
    return f"its schedule, next at {following:%Y-%m-%d %H:%MZ}" if following else "its schedule"


def _not_fresh(asset: Asset, at: Situation) -> str | None:
    for name in asset.needs:
        fresh = Freshness.of(at.datasets[name], at.news[name].watermark, at.as_of)
        if fresh.is_stale:
            return f"{name} is stale: loaded up to {at.news[name].watermark:%Y-%m-%d %H:%MZ}"
    last = at.last_good
    if last is None:
        return None
    behind = [name for name in _leaders(asset, at) if not _is_newer(at.shows[name], last.shows.get(name))]
    if not behind or at.now - _first_change(at, last) >= asset.within:
        return None
    return f"{behind[0]} has nothing newer yet"


def _leaders(asset: Asset, at: Situation) -> list[str]:
    """The datasets with the shortest cadence: the others bring something only now and then, and are not waited for."""
    ranks = {name: CADENCES.index(at.datasets[name].cadence) for name in asset.needs}
    return [name for name in asset.needs if ranks[name] == min(ranks.values())]


def _is_newer(shown: Shown, before: Shown | None) -> bool:
    """An unchanged snapshot counts: the portal was asked."""
    return before is None or shown.sequence > before.sequence


def _first_change(at: Situation, last: Attempt) -> datetime:
    """When the first change was committed that the last good refresh does not show."""
    moments = [
        moment
        for name, news in at.news.items()
        for number, moment in news.changes.items()
        if number > (last.shows[name].changed if name in last.shows else 0)
    ]
    return min(moments, default=at.now)


def _after_failures(asset: Asset, at: Situation) -> Decision | None:
    failed = failures(at.attempts, at.shows)
    if not failed:
        return None
    newest = failed[0]
    if len(failed) >= asset.tries:
        return Decision("failed", f"{len(failed)} times for these batches: {newest.reason or newest.state}", at.shows)
    if newest.retry_at and at.now < newest.retry_at:
        return Decision(
            "waits",
            f"{newest.reason.rstrip('.') or newest.state}; tried again from {newest.retry_at.astimezone(UTC):%Y-%m-%d %H:%MZ} on",
            at.shows,
        )
    return None


def _changed(shows: Mapping[str, Shown]) -> dict[str, int]:
    """What makes two sets of batches the same."""
    return {name: each.changed for name, each in shows.items()}
