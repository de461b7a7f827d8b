"""Moments of a clock on a wall, as cron writes them: five fields of numbers. Which was the last one, and which comes next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from esteira.errors import ConfigError

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_PIECE = re.compile(r"(\*|\d+(?:-\d+)?)(?:/([1-9]\d*))?")
_SEARCHED_DAYS = 366 * 8
"""29 February comes after eight years at the latest."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cron:
    """A schedule: `0 7 * * 1-5` in a time zone.

    Where both days are restricted, either is enough, as in cron: https://man7.org/linux/man-pages/man5/crontab.5.html

    Args:
        text: Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday); `*`, numbers, ranges, steps and lists.
        timezone: IANA name of its clock.

    Raises:
        ConfigError: It is no such text, it names no moment at all, or the zone is unknown.
    """

    text: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if len(self.text.split()) != len(_FIELDS):
            raise self._wrong(f"it has not {len(_FIELDS)} fields")
        if self.before(datetime(2024, 3, 1, tzinfo=UTC)) is None:
            raise self._wrong("no day of any year is meant")

    @cached_property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigError(
                f"timezone={self.timezone!r} is no time zone.", hint="Use an IANA name such as America/Sao_Paulo."
            ) from None

    @cached_property
    def _allowed(self) -> tuple[frozenset[int], ...]:
        fields = zip(_FIELDS, self.text.split(), strict=True)
        return tuple(self._values(field, text) for field, text in fields)

    def before(self, moment: datetime) -> datetime | None:
        """The last moment of the schedule that is not after this one, in UTC."""
        local = moment.astimezone(self.zone)
        for back in range(_SEARCHED_DAYS):
            found = [each for each in self._of_day(local.date() - back * _DAY) if each <= moment]
            if found:
                return max(found)
        return None

    def after(self, moment: datetime) -> datetime | None:
        """The first moment of the schedule after this one, in UTC."""
        local = moment.astimezone(self.zone)
        for ahead in range(_SEARCHED_DAYS):
            found = [each for each in self._of_day(local.date() + ahead * _DAY) if each > moment]
            if found:
                return min(found)
        return None

    def _of_day(self, day: date) -> list[datetime]:
        minutes, hours, *_ = self._allowed
        if not self._means(day):
            return []
        walls = (datetime(day.year, day.month, day.day, hour, minute) for hour in hours for minute in minutes)  # noqa: DTZ001 - the zone follows
        return [wall.replace(tzinfo=self.zone).astimezone(UTC) for wall in walls]

    def _means(self, day: date) -> bool:
        _, _, days, months, weekdays = self._allowed
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in {each % 7 for each in weekdays}
        _, _, day_text, _, weekday_text = self.text.split()
        is_either = not day_text.startswith("*") and not weekday_text.startswith("*")
        return day.month in months and (by_day or by_weekday if is_either else by_day and by_weekday)

    def _values(self, field: tuple[str, int, int], text: str) -> frozenset[int]:
        name, least, most = field
        values: set[int] = set()
        for piece in text.split(","):
            found = _PIECE.fullmatch(piece)
            if not found:
                raise self._wrong(f"{piece!r} is no {name}")
            values |= set(_spread(found[1], int(found[2] or 1), most if found[2] else None, (least, most)))
        if not values or min(values) < least or max(values) > most:
            raise self._wrong(f"a {name} is between {least} and {most}")
        return frozenset(values)

    def _wrong(self, why: str) -> ConfigError:
        return ConfigError(
            f"schedule={self.text!r}: {why}.",
            hint="Write it as cron does, in numbers: '0 7 * * 1-5' is 7:00 on workdays.",
        )


def _spread(text: str, step: int, open_end: int | None, limits: tuple[int, int]) -> range:
    """The numbers of one piece of a field: `*`, `a`, `a-b`, and `a/step`, which goes on to the field's end."""
    if text == "*":
        return range(limits[0], limits[1] + 1, step)
    first, _, last = text.partition("-")
    end = int(last) if last else open_end if open_end is not None else int(first)
    return range(int(first), end + 1, step)
