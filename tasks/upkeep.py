"""The steps of maintenance: sweep the lake, care for a table, compare everything, tell. Without `is_applied` they only look."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from blocks import open_lake, open_swept_lake, open_warehouse
from esteira.lake.exports import find_latest
from esteira.lake.sweep import Upload
from esteira.reconcile import Reconciliation, reconcile
from esteira.upkeep import SweepPlan, SweepPolicy, exports_to_remove, old_pages, plan_sweep, stale_uploads
from esteira.warehouse.health import TableCare, apply_care, plan_care
from esteira.warehouse.reads import history, settled_batches, table_counts
from tasks.retrying import is_transient


@dataclass(frozen=True, slots=True)
class UpkeepRequest:
    """What one maintenance run may do.

    Attributes:
        as_of: The run's moment, from which ages are counted.
        policy: What counts as old.
        profile: AWS profile of the role that may delete; None takes the process's own credentials.
        is_applied: Whether anything is changed.
    """

    as_of: datetime
    policy: SweepPolicy
    profile: str | None = None
    is_applied: bool = False


@task(task_run_name="sweep {dataset}", retry_condition_fn=is_transient, persist_result=False)
def sweep_lake(dataset: str, request: UpkeepRequest) -> SweepPlan:
    """Remove what no seal names, what was sealed and never committed, old pages and old exports."""
    entries = history(open_warehouse(), dataset)  # before the listing: what is settled here has its seals there
    lake = open_swept_lake(request.profile)
    chosen = plan_sweep(dataset, entries, lake.survey(dataset), request.policy, request.as_of)
    pages = old_pages(lake.pages(dataset), request.policy, request.as_of)
    exports = lake.exports(dataset)  # before the pointer: what it names later is younger than anything here
    latest = find_latest(lake, dataset)
    files = exports_to_remove(dataset, exports, latest.version if latest else None, request.policy, request.as_of)
    plan = replace(chosen, removals=(*chosen.removals, *pages, *files))
    if request.is_applied:
        for zone, layout, stone in plan.stones:
            lake.put_tombstone(zone, layout, stone)
        lake.delete(removal.key for removal in plan.removals)
    logger = get_run_logger()
    logger.info("%s: %s objects, %s bytes %s", dataset, len(plan.removals), plan.size_bytes, _done(request, "removed"))
    for removal in plan.removals:
        logger.debug("%s: %s", removal.reason, removal.key)
    for warning in plan.warnings:
        logger.warning("%s %s", dataset, warning)
    return plan


@task(task_run_name="abort unfinished uploads", retry_condition_fn=is_transient, persist_result=False)
def abort_uploads(request: UpkeepRequest) -> list[Upload]:
    """Throw away multipart uploads that nobody will complete."""
    lake = open_swept_lake(request.profile)
    stale = stale_uploads(lake.unfinished_uploads(), request.policy, request.as_of)
    for upload in stale if request.is_applied else ():
        lake.abort(upload)
    get_run_logger().info("%s unfinished uploads %s", len(stale), _done(request, "aborted"))
    return stale


@task(task_run_name="care for {dataset}", retry_condition_fn=is_transient, persist_result=False)
def care_for_table(dataset: str, request: UpkeepRequest) -> TableCare | None:
    """VACUUM and ANALYZE where the table needs it; None when there is nothing in it."""
    warehouse = open_warehouse()
    care = plan_care(warehouse, dataset)
    if care is None or not care.statements:
        return care
    get_run_logger().info("%s: %s %s", dataset, "; ".join(care.statements), _done(request, "run now"))
    return apply_care(warehouse, care) if request.is_applied else care


@task(task_run_name="reconcile {dataset}", retry_condition_fn=is_transient, persist_result=False)
def reconcile_dataset(dataset: str) -> Reconciliation:
    """Compare source, lake, ledger and table."""
    warehouse = open_warehouse()
    found = reconcile(dataset, settled_batches(warehouse, dataset), table_counts(warehouse, dataset), open_lake())
    for sentence in found.differences:
        get_run_logger().warning("%s: %s", dataset, sentence)
    return found


@task(task_run_name="publish maintenance", retries=2, retry_delay_seconds=5, persist_result=False)
def publish_upkeep(rows: list[dict[str, Any]], description: str) -> None:
    """Write the run's table artifact."""
    create_table_artifact(rows, key="maintenance", description=description)


def _done(request: UpkeepRequest, what: str) -> str:
    return what if request.is_applied else f"would be {what} (dry run)"
