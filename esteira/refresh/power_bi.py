"""A semantic model of Power BI, refreshed by a service principal.

A POST is answered by 202 and the request's id, which Power BI chooses. So its history is read before asking (a refresh that runs is followed)
and after an answer that was lost (what was begun since is taken for ours).
https://learn.microsoft.com/rest/api/power-bi/datasets/refresh-dataset-in-group
https://learn.microsoft.com/power-bi/connect-data/asynchronous-refresh
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from esteira.auth import OAuth2ClientCredentials, Secret
from esteira.contract import PowerBiRefresh
from esteira.errors import AuthError, EsteiraError
from esteira.http import Access, Answer, HttpClient, HttpConfig, Terms
from esteira.http.wait import retry_after
from esteira.refresh.progress import Order, Progress, State, Unsupported, document, told

SCOPE = "https://analysis.windows.net/powerbi/api/.default"
"""https://learn.microsoft.com/power-bi/developer/embedded/embed-service-principal; the resource is the same for all of Power BI."""
TOLERANCE = timedelta(seconds=60)
"""Power BI's clock and the warehouse's."""
HISTORY = 20
"""At least as many are kept: https://learn.microsoft.com/rest/api/power-bi/datasets/get-refresh-history-in-group"""
_STATES: dict[str, State] = {
    "Unknown": "running", "NotStarted": "running", "InProgress": "running", "Completed": "done", "Failed": "failed", "TimedOut": "failed",
    "Disabled": "failed", "Cancelled": "cancelled",
}  # fmt: skip
_BY_API = frozenset({"ViaApi", "ViaEnhancedApi"})
_ANSWERS = frozenset({400, 404, 409, 429})
"""Power BI says in words what is wrong, and has begun nothing."""
_WHAT = "The refresh of Power BI"


