"""Trying the quarantined rows of a dataset again, after its contract was mended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow, runtime

from esteira.batch import Batch
from esteira.catalogue import find_dataset
from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.quarantine.run import Outcome
from esteira.settings import read_settings
from flows.afterwards import bring_up_to_date
from flows.ending import announced, failed
from flows.moment import run_moment
from tasks.announce import announce_failure, announce_well
from tasks.assets import on_table
from tasks.publish import publish, publish_replay
from tasks.replay import find_refused, rehearse_batch, replay_batch
from tasks.report import report_batch
from tasks.retrying import retry_policy
from tasks.tags import tag_run


def _run_name() -> str:
    return f"replay {runtime.flow_run.parameters['dataset']}"


@flow(name="replay", flow_run_name=_run_name, persist_result=False)
@announced
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
    settings = read_settings()
    policy, contract = retry_policy(settings), find_dataset(settings.datasets, dataset)
    tag_run(settings.stage, contract)
    moment = run_moment()
    try:
        batches = find_refused.with_options(**policy)(contract, batch)
        if dry_run:
            return [rehearse_batch.with_options(**policy)(contract, each, rule) for each in batches]
        outcomes = [_replay(contract, each, rule, moment, policy) for each in batches]
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=dataset), contract, "replay")
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    publish_replay(contract, outcomes)
    announce_well(contract, "replay")
    bring_up_to_date(contract, moment)
    return outcomes


def _replay(dataset: Dataset, batch: Batch, rule: str | None, moment: datetime, policy: dict[str, Any]) -> Outcome:
    """One batch, and what follows a commit; the batches before it stand whatever becomes of the next."""
    outcome = on_table(replay_batch, dataset, policy)(dataset, batch, rule)
    if outcome.loaded is not None:
        publish(batch, outcome.loaded, report_batch(dataset, batch.id, moment))
    return outcome
