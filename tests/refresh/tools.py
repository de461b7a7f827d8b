"""BI tools on loopback that behave as their documentation says: the three that a refresher talks to, with levers for a test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.loopback import served

CANARY = "canary-4c1d8e0f7a52b9"
REGION, ACCOUNT, SPICE = "us-east-1", "111122223333", "flights-spice"
WORKSPACE, MODEL, TENANT = (str(uuid4()) for _ in range(3))
HOOK_KEY = base64.b64encode(CANARY.encode() * 2).decode()
REPLAY_SECONDS = 300
SENTENCE = "the SQL endpoint closed the connection"


@dataclass
class Said:
    """An answer."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_lost: bool = False


@dataclass
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")

    @property
    def last(self) -> str:
        return self.path.rstrip("/").rpartition("/")[2]


@dataclass
class Tool:
    """What all of them have.

    Attributes:
        begun: Ids of the refreshes that it began, in order.
        states: Of each, in the tool's words.
        asked: Every request.
        lose: How many answers to a beginning are lost, after it was carried out.
        refuse: Its answer to the next beginning, instead of carrying it out.
        down: Whether it answers 503 to everything.
    """

    url: str = ""
    begun: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    lose: int = 0
    refuse: Said | None = None
    down: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Said:
        with self.lock:
            self.asked.append(asked)
            return Said(503) if self.down else self.said(asked)

    def said(self, asked: Asked) -> Said:
        raise NotImplementedError

    def begin(self, id_: str, said: Said) -> Said:
        """Carry a beginning out, unless a lever says otherwise."""
        if self.refuse is not None:
            refusal, self.refuse = self.refuse, None
            return refusal
        self.begun.append(id_)
        self.states[id_] = "running"
        if self.lose:
            self.lose -= 1
            said.is_lost = True
        return said

    def end(self, state: str) -> None:
        """End the newest."""
        self.states[self.begun[-1]] = state


@dataclass
class QuickSight(Tool):
    """https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateIngestion.html; what moto has of it is moto's."""

    moto: str = ""
    NAMES = {"running": "RUNNING", "done": "COMPLETED", "failed": "FAILED", "cancelled": "CANCELLED"}  # noqa: RUF012 - read alone

    def said(self, asked: Asked) -> Said:
        if CANARY not in asked.headers.get("Authorization", ""):
            return self._error(401, "AccessDeniedException", "no")
        id_ = asked.last
        if asked.method == "PUT":
            if id_ in self.states:
                return self._error(409, "ResourceExistsException", "There is an ingestion of this id.")
            return self.begin(id_, Said(201, self._by_moto(asked)))
        if id_ not in self.states:
            return self._error(404, "ResourceNotFoundException", "There is no ingestion of this id.")
        if asked.method == "DELETE":
            self.states[id_] = "cancelled"
            return Said(200, {"Arn": "arn", "IngestionId": id_, "RequestId": "r"})
        state = self.states[id_]
        found: dict[str, Any] = {
            "Arn": "arn",
            "IngestionId": id_,
            "IngestionStatus": self.NAMES[state],
            "CreatedTime": 1.0,
        }
        if state == "failed":
            found["ErrorInfo"] = {"Type": "CONNECTION_FAILURE", "Message": SENTENCE}
        return Said(200, {"Ingestion": found, "RequestId": "r"})

    def limited(self) -> Said:
        return self._error(409, "LimitExceededException", "32 ingestions in 24 hours.")

    def _by_moto(self, asked: Asked) -> Any:
        request = urllib.request.Request(self.moto + asked.path, asked.body, method="PUT")
        for name in ("Authorization", "X-Amz-Date", "Content-Type"):
            request.add_header(name, asked.headers.get(name, ""))
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    @staticmethod
    def _error(status: int, code: str, text: str) -> Said:
        return Said(status, {"Message": text}, {"x-amzn-ErrorType": code})


