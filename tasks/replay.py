"""Quarantined rows tried again under today's contract, and loaded where they pass."""

from prefect import get_run_logger, task

from blocks import open_lake, open_loader, open_warehouse
from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.quarantine.run import Outcome, Places, Request, perform, planned, rehearse
from esteira.quarantine.trial import Tally
from tasks.assets import table_task
from tasks.retrying import is_transient
from tasks.run import code_version, run_name


@task(task_run_name="find refused rows of {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def find_refused(dataset: Dataset, batch: str | None) -> list[Batch]:
    """The batches whose refused rows may be tried again, oldest window first."""
    return [each.batch for each in planned(_request(dataset, None), _places(), batch)]


@task(task_run_name="rehearse {batch.plain_name}", retry_condition_fn=is_transient, persist_result=False)
def rehearse_batch(dataset: Dataset, batch: Batch, rule: str | None) -> Outcome:
    """What a replay would come to; changes nothing."""
    request, places = _request(dataset, rule), _places()
    found = planned(request, places, batch.id)
    return rehearse(request, found[0], places) if found else Outcome(batch.id, Tally())


@table_task("replay {batch.plain_name}")
def replay_batch(dataset: Dataset, batch: Batch, rule: str | None) -> Outcome:
    """Load the rows that pass now, with the ledger row of the new generation."""
    outcome = perform(_request(dataset, rule), batch.id, _places())
    tally = outcome.tally
    get_run_logger().info(
        "%s %s: %s of %s refused rows pass now%s", dataset.name, batch.id, tally.passed, tally.tried,
        f"; generation {outcome.loaded.entry.generation}" if outcome.loaded else "; nothing is changed",
    )  # fmt: skip
    return outcome


def _request(dataset: Dataset, rule: str | None) -> Request:
    return Request(dataset, rule, run_name(), code_version())


def _places() -> Places:
    return Places(open_lake(), open_warehouse(), open_loader())
