"""Windows, batch ids, and what to run next. Takes `as_of` and what the ledger says; never reads a clock and does no I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from esteira.contract import Append, Dataset, Incremental
from esteira.contract.clock import Clock
from esteira.contract.dataset import Cadence
from esteira.errors import ConfigError

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
    incremental = _windowed(dataset)
    if incremental is None:
        return _plan_snapshot(dataset, slot(as_of, dataset.cadence), known)
    clock = incremental.clock
    end = clock.edge(slot(as_of, dataset.cadence, clock.zone if clock.is_daily else UTC).start)
    start = _goes_on_at(dataset, known.watermark, clock) if known.watermark else incremental.initial_at
    return list(_continue_from(dataset, incremental, Window(start, end), known))


def plan_range(dataset: Dataset, start: datetime, end: datetime, committed: Collection[str]) -> list[Batch]:
    """The windows of an explicit range that are not committed yet.

    Raises:
        ConfigError: The dataset has no windows of time, the range is empty, or the portal cannot be asked for it.
    """
    incremental = _windowed(dataset)
    if incremental is None:
        kind = "this one is a snapshot" if dataset.source.incremental is None else "the cursor of this one is no time"
        raise ConfigError(f"--start and --end need a source with a cursor of time; {kind}.", dataset=dataset.name)
    if start >= end:
        raise ConfigError(f"The range {_stamp(start)} to {_stamp(end)} is empty.", dataset=dataset.name)
    for limit in (start, end):
        _require_edge(dataset, limit, incremental.clock)
    windows = _cut(start.astimezone(UTC), end.astimezone(UTC), incremental)
    return [batch for batch in (_batch(dataset, window) for window in windows) if batch.id not in committed]


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
        batch = _batch(dataset, slot(start, dataset.cadence) if is_snapshot(dataset) else window)
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
    wanted = [*sorted(resumable, key=lambda batch: batch.window), _batch(dataset, today)]
    return [batch for batch in wanted if batch.id not in known.committed]


def _is_behind(batch: Batch, known: Known) -> bool:
    return known.watermark is not None and batch.window.end <= known.watermark


def _continue_from(dataset: Dataset, incremental: Incremental, span: Window, known: Known) -> Iterator[Batch]:
    opened = {batch.window.start: batch for batch in _parsed(dataset, known.open) if batch.window.end <= span.end}
    start = span.start
    while start < span.end:
        batch = opened.get(start)
        if batch is None:
            batch = _batch(dataset, next(_cut(start, span.end, incremental)))
        yield batch
        start = batch.window.end


def _parsed(dataset: Dataset, batch_ids: Iterable[str]) -> list[Batch]:
    return [batch for batch in (parse(dataset, batch_id) for batch_id in batch_ids) if batch]


def _cut(start: datetime, end: datetime, incremental: Incremental) -> Iterator[Window]:
    while start < end:
        stop = incremental.stop(start, end)
        yield Window(start, stop)
        start = stop


def _batch(dataset: Dataset, window: Window) -> Batch:
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
