"""Live progress of an extraction: on the run's page, and for whoever runs a flow in their own process (the command line)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from esteira.batch import Batch
from esteira.portal.arrival import Arrival

Listener = Callable[[Batch, Arrival], None]
_listeners: list[Listener] = []
_readers: list[Callable[[str], None]] = []
SHOWN_AFTER_SECONDS = 2.0
"""A batch that is over sooner is over before anybody looks."""
SHOWN_EVERY_SECONDS = 5.0
TOLD_EVERY_SECONDS = 60.0


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` for each page that arrives while inside."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Live:
    """Hears of each page of one batch: tells the listeners, moves a bar on the run's page, and logs a line a minute.

    A bar that cannot be written never stops an extraction; it is then left as it is.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch, self._logger = batch, get_run_logger()
        self._began = self._told = time.monotonic()
        self._shown = self._began + SHOWN_AFTER_SECONDS - SHOWN_EVERY_SECONDS
        self._bar: UUID | None = None
        self._is_on = True

    def __call__(self, arrival: Arrival) -> None:
        """Take note of a page that has arrived."""
        for listener in _listeners:
            listener(self._batch, arrival)
        now = time.monotonic()
        if now - self._told >= TOLD_EVERY_SECONDS and not arrival.is_last:
            self._told = now
            self._logger.info("%s", self._sentence(arrival))
        is_due = now - self._shown >= SHOWN_EVERY_SECONDS or (arrival.is_last and self._bar is not None)
        if self._is_on and is_due and arrival.total:
            self._shown = now
            self._show(arrival, min(100.0, 100 * arrival.rows / arrival.total))

    def _show(self, arrival: Arrival, percent: float) -> None:
        try:
            if self._bar is None:
                made: Any = create_progress_artifact(progress=percent, description=self._sentence(arrival))
                self._bar = made
            else:
                update_progress_artifact(self._bar, progress=percent, description=self._sentence(arrival))
        except Exception as exc:  # noqa: BLE001 - whatever is wrong with a picture, the rows arrive
            self._is_on = False
            self._logger.warning("The progress is not shown any more: %s", type(exc).__name__)

    def _sentence(self, arrival: Arrival) -> str:
        rate = (arrival.rows - arrival.rows_before) / max(arrival.seconds, 1e-3)
        total = f" of {arrival.total:,}" if arrival.total else ""
        left = (
            f", about {(arrival.total - arrival.rows) / rate / 60:.0f} min left"
            if arrival.total and rate >= 1 and not arrival.is_last
            else ""
        )
        where = self._batch.name
        return f"{where}: {arrival.rows:,}{total} rows have arrived, {rate:,.0f} rows/s{left}"


@contextmanager
def following(reader: Callable[[str], None]) -> Iterator[None]:
    """Call `reader` for each line that a run tells while inside."""
    _readers.append(reader)
    try:
        yield
    finally:
        _readers.remove(reader)


def narrate(line: str) -> None:
    """A line of the run's log, which whoever runs it in their own process sees too."""
    get_run_logger().info("%s", line)
    for reader in _readers:
        reader(line)
