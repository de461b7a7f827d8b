"""The rate budget of a portal: how many requests in how many seconds, at which hours; kept here by even spacing, and shared by runs elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from esteira.errors import ConfigError

HOURS = 24


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds, at some hours of the day.

    Args:
        requests: How many.
        per_seconds: In how many seconds.
        from_hour, to_hour: The hours, `[from, to)` by the portal's clock; a night such as 22 to 6 goes over midnight.

    Raises:
        ConfigError: A number that makes no sense.
    """

    requests: int
    per_seconds: float = 1
    from_hour: int = 0
    to_hour: int = HOURS

    def __post_init__(self) -> None:
        if self.requests < 1 or self.per_seconds <= 0:
            raise ConfigError(f"{self}: at least one request in more than no seconds.")
        if not (0 <= self.from_hour < HOURS and 0 < self.to_hour <= HOURS and self.from_hour != self.to_hour):
            raise ConfigError(f"{self}: hours go from 0 to 24, and differ.")

    @property
    def gap_seconds(self) -> float:
        """Seconds between two requests that are evenly spaced."""
        return self.per_seconds / self.requests

    def is_on(self, moment: datetime) -> bool:
        """Whether the rate holds at a moment of the portal's clock, or will before a window that begins there is over.

        The stricter of two rates is kept from one window before its hour: the portal may count the requests of the last minute.
        """
        return self._holds(moment.hour) or self._holds((moment + timedelta(seconds=self.per_seconds)).hour)

    def _holds(self, hour: int) -> bool:
        if self.from_hour < self.to_hour:
            return self.from_hour <= hour < self.to_hour
        return hour >= self.from_hour or hour < self.to_hour


class Budget:
    """Spaces requests evenly; shared by all the clients of one portal in this process.

    Args:
        rates: All of those that hold at an hour are kept; none is no limit.
        timezone: The portal's, for the hours.
        clock: Monotonic seconds.
        now: The time of day.

    Raises:
        ConfigError: There is no such time zone.
    """

    def __init__(
        self,
        rates: Iterable[Rate] = (),
        timezone: str = "UTC",
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rates, self._zone, self._clock, self._now = tuple(rates), zone_of(timezone), clock, now
        self._free_at = clock()
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next slot; returns the seconds to wait for it."""
        with self._lock:
            now = self._clock()
            start = max(now, self._free_at)
            self._free_at = start + self._gap_seconds(start - now)
            return start - now

    def holding(self) -> list[Rate]:
        """The rates that hold now."""
        moment = self._now().astimezone(self._zone)
        return [rate for rate in self._rates if rate.is_on(moment)]

    def _gap_seconds(self, ahead_seconds: float) -> float:
        """The gap behind a slot that lies so many seconds ahead: a slot after the change of the hour is under the new hour's rate."""
        moment = (self._now() + timedelta(seconds=ahead_seconds)).astimezone(self._zone)
        return max((rate.gap_seconds for rate in self._rates if rate.is_on(moment)), default=0.0)


class SharedLimits(Protocol):
    """Limits that runs of several processes share; who keeps them is not the core's business."""

    def slot(self, rates: list[Rate], is_stopped: Callable[[], bool]) -> AbstractContextManager[object]:
        """Entered when a request may be sent, left when it was answered.

        Args:
            rates: Those that hold now.
            is_stopped: Whether nobody waits any longer.
        """


class NothingShared:
    """Each process keeps the budget for itself."""

    def slot(self, rates: list[Rate], is_stopped: Callable[[], bool]) -> AbstractContextManager[object]:
        """A slot without a wait."""
        return nullcontext()


def zone_of(name: str) -> ZoneInfo:
    """A time zone.

    Raises:
        ConfigError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"timezone {name!r} is not known.", hint="Use a name such as America/Sao_Paulo or UTC."
        ) from None
