"""Limits that runs share through the Prefect server; a server that has none, or is away, slows nothing down and stops nothing."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial

import httpx
from prefect.concurrency.asyncio import AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency, rate_limit

from esteira.errors import RateLimited
from esteira.http import Rate

TRY_SECONDS = 5.0
"""Of one wait for a slot, so that a run that is stopped is not held up."""
MAX_WAIT_SECONDS = 900.0
"""After which a run ends, to be tried again as a step: slots are held for one request each, so nobody waits that long for his turn."""
ASK_AGAIN_SECONDS = 60.0
"""After which a limit that could not be used is tried again."""
BURST_SHARE = 0.1
"""Of a rate's requests that may be sent at once by runs that were idle; the rest of the window is that much slower."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as the server keeps it.

    Attributes:
        name: Its name.
        slots: How many there are.
        decay_per_second: Slots that become free by themselves; None for a limit whose slots are given back.
    """

    name: str
    slots: int
    decay_per_second: float | None = None


class PrefectLimits:
    """The limits of one portal.

    Args:
        rate_prefix: Begins the names of the rates' limits, one for each rate; None shares no rate.
        concurrency_name: Name of the limit of requests under way; None shares none.
        rates: The portal's rates.
        concurrent: How many requests may be under way in all runs together.
    """

    def __init__(
        self, rate_prefix: str | None, concurrency_name: str | None, rates: Iterable[Rate], concurrent: int
    ) -> None:
        self._rate_prefix, self._concurrency_name = rate_prefix, concurrency_name
        self._rates, self._concurrent = tuple(rates), concurrent
        self._skipped_until: dict[str, float] = {}

    def wanted(self) -> list[Limit]:
        """What the server must have."""
        rates = [_limit_of(self._rate_prefix, rate) for rate in self._rates] if self._rate_prefix else []
        return rates + ([Limit(self._concurrency_name, self._concurrent)] if self._concurrency_name else [])

    def slot(self, rates: list[Rate], is_stopped: Callable[[], bool]) -> AbstractContextManager[object]:
        """Entered when a request may be sent, left when it was answered."""
        names = [_limit_of(self._rate_prefix, rate).name for rate in rates] if self._rate_prefix else []
        return self._slot(names, is_stopped) if names or self._concurrency_name else nullcontext()

    @contextmanager
    def _slot(self, names: list[str], is_stopped: Callable[[], bool]) -> Iterator[None]:
        held = ExitStack()
        try:
            for name in names:
                self._take(name, partial(_take_rate, name), is_stopped)
            if self._concurrency_name:
                self._take(self._concurrency_name, partial(self._hold, held), is_stopped)
            yield
        finally:
            self._give_back(held)

    def _hold(self, held: ExitStack) -> None:
        """A lease that cannot be renewed costs other runs their patience, not this one its page."""
        lease = concurrency(
            self._concurrency_name or "", timeout_seconds=TRY_SECONDS, strict=True, raise_on_lease_renewal_failure=False
        )
        held.enter_context(lease)

    def _take(self, name: str, take: Callable[[], None], is_stopped: Callable[[], bool]) -> None:
        until = time.monotonic() + MAX_WAIT_SECONDS
        while not is_stopped() and time.monotonic() >= self._skipped_until.get(name, 0):
            try:
                return take()
            except AcquireConcurrencySlotTimeoutError:
                if time.monotonic() >= until:
                    raise _nothing_free(name) from None
            except ConcurrencySlotAcquisitionError as exc:
                self._skipped_until[name] = time.monotonic() + ASK_AGAIN_SECONDS
                _log.warning(
                    "Prefect's limit %r cannot be used (%s): this run keeps the portal's budget for itself alone, not together with other runs. `python -m deployments.limits` makes the limits of all portals.",
                    name,
                    exc,
                )
        return None

    def _give_back(self, held: ExitStack) -> None:
        try:
            held.close()
        except httpx.HTTPError as exc:  # the server frees the slot when its lease ends
            _log.warning("Prefect's limit %r could not be given back: %s", self._concurrency_name, type(exc).__name__)


def _take_rate(name: str) -> None:
    rate_limit(name, timeout_seconds=TRY_SECONDS, strict=True)


def _nothing_free(name: str) -> RateLimited:
    return RateLimited(
        f"No slot of Prefect's limit {name!r} became free in {MAX_WAIT_SECONDS:g} seconds.",
        hint="Look under Concurrency in the Prefect UI for who holds it. A Prefect server that hangs looks the same.",
    )


def _limit_of(prefix: str | None, rate: Rate) -> Limit:
    """In any window no more than the rate's requests: the slots at once, and those that become free meanwhile."""
    slots = max(1, math.ceil(rate.requests * BURST_SHARE))
    decay = max(rate.requests - slots, 1) / rate.per_seconds
    return Limit(f"{prefix}-{rate.requests}-in-{rate.per_seconds:g}s", slots, decay)
