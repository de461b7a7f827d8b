"""How far the reading of a portal is, after each page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Arrival:
    """What has arrived.

    Attributes:
        pages: Number of the last page, counted over resumptions.
        rows: Records of all pages.
        seconds: Since the walk began.
        rows_before: Those among them that an earlier attempt brought, which say nothing of today's speed.
        total: The portal's own figure, or None.
        is_last: Whether there is no further page.
        budget_seconds: Spent waiting for the rate budget so far.
        retry_seconds: Spent waiting before retries so far.
    """

    pages: int
    rows: int
    seconds: float
    rows_before: int = 0
    total: int | None = None
    is_last: bool = False
    budget_seconds: float = 0.0
    retry_seconds: float = 0.0


OnArrival: TypeAlias = Callable[[Arrival], None]


def ignore(arrival: Arrival) -> None:
    """Do nothing: the default of `Portal.on_arrival`."""
