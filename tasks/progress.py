"""Live progress for whoever runs a flow in their own process (the command line); nobody listens on ECS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from esteira.batch import Batch
from esteira.portal.arrival import Arrival

Listener = Callable[[Batch, Arrival], None]
_listeners: list[Listener] = []


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
