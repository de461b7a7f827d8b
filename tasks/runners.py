"""Who works at the parts of a batch: Prefect's threads, processes beside the run, or workers of Dask, by one setting (ESTEIRA_RUNNER)."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager
from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from esteira.settings import Settings

Runner = AbstractContextManager[TaskRunner[Any]]
Errors = tuple[type[BaseException], ...]


def runner_of(settings: Settings) -> Runner:
    """The task runner that the settings name, to be opened."""
    if settings.runner == "threads":
        return ThreadPoolTaskRunner(max_workers=settings.parts_at_once)
    if settings.runner == "processes":
        return ProcessPoolTaskRunner(max_workers=settings.parts_at_once)
    return _dask(settings)


def lost_by(settings: Settings) -> Errors:
    """The errors that say that a worker died, and nothing about its work."""
    if settings.runner != "dask":
        return (BrokenExecutor,)
    from distributed.client import FutureCancelledError  # noqa: PLC0415 - an extra
    from distributed.scheduler import KilledWorker  # noqa: PLC0415 - the same

    return (KilledWorker, FutureCancelledError)


def _dask(settings: Settings) -> Runner:
    """A cluster that is named, or one on this machine that lives as long as it is needed; no dashboard listens there."""
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - an extra

    if settings.dask_scheduler:
        return DaskTaskRunner(address=settings.dask_scheduler)
    local = {"n_workers": settings.parts_at_once, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=local)
