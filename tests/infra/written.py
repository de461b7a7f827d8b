"""The templates as they are written, for tests that read them."""

from __future__ import annotations

from typing import Any

from infra.deploy.statements import TEMPLATES, Statement, resources, statements

EVERY = [each for path in TEMPLATES for each in statements(path)]


def named(statement: Statement) -> str:
    return f"{statement.template}:{statement.sid}"


def one(template: str, sid: str) -> Statement:
    (found,) = [each for each in EVERY if (each.template, each.sid) == (template, sid)]
    return found


def everywhere(kind: str) -> dict[str, dict[str, Any]]:
    return {f"{path.name}:{name}": each for path in TEMPLATES for name, each in resources(path, kind).items()}
