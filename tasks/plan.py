"""What to run next, from the ledger and what stands open in the lake."""

from datetime import datetime

from prefect import task

from blocks import open_lake, open_warehouse
from esteira.batch import Batch, Known, plan, plan_range
from esteira.contract import Dataset
from esteira.warehouse.reads import standing
from tasks.retrying import is_transient


@task(task_run_name="plan {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def plan_batches(dataset: Dataset, as_of: datetime, span: tuple[datetime, datetime] | None) -> list[Batch]:
    """The batches to run, oldest first; `span` asks for an explicit range instead of what is due."""
    stand = standing(open_warehouse(), dataset.name)
    if span is not None:
        return plan_range(dataset, *span, stand.loaded)
    opened = tuple(batch for batch in open_lake().batches(dataset.name) if batch not in stand.settled)
    return plan(dataset, as_of, Known(stand.watermark, stand.settled, opened))
