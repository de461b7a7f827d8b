"""Windows, batch ids, and what to run next. Takes `as_of` and what the ledger says; never reads a clock and does no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from esteira.contract import Append, Dataset, Incremental
from esteira.contract.clock import Clock
from esteira.contract.dataset import Cadence
from esteira.errors import ConfigError

Stop = Callable[[datetime, datetime], datetime]
_STAMP = r"\d{4}-\d\d-\d\d(?:T\d{4}(?:\d\d)?)?"
_ID = re.compile(rf"(?P<start>{_STAMP})(?:_(?P<end>{_STAMP}))?-(?P<definition>[0-9a-f]{{8}})")


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open `[start, end)` of source time, UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{_stamp(self.start)}→{_stamp(self.end)}"

    @property
    def short(self) -> str:
        """For names: what the end has in common with the start is left out, such as in 2013-03-01→08."""
        start, end = _stamp(self.start), _stamp(self.end)
        cuts = [cut for cut in _CUTS if len(start) == len(end) and start[:cut] == end[:cut] and cut < len(end)]
        return f"{start}→{end[max(cuts, default=0) :]}"


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit of exactly-once.

    Attributes:
        dataset: Dataset name.
        id: `<window>-<hash8 of the source definition>`; readable and never made from a clock.
        window: The window it covers; for a snapshot, the slot of `as_of`.
        is_snapshot: Whether the window is a slot that is not asked of the portal: the source has no cursor, or one that is no time.
    """

    dataset: str
    id: str
    window: Window
    is_snapshot: bool

    @property
    def name(self) -> str:
        """What a person calls it: dataset and window; of a snapshot the slot's beginning."""
        return f"{self.dataset} {_stamp(self.window.start) if self.is_snapshot else self.window.short}"

    @property
    def plain_name(self) -> str:
        """The same where an arrow cannot be drawn: Prefect's picture of a run leaves it out."""
        return plain(self.name)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a dataset's batches before planning.

    Attributes:
        watermark: End of the last committed window, or None.
        committed: Ids of the committed batches.
        open: Ids of batches begun in the lake and not committed; with a sealed raw zone or a checkpoint.
    """

    watermark: datetime | None = None
    committed: frozenset[str] = frozenset()
    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A batch that is due, and whether it is skipped: the contract says not to catch it up."""

    batch: Batch
    is_skipped: bool = False


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


