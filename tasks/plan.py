"""What to run next, from the ledger and what stands open in the lake."""

from datetime import datetime

from prefect import get_run_logger, task

from blocks import open_lake, open_loader, open_warehouse
from esteira.backfill import Asked, Backfill, plan_backfill, refuse_overlap
from esteira.batch import Batch, Due, Known, plan_due, plan_range
from esteira.contract import Append, Dataset
from esteira.errors import ConfigError
from esteira.warehouse import SettleRequest
from esteira.warehouse.reads import settled_batches, standing
from esteira.warehouse.states import DatasetState, gone, read_hold
from tasks.retrying import is_transient
from tasks.run import code_version, run_name


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
def plan_batches(dataset: Dataset, as_of: datetime, span: tuple[datetime, datetime] | None) -> list[Due]:
    """The batches to run, oldest first; `span` asks for an explicit range instead of what is due."""
    stand = standing(open_warehouse(), dataset.name)
    if span is not None:
        named = plan_range(dataset, *span, stand.loaded)
        if named and isinstance(dataset.write, Append):
            refuse_overlap(dataset, named, settled_batches(open_warehouse(), dataset.name))
        return _logged([Due(batch) for batch in named])
    opened = tuple(batch for batch in open_lake().batches(dataset.name) if batch not in stand.settled)
    return _logged(plan_due(dataset, as_of, Known(stand.watermark, stand.settled, opened)))


@task(task_run_name="skip {batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def skip_batch(batch: Batch) -> None:
    """Settle a batch that is not caught up: a ledger row, and no row of the table."""
    reason = "It was missed, and catch_up in the contract says not to load it afterwards."
    open_loader().settle(SettleRequest(batch, reason, state="skipped", run=run_name(), version=code_version()))
    ends = (f"{moment:%Y-%m-%dT%H:%MZ}" for moment in (batch.window.start, batch.window.end))
    get_run_logger().warning(
        "%s %s is skipped, as catch_up in its contract says; `esteira ingest %s --start %s --end %s` loads it",
        batch.dataset, batch.window, batch.dataset, *ends,
    )  # fmt: skip


@task(task_run_name="plan the backfill of {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def plan_windows(dataset: Dataset, asked: Asked, as_of: datetime) -> Backfill:
    """Which windows of a range are loaded, and which are to be."""
    entries = settled_batches(open_warehouse(), dataset.name)
    return plan_backfill(dataset, asked, entries, open_lake().batches(dataset.name), as_of)


def _logged(due: list[Due]) -> list[Due]:
    loaded = [each.batch for each in due if not each.is_skipped]
    if loaded:
        more = f", and {len(loaded) - 1:,} after it" if loaded[1:] else ""
        get_run_logger().info("%s is due%s", loaded[0].name, more)
    return due
