"""A stage's file, `infra/stages/<stage>.yaml`: region, templates, and what differs from their defaults."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from infra.deploy.problem import DeployError
from infra.deploy.template import INFRA, ORDER, Template, read_template, what_is_wrong

KEPT = frozenset({"ImageDigest"})
"""What delivery set last stays until it is set again: a deployment by hand must not take the running image away."""
_KEYS = frozenset({"region", "templates", "parameters", "tags", "is_protected", "prefect"})
_SECRET = ("PREFECT_API_KEY", "ESTEIRA_SLACK_URL")


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: dev, prod.
        region: Of all its stacks.
        templates: In the order of deploying.
        parameters: Values for every template that declares the name.
        tags: Of every resource, beside `project` and `stage`.
        prefect: Variables of `esteira deploy` that no stack knows, such as the work pool's type; empty where no Prefect is told.
        file: Where they are written, for messages.
        is_protected: Whether it is not to be destroyed by a command.
    """

    name: str
    region: str
    templates: tuple[Template, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    prefect: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    is_protected: bool = False

    def all_tags(self) -> list[dict[str, str]]:
        """As AWS takes them; costs are told apart by the first two."""
        both = {"project": "esteira", "stage": self.name, **self.tags}
        return [{"Key": key, "Value": value} for key, value in both.items()]


def read_stage(name: str, overrides: Mapping[str, str], folder: Path = INFRA) -> Stage:
    """The stage of a name.

    Args:
        name: Its file's name.
        overrides: Parameters that this deployment sets, such as the image's digest.
        folder: Where templates and stages are.

    Raises:
        DeployError: There is no such stage, or its file says something that no template knows or takes.
    """
    file = folder / "stages" / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(each.stem for each in file.parent.glob("*.yaml"))) or "none"
        raise DeployError(f"There is no stage {name}.", f"Stages are the files of infra/stages/: {known}.")
    said = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    where = f"infra/stages/{file.name}"
    _check_names("key", said, _KEYS, where)
    _check_names("template", said.get("templates", []), ORDER, where)
    templates = tuple(read_template(each, folder) for each in ORDER if each in said["templates"])
    stage = Stage(
        name,
        str(said["region"]),
        templates,
        {**_texts(said.get("parameters", {})), **overrides},
        _texts(said.get("tags", {})),
        _prefect(said.get("prefect", {}), where),
        where,
        bool(said.get("is_protected")),
    )
    _check_parameters(stage, folder)
    return stage


def parameters_of(
    stage: Stage, template: Template, outputs: Mapping[str, str], code: Mapping[str, str]
) -> dict[str, str]:
    """What one template gets: the stage's own word first, then outputs of the templates before it; else its default stands."""
    known = {**outputs, **code, "Stage": stage.name, **stage.parameters}
    return {name: known[name] for name in template.parameters if name in known}


def missing_parameters(template: Template, given: Mapping[str, str]) -> list[str]:
    """Parameters that have neither a value nor a default."""
    return [name for name, declared in template.parameters.items() if name not in given and "Default" not in declared]


def _check_parameters(stage: Stage, folder: Path) -> None:
    every = [read_template(each, folder) for each in ORDER if (folder / f"{each}.yaml").is_file()]
    _check_names("parameter", stage.parameters, {name for each in every for name in each.parameters}, stage.file)
    for template in stage.templates:
        for name, value in {"Stage": stage.name, **stage.parameters}.items():
            wrong = what_is_wrong(template.parameters[name], value) if name in template.parameters else None
            if wrong:
                meaning = template.parameters[name].get("Description", "")
                raise DeployError(
                    f"{name}: {value!r} {wrong} (infra/{template.name}.yaml). {meaning}".rstrip(),
                    f"Correct it in {stage.file}.",
                )


def _prefect(said: Mapping[str, Any], where: str) -> dict[str, str]:
    for name in said:
        if name in _SECRET or not name.startswith("ESTEIRA_"):
            raise DeployError(
                f"{where}: {name} does not belong under `prefect`.",
                "There stand variables of docs/operations/deploy.md; addresses and keys are in the secrets esteira/<stage>/prefect and /slack.",
            )
    return _texts(said)


def _check_names(kind: str, said: Any, known: Any, where: str) -> None:
    for name in said:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(sorted(known))}."
            raise DeployError(f"{where}: there is no {kind} {name}.", meant)


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in said.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
