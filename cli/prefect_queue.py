"""Prefect's background queues of logs and events, which otherwise send what they hold when the process ends."""

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker


def drain_prefect() -> None:
    """Send everything now, while the server still answers."""
    for queue in (EventsWorker, APILogWorker):
        queue.drain_all(at_exit=False)
