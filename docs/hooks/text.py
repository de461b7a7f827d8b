"""Markdown of the reference, and what docstrings say: sections of Google's style, and the strings below constants."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOMS = ("esteira", "flows", "tasks", "blocks", "deployments", "cli", "infra", "local")
BESIDE = ("tests/warehouse/places.py",)
"""Files outside of these rooms that read a variable of their own."""
_CODE = re.compile(r"(`[^`]*`)")
_ITEM = re.compile(r"^ {4}(\w+(?:, \w+)*): +(.*)$")


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the code with the string that stands below it.

    Attributes:
        module: The file, below the root.
        name: Of the constant.
        value: Its text.
        says: The string below it; empty when there is none.
    """

    module: str
    name: str
    value: str
    says: str


def page(title: str, lead: str, *parts: str) -> str:
    """A page; it says that it is made, so that nobody looks for its file."""
    made = "*This page is made from the code when the site is built.*"
    return "\n\n".join((f"# {title}", lead, made, *(part for part in parts if part))) + "\n"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. A page never has an empty one: what it would list was not found, and nobody would see that."""
    lines = [" | ".join(map(cell, row)) for row in rows]
    if not lines:
        raise LookupError(f"A table of {', '.join(headings)} would be empty.")
    head = f"| {' | '.join(headings)} |\n|{'---|' * len(headings)}"
    return "\n".join([head, *(f"| {line} |" for line in lines)])


def cell(text: str) -> str:
    """Text that breaks no table and hides in no tag; code between backticks stays as it is, which Markdown's tables know."""
    pieces = _CODE.split(" ".join(text.split()))
    return "".join(
        piece if piece.startswith("`") else piece.replace("|", "\\|").replace("<", "&lt;") for piece in pieces
    )


def code(text: object) -> str:
    """A word of the code; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def summary(thing: Any) -> str:
    """The first paragraph of a docstring."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def attributes(thing: Any) -> dict[str, str]:
    """What the section `Attributes` of a docstring says of each name; names that share a sentence each have it."""
    section = (inspect.getdoc(thing) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    said: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if found := _ITEM.match(line):
            names = found[1].split(", ")
            said |= dict.fromkeys(names, found[2])
        else:
            said |= {name: f"{said[name]} {line.strip()}" for name in names}
    return said


@cache
def constants(pattern: str) -> tuple[Constant, ...]:
    """Constants of the rooms whose text matches a pattern as a whole."""
    return tuple(
        each for path in (*_sources(), *(ROOT / name for name in BESIDE)) for each in _constants(path) if re.fullmatch(pattern, each.value)
    )  # fmt: skip


@cache
def mentions(pattern: str) -> dict[str, str]:
    """Every match of a pattern in a string of the rooms that is no docstring, with one module that has it."""
    found: dict[str, str] = {}
    for path in _sources():
        for text in _strings(path):
            found |= dict.fromkeys(re.findall(pattern, text), path.relative_to(ROOT).as_posix())
    return found


def _sources() -> list[Path]:
    return [path for room in SOURCE_ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _constants(path: Path) -> Iterator[Constant]:
    body = _tree(path).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                says = _string(after)
                yield Constant(path.relative_to(ROOT).as_posix(), name, value, inspect.cleandoc(says))


def _string(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
    return ""


def _strings(path: Path) -> Iterator[str]:
    tree = _tree(path)
    beside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in beside:
            yield node.value
