"""Looking at what no run tells by itself: a dataset that nothing is loaded of any more."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task

from blocks import incidents, open_warehouse
from blocks.incidents import NO_CHANNEL
from esteira.alerts.message import Notice
from esteira.contract import Dataset
from esteira.report.amounts import age
from esteira.report.facts import Freshness
from esteira.warehouse.reads import watermarks
from esteira.warehouse.states import read_hold
from tasks.announce import NOBODYS, STALE, announce_recovery, announce_stale
from tasks.notices import emit
from tasks.retrying import is_transient


@task(task_run_name="watch the freshness", retry_condition_fn=is_transient, persist_result=False)
def watch_freshness(datasets: list[Dataset], as_of: datetime) -> list[str]:
    """Tell of each dataset that is older than its contract allows, once; returns their names.

    One that a person paused is old on purpose, and one that was never loaded is not yet anybody's.
    """
    warehouse = open_warehouse()
    limited = {dataset.name: dataset for dataset in datasets if dataset.quality.freshness}
    told = {each.dataset for each in incidents.open_incidents() if each.kind == "stale"}
    stale = []
    for name, watermark in watermarks(warehouse, limited).items():
        fresh = Freshness.of(limited[name], watermark, as_of)
        if not fresh.is_stale:
            if name in told:
                announce_recovery(name, limited[name].owner, ["stale"])
            continue
        facts = (age(fresh.age).en, age(fresh.limit).en, f"{watermark:%Y-%m-%d %H:%MZ}")
        if read_hold(warehouse, limited[name]) is not None:
            _note_quietly(limited[name], *facts)
            continue
        stale.append(name)
        announce_stale(limited[name], *facts)
    get_run_logger().info(
        "%s of %s datasets with a limit are stale: %s", len(stale), len(limited), ", ".join(stale) or "none"
    )
    return stale


def _note_quietly(dataset: Dataset, age: str, limit: str, watermark: str) -> None:
    """The event that no channel hears. The server waits for a word about every dataset, and without one tells people that the pool is dead."""
    notice = Notice(f"{dataset.name} is stale on purpose: {age} old", dataset.name, owner=dataset.owner)
    emit(STALE, notice, NO_CHANNEL, age=age, limit=limit, watermark=watermark)


@task(task_run_name="forget what is over", retry_condition_fn=is_transient, persist_result=False)
def forget_over(names: list[str], as_of: datetime) -> int:
    """Silences that ended, and incidents of datasets and BI assets that are there no longer; how many silences still hold."""
    known = set(names)
    for each in incidents.open_incidents():
        if each.dataset not in known and each.dataset != NOBODYS:
            incidents.end(each.dataset, (each.kind,), each.batch)
    return len(incidents.silences(as_of))
