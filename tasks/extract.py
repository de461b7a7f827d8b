"""Portal → raw."""

from functools import partial

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from blocks import open_lake, open_portal, open_warehouse
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.extraction.ahead import Extracted, extract_ahead
from esteira.extraction.beginning import Unchanged, begin
from esteira.extraction.extract import Progress
from esteira.warehouse.reads import settled_batches
from tasks.progress import report_arrival
from tasks.retrying import is_transient

PROGRESS_AFTER_PARTS = 2
"""A batch of one part is over before anybody looks; only longer ones get a progress artifact."""


@task(task_run_name="extract {dataset.name} {batch.window}", retry_condition_fn=is_transient, persist_result=False)
def extract_batch(dataset: Dataset, batch: Batch, generation: int = 1) -> Extracted | Unchanged:
    """Bring a batch into raw, and curate it meanwhile; or hear that the portal has nothing new."""
    portal, lake, logger = open_portal(dataset.api.portal, dataset.name), open_lake(), get_run_logger()
    portal.on_arrival = partial(report_arrival, batch)
    beginning = begin(dataset, batch, generation, lambda name: settled_batches(open_warehouse(), name), lake)
    found = extract_ahead(dataset, batch, portal=portal, lake=lake, on_progress=_Reporter(batch), beginning=beginning)
    if found is None:
        assert beginning.known  # noqa: S101 - only then the portal was asked under a condition
        logger.info("%s %s: nothing has changed since %s", batch.dataset, batch.id, beginning.known.batch)
        return beginning.known
    logger.info("%s %s: %s rows in %s raw parts", batch.dataset, batch.id, found.raw.extracted, len(found.raw.parts))
    return found


class _Reporter:
    """Tells the Prefect UI of long extractions, after each stored part."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._parts = 0
        self._artifact: object | None = None

    def __call__(self, progress: Progress) -> None:
        self._parts += 1
        if not progress.total or self._parts < PROGRESS_AFTER_PARTS:
            return
        percent = min(100.0, 100 * progress.rows / progress.total)
        if self._artifact is None:
            self._artifact = create_progress_artifact(
                progress=percent, description=f"{self._batch.dataset} {self._batch.window}: rows extracted"
            )
        else:
            update_progress_artifact(artifact_id=self._artifact, progress=percent)  # type: ignore[arg-type] # sync call: it is a UUID
