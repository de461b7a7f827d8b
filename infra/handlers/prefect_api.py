"""The few calls of Prefect's REST API that functions need, by the standard library.

https://docs.prefect.io/v3/api-ref/rest-api
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from .problems import Misconfigured, PrefectRefused, PrefectUnavailable

ANSWER_SECONDS = 10
MOST_BYTES = 4 * 1024 * 1024
"""Of an answer; a deployment with its form is a few KiB."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""The only hosts that are asked without TLS: a laptop's own server."""
PASSES = frozenset({408, 425, 429})
"""Of the 4xx, those that another try may not get."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Prefect:
    """One server.

    Args:
        api_url: Its API, `https://…/api` or a workspace of Prefect Cloud.
        api_key: Of a service account; empty where the server has no login.

    Raises:
        Misconfigured: The address is none, or would send the key in clear text.
    """

    def __init__(self, api_url: str, api_key: str = "") -> None:
        parts = urlsplit(api_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise Misconfigured(
                "The address of Prefect is not https.", parts.hostname or "no host", "Correct api_url in the secret."
            )
        self._base, self._host, self._key = api_url.rstrip("/"), parts.hostname or "", api_key
        secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._opener = urllib.request.build_opener(secure, _NoRedirect())

    def deployment(self, name: str) -> dict[str, Any]:
        """A deployment with its schedules.

        Args:
            name: `flow/deployment`.
        """
        return self._ask("GET", f"/deployments/name/{quote(name, safe='/')}")

    def create_run(self, deployment_id: str, wanted: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The run of an idempotency key, and whether this call made it."""
        status, run = self._send("POST", f"/deployments/{deployment_id}/create_flow_run", wanted)
        return run, status == 201

    def runs_at(self, deployment_id: str, moment: datetime) -> list[dict[str, Any]]:
        """The runs of a deployment that are planned for a moment, whoever made them."""
        planned = moment.astimezone(UTC).isoformat()
        wanted = {"expected_start_time": {"after_": planned, "before_": planned}}
        asked = {"deployments": {"id": {"any_": [deployment_id]}}, "flow_runs": wanted, "limit": 10}
        found: list[dict[str, Any]] = self._send("POST", "/flow_runs/filter", asked, list)[1]
        return found

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as it stands."""
        return self._ask("GET", f"/flow_runs/{quote(run_id, safe='')}")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._send(method, path)[1]
        return found

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None, kind: type = dict) -> tuple[int, Any]:
        where = f"{method} {self._host}{path}"
        try:
            with self._opener.open(self._request(method, path, body), timeout=ANSWER_SECONDS) as answer:
                return answer.status, _parsed(answer.read(MOST_BYTES), where, kind)
        except urllib.error.HTTPError as exc:
            exc.close()
            raise _refusal(exc.code, where) from None
        except (OSError, HTTPException) as exc:
            raise PrefectUnavailable(
                f"Prefect does not answer: {type(exc).__name__}.", where, "Bring the server back; this is tried again."
            ) from None

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json", "User-Agent": "esteira-events"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        data = json.dumps(body).encode() if body is not None else None
        return urllib.request.Request(self._base + path, data, headers, method=method)  # noqa: S310 - the scheme was checked


def _refusal(status: int, where: str) -> PrefectRefused | PrefectUnavailable:
    if status >= 500 or status in PASSES:
        return PrefectUnavailable(f"Prefect answers {status}.", where, "Look at the server; this is tried again.")
    hints = {
        401: "Put a valid key of a service account into the secret.",
        403: "Give the key's account the right to create runs of the deployment.",
        404: "Run `esteira deploy` for this stage, or correct api_url in the secret.",
    }
    hint = hints.get(
        status, "Compare the deployment's parameters with what the function sends: deploy both from one version."
    )
    return PrefectRefused(f"Prefect answers {status}.", where, hint)


def _parsed(body: bytes, where: str, kind: type) -> Any:
    """The answer; a page for people comes from a proxy or a wrong address."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise PrefectUnavailable("The answer is not Prefect's.", where, "Correct api_url in the secret if this stays.")
    return found
