"""How a source is cut by a cursor: windows of time, or what lies above a value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias, get_args

from esteira.contract.choices import require_choice
from esteira.contract.clock import Clock
from esteira.errors import ConfigError
from esteira.paginate import LATER

Bounds = Literal["[)", "[]", "(]", "()"]
Chunk: TypeAlias = timedelta | Literal["month", "year"]
CatchUp: TypeAlias = timedelta | Literal["all", "newest"]
Value: TypeAlias = int | str
"""A cursor that is no time."""
ISO = "%Y-%m-%dT%H:%M:%SZ"
_OF_TIME = ("end_param", "chunk", "format", "timezone", "resolution", "ahead", "catch_up")
"""What means nothing to a cursor that is no time."""
_ASIDE = {"is_aside": True}
"""Says what may arrive, or when it is asked for, not what: no part of the source's hash."""


@dataclass(frozen=True, slots=True)
class Incremental:
    """Read the source by a cursor column (dlt: `incremental`; Airbyte: `DatetimeBasedCursor`).

    A date or a moment as `initial` makes windows of time, whatever the portal's parameters mean: they tile, half-open, in UTC. A whole number
    or a text makes a cursor that is no time: a batch asks for everything from the largest value that is committed.

    Args:
        cursor: The source column that orders rows.
        start_param: Request parameter that takes the window's start, or the value to go on from; None where a template takes it.
        end_param: Request parameter that takes the window's end; None where a template takes it, or there is none.
        initial: Where the first window starts, at midnight of `timezone` for a date; or the value that the first batch asks with.
        lag: How far behind its start a window reads again, for rows that were committed late. A number for a cursor that is one.
        chunk: The longest window of one batch; `month` and `year` end at the calendar's edges. A portal's maximum holds for `chunk + lag`.
        format: How both parameters are written: strftime, `epoch` (seconds) or `epoch_ms`.
        bounds: What the portal's parameters mean: `[` and `]` take the value itself, `(` and `)` leave it out.
        resolution: The smallest step that the portal tells apart; by default what `format` can write: a second, or a day.
        timezone: The zone in which the portal reads the parameters, and counts its days.
        ahead: How far behind its window's end a row may lie, for portals whose clock or zone differs; beyond it the batch is refused.
        highest: The largest plausible value of a cursor that is no time; beyond it the batch is refused.
        catch_up: What becomes of windows that no run loaded in time, as after an outage or before the first run (Airflow: `catchup`): `all` loads
            them, `newest` only the newest slot of the cadence, a duration what is no older than that. The others are skipped, for a backfill.

    Raises:
        ConfigError: Arguments that exclude each other, or that say nothing.
    """

    cursor: str
    start_param: str | None = None
    end_param: str | None = None
    initial: date | Value | None = None
    lag: timedelta | int = timedelta(0)
    chunk: Chunk = timedelta(days=31)
    format: str = ISO
    bounds: Bounds = field(default="[)", metadata=LATER)
    resolution: timedelta | None = field(default=None, metadata=LATER)
    timezone: str = field(default="UTC", metadata=LATER)
    ahead: timedelta = field(default=timedelta(days=1), metadata=_ASIDE)
    highest: Value | None = field(default=None, metadata=_ASIDE)
    catch_up: CatchUp = field(default="all", metadata=_ASIDE)

    def __post_init__(self) -> None:
        require_choice(f"Incremental({self.cursor!r}, bounds)", self.bounds, get_args(Bounds))
        if self.initial is None or isinstance(self.initial, bool):
            raise self._refused(
                f"initial={self.initial!r} says neither where to begin nor what the cursor is",
                "Give a date or a moment, or for a cursor that is no time a whole number or a text.",
            )
        if self.is_time:
            self._check_time()
        else:
            self._check_value()

    @property
    def is_time(self) -> bool:
        """Whether the cursor is a date or a moment, so that there are windows of it."""
        return isinstance(self.initial, date)

    @property
    def reads_start_again(self) -> bool:
        """Whether rows exactly at the start are asked for, which the batch before may have brought already."""
        return self.bounds[0] == "["

    @property
    def initial_at(self) -> datetime:
        """The first window's start as a UTC moment."""
        first = self.initial
        assert isinstance(first, date)  # noqa: S101 - only windows of time have a first one
        moment = first if isinstance(first, datetime) else datetime(first.year, first.month, first.day)  # noqa: DTZ001 - gets its zone
        return self.clock.edge(moment if moment.tzinfo else moment.replace(tzinfo=self.clock.zone))

    @property
    def clock(self) -> Clock:
        """How the portal writes moments."""
        return Clock(self.format, self.timezone, self.resolution)

    def stop(self, start: datetime, end: datetime) -> datetime:
        """Where the window ends that begins at `start`, UTC: after a chunk, and never behind `end`.

        Args:
            start: An edge of the portal's clock.
            end: A later one.
        """
        clock, behind = self.clock, self._behind(start)
        while (stop := clock.edge(behind)) <= start:  # a chunk of one hour in an hour that the clock shows twice
            behind += timedelta(hours=1)
        return min(stop, end)

    def asked(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """The parameters that make the portal give the half-open window: in its zone, reaching back by the lag, as its bounds mean them.

        Args:
            start: Of the window, inclusive.
            end: Of the window, exclusive.
        """
        assert isinstance(self.lag, timedelta)  # noqa: S101 - checked when it was made
        clock = self.clock
        first, last = clock.edge(start - self.lag), end.astimezone(UTC)
        return (
            first.astimezone(clock.zone) if self.bounds[0] == "[" else clock.before(first),
            last.astimezone(clock.zone) if self.bounds[1] == ")" else clock.before(last),
        )

    def lagging(self, value: Value) -> Value:
        """The value to ask with, so that rows which came late are read again."""
        return value - self.lag if isinstance(value, int) and isinstance(self.lag, int) else value

    def _behind(self, start: datetime) -> datetime:
        if isinstance(self.chunk, timedelta):
            return start + self.chunk
        local = start.astimezone(self.clock.zone)
        month = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
        first = month if self.chunk == "month" else local.replace(year=local.year + 1, month=1, day=1)
        return first.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)

    def _check_time(self) -> None:
        clock = self.clock
        if not isinstance(self.lag, timedelta) or self.lag < timedelta(0):
            raise self._refused(
                f"lag={self.lag!r} must not be negative, and be a span of time", "Write lag=timedelta(days=3)."
            )
        if isinstance(self.chunk, str):
            require_choice(f"Incremental({self.cursor!r}, chunk)", self.chunk, ("month", "year"))
        elif self.chunk < max(clock.step, timedelta(seconds=1)):
            raise self._refused(
                f"chunk={self.chunk} must be positive, and no shorter than the portal's step of {clock.step}",
                "Write a longer chunk.",
            )
        if self.highest is not None:
            raise self._refused("highest bounds a cursor that is no time", "Write ahead=timedelta(...).")
        self._check_catch_up()

    def _check_catch_up(self) -> None:
        catch_up = self.catch_up
        is_span = isinstance(catch_up, timedelta) and catch_up > timedelta(0)
        if not is_span and catch_up not in ("all", "newest"):
            raise self._refused(
                f"catch_up={catch_up!r} says not which missed windows are loaded",
                "Write 'all', 'newest', or how old they may be, such as timedelta(days=3).",
            )

    def _check_value(self) -> None:
        defaults = {each.name: each.default for each in fields(self)}
        named = [name for name in _OF_TIME if getattr(self, name) != defaults[name]]
        if named:
            raise self._refused(
                f"{', '.join(named)} belongs to a cursor of time, and initial={self.initial!r} says that this is none",
                "Leave it out; or give a date or a moment as initial.",
            )
        is_lagging = bool(self.lag)
        if is_lagging and (isinstance(self.initial, str) or not isinstance(self.lag, int) or self.lag < 0):
            raise self._refused(
                f"lag={self.lag!r} is nothing to go back from a {type(self.initial).__name__}", "Leave it out."
            )
        if self.highest is not None and type(self.highest) is not type(self.initial):
            raise self._refused(
                f"highest={self.highest!r} is of another type than initial={self.initial!r}", "Write the same type."
            )

    def _refused(self, what: str, hint: str) -> ConfigError:
        return ConfigError(f"Incremental({self.cursor!r}): {what}.", hint=hint)
