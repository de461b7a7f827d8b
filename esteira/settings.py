"""Where things are: `ESTEIRA_*` environment variables, read once in the flow or the command line, never at import."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from esteira.errors import ConfigError

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The environment of one stage. Secrets are named here, never held.

    Attributes:
        stage: Environment: local, dev, prod.
        lake_bucket: Bucket of the lake.
        warehouse_host, warehouse_port, warehouse_database: Redshift endpoint.
        warehouse_secret: Secret with `username` and `password`.
        warehouse_schema: Schema of the datasets' tables.
        copy_role_arn: Role that COPY reads the lake with.
        portal_url, portal_secret: The demo's portal; other portals are blocks.
        slack_url: Where the failure automation posts.
        datasets: Folder of the contracts.
        step_retries, step_retry_seconds: How often a step is tried again after a transient error, and the first wait.
    """

    model_config = SettingsConfigDict(env_prefix="ESTEIRA_", frozen=True, extra="ignore")

    stage: str
    lake_bucket: str
    warehouse_host: str
    warehouse_port: int = 5439
    warehouse_database: str = "dev"
    warehouse_secret: str
    warehouse_schema: str = "dw"
    copy_role_arn: str
    portal_url: str | None = None
    portal_secret: str | None = None
    slack_url: str | None = None
    datasets: Path = PROJECT_FOLDER / "datasets"
    step_retries: int = 3
    step_retry_seconds: float = 20


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        ConfigError: Names each variable that is missing or wrong.
    """
    try:
        return Settings()
    except ValidationError as exc:
        wrong = "; ".join(
            f"ESTEIRA_{'_'.join(map(str, error['loc'])).upper()}: {error['msg']}" for error in exc.errors()
        )
        raise ConfigError(
            f"The environment is incomplete: {wrong}.",
            hint="Start the laptop stack with `esteira stack up`, or set the variables.",
        ) from exc
