"""The Prefect server that things are applied to, and what it refuses, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import ObjectAlreadyExists, ObjectLimitReached, ObjectNotFound, ObjectUnsupported
from prefect.settings import PREFECT_API_URL

from esteira.errors import AuthError, ConfigError, EsteiraError

AGAIN = "What was written before stands; the same command goes on."
PLAN_WORDS = ("maximum number", "plan does not support")
"""How Prefect Cloud words a 403 that is the plan's and not the key's, as Prefect's own client knows it."""
SHOWN_CHARACTERS = 600
WRONG = {httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.BAD_REQUEST}


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """A client of the configured server; whatever goes wrong with it is an error of ours.

    Raises:
        AuthError: The key is refused, or may not do this.
        ConfigError: There is no server, its plan does not include this, or it refuses what it was sent.
    """
    try:
        with get_client(sync_client=True) as client:
            yield client
    except (ObjectAlreadyExists, ObjectLimitReached, ObjectNotFound, ObjectUnsupported) as exc:
        raise _translated(exc.http_exc) from exc
    except httpx.HTTPError as exc:
        raise _translated(exc) from exc


def _translated(exc: Exception) -> EsteiraError:
    if not isinstance(exc, httpx.HTTPStatusError):
        return ConfigError(
            f"The Prefect server at {PREFECT_API_URL.value()} does not answer: {str(exc) or type(exc).__name__}.",
            hint="Start the laptop stack with `esteira stack up`, or correct PREFECT_API_URL.",
        )
    said, status = _said(exc.response), exc.response.status_code
    what = f"{exc.request.method} {exc.request.url.path}"
    if status == httpx.codes.FORBIDDEN and any(word in said for word in PLAN_WORDS):
        hint = f"Remove what is no longer needed, or choose a plan that includes it: decision 15 lists what each part needs. {AGAIN}"
        return ConfigError(f"The plan of this Prefect Cloud account does not allow {what}: {said}", hint=hint)
    if status == httpx.codes.UNAUTHORIZED:
        return AuthError(
            f"The Prefect server refuses the key ({what}: {said})", hint="Set PREFECT_API_KEY to a key of this account."
        )
    if status == httpx.codes.FORBIDDEN:
        hint = f"Give the key's owner a role in the workspace that may write it. {AGAIN}"
        return AuthError(f"The key in PREFECT_API_KEY may not do this ({what}: {said})", hint=hint)
    if status == httpx.codes.NOT_FOUND:
        hint = "PREFECT_API_URL must be the API of a server or workspace, of the version that requirements.lock pins or newer."
        return ConfigError(f"The Prefect server knows no {what}: {said}", hint=hint)
    hint = f"Correct what it names. {AGAIN}" if status in WRONG else f"Look at the server's log. {AGAIN}"
    return ConfigError(f"The Prefect server refuses {what} with {status}: {said}", hint=hint)


def _said(response: httpx.Response) -> str:
    """The answer's own words; a proxy's page is cut."""
    try:
        body: Any = response.json()
    except ValueError:
        body = response.text
    detail = body.get("detail") or body.get("exception_detail") or body if isinstance(body, dict) else body
    return str(detail)[:SHOWN_CHARACTERS]
