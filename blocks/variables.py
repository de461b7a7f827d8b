"""Small facts that every runner shares, as Prefect variables: made at most once, whoever comes first.

The server keeps a name unique, so making one is a test and a set in one request, and removing one is told to one caller alone. They live in the server's
database, beside the automations that act on them: they survive its restart, and are away only when no message could be sent anyhow.
"""

from __future__ import annotations

from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

PAGE = 200


def make(name: str, value: Any) -> bool:
    """Make a variable; False when it is there, and then nothing is changed."""
    try:
        with get_client(sync_client=True) as client:
            client.create_variable(VariableCreate(name=name, value=value))
    except ObjectAlreadyExists:
        return False
    return True


def put(name: str, value: Any) -> None:
    """Make it, or write over what is there."""
    if not make(name, value):
        with get_client(sync_client=True) as client:
            client.update_variable(VariableUpdate(name=name, value=value))


def remove(name: str) -> bool:
    """Remove it; whether this call did, and no other one at the same moment."""
    try:
        with get_client(sync_client=True) as client:
            client.delete_variable_by_name(name)
    except (ObjectNotFound, httpx.HTTPStatusError) as exc:
        if isinstance(exc, httpx.HTTPStatusError) and exc.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return False
    return True


def read(name: str) -> Any:
    """Its value, or None."""
    with get_client(sync_client=True) as client:
        found = client.read_variable_by_name(name)
    return found.value if found else None


def read_all(prefix: str) -> dict[str, Any]:
    """The values of all whose name begins with this, by name."""
    found: dict[str, Any] = {}
    with get_client(sync_client=True) as client:
        while page := _page(client, prefix, len(found)):
            found |= page
    return {name: value for name, value in found.items() if name.startswith(prefix)}


def _page(client: SyncPrefectClient, prefix: str, offset: int) -> dict[str, Any]:
    wanted = {"variables": {"name": {"like_": prefix}}, "limit": PAGE, "offset": offset}
    return {each["name"]: each["value"] for each in client.request("POST", "/variables/filter", json=wanted).json()}
