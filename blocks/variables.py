"""Small facts that every runner shares, as Prefect variables: made at most once, whoever comes first.

The server keeps a name unique, so making one is a test and a set in one request. They live in the server's database, beside the automations that act on
them: they survive its restart, and are away only when no message could be sent anyhow.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.exceptions import ObjectAlreadyExists

PAGE = 200
REMOVING = "esteira_removing_"
ABANDONED = timedelta(minutes=10)
"""After which a removal that has not ended is taken for one that was killed: longer than the client's retries of its three requests."""


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
    """Remove it; whether this call did, and no other one at the same moment.

    A server on PostgreSQL answers two removals at once that both did it (it looks first, and deletes then), so one caller at a time may try.
    """
    turn = f"{REMOVING}{name}"
    if not (_make_turn(turn) or (_end_abandoned(turn) and _make_turn(turn))):
        return False
    try:
        return _delete("/variables/name/{name}", name)
    finally:
        _delete("/variables/name/{name}", turn)


def _make_turn(name: str) -> bool:
    return make(name, datetime.now(UTC).isoformat())


def _end_abandoned(name: str) -> bool:
    """By its id: a turn that another caller has made since is not this one."""
    with get_client(sync_client=True) as client:
        found = client.read_variable_by_name(name)
    if found is None:
        return True
    old = datetime.now(UTC) - datetime.fromisoformat(str(found.value)) > ABANDONED
    return old and _delete("/variables/{id}", str(found.id))


def _delete(path: Literal["/variables/name/{name}", "/variables/{id}"], which: str) -> bool:
    """Whether there was something to delete."""
    try:
        with get_client(sync_client=True) as client:
            client.request("DELETE", path, path_params={"name": which, "id": which})
    except httpx.HTTPStatusError as exc:
        if exc.response.status_code == httpx.codes.NOT_FOUND:
            return False
        raise
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
