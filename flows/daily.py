"""All datasets of a cadence, referenced tables first; a failing dataset does not stop the ones that do not need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from prefect import flow, get_run_logger, runtime
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from esteira.catalogue import load_catalogue, of_cadence
from esteira.contract import Dataset
from esteira.settings import read_settings
from flows.ingest import IngestReport, in_utc, ingest
from tasks.report import report_catalogue


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one dataset: its report, or why there is none."""

    dataset: str
    report: IngestReport | None
    error: BaseException | None = None
    skipped_for: str | None = None


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    as_of = parameters.get("as_of") or runtime.flow_run.scheduled_start_time
    return f"{parameters.get('cadence', 'daily')} {as_of:%Y-%m-%d}"


@flow(name="daily", flow_run_name=_run_name, persist_result=False)
def daily(
    cadence: Literal["hourly", "daily", "weekly", "monthly"] = "daily", as_of: datetime | None = None
) -> State[list[Outcome]]:
    """Ingest every dataset of a cadence.

    Args:
        cadence: Which datasets.
        as_of: The run's moment; by default the scheduled start.
    """
    moment = as_of or runtime.flow_run.scheduled_start_time or datetime.now(UTC)
    datasets = of_cadence(load_catalogue(read_settings().datasets), cadence)
    outcomes: dict[str, Outcome] = {}
    for dataset in datasets:
        outcomes[dataset.name] = _run(dataset, moment, outcomes)
    _publish(cadence, list(outcomes.values()))
    report_catalogue(in_utc(moment))
    bad = [outcome.dataset for outcome in outcomes.values() if outcome.report is None]
    if bad:
        return Failed(
            message=f"{len(bad)} of {len(outcomes)} datasets failed or were skipped: {', '.join(bad)}.",
            data=list(outcomes.values()),
        )
    return Completed(message=f"{len(outcomes)} datasets ingested.", data=list(outcomes.values()))


def _run(dataset: Dataset, as_of: datetime, outcomes: dict[str, Outcome]) -> Outcome:
    """Run one dataset unless a table that its rows must refer to is not fresh."""
    missing = next((name for name in dataset.needed if name in outcomes and outcomes[name].report is None), None)
    if missing:
        get_run_logger().warning("%s is skipped because %s failed", dataset.name, missing)
        return Outcome(dataset.name, None, skipped_for=missing)
    state: State[IngestReport] = ingest(dataset.name, as_of=as_of, return_state=True)
    if state.is_completed():
        return Outcome(dataset.name, state.result())
    error = state.result(raise_on_failure=False)
    return Outcome(dataset.name, None, error=error if isinstance(error, BaseException) else None)


def _publish(cadence: str, outcomes: list[Outcome]) -> None:
    create_table_artifact(
        [_row(outcome) for outcome in outcomes], key=f"{cadence}-datasets", description=f"Datasets of the {cadence} run"
    )


def _row(outcome: Outcome) -> dict[str, object]:
    if outcome.report is None:
        reason = f"skipped: {outcome.skipped_for} failed" if outcome.skipped_for else f"failed: {outcome.error}"
        return {
            "dataset": outcome.dataset,
            "state": reason,
            "batches": 0,
            "extracted": 0,
            "inserted": 0,
            "quarantined": 0,
        }
    entries = [batch.entry for batch in outcome.report.batches]
    return {
        "dataset": outcome.dataset,
        "state": str(outcome.report.hold or ("loaded" if entries else "nothing due")),
        "batches": len(entries),
        "extracted": sum(entry.extracted for entry in entries),
        "inserted": sum(entry.inserted for entry in entries),
        "quarantined": sum(entry.quarantined for entry in entries),
    }
