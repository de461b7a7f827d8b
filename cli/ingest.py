"""`esteira ingest`: the flow `ingest` for each dataset, in this process, with live lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from cli.environment import require_prefect
from cli.foreground import watched
from cli.output import DEFECT, dump, error_facts, fail, table
from cli.progress import Lines
from esteira.catalogue import active, find_dataset, load_catalogue
from esteira.contract import Dataset
from esteira.errors import DataQualityError, SpreadsheetError
from esteira.settings import read_settings
from esteira.warehouse.counts import SUMMARY_COUNTS
from flows.batches import BatchReport
from flows.ingest import IngestReport, ingest
from tasks.progress import listening


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; no name means every dataset."""

    names: tuple[str, ...]
    start: datetime | None = None
    end: datetime | None = None
    as_of: datetime | None = None


def run_ingest(request: Request, *, as_json: bool, is_debug: bool) -> int:
    """Ingest; returns the exit code: that of the first failure, after the independent datasets have run.

    A dropped file that went back is no failure of the run, and its exit code says so all the same: somebody must look at it.
    """
    catalogue = load_catalogue(read_settings().datasets)
    require_prefect()
    chosen = [find_dataset(read_settings().datasets, name) for name in request.names] or active(catalogue)
    wanted = [dataset for dataset in catalogue.values() if dataset in chosen]
    outcomes: dict[str, IngestReport | BaseException] = {}
    for dataset in wanted:
        outcomes[dataset.name] = _ingest_unless_blocked(dataset, request, outcomes)
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, BaseException)]
    codes = [fail(failure, is_debug=is_debug) for failure in failures]
    click.echo(dump([_facts(name, outcome) for name, outcome in outcomes.items()]) if as_json else _summary(outcomes))
    rejected = any(isinstance(outcome, IngestReport) and outcome.rejected for outcome in outcomes.values())
    return next(iter(codes), SpreadsheetError.exit_code if rejected else 0)


def _ingest_unless_blocked(
    dataset: Dataset, request: Request, outcomes: Mapping[str, IngestReport | BaseException]
) -> IngestReport | BaseException:
    """A dataset whose rows must refer to a table that has just failed is not tried: it would fail for the same reason."""
    blocked = next((parent for parent in dataset.needed if isinstance(outcomes.get(parent), BaseException)), None)
    if blocked is None:
        return ingest_one(dataset.name, request)
    return DataQualityError(
        f"It was not tried because {blocked}, which it needs, failed.",
        dataset=dataset.name,
        hint=f"Mend {blocked} first, then run the same command again.",
    )


def ingest_one(name: str, request: Request) -> IngestReport | BaseException:
    """Run the flow of one dataset; its report, or the error it ended with."""
    as_of = request.as_of or datetime.now(UTC)
    with watched(), listening(Lines()):
        state = ingest(name, start=request.start, end=request.end, as_of=as_of, return_state=True)
        outcome: Any = state.result(raise_on_failure=False)
    if isinstance(outcome, IngestReport | BaseException):
        return outcome
    return RuntimeError(f"the run of {name} ended as {state.name}: {state.message} ({DEFECT})")


COLUMNS = ("dataset", "windows", *SUMMARY_COUNTS, "seconds", "rows/s", "peak MB")
LOADING = ("extract", "curate", "load")
"""The steps whose speed is told: until the rows are in the table."""


def summary_row(report: IngestReport) -> tuple[object, ...]:
    """One line of the table of `COLUMNS`."""
    counts = [sum(getattr(batch.entry, name) for batch in report.batches) for name in SUMMARY_COUNTS]
    seconds = sum(batch.seconds.get(step, 0) for batch in report.batches for step in LOADING)
    rate = round(counts[0] / seconds) if seconds else 0
    return (
        report.dataset,
        len(report.batches),
        *counts,
        round(seconds, 1),
        rate,
        round(report.peak_memory_bytes / 1e6),
    )


def _summary(outcomes: Mapping[str, IngestReport | BaseException]) -> str:
    reports = [outcome for outcome in outcomes.values() if isinstance(outcome, IngestReport)]
    held = [f"{report.dataset} was not run: {report.hold}" for report in reports if report.hold]
    back = [
        f"{each.drop.key} went back. {each.refusal.sentence} The reason is in {each.reason_key}"
        for report in reports
        for each in report.rejected
    ]
    return "\n".join([table(COLUMNS, [summary_row(report) for report in reports if not report.hold]), *held, *back])


def _facts(name: str, outcome: IngestReport | BaseException) -> dict[str, object]:
    if isinstance(outcome, BaseException):
        return {"dataset": name, "batches": [], **error_facts(outcome)}
    facts = {"dataset": name, "as_of": outcome.as_of, "batches": [batch_facts(batch) for batch in outcome.batches]}
    return (
        facts
        | ({"hold": outcome.hold} if outcome.hold else {})
        | ({"rejected": _rejected(outcome)} if outcome.rejected else {})
    )


def _rejected(report: IngestReport) -> list[dict[str, object]]:
    return [
        {
            "key": each.drop.key,
            "version": each.drop.version_id,
            "kind": each.refusal.kind,
            "detail": each.refusal.detail,
            "reason_key": each.reason_key,
        }
        for each in report.rejected
    ]


def batch_facts(report: BatchReport) -> dict[str, object]:
    """The terms of the equation, and where the time went."""
    entry = report.entry
    return {
        "batch": report.batch.id, "is_new": report.is_new, "extracted": entry.extracted, "curated": entry.curated,
        "quarantined": entry.quarantined, "inserted": entry.inserted, "updated": entry.updated, "unchanged": entry.unchanged,
        "stale": entry.stale, "duplicate": entry.duplicate, "total_reported": entry.total_reported,
        "warnings": entry.warnings, "seconds": {step: round(seconds, 3) for step, seconds in report.seconds.items()},
    }  # fmt: skip
