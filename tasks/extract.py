"""Portal → raw: the pages as received, sealed; curated on the way where that is possible."""

from prefect import get_run_logger, task

from blocks import open_lake, open_portal, open_warehouse
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.extraction.ahead import Extracted, extract_ahead
from esteira.extraction.beginning import Unchanged, begin
from esteira.observe.effort import Effort, note
from esteira.warehouse.reads import settled_batches
from tasks.progress import Live
from tasks.retrying import is_transient
from tasks.wording import size


@task(task_run_name="extract {batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def extract_batch(dataset: Dataset, batch: Batch, generation: int = 1) -> Extracted | Unchanged:
    """Bring a batch into raw, and curate it meanwhile; or hear that the portal has nothing new."""
    portal, lake, logger = open_portal(dataset.api.portal, dataset.name), open_lake(), get_run_logger()
    portal.on_arrival = Live(batch)
    beginning = begin(dataset, batch, generation, lambda each: settled_batches(open_warehouse(), each), lake)
    try:
        found = extract_ahead(dataset, batch, portal=portal, lake=lake, beginning=beginning)
    finally:
        stats = portal.stats
        note(batch.dataset, batch.id, Effort(0, stats.retries, stats.waited_seconds + stats.budget_seconds))
    if found is None:
        assert beginning.known  # noqa: S101 - only then the portal was asked under a condition
        logger.info("%s: the portal says that nothing has changed since batch %s", batch.name, beginning.known.batch)
        return beginning.known
    count, stored = len(found.raw.parts), sum(part.size_bytes for part in found.raw.parts)
    note(batch.dataset, batch.id, Effort(stored))
    parts = "one part" if count == 1 else f"{count:,} parts"
    logger.info(
        "%s: %s rows are in the lake's raw zone, %s of %s", batch.name, f"{found.raw.extracted:,}", parts, size(stored)
    )
    return found
