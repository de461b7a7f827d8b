"""Loading a range of a dataset's history: whatever of it is missing, window by window."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Failed

from esteira.backfill import Asked, Backfill, Planned, in_order, read_chunk
from esteira.catalogue import find_dataset
from esteira.contract import Dataset, SpreadsheetSource
from esteira.errors import ConfigError, EsteiraError
from esteira.settings import Settings, TaskSize, read_settings
from flows.afterwards import bring_up_to_date
from flows.backfilled import HEADER, BackfillReport, clause, duration, foretold, summed_up, warned
from flows.ending import announced, completed, failed
from flows.moment import in_utc, run_moment
from flows.windows import Outcome, Terms, load, stands
from tasks.announce import announce_failure
from tasks.backfill import Progress, publish_backfill
from tasks.plan import find_hold, plan_windows
from tasks.progress import narrate
from tasks.retrying import retry_policy


def _run_name() -> str:
    parameters = runtime.flow_run.parameters
    start, end = (in_utc(parameters[name]) for name in ("start", "end"))
    return f"{parameters['dataset']} backfill {start:%Y-%m-%d}→{end:%Y-%m-%d}"


@flow(name="backfill", flow_run_name=_run_name, persist_result=False)
@announced
def backfill(  # noqa: PLR0917 - a form fills in fields by their names
    dataset: str,
    start: datetime,
    end: datetime,
    chunk: str | None = None,
    force: bool = False,  # noqa: FBT001, FBT002 - a flow's parameter is a field of the run form
    dry_run: bool = False,  # noqa: FBT001, FBT002 - the same
    since: datetime | None = None,
) -> State[BackfillReport]:
    """Load what is missing of a range, window by window; a window that fails stops no other.

    Args:
        dataset: Name of the contract.
        start: Beginning of the range. Without a time zone it means UTC.
        end: End of the range, exclusive; at most where the newest complete slot of the dataset's cadence ends.
        chunk: The longest window, such as 12h, 7d or 1mo; by default the contract's. Windows that the ledger knows keep their cut.
        force: Load again, as new generations, also what is loaded: the portal is asked anew.
        dry_run: Only say which windows are loaded, which would be, and how long it may take.
        since: With force, leaves out what was loaded again after this moment; by default this run's creation, so that it goes on when it starts again.
    """
    form = _Form(dataset, start, end, chunk, force, dry_run, since)
    try:
        return _backfill(form)
    except EsteiraError as exc:
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end


@dataclass(frozen=True, slots=True)
class _Form:
    """The fields of the run form."""

    dataset: str
    start: datetime
    end: datetime
    chunk: str | None
    force: bool
    dry_run: bool
    since: datetime | None

    def asked(self) -> Asked:
        """What is asked of the plan."""
        chunk = read_chunk(self.chunk) if self.chunk else None
        return Asked(in_utc(self.start), in_utc(self.end), chunk, self.force, in_utc(self.since or _created()))

    def again(self) -> str:
        """The command that goes on with the same."""
        start, end = (f"{in_utc(moment):%Y-%m-%dT%H:%MZ}" for moment in (self.start, self.end))
        chunk = f"--chunk {self.chunk}" if self.chunk else "--at-once 1"
        force = f" --force --since {self.asked().since:%Y-%m-%dT%H:%M:%SZ}" if self.force else ""
        return f"esteira ingest {self.dataset} --start {start} --end {end} {chunk}{force}"


def _created() -> datetime:
    """When this run was made: the same however often it starts."""
    run = getattr(FlowRunContext.get(), "flow_run", None)
    return run.created if run else datetime.now(UTC)


def _backfill(form: _Form) -> State[BackfillReport]:
    settings = read_settings()
    contract = find_dataset(settings.datasets, form.dataset)
    terms = _terms(form, settings)
    plan = _plan(contract, form, settings)
    sentence = foretold(plan, terms.at_once)
    for line in (*plan.notes, sentence):
        narrate(f"{plan.dataset}: {line}")
    report = BackfillReport(plan, sentence=sentence, again=form.again())
    if not form.dry_run:
        outcomes = _run(plan, terms)
        report = replace(report, outcomes=outcomes, sentence=summed_up(outcomes))
        bring_up_to_date(contract, terms.as_of)
    return _end(report)


def _end(report: BackfillReport) -> State[BackfillReport]:
    sentence = warned(report) if report.failures else report.sentence
    publish_backfill(report.plan.dataset, sentence, HEADER, report.rows)
    if report.failures:
        return Failed(message=sentence, data=report)
    return completed(report, sentence)  # type: ignore[no-any-return] # as above


def _plan(contract: Dataset, form: _Form, settings: Settings) -> Backfill:
    policy = retry_policy(settings)
    try:
        _check(contract)
        find_hold.with_options(**policy)(contract, is_asked_by_name=True)
        return plan_windows.with_options(**policy)(contract, form.asked(), run_moment())
    except EsteiraError as exc:
        located = exc.located(dataset=contract.name)
        if not isinstance(exc, ConfigError):  # what somebody asked for wrongly is told to him alone
            announce_failure(located, contract)
        raise


def _check(contract: Dataset) -> None:
    if isinstance(contract.source, SpreadsheetSource):
        raise ConfigError(
            "Its batches are files, and no file can be cut into windows.",
            dataset=contract.name,
            hint=f"`esteira ingest {contract.name} --start --end` and nothing more takes the files of a period.",
        )


def _terms(form: _Form, settings: Settings) -> Terms:
    size = settings.task_sizes.get(form.dataset, TaskSize()).model_dump(exclude_none=True)
    return Terms(form.dataset, run_moment(), settings.fan_out or settings.at_once, bool(settings.fan_out), size)


def _run(plan: Backfill, terms: Terms) -> tuple[Outcome, ...]:
    outcomes = [stands(each) for each in plan.windows if not each.is_wanted]
    clock = _Clock(plan.wanted)
    left = f"about {duration(plan.seconds / terms.at_once)} left" if plan.seconds else "time left unknown"
    progress = Progress(plan.dataset, len(outcomes), len(plan.windows), left)
    for outcome in load(plan.wanted, terms):
        outcomes.append(outcome)
        progress.step(clause(outcome), clock.left_after(outcome))
    return tuple(sorted(outcomes, key=lambda each: in_order(each.planned)))


class _Clock:
    """How long the rest takes by the pace of this run: seconds by the length of the windows that have ended."""

    def __init__(self, wanted: tuple[Planned, ...]) -> None:
        self._began, self._done, self._left = time.monotonic(), 0.0, sum(map(_length, wanted))

    def left_after(self, outcome: Outcome) -> str:
        """What is left when this one has ended."""
        self._done += _length(outcome.planned)
        self._left -= _length(outcome.planned)
        return f"about {duration((time.monotonic() - self._began) * self._left / self._done)} left"


def _length(planned: Planned) -> float:
    window = planned.batch.window
    return (window.end - window.start).total_seconds()
