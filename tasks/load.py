"""curated → Redshift, with the ledger row, in one transaction."""

import importlib.metadata

from prefect import get_run_logger, runtime, task

from blocks import open_lake, open_warehouse
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.lake import Seal
from esteira.warehouse import Loader, LoadRequest, LoadResult
from tasks.retrying import is_transient


@task(task_run_name="load {dataset.name} {batch.window}", retry_condition_fn=is_transient, persist_result=False)
def load_batch(dataset: Dataset, batch: Batch, seal: Seal) -> LoadResult:
    """Commit a sealed batch; returns the ledger row that stands."""
    manifest = open_lake().put_manifest(seal)
    version = importlib.metadata.version("esteira")
    request = LoadRequest(dataset, batch, seal, manifest, run=str(runtime.flow_run.name or ""), version=version)
    result = Loader(open_warehouse()).load(request)
    entry = result.entry
    logger = get_run_logger()
    logger.info(
        "%s %s: %s; %s inserted, %s updated, %s unchanged, %s stale, %s duplicate", batch.dataset, batch.id,
        "committed" if result.is_new else "was committed before",
        entry.inserted, entry.updated, entry.unchanged, entry.stale, entry.duplicate,
    )  # fmt: skip
    for warning in entry.warnings:
        logger.warning("%s %s: %s", batch.dataset, batch.id, warning)
    return result
