"""Refused rows of one dataset again, after its contract was mended."""

from __future__ import annotations

from prefect import flow, runtime

from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.quarantine.run import Outcome
from esteira.settings import read_settings
from flows.ending import failed
from flows.ingest import in_utc
from tasks.announce import announce_failure
from tasks.publish import publish_replay
from tasks.replay import find_refused, rehearse_batch, replay_batch
from tasks.report import report_batch
from tasks.retrying import retry_policy


def _run_name() -> str:
    return f"replay {runtime.flow_run.parameters['dataset']}"


@flow(name="replay", flow_run_name=_run_name, persist_result=False)
def replay(
    dataset: str,
    batch: str | None = None,
    rule: str | None = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002 - a flow's parameter is a field of the run form
) -> list[Outcome]:
    """Try refused rows again; those that pass join the rows of their batch as its next generation, once.

    Args:
        dataset: Name of the contract.
        batch: Id of one batch instead of all that have refused rows.
        rule: Only rows that break this one: `column: rule`, a rule's name or a column's.
        dry_run: Only say what would pass.
    """
    contract = find_dataset(read_settings().datasets, dataset)
    try:
        outcomes = _outcomes(contract, batch, rule, is_dry=dry_run)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset), contract)
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    publish_replay(contract, outcomes, is_dry=dry_run)
    moment = in_utc(runtime.flow_run.scheduled_start_time)
    for each in outcomes:
        if each.loaded:
            report_batch(contract, each.batch, moment)
    return outcomes


def _outcomes(dataset: Dataset, batch: str | None, rule: str | None, *, is_dry: bool) -> list[Outcome]:
    policy = retry_policy(read_settings())
    step = (rehearse_batch if is_dry else replay_batch).with_options(**policy)
    return [step(dataset, each, rule) for each in find_refused.with_options(**policy)(dataset, batch)]
