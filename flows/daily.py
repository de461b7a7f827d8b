"""All datasets of a cadence, referenced tables first; a failing dataset does not stop the ones that do not need it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from prefect import flow, runtime
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from esteira.catalogue import load_catalogue, of_cadence
from esteira.contract import Dataset
from esteira.settings import read_settings
from flows.afterwards import bring_all_up_to_date
from flows.ending import announced
from flows.fan_out import Terms, run_on_pool, skipped
from flows.ingest import IngestReport, ingest
from flows.moment import in_utc, named_moment
from flows.outcome import Outcome, table
from tasks.tags import tag_run


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    as_of = named_moment()
    return f"{parameters.get('cadence', 'daily')} {as_of:%Y-%m-%d}"


@flow(name="daily", flow_run_name=_run_name, persist_result=False)
@announced
def daily(
    cadence: Literal["hourly", "daily", "weekly", "monthly"] = "daily", as_of: datetime | None = None
) -> State[list[Outcome]]:
    """Ingest every dataset of a cadence.

    Args:
        cadence: Which datasets.
        as_of: The run's moment; by default the scheduled start.
    """
    moment = as_of or runtime.flow_run.scheduled_start_time or datetime.now(UTC)
    settings = read_settings()
    tag_run(settings.stage, cadence=cadence)
    datasets = of_cadence(load_catalogue(settings.datasets), cadence)
    terms = Terms(moment, settings.fan_out, settings.task_sizes)
    outcomes = run_on_pool(datasets, terms) if settings.fan_out else _run_here(datasets, moment)
    _publish(cadence, list(outcomes.values()))
    bring_all_up_to_date(datasets, in_utc(moment))
    bad = [outcome.dataset for outcome in outcomes.values() if not outcome.is_well]
    if bad:
        return Failed(
            message=f"{len(bad)} of {len(outcomes)} datasets failed or were skipped: {', '.join(bad)}.",
            data=list(outcomes.values()),
        )
    return Completed(message=f"{len(outcomes)} datasets ingested.", data=list(outcomes.values()))


def _run_here(datasets: list[Dataset], as_of: datetime) -> dict[str, Outcome]:
    """One after the other in this process."""
    outcomes: dict[str, Outcome] = {}
    for dataset in datasets:
        outcomes[dataset.name] = skipped(dataset, outcomes) or _run(dataset, as_of)
    return outcomes


def _run(dataset: Dataset, as_of: datetime) -> Outcome:
    state: State[IngestReport] = ingest(dataset.name, as_of=as_of, return_state=True)
    if state.is_completed():
        return Outcome(dataset.name, state.result())
    error = state.result(raise_on_failure=False)
    return Outcome(dataset.name, None, error=error if isinstance(error, BaseException) else None)


def _publish(cadence: str, outcomes: list[Outcome]) -> None:
    create_table_artifact(table(outcomes), key=f"{cadence}-datasets", description=f"Datasets of the {cadence} run")
