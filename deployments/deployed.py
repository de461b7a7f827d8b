"""Deployments on the server: compared with prefect.yaml, written when they differ, removed when they left the file and are ours.

What ops paused in the UI stays paused: neither a deployment's pause nor a schedule's is compared, and an update carries the server's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from deployments.things import Change, Facts
from deployments.written import WrittenDeployment, WrittenSchedule

PROJECT_LABEL = "esteira.project"
"""Its value is the name of the file; only deployments that carry it are ever removed."""
PAGE = 100
_SAME_NAME = (
    "version", "description", "entrypoint", "parameters", "job_variables", "pull_steps", "work_pool_name", "work_queue_name",
    "enforce_parameter_schema",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """One deployment with everything resolved."""

    project: str
    flow: str
    written: WrittenDeployment
    form: dict[str, Any]
    pull_steps: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """As the UI and `prefect deployment run` say it."""
        return f"{self.flow}/{self.written.name}"


class Deployed:
    """One deployment on a server."""

    kind = "deployment"

    def __init__(self, client: SyncPrefectClient, wanted: Wanted) -> None:
        self._client, self._wanted = client, wanted
        self.name = wanted.name

    def wanted(self) -> Facts:
        """What prefect.yaml says."""
        written = self._wanted.written
        return {
            "version": written.version,
            "description": written.description,
            "entrypoint": written.entrypoint,
            "parameters": written.parameters,
            "job_variables": written.work_pool.job_variables,
            "pull_steps": self._wanted.pull_steps,
            "work_pool_name": written.work_pool.name,
            "work_queue_name": written.work_pool.work_queue_name,
            "enforce_parameter_schema": True,
            "tags": sorted(written.tags),
            "run form": self._wanted.form,
            "schedules": {each.slug: _planned(each) for each in written.schedules},
            "concurrency limit": written.concurrency_limit.model_dump(),
            "project": self._wanted.project,
        }

    def found(self) -> Facts | None:
        """The same of the server's."""
        found = self._read()
        if found is None:
            return None
        limit, options = found.global_concurrency_limit, found.concurrency_options
        facts: Facts = {name: getattr(found, name) for name in _SAME_NAME}
        return facts | {
            "tags": sorted(found.tags),
            "run form": found.parameter_openapi_schema,
            "schedules": {each.slug: (_dump(each.schedule), each.parameters) for each in found.schedules},
            "concurrency limit": {
                "limit": limit.limit if limit else None,
                **(options.model_dump(mode="json") if options else {}),
            },
            "project": found.labels.get(PROJECT_LABEL),
        }

    def write(self) -> None:
        """Upsert: the server replaces all schedules, and plans their runs again."""
        found, written = self._read(), self._wanted.written
        active = {each.slug: each.active for each in found.schedules} if found else {}
        flow_id = self._client.create_flow_from_name(self._wanted.flow)
        limit = written.concurrency_limit.model_dump(exclude_none=True)
        body = {
            **{name: value for name, value in self.wanted().items() if name in _SAME_NAME},
            "name": written.name,
            "flow_id": str(flow_id),
            "tags": written.tags,
            "labels": {PROJECT_LABEL: self._wanted.project},
            "parameter_openapi_schema": self._wanted.form,
            "concurrency_limit": limit.pop("limit"),
            "concurrency_options": limit,
            "schedules": [_created(each, is_active=active.get(each.slug, True)) for each in written.schedules],
        }
        self._client.request("POST", "/deployments/", json=body)

    def paused(self) -> str:
        """What ops paused of it, so that nobody waits for a run that does not come."""
        found = self._read()
        if found is None:
            return ""
        off = ", ".join(each.slug or str(each.schedule) for each in found.schedules if not each.active)
        return "paused in the UI" if found.paused else f"schedule {off} is paused in the UI" if off else ""

    def _read(self) -> DeploymentResponse | None:
        try:
            return self._client.read_deployment_by_name(self.name)
        except ObjectNotFound:
            return None


def prune(client: SyncPrefectClient, project: str, kept: set[str], *, is_dry: bool) -> list[Change]:
    """Remove what carries the project's label and is no longer wanted."""
    surplus = {
        found.id: name
        for found in _all(client)
        if found.labels.get(PROJECT_LABEL) == project and (name := _full_name(client, found)) not in kept
    }
    for id_ in surplus if not is_dry else ():
        client.delete_deployment(id_)
    return [Change("deployment", name, "removed", "no longer wanted") for name in sorted(surplus.values())]


def _all(client: SyncPrefectClient) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while len(page := client.read_deployments(limit=PAGE, offset=len(found))) == PAGE:
        found += page
    return found + page


def _full_name(client: SyncPrefectClient, found: DeploymentResponse) -> str:
    flow_id: UUID = found.flow_id
    return f"{client.read_flow(flow_id).name}/{found.name}"


def _planned(written: WrittenSchedule) -> tuple[dict[str, Any], dict[str, Any]]:
    return _dump(written.schedule()), written.parameters


def _created(written: WrittenSchedule, *, is_active: bool) -> dict[str, Any]:
    schedule, parameters = _planned(written)
    return {"schedule": schedule, "parameters": parameters, "slug": written.slug, "active": is_active}


def _dump(schedule: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = schedule.model_dump(mode="json")
    return dumped
