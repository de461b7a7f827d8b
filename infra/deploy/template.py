"""A template as it lies in `infra/`: its parameters and outputs, and whether a value fits a parameter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).resolve().parents[1]
ORDER = (
    "code",
    "network",
    "lake",
    "access",
    "warehouse",
    "runtime",
    "events",
    "break-glass",
    "monitoring",
    "push",
    "docs",
    "delivery",
)
"""Of deploying; each takes outputs of those before it. Destroying goes the other way."""


class Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short functions, which are read as plain values: nothing here evaluates them."""


def _plain(loader: yaml.CSafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else node.value


Loader.add_multi_constructor("!", _plain)


@dataclass(frozen=True)
class Template:
    """One template.

    Attributes:
        name: Its file's name without `.yaml`; the last part of the stack's name.
        body: The file, comments and all: what is deployed is what was reviewed.
        parameters: By name, as declared.
        outputs: Names.
        resources: Type by logical name.
    """

    name: str
    body: str
    parameters: dict[str, dict[str, Any]]
    outputs: frozenset[str]
    resources: dict[str, str]


def read_template(name: str, folder: Path = INFRA) -> Template:
    """The template of a name."""
    body = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    parsed = yaml.load(body, Loader=Loader)  # noqa: S506 - a safe loader, which makes plain values only
    resources = {logical: each["Type"] for logical, each in parsed["Resources"].items()}
    return Template(name, body, parsed.get("Parameters", {}), frozenset(parsed.get("Outputs", {})), resources)


def what_is_wrong(declared: dict[str, Any], value: str) -> str | None:
    """Why a value does not fit a declared parameter, or None. CloudFormation would say it too, but only when it is that stack's turn."""
    allowed = [str(each) for each in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"must be one of {', '.join(each or '(empty)' for each in allowed)}"
    pattern = declared.get("AllowedPattern")
    if pattern and not all(re.fullmatch(pattern, each) for each in _each(declared, value)):
        return f"must match {pattern}"
    return _out_of_range(declared, value) if declared["Type"] == "Number" else None


def _each(declared: dict[str, Any], value: str) -> list[str]:
    return value.split(",") if declared["Type"].startswith(("List<", "CommaDelimited")) else [value]


def _out_of_range(declared: dict[str, Any], value: str) -> str | None:
    low, high = declared.get("MinValue"), declared.get("MaxValue")
    try:
        number = float(value)
    except ValueError:
        return "must be a number"
    if (low is not None and number < low) or (high is not None and number > high):
        return (
            f"must lie between {low if low is not None else 'anything'} and {high if high is not None else 'anything'}"
        )
    return None
