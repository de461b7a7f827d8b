"""After the commit: what analysts see. At least once, and only what differs; a failure is a warning, and the next run does it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import get_run_logger, task

from blocks import open_warehouse
from esteira.catalogue import load_catalogue, load_groups
from esteira.settings import read_settings
from esteira.warehouse.bi.publish import Contracts, Published, Run, publish
from tasks.retrying import is_transient
from tasks.run import run_name


@task(
    task_run_name="bring bi up to date",
    retries=1,
    retry_delay_seconds=2,
    retry_condition_fn=is_transient,
    persist_result=False,
)
def write_views(datasets: list[str], as_of: datetime) -> Published:
    """Publish what differs, and the groups that are complete."""
    folder = read_settings().datasets
    contracts = Contracts(load_catalogue(folder), load_groups(folder))
    published = publish(open_warehouse(), datasets, contracts, Run(as_of, run_name()))
    for line in lines(published):
        get_run_logger().info("%s", line)
    return published


def publish_views(datasets: Sequence[str], as_of: datetime) -> None:
    """Bring `bi` up to date with what a run was about; a warning when that fails."""
    try:
        write_views(list(datasets), as_of)
    except Exception as exc:  # noqa: BLE001 - the rows are in, whatever is wrong with a view
        get_run_logger().warning(
            "The views of %s in bi are not brought up to date: %s: %s Nothing of the data is affected, and bi.freshness stays true; the next run "
            "does it again (runbook: The views of bi are behind).",
            ", ".join(datasets), type(exc).__name__, exc,
        )  # fmt: skip


def lines(published: Published) -> list[str]:
    """What changed, for the run's log."""
    return [
        *([f"bi: made anew: {', '.join(published.made)}"] if published.made else []),
        *(f"bi: {group} shows all its datasets as they are now" for group in published.copied),
        *(
            f"bi: {group} shows its last state: something of {', '.join(late)} is due"
            for group, late in published.waiting.items()
        ),
    ]