class PowerBi:
    """One model.

    Args:
        wanted: Which, and how.
        name: Of the principal's secret.
        read: Reads it; a secret that was rotated in the middle is read again.

    Raises:
        AuthError, ConfigError: The secret cannot be read, or lacks a field.
    """

    def __init__(self, wanted: PowerBiRefresh, name: str, read: Callable[[str], Mapping[str, str]]) -> None:
        self._wanted = wanted
        self._path = f"/v1.0/myorg/groups/{wanted.workspace}/datasets/{wanted.model}/refreshes"
        login = OAuth2ClientCredentials(
            token_url=f"{wanted.login_url.rstrip('/')}/{wanted.tenant}/oauth2/v2.0/token",
            client_auth="body",
            scope=SCOPE,
        )
        config = HttpConfig(
            base_url=wanted.api_url, secret=name, allow_private_hosts=wanted.allow_private_hosts, max_attempts=3,
            retry_after_cap_seconds=30, total_timeout_seconds=60,
        )  # fmt: skip
        access = Access((login,), Secret(name, read(name)), reread=lambda: read(name))
        self._http = HttpClient(config, access)

    def start(self, order: Order) -> Progress:
        """A POST, unless the history shows one that is to be followed."""
        found = self._under_way(order)
        if found is not None:
            return found
        terms, body = Terms(statuses=_ANSWERS), {"type": "Full"} if self._is_enhanced else {}
        try:
            answer = self._http.send("POST", self._path, json=body, what=_WHAT, terms=terms)
        except AuthError:
            raise
        except EsteiraError as exc:  # it may have been carried out: nothing else is said by a connection that broke
            return self._after_lost_answer(order, exc)
        if answer.status in _ANSWERS:
            return self._refused(order, answer)
        id_ = answer.headers.get("x-ms-request-id") or answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
        return (
            Progress("running", id_) if id_ else self._begun_since(order) or Progress("unknown", code="no request id")
        )

    def poll(self, id_: str) -> Progress:
        """By its own address where Power BI has one (200 over, 202 running); else by the history."""
        if not self._is_enhanced:
            return self._of_history(id_)
        answer = self._http.get(f"{self._path}/{id_}", what=_WHAT, terms=Terms(statuses=frozenset({400, 404})))
        if answer.status in {400, 404}:
            return self._of_history(id_)
        return _progress({"requestId": id_, **document(answer.body)})

    def cancel(self, id_: str) -> Progress | Unsupported:
        """A DELETE, which only an enhanced refresh has."""
        if not self._is_enhanced:
            return Unsupported("On shared capacity Power BI cancels no refresh.")
        terms = Terms(statuses=frozenset({400, 404}))
        answer = self._http.send(
            "DELETE", f"{self._path}/{id_}", what="The cancelling of a refresh of Power BI", terms=terms
        )
        if answer.status in {400, 404}:
            return self.poll(id_)
        return Progress("cancelled", id_)

    def limit(self) -> int | None:
        """As the contract says, by the capacity."""
        return self._wanted.limit

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def _is_enhanced(self) -> bool:
        return self._wanted.capacity == "premium"

    def _under_way(self, order: Order) -> Progress | None:
        """What runs, whoever began it; and of an order that may have been given before, what was begun since."""
        ours = self._begun_since(order) if order.is_again else None
        if ours is not None:
            return ours
        running = next((each for each in self._history() if _state_of(each) == "running"), None)
        return None if running is None else Progress("running", str(running["requestId"]), is_foreign=True)

    def _begun_since(self, order: Order) -> Progress | None:
        mine = (
            each
            for each in self._history()
            if each.get("refreshType") in _BY_API and _began(each) >= order.since - TOLERANCE
        )
        newest = next(mine, None)
        return None if newest is None else _progress(newest)

    def _after_lost_answer(self, order: Order, error: EsteiraError) -> Progress:
        try:
            found = self._begun_since(order)
        except EsteiraError as exc:
            return Progress("unknown", code="answer lost", reason=told(exc.message))
        return found or Progress("refused", code=type(error).__name__, reason=told(error.message))

    def _refused(self, order: Order, answer: Answer) -> Progress:
        """Another one may have begun between our look and our request."""
        problem = document(answer.body).get("error")
        problem = problem if isinstance(problem, dict) else {}
        code, text = told(problem.get("code") or f"status {answer.status}"), told(problem.get("message"))
        if answer.status != 429 and "already" in text and (found := self._under_way(order)):
            return found
        return Progress("refused", code=code, reason=text, wait_seconds=retry_after(answer.headers))

    def _of_history(self, id_: str) -> Progress:
        found = next((each for each in self._history() if each.get("requestId") == id_), None)
        return Progress("unknown", id_, "not in the history") if found is None else _progress(found)

    def _history(self) -> list[dict[str, Any]]:
        """Earlier refreshes as Power BI keeps them, the newest first."""
        answer = self._http.get(self._path, {"$top": HISTORY}, what="The history of refreshes of Power BI")
        entries = document(answer.body).get("value")
        return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _progress(entry: Mapping[str, Any]) -> Progress:
    code, text = _problem(entry)
    return Progress(_state_of(entry), str(entry.get("requestId") or ""), code, text)


def _state_of(entry: Mapping[str, Any]) -> State:
    """`Unknown` without an end is one that runs; with one, nobody knows."""
    status = str(entry.get("extendedStatus") or entry.get("status"))
    return "unknown" if status == "Unknown" and entry.get("endTime") else _STATES.get(status, "unknown")


def _problem(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Code and sentence of a failure: in the details a list of messages, in the history JSON as a text."""
    messages = [
        each for each in entry.get("messages") or () if isinstance(each, dict) and each.get("type", "Error") == "Error"
    ]
    if messages:
        return told(messages[0].get("code")), told(messages[0].get("message"))
    try:
        found = json.loads(entry.get("serviceExceptionJson") or "{}")
    except ValueError:
        return "", told(entry.get("serviceExceptionJson"))
    return (told(found.get("errorCode")), told(found.get("errorDescription"))) if isinstance(found, dict) else ("", "")


def _began(entry: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(str(entry.get("startTime")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
