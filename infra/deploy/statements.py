"""The templates as they are written: nodes with their lines, so that a reader is told the comment beside something, and a rule can ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.deploy.template import INFRA, Loader

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
        owner: Logical name of the resource that it belongs to.
        first, end: Its lines, the comment not among them; from 0, the last exclusive.
    """

    template: str
    said: dict[str, Any]
    comment: str
    owner: str
    first: int
    end: int

    @property
    def sid(self) -> str:
        """Its name."""
        return str(self.said.get("Sid", f"statement without Sid: {self.said}"))

    def all(self, key: str) -> list[str]:
        """The values of a key that takes one or many."""
        value = self.said.get(key, [])
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]


@cache
def parsed(path: Path) -> dict[str, Any]:
    """A template; functions are plain values."""
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=Loader))  # noqa: S506 - a safe loader, which makes plain values only


@cache
def statements(path: Path) -> tuple[Statement, ...]:
    """Every statement of every policy of a template."""
    text = path.read_text(encoding="utf-8")
    loader = Loader(text)
    root: Any = loader.get_single_node()
    lines = text.splitlines()
    (resources,) = [value for key, value in root.value if key.value == "Resources"]
    return tuple(
        Statement(
            path.name, _said(loader, node), comment_above(lines, node.start_mark.line), owner.value,
            node.start_mark.line, _end(lines, node),
        )
        for owner, resource in resources.value
        for node in _mappings(resource)
        if any(key.value == "Effect" for key, _ in node.value)
    )  # fmt: skip


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


def _end(lines: list[str], node: yaml.Node) -> int:
    """The line behind a node; the parser counts the comment and the blank lines that follow as its own."""
    end = node.end_mark.line
    while end > node.start_mark.line + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _said(loader: Loader, node: yaml.MappingNode) -> dict[str, Any]:
    return {str(key): value for key, value in loader.construct_mapping(node, deep=True).items()}


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _mappings(each)
