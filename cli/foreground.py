"""What differs in a process that runs flows under somebody's eyes: its heartbeats, and the queues that it leaves behind."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings


@contextmanager
def watched() -> Iterator[None]:
    """Runs without heartbeats: whoever started them sees them end, and stopping to send them takes each run up to a second."""
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@contextmanager
def drained() -> Iterator[None]:
    """Empty Prefect's queues of logs and events on the way out, however that is.

    The server stops next, and each queue would otherwise wait for it in vain when the process ends.
    """
    try:
        yield
    finally:
        for queue in (EventsWorker, APILogWorker):
            queue.drain_all(at_exit=False)
