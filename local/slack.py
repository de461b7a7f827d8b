"""The laptop's Slack: a page that shows what Slack would have received.

Owns one append-only file of messages. POST to any path stores the body and answers `ok`, as a Slack webhook does.
"""

import argparse
import html
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MAX_BODY_BYTES = 1_000_000
_PAGE = """<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Slack catcher</title>
<link rel="icon" href="data:,">
<style>body{{font:15px/1.5 system-ui;max-width:52rem;margin:2rem auto;padding:0 1rem}}
article{{border-left:4px solid #4a154b;padding:.2rem 1rem;margin:1rem 0}}time{{color:#666;font-size:.85em}}
pre{{white-space:pre-wrap;font:inherit;margin:.2rem 0}}</style>
<h1>Slack catcher</h1><p>{count} messages, newest first. Slack itself was not called.</p>{articles}"""


class MessageLog:
    """The messages on disk: one JSON object a line, only ever appended to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def append(self, path: str, body: Any) -> None:
        """Store one message with the moment it arrived and the path it was posted to."""
        line = json.dumps({"received_at": datetime.now(UTC).isoformat(), "path": path, "body": body})
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def newest_first(self) -> list[dict[str, Any]]:
        """All messages; a line cut short by a killed process is left out."""
        messages = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                messages.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return messages[::-1]


class SlackServer(ThreadingHTTPServer):
    """The HTTP server with its log."""

    daemon_threads = True

    def __init__(self, port: int, log: MessageLog) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.log = log


class _Handler(BaseHTTPRequestHandler):
    server: SlackServer

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_BODY_BYTES:
            self._answer(413, "text/plain", "too_large")
            return
        raw = self.rfile.read(size).decode("utf-8", errors="replace")
        try:
            body = json.loads(raw)
        except json.JSONDecodeError:
            self._answer(400, "text/plain", "invalid_payload")  # Slack's own words
            return
        self.server.log.append(self.path, body)
        self._answer(200, "text/plain", "ok")

    def do_GET(self) -> None:
        if self.path == "/messages":
            self._answer(200, "application/json", json.dumps(self.server.log.newest_first()))
        elif self.path == "/":
            self._answer(200, "text/html; charset=utf-8", _render(self.server.log.newest_first()))
        else:
            self._answer(404, "text/plain", "not_found")

    def _answer(self, status: int, content_type: str, text: str) -> None:
        payload = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


def _render(messages: list[dict[str, Any]]) -> str:
    articles = "".join(_article(message) for message in messages)
    return _PAGE.format(count=len(messages), articles=articles)


def _article(message: dict[str, Any]) -> str:
    body = message["body"]
    text = body["text"] if isinstance(body, dict) and "text" in body else json.dumps(body, indent=2)
    return f"<article><time>{html.escape(message['received_at'])}</time><pre>{html.escape(str(text))}</pre></article>"


def main() -> None:
    """Read the command line and serve until the process is told to stop."""
    parser = argparse.ArgumentParser(prog="local.slack")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    SlackServer(arguments.port, MessageLog(arguments.data / "messages.jsonl")).serve_forever()


if __name__ == "__main__":
    main()
