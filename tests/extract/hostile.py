"""A portal on a loopback socket that misbehaves by script: each test gives it the function that answers."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import served


@dataclass
class Asked:
    """A request that reached the portal."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    number: int
    method: str = "GET"
    body: bytes = b""

    @property
    def said(self) -> str:
        """Everything that it carried."""
        return f"{self.path} {self.query} {self.headers} {self.body.decode()}"

    @property
    def json(self) -> Any:
        """Its body, None when there is none."""
        return json.loads(self.body) if self.body else None


@dataclass
class Say:
    """An answer, with the ways in which it may be broken."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None
    is_reset: bool = False
    drip_seconds: float = 0.0
    is_head_dripped: bool = False


def page(value: Any, status: int = 200, **headers: str) -> Say:
    return Say(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})


def bomb(size: int) -> Say:
    return Say(gzip.compress(b" " * size), headers={"Content-Encoding": "gzip"})


@dataclass
class Hostile:
    """A running portal."""

    url: str
    asked: list[Asked]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Asked], Say]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: a delayed ACK would cost 40 ms a page
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        """Ask the test's function."""
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query, headers = dict(parse_qsl(parts.query)), dict(self.headers.items())
        with self.server.lock:
            request = Asked(parts.path, query, headers, len(self.server.asked) + 1, self.command, body)
            self.server.asked.append(request)
        self._say(self.server.answer(request))

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def _say(self, say: Say) -> None:
        self._say_head(say)
        if say.drip_seconds:
            self._drip(say.body, say.drip_seconds)
        else:
            self.wfile.write(say.body)
        if say.is_reset:  # linger 0: close sends RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if say.is_reset or say.announced is not None:
            self.close_connection = True

    def _say_head(self, say: Say) -> None:
        if say.is_head_dripped:
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000, say.drip_seconds)
        if "Date" in say.headers:
            self.send_response_only(say.status)
        else:
            self.send_response(say.status)
        for name, value in say.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(say.body) if say.announced is None else say.announced))
        self.end_headers()

    def _drip(self, data: bytes, seconds: float) -> None:
        for byte in data:
            self.wfile.write(bytes((byte,)))
            self.wfile.flush()
            time.sleep(seconds)


@contextmanager
def hostile(answer: Callable[[Asked], Say], context: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """Serve a portal that says what a function answers to each request; with a context by TLS."""
    server = _Server(answer)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with served(server):
        yield Hostile(f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}", server.asked)
