"""Live progress for whoever runs a flow in their own process (the command line); nobody listens on ECS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect import get_run_logger

from esteira.batch import Batch
from esteira.portal.arrival import Arrival

Listener = Callable[[Batch, Arrival], None]
_listeners: list[Listener] = []
_tellers: list[Callable[[str], None]] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` for each page that arrives while inside."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def report_arrival(batch: Batch, arrival: Arrival) -> None:
    """Tell the listeners."""
    for listener in _listeners:
        listener(batch, arrival)


@contextmanager
def hearing(teller: Callable[[str], None]) -> Iterator[None]:
    """Call `teller` for each line that a run tells while inside."""
    _tellers.append(teller)
    try:
        yield
    finally:
        _tellers.remove(teller)


def tell(line: str) -> None:
    """A line of the run's log, which whoever runs it in their own process sees too."""
    get_run_logger().info("%s", line)
    for teller in _tellers:
        teller(line)
