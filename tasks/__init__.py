"""The steps as Prefect tasks: retries, run names and artifacts around the core's functions, and nothing else."""

from tasks.attempts import counted_attempt
from tasks.curate import curate_batch
from tasks.extract import extract_batch
from tasks.load import load_batch
from tasks.plan import find_hold, plan_batches
from tasks.publish import publish_batch
from tasks.run_log import open_run_log

__all__ = [
    "counted_attempt",
    "curate_batch",
    "extract_batch",
    "find_hold",
    "load_batch",
    "plan_batches",
    "publish_batch",
]

open_run_log()
