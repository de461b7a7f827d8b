"""What a Prefect server refuses, in our words: as Prefect Cloud and a proxy in front of a server answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from prefect.settings import PREFECT_API_KEY, PREFECT_API_URL, temporary_settings

from blocks.server import connected
from esteira.errors import AuthError, ConfigError, EsteiraError
from local.ports import Ports

CASES: dict[str, tuple[int, Any, type[EsteiraError], str, str]] = {
    "no key": (401, {"detail": "Invalid authentication"}, AuthError, "refuses the key", "PREFECT_API_KEY"),
    "no right": (403, {"detail": "Forbidden"}, AuthError, "may not do this", "role in the workspace"),
    "full": (
        403,
        {"detail": "You have reached the maximum number of deployments: 5"},
        ConfigError,
        "plan .* maximum number",
        "choose a plan",
    ),
    "no push pools": (
        403,
        {"detail": "Your plan does not support this"},
        ConfigError,
        "plan .* does not support",
        "choose a plan",
    ),
    "another API": (404, {"detail": "Not Found"}, ConfigError, "knows no POST", "PREFECT_API_URL"),
    "wrong values": (
        422,
        {"exception_detail": [{"msg": "bad"}]},
        ConfigError,
        "with 422: .*bad",
        "Correct what it names",
    ),
    "a proxy's page": (500, "<html>broken</html>", ConfigError, "with 500: .*broken", "server's log"),
}


@pytest.fixture
def answering() -> Iterator[Callable[[int, Any], str]]:
    servers = []

    def start(status: int, body: Any) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(status, body))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/api"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("case", CASES)
def test_what_the_server_refuses_is_an_error_with_a_next_step(case: str, answering: Callable[[int, Any], str]) -> None:
    status, body, error, says, hint = CASES[case]
    with pytest.raises(error, match=says) as raised:
        _ask(answering(status, body))
    assert hint in raised.value.hint
    assert "pnu_secret" not in raised.value.paragraph()


def test_a_server_that_is_not_there_is_named_with_the_next_step() -> None:
    with pytest.raises(ConfigError, match="does not answer") as raised:
        _ask(f"http://127.0.0.1:{Ports.free().resolved().prefect}/api")
    assert "PREFECT_API_URL" in raised.value.hint


def _ask(url: str) -> None:
    with temporary_settings({PREFECT_API_URL: url, PREFECT_API_KEY: "pnu_secret"}), connected() as client:
        client.read_work_pools()


def _handler(status: int, body: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            return

    return Handler
