"""Which batches are due, from what the ledger and the lake say. Takes `as_of`; never reads a clock and does no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from esteira.batch.cut import begun_by_start, require_edge, windows_of
from esteira.batch.identity import Batch, batch_of, is_snapshot, parse
from esteira.batch.window import Window, slot
from esteira.contract import Append, Dataset, Incremental
from esteira.contract.clock import Clock


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


def plan(dataset: Dataset, as_of: datetime, known: Known) -> list[Batch]:
    """The batches to run now, oldest first: open ones, then what lies between the watermark and the slot of `as_of`."""
    return [due.batch for due in plan_due(dataset, as_of, known) if not due.is_skipped]


def plan_due(dataset: Dataset, as_of: datetime, known: Known) -> list[Due]:
    """The same, with the windows that the contract's `catch_up` leaves out, marked as skipped.

    They stand in their turn, and are noted in the ledger in it: the watermark must not pass an older batch that may still fail.
    """
    if is_snapshot(dataset):
        return [Due(batch) for batch in _plan_snapshot(dataset, slot(as_of, dataset.cadence), known)]
    return list(_due(dataset, as_of, known))


def due_up_to(dataset: Dataset, as_of: datetime) -> datetime:
    """The end of the newest window that is over at `as_of`.

    Raises:
        ConfigError: The dataset has no windows of time.
    """
    return _newest(dataset, windows_of(dataset), as_of).end


def _due(dataset: Dataset, as_of: datetime, known: Known) -> Iterator[Due]:
    """Each batch between the watermark and the slot; one that was begun is finished, however late it is."""
    incremental = windows_of(dataset)
    clock, newest = incremental.clock, _newest(dataset, incremental, as_of)
    start = _goes_on_at(dataset, known.watermark, clock) if known.watermark else incremental.initial_at
    kept = _kept_from(incremental, newest)
    begun = begun_by_start(dataset, known.open, newest.end)
    while start < newest.end:
        is_skipped = start < kept and start not in begun
        limit = kept if start < kept else newest.end
        batch = begun.get(start) or batch_of(dataset, Window(start, incremental.stop(start, limit)))
        yield Due(batch, is_skipped)
        start = batch.window.end


def _newest(dataset: Dataset, incremental: Incremental, as_of: datetime) -> Window:
    """The last slot of the cadence that is over, between edges of the portal's clock."""
    clock = incremental.clock
    zone = clock.zone if clock.is_daily else UTC
    end = clock.edge(slot(as_of, dataset.cadence, zone).start)
    return Window(clock.edge(slot(end - timedelta.resolution, dataset.cadence, zone).start), end)


def _kept_from(incremental: Incremental, newest: Window) -> datetime:
    """Windows that begin here or later are loaded, however late they are; the newest slot always is."""
    catch_up = incremental.catch_up
    if catch_up == "all":
        return datetime.min.replace(tzinfo=UTC)
    if isinstance(catch_up, timedelta):
        return min(incremental.clock.edge(newest.end - catch_up), newest.start)
    return newest.start


def _goes_on_at(dataset: Dataset, watermark: datetime, clock: Clock) -> datetime:
    """The edge of the portal's clock at or before the watermark.

    A watermark from before the contract had this zone or format may lie between two edges. Then some source time is read twice, which only a write
    mode that merges can take.

    Raises:
        ConfigError: The rows would be appended twice.
    """
    if isinstance(dataset.write, Append):
        require_edge(dataset, watermark, clock)
    return clock.edge(watermark)


def _plan_snapshot(dataset: Dataset, today: Window, known: Known) -> list[Batch]:
    older = (parse(dataset, batch_id) for batch_id in known.open)
    resumable = [batch for batch in older if batch and batch.window < today and not _is_behind(batch, known)]
    wanted = [*sorted(resumable, key=lambda batch: batch.window), batch_of(dataset, today)]
    return [batch for batch in wanted if batch.id not in known.committed]


def _is_behind(batch: Batch, known: Known) -> bool:
    return known.watermark is not None and batch.window.end <= known.watermark
