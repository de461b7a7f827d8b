"""Portal → raw."""

from dataclasses import dataclass

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from blocks import open_lake, open_portal
from esteira.ahead import curating_ahead
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.curate import CuratedParts
from esteira.extract import Progress, extract
from esteira.lake import Seal
from tasks.progress import report_progress
from tasks.retrying import is_transient

PROGRESS_AFTER_PARTS = 2
"""A batch of one part is over before anybody looks; only longer ones get a progress artifact."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """A sealed raw batch, and what was curated of it on the way, if it was extracted in one go."""

    raw: Seal
    ahead: CuratedParts | None


@task(task_run_name="extract {dataset.name} {batch.window}", retry_condition_fn=is_transient, persist_result=False)
def extract_batch(dataset: Dataset, batch: Batch, generation: int = 1) -> Extracted:
    """Bring a batch into raw, and curate it meanwhile."""
    portal = open_portal(dataset.source.portal)
    lake = open_lake()
    with curating_ahead(dataset, batch.id, lake, generation) as follower:
        seal = extract(
            dataset,
            batch,
            portal=portal,
            lake=lake,
            on_progress=_Reporter(batch),
            generation=generation,
            follower=follower,
        )
        ahead = follower.finish()
    get_run_logger().info("%s %s: %s rows in %s raw parts", batch.dataset, batch.id, seal.extracted, len(seal.parts))
    return Extracted(seal, ahead)


class _Reporter:
    """Tells a person at the terminal at once, and the Prefect UI for long extractions."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._parts = 0
        self._artifact: object | None = None

    def __call__(self, progress: Progress) -> None:
        self._parts += 1
        report_progress(self._batch, progress)
        if not progress.total or self._parts < PROGRESS_AFTER_PARTS:
            return
        percent = min(100.0, 100 * progress.rows / progress.total)
        if self._artifact is None:
            self._artifact = create_progress_artifact(
                progress=percent, description=f"{self._batch.dataset} {self._batch.window}: rows extracted"
            )
        else:
            update_progress_artifact(artifact_id=self._artifact, progress=percent)  # type: ignore[arg-type] # sync call: it is a UUID
