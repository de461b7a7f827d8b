"""The templates as they are written: nodes with their lines, so that a rule can ask for the comment beside something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.deploy.template import INFRA, _Loader

TEMPLATES = sorted(INFRA.glob("*.yaml"))
_BETWEEN = re.compile(r"\s*- (!If|[A-Z]\w+)$")
"""What may stand between a statement and its comment: `!If` and its condition."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    Attributes:
        template: Its file's name.
        said: What it says, functions read as plain values.
        comment: The lines of comment above it, as one.
    """

    template: str
    said: dict[str, Any]
    comment: str

    @property
    def sid(self) -> str:
        return str(self.said.get("Sid", f"statement without Sid: {self.said}"))

    def all(self, key: str) -> list[str]:
        """The values of a key that takes one or many."""
        value = self.said.get(key, [])
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]


@cache
def parsed(path: Path) -> dict[str, Any]:
    """A template; functions are plain values."""
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))


@cache
def statements(path: Path) -> tuple[Statement, ...]:
    """Every statement of every policy of a template."""
    text = path.read_text(encoding="utf-8")
    loader = _Loader(text)
    root = loader.get_single_node()
    lines = text.splitlines()
    return tuple(
        Statement(path.name, loader.construct_mapping(node, deep=True), comment_above(lines, node.start_mark.line))
        for node in _mappings(root)
        if any(key.value == "Effect" for key, _ in node.value)
    )


def comment_above(lines: list[str], line: int) -> str:
    """The comment that ends just above a line."""
    found: list[str] = []
    for each in reversed(lines[:line]):
        if each.lstrip().startswith("#"):
            found.insert(0, each.strip().lstrip("# "))
        elif found or not _BETWEEN.match(each):
            break
    return " ".join(found)


def resources(path: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a type, by logical name."""
    return {name: each for name, each in parsed(path)["Resources"].items() if each["Type"] == kind}


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _mappings(each)
