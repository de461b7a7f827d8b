"""One dataset: every batch that is due, oldest first."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger, runtime

from esteira.batch import Batch, Window
from esteira.catalogue import find_dataset
from esteira.contract import Dataset, SpreadsheetSource
from esteira.errors import AuthError, ConfigError, EsteiraError, GivenUp, LakeUnavailable, WarehouseBusy
from esteira.extraction.beginning import Unchanged
from esteira.settings import Settings, read_settings
from esteira.warehouse import LoadResult
from esteira.warehouse.states import DatasetState
from flows.afterwards import bring_up_to_date
from flows.batches import BatchReport, curate_and_load, published, timed
from flows.drops import Rejected
from flows.ending import announced, completed, failed
from flows.file_batches import Terms
from flows.files import take_files
from flows.moment import in_utc, named_moment, run_moment
from tasks import counted_attempt, extract_batch, find_hold, plan_batches
from tasks.announce import announce_failure, announce_well
from tasks.latest import LoadedBatch, publish_latest
from tasks.load import settle_unchanged
from tasks.plan import skip_batch
from tasks.report import report_batch, report_catalogue
from tasks.retrying import retry_policy
from tasks.tags import tag_run

OF_OUR_PLACES = (LakeUnavailable, WarehouseBusy, AuthError, ConfigError)
"""After these no page could be written either, and the run ends at once."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """One run of one dataset.

    Attributes:
        dataset, as_of: What was asked for.
        batches: What is loaded, oldest first.
        peak_memory_bytes: The process's high-water mark.
        hold: Why nothing was to run.
        rejected: Dropped files that went back to who dropped them.
    """

    dataset: str
    as_of: datetime
    batches: tuple[BatchReport, ...]
    peak_memory_bytes: int
    hold: DatasetState | None = None
    rejected: tuple[Rejected, ...] = ()


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    start, end = parameters.get("start"), parameters.get("end")
    as_of = named_moment()
    what = Window(in_utc(start), in_utc(end)).short if start and end else f"{as_of:%Y-%m-%d}"
    return f"{parameters['dataset']} {what}"


@flow(name="ingest", flow_run_name=_run_name, persist_result=False)
@announced
def ingest(
    dataset: str, start: datetime | None = None, end: datetime | None = None, as_of: datetime | None = None
) -> IngestReport:
    """Extract, validate and load what is due of one dataset.

    Args:
        dataset: Name of the contract.
        start: Beginning of an explicit range instead of what is due; needs `end`. Of files those whose windows begin in it.
        end: End of the explicit range, exclusive.
        as_of: The run's moment; by default the scheduled start.
    """
    moment = run_moment(as_of)
    try:
        report = _ingest(dataset, (start, end), moment)
    except EsteiraError as exc:
        if not isinstance(exc, OF_OUR_PLACES) and runtime.flow_run.parent_flow_run_id is None:
            report_catalogue(moment)  # also when nothing came: that the data grow old is what it must say
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    _publish_latest(report)
    bring_up_to_date(find_dataset(read_settings().datasets, dataset), moment, is_window=start is not None)
    return completed(report, _sentence(report))  # type: ignore[no-any-return] # the same


def _sentence(report: IngestReport) -> str:
    """What a list of runs, and a run that started this one, tell of it."""
    if report.hold is not None:
        return f"{report.hold}."
    back = f"Went back to who dropped them: {len(report.rejected)}. " if report.rejected else ""
    if not report.batches:
        return f"{back}Nothing was due."
    counts = (
        f"{sum(getattr(each.entry, name) for each in report.batches):,} {name}"
        for name in ("extracted", "inserted", "updated", "quarantined")
    )
    return f"{back}{len(report.batches)} {'batches' if report.batches[1:] else 'batch'}: {', '.join(counts)}."


def _publish_latest(report: IngestReport) -> None:
    if report.batches:
        batches = [LoadedBatch(each.batch, each.entry, each.seconds, each.page) for each in report.batches]
        publish_latest(report.dataset, batches)


def _ingest(dataset: str, limits: tuple[datetime | None, datetime | None], moment: datetime) -> IngestReport:
    settings = read_settings()
    policy = retry_policy(settings)
    start, end = limits
    contract = _contract(settings, dataset)
    tag_run(settings.stage, contract)
    span = (in_utc(start), in_utc(end)) if start and end else None
    hold = _held(contract, span, policy)
    if hold is not None:
        return IngestReport(dataset, moment, (), _peak_memory_bytes(), hold)
    cap = 0 if span else settings.max_attempts  # who names a window wants it tried, however often it has failed
    if isinstance(contract.source, SpreadsheetSource):
        return _ingest_files(contract, Terms(policy, cap, moment, span))
    steps = _Steps(contract, moment, policy, cap)
    reports = [_ingest_batch(steps, batch) for batch in _due(contract, moment, span, policy)]
    if span is None:  # a window that was asked for by name says nothing of the others
        announce_well(contract)
    return IngestReport(dataset, moment, tuple(reports), _peak_memory_bytes())


def _ingest_files(dataset: Dataset, terms: Terms) -> IngestReport:
    """Whatever waits or is new."""
    try:
        taken = take_files(dataset, terms)
    except EsteiraError as exc:
        raise exc.located(dataset=dataset.name) from exc.__cause__
    batches = tuple(each for each in taken if isinstance(each, BatchReport))
    announce_well(dataset)
    rejected = tuple(each for each in taken if isinstance(each, Rejected))
    return IngestReport(dataset.name, terms.as_of, batches, _peak_memory_bytes(), rejected=rejected)


def _contract(settings: Settings, name: str) -> Dataset:
    """The contract. That it cannot be read is told where nobody sits in front of the run."""
    try:
        return find_dataset(settings.datasets, name)
    except EsteiraError as exc:
        if runtime.deployment.id:
            announce_failure(exc.located(dataset=name), None)
        raise


def _held(dataset: Dataset, span: tuple[datetime, datetime] | None, policy: dict[str, Any]) -> DatasetState | None:
    try:
        return find_hold.with_options(**policy)(dataset, is_asked_by_name=span is not None)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset)
        raise


def _due(
    dataset: Dataset, as_of: datetime, span: tuple[datetime, datetime] | None, policy: dict[str, Any]
) -> Iterator[Batch]:
    """What is to be loaded, each when the ones before it are; what is not caught up is settled in its turn."""
    try:
        planned = plan_batches.with_options(**policy)(dataset, as_of, span)
        for due in planned:
            if due.is_skipped:
                skip_batch.with_options(**policy)(due.batch)
            else:
                yield due.batch
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset.name), dataset)
        raise
    if not planned:
        get_run_logger().info(
            "%s: nothing is due at %s; everything up to it is loaded", dataset.name, as_of.isoformat()
        )


@dataclass(frozen=True, slots=True)
class _Steps:
    """What the steps of all batches of a run have in common."""

    dataset: Dataset
    as_of: datetime
    policy: dict[str, Any]
    max_attempts: int


def _ingest_batch(steps: _Steps, batch: Batch) -> BatchReport:
    seconds: dict[str, float] = {}
    try:
        with counted_attempt(batch, steps.max_attempts, steps.policy):
            result = _loaded(steps, batch, seconds)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=batch.dataset, batch=batch.id), steps.dataset)
        if isinstance(exc, GivenUp):
            report_batch(steps.dataset, batch.id, steps.as_of)
        raise
    return published(steps.dataset, batch, result, seconds, steps.as_of)


def _loaded(steps: _Steps, batch: Batch, seconds: dict[str, float]) -> LoadResult:
    dataset, policy = steps.dataset, steps.policy
    got = timed(seconds, "extract", lambda: extract_batch.with_options(**policy)(dataset, batch))
    if isinstance(got, Unchanged):
        return timed(seconds, "load", lambda: settle_unchanged.with_options(**policy)(batch, got))
    return curate_and_load(dataset, batch, got, policy, seconds)


def _peak_memory_bytes() -> int:
    """Getrusage counts kilobytes on Linux and bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
