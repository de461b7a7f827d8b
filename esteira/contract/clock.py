"""How a portal writes moments: its zone, its format, and the smallest step that it can tell apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from esteira.errors import ConfigError

DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_STEPS = {"epoch": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
"""Formats that count from 1970, and what they count."""
_DIRECTIVE = re.compile(r"%[-_0^#]?:?([A-Za-z%])")
_STEPS = (
    ("f", timedelta(microseconds=1)), ("STXcr", timedelta(seconds=1)), ("MR", _MINUTE), ("HI", timedelta(hours=1)), ("dejxDFAau", DAY),
)  # fmt: skip
"""The finest directive of a format says what it can tell apart: https://docs.python.org/3/library/datetime.html#format-codes"""


@dataclass(frozen=True)
class Clock:
    """A portal's clock, as its parameters show it.

    Windows may end only where what is written tells before from behind: at a portal that is asked by days at midnight of its zone, and
    never inside the hour that a clock without offset shows twice when summer time ends.

    Args:
        format: A strftime format, `epoch` (seconds) or `epoch_ms`.
        timezone: IANA name of the zone in which it writes.
        resolution: The smallest step; None is the format's own.

    Raises:
        ConfigError: The format writes nothing, the zone is unknown, or the step is not the format's.
    """

    format: str
    timezone: str = "UTC"
    resolution: timedelta | None = None

    def __post_init__(self) -> None:
        step = self._format_step
        if self.timezone != "UTC" and self.format.endswith("Z") and not self.format.endswith("%Z"):
            raise ConfigError(
                f"format={self.format!r} says Z, which is UTC, and timezone is {self.timezone!r}.",
                hint="Write %z where the portal wants an offset, or leave the Z out of the format.",
            )
        if self.resolution is not None and (self.resolution < step or DAY % self.resolution):
            raise ConfigError(
                f"resolution={self.resolution} is finer than what {self.format!r} writes ({step}), or no part of a day.",
                hint="Leave resolution out, or name the step in which the portal compares.",
            )
        _ = self.zone

    @cached_property
    def zone(self) -> ZoneInfo:
        """The portal's zone."""
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ConfigError(
                f"timezone={self.timezone!r} is no time zone.", hint="Write an IANA name such as America/Sao_Paulo."
            ) from exc

    @property
    def step(self) -> timedelta:
        """The smallest step that the portal tells apart."""
        return self.resolution or self._format_step

    @property
    def is_daily(self) -> bool:
        """Whether its parameters hold calendar days alone."""
        return self.step == DAY

    def edge(self, moment: datetime) -> datetime:
        """The last moment up to this one at which a window may end, UTC."""
        local = moment.astimezone(self.zone)
        while self._is_shown_twice(local) and self._is_shown_twice(_earlier(local)):
            local = _earlier(local)
        wall = local.replace(tzinfo=None)
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        floor = midnight + (wall - midnight) // self.step * self.step
        fold = 0 if self.is_daily else local.fold
        return floor.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)

    def before(self, moment: datetime) -> datetime:
        """One step before a moment, in the portal's zone."""
        local = moment.astimezone(self.zone)
        if self._has_offset:
            return (local.astimezone(UTC) - self.step).astimezone(self.zone)
        return (local.replace(tzinfo=None) - self.step).replace(tzinfo=self.zone)

    @cached_property
    def _format_step(self) -> timedelta:
        if self.format in EPOCH_STEPS:
            return EPOCH_STEPS[self.format]
        letters = set(_DIRECTIVE.findall(self.format))
        if "s" in letters:
            raise ConfigError(f"format={self.format!r}: %s depends on the machine.", hint="Write format='epoch'.")
        found = next((step for directives, step in _STEPS if letters & set(directives)), None)
        if found is None:
            raise ConfigError(
                f"format={self.format!r} tells no day from another.",
                hint="Write a strftime format such as %d/%m/%Y, or epoch, or epoch_ms.",
            )
        return found

    @property
    def _has_offset(self) -> bool:
        return self.format in EPOCH_STEPS or "z" in _DIRECTIVE.findall(self.format)

    def _is_shown_twice(self, local: datetime) -> bool:
        """Whether the portal's clock shows this time twice, so that only an offset tells which is meant."""
        if self._has_offset or self.is_daily or self.zone.key == "UTC":
            return False
        return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def moment_text(moment: datetime, written: str) -> str:
    """A moment as a portal wants it.

    Args:
        moment: In the portal's zone.
        written: strftime format, `epoch` (seconds) or `epoch_ms`.
    """
    step = EPOCH_STEPS.get(written)
    return moment.strftime(written) if step is None else str((moment - _EPOCH) // step)


def _earlier(local: datetime) -> datetime:
    return (local.astimezone(UTC) - _MINUTE).astimezone(local.tzinfo)
