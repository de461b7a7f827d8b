"""Datasets as runs of their own on the pool: in the order of their references, some at once, one failure for itself."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from prefect import get_run_logger

from blocks.runs import start_ingest, wait_for_any
from esteira.contract import Dataset
from esteira.errors import EsteiraError
from flows.outcome import Outcome


def run_on_pool(datasets: list[Dataset], as_of: datetime, at_once: int) -> dict[str, Outcome]:
    """Ask for a run of each dataset as soon as those it refers to have ended, and wait for all.

    Args:
        datasets: Referenced tables first.
        as_of: The moment of all of them.
        at_once: How many may be under way.
    """
    waiting = {dataset.name: dataset for dataset in datasets}
    under_way: dict[UUID, str] = {}
    outcomes: dict[str, Outcome] = {}
    while waiting or under_way:
        for dataset in _ready(waiting, set(under_way.values())):
            outcome = skipped(dataset, outcomes)
            if outcome is None and len(under_way) >= at_once:
                break
            del waiting[dataset.name]
            if outcome is None:
                outcome = _start(dataset, as_of, under_way)
            if outcome is not None:
                outcomes[dataset.name] = outcome
        for run, ended in wait_for_any(under_way).items() if under_way else ():
            name = under_way.pop(run)
            outcomes[name] = Outcome(name, ended=ended)
            get_run_logger().info("%s: %s", name, ended.state if ended.is_completed else ended.message)
    return {dataset.name: outcomes[dataset.name] for dataset in datasets}


def skipped(dataset: Dataset, outcomes: dict[str, Outcome]) -> Outcome | None:
    """The outcome of a dataset whose rows must refer to a table that is not fresh; None when it can run."""
    missing = next((name for name in dataset.needed if name in outcomes and not outcomes[name].is_well), None)
    if missing is None:
        return None
    get_run_logger().warning("%s is skipped because %s failed", dataset.name, missing)
    return Outcome(dataset.name, skipped_for=missing)


def _ready(waiting: dict[str, Dataset], under_way: set[str]) -> list[Dataset]:
    unsettled = waiting.keys() | under_way
    return [dataset for dataset in waiting.values() if not unsettled & (set(dataset.parents) - {dataset.name})]


def _start(dataset: Dataset, as_of: datetime, under_way: dict[UUID, str]) -> Outcome | None:
    try:
        run = start_ingest(dataset.name, as_of)
    except EsteiraError as exc:
        return Outcome(dataset.name, error=exc)
    get_run_logger().info("%s runs on the pool", dataset.name)
    under_way[run] = dataset.name
    return None
