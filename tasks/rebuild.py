"""Batches that are loaded again as a new generation, or taken out."""

from prefect import get_run_logger, task

from blocks import open_lake, open_loader, open_warehouse
from esteira.contract import Dataset
from esteira.lake import Seal
from esteira.rebuild import Rebuild, Selection, curated_again, plan_rebuild, raw_seal
from esteira.warehouse import LoadResult, UndoRequest
from esteira.warehouse.reads import settled_batches
from tasks.assets import table_task
from tasks.load import load_request
from tasks.retrying import is_transient
from tasks.run import code_version, run_name


@task(task_run_name="plan the rebuild of {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def plan_rebuilds(dataset: Dataset, selection: Selection) -> list[Rebuild]:
    """Which batches, and under which generation; a step of its own, so that retries of later steps keep the numbers."""
    return plan_rebuild(dataset, settled_batches(open_warehouse(), dataset.name), selection, open_lake())


@task(task_run_name="find raw {rebuild.batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def find_raw(rebuild: Rebuild) -> Seal:
    """The newest raw seal of a batch."""
    return raw_seal(rebuild, open_lake())


@task(task_run_name="seal again {rebuild.batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def seal_again(rebuild: Rebuild) -> Seal:
    """The curated parts that stand, sealed as the new generation."""
    return curated_again(rebuild, open_lake())


@table_task("load {dataset.name} again")
def load_generations(
    dataset: Dataset, rebuilds: list[Rebuild], seals: list[Seal], *, accept_loss: bool, is_standing: bool
) -> list[LoadResult]:
    """Commit all new generations in one transaction; readers see all of it or nothing."""
    chosen = zip(rebuilds, seals, strict=True)
    requests = [load_request(dataset, each.batch, seal, is_standing=is_standing) for each, seal in chosen]
    results = open_loader().rebuild(requests, accept_loss=accept_loss)
    logger = get_run_logger()
    for each, result in zip(rebuilds, results, strict=True):
        logger.info(
            "%s %s: generation %s replaces %s", dataset.name, each.batch.id, result.entry.generation, each.replaced
        )
    return results


@table_task("undo {dataset.name} {batch_id}")
def undo_batch(dataset: Dataset, batch_id: str, reason: str, *, accept_loss: bool) -> LoadResult:
    """Take a batch out of its table; earlier versions of its rows come back."""
    request = UndoRequest(dataset, batch_id, reason, accept_loss=accept_loss, run=run_name(), version=code_version())
    result = open_loader().undo(request)
    get_run_logger().info(
        "%s %s: taken out; the table has %s rows", dataset.name, batch_id, f"{result.entry.table_rows or 0:,}"
    )
    return result
