"""What becomes of batches, as metrics: after the commit from the ledger row, and before an error is raised. Never in a load's way."""

from __future__ import annotations

from collections.abc import Mapping

from prefect import get_run_logger

from blocks import open_warehouse
from esteira.alerts.trend import TRAILING, usual_seconds
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.errors import DataQualityError, EsteiraError
from esteira.observe import effort, metrics
from esteira.observe.metrics import Measured
from esteira.settings import Settings, read_settings
from esteira.warehouse import LoadResult
from esteira.warehouse.reads import newest_entries


def measure_loaded(dataset: Dataset | None, batch: Batch, result: LoadResult, seconds: Mapping[str, float]) -> None:
    """Send the metrics of a batch that this run has loaded: one request. One that an earlier run has loaded was counted by that.

    Args:
        dataset: Its contract; None where the folder has it no longer.
        batch: What was loaded.
        result: Its ledger row.
        seconds: Of each step.
    """
    spent = effort.taken(batch.dataset, batch.id)
    if not result.is_new or dataset is None:
        return
    try:
        settings = read_settings()
        if settings.metrics != "off":
            usual = _usual_seconds(batch)
            measured = Measured(
                batch.dataset, result.entry, dataset.quality.max_quarantine_ratio, seconds, usual, spent
            )
            metrics.put(metrics.of_batch(measured), settings.stage, settings.metrics)
    except Exception as exc:  # noqa: BLE001 - whatever CloudWatch or its permissions say: the rows are in
        _warn(f"{batch.dataset} {batch.id}", exc)


def measure_failed(error: EsteiraError, name: str, dataset: Dataset | None) -> None:
    """Count a failure, before anybody is told: this is the alarm that does not need Prefect."""
    try:
        settings: Settings = read_settings()
        spent = effort.taken(name, error.batch or "")
        metrics.put(metrics.of_failure(name, _refused(error, dataset), spent), settings.stage, settings.metrics)
    except Exception as exc:  # noqa: BLE001 - the failure itself is what matters
        _warn(f"the failure of {name}", exc)


def _refused(error: EsteiraError, dataset: Dataset | None) -> tuple[int, int, float] | None:
    if dataset is None or not isinstance(error, DataQualityError) or not error.quarantined:
        return None
    return error.quarantined, error.extracted, dataset.quality.max_quarantine_ratio


def _usual_seconds(batch: Batch) -> float | None:
    entries = newest_entries(open_warehouse(), batch.dataset, 2 * TRAILING)
    return usual_seconds([entry for entry in entries if entry.batch_id != batch.id])


def _warn(what: str, exc: Exception) -> None:
    get_run_logger().warning("The metrics of %s are not sent: %s: %s", what, type(exc).__name__, exc)
