"""A Prefect server seen through a bad line: the first requests fail, the others reach the real one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


@contextmanager
def flaky(api_url: str, failures: list[int]) -> Iterator[str]:
    """Answer with each of these statuses once, then pass on; the address to ask."""

    class Line(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if failures:
                self._answer(failures.pop(0), b"{}")
                return
            asked = Request(
                api_url + self.path, body or None, {"Content-Type": "application/json"}, method=self.command
            )
            try:
                with urlopen(asked, timeout=20) as answer:
                    self._answer(answer.status, answer.read())
            except HTTPError as exc:
                self._answer(exc.code, exc.read())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    for verb in ("GET", "POST"):
        setattr(Line, f"do_{verb}", Line._pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
