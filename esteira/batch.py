"""Windows, batch ids, and what to run next. Takes `as_of` and what the ledger says; never reads a clock and does no I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from esteira.contract import Dataset
from esteira.contract.dataset import Cadence
from esteira.errors import ConfigError

_ID = re.compile(
    r"(?P<start>\d{4}-\d\d-\d\d(?:T\d{4})?)(?:_(?P<end>\d{4}-\d\d-\d\d(?:T\d{4})?))?-(?P<definition>[0-9a-f]{8})"
)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open `[start, end)` of source time, UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{_stamp(self.start)}→{_stamp(self.end)}"


@dataclass(frozen=True, slots=True)
class Batch:
    """The unit of exactly-once.

    Attributes:
        dataset: Dataset name.
        id: `<window>-<hash8 of the source definition>`; readable and never made from a clock.
        window: The window it covers; for a snapshot, the slot of `as_of`.
        is_snapshot: Whether the source has no cursor, so that the window is not asked of the portal.
    """

    dataset: str
    id: str
    window: Window
    is_snapshot: bool


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


def slot(as_of: datetime, cadence: Cadence) -> Window:
    """The grid slot of the cadence that `as_of` lies in: `[start, end)` in UTC.

    Raises:
        ConfigError: `as_of` has no time zone.
    """
    if as_of.tzinfo is None:
        raise ConfigError(
            f"as_of={as_of.isoformat()} has no time zone.",
            hint="Write it with an offset, such as 2014-01-02T06:00:00Z.",
        )
    moment = as_of.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if cadence == "hourly":
        start = moment.replace(minute=0, second=0, microsecond=0)
        return Window(start, start + timedelta(hours=1))
    if cadence == "daily":
        return Window(midnight, midnight + timedelta(days=1))
    if cadence == "weekly":
        monday = midnight - timedelta(days=midnight.weekday())
        return Window(monday, monday + timedelta(days=7))
    first = midnight.replace(day=1)
    return Window(first, (first + timedelta(days=32)).replace(day=1))


def plan(dataset: Dataset, as_of: datetime, known: Known) -> list[Batch]:
    """The batches to run now, oldest first: open ones, then what lies between the watermark and the slot of `as_of`."""
    today = slot(as_of, dataset.cadence)
    if dataset.source.incremental is None:
        return _plan_snapshot(dataset, today, known)
    start = known.watermark or dataset.source.incremental.initial_at
    return list(_continue_from(dataset, dataset.source.incremental.chunk, Window(start, today.start), known))


def plan_range(dataset: Dataset, start: datetime, end: datetime, committed: Collection[str]) -> list[Batch]:
    """The windows of an explicit range that are not committed yet.

    Raises:
        ConfigError: The dataset has no cursor, or the range is empty.
    """
    incremental = dataset.source.incremental
    if incremental is None:
        raise ConfigError(
            "--start and --end need a source with a cursor; this one is a snapshot.", dataset=dataset.name
        )
    if start >= end:
        raise ConfigError(f"The range {_stamp(start)} to {_stamp(end)} is empty.", dataset=dataset.name)
    windows = _cut(start.astimezone(UTC), end.astimezone(UTC), incremental.chunk)
    return [batch for batch in (_batch(dataset, window) for window in windows) if batch.id not in committed]


def parse(dataset: Dataset, batch_id: str) -> Batch | None:
    """The batch that an id of this dataset's present source definition names; None for another definition or a stranger."""
    found = _ID.fullmatch(batch_id)
    if found is None or found["definition"] != dataset.source.definition_hash:
        return None
    try:
        start = _moment(found["start"])
        window = Window(start, _moment(found["end"] or found["start"]))
        batch = _batch(dataset, slot(start, dataset.cadence) if dataset.source.incremental is None else window)
    except (ValueError, OverflowError):
        return None  # a stray prefix of the lake that only looks like an id
    return batch if batch.id == batch_id and batch.window.start < batch.window.end else None


def _plan_snapshot(dataset: Dataset, today: Window, known: Known) -> list[Batch]:
    older = (parse(dataset, batch_id) for batch_id in known.open)
    resumable = [batch for batch in older if batch and batch.window < today and not _is_behind(batch, known)]
    wanted = [*sorted(resumable, key=lambda batch: batch.window), _batch(dataset, today)]
    return [batch for batch in wanted if batch.id not in known.committed]


def _is_behind(batch: Batch, known: Known) -> bool:
    return known.watermark is not None and batch.window.end <= known.watermark


def _continue_from(dataset: Dataset, chunk: timedelta, span: Window, known: Known) -> Iterator[Batch]:
    opened = {batch.window.start: batch for batch in _parsed(dataset, known.open) if batch.window.end <= span.end}
    start = span.start
    while start < span.end:
        batch = opened.get(start)
        if batch is None:
            batch = _batch(dataset, next(_cut(start, span.end, chunk)))
        yield batch
        start = batch.window.end


def _parsed(dataset: Dataset, batch_ids: Iterable[str]) -> list[Batch]:
    return [batch for batch in (parse(dataset, batch_id) for batch_id in batch_ids) if batch]


def _cut(start: datetime, end: datetime, chunk: timedelta) -> Iterator[Window]:
    while start < end:
        stop = min(start + chunk, end)
        yield Window(start, stop)
        start = stop


def _batch(dataset: Dataset, window: Window) -> Batch:
    is_snapshot = dataset.source.incremental is None
    span = _stamp(window.start) if is_snapshot else f"{_stamp(window.start)}_{_stamp(window.end)}"
    return Batch(dataset.name, f"{span}-{dataset.source.definition_hash}", window, is_snapshot)


def _stamp(moment: datetime) -> str:
    """Minutes are enough: the finest grid is the hour, and ranges are refused below the minute by the command line."""
    return moment.strftime("%Y-%m-%d" if (moment.hour, moment.minute) == (0, 0) else "%Y-%m-%dT%H%M")


def _moment(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%dT%H%M" if "T" in stamp else "%Y-%m-%d").replace(tzinfo=UTC)
