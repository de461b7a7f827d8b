"""Which lines stand in a run's log besides those that the steps write themselves."""

from __future__ import annotations

import logging

CORE = ("esteira", "blocks")
"""What they tell, such as a request that is asked again, is part of a run's story. Prefect gives these loggers a handler, but no level."""


def open_run_log() -> None:
    """Let the core's lines in, and keep out those of Prefect that say only that a step ended, between lines that say what came of it."""
    for name in CORE:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("prefect.task_runs").addFilter(_tells_something)


def _tells_something(record: logging.LogRecord) -> bool:
    return record.getMessage() != "Finished in state Completed()"
