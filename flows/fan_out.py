"""Datasets as runs of their own on the pool: in the order of their references, some at once, one failure for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from prefect import get_run_logger

from blocks.runs import ingest_at, start, wait_for_any
from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.settings import TaskSize
from flows.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Terms:
    """What all runs of a fan-out have in common.

    Attributes:
        as_of: Their moment.
        at_once: How many may be under way.
        sizes: What a dataset's own run needs, where it differs, by name.
    """

    as_of: datetime
    at_once: int
    sizes: Mapping[str, TaskSize] = field(default_factory=dict)


def run_on_pool(datasets: list[Dataset], terms: Terms) -> dict[str, Outcome]:
    """Ask for a run of each dataset as soon as those it refers to have ended, and wait for all.

    Args:
        datasets: Referenced tables first.
        terms: Of all of them.
    """
    waiting = {dataset.name: dataset for dataset in datasets}
    under_way: dict[UUID, str] = {}
    outcomes: dict[str, Outcome] = {}
    while waiting or under_way:
        for dataset in _ready(waiting, set(under_way.values())):
            outcome = skipped(dataset, outcomes)
            if outcome is None and len(under_way) >= terms.at_once:
                break
            del waiting[dataset.name]
            if outcome is None:
                outcome = _start(dataset, terms, under_way)
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


def _start(dataset: Dataset, terms: Terms, under_way: dict[UUID, str]) -> Outcome | None:
    try:
        size = terms.sizes.get(dataset.name, TaskSize()).model_dump(exclude_none=True)
        run = start(ingest_at(dataset.name, terms.as_of, size))
    except EsteiraError as exc:
        return Outcome(dataset.name, error=exc)
    get_run_logger().info("%s runs on the pool", dataset.name)
    under_way[run] = dataset.name
    return None
