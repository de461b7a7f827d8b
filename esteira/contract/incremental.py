"""How a source is cut into windows of a cursor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Incremental:
    """Read the source by windows of a cursor column (dlt: `incremental`; Airbyte: `DatetimeBasedCursor`).

    Args:
        cursor: The source column that orders rows in time.
        start_param: Request parameter that takes the window's start, inclusive.
        end_param: Request parameter that takes the window's end, exclusive.
        initial: Where the first window starts (UTC).
        lag: How far behind its start a window reads again, for rows that were committed late.
        chunk: The longest window of one batch.
        format: strftime format of both parameters.
    """

    cursor: str
    start_param: str
    end_param: str
    initial: date
    lag: timedelta = timedelta(0)
    chunk: timedelta = timedelta(days=31)
    format: str = "%Y-%m-%dT%H:%M:%SZ"

    def __post_init__(self) -> None:
        if self.lag < timedelta(0) or self.chunk <= timedelta(0):
            raise ConfigError(f"Incremental({self.cursor!r}): lag must not be negative and chunk must be positive.")

    @property
    def initial_at(self) -> datetime:
        """The first window's start as a UTC moment."""
        return datetime(self.initial.year, self.initial.month, self.initial.day, tzinfo=UTC)
