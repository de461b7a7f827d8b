"""Live progress for whoever runs a flow in their own process (the command line); nobody listens on ECS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from esteira.batch import Batch
from esteira.extract import Progress

Listener = Callable[[Batch, Progress], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call `listener` for each stored part while inside."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def report_progress(batch: Batch, progress: Progress) -> None:
    """Tell the listeners."""
    for listener in _listeners:
        listener(batch, progress)
