"""Every `ESTEIRA_*` variable: those of the classes of settings, and those that single modules read for themselves."""

from __future__ import annotations

import ast
import importlib
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from docs.hooks.text import ROOT, SOURCE_ROOMS, attributes, code, constants, page, summary, table

NAME = r"ESTEIRA_[A-Z][A-Z_]*"
_WORDS = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`", Path: "folder"}


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable.

    Attributes:
        name: With its prefix.
        takes: What values it takes.
        default: As it would be set; empty where there is none.
        says: What it is for.
        is_required: Whether nothing works without it.
    """

    name: str
    takes: str
    default: str
    says: str
    is_required: bool = False


def make() -> str:
    """The page."""
    lead = (
        "*Where* is in the environment; *what* is in contracts, and secrets are in Secrets Manager, whose names stand here. Settings are read when a run or a command "
        "starts, all at once: what is missing or wrong is named by its variable. On AWS `infra/runtime.yaml` sets those of a run."
    )
    parts = [part for kind in settings_classes() for part in _section(kind)]
    others = table(
        ["variable", "what for"],
        [[code(f"{each.value}<PART>" if each.value.endswith("_") else each.value), each.says] for each in lone()],
    )
    return page("Settings", lead, *parts, "## Read by single modules", others)


@cache
def settings_classes() -> tuple[type[BaseSettings], ...]:
    """Every class of settings of the rooms, found in their text: a new one needs no word here."""
    found = [
        (path, node.name)
        for room in SOURCE_ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "BaseSettings" in (text := path.read_text(encoding="utf-8"))
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "BaseSettings" for base in node.bases)
    ]
    return tuple(getattr(importlib.import_module(_dotted(path)), name) for path, name in found)


def fields(kind: type[BaseSettings]) -> Iterator[Variable]:
    """The variables of a class."""
    said, prefix = attributes(kind), kind.model_config.get("env_prefix", "")
    for name, field in kind.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"{prefix}{name}".upper()
        yield Variable(variable, _takes(field), _default(field), said.get(name, ""), field.is_required())


def lone() -> list[Any]:
    """Constants that name a variable, or the begin of several, outside of any class of settings."""
    known = {each.name for kind in settings_classes() for each in fields(kind)}
    return [each for each in constants(NAME) if each.value not in known]


def _section(kind: type[BaseSettings]) -> Iterator[str]:
    yield f"## {kind.__name__}"
    yield f"{summary(kind)} `{kind.__module__.replace('.', '/')}.py`"
    rows = [
        [code(each.name), each.takes, "**required**" if each.is_required else each.default, each.says]
        for each in fields(kind)
    ]
    yield table(["variable", "takes", "default", "what for"], rows)


def _takes(field: FieldInfo) -> str:
    low = next((each.ge for each in field.metadata if hasattr(each, "ge")), None)
    above = next((each.gt for each in field.metadata if hasattr(each, "gt")), None)
    bound = f" ≥ {low}" if low is not None else f" > {above}" if above is not None else ""
    return f"{_words(field.annotation)}{bound}"


def _words(annotation: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(annotation), [each for each in get_args(annotation) if each is not type(None)]
    if origin is Literal:
        return ", ".join(code(each) for each in inner)
    if origin in {Union, types.UnionType}:
        return " or ".join(map(_words, inner))
    if origin is dict:
        return f"JSON object of {_words(inner[1])} by name"
    if origin is tuple:
        return "texts, separated by commas"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"`{{{', '.join(annotation.model_fields)}}}`"
    return _WORDS.get(annotation, str(annotation))


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined or value is None or value in ({}, ()):
        return ""
    if isinstance(value, Path):
        value = value.relative_to(ROOT)
    return code(str(value).lower() if isinstance(value, bool) else value)


def _dotted(path: Path) -> str:
    return re.sub(r"\.__init__$", "", ".".join(path.relative_to(ROOT).with_suffix("").parts))
