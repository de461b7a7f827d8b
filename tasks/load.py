"""curated → Redshift, with the ledger row, in one transaction."""

import importlib.metadata
from dataclasses import replace

from prefect import get_run_logger, runtime, task

from blocks import open_lake, open_loader
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.extraction.beginning import Unchanged
from esteira.lake import Seal
from esteira.profile import profile_of
from esteira.warehouse import LoadRequest, LoadResult, SettleRequest
from tasks.assets import table_task, tell_counts
from tasks.retrying import is_transient
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
    """What the loader needs: manifest and profile belong to the seal, run and version go into the ledger."""
    lake = open_lake()
    parts = lake.put_manifest(seal), profile_of(seal, lake)
    return LoadRequest(dataset, batch, seal, *parts, is_standing=is_standing, run=run_name(), version=code_version())


def run_name() -> str:
    """The flow run's name, for the ledger."""
    return str(runtime.flow_run.name or "")


def code_version() -> str:
    """The installed version of Esteira, for the ledger."""
    return importlib.metadata.version("esteira")
