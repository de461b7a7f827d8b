"""The wire between a loader and S3, which a director may cut at any write."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tests.torture.director import Director


def s3_wire(director_now: Callable[[], Director], port: int) -> ThreadingHTTPServer:
    """A running relay to a port; whoever made it shuts it down and closes it."""
    handler = type("Handler", (_S3Relay,), {"director_now": staticmethod(director_now), "target": port})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


class _S3Relay(BaseHTTPRequestHandler):
    """Forwards one request at a time, as it came: the signature covers the address that the client used."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    director_now: ClassVar[Callable[[], Director]]
    target: ClassVar[int]

    def log_message(self, *_: object) -> None:
        """Silence."""

    def handle_one_request(self) -> None:
        """Every method is relayed alike."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        with suppress(OSError):
            self._relay(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.wfile.flush()

    def _relay(self, body: bytes) -> None:
        is_write = self.command in {"PUT", "POST", "DELETE"} and self.path != "/"
        director = type(self).director_now()
        kind = director.strike(f"{self.command} {self.path.split('?')[0]}") if is_write else None
        self.close_connection |= kind is not None
        if kind == "kill before":
            director.kill()
        elif kind == "refused":
            self._answer(403, [], b"<Error><Code>AccessDenied</Code><Message>refused by the trial</Message></Error>")
        else:
            if kind == "kill meanwhile":
                director.kill()
            answer, content = self._forward(body)
            if kind == "kill after":
                director.kill()
            elif kind is None:
                self._answer(answer.status, answer.getheaders(), content)

    def _forward(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.target, timeout=30)) as far:
            far.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection"}:
                    far.putheader(name, value)
            far.endheaders(body)
            answer = far.getresponse()
            return answer, answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)
