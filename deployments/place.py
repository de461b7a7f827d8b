"""Where a stage's runs happen, from the environment: the pool, its kind, and what ECS needs. Names and addresses only, no secrets."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from esteira.errors import ConfigError
from esteira.settings import PROJECT_FOLDER, RunnerName, TaskSize

PoolType = Literal["process", "ecs", "ecs:push"]
IMAGE_FOLDER = "/app"
"""Where the Dockerfile puts the checkout."""
GIT_SECONDS = 10
_KINDS = f"ESTEIRA_WORK_POOL_TYPE is one of {', '.join(get_args(PoolType))}."
_WHERE = "docs/operations/deploy.md lists the variables."
_ECS_NEEDS = ("ecs_cluster", "task_definition_arn", "subnets")


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Place(BaseSettings):
    """Where deployments run.

    Attributes:
        work_pool: Name of the pool.
        work_pool_type: `process` on a laptop; `ecs` polled by a worker, or `ecs:push`, which Prefect Cloud serves by itself.
        work_pool_limit: How many runs the pool starts at once; without one, what is set on the server stays.
        fan_out: How many datasets the daily flow runs at once on an ECS pool, each in a container of its own; 0 for one after the other.
        task_sizes: What a dataset's own run needs where the task definition's size is not enough: `{"flights": {"memory": 8192}}`.
        runner, workers, dask_scheduler: Who curates the parts of a batch in the containers of an ECS pool (docs/scale.md); what is not set here is left to
            the image.
        home: The checkout where a run starts: `/app` in the image, this checkout for processes.
        revision: What runs: a git revision or an image's digest.
        image: The image of the task definition, by digest; the revision is taken from it.
        ecs_cluster: Name or ARN of the cluster.
        task_definition_arn: The task definition that delivery registered for the image, with its revision.
        subnets: Of the tasks, separated by commas.
        security_groups: Of the tasks, separated by commas.
        has_public_ip: Whether tasks get a public address, as in a VPC without a NAT gateway.
        aws_credentials_block: Block of prefect-aws that a push pool logs in with; a worker uses its own role.
        upkeep_role_arn: Role of the maintenance deployment, the only one that may delete.
    """

    model_config = SettingsConfigDict(env_prefix="ESTEIRA_", frozen=True, extra="ignore")

    work_pool: str = "esteira"
    work_pool_type: PoolType = "process"
    work_pool_limit: int | None = Field(default=None, ge=1)
    fan_out: int = Field(default=4, ge=0)
    task_sizes: dict[str, TaskSize] = {}
    runner: RunnerName | None = None
    workers: int | None = Field(default=None, ge=1)
    dask_scheduler: str | None = None
    home: str | None = None
    revision: str | None = None
    image: str | None = None
    ecs_cluster: str | None = None
    task_definition_arn: str | None = None
    subnets: Names = ()
    security_groups: Names = ()
    has_public_ip: bool = Field(default=False, validation_alias="ESTEIRA_PUBLIC_IP")
    aws_credentials_block: str | None = None
    upkeep_role_arn: str | None = None

    @property
    def is_ecs(self) -> bool:
        """Whether runs are ECS tasks."""
        return self.work_pool_type != "process"

    def variables(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What `{{ $NAME }}` in prefect.yaml may name: the environment, and what is derived when it is not set."""
        derived = {
            "ESTEIRA_WORK_POOL": self.work_pool,
            "ESTEIRA_HOME": self.home or (IMAGE_FOLDER if self.is_ecs else str(PROJECT_FOLDER)),
            "ESTEIRA_REVISION": self.revision or _digest(self.image) or git_revision(PROJECT_FOLDER),
        }
        return {**environment, **derived}


def read_place() -> Place:
    """The place that the environment names.

    Raises:
        ConfigError: Names each variable that is missing or wrong.
    """
    try:
        place = Place()
    except ValidationError as exc:
        wrong = "; ".join(f"{_variable(str(error['loc'][0]))}: {error['msg']}" for error in exc.errors())
        raise ConfigError(f"The pool is not described rightly: {wrong}.", hint=f"{_KINDS} {_WHERE}") from exc
    except SettingsError as exc:
        raise ConfigError(f"The pool is not described rightly: {exc}: it must be JSON.", hint=_WHERE) from exc
    missing = [_variable(name) for name in _ECS_NEEDS if place.is_ecs and not getattr(place, name)]
    if place.work_pool_type == "ecs:push" and not place.aws_credentials_block:
        missing.append(_variable("aws_credentials_block"))
    if missing:
        raise ConfigError(
            f"A pool of type {place.work_pool_type} needs {', '.join(missing)}.",
            hint=f"Set them to the outputs of the stage's CloudFormation stacks. {_WHERE}",
        )
    return place


def git_revision(folder: Path) -> str:
    """The checkout's revision; `+changed` when files differ from it.

    Raises:
        ConfigError: The folder is no checkout.
    """
    try:
        revision = _git(folder, "rev-parse", "--short=12", "HEAD")
        return revision + ("+changed" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError) as exc:
        raise ConfigError(
            f"{folder} is no git checkout, so it is not known which version is deployed.",
            hint="Set ESTEIRA_REVISION to the revision, or ESTEIRA_IMAGE to the image with its digest.",
        ) from exc


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)  # noqa: S603 - our own arguments
    return done.stdout.strip()


def _digest(image: str | None) -> str | None:
    return image.rpartition("@")[2] if image and "@sha256:" in image else None


def _variable(field: str) -> str:
    return field if field.isupper() else f"ESTEIRA_{field.upper()}"
