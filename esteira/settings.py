"""Where things are: `ESTEIRA_*` environment variables, read once in the flow or the command line, never at import."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from esteira.errors import ConfigError
from esteira.login import check_login

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
RunnerName = Literal["threads", "processes", "dask"]


class TaskSize(BaseModel):
    """What an ECS task gets: `cpu` in units of which 1024 are one vCPU, `memory` in MiB.

    Fargate takes certain pairs only: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: int | None = Field(default=None, ge=256)
    memory: int | None = Field(default=None, ge=512)


class Settings(BaseSettings):
    """The environment of one stage. Secrets are named here, never held.

    Attributes:
        stage: Environment: local, dev, prod.
        lake_bucket: Bucket of the lake.
        warehouse_host: Address of the Redshift endpoint.
        warehouse_port: Its port.
        warehouse_database: The database there.
        warehouse_secret, warehouse_workgroup, warehouse_cluster: How to log in, exactly one of: a secret with `username` and
            `password`; by IAM to a Serverless workgroup; by IAM to a provisioned cluster.
        warehouse_schema: Schema of the datasets' tables.
        reader_group: Database group that may read the tables and `esteira.batch`; without one nothing is granted.
        bi_group: Database group that may read the views of `bi` and nothing else.
        lock_wait_seconds: Wait for a dataset's lock after which its holder is looked at; an orphan of ours must be idle as long.
        ddl_wait_seconds: Bound of one statement that shapes tables, such as an ALTER that waits for a reader.
        copy_role_arn: Role that COPY reads the lake with.
        portal_url: Address of the demo's portal; other portals are blocks.
        portal_secret: Name of the secret of the demo's portal.
        docs_url: Where these pages are served, for links to the runbook; without one, messages name the file.
        report_url: Where the quality pages of the lake's `report/html/` are served; without one, links lead to the AWS console.
        datasets: Folder of the contracts.
        upkeep_profile: AWS profile of the role that may delete from the lake; None takes the process's own credentials, as on
            ECS, where the maintenance deployment runs under that role.
        report_days: Age at which a batch's quality page leaves the lake; `esteira report` makes it again.
        export_days, export_versions: Age at which a version of exported files leaves the lake, and how many of the newest stay whatever their age.
        upkeep_min_age_days: What is younger than this is never removed from the lake.
        drop_profile: AWS profile of the role that may drop files into the inbox; None takes the process's own credentials.
        max_attempts: Failed attempts at a batch after which it is given up, so that it blocks no later one; 0 never gives up.
        fan_out: How many datasets the daily flow, and windows a backfill, runs at once as runs of their own on the pool; 0 runs them in its
            own process.
        at_once: How many windows of a backfill are under way at once, where they are no runs of their own.
        task_sizes: What a dataset's own run needs of the pool where the task definition's size is not enough, by name.
        metrics: What is sent to CloudWatch of each batch: nothing (`off`, as on a laptop), what the stage's alarms need (`stage`), or that and each
            dataset's own (`dataset`). Each metric of each dataset is billed.
        runner: Who curates the parts of a sealed raw batch: threads of the run, processes beside it, or workers of Dask.
        workers: How many share the parts; each needs the memory of a part. None: one thread, or a process for each processor. A Dask cluster that is named
            has its own number, and is asked for as many pieces of work as this says.
        dask_scheduler: Address of the scheduler of a Dask cluster, such as `tcp://scheduler:8786`; without one the run starts workers on its own
            machine and stops them.
        step_retries: How often a step is tried again after a transient error.
        step_retry_seconds: Wait before the first of these; each later one waits longer.
    """

    model_config = SettingsConfigDict(env_prefix="ESTEIRA_", frozen=True, extra="ignore")

    stage: str
    lake_bucket: str
    warehouse_host: str
    warehouse_port: int = 5439
    warehouse_database: str = "dev"
    warehouse_secret: str | None = None
    warehouse_workgroup: str | None = None
    warehouse_cluster: str | None = None
    warehouse_schema: str = "dw"
    reader_group: str | None = None
    bi_group: str | None = None
    lock_wait_seconds: float = Field(default=60, gt=0)
    ddl_wait_seconds: float = Field(default=60, gt=0)
    copy_role_arn: str
    portal_url: str | None = None
    portal_secret: str | None = None
    docs_url: str | None = None
    report_url: str | None = None
    datasets: Path = PROJECT_FOLDER / "datasets"
    upkeep_profile: str | None = None
    report_days: int = Field(default=400, ge=1)
    export_days: int = Field(default=30, ge=1)
    export_versions: int = Field(default=3, ge=1)
    upkeep_min_age_days: int = Field(default=7, ge=1)
    drop_profile: str | None = None
    max_attempts: int = Field(default=10, ge=0)
    fan_out: int = Field(default=0, ge=0)
    at_once: int = Field(default=1, ge=1)
    task_sizes: dict[str, TaskSize] = {}
    metrics: Literal["off", "stage", "dataset"] = "off"
    runner: RunnerName = "threads"
    workers: int | None = Field(default=None, ge=1)
    dask_scheduler: str | None = None
    step_retries: int = 3
    step_retry_seconds: float = 20

    @property
    def parts_at_once(self) -> int:
        """How many share the parts of a batch: two threads are no faster than one, whose stages are threads too."""
        return self.workers or (1 if self.runner == "threads" else os.cpu_count() or 1)


def contracts_folder() -> Path:
    """The folder of the contracts, for a command that needs no stage."""
    return Path(os.environ.get("ESTEIRA_DATASETS", PROJECT_FOLDER / "datasets"))


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: Names each variable that is missing or wrong, or what its value needs and is not installed.
    """
    try:
        settings = Settings()
    except ValidationError as exc:
        wrong = "; ".join(
            f"ESTEIRA_{'_'.join(map(str, error['loc'])).upper()}: {error['msg']}" for error in exc.errors()
        )
        raise ConfigError(
            f"The environment is incomplete: {wrong}.",
            hint="Start the laptop stack with `esteira stack up`, or set the variables.",
        ) from exc
    except SettingsError as exc:
        raise ConfigError(f"The environment cannot be read: {exc}.", hint="Its value must be JSON.") from exc
    check_login(settings.warehouse_secret, settings.warehouse_workgroup, settings.warehouse_cluster)
    _check_runner(settings.runner)
    return settings


def _check_runner(runner: str) -> None:
    """Refuse a runner whose package is missing now, and not when the first batch of several parts comes."""
    if runner == "dask" and importlib.util.find_spec("prefect_dask") is None:
        raise ConfigError(
            "ESTEIRA_RUNNER is dask, and prefect-dask is not installed here.",
            hint="Install the extra (pip install 'esteira[dask]', here and where the workers run), or set ESTEIRA_RUNNER to threads or processes.",
        )
