"""A silence: no message about one dataset until a moment. It ends by itself, for nobody remembers to end one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from esteira.errors import ConfigError

MAX_DAYS = 30
"""What must be quiet for longer is paused or retired."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"(\d{1,5})([mhd])")


@dataclass(frozen=True, slots=True)
class Silence:
    """Who wants quiet about a dataset, how long, and why."""

    dataset: str
    until: datetime
    why: str = ""
    by: str = ""

    def is_over(self, now: datetime) -> bool:
        """Whether messages are sent again."""
        return now >= self.until

    def __str__(self) -> str:
        """One clause: `silenced until 2014-01-02 06:00Z by ana@laptop: the portal moves`."""
        by, why = f" by {self.by}" if self.by else "", f": {self.why}" if self.why else ""
        return f"silenced until {self.until:%Y-%m-%d %H:%MZ}{by}{why}"

    def facts(self) -> dict[str, Any]:
        """As JSON stores it."""
        return {"dataset": self.dataset, "until": self.until.isoformat(), "why": self.why, "by": self.by}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Silence:
        """What `facts` wrote."""
        return cls(facts["dataset"], datetime.fromisoformat(facts["until"]), facts.get("why", ""), facts.get("by", ""))


def span(text: str) -> timedelta:
    """The length of time that a person writes: `90m`, `2h` or `3d`.

    Raises:
        ConfigError: It is another text.
    """
    found = _SPAN.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise ConfigError(f"{text!r} is no span of time.", hint="Say it as 90m, 2h or 3d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def require_end(until: datetime, now: datetime) -> datetime:
    """The end of a silence, checked.

    Raises:
        ConfigError: It is past, or too far away.
    """
    if until <= now:
        raise ConfigError(
            f"{until:%Y-%m-%d %H:%MZ} is past, so nothing would be silenced.", hint="Name a later moment."
        )
    if until > now + timedelta(days=MAX_DAYS):
        raise ConfigError(
            f"A silence lasts {MAX_DAYS} days at most, and {until:%Y-%m-%d %H:%MZ} is later.",
            hint="What must be quiet for longer is not to run: `esteira pause NAME` or `esteira retire NAME`.",
        )
    return until
