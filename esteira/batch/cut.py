"""Source time cut into batches: which windows tile a span, and whether a range that somebody named may be asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime

from esteira.batch.identity import Batch, batch_of, parse, time_cursor
from esteira.batch.window import Window, stamp
from esteira.contract import Dataset, Incremental
from esteira.contract.clock import Clock
from esteira.errors import ConfigError

Stop = Callable[[datetime, datetime], datetime]
"""Takes where a window begins and where it must end at the latest; returns where it ends."""


def windows_of(dataset: Dataset) -> Incremental:
    """The cursor by which its source is cut into windows of time.

    Raises:
        ConfigError: It has none.
    """
    incremental = time_cursor(dataset)
    if incremental is None:
        kind = "this one is a snapshot" if dataset.source.incremental is None else "the cursor of this one is no time"
        raise ConfigError(f"--start and --end need a source with a cursor of time; {kind}.", dataset=dataset.name)
    return incremental


def plan_range(dataset: Dataset, start: datetime, end: datetime, committed: Collection[str]) -> list[Batch]:
    """The batches of an explicit range that are not committed yet, oldest first.

    Raises:
        ConfigError: The dataset has no windows of time, the range is empty, or the portal cannot be asked for it.
    """
    span = range_of(dataset, start, end)
    return [batch for batch in cut(dataset, span, windows_of(dataset).stop) if batch.id not in committed]


def range_of(dataset: Dataset, start: datetime, end: datetime) -> Window:
    """A range that somebody named, checked, in UTC.

    Raises:
        ConfigError: The dataset has no windows of time, the range is empty, or the portal cannot be asked for it.
    """
    incremental = windows_of(dataset)
    if start >= end:
        raise ConfigError(f"The range {stamp(start)} to {stamp(end)} is empty.", dataset=dataset.name)
    for limit in (start, end):
        require_edge(dataset, limit, incremental.clock)
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def cut(dataset: Dataset, span: Window, stop: Stop, begun: Iterable[str] = ()) -> Iterator[Batch]:
    """The batches of a span, oldest first; they tile it.

    Args:
        dataset: The contract.
        span: Between edges of the portal's clock.
        stop: Where a window ends; `Incremental.stop`, or a shorter one.
        begun: Ids of batches that stand open in the lake: they keep the window that they began with.
    """
    opened, start = begun_by_start(dataset, begun, span.end), span.start
    while start < span.end:
        batch = opened.get(start) or batch_of(dataset, Window(start, stop(start, span.end)))
        yield batch
        start = batch.window.end


def require_edge(dataset: Dataset, moment: datetime, clock: Clock) -> None:
    """Refuse a moment between two edges of the portal's clock.

    Raises:
        ConfigError: It is one; names the edge before it.
    """
    edge = clock.edge(moment)
    if edge != moment:
        raise ConfigError(
            f"{moment.isoformat()} is no moment at which a window may end: the portal is asked in steps of {clock.step} in {clock.timezone}.",
            dataset=dataset.name,
            hint=f"The one before it is {edge:%Y-%m-%dT%H:%M:%SZ}.",
        )


def begun_by_start(dataset: Dataset, batch_ids: Iterable[str], end: datetime) -> dict[datetime, Batch]:
    """Batches that stand open in the lake, by the start of their windows.

    Args:
        dataset: The contract.
        batch_ids: Their ids; those of another source definition are left out.
        end: Windows that end later are left out too.
    """
    parsed = (parse(dataset, batch_id) for batch_id in batch_ids)
    return {batch.window.start: batch for batch in parsed if batch and batch.window.end <= end}