@dataclass
class PowerBiService(Tool):
    """https://learn.microsoft.com/rest/api/power-bi/datasets; Entra's token endpoint is the same server.

    Attributes:
        is_premium: Whether it has enhanced refresh.
        tokens: Given so far; only the newest is taken.
        expire: Whether the newest is taken no longer.
    """

    is_premium: bool = False
    tokens: int = 0
    expire: bool = False
    secret: str = CANARY
    kinds: dict[str, str] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)

    def said(self, asked: Asked) -> Said:
        if asked.path == f"/{TENANT}/oauth2/v2.0/token":
            return self._token(asked)
        if asked.headers.get("Authorization") != f"Bearer {CANARY}-token-{self.tokens}" or self.expire:
            return Said(403, {"error": {"code": "TokenExpired", "message": "Access token has expired"}})
        base = f"/v1.0/myorg/groups/{WORKSPACE}/datasets/{MODEL}/refreshes"
        if asked.path == base:
            return self._begun(asked) if asked.method == "POST" else Said(200, {"value": self.history()})
        return self._enhanced(asked)

    def _enhanced(self, asked: Asked) -> Said:
        id_ = asked.last
        if not self.is_premium or id_ not in self.states:
            return Said(404 if self.is_premium else 400, {"error": {"code": "ItemNotFound"}})
        if asked.method == "DELETE":
            self.states[id_] = "cancelled"
            return Said(200)
        return Said(202 if self.states[id_] == "running" else 200, self._detail(id_))

    def foreign(self, kind: str = "Scheduled") -> str:
        """Somebody else begins one."""
        return self._add(kind)

    def history(self) -> list[dict[str, Any]]:
        return [self._entry(id_) for id_ in reversed(self.begun)]

    def limited(self) -> Said:
        document = {
            "error": {
                "code": "Request Throttled",
                "message": "Number of refresh requests in last 24 hours exceeded limit",
            }
        }
        return Said(429, document, {"Retry-After": "3392"})

    def _token(self, asked: Asked) -> Said:
        form = parse_qs(asked.body.decode())
        right = {"grant_type": ["client_credentials"], "client_id": ["principal"], "client_secret": [self.secret]}
        if {name: form.get(name) for name in right} != right or not form["scope"][0].endswith("/.default"):
            return Said(401, {"error": "invalid_client"})
        self.tokens, self.expire = self.tokens + 1, False
        return Said(200, {"access_token": f"{CANARY}-token-{self.tokens}", "expires_in": 3599, "token_type": "Bearer"})

    def _begun(self, asked: Asked) -> Said:
        body = asked.json
        assert "notifyOption" not in body, "A service principal sends none."
        assert bool(body) == self.is_premium, (
            "More than notifyOption asks for an enhanced refresh, which shared capacity has not."
        )
        if "running" in self.states.values():
            document = {"error": {"code": "InvalidRequest", "message": "Another refresh request is already executing"}}
            return Said(400, document)
        id_ = str(uuid4())
        self.kinds[id_], self.began[id_] = "ViaEnhancedApi" if self.is_premium else "ViaApi", datetime.now(UTC)
        return self.begin(id_, Said(202, None, {"x-ms-request-id": id_, "Location": f"{self.url}{asked.path}/{id_}"}))

    def _add(self, kind: str) -> str:
        id_ = str(uuid4())
        self.begun.append(id_)
        self.states[id_], self.kinds[id_], self.began[id_] = "running", kind, datetime.now(UTC)
        return id_

    def _entry(self, id_: str) -> dict[str, Any]:
        state = self.states[id_]
        entry = {
            "requestId": id_, "refreshType": self.kinds[id_], "startTime": f"{self.began[id_]:%Y-%m-%dT%H:%M:%S.%f}Z",
            "status": {"running": "Unknown", "done": "Completed", "failed": "Failed", "cancelled": "Cancelled"}[state],
        }  # fmt: skip
        if state != "running":
            entry["endTime"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}Z"
        if state == "failed":
            entry["serviceExceptionJson"] = json.dumps(
                {"errorCode": "ModelRefreshFailed", "errorDescription": SENTENCE}
            )
        return entry

    def _detail(self, id_: str) -> dict[str, Any]:
        state = self.states[id_]
        extended = {"running": "InProgress", "done": "Completed", "failed": "Failed", "cancelled": "Cancelled"}[state]
        detail: dict[str, Any] = {"status": "Unknown" if state == "running" else extended, "extendedStatus": extended}
        if state == "failed":
            detail["messages"] = [{"code": "0xC1120014", "message": SENTENCE, "type": "Error"}]
        return detail


@dataclass
class Receiver(Tool):
    """What docs/bi/connect.md asks of a receiver; it refuses a bad signature, an old one, and takes an id once.

    Attributes:
        is_plain: Whether it answers 204 at once and names no place.
        clock: Seconds that its clock is ahead.
    """

    is_plain: bool = False
    clock: float = 0.0
    seen: set[str] = field(default_factory=set)

    def said(self, asked: Asked) -> Said:
        if not self._is_signed(asked):
            return Said(401)
        id_ = asked.headers["webhook-id"]
        if asked.method == "POST":
            said = Said(204) if self.is_plain else Said(202, None, {"Location": f"/refreshes/{id_}"})
            if id_ in self.seen:
                return said
            answer = self.begin(id_, said)
            if self.begun[-1:] == [id_]:
                self.seen.add(id_)
            return answer
        if asked.last not in self.states:
            return Said(404)
        if asked.method == "DELETE":
            self.states[asked.last] = "cancelled"
            return Said(204)
        state = self.states[asked.last]
        return Said(
            200,
            {"state": state, "code": "no-connection", "reason": SENTENCE} if state == "failed" else {"state": state},
        )

    def limited(self) -> Said:
        return Said(429, {"reason": "enough for today"}, {"Retry-After": "3392"})

    def _is_signed(self, asked: Asked) -> bool:
        """Written from the specification, not from the sender's code."""
        sent = asked.headers
        if not {"webhook-id", "webhook-timestamp", "webhook-signature"} <= sent.keys():
            return False
        if abs(time.time() + self.clock - int(sent["webhook-timestamp"])) > REPLAY_SECONDS:
            return False
        content = b".".join((sent["webhook-id"].encode(), sent["webhook-timestamp"].encode(), asked.body))
        wanted = base64.b64encode(hmac.digest(base64.b64decode(HOOK_KEY), content, hashlib.sha256)).decode()
        return any(hmac.compare_digest(each, f"v1,{wanted}") for each in sent["webhook-signature"].split())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Answers that are lost are what some tests are about."""


@contextmanager
def serving(tool: Tool) -> Iterator[None]:
    """The tool behind a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Silence."""

        def _do(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = tool.answer(Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), body))
            if said.is_lost:
                self.close_connection = True
                return
            content = b"" if said.document is None else json.dumps(said.document).encode()
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if said.status != 204:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 - names of the library

    server = _Server(("127.0.0.1", 0), Handler)
    tool.url = f"http://127.0.0.1:{server.server_port}"
    with served(server):
        yield
