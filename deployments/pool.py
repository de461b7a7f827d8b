"""The work pool: its kind, its template, how many runs it starts. It is never removed, for runs may be in it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from deployments.ecs import ecs_template
from deployments.place import Place
from deployments.things import Facts
from esteira.errors import ConfigError

CREDENTIALS_TYPE = "aws-credentials"
DESCRIPTION = "Made by `esteira deploy`; what is changed here by hand is changed back by the next one."


class Pool:
    """The pool of a place."""

    kind = "work pool"

    def __init__(self, client: SyncPrefectClient, place: Place) -> None:
        self._client, self._place = client, place
        self.name = place.work_pool

    @cached_property
    def template(self) -> dict[str, Any]:
        """What the pool makes a run's infrastructure of."""
        if self._place.is_ecs:
            return ecs_template(self._place, self._credentials_id())
        return ProcessWorker.get_default_base_job_template()

    def wanted(self) -> Facts:
        """A process pool's template is nobody's business but the laptop's, and stays as it is found."""
        facts: Facts = {"type": self._place.work_pool_type}
        if self._place.is_ecs:
            facts |= {"base_job_template": self.template, "description": DESCRIPTION}
        if self._place.work_pool_limit is not None:
            facts["concurrency_limit"] = self._place.work_pool_limit
        return facts

    def found(self) -> Facts | None:
        """What is wanted of it, as the server has it.

        Raises:
            ConfigError: It is of another type.
        """
        pool = self._read()
        if pool is None:
            return None
        if pool.type != self._place.work_pool_type:
            raise ConfigError(
                f"Work pool {self.name} is of type {pool.type}, and a pool keeps its type; wanted is {self._place.work_pool_type}.",
                hint="Set ESTEIRA_WORK_POOL to another name, or delete the pool when no run is in it.",
            )
        return {name: getattr(pool, name) for name in self.wanted()}

    def write(self) -> None:
        """Create it, or change all but its type."""
        wanted = self.wanted()
        if self._read() is None:
            self._client.create_work_pool(
                WorkPoolCreate(name=self.name, **({"base_job_template": self.template} | wanted))
            )
            return
        del wanted["type"]
        self._client.update_work_pool(self.name, WorkPoolUpdate(**wanted))

    def _read(self) -> WorkPool | None:
        try:
            return self._client.read_work_pool(self.name)
        except ObjectNotFound:
            return None

    def _credentials_id(self) -> str | None:
        name = self._place.aws_credentials_block
        if not name:
            return None
        try:
            return str(self._client.read_block_document_by_name(name, CREDENTIALS_TYPE).id)
        except ObjectNotFound as exc:
            raise ConfigError(
                f"Block {CREDENTIALS_TYPE}/{name} does not exist, so a push pool could not log in to AWS.",
                hint="Create it in the Prefect UI, for a role that may only run this stage's tasks; we store no AWS keys.",
            ) from exc
