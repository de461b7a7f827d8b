"""Prefect's background queues of logs and events, which otherwise send what they hold when the process ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker


@contextmanager
def drained() -> Iterator[None]:
    """Empty the queues on the way out, however that is: the server stops next, and each queue would wait for it in vain."""
    try:
        yield
    finally:
        for queue in (EventsWorker, APILogWorker):
            queue.drain_all(at_exit=False)
