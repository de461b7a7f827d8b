"""What to run next, from the ledger and what stands open in the lake."""

from datetime import datetime

from prefect import task

from blocks import open_lake, open_warehouse
from esteira.batch import Batch, Known, plan, plan_range
from esteira.contract import Dataset
from esteira.warehouse.reads import committed_batches
from tasks.retrying import is_transient


@task(task_run_name="plan {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def plan_batches(dataset: Dataset, as_of: datetime, span: tuple[datetime, datetime] | None) -> list[Batch]:
    """The batches to run, oldest first; `span` asks for an explicit range instead of what is due."""
    entries = committed_batches(open_warehouse(), dataset.name)
    committed = frozenset(entry.batch_id for entry in entries)
    if span is not None:
        return plan_range(dataset, *span, committed)
    lake = open_lake()
    opened = tuple(batch for batch in lake.batches(dataset.name) if batch not in committed)
    watermark = max((entry.window_end for entry in entries), default=None)
    return plan(dataset, as_of, Known(watermark, committed, opened))
