"""A deployed role with and without one of its statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without(iam: Any, role: str, sid: str) -> Iterator[None]:
    """Take a statement out of a role's own policies for a while; the role must have it."""
    (name, document) = _policy_with(iam, role, sid)
    left = [each for each in document["Statement"] if each["Sid"] != sid]
    if left:
        _put(iam, role, name, document | {"Statement": left})
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    try:
        yield
    finally:
        _put(iam, role, name, document)


def _policy_with(iam: Any, role: str, sid: str) -> tuple[str, dict[str, Any]]:
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    ((name, document),) = [
        (name, document)
        for name, document in found.items()
        if any(each["Sid"] == sid for each in document["Statement"])
    ]
    return name, document


def _put(iam: Any, role: str, name: str, document: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
