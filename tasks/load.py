"""curated → Redshift: a sealed batch and its ledger row, in one transaction."""

from dataclasses import replace

from prefect import get_run_logger, task

from blocks import open_lake, open_loader
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.extraction.beginning import Unchanged
from esteira.lake import Seal
from esteira.warehouse import LoadRequest, LoadResult, SettleRequest
from tasks.assets import table_task, tell_counts
from tasks.retrying import is_transient
from tasks.run import code_version, run_name
from tasks.wording import written


@table_task("load {batch.plain_name}")
def load_batch(dataset: Dataset, batch: Batch, seal: Seal, seconds: float | None = None) -> LoadResult:
    """Commit a sealed batch; returns the ledger row that stands. `seconds` is what the steps before took."""
    result = open_loader().load(replace(load_request(dataset, batch, seal), seconds=seconds))
    entry = result.entry
    logger = get_run_logger()
    done = "committed" if result.is_new else "was committed before"
    table = "" if entry.table_rows is None else f"; the table has {entry.table_rows:,} rows"
    logger.info("%s: %s: %s%s", batch.name, done, written(entry), table)
    for warning in entry.warnings:
        if warning not in seal.warnings:  # those were told when it was curated
            logger.warning("%s: %s", batch.name, warning)
    tell_counts(entry)
    return result


@task(task_run_name="settle {batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def settle_unchanged(batch: Batch, known: Unchanged) -> LoadResult:
    """Settle a batch of which the portal says that its answer is still a known one: a ledger row, and no row of the table."""
    request = SettleRequest(batch, known.reason, state="unchanged", run=run_name(), version=code_version())
    result = open_loader().settle(request)
    get_run_logger().info("%s: settled without a row", batch.name)
    return result


def load_request(dataset: Dataset, batch: Batch, seal: Seal, *, is_standing: bool = False) -> LoadRequest:
    """What the loader needs to load a sealed batch in the name of this flow run."""
    request = LoadRequest.of_seal(dataset, batch, seal, open_lake(), run=run_name(), version=code_version())
    return replace(request, is_standing=is_standing)
