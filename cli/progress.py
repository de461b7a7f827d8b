"""The lines that an extraction shows: one that moves on a terminal, a plain one every few seconds elsewhere."""

from __future__ import annotations

import sys
import time

import click

from esteira.batch import Batch
from esteira.portal.arrival import Arrival

SHOWN_WAIT_SECONDS = 0.5
"""A shorter wait is not worth a word."""


class Lines:
    """Listens to the arrivals of one batch after the other."""

    TERMINAL_EVERY_SECONDS = 0.1
    PLAIN_EVERY_SECONDS = 5.0

    def __init__(self) -> None:
        self._printed = time.monotonic()

    def __call__(self, batch: Batch, arrival: Arrival) -> None:
        """Show how far an extraction is."""
        now = time.monotonic()
        is_terminal = sys.stderr.isatty()
        every = self.TERMINAL_EVERY_SECONDS if is_terminal else self.PLAIN_EVERY_SECONDS
        if now - self._printed < every and not arrival.is_last:
            return
        self._printed = now
        line = line_of(batch, arrival)
        end = "\n" if arrival.is_last or not is_terminal else ""
        click.echo(f"\r\033[K{line}{end}" if is_terminal else f"{line}\n", nl=False, err=True)


def line_of(batch: Batch, arrival: Arrival) -> str:
    """One line.

    Args:
        batch: Whose rows arrive.
        arrival: How many did.
    """
    rate = (arrival.rows - arrival.rows_before) / max(arrival.seconds, 1e-3)
    total = f" of {arrival.total:,}" if arrival.total is not None else ""
    parts = [f"{arrival.rows:,}{total} rows", f"page {arrival.pages:,}", f"{rate:,.0f} rows/s"]
    if arrival.total is not None and rate and not arrival.is_last:
        parts.append(f"{_duration((arrival.total - arrival.rows) / rate)} left")
    if arrival.budget_seconds >= SHOWN_WAIT_SECONDS:
        parts.append(f"{_duration(arrival.budget_seconds)} waited for the rate budget")
    if arrival.retry_seconds >= SHOWN_WAIT_SECONDS:
        parts.append(f"{_duration(arrival.retry_seconds)} waited before retries")
    return f"{batch.dataset} {batch.window}: {', '.join(parts)}"


def _duration(seconds: float) -> str:
    whole = max(round(seconds), 0)
    if whole < 100:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 6000 else f"{whole / 3600:.1f} h"
