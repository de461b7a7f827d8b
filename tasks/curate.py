"""raw → curated and quarantine."""

from prefect import get_run_logger, task

from blocks import open_lake
from esteira.contract import Dataset
from esteira.curate import CuratedParts, curate
from esteira.lake import Seal
from tasks.drift import tell_new_columns
from tasks.retrying import is_transient


@task(task_run_name="curate {dataset.name} {raw.batch}", retry_condition_fn=is_transient, persist_result=False)
def curate_batch(dataset: Dataset, raw: Seal, generation: int = 1, ahead: CuratedParts | None = None) -> Seal:
    """Transform and validate a sealed raw batch; returns the curated seal."""
    lake = open_lake()
    seal = curate(dataset, raw, lake=lake, generation=generation, ahead=ahead)
    logger = get_run_logger()
    logger.info("%s %s: %s rows curated, %s quarantined", seal.dataset, seal.batch, seal.curated, seal.quarantined)
    for warning in seal.warnings:
        logger.warning("%s %s: %s", seal.dataset, seal.batch, warning)
    tell_new_columns(dataset, seal, lake)
    return seal
