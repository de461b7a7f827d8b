"""raw → curated and quarantine: rows are transformed and validated, and what came of it is sealed."""

from prefect import get_run_logger, runtime, task

from blocks import open_lake
from esteira.batch import plain, short
from esteira.contract import Dataset
from esteira.curate import curate
from esteira.gathered import CuratedParts
from esteira.lake import Seal
from tasks.drift import tell_new_columns
from tasks.retrying import is_transient


def _run_name() -> str:
    parameters = runtime.task_run.parameters
    return f"curate {parameters['dataset'].name} {plain(short(parameters['raw'].batch))}"


@task(task_run_name=_run_name, retry_condition_fn=is_transient, persist_result=False)
def curate_batch(dataset: Dataset, raw: Seal, generation: int = 1, ahead: CuratedParts | None = None) -> Seal:
    """Transform and validate a sealed raw batch; returns the curated seal."""
    lake = open_lake()
    seal = curate(dataset, raw, lake=lake, generation=generation, ahead=ahead)
    logger = get_run_logger()
    where = f"{seal.dataset} {short(seal.batch)}"
    logger.info("%s: %s rows are curated, %s in quarantine", where, f"{seal.curated:,}", f"{seal.quarantined:,}")
    for warning in seal.warnings:
        logger.warning("%s: %s", where, warning)
    tell_new_columns(dataset, seal, lake)
    return seal
