"""A window of source time, the grid of a cadence, and how moments are written in names. Never reads a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from esteira.contract.dataset import Cadence
from esteira.errors import ConfigError

STAMP = r"\d{4}-\d\d-\d\d(?:T\d{4}(?:\d\d)?)?"
"""A moment as `stamp` writes it."""
_STAMPS = {10: "%Y-%m-%d", 15: "%Y-%m-%dT%H%M", 17: "%Y-%m-%dT%H%M%S"}
"""Formats by length. Seconds only where a zone needs them: its offset of long ago, before there were time zones."""
_CUTS = (5, 8, 11)
"""Behind the year, the month and the day of a stamp."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open `[start, end)` of source time, UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{stamp(self.start)}→{stamp(self.end)}"

    @property
    def short(self) -> str:
        """For names: what the end has in common with the start is left out, such as in 2013-03-01→08."""
        start, end = stamp(self.start), stamp(self.end)
        cuts = [cut for cut in _CUTS if len(start) == len(end) and start[:cut] == end[:cut] and cut < len(end)]
        return f"{start}→{end[max(cuts, default=0) :]}"

    @property
    def ends(self) -> tuple[datetime, datetime]:
        """Both of them."""
        return self.start, self.end

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()

    def overlaps(self, other: Window) -> bool:
        """Whether some moment lies in both."""
        return self.start < other.end and other.start < self.end


def slot(as_of: datetime, cadence: Cadence, zone: tzinfo = UTC) -> Window:
    """The grid slot of the cadence that `as_of` lies in: `[start, end)` in UTC.

    Args:
        as_of: The run's moment.
        cadence: The grid.
        zone: Where its days begin.

    Raises:
        ConfigError: `as_of` has no time zone.
    """
    if as_of.tzinfo is None:
        raise ConfigError(
            f"as_of={as_of.isoformat()} has no time zone.",
            hint="Write it with an offset, such as 2014-01-02T06:00:00Z.",
        )
    if cadence == "hourly":
        hour = as_of.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return Window(hour, hour + timedelta(hours=1))
    start = _first_day(as_of.astimezone(zone).date(), cadence)
    end = {"daily": start + timedelta(days=1), "weekly": start + timedelta(days=7)}.get(
        cadence, (start + timedelta(days=32)).replace(day=1)
    )
    return Window(_midnight(start, zone), _midnight(end, zone))


def stamp(moment: datetime) -> str:
    """A moment in UTC as names hold it: no longer than it needs, such as `2013-03-01` or `2013-03-01T0500`."""
    length = 17 if moment.second else 10 if (moment.hour, moment.minute) == (0, 0) else 15
    return moment.strftime(_STAMPS[length])


def read_stamp(text: str) -> datetime:
    """The moment of a stamp.

    Raises:
        KeyError, ValueError: It is none.
    """
    return datetime.strptime(text, _STAMPS[len(text)]).replace(tzinfo=UTC)


def _first_day(day: date, cadence: Cadence) -> date:
    if cadence == "weekly":
        return day - timedelta(days=day.weekday())
    return day if cadence == "daily" else day.replace(day=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
