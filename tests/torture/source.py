"""A small portal, and what must be in the table after all its windows are loaded: the truth, without a line of Esteira in it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROWS_A_DAY, BAD_A_DAY = 5, 1
PAGE = 3
Row = dict[str, Any]


def rows_of(day: int) -> list[Row]:
    """One day's rows. Ids overlap from day to day, so that a later day updates, repeats and adds; the last row is bad."""
    good = [
        {"id": day + offset, "label": f"day {day}" if offset else "never changes", "amount": 10 * day + offset}
        for offset in range(ROWS_A_DAY - BAD_A_DAY)
    ]
    return [*good, {"id": 1_000 + day, "label": "bad", "amount": -1}]


def truth(mode: str, days: int) -> list[tuple[int, str, int]]:
    """The table after `days` days, sorted: every good row of every day, the newest of each id, or the last day's.

    No row comes twice with the same values, so that `Scd2` keeps a version of each.
    """
    good = [row for day in range(1, days + 1) for row in rows_of(day) if row["amount"] >= 0]
    if mode in {"Upsert", "DeleteInsert"}:
        good = list({row["id"]: row for row in good}.values())
    elif mode == "Replace":
        good = [row for row in rows_of(days) if row["amount"] >= 0]
    return sorted((row["id"], row["label"], row["amount"]) for row in good)


@contextmanager
def portal() -> Iterator[str]:
    """Serve `/rows?from=…&to=…&offset=…`, a page of three with a total; yields the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        first, last = (datetime.fromisoformat(asked[name]).timetuple().tm_yday for name in ("from", "to"))
        rows = [row for day in range(first, last) for row in rows_of(day)]
        offset = int(asked.get("offset", 0))
        body = json.dumps({"total": len(rows), "rows": rows[offset : offset + PAGE]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        with suppress(BrokenPipeError):  # whoever asked was killed
            self.end_headers()
            self.wfile.write(body)
