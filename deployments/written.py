"""prefect.yaml, read strictly. Prefect ignores what it does not know; here every unknown word is an error before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from prefect.client.schemas.schedules import CronSchedule
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from esteira.errors import ConfigError

HINT = "Correct prefect.yaml; nothing was changed on the server."
_VARIABLE = re.compile(r"\{\{\s*\$(\w+)\s*\}\}")
_TEMPLATE = re.compile(r"\{\{.*?\}\}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class WrittenSchedule(_Strict):
    """A cron in a time zone; the slug tells it from the others when the file changes. Pausing it is for ops, in the UI."""

    cron: str
    timezone: str
    slug: str
    parameters: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_one(self) -> WrittenSchedule:
        self.schedule()
        return self

    def schedule(self) -> CronSchedule:
        """As Prefect keeps it."""
        return CronSchedule(cron=self.cron, timezone=self.timezone)


class WrittenLimit(_Strict):
    """How many runs of a deployment may be under way, and what becomes of one more."""

    limit: int = Field(ge=1)
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]
    grace_period_seconds: int | None = Field(default=None, ge=60, le=86_400)


class WrittenPool(_Strict):
    """Where it runs, and how its infrastructure differs from the pool's."""

    name: str
    work_queue_name: str = "default"
    job_variables: dict[str, Any] = {}


class WrittenDeployment(_Strict):
    """One deployment."""

    name: str
    description: str = Field(min_length=1)
    entrypoint: str
    version: str
    tags: list[str]
    parameters: dict[str, Any]
    schedules: list[WrittenSchedule]
    concurrency_limit: WrittenLimit
    work_pool: WrittenPool

    @field_validator("schedules")
    @classmethod
    def _slugs_differ(cls, schedules: list[WrittenSchedule]) -> list[WrittenSchedule]:
        slugs = [schedule.slug for schedule in schedules]
        if len(slugs) != len(set(slugs)):
            raise ValueError(f"slugs must differ: {', '.join(slugs)}")
        return schedules


class PrefectFile(_Strict):
    """The whole file. `build` and `push` stay empty: delivery builds and pushes the image."""

    name: str
    prefect_version: str = Field(alias="prefect-version")
    build: None = None
    push: None = None
    pull: list[dict[str, Any]]
    definitions: dict[str, Any] = {}
    deployments: list[WrittenDeployment]

    @field_validator("deployments")
    @classmethod
    def _names_differ(cls, deployments: list[WrittenDeployment]) -> list[WrittenDeployment]:
        names = [each.name for each in deployments]
        if len(names) != len(set(names)):
            raise ValueError(f"names must differ: {', '.join(names)}")
        return deployments


def read_file(path: Path) -> PrefectFile:
    """The file, with its variables unresolved.

    Raises:
        ConfigError: It is not there, is no YAML, or says something that this version does not know.
    """
    try:
        return PrefectFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}.", hint="Name the file with --file.") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(f"{path} is no YAML: {exc}", hint=HINT) from exc
    except ValidationError as exc:
        wrong = "; ".join(_sentence(dict(error)) for error in exc.errors())
        raise ConfigError(f"{path.name}: {wrong}.", hint=HINT) from exc


def resolve(value: Any, variables: Mapping[str, str]) -> Any:
    """A value with each `{{ $NAME }}` replaced.

    Raises:
        ConfigError: Variables are not set, or a template is none of ours.
    """
    texts = list(_texts(value))
    missing = sorted({name for text in texts for name in _VARIABLE.findall(text) if not variables.get(name)})
    if missing:
        raise ConfigError(
            f"prefect.yaml names {', '.join(missing)}, which {'are' if missing[1:] else 'is'} not set.",
            hint="Set the variable, or take its line out of prefect.yaml. docs/operations/deploy.md lists the variables.",
        )
    foreign = [found for text in texts for found in _TEMPLATE.findall(text) if not _VARIABLE.fullmatch(found)]
    if foreign:
        raise ConfigError(f"prefect.yaml has templates that are not of the form {{{{ $NAME }}}}: {foreign}.", hint=HINT)
    return _replaced(value, variables)


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean …?`, or nothing."""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known))}"


def _sentence(error: dict[str, Any]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] != "extra_forbidden":
        return f"{place}: {error['msg']}"
    return f"{place}: unknown key{suggestion(str(error['loc'][-1]), _known(error['loc']))}"


def _known(location: tuple[Any, ...]) -> list[str]:
    names = [part for part in location[:-1] if isinstance(part, str)]
    models: dict[str, type[_Strict]] = {
        "deployments": WrittenDeployment,
        "schedules": WrittenSchedule,
        "concurrency_limit": WrittenLimit,
        "work_pool": WrittenPool,
    }
    fields = (models[names[-1]] if names else PrefectFile).model_fields
    return [field.alias or name for name, field in fields.items()]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [text for child in children for text in _texts(child)]


def _replaced(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: variables[found[1]], value)
    if isinstance(value, dict):
        return {key: _replaced(child, variables) for key, child in value.items()}
    return [_replaced(child, variables) for child in value] if isinstance(value, (list, tuple)) else value
