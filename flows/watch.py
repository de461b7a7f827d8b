"""The hourly check of what no run would tell: that nothing is loaded of a dataset any more. It loads nothing itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prefect import flow

from esteira.catalogue import active, load_catalogue
from esteira.catalogue.assets import load_assets
from esteira.errors import EsteiraError
from esteira.settings import read_settings
from flows.ending import announced, completed, failed
from flows.moment import named_moment, run_moment
from tasks.announce import announce_failure, announce_recovery
from tasks.retrying import retry_policy
from tasks.watch import forget_over, watch_freshness

ITSELF = "watch"
"""Stands for a dataset where the watch itself fails."""


def _run_name() -> str:
    return f"watch {named_moment():%Y-%m-%d %H:%M}"


@flow(name="watch", flow_run_name=_run_name, persist_result=False)
@announced
def watch(as_of: datetime | None = None) -> list[str]:
    """Tell of datasets that are older than their contracts allow.

    Args:
        as_of: The run's moment; by default the scheduled start.
    """
    settings = read_settings()
    policy: dict[str, Any] = retry_policy(settings)
    moment = run_moment(as_of)
    datasets = active(load_catalogue(settings.datasets))
    try:
        stale = watch_freshness.with_options(**policy)(datasets, moment)
    except EsteiraError as exc:
        announce_failure(exc.located(dataset=ITSELF), None)
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    announce_recovery(ITSELF, "", ["failed"])
    forget_over.with_options(**policy)([*(each.name for each in datasets), *load_assets(settings.datasets)], moment)
    message = f"{len(stale)} of {len(datasets)} datasets are stale{': ' if stale else ''}{', '.join(stale)}."
    return completed(stale, message)  # type: ignore[no-any-return] # the same
