"""Runs that a flow asks the Prefect server for, each at most once, and how they ended."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterIdempotencyKey,
)
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from esteira.errors import ConfigError

INGEST, REBUILD = "ingest/ingest", "rebuild/rebuild"
POLL_SECONDS = 5.0
MAX_ASKED = 20
"""How often the same is asked for: a person who starts the parent again and again is told what stands in the way."""
COUNTS_KEY = "-counts"
"""Ends the key of the artifact that each batch leaves, with its counts in one row."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run to ask for.

    Attributes:
        deployment: What runs, as `flow/deployment`.
        dataset: Name of the contract.
        key: What makes two runs the same; with a number behind it, the idempotency key.
        parameters: Of the run.
        size: `cpu` and `memory` that differ from the task definition's.
        is_once: Whether one that did its work is taken instead of another; not where the ledger says what is to be done.
    """

    deployment: str
    dataset: str
    key: str
    parameters: Mapping[str, Any]
    size: Mapping[str, int] = field(default_factory=dict)
    is_once: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of its own ended.

    Attributes:
        run: The run's name.
        is_completed: Whether it did what it was asked for.
        state, message: What the UI says of it.
        batches: What it loaded, by the counts of each batch.
        seconds: How long it ran.
    """

    run: str
    is_completed: bool
    state: str
    message: str = ""
    batches: tuple[dict[str, int], ...] = field(default=())
    seconds: float = 0.0


_DELETED = Ended("", is_completed=False, state="Deleted", message="The run was deleted while it was waited for.")


def ingest_at(dataset: str, as_of: datetime, size: Mapping[str, int]) -> Wanted:
    """What is due of one dataset at a moment.

    Args:
        dataset: Name of the contract.
        as_of: The run's moment.
        size: `cpu` and `memory` that differ from the task definition's.
    """
    moment = as_of.isoformat()
    parameters = {"dataset": dataset, "as_of": moment}
    return Wanted(INGEST, dataset, f"ingest {dataset} {moment}", parameters, size, is_once=True)


def start(wanted: Wanted) -> UUID:
    """Ask for a run on the pool; returns its id.

    The same run, if it is under way or did its work, is taken instead: a parent that starts again, because its container was stopped or a
    person retried it, finds the runs that it had asked for, and asks again only for those that failed.

    Raises:
        ConfigError: There is no deployment to run.
    """
    with get_client(sync_client=True) as client:
        before = _asked_before(client, wanted.key)
    usable = [run for run in before if _is_usable(run, wanted)]
    if usable or len(before) >= MAX_ASKED:
        return (usable or before)[-1].id
    try:
        run: Any = run_deployment(
            wanted.deployment,
            parameters=dict(wanted.parameters),
            timeout=0,
            idempotency_key=_numbered(wanted.key, len(before) + 1),
            tags=[f"dataset:{wanted.dataset}"],
            job_variables=dict(wanted.size) or None,
        )
    except ObjectNotFound as exc:
        raise ConfigError(
            f"There is no deployment {wanted.deployment} on this Prefect server.",
            hint="Run `esteira deploy`, then start this run again.",
        ) from exc
    return UUID(str(run.id))


def wait_for_any(runs: Iterable[UUID]) -> dict[UUID, Ended]:
    """Wait until at least one has ended; returns those that have. A server that is away for a while is asked again."""
    wanted = list(runs)
    while not (found := _ended(wanted)):
        time.sleep(POLL_SECONDS)
    return found


def add_tags(run: UUID, tags: Iterable[str]) -> None:
    """Add tags to a run; a server that does not answer is no reason to stop it."""
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(run, tags=sorted({*client.read_flow_run(run).tags, *tags}))
    except httpx.HTTPError as exc:
        _log.warning("The run gets no tags: the Prefect server does not answer (%s)", type(exc).__name__)


def _ended(wanted: list[UUID]) -> dict[UUID, Ended]:
    try:
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=wanted)))
            ended = {run.id: _how(client, run) for run in runs if run.state and run.state.is_final()}
            return ended | dict.fromkeys(set(wanted) - {run.id for run in runs}, _DELETED)
    except httpx.HTTPError as exc:
        _log.warning("The Prefect server cannot be asked how the runs are (%s); trying again.", type(exc).__name__)
        return {}


def _how(client: SyncPrefectClient, run: FlowRun) -> Ended:
    state = run.state
    assert state  # noqa: S101 - the caller looked
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    artifacts = client.read_artifacts(artifact_filter=mine)
    counts = [each.data for each in artifacts if each.type == "table" and (each.key or "").endswith(COUNTS_KEY)]
    rows = tuple(row for data in counts for row in (json.loads(data) if isinstance(data, str) else ()))
    seconds = run.total_run_time.total_seconds()
    return Ended(run.name, state.is_completed(), state.name or state.type.value, state.message or "", rows, seconds)


def _numbered(key: str, asked: int) -> str:
    """The idempotency key: one for what is asked for, and another only when that one is over and it must be asked for again."""
    return f"{key} {asked}"


def _asked_before(client: SyncPrefectClient, key: str) -> list[FlowRun]:
    """Runs of the same, in the order in which they were asked for."""
    keys = [_numbered(key, asked) for asked in range(1, MAX_ASKED + 1)]
    same = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=keys))
    runs = client.read_flow_runs(flow_run_filter=same)
    return sorted(runs, key=lambda run: keys.index(str(run.idempotency_key)))


def _is_usable(run: FlowRun, wanted: Wanted) -> bool:
    if run.state and run.state.is_final():
        return wanted.is_once and run.state.is_completed()
    return True
