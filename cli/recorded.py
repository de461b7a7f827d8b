"""A portal that plays back a fixture's pages on 127.0.0.1, so that a contract is tried offline by the code that reads real portals.

Page n answers request n; after the last comes a page without records. Links and tokens are the recording's seams: the portal that wrote them
is far away, so each page is made to lead to the next recorded one, by the contract's paginator, and the last one to none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jmespath
import msgspec

from esteira.contract import ApiSource, Header
from esteira.errors import ConfigError
from esteira.paginate import Where
from esteira.portal import Portal, PortalConfig, records_of, without_records
from esteira.portal.exact import EXACT
from esteira.portal.expressions import plain_keys

Value = str | int | None


@dataclass(frozen=True, slots=True)
class RecordedPage:
    """What one request is answered with."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def read_pages(folder: Path) -> list[bytes]:
    """The recorded pages of a fixture: `page.json`, `page-2.json` and so on.

    Raises:
        ConfigError: There is none.
    """
    pages = []
    path = folder / "page.json"
    while path.is_file():
        pages.append(path.read_bytes())
        path = folder / f"page-{len(pages) + 1}.json"
    if not pages:
        hint = "Save a page of the portal there, without personal values; `esteira new` does so for a new dataset."
        raise ConfigError(f"There is no recorded page {folder / 'page.json'}.", hint=hint)
    return pages


@contextmanager
def playing(source: ApiSource, bodies: Sequence[bytes]) -> Iterator[Portal]:
    """A portal that serves the recorded pages, opened by the client that production uses."""
    serving = _Serving(_joined(source, bodies))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, serving))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Portal(_config(source, f"http://127.0.0.1:{server.server_port}"), {})
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _config(source: ApiSource, base_url: str) -> PortalConfig:
    """One try of everything: a recording does not change by asking again."""
    return PortalConfig(
        name=source.portal, base_url=base_url, allow_private_hosts=True, max_attempts=1, max_payload_attempts=1
    )


def _joined(source: ApiSource, bodies: Sequence[bytes]) -> list[RecordedPage]:
    """The pages as one walk of their own, and the empty one behind them."""
    counts = [len(records_of(body, source)) for body in bodies]
    seams = [_Seam(source, number, len(bodies), sum(counts)) for number in range(1, len(bodies) + 1)]
    pages = [seam.mend(body) for seam, body in zip(seams, bodies, strict=True)]
    return [*pages, RecordedPage(without_records(pages[-1].body, source, range(counts[-1]), ()))]


@dataclass(frozen=True, slots=True)
class _Seam:
    """Where a recorded page meets the next: what its paginator reads must fit the recording and not the far portal."""

    source: ApiSource
    number: int
    pages: int
    records: int

    def mend(self, body: bytes) -> RecordedPage:
        headers: dict[str, str] = {}
        for where, value in self._told():
            if isinstance(where, Header):
                headers |= {} if value is None else {where.name: str(value).lower() if isinstance(value, bool) else str(value)}  # fmt: skip
            else:
                body = _replaced(body, where, value)
        return RecordedPage(body, headers)

    def _told(self) -> Iterator[tuple[Where, Value]]:
        """What the page must say, and where."""
        paginator: Any = self.source.paginator
        yield from _given(getattr(paginator, "body", None), self._mark)
        yield from _given(self.source.total, self.records)
        yield from _given(getattr(paginator, "total", None), self.records)
        yield from _given(getattr(paginator, "total_pages", None), self.pages)
        yield from _given(getattr(paginator, "has_more", None), self.number < self.pages)
        if header := getattr(paginator, "header", None):
            is_link = header.lower() == "link" and self._mark
            yield Header(header), f'<{self._mark}>; rel="next"' if is_link else self._mark

    @property
    def _mark(self) -> str | None:
        """The link or the token that leads on."""
        return f"{self.source.path}?recorded={self.number + 1}" if self.number < self.pages else None


def _given(where: Where | None, value: Value) -> Iterator[tuple[Where, Value]]:
    if where is not None:
        yield where, value


def _replaced(body: bytes, path: str, value: Value) -> bytes:
    """The page with another value at a JMESPath; byte for byte the same where there is nothing, or nothing else."""
    page = EXACT.decode(body)
    found, keys = jmespath.search(path, page), plain_keys(path)
    if found is None or found == value or (keys is None and not isinstance(found, str)):
        return body
    return _ENCODER.encode(_put(page, found, value) if keys is None else _put_at(page, keys, value))


def _put_at(node: Any, keys: tuple[str, ...], new: Value) -> Any:
    return {**node, keys[0]: _put_at(node[keys[0]], keys[1:], new)} if keys else new


def _put(node: Any, old: Any, new: Value) -> Any:
    """By identity: a record may hold an equal text."""
    if node is old:
        return new
    if isinstance(node, dict):
        return {name: _put(each, old, new) for name, each in node.items()}
    return [_put(each, old, new) for each in node] if isinstance(node, list) else node


class _Serving:
    """Pages in order, one for each request."""

    def __init__(self, pages: Sequence[RecordedPage]) -> None:
        self._pages, self._asked, self._lock = pages, 0, threading.Lock()

    def next(self) -> RecordedPage:
        with self._lock:
            self._asked += 1
            return self._pages[min(self._asked, len(self._pages)) - 1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, serving: _Serving, *arguments: Any) -> None:
        self._serving = serving
        super().__init__(*arguments)

    def do_GET(self) -> None:
        page = self._serving.next()
        self.send_response(200)
        for name, value in {"Content-Type": "application/json", **page.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        self.wfile.write(page.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        return


_ENCODER = msgspec.json.Encoder()
