"""Portals of `shapes` on loopback, each at a path of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.authoring import shapes


@pytest.fixture(scope="session")
def portal() -> Iterator[str]:
    """The base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers, page = getattr(shapes, parts.path.strip("/"))(dict(parse_qsl(parts.query)))
        here = f"http://127.0.0.1:{self.server.server_port}{parts.path}"  # type: ignore[attr-defined]
        text, link = (json.dumps(each).replace("http://portal.example/rows", here) for each in (page, headers))
        body = text.encode()
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **json.loads(link)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return
