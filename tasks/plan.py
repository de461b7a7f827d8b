"""What to run next, from the ledger and what stands open in the lake."""

from datetime import datetime

from prefect import get_run_logger, task

from blocks import open_lake, open_warehouse
from esteira.batch import Batch, Known, plan, plan_range
from esteira.contract import Dataset
from esteira.errors import ConfigError
from esteira.warehouse.reads import standing
from esteira.warehouse.states import DatasetState, gone, read_hold
from tasks.retrying import is_transient


@task(task_run_name="may {dataset.name} run", retry_condition_fn=is_transient, persist_result=False)
def find_hold(dataset: Dataset, *, is_asked_by_name: bool) -> DatasetState | None:
    """Why what is due must not run now; None when it may. A person who names a window gets it from a paused dataset too."""
    if dataset.retired:
        raise ConfigError(
            "Its contract says retired=True, so nothing is loaded.",
            dataset=dataset.name,
            hint=f"Take retired=True out of the contract, or say so to the warehouse with `esteira retire {dataset.name}`.",
        )
    state = read_hold(open_warehouse(), dataset)
    if state is None:
        return None
    if state.is_gone and is_asked_by_name:
        raise gone(state)
    get_run_logger().warning(
        "%s is %s%s", dataset.name, state, "; its range runs all the same" if is_asked_by_name else ""
    )
    return None if is_asked_by_name else state


@task(task_run_name="plan {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def plan_batches(dataset: Dataset, as_of: datetime, span: tuple[datetime, datetime] | None) -> list[Batch]:
    """The batches to run, oldest first; `span` asks for an explicit range instead of what is due."""
    stand = standing(open_warehouse(), dataset.name)
    if span is not None:
        return _told(plan_range(dataset, *span, stand.loaded))
    opened = tuple(batch for batch in open_lake().batches(dataset.name) if batch not in stand.settled)
    return _told(plan(dataset, as_of, Known(stand.watermark, stand.settled, opened)))


def _told(batches: list[Batch]) -> list[Batch]:
    if batches:
        more = f", and {len(batches) - 1:,} after it" if batches[1:] else ""
        get_run_logger().info("%s is due%s", batches[0].name, more)
    return batches
