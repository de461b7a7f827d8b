"""Every statement of every policy in `infra/`, with the reason that stands above it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.hooks.text import code, page, table
from infra.deploy import statements
from infra.deploy.statements import Statement

_LEAD = (
    "Who may do what on AWS, by template and by the resource that the policy belongs to. `Deny` wins over every `Allow`. "
    "The reasons are the comments of the templates; tests take each right away and see what then fails (`tests/infra/test_register.py`)."
)


def make() -> str:
    """The page."""
    return page("IAM statements", _LEAD, *(part for path in statements.TEMPLATES for part in _template(path)))


def _template(path: Path) -> Iterator[str]:
    found = statements.statements(path)
    if found:
        yield f"## infra/{path.name}"
    for owner in dict.fromkeys(each.owner for each in found):
        yield f"### {path.stem}: {owner}"
        yield table(
            ["statement", "actions", "on", "if", "because"], [_row(each) for each in found if each.owner == owner]
        )


def _row(each: Statement) -> tuple[str, str, str, str, str]:
    sid = f"{code(each.sid)} ({each.said['Effect']})"
    who = f"; by {code(_spelled(each.said['Principal']))}" if "Principal" in each.said else ""
    resource = " ".join(code(_spelled(one)) for one in _listed(each.said.get("Resource", ""))) or "who assumes the role"
    condition = code(_spelled(each.said["Condition"])) if "Condition" in each.said else ""
    return sid, " ".join(map(code, each.all("Action"))), f"{resource}{who}", condition, each.comment


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