def _first_day(day: date, cadence: Cadence) -> date:
    if cadence == "weekly":
        return day - timedelta(days=day.weekday())
    return day if cadence == "daily" else day.replace(day=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def is_snapshot(dataset: Dataset) -> bool:
    """Whether its batches are slots of `as_of`, and no windows of a cursor."""
    return _windowed(dataset) is None


def _windowed(dataset: Dataset) -> Incremental | None:
    incremental = dataset.source.incremental
    return incremental if incremental is not None and incremental.is_time else None


def plan(dataset: Dataset, as_of: datetime, known: Known) -> list[Batch]:
    """The batches to run now, oldest first: open ones, then what lies between the watermark and the slot of `as_of`."""
    return [due.batch for due in plan_due(dataset, as_of, known) if not due.is_skipped]


def plan_due(dataset: Dataset, as_of: datetime, known: Known) -> list[Due]:
    """The same with what the contract's `catch_up` leaves out, which is to be noted in its turn: the watermark must not pass a batch that may fail."""
    if is_snapshot(dataset):
        return [Due(batch) for batch in _plan_snapshot(dataset, slot(as_of, dataset.cadence), known)]
    return list(_due(dataset, as_of, known))


def due_up_to(dataset: Dataset, as_of: datetime) -> datetime:
    """Where the newest window ends that is over at `as_of`.

    Raises:
        ConfigError: The dataset has no windows of time.
    """
    return _newest(dataset, windows_of(dataset), as_of).end


def _due(dataset: Dataset, as_of: datetime, known: Known) -> Iterator[Due]:
    """Each batch between the watermark and the slot. What was begun is no longer missed: it is finished."""
    incremental = windows_of(dataset)
    clock, newest = incremental.clock, _newest(dataset, incremental, as_of)
    start = _goes_on_at(dataset, known.watermark, clock) if known.watermark else incremental.initial_at
    kept = _kept_from(incremental, newest)
    opened = _opened(dataset, known.open, newest.end)
    while start < newest.end:
        is_skipped = start < kept and start not in opened
        limit = kept if start < kept else newest.end
        batch = opened.get(start) or batch_of(dataset, Window(start, incremental.stop(start, limit)))
        yield Due(batch, is_skipped)
        start = batch.window.end


def _newest(dataset: Dataset, incremental: Incremental, as_of: datetime) -> Window:
    """The last slot of the cadence that is over, between edges of the portal's clock."""
    clock = incremental.clock
    zone = clock.zone if clock.is_daily else UTC
    end = clock.edge(slot(as_of, dataset.cadence, zone).start)
    return Window(clock.edge(slot(end - timedelta.resolution, dataset.cadence, zone).start), end)


def _kept_from(incremental: Incremental, newest: Window) -> datetime:
    """Where that begins which is loaded however late it is; the newest slot always is."""
    catch_up = incremental.catch_up
    if catch_up == "all":
        return datetime.min.replace(tzinfo=UTC)
    if isinstance(catch_up, timedelta):
        return min(incremental.clock.edge(newest.end - catch_up), newest.start)
    return newest.start


def plan_range(dataset: Dataset, start: datetime, end: datetime, committed: Collection[str]) -> list[Batch]:
    """The windows of an explicit range that are not committed yet.

    Raises:
        ConfigError: The dataset has no windows of time, the range is empty, or the portal cannot be asked for it.
    """
    span = range_of(dataset, start, end)
    return [batch for batch in cut(dataset, span, windows_of(dataset).stop) if batch.id not in committed]


def range_of(dataset: Dataset, start: datetime, end: datetime) -> Window:
    """A range that somebody named, in UTC.

    Raises:
        ConfigError: The dataset has no windows of time, the range is empty, or the portal cannot be asked for it.
    """
    incremental = windows_of(dataset)
    if start >= end:
        raise ConfigError(f"The range {_stamp(start)} to {_stamp(end)} is empty.", dataset=dataset.name)
    for limit in (start, end):
        _require_edge(dataset, limit, incremental.clock)
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def windows_of(dataset: Dataset) -> Incremental:
    """How its source is cut into windows of time.

    Raises:
        ConfigError: It is not.
    """
    incremental = _windowed(dataset)
    if incremental is None:
        kind = "this one is a snapshot" if dataset.source.incremental is None else "the cursor of this one is no time"
        raise ConfigError(f"--start and --end need a source with a cursor of time; {kind}.", dataset=dataset.name)
    return incremental


def cut(dataset: Dataset, span: Window, stop: Stop, begun: Iterable[str] = ()) -> Iterator[Batch]:
    """The batches of a span, oldest first; they tile it.

    Args:
        dataset: The contract.
        span: Between edges of the portal's clock.
        stop: Where a window ends that begins at the first moment, at the second at the latest; `Incremental.stop`, or a shorter one.
        begun: Ids of batches that stand open in the lake: they keep the window that they began with.
    """
    opened, start = _opened(dataset, begun, span.end), span.start
    while start < span.end:
        batch = opened.get(start) or batch_of(dataset, Window(start, stop(start, span.end)))
        yield batch
        start = batch.window.end


def _require_edge(dataset: Dataset, moment: datetime, clock: Clock) -> None:
    edge = clock.edge(moment)
    if edge != moment:
        raise ConfigError(
            f"{moment.isoformat()} is no moment at which a window may end: the portal is asked in steps of {clock.step} in {clock.timezone}.",
            dataset=dataset.name,
            hint=f"The one before it is {edge:%Y-%m-%dT%H:%M:%SZ}.",
        )


def _goes_on_at(dataset: Dataset, watermark: datetime, clock: Clock) -> datetime:
    """The watermark; one from before the contract had this zone or format may lie between two edges, and what is read twice must merge."""
    if isinstance(dataset.write, Append):
        _require_edge(dataset, watermark, clock)
    return clock.edge(watermark)


def parse(dataset: Dataset, batch_id: str) -> Batch | None:
    """The batch that an id of this dataset's present source definition names; None for another definition or a stranger."""
    found = _ID.fullmatch(batch_id)
    if found is None or found["definition"] != dataset.source.definition_hash:
        return None
    try:
        start = _moment(found["start"])
        window = Window(start, _moment(found["end"] or found["start"]))
        batch = batch_of(dataset, slot(start, dataset.cadence) if is_snapshot(dataset) else window)
    except (ValueError, OverflowError):
        return None  # a stray prefix of the lake that only looks like an id
    return batch if batch.id == batch_id and batch.window.start < batch.window.end else None


def plain(name: str) -> str:
    """A name without its arrow."""
    return name.replace("→", " to ")


def short(batch_id: str) -> str:
    """The window that an id tells, as in names; an id that tells none (a file's) as it is."""
    found = _ID.fullmatch(batch_id)
    if found is None:
        return batch_id
    if found["end"] is None:
        return found["start"]
    try:
        return Window(_moment(found["start"]), _moment(found["end"])).short
    except (KeyError, ValueError):
        return batch_id


def _plan_snapshot(dataset: Dataset, today: Window, known: Known) -> list[Batch]:
    older = (parse(dataset, batch_id) for batch_id in known.open)
    resumable = [batch for batch in older if batch and batch.window < today and not _is_behind(batch, known)]
    wanted = [*sorted(resumable, key=lambda batch: batch.window), batch_of(dataset, today)]
    return [batch for batch in wanted if batch.id not in known.committed]


def _is_behind(batch: Batch, known: Known) -> bool:
    return known.watermark is not None and batch.window.end <= known.watermark


def _opened(dataset: Dataset, batch_ids: Iterable[str], end: datetime) -> dict[datetime, Batch]:
    """Those that are this definition's and end by then, by where they begin."""
    parsed = (parse(dataset, batch_id) for batch_id in batch_ids)
    return {batch.window.start: batch for batch in parsed if batch and batch.window.end <= end}


def batch_of(dataset: Dataset, window: Window) -> Batch:
    """The batch of a window."""
    is_slot = is_snapshot(dataset)
    span = _stamp(window.start) if is_slot else f"{_stamp(window.start)}_{_stamp(window.end)}"
    return Batch(dataset.name, f"{span}-{dataset.source.definition_hash}", window, is_slot)


_CUTS = (5, 8, 11)
"""Behind the year, the month and the day of a stamp."""
_STAMPS = {10: "%Y-%m-%d", 15: "%Y-%m-%dT%H%M", 17: "%Y-%m-%dT%H%M%S"}
"""By length. Seconds only where a zone needs them: its offset of long ago, before there were time zones."""


def _stamp(moment: datetime) -> str:
    length = 17 if moment.second else 10 if (moment.hour, moment.minute) == (0, 0) else 15
    return moment.strftime(_STAMPS[length])


def _moment(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMPS[len(stamp)]).replace(tzinfo=UTC)
